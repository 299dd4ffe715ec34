"""How leaves get their places: at once on SQLite; on PostgreSQL from an outbox, in batches, by whoever has the turn.

On PostgreSQL an act commits with its leaf in the outbox, so acts don't wait for each other. Then its request takes
its turn: the first to get the advisory lock places everything that waits, under one checkpoint, and the others find
their leaves placed. There is no process whose death could stop this: the lock dies with its connection and the next
request goes on.
"""

from __future__ import annotations

import time
from collections.abc import Collection

import sqlalchemy as sa
import structlog

from gateway.errors import NotConfirmed
from gateway.ledger.grow import HEAD, Leaf, integrate
from gateway.ledger.journal import Journal
from gateway.store.engine import at_once
from gateway.store.unit_of_work import Store, Unit

_WAITING = "ledger_waiting"
_ONE_AT_A_TIME = 0x6C656467  # "ledg": the advisory lock under which the tree grows
_BATCH = 2000
_STALLED = (
    "3s"  # a sequencer that hangs in the middle loses its connection, and with it the lock, after this long
)

_LOCK = sa.text(
    f"SELECT set_config('idle_in_transaction_session_timeout', '{_STALLED}', true) AS stalled, "
    f"set_config('gateway.turn', (pg_advisory_xact_lock({_ONE_AT_A_TIME}) IS NOT NULL)::text, true) AS turn"
)
# Who comes while another places leaves waits until that is done and looks again, together with all others who wait:
# a queue for the lock itself would let them in one by one, to find in turn that nothing is left to do.
_LET_FINISH = f"SELECT pg_advisory_lock_shared({_ONE_AT_A_TIME}), pg_advisory_unlock_shared({_ONE_AT_A_TIME})"
_TRY = (
    f"SELECT set_config('idle_in_transaction_session_timeout', '{_STALLED}', true) AS stalled, "
    f"set_config('gateway.turn', pg_try_advisory_xact_lock({_ONE_AT_A_TIME})::text, true) AS turn"
)
_PLACED = "SELECT entry_id FROM ledger_leaf WHERE entry_id = ANY(%(ids)s::text[])"
_TAKE = """
    DELETE FROM ledger_pending
    WHERE current_setting('gateway.turn') = 'true'
    AND number IN (SELECT number FROM ledger_pending ORDER BY number LIMIT %(batch)s)
    RETURNING number, entry_id, leaf
"""
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
        unit.before_commit(lambda unit: integrate(unit, _taken(unit)), f"ledger before {leaf.entry_id}")
    else:
        unit.after_commit(lambda unit: wait_for(unit.store, journal, [one.entry_id for one in _taken(unit)]))


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
    turn.wait_for(entry_ids)
    try:
        # What this process waits for may have been placed by another thread meanwhile, or by another process:
        # then one question answers for all of its threads.
        while turn.taken(entry_ids, deadline):
            try:
                turn.remember(_drain(store, turn.waiting()))
            except NotConfirmed:
                raise
            except Exception as error:
                # Whatever it is, what isn't known to be under a checkpoint is not acknowledged.
                _log.exception("ledger_not_placed")
                raise NotConfirmed from error
            finally:
                turn.pass_on()
    finally:
        turn.forget(entry_ids)


def catch_up(store: Store) -> int:
    """Place whatever an earlier process left waiting; give how many. For the start of a process."""
    placed = 0
    while store.dialect == "postgresql" and (batch := _drain(store, ())):
        placed += len(batch)
    if placed:
        _log.warning("ledger_caught_up", entries=placed)
    return placed


def _drain(store: Store, waiting: Collection[str]) -> set[str]:
    """Place what waits in the outbox; give which entries that were, and which of `waiting` others had placed.

    When nobody waits for an answer it stands in the queue for the lock; else it only tries, for another who has the
    lock may be placing the same leaves.
    """
    locking: list[str] = [_LET_FINISH, _TRY] if waiting else [_LOCK.text]
    with store.writing() as unit:
        # One after the other at the server, so that what is taken is what had committed once the lock was ours.
        *_, found, taken, heads = at_once(
            unit.session.connection(),
            [
                *((one, {}) for one in locking),
                (_PLACED, {"ids": list(waiting)}),
                (_TAKE, {"batch": _BATCH}),
                (HEAD, {}),
            ],
        )
        if taken:
            taken = sorted(taken, key=lambda row: row.number)
            leaves = [Leaf(row.entry_id, row.leaf) for row in taken]
            integrate(unit, leaves, read=heads[0] if heads else None)
    return {row.entry_id for row in (*found, *taken)}
