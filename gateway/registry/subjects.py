"""Subjects: who they are (sealed under their own key), how they are matched, and what they are in each case.

A requester never searches names. A match takes one national number or two identifiers, compared as keyed tokens;
anything less is for the holder to answer: "is this the person?" (DESIGN 4).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import bindparam
from sqlmodel import col, delete, select

from gateway.errors import Conflict, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import act, must_govern
from gateway.registry.agencies import not_found, today
from gateway.registry.models import Case, CaseSubject, Subject, SubjectState, SubjectToken
from gateway.store.tables import new_reference
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import Capacity

# One of these is one person; of the others two that agree are needed.
NATIONAL_NUMBERS = frozenset({"nhs_number", "pnc_id", "cro_number", "prison_number", "crn"})
IDENTIFIERS = frozenset({"name", "date_of_birth", "postcode", "phone", "email"})
_ENOUGH_IDENTIFIERS = 2
_FIRM = frozenset({"name", "date_of_birth"})
_IN_CASE = (
    select(CaseSubject, Subject)
    .join(Subject, col(CaseSubject.subject_id) == col(Subject.id))
    .where(CaseSubject.case_id == bindparam("case"))
)
_MERGED = select(Subject.id).where(col(Subject.merged_into_id).in_(bindparam("into", expanding=True)))


class Identity(BaseModel):
    """Who a subject is. It exists in the clear only where somebody entitled reads it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=200)
    other_names: tuple[str, ...] = ()
    born_on: date | None = None
    postcode: str | None = Field(default=None, max_length=10)
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    numbers: dict[str, str] = Field(default_factory=dict)

    def identifiers(self) -> list[tuple[str, str]]:
        """Give every kind and value by which this person may be matched."""
        pairs = [("name", self.name), *(("name", name) for name in self.other_names)]
        if self.born_on:
            pairs.append(("date_of_birth", self.born_on.isoformat()))
        if self.postcode:
            pairs.append(("postcode", self.postcode))
        pairs += [("phone", phone) for phone in self.phones] + [("email", email) for email in self.emails]
        return pairs + sorted(self.numbers.items())


@dataclass(frozen=True)
class SubjectView:
    """A subject in one case, without a name: an id, a random reference, and what decisions read."""

    subject_id: str
    reference: str
    role: str
    capacity: str
    role_disputed: bool
    deceased: bool
    age: int | None


@dataclass(frozen=True)
class Match:
    """Exactly one person of the register fits."""

    subject_id: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class Uncertain:
    """No one fits well enough, or more than one does: the holder is asked "is this the person?"."""

    candidates: tuple[str, ...] = ()


def subjects_of(unit: Unit, case_id: str) -> list[SubjectView]:
    """Give the subjects of a case today by role and reference.

    A merged subject appears once, as the one it was merged into; when the roles of the two differ the role counts as
    disputed. The erased are left out.
    """
    return unit.once("registry", ("subjects of", case_id), lambda: _subjects_of(unit, case_id))


def _subjects_of(unit: Unit, case_id: str) -> list[SubjectView]:
    case = unit.session.get(Case, case_id)
    if case is None:
        return []
    day = today(unit, case.partnership_id)
    found = [
        (row, unit.session.get_one(Subject, canonical(unit, row.subject_id)))
        for row in _in_case(unit, case_id, day)
    ]
    unit.vault.prepare(
        unit.session, ((Scope.SUBJECT, subject.id) for _, subject in found if subject.identity)
    )
    held: dict[str, SubjectView] = {}
    for row, subject in found:
        if subject.state == SubjectState.ERASED:
            continue
        other = held.get(subject.id)
        disputed = row.role_disputed or (
            other is not None and (other.role_disputed or other.role != row.role)
        )
        held[subject.id] = SubjectView(
            subject_id=subject.id,
            reference=subject.reference,
            role=other.role if other else row.role,
            capacity=subject.capacity,
            role_disputed=disputed,
            deceased=subject.deceased_on is not None,
            age=_age(unit, subject, day),
        )
    return sorted(held.values(), key=lambda view: (view.role, view.reference))


def _in_case(unit: Unit, case_id: str, day: date) -> list[CaseSubject]:
    # Each with its subject, so that none has to be read by itself.
    rows = unit.session.exec(_IN_CASE, params={"case": case_id})
    return [row for row, _ in rows if row.starts_on <= day and (row.ends_on is None or row.ends_on >= day)]


def is_in_case(unit: Unit, case_id: str, subject_id: str) -> bool:
    """Tell whether a subject belongs to a case today."""
    return any(view.subject_id == canonical(unit, subject_id) for view in subjects_of(unit, case_id))


def canonical(unit: Unit, subject_id: str) -> str:
    """Give the subject under which this one is known now: itself, or the one it was merged into.

    Raises NotFound for an unknown id.
    """
    seen: set[str] = set()
    at = subject_id
    while at not in seen:
        seen.add(at)
        row = unit.session.get(Subject, at)
        if row is None:
            raise not_found("person")
        if row.merged_into_id is None:
            return at
        at = row.merged_into_id
    raise Conflict("Two records point at each other.", next_step="Tell the operator.")


def known_as(unit: Unit, subject_id: str) -> frozenset[str]:
    """Give every subject id that means this person: what was recorded under one counts for all.

    Views, consents, walls and facts stay under the id and key they were recorded with, so that a merge can be undone.
    """
    return unit.once("registry", ("known as", subject_id), lambda: _known_as(unit, subject_id))


def _known_as(unit: Unit, subject_id: str) -> frozenset[str]:
    first = canonical(unit, subject_id)
    found, waiting = {first}, [first]
    while waiting:
        rows = unit.session.exec(_MERGED, params={"into": waiting}).all()
        waiting = [one for one in rows if one not in found]
        found.update(waiting)
    return frozenset(found)


def lock(unit: Unit, subject_id: str) -> None:
    """Lock a subject's rows until the transaction ends, so that a withdrawal or a wall wins (promise 4).

    On SQLite a writing unit already holds the only write lock. On PostgreSQL whatever was read before the lock was
    granted is read again after it. Raises NotFound for an unknown id.
    """
    ids = known_as(unit, subject_id)
    if unit.dialect == "sqlite":
        return
    locked: set[str] = unit.session.info.setdefault("locked", set())
    # Again when another record of her was merged in while this waited; the same lock twice changes nothing.
    while not ids <= locked:
        unit.forget()
        # Not the key: others write rows that only point at the subject before its lock, and would wait in a ring.
        query = select(Subject).where(col(Subject.id).in_(ids)).order_by(Subject.id)
        rows = unit.session.exec(
            query.with_for_update(key_share=True).execution_options(populate_existing=True)
        )
        locked.update(row.id for row in rows)
        ids = known_as(unit, subject_id)


def identity_of(unit: Unit, subject_id: str) -> Identity:
    """Give who a subject is. Raises NotFound, and Erased once the subject's key was destroyed."""
    row = unit.session.get_one(Subject, canonical(unit, subject_id))
    return _open_identity(unit, row)


def create(
    unit: Unit,
    actor: Actor,
    *,
    identity: Identity,
    controller_agency_id: str,
    capacity: str = Capacity.NOT_ASSESSED,
    deceased_on: date | None = None,
) -> str:
    """Add a subject to the register; give its id. Raises Forbidden, and Invalid for an unknown term."""
    must_govern(actor, controller_agency_id)
    row = add(
        unit,
        actor.partnership_id,
        identity=identity,
        controller_agency_id=controller_agency_id,
        capacity=capacity,
        deceased_on=deceased_on,
    )
    act(
        unit,
        actor,
        EntryKind.SUBJECT_ADDED,
        controller_agency_id=controller_agency_id,
        subject_ids=[row.id],
        codes={"reference": row.reference},
    )
    return row.id


def add(
    unit: Unit,
    partnership_id: str,
    *,
    identity: Identity,
    controller_agency_id: str,
    capacity: str,
    deceased_on: date | None = None,
    code: str | None = None,
) -> Subject:
    """Write a new subject with its tokens, without an entry: the caller records one. Raises Invalid."""
    if capacity not in set(Capacity):
        raise Invalid("This isn't known.", fields={"capacity": "Choose from the list."})
    reference = _free_reference(unit, partnership_id)
    row = Subject(
        partnership_id=partnership_id,
        code=code or reference,
        reference=reference,
        controller_agency_id=controller_agency_id,
        capacity=capacity,
        deceased_on=deceased_on,
    )
    unit.session.add(row)
    write_identity(unit, row, identity)
    return row


def write_identity(unit: Unit, row: Subject, identity: Identity) -> None:
    """Seal an identity under the subject's key and replace its tokens. Raises Invalid for a value of no use."""
    unknown = set(identity.numbers) - NATIONAL_NUMBERS
    if unknown:
        raise Invalid("This kind of number isn't known.", fields={"numbers": f"Use one of {_listed()}."})
    row.identity = unit.vault.seal(
        unit.session, Scope.SUBJECT, row.id, identity.model_dump_json(), where=identity_place(row.id)
    )
    unit.session.add(row)
    unit.session.flush()
    unit.session.exec(delete(SubjectToken).where(col(SubjectToken.subject_id) == row.id))
    for kind, token in _tokens(unit, identity.identifiers(), row.partnership_id):
        made = SubjectToken(partnership_id=row.partnership_id, subject_id=row.id, kind=kind, token=token)
        unit.session.add(made)


def match(unit: Unit, partnership_id: str, identifiers: Mapping[str, str]) -> Match | Uncertain:
    """Give the one subject that fits the identifiers (kind to value), or say that it is uncertain.

    A national number that fits one person is enough unless another identifier given fits somebody else; without one,
    two identifiers must fit the same one person. Erased subjects have no tokens and never match. Raises Invalid for
    an unknown kind or an unusable value.
    """
    unknown = set(identifiers) - NATIONAL_NUMBERS - IDENTIFIERS
    if unknown:
        raise Invalid(
            "This kind of identifier isn't known.", fields={"identifiers": f"Use one of {_listed()}."}
        )
    wanted = dict(_tokens(unit, identifiers.items(), partnership_id))
    hits = unit.session.exec(
        select(SubjectToken.subject_id).where(
            SubjectToken.partnership_id == partnership_id, col(SubjectToken.token).in_(wanted.values())
        )
    ).all()
    return judge({one: _on_file(unit, one) for one in {canonical(unit, hit) for hit in hits}}, wanted)


def judge(
    on_file: Mapping[str, Mapping[str, Collection[str]]], wanted: Mapping[str, str]
) -> Match | Uncertain:
    """Give the one candidate that fits what is wanted well enough, given each candidate's tokens by kind.

    A candidate whose number, date of birth or name on file differs from the one given is contradicted: someone made a
    mistake, so the holder is asked.
    """
    fits = {
        one: {kind for kind in wanted if wanted[kind] in held.get(kind, ())} for one, held in on_file.items()
    }
    sure = [
        one for one, kinds in fits.items() if kinds & NATIONAL_NUMBERS or len(kinds) >= _ENOUGH_IDENTIFIERS
    ]
    if len(sure) != 1:
        return Uncertain(tuple(sorted(one for one, kinds in fits.items() if kinds)))
    held = on_file[sure[0]]
    firm = [kind for kind in wanted if kind in NATIONAL_NUMBERS | _FIRM and held.get(kind)]
    if any(wanted[kind] not in held[kind] for kind in firm):
        return Uncertain(tuple(sorted(fits)))
    return Match(sure[0], tuple(sorted(fits[sure[0]])))


def identity_place(subject_id: str) -> str:
    """Give where a subject's identity is sealed: table, column and row."""
    return f"subject|identity|{subject_id}"


def _on_file(unit: Unit, subject_id: str) -> dict[str, set[str]]:
    rows = unit.session.exec(
        select(SubjectToken).where(col(SubjectToken.subject_id).in_(known_as(unit, subject_id)))
    )
    held: dict[str, set[str]] = {}
    for row in rows:
        held.setdefault(row.kind, set()).add(row.token)
    return held


def _tokens(unit: Unit, pairs: Iterable[tuple[str, str]], partnership_id: str) -> list[tuple[str, str]]:
    return sorted({(kind, unit.vault.token(kind, value, partnership_id)) for kind, value in pairs})


def _open_identity(unit: Unit, row: Subject) -> Identity:
    # Without an identity the open below raises Erased for a destroyed key and is refused otherwise.
    sealed = row.identity or b""
    text = unit.vault.open(unit.session, Scope.SUBJECT, row.id, sealed, where=identity_place(row.id))
    return Identity.model_validate_json(text)


def _age(unit: Unit, row: Subject, day: date) -> int | None:
    if row.identity is None:
        return None
    born = _open_identity(unit, row).born_on
    if born is None:
        return None
    until = min(day, row.deceased_on or day)
    return until.year - born.year - ((until.month, until.day) < (born.month, born.day))


def _free_reference(unit: Unit, partnership_id: str) -> str:
    while True:
        drawn = new_reference()
        taken = select(Subject.id).where(Subject.partnership_id == partnership_id, Subject.reference == drawn)
        if unit.session.exec(taken).first() is None:
            return drawn


def _listed() -> str:
    return ", ".join(sorted(NATIONAL_NUMBERS | IDENTIFIERS))
