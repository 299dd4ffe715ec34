"""Two stores behind one engine: SQLite as the embedded default, PostgreSQL for what outgrows it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.rows import namedtuple_row
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


def make_engine(url: str, *, pool_size: int = 16, pool_timeout: float = 10.0, echo: bool = False) -> Engine:
    """Give an engine for a `sqlite:///file` or `postgresql://...` URL.

    Takes the number of pooled connections and how many seconds a thread may wait for one. Raises Misconfigured for
    any other kind of database, and for SQLite in memory, which no second worker could see.
    """
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


def at_once(
    connection: Connection, statements: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Sequence[Any]]:
    """Send statements that give rows to PostgreSQL in one round trip; give the rows of each, as named tuples.

    They run one after the other in the connection's transaction. Raises what SQLAlchemy raises for a statement.
    """
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        with driver.pipeline():
            cursors = [
                psycopg.Cursor(driver, row_factory=namedtuple_row).execute(statement.encode(), values)
                for statement, values in statements
            ]
            return [cursor.fetchall() for cursor in cursors]
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            "several statements at once", None, error, psycopg.Error, hide_parameters=True
        ) from error


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
