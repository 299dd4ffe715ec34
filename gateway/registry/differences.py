"""What an import changes, in words: which row, what it would say, whether that loosens, and who gains by it.

Whatever isn't known to tighten loosens (promise 9). Who a subject is stays sealed: her record is named by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gateway.clock import local_day
from gateway.registry import models
from gateway.registry.facts import loosens as fact_loosens
from gateway.registry.people import contact_of, in_words, view_of
from gateway.registry.reconcile import Change
from gateway.store.tables import Row
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import vocabulary


@dataclass(frozen=True)
class Difference:
    """One row of a change: what it is, whose or which, what it would say, and the people and agencies that gain."""

    what: str
    which: str
    says: tuple[str, ...]
    loosens: bool
    # Whoever is new gains under an id that is another one each time.
    gains: tuple[str, ...] = field(compare=False)


def difference(unit: Unit, change: Change) -> Difference:
    """Lay one change of an import out for whoever must agree to it."""
    what, named_by = _TOLD[change.entity]
    said = _Saying(unit, change)
    widens = loosens(change)
    return Difference(
        what=what,
        which=", ".join(one for one in map(said.was, named_by) if one),
        says=tuple(said.new(named_by) if change.new else said.changed()),
        loosens=widens,
        gains=tuple(sorted(_gains(unit, change))) if widens else (),
    )


def loosens(change: Change) -> bool:
    """Tell whether a change widens what somebody may do or see; one that isn't known to tighten does."""
    if change.loosens is not None:
        return change.loosens
    if isinstance(change.row, models.RegisteredFact):
        return _fact_loosens(change, change.row)
    if change.new:
        return not (isinstance(change.row, models.Wall) and change.row.kind == models.WallKind.EXCLUDE)
    return not all(_tightens(change, name) for name in change.fields)


def _fact_loosens(change: Change, row: models.RegisteredFact) -> bool:
    if change.new or not fact_loosens(row.circumstance):
        return not change.new or fact_loosens(row.circumstance)
    return set(change.fields) != {"ends_at"} or not _is_earlier(change.was["ends_at"], row.ends_at)


def _tightens(change: Change, name: str) -> bool:
    place, now = (change.entity, name), getattr(change.row, name)
    if place in _ENDS:
        return _is_earlier(change.was[name], now)
    if place in _HOLDS:
        return now is None or (change.was[name] is not None and now < change.was[name])
    return place in _LOWERED and now is _LOWERED[place]


def _is_earlier(before: Any, now: Any) -> bool:
    return now is not None and (before is None or now < before)


# An end that comes, or comes sooner.
_ENDS = {
    ("agency", "closed_on"),
    ("arrangement", "ends_on"),
    ("case", "closed_on"),
    ("case_assignment", "ends_on"),
    ("membership", "ends_on"),
    ("post", "ends_on"),
    ("post_authority", "ends_on"),
}
# A proof that lapses sooner, or is gone.
_HOLDS = {("person", "trained_until"), ("person", "vetted_until")}
# That an officer governs no more isn't among them: it leaves fewer to ask.
_LOWERED = {("membership", "signatory"): False, ("case_subject", "role_disputed"): True}

# What each table's row is called, and by which of its columns it is recognised.
_TOLD: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "partnership": ("Partnership", ("name",)),
    "agency": ("Agency", ("name",)),
    "identity_provider": ("Sign-in provider of an agency", ("agency_id",)),
    "person": ("Member of staff", ("name",)),
    "sign_in_identity": ("Sign-in of a person", ("person_id",)),
    "post": ("Post", ("person_id", "role", "agency_id")),
    "post_authority": ("Authority to decide", ("post_id", "role_code")),
    "arrangement": ("Arrangement", ("name",)),
    "membership": ("Membership", ("agency_id", "arrangement_id")),
    "subject": ("Record of a person", ("code",)),
    "safe_contact": ("Safe way to reach a person", ("subject_id",)),
    "wall": ("Wall", ("subject_id",)),
    "case": ("Case", ("reference",)),
    "case_subject": ("Person in a case", ("subject_id", "case_id")),
    "case_assignment": ("Who works a case", ("post_id", "case_id")),
    "risk_rating": ("Risk rating", ("subject_id", "case_id")),
    "registered_fact": ("What is known", ("circumstance", "case_id", "subject_id", "agency_id", "post_id")),
}
_UNSAID = {"id", "partnership_id", "created_at", "code", "counts_from", "state", "reference"}
_WORDS = {
    "approved_by_post_id": "approved, as the file says, by",
    "assessed_by_post_id": "assessed by",
    "chair_post_id": "chair",
    "contact": "e-mail address",
    "controller_agency_id": "held by",
    "dash_ticks": "DASH ticks",
    "dpia_reference": "impact assessment",
    "ends_at": "until",
    "ends_on": "last day",
    "face": "pages it opens",
    "governs": "governs the whole partnership",
    "granted_by_post_id": "granted, as the file says, by",
    "kind": "kind",
    "lead_agency_id": "lead agency",
    "orientation": "",  # its terms say it whole: "Works with victims"
    "placed_by_post_id": "raised, as the file says, by",
    "recorded_by_post_id": "recorded, as the file says, by",
    "required_acr": "strength of sign-in asked for",
    "review_by": "looked at by",
    "role_code": "role",
    "role_disputed": "role disputed",
    "starts_at": "from",
    "starts_on": "first day",
    "sub": "known to the provider as",
    "signatory": "has signed",
    "trained_until": "training holds until",
    "vetted_until": "vetting holds until",
}
_TERMS = {
    "agency_type": ("agency_type",),
    "capacity": ("capacity",),
    "categories": ("category",),
    "circumstance": ("circumstance",),
    "jurisdiction": ("jurisdiction",),
    "kind": ("arrangement",),
    "level": ("risk_level",),
    "orientation": ("orientation",),
    "role": ("role", "subject_role"),
    "role_code": ("role",),
    "standing": ("duty",),
}
_WALLS = {models.WallKind.EXCLUDE: "keeps out", models.WallKind.ALLOW_ONLY: "lets only these in"}


class _Saying:
    """One change's columns in words."""

    def __init__(self, unit: Unit, change: Change) -> None:
        self.unit = unit
        self.change = change
        self.row: Any = change.row

    def was(self, name: str) -> str:
        """Give how a column was before, which is how its row is known."""
        value = self.change.was[name] if name in self.change.was else getattr(self.row, name)
        return self._value(name, value) if value is not None else ""

    def new(self, named_by: tuple[str, ...]) -> Iterator[str]:
        """Give what a new row says, without what names it and what is sealed."""
        yield "New"
        for name in self.row.__table__.columns.keys():  # noqa: SIM118  (a collection, no mapping)
            value = getattr(self.row, name)
            if (
                name not in _UNSAID
                and name not in named_by
                and value not in (None, [])
                and type(value) is not bytes
            ):
                yield f"{_called(name)}{self._value(name, value)}"

    def changed(self) -> Iterator[str]:
        """Give each column that differs, as it was and as it would be."""
        for name in self.change.fields:
            if name == "contact":
                now = contact_of(self.unit, self.row.id) or "none"
                yield f"e-mail address: {self.change.was[name] or 'none'} becomes {now}"
                continue
            before, now = (self._value(name, one) for one in (self.change.was[name], getattr(self.row, name)))
            yield f"{_called(name)}{before} becomes {now}"

    def _value(self, name: str, value: Any) -> str:
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list):
            return ", ".join(self._value(name, one) for one in value) or "none"
        if isinstance(value, datetime):
            value = local_day(value)
        if isinstance(value, date):
            return f"{value.day} {value:%B %Y}"
        if name == "kind" and isinstance(self.row, models.Wall):
            return _WALLS[models.WallKind(value)]
        return self._row(name, value) or _term(name, value)

    def _row(self, name: str, value: Any) -> str:
        """Give what a column that points at another row points at, or nothing."""
        column = self.row.__table__.columns[name]
        for link in column.foreign_keys:
            table = _POINTED_AT[link.column.table.name]
            return _NAMES[table](self.unit, self.unit.session.get_one(table, value))
        return ""


def _called(name: str) -> str:
    words = _WORDS.get(name, name.removesuffix("_id").replace("_", " "))
    return f"{words}: " if words else ""


def _term(name: str, value: Any) -> str:
    words = vocabulary()
    tables = [one for one in _TERMS.get(name, ()) if words.knows(one, str(value))]
    return words.label(tables[0], value) if tables else str(value)


_NAMES: Mapping[type[Row], Callable[[Unit, Any], str]] = {
    models.Agency: lambda _, row: str(row.name),
    models.Arrangement: lambda _, row: str(row.name),
    models.Case: lambda _, row: str(row.reference),
    models.Person: lambda _, row: str(row.name),
    models.Post: lambda unit, row: in_words(view_of(unit, row)),
    models.Subject: lambda _, row: f"record {row.code or row.reference}",
}
_POINTED_AT = {str(table.__tablename__): table for table in _NAMES}

# Where a row lets a whole agency in; elsewhere its agency is only where somebody works.
_OF_AGENCIES = (models.Membership, models.IdentityProvider, models.Wall, models.RegisteredFact)


def _gains(unit: Unit, change: Change) -> Iterator[str]:
    row: Any = change.row
    if isinstance(row, models.Person | models.Agency):
        yield row.id
    if getattr(row, "person_id", None):
        yield row.person_id
    post = unit.session.get(models.Post, row.post_id) if getattr(row, "post_id", None) else None
    if post is not None:
        yield post.person_id
    if isinstance(row, _OF_AGENCIES) and row.agency_id:
        yield row.agency_id
