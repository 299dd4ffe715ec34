"""That a worker found the log damaged, told to all: none of them releases while one still finds it so.

A worker's word can only stop the others. It counts until that worker takes it back, having checked the whole again, or
until it has been silent for as long as three of its checks: then each of the others goes by what it finds itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from gateway.ledger import changes
from gateway.ledger.journal import journal_of
from gateway.ledger.models import LedgerAlarm
from gateway.store.unit_of_work import Store, Unit

_ROUNDS = 3


def damage(unit: Unit) -> str | None:
    """Give what this worker found wrong, or another whose alarm counts; None when nothing is known to be."""
    journal = journal_of(unit)
    if journal.damaged is not None:
        return journal.damaged
    raised = _raised(unit)
    return raised.problem if raised else None


def _raised(unit: Unit) -> LedgerAlarm | None:
    """The latest alarm that counts now."""
    counting = select(LedgerAlarm).where(col(LedgerAlarm.until) > unit.now)
    return unit.session.exec(counting.order_by(col(LedgerAlarm.found_at).desc()).limit(1)).first()


def raise_alarm(store: Store, worker: str, problem: str, found_at: datetime, every: timedelta) -> None:
    """Tell all workers what this one found; it will look again within `every`."""
    with store.writing() as unit:
        until = unit.now + _ROUNDS * every
        alarm = LedgerAlarm(worker=worker, problem=problem, found_at=found_at, until=until)
        changes.raise_alarm(unit, alarm)


def take_back(store: Store, worker: str) -> None:
    """Take back this worker's alarm, and remove those that count no more."""
    over = sa.or_(col(LedgerAlarm.worker) == worker, col(LedgerAlarm.until) <= store.clock.now())
    with store.reading() as unit:
        there = unit.session.exec(select(LedgerAlarm.worker).where(over).limit(1)).first()
    if there is None:
        return
    with store.writing() as unit:
        changes.take_back_alarm(unit, worker, unit.now)
