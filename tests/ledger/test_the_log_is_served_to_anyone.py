"""The addresses under /ledger/ are what tlog-tiles says, and the verifier needs nothing else."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from gateway_verify.cli import main
from werkzeug.serving import make_server

from gateway.assembly import Gateway
from gateway.ledger.append import record
from gateway.web.app import create_app
from tests.ledger.made import entry


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    with sqlite_gateway.store.writing() as unit:
        for _ in range(260):
            record(unit, entry(words={}))
    app = create_app(sqlite_gateway)
    app.testing = True
    return app


FOR_EVER = ("application/octet-stream", "public, max-age=31536000, immutable")
FOR_SECONDS = ("text/plain; charset=utf-8", "public, max-age=2")
SERVED = {
    "checkpoint": FOR_SECONDS,
    "tile/0/000": FOR_EVER,
    "tile/0/001.p/4": FOR_EVER,
    "tile/1/000.p/1": FOR_EVER,
    "tile/entries/001.p/4": FOR_EVER,
    "epoch-1/checkpoint": FOR_SECONDS,
    "epoch-1/tile/0/000": FOR_EVER,
}
NOT_THERE = (
    "tile/0/001", "tile/0/001.p/5", "tile/0/002.p/1", "tile/1/000", "tile/2/000.p/1", "tile/0/000.p/256",
    "tile/0/000.p/0", "tile/0/000.p/04", "tile/0/x000/000", "tile/64/000", "tile/00/000", "tile/entries/001",
    "epoch-2/checkpoint", "tile/0/0000", "tile/0/abc", "epoch-01/checkpoint", "epoch-0/checkpoint",
    "epoch-0/tile/0/000",
)  # fmt: skip


def test_each_address_has_its_content_type_and_caching(app: Flask) -> None:
    client = app.test_client()
    for path, headers in SERVED.items():
        answer = client.get(f"/ledger/{path}")

        assert answer.status_code == 200, path
        assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == headers
        assert "Set-Cookie" not in answer.headers


def test_what_no_checkpoint_covers_is_not_there(app: Flask) -> None:
    client = app.test_client()
    for path in NOT_THERE:
        assert client.get(f"/ledger/{path}").status_code == 404, path


def test_the_verifier_checks_the_log_over_http(
    app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = make_server("127.0.0.1", 0, app)
    Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "policy.txt").write_bytes(app.test_client().get("/ledger/policy.txt").data)
    try:
        address = f"http://127.0.0.1:{server.server_port}/ledger"
        code = main([address, "--policy", str(tmp_path / "policy.txt")])
    finally:
        server.shutdown()
        server.server_close()

    assert code == 0
    assert "is whole from entry 1 to entry 260" in capsys.readouterr().out
