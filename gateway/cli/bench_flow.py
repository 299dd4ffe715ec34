"""`gateway bench flow`: a whole request over HTTP, decided and logged durably, beside a bare route in the same run.

Both are served by gunicorn with the same workers on loopback; the bare one does one durable insert and nothing else.
What failed is counted by why, and a request counts as done only when it was decided and is found in the log afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import math
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
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
from gateway.cli.bench_postgresql import served
from gateway.cli.demo import ENABLED
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.errors import Unavailable
from gateway.ledger.log_keys import create_log_keys
from gateway.policy import lifecycle
from gateway.registry.importing import import_register
from gateway.store import migrate
from gateway.store.engine import make_engine, writing
from gateway.store.root_keys import create_root_file

CLIENTS = (1, 8)
_WARM_UP = 3
_STARTS_WITHIN = 60.0
_BODY_TYPE = {"Content-Type": "application/json"}
_LOGGED = sa.text(
    "SELECT count(*) FROM ledger_leaf JOIN ledger_record ON ledger_record.entry_id = ledger_leaf.entry_id"
    " WHERE ledger_record.kind = 'decision.made'"
)
# One act: "" when it was done, otherwise why not.
Act = Callable[[], str]


@dataclass(frozen=True)
class Row:
    """One line of the table: times in milliseconds, failures by why, `ratio` to the bare route of as many clients."""

    store: str
    what: str
    clients: int
    done: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: dict[str, int]
    ratio: float | None = None


@dataclass(frozen=True)
class Size:
    """How long a row is measured: so many requests, or so many seconds, whatever ends first."""

    requests: int = 160
    seconds: float = 12.0


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

    def ask(self) -> str:
        """Make one new request; "" when it was decided at once, otherwise why not."""
        if time.monotonic() > self.renew_at and (fault := self._sign_in()):
            return fault
        url = self._url("/api/v1/requests")
        named = base64.urlsafe_b64encode(hashlib.sha256(self.token.encode()).digest()).rstrip(b"=").decode()
        headers = _BODY_TYPE | {
            "Authorization": f"DPoP {self.token}",
            "DPoP": self._proof(url, ath=named),
            "Idempotency-Key": secrets.token_hex(16),
        }
        status, said = _post(self.connection, "/api/v1/requests", self.body, headers)
        if status != http.HTTPStatus.ACCEPTED:
            return f"status {status}"
        return "" if json.loads(said)["decided"] else "not decided"

    def _sign_in(self) -> str:
        url = self._url("/api/v1/token")
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": url, "exp": int(time.time()) + 60}
        assertion = _signed({"alg": "ES256"}, claims | {"jti": secrets.token_hex(16)}, self.key)
        sent = json.dumps({"client_assertion": assertion}).encode()
        status, said = _post(self.connection, "/api/v1/token", sent, _BODY_TYPE | {"DPoP": self._proof(url)})
        if status != http.HTTPStatus.OK:
            return f"sign-in status {status}"
        self.token, self.renew_at = json.loads(said)["access_token"], time.monotonic() + 200
        return ""

    def _proof(self, url: str, **more: str) -> str:
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}
        claims = {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(16)}
        return _signed(header, claims | more, self.key)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def run(*, size: Size, postgresql: str | None = None, workers: int = 2) -> list[Row]:
    """Measure on SQLite, and on PostgreSQL at the URL of an empty database or on one started for the run."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        rows += _measured("SQLite", f"sqlite:///{name}/gateway.sqlite3", Path(name), size, workers)
    with tempfile.TemporaryDirectory() as name, served(postgresql) as url:
        if url is not None:
            rows += _measured("PostgreSQL", url, Path(name), size, workers)
    return rows


def show(rows: list[Row]) -> None:
    """Print the rows as a table."""
    columns = ("store", "what", "clients", "done", "per second", "p50 ms", "p99 ms", "failed", "ratio")
    table = Table(*columns, box=None, pad_edge=False)  # nine columns on a terminal of 80
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        numbers = (f"{row.per_second:,.1f}", f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}")
        failed = "; ".join(f"{count}: {why}" for why, count in row.failed.items()) or "0"
        table.add_row(row.store, row.what, str(row.clients), str(row.done), *numbers, failed, ratio)
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


def _measured(store: str, url: str, folder: Path, size: Size, workers: int) -> Iterator[Row]:
    port = _free_port()
    environment = _environment(url, folder, port, workers)
    client_id, key, body = _installed(environment)
    against: dict[int, float] = {}

    def plain() -> Act:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

        def keep() -> str:
            status, _said = _post(connection, "/bare", b"", {})
            return "" if status == http.HTTPStatus.OK else f"status {status}"

        return keep

    with _served("gateway.cli.bench_flow:bare()", environment, port, workers):
        for count in CLIENTS:
            row = together(store, "bare route", plain, count, size)
            against[count] = row.per_second
            yield row
    with _served("gateway.web.serve:app()", environment, port, workers):
        for count in CLIENTS:
            before = _logged(url)
            row = together(
                store,
                "request",
                lambda: System(port, client_id, key, body).ask,
                count,
                size,
                against[count],
            )
            missing = row.done + _WARM_UP * count - (_logged(url) - before)
            yield replace(row, failed=row.failed | {"not in the log": missing}) if missing > 0 else row


def _logged(url: str) -> int:
    """How many decisions have their leaf in the log."""
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        found = int(connection.execute(_LOGGED).scalar_one())
    engine.dispose()
    return found


def together(
    store: str, what: str, make: Callable[[], Act], count: int, size: Size, against: float | None = None
) -> Row:
    """Measure `count` clients at once; failures of the warming up are counted too, its times aren't."""
    acts = [make() for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        warming = [why for each in pool.map(lambda act: _timed(act, _WARM_UP), acts) for _took, why in each]
        start = time.perf_counter()
        until = start + size.seconds
        each_of_them = pool.map(lambda act: _timed(act, size.requests // count, until), acts)
        tried = [one for each in each_of_them for one in each]
        seconds = time.perf_counter() - start
    taken = sorted(took for took, _why in tried)
    failed = Counter(why for why in (*warming, *(why for _took, why in tried)) if why)
    done = sum(not why for _took, why in tried)
    p50, p99 = taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 99 // 100)]
    ratio = done / seconds / against if against else None
    return Row(store, what, count, done, done / seconds, p50 * 1000, p99 * 1000, dict(failed), ratio)


def _timed(act: Act, times: int, until: float = math.inf) -> list[tuple[float, str]]:
    """Seconds and outcome of each act: so many times at the most, at least once, none begun after `until`."""
    found: list[tuple[float, str]] = []
    while len(found) < times and (not found or time.perf_counter() < until):
        start = time.perf_counter()
        try:
            why = act()
        except (OSError, http.client.HTTPException) as error:
            why = type(error).__name__
        found.append((time.perf_counter() - start, why))
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


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _post(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()  # the next one begins on a new connection
        raise


def _signed(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES256"])
