"""Whether the register still holds who a person is as the log says.

What was recorded under a record of hers that was parted behind the gateway's back would be missing from her log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import inf

from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, LoggedEntry
from gateway.registry import subjects
from gateway.registry.models import Subject
from gateway.store.unit_of_work import Unit

_KINDS = (EntryKind.SUBJECT_MERGED, EntryKind.SUBJECT_SPLIT)

_Order = tuple[datetime, float]


def is_parted_unseen(unit: Unit, subject_id: str) -> bool:
    """Tell whether a record that the log says was made one with this one is no longer so in the register.

    Where an entry is held back or was erased that may say that they were parted, it is taken to say so.
    """
    known_as = subjects.known_as(unit, subject_id)
    merged: dict[frozenset[str], _Order] = {}
    parted: dict[str, _Order] = {}
    seen: set[str] = set()
    waiting = set(known_as)
    while waiting:
        seen |= waiting
        for entry in _changes(unit, waiting):
            if entry is None:
                return False
            who, at = frozenset(entry.subject_ids), (entry.at, entry.number or inf)
            if entry.kind is EntryKind.SUBJECT_MERGED:
                merged[who] = max(at, merged.get(who, at))
            elif len(who) == 1:  # a record of two persons that gives one of them a new record names both
                parted |= {one: max(at, parted.get(one, at)) for one in who}
        waiting = {one for pair in merged for one in pair} - seen
    erased = read.last_erasure(unit, unit.session.get_one(Subject, subject_id).partnership_id, seen)
    pairs = [
        pair
        for pair, at in merged.items()
        if all(parted.get(one, at) <= at for one in pair) and (erased is None or erased < at[0])
    ]
    return not _joined(known_as, pairs) <= known_as


def _changes(unit: Unit, subject_ids: Iterable[str]) -> Iterator[LoggedEntry | None]:
    """The merges and splits of these that were done; None for one that is held back."""
    for subject_id in subject_ids:
        found = read.entries_for_subject(unit, subject_id, Filter(kinds=_KINDS, limit=read.MOST_AT_ONCE))
        yield from (None for _ in found.held)
        yield from (one for one in found.entries if one.codes.get("step") == "done")


def _joined(known_as: frozenset[str], pairs: list[frozenset[str]]) -> set[str]:
    found, before = set(known_as), 0
    while len(found) > before:
        before = len(found)
        found |= {one for pair in pairs if pair & found for one in pair}
    return found
