"""Erasing what an entry says: its record, salt, words and links go, its leaf stays, and the log says why.

A leaf without its salt says nothing to anyone and can be tied to nobody; all proofs stay valid. A copy of the record
lives on in backups until the epoch key that wrapped its salt's key is destroyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from gateway.errors import Conflict, Invalid
from gateway.ledger.append import record
from gateway.ledger.changes import forget
from gateway.ledger.entries import NEVER_ERASED, Entry, EntryKind, no_such_entry
from gateway.ledger.models import LedgerRecord
from gateway.store.unit_of_work import Unit

MOST_AT_ONCE = 500
_SUBJECT, _ERASURE = (SQLModel.metadata.tables[f"ledger_{name}"] for name in ("subject", "erasure"))


def erase(unit: Unit, entry_ids: Sequence[str], decided: Entry, *, naming: bool = True) -> str:
    """Erase entries in this transaction; give the id of the entry that says so.

    `decided` says who decided and why: its kind becomes `entry.erased`, its codes gain the erased ids, and it must hold
    its reasons in words. It is filed under whoever the entries were about, so that their logs say it; not when
    `naming` them is what has to end. Raises Invalid without reasons or for too many at once, NotFound for an unknown
    entry, Conflict for one that may not be erased: public entries, and those that record what became of another.
    """
    wanted = sorted(set(entry_ids))
    if not decided.words:
        raise Invalid("An erasure needs its reasons in words.", fields={"reasons": "Say why this is erased."})
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise Invalid(f"Erase at least one entry and at most {MOST_AT_ONCE} at once.")
    check_erasable(unit, wanted)
    connection = unit.session.connection()
    hers = sa.select(_SUBJECT.c.subject_id).where(_SUBJECT.c.entry_id.in_(wanted)).distinct()
    decided = replace(
        decided,
        kind=EntryKind.ENTRY_ERASED,
        codes={**decided.codes, "entries": tuple(wanted)},
        subject_ids=tuple(connection.execute(hers).scalars()) if naming else (),
        public=False,
    )
    by_entry_id = record(unit, decided)
    rows = [
        {
            "entry_id": entry_id,
            "partnership_id": decided.partnership_id,
            "by_entry_id": by_entry_id,
            "at": unit.now,
        }
        for entry_id in wanted
    ]
    connection.execute(_ERASURE.insert(), rows)
    forget(unit, wanted)
    unit.session.expire_all()
    return by_entry_id


def check_erasable(unit: Unit, entry_ids: Sequence[str]) -> None:
    """Raise as `erase` does for an entry that isn't there or may not be erased."""
    rows = unit.session.exec(select(LedgerRecord).where(col(LedgerRecord.entry_id).in_(entry_ids))).all()
    if len(rows) != len(entry_ids):
        raise no_such_entry()
    if not all(_may_go(row) for row in rows):
        raise Conflict(
            "This entry can't be erased: it says nothing about a person, or it accounts for another entry.",
            next_step="Erase the entry it is about instead.",
        )


def is_erasable(unit: Unit, entry_id: str) -> bool:
    """Tell whether an entry may be erased: it isn't public, and doesn't account for another."""
    row = unit.session.get(LedgerRecord, entry_id)
    return row is not None and _may_go(row)


def _may_go(row: LedgerRecord) -> bool:
    return row.salt is not None and row.kind not in NEVER_ERASED
