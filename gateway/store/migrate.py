"""Bring a store's tables up to this version's, keeping what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from gateway.errors import Misconfigured, Unavailable
from gateway.store.engine import writing
from gateway.store.modules import guards, import_models

MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 0x6761_7465  # any number, the same in every worker


def upgrade(engine: Engine, scripts: Path = MIGRATIONS) -> list[str]:
    """Apply every migration of the folder `scripts` that the store lacks, in one transaction; give their ids.

    The ids come oldest first. Foreign keys are checked at the end, because SQLite changes a table by copying it.
    Raises Misconfigured when a newer version of the gateway made the store, Unavailable when it can't be reached.
    """
    with _connected(engine) as connection:
        missing = _missing(connection, scripts)
        command.upgrade(_config(connection, scripts), "head")
        apply_guards(connection)
        _check_links(connection)
        return missing


def pending(engine: Engine) -> list[str]:
    """Give the ids of the migrations that the store lacks: empty when it is up to date (asked by /readyz)."""
    with _reached(engine) as connection:
        return _missing(connection, MIGRATIONS)


def current(connection: Connection) -> str | None:
    """Give the id of the newest migration in the store, or None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def differences(engine: Engine) -> list[str]:
    """Give what the tables of the code have that the store hasn't, or the other way round; empty when they agree."""
    import_models()
    options = {"compare_type": True, "compare_server_default": True}
    with _reached(engine) as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata)
    return [str(difference) for difference in found]


def write(engine: Engine, message: str) -> None:
    """Write a migration file that takes an empty store from the shipped migrations to the code: for developers."""
    with _connected(engine) as connection:
        command.upgrade(_config(connection, MIGRATIONS), "head")
        command.revision(_config(connection, MIGRATIONS), message=message, autogenerate=True)


def apply_guards(connection: Connection) -> None:
    """Put the rooms' own guards (triggers) on their tables; harmless when they are there."""
    for statement in guards(connection.dialect.name):
        connection.exec_driver_sql(statement)


@contextmanager
def _reached(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise Unavailable(
            "The gateway's store can't be reached.",
            next_step="Start the database, or mend GATEWAY_STORE__URL; nothing was changed.",
        ) from error
    with connection:
        yield connection


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    with _reached(writing(engine)) as connection:
        _hold_back_links(connection)
        with connection.begin():
            if (
                connection.dialect.name == "postgresql"
            ):  # two workers that start together must not both migrate
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            yield connection
    # SQLite's setting belongs to the connection, so the pool must not hand this one out again.
    engine.dispose()


def _hold_back_links(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        raw = connection.connection.cursor()
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.close()


def _check_links(connection: Connection) -> None:
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise RuntimeError("the migration left a row that points at nothing; nothing was changed")


def _missing(connection: Connection, scripts: Path) -> list[str]:
    revision = current(connection)
    try:
        newer = list(ScriptDirectory(str(scripts)).iterate_revisions("head", revision or "base"))
    except (CommandError, RevisionError) as error:
        raise Misconfigured(
            "The store was made by a newer version of the gateway.",
            next_step="Install that version, or restore the backup made before the upgrade.",
        ) from error
    return [script.revision for script in reversed(newer)]


def _config(connection: Connection, scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["connection"] = connection
    return config
