"""The session of a unit of work: only its unit commits it, and it knows what was read, and what waits to be sent."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import ORMExecuteState, SessionTransaction
from sqlmodel import Session

from gateway.errors import NotConfirmed
from gateway.store.engine import Statement, straight_all
from gateway.store.tables import Row

if TYPE_CHECKING:
    from gateway.store.unit_of_work import Unit

_HELD_BACK, _LAST, _LOST = "held_back", "last", "lost"


class UnitSession(Session):
    """A session that only its unit of work may commit, so that nothing commits without its entry."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.known: dict[str, dict[Hashable, Any]] = {}
        self.loaded: list[object] = []

    def commit(self) -> None:
        """Refuse: raise RuntimeError unless the unit of work itself commits."""
        if not self.info.get("committing"):
            raise RuntimeError(
                "only the unit of work commits; leave the `with store.writing()` block instead"
            )
        if self.info.get(_LOST):
            raise NotConfirmed
        last = self.info.pop(_LAST, ())
        if not last:
            super().commit()
            return
        # With the session everything else of it is closed: its own commit would find nothing left to do.
        straight_all(super().connection(), [*last, ("COMMIT", ())])

    def connection(self, *args: Any, **named: Any) -> Connection:
        """Give the connection, after what was held back: whoever asks for it may read what that wrote."""
        connection = super().connection(*args, **named)
        if _HELD_BACK in self.info:
            self.info[_LOST] = True  # whoever swallows an error here must not commit the rest
            straight_all(connection, self.held_back())
            del self.info[_LOST]
        return connection

    def hold_back(self, prepare: Callable[[Unit], list[Statement]]) -> None:
        """Send what `prepare` will give before the next statement, or together with the commit."""
        self.info.setdefault(_HELD_BACK, []).append(prepare)
        if self.in_nested_transaction():
            self.connection()  # it is part of what may be rolled back

    def send_with_commit(self) -> None:
        """Leave what is held back to the commit, which nothing comes between any more."""
        self.info[_LAST] = self.held_back()

    def held_back(self) -> list[Statement]:
        """Give what was held back, to be sent now."""
        unit = self.info["unit"]
        return [statement for prepare in self.info.pop(_HELD_BACK, ()) for statement in prepare(unit)]

    def begin_nested(self) -> SessionTransaction:
        """Begin a savepoint, after what was held back: it isn't part of what may be rolled back."""
        self.connection()
        return super().begin_nested()

    def flush(self, objects: Any = None) -> None:
        """Write what is pending; raise RuntimeError in a reading unit."""
        if self.info.get("reading") and (self.new or self.dirty or self.deleted):
            raise RuntimeError("this unit of work only reads; use `with store.writing()` to change something")
        super().flush(objects)


@sa.event.listens_for(UnitSession, "do_orm_execute")
def _send_what_was_held_back(state: ORMExecuteState) -> None:
    if _HELD_BACK in state.session.info:
        state.session.connection()


@sa.event.listens_for(UnitSession, "loaded_as_persistent")
def _keep_what_was_read(session: UnitSession, row: object) -> None:
    # The identity map holds its rows weakly: without this the same post or case is read again and again in one unit.
    session.loaded.append(row)


@sa.event.listens_for(UnitSession, "after_flush")
def _forget_rooms_written_in(session: UnitSession, _context: object) -> None:
    for room in {_room(type(row)) for row in (*session.new, *session.dirty, *session.deleted)}:
        session.known.pop(room, None)


@sa.event.listens_for(UnitSession, "do_orm_execute")
def _forget_what_a_statement_changes(statement: ORMExecuteState) -> None:
    if not statement.is_select and isinstance(statement.session, UnitSession):
        statement.session.known.clear()


@sa.event.listens_for(UnitSession, "after_soft_rollback")
def _forget_what_was_undone(session: UnitSession, _former: object) -> None:
    session.known.clear()


@sa.event.listens_for(UnitSession, "before_flush")
def _date_new_rows(session: UnitSession, _context: object, _instances: object) -> None:
    for row in session.new:
        if not isinstance(row, Row):
            continue
        if row.__dict__.get("created_at") is None:
            row.created_at = session.info["now"]
        session.info["partnership_of"][row.id] = row.partnership_id


def _room(table: type) -> str:
    return table.__module__.split(".")[1]
