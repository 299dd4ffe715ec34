"""The shipped gunicorn, nginx and image files hold the lines that safety rests on."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shared import CHECKOUT

CONFIG = CHECKOUT / "config"


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    """What gunicorn reads from its file."""
    monkeypatch.setenv("GATEWAY_ENV", "demo")
    monkeypatch.setenv("GATEWAY_PATHS__VAR", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # so that it is put back afterwards
    return runpy.run_path(str(CONFIG / "gunicorn.conf.py"))


def test_workers_listen_on_loopback_trust_only_the_proxy_here_and_log_no_path(
    workers: dict[str, object],
) -> None:
    assert workers["bind"] == "127.0.0.1:8000"
    assert workers["worker_class"] == "gthread"
    assert workers["control_socket_disable"] is True
    assert workers["accesslog"] is None
    assert workers["header_map"] == "drop"
    assert workers["forwarded_allow_ips"] == "127.0.0.1,::1"
    assert workers["umask"] == 0o077


def test_workers_count_into_a_folder_that_is_theirs_and_fresh(
    workers: dict[str, object], tmp_path: Path
) -> None:
    assert (tmp_path / "metrics").stat().st_mode & 0o077 == 0
    assert "max_requests" in workers
    assert callable(workers["child_exit"])


def test_the_proxy_logs_neither_path_nor_query_nor_referrer() -> None:
    text = (CONFIG / "nginx.conf").read_text(encoding="utf-8")
    formats = re.findall(r"log_format (\w+) '([^']+)'", text)
    assert [name for name, _ in formats] == ["bare"]
    used = set(re.findall(r"\$\w+", formats[0][1]))
    assert used <= {
        "$time_iso8601",
        "$request_method",
        "$status",
        "$request_time",
        "$body_bytes_sent",
        "$request_id",
    }
    assert re.findall(r"access_log (?:\S+) (\w+);", text) == ["bare"]


@pytest.mark.parametrize(
    "line",
    [
        "proxy_request_buffering on;",
        "proxy_next_upstream off;",
        "client_header_timeout 10s;",
        "limit_conn clients 64;",
        "server_tokens off;",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_session_tickets off;",
        "ssl_reject_handshake on;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        'proxy_set_header Forwarded "";',
    ],
)
def test_the_proxy_buffers_refuses_strangers_and_sets_what_clients_claim(line: str) -> None:
    assert line in (CONFIG / "nginx.conf").read_text(encoding="utf-8")


def test_the_proxy_accepts_its_file(tmp_path: Path) -> None:
    nginx, openssl = shutil.which("nginx", path="/usr/sbin:/usr/bin"), shutil.which("openssl")
    if nginx is None or openssl is None:
        pytest.skip("nginx or openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "chain.pem"
    made = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=x",
    ]
    subprocess.run(
        [openssl, *made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    text = (CONFIG / "nginx.conf").read_text(encoding="utf-8")
    for shipped, here in (
        # First of all, for the tests' own folder may lie there too.
        ("/dev/shm/", f"{tmp_path}/"),  # noqa: S108 - nginx's folder, replaced here
        ("/etc/ssl/gateway/fullchain.pem", str(certificate)),
        ("/etc/ssl/gateway/key.pem", str(key)),
        ("/var/log/nginx/", f"{tmp_path}/"),
        ("/run/nginx.pid", f"{tmp_path}/nginx.pid"),
    ):
        text = text.replace(shipped, here)
    (tmp_path / "nginx.conf").write_text(text)
    done = subprocess.run(
        [nginx, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, check=False
    )
    assert "syntax is ok" in done.stderr, done.stderr


def stages() -> list[str]:
    return re.split(r"^FROM ", (CHECKOUT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def test_the_image_runs_as_nobody_in_particular_from_a_stage_without_tools() -> None:
    build, last = stages()
    assert "uv sync --locked" in build
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/livez" in last
    assert "pip uninstall" in last
    for tool in ("gcc", "build-essential", "nodejs", "npm", "uv sync", "pip install"):
        assert tool not in last, tool
    assert last.index("USER 10001") > last.index("RUN ")
    assert "RUN" not in last[last.index("USER 10001") :]


def test_no_secret_and_no_private_key_is_in_the_tree() -> None:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("this isn't a git checkout")
    private = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|gateway-root-1:[A-Za-z0-9+/]{20}")
    names = [name for name in done.stdout.split("\0") if name]
    guilty = [n for n in names if (CHECKOUT / n).is_file() and private.search((CHECKOUT / n).read_bytes())]
    assert guilty == []


def test_every_make_target_is_listed_with_what_it_does() -> None:
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) - {"developer"}
    assert targets == set(re.findall(r"^([a-z-]+):.* ## \S", text, re.MULTILINE))
    assert {"help", "setup", "run", "test", "assure"} <= targets
    assert "make test" in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
