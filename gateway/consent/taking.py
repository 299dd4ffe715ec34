"""How an answer was taken, what it reaches and how it is recorded: the same for views and for consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from gateway.clock import end_of_local_day, require_utc
from gateway.consent import wordings
from gateway.consent.models import Consent, Heard, HowTaken, Interpreter, Mandate, Present, Views
from gateway.errors import Invalid
from gateway.ledger.append import record
from gateway.ledger.entries import Code, Entry, EntryKind
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import Category, Purpose

LONGEST_WORDS = 4000
Codes = Mapping[str, Code]


class By(Protocol):
    """Who records something: a post of an agency in a partnership, with the names that hold today.

    `gateway.registry.actors.Actor` is one; this room knows nothing of the register.
    """

    @property
    def post_id(self) -> str:
        """The post she acts in."""

    @property
    def agency_id(self) -> str:
        """The agency of the post."""

    @property
    def partnership_id(self) -> str:
        """The partnership of the agency."""

    @property
    def name(self) -> str:
        """What she is called."""

    @property
    def role(self) -> str:
        """Her role."""

    @property
    def agency_name(self) -> str:
        """What her agency is called."""


@dataclass(frozen=True)
class Reach:
    """Which purposes, kinds of information and agencies an answer is about."""

    purposes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    agency_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Taking:
    """How the person was asked: the circumstances that make an answer worth something.

    `taken_at` is an aware instant; `expires_on` a local day that counts whole; `words` is what she said.
    """

    how: HowTaken
    alone: bool | None
    taken_at: datetime
    wording_version: str
    present: frozenset[Present] = frozenset()
    interpreter: Interpreter = Interpreter.NONE
    language: str = "en"
    expires_on: date | None = None
    words: str = field(default="", repr=False)

    @property
    def freely(self) -> bool:
        """Whether she could speak for herself: nobody she may fear sat or interpreted beside her."""
        return (
            Present.PERPETRATOR_OR_RELATIVE not in self.present
            and self.interpreter is not Interpreter.RELATIVE
        )


def covers(row: Heard, purpose: str, category: str, agency_id: str | None, *, empty_means_any: bool) -> bool:
    """Tell whether a row's reach includes one purpose, kind of information and agency."""
    asked = ((row.purposes, purpose), (row.categories, category), (row.agency_ids, agency_id))
    return all(term in listed or (empty_means_any and not listed) for listed, term in asked)


def is_over(expires_on: date | None, now: datetime) -> bool:
    """Tell whether a date-only expiry has passed: it counts until the end of its last local day."""
    return expires_on is not None and now >= end_of_local_day(expires_on)


def check(taking: Taking, reach: Reach, kind: str, now: datetime) -> None:
    """Raise Invalid, naming the field, when what is recorded can't be what happened."""
    wrong = _wrong_terms(reach)
    if require_utc(taking.taken_at) > now:
        wrong["taken_at"] = "The date must be today or in the past."
    if is_over(taking.expires_on, now):
        wrong["expires_on"] = "The last day must be today or later."
    if taking.alone and taking.present - {Present.ADVOCATE, Present.PROFESSIONAL}:
        wrong["present"] = "Say either that the person was alone or who else was there."
    if len(taking.words) > LONGEST_WORDS:
        wrong["words"] = f"What was said must be {LONGEST_WORDS} characters or fewer."
    if wordings.by_version(taking.wording_version).kind != kind:
        wrong["wording_version"] = "These words are for another question."
    if wrong:
        raise Invalid("This can't be recorded as it stands.", fields=wrong)


def columns(taking: Taking, reach: Reach, by: By) -> dict[str, Any]:
    """Give the columns that views and consent share."""
    wording = wordings.by_version(taking.wording_version)
    return {
        "purposes": sorted(reach.purposes),
        "categories": sorted(reach.categories),
        "agency_ids": sorted(reach.agency_ids),
        "how_taken": taking.how.value,
        "alone": taking.alone,
        "present": sorted(taking.present),
        "interpreter": taking.interpreter.value,
        "language": taking.language,
        "taken_by_post_id": by.post_id,
        "taken_at": require_utc(taking.taken_at),
        "wording_version": wording.version,
        "wording_sha256": wording.sha256,
        "expires_on": taking.expires_on,
    }


def codes(row: Heard) -> dict[str, Code]:
    """Give what a ledger record says about how an answer was taken: codes, dates and digests, never words."""
    return {
        "purposes": tuple(row.purposes),
        "categories": tuple(row.categories),
        "agencies": tuple(row.agency_ids),
        "how_taken": row.how_taken,
        "alone": "unknown" if row.alone is None else "yes" if row.alone else "no",
        "present": tuple(row.present),
        "interpreter": row.interpreter,
        "wording_version": row.wording_version,
        "wording_sha256": row.wording_sha256,
        "expires_on": row.expires_on.isoformat() if row.expires_on else "none",
    }


def note(
    unit: Unit, kind: EntryKind, row: Views | Consent | Mandate, by: By, refs: Mapping[str, str], said: Codes
) -> None:
    """Record an act on what a person said or gave, with who acted, as it was called at that time."""
    entry = Entry(
        kind=kind,
        partnership_id=row.partnership_id,
        controller_agency_id=row.controller_agency_id,
        actor_post_id=by.post_id,
        actor_agency_id=by.agency_id,
        subject_ids=(row.subject_id,),
        case_id=None if isinstance(row, Mandate) else row.case_id,
        refs=refs,
        codes=said,
        words={"actor": f"{by.name}, {by.role} at {by.agency_name}"},
    )
    record(unit, entry)


def seal_words(unit: Unit, table: str, row_id: str, subject_id: str, words: str) -> bytes | None:
    """Give what she said under her own key, or None when she said nothing in words."""
    if not words:
        return None
    return unit.vault.seal(unit.session, Scope.SUBJECT, subject_id, words, where=f"{table}|words|{row_id}")


def open_words(unit: Unit, table: str, row_id: str, subject_id: str, sealed: bytes | None) -> str:
    """Give what she said, or an empty text; raises Erased when her key was destroyed."""
    if sealed is None:
        return ""
    return unit.vault.open(unit.session, Scope.SUBJECT, subject_id, sealed, where=f"{table}|words|{row_id}")


def _wrong_terms(reach: Reach) -> dict[str, str]:
    wrong = {}
    if _unknown(reach.purposes, Purpose):
        wrong["purposes"] = "Choose purposes from the list."
    if _unknown(reach.categories, Category):
        wrong["categories"] = "Choose kinds of information from the list."
    return wrong


def _unknown(terms: Iterable[str], known: Iterable[str]) -> bool:
    return bool(set(terms) - {str(term) for term in known})
