"""Counts across cases for information governance: what happens how often, never about whom.

A count stands only where it is about ten people or more, and only for whole quarters that are over: two overlapping
periods, or a total beside its parts, would give away what was left out (T28).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import col

from gateway.clock import start_of_local_day
from gateway.errors import Forbidden, Invalid
from gateway.ledger.entries import EntryKind
from gateway.ledger.models import LedgerRecord, LedgerSubject
from gateway.registry import agencies
from gateway.registry.actors import Actor
from gateway.registry.models import Face
from gateway.store.unit_of_work import Unit

FEWEST_PEOPLE = 10
_QUARTERS = 4
_MONTHS = 3

COUNTED: Mapping[str, tuple[EntryKind, ...]] = {
    "Requests": (EntryKind.REQUEST_MADE, EntryKind.REQUEST_OFFERED),
    "Releases": (EntryKind.RELEASE_MADE,),
    "Refusals by the holder": (EntryKind.RELEASE_DECLINED,),
    "Decided by a person against a rule or a wish": (EntryKind.AUTHORISATION_GIVEN,),
    "A person declined to allow it": (EntryKind.AUTHORISATION_REFUSED,),
    "Emergencies": (EntryKind.EMERGENCY_USED,),
    "Passed up because no answer came": (EntryKind.REQUEST_ESCALATED,),
    "Openings that failed": (EntryKind.PARCEL_OPENING_FAILED,),
    "Passed on, asked": (EntryKind.ONWARD_ASKED,),
    "Recalls": (EntryKind.RECALL_SENT,),
    "Consent taken back": (EntryKind.CONSENT_WITHDRAWN,),
    "Went round the gateway": (EntryKind.APPROACH_RECORDED, EntryKind.SPOKEN_RECORDED),
    "Concerns": (EntryKind.CONCERN_RAISED,),
}


@dataclass(frozen=True)
class Quarter:
    """A calendar quarter, such as the third of 2026; its code is "2026-3"."""

    year: int
    number: int

    @property
    def code(self) -> str:
        """The quarter as it stands in an address."""
        return f"{self.year}-{self.number}"

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, (self.number - 1) * _MONTHS + 1, 1)

    @property
    def following(self) -> Quarter:
        """The quarter after it."""
        if self.number == _QUARTERS:
            return Quarter(self.year + 1, 1)
        return Quarter(self.year, self.number + 1)

    @property
    def previous(self) -> Quarter:
        """The quarter before it."""
        if self.number == 1:
            return Quarter(self.year - 1, _QUARTERS)
        return Quarter(self.year, self.number - 1)


@dataclass(frozen=True)
class Row:
    """One agency's counts in the order of COUNTED; None where fewer than ten people are concerned."""

    agency: str
    counts: Sequence[int | None]


def quarter_of(day: date) -> Quarter:
    """Give the quarter a day lies in."""
    return Quarter(day.year, (day.month - 1) // _MONTHS + 1)


def quarter(code: str) -> Quarter:
    """Give the quarter of a code such as "2026-3"; raise Invalid for anything else."""
    year, _, number = code.partition("-")
    if len(year) == len("2026") and year.isdigit() and number in {"1", "2", "3", "4"}:
        return Quarter(int(year), int(number))
    raise Invalid("There is no such quarter.", fields={"quarter": "Choose a quarter from the list."})


def quarters(unit: Unit, actor: Actor, count: int = 8) -> list[Quarter]:
    """Give the last quarters that are over, newest first."""
    found = [quarter_of(agencies.today(unit, actor.partnership_id)).previous]
    while len(found) < count:
        found.append(found[-1].previous)
    return found


def counts(unit: Unit, actor: Actor, period: Quarter) -> list[Row]:
    """Give the counts of a quarter per agency: the officer's own, or all of the partnership she governs.

    Raises Forbidden for anybody but an information-governance officer, Invalid for a quarter that isn't over.
    """
    if actor.face is not Face.GOVERNANCE:
        raise Forbidden("These counts are for information-governance officers.")
    if period.following.first_day > agencies.today(unit, actor.partnership_id):
        raise Invalid("This quarter isn't over.", fields={"quarter": "Choose a quarter that is over."})
    held = _per_agency(unit, actor, period)
    return [
        Row(one.name, [_if_enough(*held[one.agency_id, name]) for name in COUNTED])
        for one in agencies.agencies(unit, actor.partnership_id)
        if actor.governs or one.agency_id == actor.agency_id
    ]


def _per_agency(unit: Unit, actor: Actor, period: Quarter) -> dict[tuple[str, str], tuple[int, int]]:
    name_of = {kind: name for name, kinds in COUNTED.items() for kind in kinds}
    rows = unit.session.execute(
        sa.select(
            col(LedgerRecord.controller_agency_id),
            col(LedgerRecord.kind),
            col(LedgerRecord.entry_id),
            col(LedgerSubject.subject_id),
        )
        .join(LedgerSubject, col(LedgerSubject.entry_id) == col(LedgerRecord.entry_id))
        .where(
            col(LedgerRecord.partnership_id) == actor.partnership_id,
            col(LedgerRecord.at) >= start_of_local_day(period.first_day),
            col(LedgerRecord.at) < start_of_local_day(period.following.first_day),
            col(LedgerRecord.kind).in_([kind.value for kind in name_of]),
        )
    )
    entries: dict[tuple[str, str], set[str]] = defaultdict(set)
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    for agency_id, kind, entry_id, subject_id in rows:
        place = agency_id, name_of[EntryKind(kind)]
        entries[place].add(entry_id)
        people[place].add(subject_id)
    return defaultdict(
        lambda: (0, 0), {place: (len(entries[place]), len(people[place])) for place in entries}
    )


def _if_enough(entries: int, people: int) -> int | None:
    return entries if people >= FEWEST_PEOPLE else None
