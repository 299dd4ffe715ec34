"""What the ledger says came into force last: where an activation is missing, the one before it never returns."""

from __future__ import annotations

import json
from functools import lru_cache

from sqlalchemy import ColumnElement, literal_column
from sqlmodel import col, select

from gateway.ledger.entries import EntryKind
from gateway.ledger.models import LedgerRecord
from gateway.store.unit_of_work import Unit

# Written out, not bound: a store uses the partial index of these kinds only when it can read them in the statement.
_KINDS: list[ColumnElement[str]] = [
    literal_column(f"'{kind}'") for kind in (EntryKind.POLICY_ACTIVATED, EntryKind.POLICY_ROLLED_BACK)
]


def last_recorded(unit: Unit, partnership_id: str) -> int:
    """Give the highest sequence that an activation's entry names, 0 when there is none.

    The entry is committed with the activation or not at all, and the database refuses to change or delete it.
    """
    own = (col(LedgerRecord.partnership_id) == partnership_id, col(LedgerRecord.kind).in_(_KINDS))
    newest = select(col(LedgerRecord.at)).where(*own).order_by(col(LedgerRecord.at).desc()).limit(1)
    records = unit.session.exec(
        select(LedgerRecord.record).where(*own, col(LedgerRecord.at) == newest.scalar_subquery())
    )
    return max((_sequence(record) for record in records), default=0)


@lru_cache(maxsize=256)
def _sequence(record: str) -> int:
    """The sequence that a record names: a fact about this text alone."""
    return int(json.loads(record)["codes"]["sequence"])
