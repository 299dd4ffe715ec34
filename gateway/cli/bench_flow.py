"""`gateway bench flow`: a whole request over HTTP, decided and logged durably, beside a bare route in the same run.

Both are served by gunicorn with the same workers on loopback; the bare one does one durable insert and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from joserfc import jws
from joserfc.jwk import ECKey
from rich.console import Console
from rich.table import Table

from gateway import settings as configuration
from gateway.api import clients
from gateway.assembly import assemble
from gateway.cli.demo import ENABLED
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.errors import Unavailable
from gateway.ledger.journal import create_log_keys
from gateway.policy import lifecycle
from gateway.registry.importing import import_register
from gateway.store import migrate
from gateway.store.engine import make_engine, writing
from gateway.store.root_keys import create_root_file

CLIENTS = (1, 8)
_WARM_UP = 3
_STARTS_WITHIN = 60.0
_BODY_TYPE = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds, `ratio` to the bare route with as many clients."""

    store: str
    what: str
    clients: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    ratio: float | None = None


@dataclass
class System:
    """A client of the API on one connection: signs a proof for each call."""

    port: int
    client_id: str
    key: ECKey
    body: bytes
    token: str = ""
    renew_at: float = 0.0
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        """Open the connection."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self) -> bool:
        """Make one new request; whether it was accepted."""
        if time.monotonic() > self.renew_at:
            self._sign_in()
        url = self._url("/api/v1/requests")
        named = base64.urlsafe_b64encode(hashlib.sha256(self.token.encode()).digest()).rstrip(b"=").decode()
        headers = _BODY_TYPE | {
            "Authorization": f"DPoP {self.token}",
            "DPoP": self._proof(url, ath=named),
            "Idempotency-Key": secrets.token_hex(16),
        }
        status, _said = _post(self.connection, "/api/v1/requests", self.body, headers)
        return status == http.HTTPStatus.ACCEPTED

    def _sign_in(self) -> None:
        url = self._url("/api/v1/token")
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": url, "exp": int(time.time()) + 60}
        assertion = _signed({"alg": "ES256"}, claims | {"jti": secrets.token_hex(16)}, self.key)
        sent = json.dumps({"client_assertion": assertion}).encode()
        status, said = _post(self.connection, "/api/v1/token", sent, _BODY_TYPE | {"DPoP": self._proof(url)})
        if status != http.HTTPStatus.OK:
            raise Unavailable("The gateway under measurement let no client in.", next_step="Run it again.")
        self.token, self.renew_at = json.loads(said)["access_token"], time.monotonic() + 200

    def _proof(self, url: str, **more: str) -> str:
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}
        claims = {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(16)}
        return _signed(header, claims | more, self.key)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def run(*, requests: int = 160, postgresql: str | None = None, workers: int = 2) -> list[Row]:
    """Measure on SQLite, and on PostgreSQL at the URL of an empty database or on one started for the run."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        rows += _measured("SQLite", f"sqlite:///{name}/gateway.sqlite3", Path(name), requests, workers)
    with tempfile.TemporaryDirectory() as name, _server(postgresql) as url:
        if url is not None:
            rows += _measured("PostgreSQL", url, Path(name), requests, workers)
    return rows


def show(rows: list[Row]) -> None:
    """Print the rows as a table."""
    table = Table("store", "what", "clients", "per second", "p50 ms", "p99 ms", "failed", "ratio")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        numbers = (f"{row.per_second:,.1f}", f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}")
        table.add_row(row.store, row.what, str(row.clients), *numbers, str(row.failed), ratio)
    Console().print(table)


def as_json(rows: list[Row]) -> dict[str, list[dict[str, object]]]:
    """Give the rows for `--json`."""
    return {"rows": [asdict(row) for row in rows]}


def bare() -> Flask:
    """The bare application that gunicorn serves: one route, one durable insert."""
    engine = writing(make_engine(os.environ["GATEWAY_STORE__URL"], pool_size=8))
    insert = sa.text("INSERT INTO bench_bare (data) VALUES (:data)")
    app = Flask("bare")

    def keep() -> str:
        with engine.begin() as connection:
            connection.execute(insert, {"data": os.urandom(300)})
        return "kept"

    app.add_url_rule("/bare", view_func=keep, methods=["POST"])
    return app


def _measured(store: str, url: str, folder: Path, requests: int, workers: int) -> Iterator[Row]:
    port = _free_port()
    environment = _environment(url, folder, port, workers)
    client_id, key, body = _installed(environment)
    against: dict[int, float] = {}

    def plain() -> Callable[[], bool]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        return lambda: _post(connection, "/bare", b"", {})[0] == http.HTTPStatus.OK

    with _served("gateway.cli.bench_flow:bare()", environment, port, workers):
        for count in CLIENTS:
            row = _together(store, "bare route, one durable insert", plain, count, requests)
            against[count] = row.per_second
            yield row
    with _served("gateway.web.serve:app()", environment, port, workers):
        for count in CLIENTS:
            yield _together(
                store,
                "request decided and logged",
                lambda: System(port, client_id, key, body).ask,
                count,
                requests,
                against[count],
            )


def _together(
    store: str,
    what: str,
    make: Callable[[], Callable[[], bool]],
    count: int,
    requests: int,
    against: float | None = None,
) -> Row:
    acts = [make() for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda act: [act() for _ in range(_WARM_UP)], acts))
        start = time.perf_counter()
        done = [one for each in pool.map(lambda act: _timed(act, requests // count), acts) for one in each]
        seconds = time.perf_counter() - start
    taken = sorted(took for took, _good in done)
    failed = sum(not good for _took, good in done)
    rate = (len(done) - failed) / seconds
    p50, p99 = taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 99 // 100)]
    return Row(store, what, count, rate, p50 * 1000, p99 * 1000, failed, rate / against if against else None)


def _timed(act: Callable[[], bool], times: int) -> list[tuple[float, bool]]:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        good = act()
        found.append((time.perf_counter() - start, good))
    return found


def _environment(url: str, folder: Path, port: int, workers: int) -> dict[str, str]:
    """A demonstration's settings without personas, all in one folder."""
    create_root_file(folder / "root.key")
    create_log_keys(folder / "ledger.key")
    return {
        "GATEWAY_ENV": "demo",
        "GATEWAY_STORE__URL": url,
        "GATEWAY_KEYS__ROOT_FILE": str(folder / "root.key"),
        "GATEWAY_KEYS__LEDGER_KEY_FILE": str(folder / "ledger.key"),
        "GATEWAY_WEB__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "GATEWAY_SIGN_IN__PERSONAS": "false",
        "GATEWAY_SERVE__ADDRESS": f"127.0.0.1:{port}",
        "GATEWAY_SERVE__WORKERS": str(workers),
        "GATEWAY_PATHS__VAR": str(folder),
        "GATEWAY_OBSERVE__LOG_LEVEL": "error",
    }


def _installed(environment: dict[str, str]) -> tuple[str, ECKey, bytes]:
    """Make the tables, the demonstration's register and a client of the API; gives its id, key and a body to send."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("GATEWAY_")}
    for name in kept:
        del os.environ[name]
    os.environ.update(environment)
    settings = configuration.load()
    engine = make_engine(settings.store.url)
    migrate.upgrade(engine)
    with writing(engine).begin() as connection:
        serial = "BIGSERIAL" if engine.dialect.name == "postgresql" else "INTEGER"
        blob = "BYTEA" if engine.dialect.name == "postgresql" else "BLOB"
        connection.exec_driver_sql(f"CREATE TABLE bench_bare (id {serial} PRIMARY KEY, data {blob})")
    engine.dispose()
    gateway = assemble(settings)
    stage = Stage(gateway, FixedClock(gateway.clock.now()))
    stage.do(lambda unit: import_register(unit, (stage.folder / "register.toml").read_text(encoding="utf-8")))
    stage.do(
        lambda unit: lifecycle.activate_shipped(
            unit, stage.partnership_id(unit), stage.agency_id(unit, "office"), ENABLED
        )
    )
    key = ECKey.generate_key("P-256")
    jwk = {name: str(value) for name, value in key.as_dict(private=False).items()}
    client_id = stage.by(
        "office-ig",
        lambda unit, actor: clients.register(
            unit, actor, post_id=stage.post_id(unit, "probation-om"), name="bench", jwk=jwk
        ),
    )
    stage.by("office-ig-2", lambda unit, actor: clients.approve(unit, actor, client_id))
    body = json.dumps(_body(stage)).encode()
    gateway.store.close()
    for name in environment:
        del os.environ[name]
    os.environ.update(kept)
    return client_id, key, body


def _body(stage: Stage) -> dict[str, Any]:
    with stage.gateway.store.reading() as unit:
        return {
            "case_id": stage.case_id(unit, "M2-0417"),
            "subject_ids": [stage.subject_id(unit, "s-robin")],
            "holder_agency_id": stage.agency_id(unit, "police"),
            "categories": ["convictions"],
            "purpose": "public_protection",
            "basis": {
                "powers": ["cja2003_s325"],
                "dp_regime": "part3",
                "dp_condition": "s35_sch8_para4_safeguarding",
                "confidence_basis": "law",
            },
            "why": "To write the plan for the meeting on Thursday.",
            "recipients": [{"post_id": stage.post_id(unit, "probation-om")}],
        }


@contextmanager
def _served(application: str, environment: dict[str, str], port: int, workers: int) -> Iterator[None]:
    """Serve an application with gunicorn for a while."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    command = [str(Path(sys.executable).with_name("gunicorn")), "--worker-class", "gthread", "--threads", "8"]
    command += [
        "--workers",
        str(workers),
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "error",
        "--keep-alive",
        "120",
    ]
    command += ["--no-control-socket", application]
    process = subprocess.Popen(command, env=clean | environment)  # noqa: S603
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise Unavailable("The application under measurement did not start.", next_step="See what gunicorn says.")


@contextmanager
def _server(url: str | None) -> Iterator[str | None]:
    """The URL given, or that of a PostgreSQL started in a folder of its own, or None where there are no binaries."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if url is not None or initdb is None:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    quiet: dict[str, Any] = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": folder,
    } | owner
    data = str(folder / "data")
    subprocess.run([initdb, "-D", data, "-U", "gateway", "-A", "trust", "-E", "UTF8"], check=True, **quiet)  # noqa: S603
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"]
    server = subprocess.Popen([str(Path(initdb).with_name("postgres")), "-D", data, *options], **quiet)  # noqa: S603
    try:
        while not (folder / ".s.PGSQL.5432").exists() and server.poll() is None:
            time.sleep(0.1)
        yield f"postgresql://gateway@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)  # fast: it waits for no client
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _post(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _signed(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES256"])
