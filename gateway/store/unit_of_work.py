"""One transaction, one present, one set of keys: everything that happens and its ledger entry commit together."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.clock import Clock
from gateway.errors import NotConfirmed, Unavailable
from gateway.observe import NOT_CONFIRMED, UNIT_SECONDS
from gateway.store.engine import (
    BUSY_MILLISECONDS,
    WRITING,
    Statement,
    database_file,
    make_engine,
    writing,
)
from gateway.store.session import UnitSession
from gateway.store.vault import Vault

T = TypeVar("T")
Hook = Callable[["Unit"], None]

_log = structlog.get_logger(__name__)
_OWNER_ONLY = 0o600
_REFUSALS = frozenset(
    {"P0001", "42501"}
)  # a trigger's exception, a missing privilege: wrapped like wrong statements
_SCRUB_MILLISECONDS = 1000
_writing_here: ContextVar[tuple[Store, ...]] = ContextVar("gateway_writing_here", default=())


class Unit:
    """One transaction: its session, its present and the keys; made by `Store`, never by hand."""

    def __init__(self, session: UnitSession, now: datetime, vault: Vault, store: Store) -> None:
        self.session = session
        self.now = now
        self.vault = vault
        self.store = store
        self._before: dict[str, Hook] = {}
        self._done: set[str] = set()
        self._after: list[Hook] = []

    @property
    def dialect(self) -> str:
        """Give "sqlite" or "postgresql"."""
        return self.store.dialect

    def once(self, room: str, key: Hashable, read: Callable[[], T], *, afresh: bool = False) -> T:
        """Give what `read` gives; the same again until this unit writes a row of `room` or is granted a lock.

        For a room's plain reads of its own tables, never for what was decided on them; nothing outlives the
        transaction. `afresh` reads it again in any case.
        """
        self.session.flush()  # a change not written yet counts, as it would for the query itself
        if afresh or key not in self.session.known.get(room, ()):
            found = read()
            self.session.known.setdefault(room, {})[key] = found
        known: T = self.session.known[room][key]
        return known

    def forget(self) -> None:
        """Read again, from now on, all that was read: others may have changed it before a lock was granted (promise 4).

        What this unit wrote itself stays: nobody else sees it yet. On SQLite nobody else writes while this unit does.
        """
        self.session.flush()
        if self.dialect == "sqlite":
            return
        self.session.known.clear()
        for row in self.session.loaded:
            if row in self.session:
                self.session.expire(row)

    def hold_back(self, prepare: Callable[[Unit], list[Statement]]) -> None:
        """Run what `prepare` will give before the next statement of this unit, or together with its commit.

        For what only adds, and gives no rows: much is sent in one round trip.
        """
        self.session.hold_back(prepare)

    def before_commit(self, hook: Hook, key: str) -> None:
        """Run `hook` inside this transaction, last and once per `key`, in the order of registration."""
        if key not in self._done:
            self._before.setdefault(key, hook)

    def after_commit(self, hook: Hook) -> None:
        """Run `hook` once this transaction is durable; its failure is logged and changes nothing that was committed.

        Only NotConfirmed reaches the caller: what was done is stored, and nothing may leave on its strength yet.
        """
        self._after.append(hook)

    def _finish(self) -> None:
        self.session.flush()
        while self._before:
            key = next(iter(self._before))
            hook = self._before.pop(key)
            self._done.add(key)
            hook(self)
            self.session.flush()
        if self.dialect == "postgresql":
            self.session.send_with_commit()
        self.vault.place_new_keys(self.session)

    def _settle(self) -> None:
        unconfirmed: NotConfirmed | None = None
        for hook in self._after:
            try:
                hook(self)
            except NotConfirmed as error:
                unconfirmed = error
            except Exception:  # noqa: BLE001 - what is committed stays committed, whatever follows it
                _log.exception("after_commit_failed")
        if unconfirmed is not None:
            raise unconfirmed


class Store:
    """The database with its writers' queue; gives units of work."""

    def __init__(self, engine: Engine, clock: Clock, vault: Vault) -> None:
        self.engine = engine
        self.clock = clock
        self.vault = vault
        self.dialect = engine.dialect.name
        file = database_file(engine)
        self._lock_file = file.with_name(file.name + ".lock") if file else None
        self._reader = engine.execution_options(**self._reading_options())
        self._writer = writing(engine)

    @cached_property
    def aside(self) -> Engine:
        """Give connections for what commits beside a unit (PostgreSQL): who holds one waits for no other."""
        engine = make_engine(self.engine.url, pool_size=1)
        sa.event.listen(self.engine, "engine_disposed", lambda _: engine.dispose())
        return engine

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        """Give a unit of work that commits when its block ends and rolls back on any exception.

        On SQLite writers queue on a lock file and hold the write lock from the start; on PostgreSQL the transaction
        is READ COMMITTED and verbs lock the rows they stand on. Raises NotConfirmed when the database can't confirm.
        """
        session = UnitSession(self._writer)
        with (
            self._alone_here(),
            UNIT_SECONDS.labels("writing").time(),
            _confirming(),
            self._queued(),
            session,
        ):
            session.connection()  # the write lock comes before the clock is read
            unit = self._unit(session)
            yield unit
            unit._finish()
            session.info["committing"] = True
            session.commit()
        unit._settle()

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        """Give a unit of work on one consistent snapshot, in which any write or commit is refused.

        Raises Unavailable when the database doesn't answer.
        """
        session = UnitSession(self._reader)
        with UNIT_SECONDS.labels("reading").time(), _answering(), session:
            session.info["reading"] = True
            yield self._unit(session)

    def scrub(self) -> None:
        """Remove what a destroyed key left in the files: truncate SQLite's WAL, or vacuum PostgreSQL's key table.

        PostgreSQL keeps the wrapped bytes in its own WAL and in backups until the epoch key is destroyed.
        """
        if self.dialect == "sqlite":
            self._truncate_wal()
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM vault_key")
            connection.exec_driver_sql("VACUUM vault_epoch")

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    def _unit(self, session: UnitSession) -> Unit:
        now = self.clock.now()
        unit = Unit(session, now, self.vault, self)
        session.info.update(unit=unit, now=now, partnership_of={})
        return unit

    def _reading_options(self) -> dict[str, Any]:
        if self.dialect == "postgresql":
            return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return {WRITING: False}

    def _truncate_wal(self) -> None:
        with self._queued(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA query_only = OFF")
            cursor.execute(f"PRAGMA busy_timeout = {_SCRUB_MILLISECONDS}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            answer = cursor.fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        if (
            answer and answer[0]
        ):  # a reader still holds the old pages; the next scrub or checkpoint removes them
            _log.warning("scrub_postponed")

    @contextmanager
    def _alone_here(self) -> Iterator[None]:
        # A second writing unit inside the first would wait for itself for ever.
        if self in _writing_here.get():
            raise RuntimeError(
                "a writing unit of work is already open here; pass it on instead of opening another"
            )
        token = _writing_here.set((*_writing_here.get(), self))
        try:
            yield
        finally:
            _writing_here.reset(token)

    @contextmanager
    def _queued(self) -> Iterator[None]:
        if self._lock_file is None:
            yield
            return
        # SQLite's own wait lets one writer of eight starve for seconds; a lock file in front serves them in turn.
        with _locked(self._lock_file):
            yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
    except OSError as error:
        raise NotConfirmed from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _confirming() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if _is_a_mistake_of_ours(error):
            raise
        NOT_CONFIRMED.inc()
        raise NotConfirmed from error


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if _is_a_mistake_of_ours(error):
            raise
        raise Unavailable(
            "The gateway's store doesn't answer.", next_step="Try again in a minute; nothing was changed."
        ) from error


def _is_a_mistake_of_ours(error: Exception) -> bool:
    """Tell a wrong statement, which must be seen and mended, from a database that refuses or doesn't answer."""
    return isinstance(error, ProgrammingError | DataError) and _state(error) not in _REFUSALS


def _state(error: BaseException | None) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""
