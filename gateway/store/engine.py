"""Two stores behind one engine: SQLite as the embedded default, PostgreSQL for what outgrows it."""

from __future__ import annotations

import os
import re
import select
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy.engine import URL, Connection, Engine, make_url

from gateway.errors import Misconfigured

WRITING = "gateway_writing"
BUSY_MILLISECONDS = 10_000
_OWNER_ONLY = 0o600
_IDLE_SECONDS = 1.0

# FULL: an acknowledged commit survives a power cut. secure_delete: a destroyed key leaves no bytes behind.
# temp_store in memory: nothing personal reaches a temporary file.
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


def make_engine(
    url: str | URL, *, pool_size: int = 16, pool_timeout: float = 10.0, echo: bool = False
) -> Engine:
    """Give an engine for a `sqlite:///file` or `postgresql://...` URL.

    Takes the number of pooled connections and how many seconds a thread may wait for one. Raises Misconfigured for
    any other kind of database, and for SQLite in memory, which no second worker could see.
    """
    with suppress(sa.exc.ArgumentError):  # what is no URL at all is of no kind that is known here
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, pool_size, pool_timeout, echo)
        if parsed.get_backend_name() == "postgresql":
            return _postgresql(parsed, pool_size, pool_timeout, echo)
    raise Misconfigured(
        "The store must be SQLite or PostgreSQL.",
        next_step="Set GATEWAY_STORE__URL to sqlite:///path/to/file.sqlite3 or to postgresql://host/database.",
    )


def writing(engine: Engine) -> Engine:
    """Give the engine whose transactions may write: a plain SQLite connection of this store only reads."""
    return engine.execution_options(**{WRITING: True})


def database_file(engine: Engine) -> Path | None:
    """Give the file of a SQLite store, or None on PostgreSQL."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return None
    return Path(engine.url.database).resolve()


Values = Sequence[str | bytes | int | None]
Statement = tuple[str, Values]


def straight(connection: Connection, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
    """Run one statement, with a `?` for each value, past the layers that cost more than it does; give its rows.

    For the few statements of every act. It runs in the connection's transaction and knows text, bytes, whole numbers
    and truth values. Raises what SQLAlchemy raises for a statement.
    """
    return straight_all(connection, [(statement, values)])[0]


def straight_all(connection: Connection, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """Run statements one after the other as `straight` does, on PostgreSQL in one round trip; give the rows of each.

    When one fails, those after it aren't run. A last `COMMIT` ends the transaction in the same round trip.
    """
    driver: Any = connection.connection.driver_connection
    try:
        if connection.dialect.name == "sqlite":
            return [driver.execute(statement, values).fetchall() for statement, values in statements]
        return _straight_to_postgresql(driver, statements)
    except (sqlite3.Error, psycopg.Error) as error:
        if connection.dialect.name == "postgresql" and driver.closed:
            connection.invalidate(error)
        base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
        what = "; ".join(statement for statement, _ in statements)
        raise sa.exc.DBAPIError.instance(what, None, error, base, hide_parameters=True) from error


def _straight_to_postgresql(
    driver: psycopg.Connection[Any], statements: Sequence[Statement]
) -> list[list[tuple[Any, ...]]]:
    # Each wait costs both sides more than most statements do. libpq's own calls cost a fifth of the driver's.
    server = driver.pgconn
    idle = server.transaction_status == TransactionStatus.IDLE
    if (
        len(statements) == 1 and not idle
    ):  # its only call that waits, and it does so without the interpreter's lock
        return [_rows(server.exec_params(*_given(*statements[0]), result_format=Format.BINARY))]
    server.enter_pipeline_mode()
    for statement, values in [(_begin(driver), ()), *statements] if idle else statements:
        server.send_query_params(*_given(statement, values), result_format=Format.BINARY)
    server.pipeline_sync()
    answers = _received(server)
    server.exit_pipeline_mode()
    return [_rows(answer) for answer in answers][idle:]


def _given(statement: str, values: Values) -> tuple[bytes, list[bytes | None], None, list[int]]:
    given = [one if one is None or isinstance(one, bytes) else str(one).encode() for one in values]
    formats: list[int] = [Format.BINARY if isinstance(one, bytes) else Format.TEXT for one in values]
    return _numbered(statement), given, None, formats


def _received(server: PGconn) -> list[PGresult]:
    answers: list[PGresult] = []
    ready = select.poll()
    while server.flush():
        ready.register(server.socket, select.POLLIN | select.POLLOUT)
        ready.poll()
        server.consume_input()
    ready.register(server.socket, select.POLLIN)
    while True:
        while server.is_busy():
            ready.poll()
            server.consume_input()
        answer = server.get_result()
        if answer is None:
            continue
        if answer.status == ExecStatus.PIPELINE_SYNC:
            return answers
        if server.status != ConnStatus.OK:
            raise psycopg.OperationalError("the connection was lost")
        answers.append(answer)


def _rows(answer: PGresult) -> list[tuple[Any, ...]]:
    if answer.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(answer)
    kinds = [_READ[answer.ftype(column)] for column in range(answer.nfields)]
    return [
        tuple(
            None if (found := answer.get_value(row, column)) is None else read(found)
            for column, read in enumerate(kinds)
        )
        for row in range(answer.ntuples)
    ]


def _begin(driver: psycopg.Connection[Any]) -> str:
    level = (
        f" ISOLATION LEVEL {driver.isolation_level.name.replace('_', ' ')}" if driver.isolation_level else ""
    )
    return f"BEGIN{level}{' READ ONLY' if driver.read_only else ''}"


@lru_cache(maxsize=256)
def _numbered(statement: str) -> bytes:
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", statement).encode()


def _whole_number(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _array(read: Callable[[bytes], Any]) -> Callable[[bytes], list[Any]]:
    # Dimensions, flags, kind, length, first place, four bytes each; then each element after its own length.
    def elements(data: bytes) -> list[Any]:
        found, at = [], 20
        while at < len(data):
            start = at + 4
            at = start + _whole_number(data[at:start])
            found.append(read(data[start:at]))
        return found

    return elements


# How PostgreSQL's binary answers are read, by the type's number: bool, bytea, bigint, int, text, arrays of bytea, text
# and bigint (without nulls), varchar, void.
_READ: dict[int, Callable[[bytes], Any]] = {
    16: lambda data: data == b"\x01",
    17: bytes,
    20: _whole_number,
    23: _whole_number,
    25: bytes.decode,
    1001: _array(bytes),
    1009: _array(bytes.decode),
    1016: _array(_whole_number),
    1043: bytes.decode,
    2278: lambda _: None,
}


def array(values: Iterable[str | int | bytes]) -> str:
    """Give PostgreSQL's text for an array of texts, whole numbers or bytes: the form in which `straight` takes one."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: str | int | bytes) -> str:
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return f'"{value.translate(_QUOTED)}"' if isinstance(value, str) else str(value)


_QUOTED = str.maketrans({"\\": r"\\", '"': r"\""})


def _sqlite(url: URL, pool_size: int, pool_timeout: float, echo: bool) -> Engine:
    if not url.database or url.database == ":memory:":
        raise Misconfigured(
            "SQLite in memory is refused: nothing would be kept.",
            next_step="Set GATEWAY_STORE__URL to sqlite:///path/to/file.sqlite3.",
        )
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file exists with the owner's rights alone before SQLite opens it; the WAL inherits them.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER_ONLY))
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=pool_timeout,
        echo=echo,
        hide_parameters=True,
        connect_args={"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; `_begin_sqlite` does
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before anything is read, so what was checked is still true at the commit.
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writing else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql(url: URL, pool_size: int, pool_timeout: float, echo: bool) -> Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=pool_timeout,
        echo=echo,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args=_postgresql_arguments(url),
    )

    def ask_if_idle(connection: Any, record: Any, _proxy: object) -> None:
        # A connection in use a moment ago is not asked again whether it lives: that is a round trip of every act.
        if time.monotonic() - record.info.get("returned", time.monotonic()) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise sa.exc.InvalidatePoolError from error

    sa.event.listen(engine, "checkin", _note_return)
    sa.event.listen(engine, "checkout", ask_if_idle)
    return engine


def _note_return(_connection: object, record: Any) -> None:
    record.info["returned"] = time.monotonic()


def _postgresql_arguments(url: URL) -> dict[str, Any]:
    """Give libpq's settings: UTC, a primary that accepts writes, dead peers noticed, no server-side plans.

    Without `prepare_threshold=None` a transaction-pooling PgBouncer breaks; without `tcp_user_timeout` a lost
    primary holds a worker for minutes.
    """
    chosen: dict[str, Any] = {
        "options": "-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
        "target_session_attrs": "read-write",
        "tcp_user_timeout": 10_000,
        "connect_timeout": 5,
        "application_name": "disclosure-gateway",
        "prepare_threshold": None,
    }
    return {key: value for key, value in chosen.items() if key not in url.query}
