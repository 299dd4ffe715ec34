"""The few rows of the ledger that change or go after they were written.

On PostgreSQL by functions of the tables' owner, which look themselves whether the log says so: the gateway's role may
change and delete nothing. On SQLite by plain statements; there the triggers are all the belt there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway.ledger.models import LedgerAlarm, LedgerCosignature, LedgerHold
from gateway.store.unit_of_work import Unit

_RECORD, _SUBJECT, _HOLD, _ALARM = (
    SQLModel.metadata.tables[f"ledger_{name}"] for name in ("record", "subject", "hold", "alarm")
)


def forget(unit: Unit, entry_ids: Sequence[str]) -> None:
    """Delete what entries say, their links and holds, once their erasure is recorded."""
    if _is_asked(unit, "ledger_erase", list(entry_ids)):
        return
    for table in (_HOLD, _SUBJECT, _RECORD):
        unit.session.connection().execute(table.delete().where(table.c.entry_id.in_(entry_ids)))


def locked_hold(unit: Unit, entry_id: str) -> LedgerHold | None:
    """Give an entry's hold, if it has one, as it is now; nobody else decides about it until this unit ends."""
    _is_asked(unit, "ledger_lock_hold", entry_id)
    return unit.session.get(LedgerHold, entry_id, populate_existing=True)


def keep_hold(unit: Unit, held: LedgerHold, by_entry_id: str, reviewer_post_id: str, review_on: date) -> None:
    """Name who looks at a held entry next and when, as the entry of its review says."""
    if _is_asked(unit, "ledger_keep_hold", held.entry_id, by_entry_id):
        unit.session.refresh(held)
        return
    held.by_entry_id, held.reviewer_post_id, held.review_on = by_entry_id, reviewer_post_id, review_on
    unit.session.add(held)


def reveal_hold(unit: Unit, held: LedgerHold, by_entry_id: str) -> None:
    """Note by which entry a held one was revealed."""
    if _is_asked(unit, "ledger_reveal", held.entry_id, by_entry_id):
        unit.session.refresh(held)
        return
    held.revealed_by_entry_id = by_entry_id
    unit.session.add(held)


def keep_cosignature(unit: Unit, row: LedgerCosignature) -> None:
    """Keep a witness's line under a checkpoint, in the place of an earlier one of its under the same."""
    if not _is_asked(unit, "ledger_cosign", row.epoch, row.size, row.witness, row.line, row.at):
        unit.session.merge(row)


def raise_alarm(unit: Unit, row: LedgerAlarm) -> None:
    """Keep a worker's word that the log is damaged, in the place of what it said before."""
    if not _is_asked(unit, "ledger_raise_alarm", row.worker, row.problem, row.found_at, row.until):
        unit.session.merge(row)


def take_back_alarm(unit: Unit, worker: str, now: datetime) -> None:
    """Delete a worker's alarm, and those that count no more."""
    if not _is_asked(unit, "ledger_take_back_alarm", worker, now):
        over = sa.or_(_ALARM.c.worker == worker, _ALARM.c.until <= now)
        unit.session.connection().execute(_ALARM.delete().where(over))


def _is_asked(unit: Unit, function: str, *values: object) -> bool:
    """Ask a function of PostgreSQL; False on SQLite, which has none."""
    if unit.dialect != "postgresql":
        return False
    given = {f"value{number}": value for number, value in enumerate(values)}
    unit.session.flush()
    asking = f"SELECT {function}({', '.join(f':{name}' for name in given)})"
    unit.session.connection().execute(sa.text(asking), given)
    return True
