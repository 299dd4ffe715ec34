"""The addresses under /ledger/ are what tlog-tiles says, and the verifier needs nothing else."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from flask import Flask
from gateway_verify.cli import main
from werkzeug.serving import make_server

from gateway.assembly import Gateway
from gateway.ledger.append import record
from gateway.store.engine import writing
from gateway.web.app import create_app
from tests.ledger.made import entry, recorded


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    with sqlite_gateway.store.writing() as unit:
        for _ in range(260):
            record(unit, entry(words={}))
    app = create_app(sqlite_gateway)
    app.testing = True
    return app


FOR_EVER = ("application/octet-stream", "public, max-age=31536000, immutable")
# /ledger/ is the present life of the log, and another after a restore.
WHILE_IT_LIVES = ("application/octet-stream", "public, max-age=2")
FOR_SECONDS = ("text/plain; charset=utf-8", "public, max-age=2")
SERVED = {
    "checkpoint": FOR_SECONDS,
    "tile/0/000": WHILE_IT_LIVES,
    "tile/0/001.p/4": WHILE_IT_LIVES,
    "tile/1/000.p/1": WHILE_IT_LIVES,
    "tile/entries/001.p/4": WHILE_IT_LIVES,
    "epoch-1/checkpoint": FOR_SECONDS,
    "epoch-1/tile/0/000": FOR_EVER,
    "epoch-1/tile/0/001.p/4": FOR_EVER,
    "epoch-1/tile/entries/001.p/4": FOR_EVER,
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
        answer = client.get(f"/ledger/{path}")

        assert answer.status_code == 404, path
        assert (answer.text, answer.mimetype) == ("The log has no such file.\n", "text/plain"), path
    assert client.get("/ledger/nothing").text == "The log has no such file.\n"
    assert client.post("/ledger/checkpoint").mimetype == "text/plain"
    assert client.get("/nothing").mimetype == "text/html"


def test_what_has_not_changed_is_not_sent_again(app: Flask, sqlite_gateway: Gateway) -> None:
    client = app.test_client()
    seen = {path: client.get(f"/ledger/{path}").headers["ETag"] for path in (*SERVED, "policy.txt")}
    for path, tag in seen.items():
        answer = client.get(f"/ledger/{path}", headers={"If-None-Match": tag})

        assert (answer.status_code, answer.data) == (304, b""), path
        assert answer.headers["ETag"] == tag
        assert "max-age" in answer.headers["Cache-Control"]

    recorded(sqlite_gateway.store, 1)
    for path, status in {"checkpoint": 200, "epoch-1/checkpoint": 200, "tile/0/000": 304}.items():
        answer = client.get(f"/ledger/{path}", headers={"If-None-Match": seen[path]})
        assert answer.status_code == status, path


def test_what_is_kept_for_ever_is_the_same_after_a_restore(app: Flask, sqlite_gateway: Gateway) -> None:
    """And what another life of the log takes the place of is asked for again: its tag is no longer the one kept."""
    client = app.test_client()
    paths = [path for path, headers in SERVED.items() if path.startswith("epoch-1/tile")]
    before = {path: client.get(f"/ledger/{path}") for path in (*paths, "tile/0/000.p/1")}
    with writing(sqlite_gateway.store.engine).begin() as connection:
        for row in (
            "INSERT INTO ledger_epoch SELECT 2, 'second', begun_at, log_key, second_key FROM ledger_epoch",
            "INSERT INTO ledger_leaf VALUES (2, 0, 'another', x'00')",
            "INSERT INTO ledger_checkpoint SELECT 2, 1, note, at FROM ledger_checkpoint",
        ):
            connection.execute(sa.text(row))

    for path in paths:
        assert client.get(f"/ledger/{path}").data == before[path].data
    kept = before["tile/0/000.p/1"]
    answer = client.get("/ledger/tile/0/000.p/1", headers={"If-None-Match": kept.headers["ETag"]})
    assert answer.status_code == 200
    assert answer.data != kept.data
    assert "immutable" not in answer.headers["Cache-Control"]
    assert answer.data == client.get("/ledger/epoch-2/tile/0/000.p/1").data


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
