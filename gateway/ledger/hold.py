"""Entries that it would be unlawful to reveal yet: counted for the advocate now, reviewed by a date, revealed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlmodel import col, select

from gateway.errors import Conflict, Invalid
from gateway.ledger.append import record
from gateway.ledger.changes import keep_hold, locked_hold, reveal_hold
from gateway.ledger.entries import Entry, EntryKind, no_such_entry
from gateway.ledger.models import LedgerHold, LedgerRecord
from gateway.store.unit_of_work import Unit


def hold(unit: Unit, entry_id: str, decided: Entry, *, reviewer_post_id: str, review_on: date) -> str:
    """Hold an entry back until it is reviewed; give the id of the entry that says so.

    `decided` says who decided and why, in words. Raises Invalid without reasons or with a review date that has passed,
    NotFound for an unknown entry, Conflict for one that is held already.
    """
    _check(unit, decided, review_on)
    if unit.session.get(LedgerRecord, entry_id) is None:
        raise no_such_entry()
    if unit.session.get(LedgerHold, entry_id) is not None:
        raise Conflict("This entry was held before.", next_step="Review it instead.")
    by_entry_id = _record(unit, EntryKind.ENTRY_HELD, entry_id, decided, reviewer_post_id, review_on)
    unit.session.add(
        LedgerHold(
            entry_id=entry_id,
            partnership_id=decided.partnership_id,
            by_entry_id=by_entry_id,
            reviewer_post_id=reviewer_post_id,
            review_on=review_on,
        )
    )
    return by_entry_id


def keep_holding(unit: Unit, entry_id: str, decided: Entry, *, reviewer_post_id: str, review_on: date) -> str:
    """Record a review after which the entry stays held until the next one.

    Raises as `hold` does, and NotFound unless it is held.
    """
    _check(unit, decided, review_on)
    held = _held(unit, entry_id)
    by_entry_id = _record(unit, EntryKind.ENTRY_REVIEWED, entry_id, decided, reviewer_post_id, review_on)
    keep_hold(unit, held, by_entry_id, reviewer_post_id, review_on)
    return by_entry_id


def reveal(unit: Unit, entry_id: str, decided: Entry) -> str:
    """Reveal a held entry; give the id of the entry that says so. Raises NotFound unless it is held."""
    held = _held(unit, entry_id)
    revealing = replace(
        decided, kind=EntryKind.ENTRY_REVEALED, refs={**decided.refs, "entry": entry_id}, public=False
    )
    by_entry_id = record(unit, revealing)
    reveal_hold(unit, held, by_entry_id)
    return by_entry_id


def held(unit: Unit, partnership_id: str, by: date = date.max) -> Sequence[LedgerHold]:
    """Give the held entries of a partnership whose review is due by a day, the oldest first."""
    due = (
        select(LedgerHold)
        .where(
            col(LedgerHold.partnership_id) == partnership_id,
            col(LedgerHold.revealed_by_entry_id).is_(None),
            col(LedgerHold.review_on) <= by,
        )
        .order_by(col(LedgerHold.review_on), LedgerHold.entry_id)
    )
    return unit.session.exec(due).all()


def _held(unit: Unit, entry_id: str) -> LedgerHold:
    held = locked_hold(unit, entry_id)
    if held is None or held.revealed_by_entry_id is not None:
        raise no_such_entry()
    return held


def _check(unit: Unit, decided: Entry, review_on: date) -> None:
    if not decided.words:
        raise Invalid("Holding an entry back needs its reasons in words.", fields={"reasons": "Say why."})
    if review_on < unit.now.date():
        raise Invalid("The review date has passed.", fields={"review_on": "Enter a date to come."})


def _record(
    unit: Unit, kind: EntryKind, entry_id: str, decided: Entry, reviewer_post_id: str, review_on: date
) -> str:
    refs = {**decided.refs, "entry": entry_id, "reviewer": reviewer_post_id}
    codes = {**decided.codes, "review_on": review_on.isoformat()}
    return record(unit, replace(decided, kind=kind, refs=refs, codes=codes, public=False))
