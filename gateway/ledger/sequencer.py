"""How leaves get their places: at once on SQLite; on PostgreSQL from an outbox, in batches, by whoever has the turn.

On PostgreSQL an act commits with its leaf in the outbox, so acts don't wait for each other. Then its request takes
its turn: the first to get the advisory lock places everything that waits, under one checkpoint, and the others find
their leaves placed. There is no process whose death could stop this: the lock dies with its connection and the next
request goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from gateway.errors import NotConfirmed
from gateway.ledger.grow import Leaf, integrate
from gateway.ledger.journal import Journal, journal_at
from gateway.store.engine import array, straight, straight_all
from gateway.store.unit_of_work import Store, Unit

_WAITING = "ledger_waiting"
_BATCH = 2000
_TAKE = "SELECT * FROM ledger_take(?, ?, ?)"
_log = structlog.get_logger(__name__)


def enqueue(unit: Unit, journal: Journal, leaf: Leaf) -> None:
    """Put a leaf in line for its place.

    On SQLite that is the end of this very transaction. On PostgreSQL, where the leaf lies in the outbox already, it
    is after the commit, and `Store.writing` ends once the leaf is under a checkpoint, or raises NotConfirmed.
    """
    waiting: list[Leaf] = unit.session.info.setdefault(_WAITING, [])
    waiting.append(leaf)
    if len(waiting) > 1:
        return
    if unit.dialect == "sqlite":
        unit.before_commit(lambda unit: _place_inline(unit, journal), f"ledger before {leaf.entry_id}")
    else:
        unit.after_commit(lambda unit: wait_for(unit.store, journal, [one.entry_id for one in _taken(unit)]))


def _place_inline(unit: Unit, journal: Journal) -> None:
    connection = unit.session.connection()
    with _or_not_confirmed():
        grown, statements = integrate(connection, journal, _taken(unit), unit.now)
        straight_all(connection, statements)
    unit.after_commit(lambda _: journal.remember(grown))


@contextmanager
def _or_not_confirmed() -> Iterator[None]:
    """Whatever goes wrong here, what isn't known to be under a checkpoint is not acknowledged (promise 1)."""
    try:
        yield
    except NotConfirmed:
        raise
    except Exception as error:
        _log.exception("ledger_not_placed")
        raise NotConfirmed from error


def _taken(unit: Unit) -> list[Leaf]:
    waiting: list[Leaf] = unit.session.info[_WAITING]
    leaves = list(waiting)
    waiting.clear()
    return leaves


def wait_for(store: Store, journal: Journal, entry_ids: list[str]) -> None:
    """Return once these entries have their places; place them, and all others that wait, if nobody did.

    Raises NotConfirmed when that takes longer than the journal's patience: the act is stored, and asking again
    with the same idempotency key gives its result.
    """
    turn, deadline = journal.turn, time.monotonic() + journal.patience
    with turn.waiting_for(entry_ids) as waiter:
        # What this process waits for may have been placed by another thread meanwhile, or by another process:
        # then one question answers for all of its threads.
        while turn.taken(waiter, deadline):
            try:
                with _or_not_confirmed():
                    turn.remember(_drain(store, journal, turn.waiting()))
                if waiter.left:
                    turn.look_everywhere()
            finally:
                turn.pass_on()


def catch_up(store: Store) -> int:
    """Place whatever an earlier process left waiting; give how many. For the start of a process."""
    if store.dialect != "postgresql":
        return 0
    placed, journal = 0, journal_at(store)
    while batch := _drain(store, journal, ()):
        placed += len(batch)
    if placed:
        _log.warning("ledger_caught_up", count=placed)
    return placed


def _drain(store: Store, journal: Journal, waiting: Sequence[str]) -> list[str]:
    """Place what waits in the outbox; give which entries that were, and which of `waiting` others had placed.

    When nobody waits for an answer it stands in the queue for the lock; else it only tries, for another who has the
    lock may be placing the same leaves.
    """
    after = journal.turn.after() if waiting else 0
    with store.engine.connect() as connection:
        values = (array(waiting), after, _BATCH)
        placed, numbers, entry_ids, leaves, *head = straight(connection, _TAKE, values)[0]
        if not numbers:
            return placed or []
        now = store.clock.now()
        found = list(map(Leaf, entry_ids, leaves, numbers))
        grown, statements = integrate(connection, journal, found, now, head if head[0] else None)
        straight_all(connection, [*statements, ("COMMIT", ())])
    journal.remember(grown)
    journal.turn.saw(numbers[-1])
    return [*(placed or ()), *entry_ids]
