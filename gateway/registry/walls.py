"""Walls: who must never see a person's information (exclude list) and who alone may (allow-only list).

A wall stands at once on one person's word and is looked at afterwards. Lifting one, or adding somebody to an
allow-only list, takes two people who aren't the ones it lets in (promise 9).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.clock import add_working_days
from gateway.errors import Conflict, Forbidden, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason, act, must_differ, must_govern, person_of
from gateway.registry.agencies import not_found, today
from gateway.registry.cases import agencies_on, is_on_case
from gateway.registry.models import (
    Agency,
    CaseSubject,
    Face,
    Partnership,
    Person,
    Subject,
    Wall,
    WallKind,
)
from gateway.registry.subject_records import keeps
from gateway.registry.subjects import canonical, known_as, lock
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

REVIEW_WORKING_DAYS = 5
# Built once: for a decision's small reads, building the statement costs more than all the rest (so in this room).
_STANDING = select(Wall).where(
    col(Wall.subject_id).in_(bindparam("ids", expanding=True)),
    col(Wall.lifted_at).is_(None),
    col(Wall.counts_from).is_not(None),
)


def walled(unit: Unit, subject_id: str, person_id: str, agency_id: str) -> bool:
    """Tell whether a person of staff, or her agency, must not see this subject's information.

    The person counts, whichever post she acts in. Records merged into one keep each its own lists, and all of them
    must let her pass.
    """
    return keeps_out(_standing(unit, subject_id), person_id, agency_id)


def keeps_out(rows: Collection[Wall], person_id: str, agency_id: str) -> bool:
    """Tell whether standing walls keep somebody out: named on an exclude list, or missing from any allow-only list."""
    if any(row.kind == WallKind.EXCLUDE and _names(row, person_id, agency_id) for row in rows):
        return True
    lists: dict[str, list[Wall]] = {}
    for row in rows:
        if row.kind != WallKind.EXCLUDE:
            lists.setdefault(row.subject_id, []).append(row)
    return any(not any(_names(row, person_id, agency_id) for row in one) for one in lists.values())


def excluded(unit: Unit, subject_id: str, person_id: str, agency_id: str) -> bool:
    """Tell whether a person, or her agency, is on an exclude list: then she handles nothing about this subject either.

    An allow-only list says who may be told; it doesn't keep a holder's desk from answering.
    """
    rows = _standing(unit, subject_id)
    return any(row.kind == WallKind.EXCLUDE and _names(row, person_id, agency_id) for row in rows)


def described(unit: Unit, subject_id: str) -> list[str]:
    """Give, in words, those without an account who must never be told: the holder reads it before a release."""
    rows = _standing(unit, subject_id)
    return sorted(open_words(unit, row, "described") for row in rows if row.described is not None)


def place(
    unit: Unit,
    actor: Actor,
    subject_id: str,
    *,
    kind: str,
    reason: str,
    person_ids: Collection[str] = (),
    agency_ids: Collection[str] = (),
    described: str = "",
    mandated: bool = False,
) -> list[str]:
    """Raise a wall at once; give the ids of its rows.

    By an officer who keeps the record, by staff on one of the person's cases, or by an advocate, for whom the caller
    must first have found a mandate (`mandated`). A second allow-only list would widen the first, so that is asked
    with `ask_allow`. Raises NotFound, Invalid, Conflict.
    """
    subject = _subject_for(unit, actor, subject_id, mandated=mandated)
    said = a_reason(reason)
    lock(unit, subject.id)
    if kind not in set(WallKind):
        raise Invalid("This kind of wall isn't known.", fields={"kind": "Choose one from the list."})
    _check_named(unit, actor.partnership_id, person_ids, agency_ids)
    if not (person_ids or agency_ids or described.strip()):
        raise Invalid(
            "Nobody is named.", fields={"person_id": "Name a person, an agency or describe someone."}
        )
    if kind == WallKind.ALLOW_ONLY:
        _check_allow_only(unit, subject, named=bool(person_ids or agency_ids), described=described)
    rows = [_new(unit, actor, subject, kind, person_id=one) for one in sorted(person_ids)]
    rows += [_new(unit, actor, subject, kind, agency_id=one) for one in sorted(agency_ids)]
    if described.strip():
        row = _new(unit, actor, subject, kind)
        row.described = _seal(unit, row, "described", described.strip())
        rows.append(row)
    for row in rows:
        row.counts_from = unit.now
        row.reason = _seal(unit, row, "reason", said)
        unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_RAISED, subject, rows, reason=said)
    return [row.id for row in rows]


def _check_allow_only(unit: Unit, subject: Subject, *, named: bool, described: str) -> None:
    if described.strip() or not named:
        raise Invalid(
            "Nobody is named.", fields={"person_id": "Name the people or agencies who alone may see it."}
        )
    if any(row.kind == WallKind.ALLOW_ONLY for row in _standing(unit, subject.id)):
        raise Conflict(
            "There is an allow-only list already.",
            next_step="Ask for the person to be added; another approves.",
        )


def ask_allow(
    unit: Unit,
    actor: Actor,
    subject_id: str,
    *,
    reason: str,
    person_id: str | None = None,
    agency_id: str | None = None,
) -> str:
    """Ask that somebody be added to an allow-only list; it counts once another officer approves.

    Raises NotFound, Forbidden when the asker would benefit, Invalid, Conflict when there is no such list.
    """
    subject = _subject_for(unit, actor, subject_id)
    said = a_reason(reason)
    lock(unit, subject.id)
    named = [one for one in (person_id, agency_id) if one]
    if len(named) != 1:
        raise Invalid("Nobody is named.", fields={"person_id": "Name one person or one agency."})
    _check_named(
        unit, actor.partnership_id, [person_id] if person_id else [], [agency_id] if agency_id else []
    )
    if not any(row.kind == WallKind.ALLOW_ONLY for row in _standing(unit, subject.id)):
        raise Conflict(
            "There is no allow-only list here.", next_step="Place one, naming everybody who may see it."
        )
    row = _new(unit, actor, subject, WallKind.ALLOW_ONLY, person_id=person_id, agency_id=agency_id)
    _must_not_benefit(actor, row)
    row.reason = _seal(unit, row, "reason", said)
    unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_REVIEWED, subject, [row], step="allow_asked", reason=said)
    return row.id


def allow(unit: Unit, actor: Actor, wall_id: str) -> None:
    """Approve an addition to an allow-only list: an officer, not the asker, not the one let in.

    Raises NotFound, Forbidden, Conflict.
    """
    row, subject = _kept_wall(unit, actor, wall_id)
    must_govern(actor, subject.controller_agency_id)
    if row.counts_from is not None:
        raise Conflict("This was already answered.", next_step="Look at the list again.")
    _must_not_benefit(actor, row)
    must_differ(actor, person_of(unit, row.placed_by_post_id))
    row.counts_from = unit.now
    unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_LIFTED, subject, [row], step="allowed")


def review(unit: Unit, actor: Actor, wall_id: str) -> None:
    """Say after the fact that a wall is right: an officer who didn't raise it. Raises NotFound, Forbidden, Conflict."""
    row, subject = _kept_wall(unit, actor, wall_id)
    must_govern(actor, subject.controller_agency_id)
    must_differ(actor, person_of(unit, row.placed_by_post_id))
    if row.reviewed_at is not None:
        raise Conflict("This wall was already reviewed.", next_step="Look at the list again.")
    row.reviewed_at, row.reviewed_by_post_id = unit.now, actor.post_id
    unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_REVIEWED, subject, [row], step="reviewed")


def ask_lift(unit: Unit, actor: Actor, wall_id: str, reason: str) -> None:
    """Ask for a wall to be lifted: not by the one it keeps out. Raises NotFound, Forbidden, Invalid, Conflict."""
    row, subject = _kept_wall(unit, actor, wall_id)
    said = a_reason(reason)
    _must_not_gain_by_lifting(unit, actor, row)
    if row.lift_asked_by_post_id is not None:
        raise Conflict("This was already asked.", next_step="Another officer answers it.")
    row.lift_asked_by_post_id = actor.post_id
    row.lift_reason = _seal(unit, row, "lift_reason", said)
    unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_REVIEWED, subject, [row], step="lift_asked", reason=said)


def lift(unit: Unit, actor: Actor, wall_id: str) -> None:
    """Lift a wall that somebody else asked to be lifted: an officer, not the asker, not the one it keeps out.

    Raises NotFound, Forbidden, Conflict when nobody asked.
    """
    row, subject = _kept_wall(unit, actor, wall_id)
    must_govern(actor, subject.controller_agency_id)
    if row.lift_asked_by_post_id is None:
        raise Conflict(
            "Nobody asked for this wall to be lifted.", next_step="Ask first; another officer lifts it."
        )
    must_differ(actor, person_of(unit, row.lift_asked_by_post_id))
    _must_not_gain_by_lifting(unit, actor, row)
    row.lifted_at, row.lifted_by_post_id = unit.now, actor.post_id
    unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_LIFTED, subject, [row], step="lifted")


def keep(unit: Unit, actor: Actor, wall_id: str) -> None:
    """Turn down a wish to lift a wall, or to add to an allow-only list. Raises NotFound, Forbidden, Conflict."""
    row, subject = _kept_wall(unit, actor, wall_id)
    must_govern(actor, subject.controller_agency_id)
    if row.counts_from is None:
        row.lifted_at, row.lifted_by_post_id = unit.now, actor.post_id
    elif row.lift_asked_by_post_id is None:
        raise Conflict("Nothing was asked about this wall.", next_step="Look at the list again.")
    row.lift_asked_by_post_id, row.lift_reason = None, None
    unit.session.add(row)
    _note(unit, actor, EntryKind.WALL_REVIEWED, subject, [row], step="kept")


def _standing(unit: Unit, subject_id: str) -> list[Wall]:
    def read() -> list[Wall]:
        ids = list(known_as(unit, subject_id))
        return list(unit.session.exec(_STANDING, params={"ids": ids}))

    return unit.once("registry", ("walls", subject_id), read)


def _names(row: Wall, person_id: str, agency_id: str) -> bool:
    return row.person_id == person_id if row.person_id is not None else row.agency_id == agency_id


def _must_not_benefit(actor: Actor, row: Wall) -> None:
    if _names(row, actor.person_id, actor.agency_id):
        raise Forbidden(
            "This wall concerns you or your agency, so you can't loosen it.",
            next_step="Another officer decides it.",
        )


def _must_not_gain_by_lifting(unit: Unit, actor: Actor, row: Wall) -> None:
    """Lifting an exclude list lets in whom it names; an allow-only list, who isn't on it and works a case of hers."""
    if row.kind == WallKind.EXCLUDE:
        _must_not_benefit(actor, row)
        return
    kept_out = keeps_out(_standing(unit, row.subject_id), actor.person_id, actor.agency_id)
    if kept_out and any(actor.agency_id in agencies_on(unit, one) for one in _cases_of(unit, row.subject_id)):
        raise Forbidden(
            "This list keeps you or your agency out, so you can't lift it.",
            next_step="Another officer decides it.",
        )


def _subject_for(unit: Unit, actor: Actor, subject_id: str, *, mandated: bool = False) -> Subject:
    row = unit.session.get(Subject, subject_id)
    if row is None or row.partnership_id != actor.partnership_id:
        raise not_found("person")
    row = unit.session.get_one(Subject, canonical(unit, subject_id))
    if (
        keeps(actor, row)
        or (mandated and actor.face is Face.ADVOCACY)
        or _works_a_case_of(unit, actor, row.id)
    ):
        return row
    raise not_found("person")


def _works_a_case_of(unit: Unit, actor: Actor, subject_id: str) -> bool:
    return any(is_on_case(unit, case_id, actor.post_id) for case_id in _cases_of(unit, subject_id))


def _cases_of(unit: Unit, subject_id: str) -> list[str]:
    chosen = select(CaseSubject.case_id).where(col(CaseSubject.subject_id).in_(known_as(unit, subject_id)))
    return list(unit.session.exec(chosen.distinct()))


def _kept_wall(unit: Unit, actor: Actor, wall_id: str) -> tuple[Wall, Subject]:
    row = unit.session.get(Wall, wall_id)
    if row is None or row.partnership_id != actor.partnership_id or row.lifted_at is not None:
        raise not_found("wall")
    lock(unit, row.subject_id)
    unit.session.refresh(row)
    if row.lifted_at is not None:
        raise not_found("wall")
    return row, _subject_for(unit, actor, row.subject_id)


def _check_named(
    unit: Unit, partnership_id: str, person_ids: Collection[str], agency_ids: Collection[str]
) -> None:
    people = [unit.session.get(Person, one) for one in person_ids]
    bodies = [unit.session.get(Agency, one) for one in agency_ids]
    for row in (*people, *bodies):
        if row is None or row.partnership_id != partnership_id:
            raise Invalid("Someone named isn't here.", fields={"person_id": "Choose from the list."})


def _new(
    unit: Unit,
    actor: Actor,
    subject: Subject,
    kind: str,
    *,
    person_id: str | None = None,
    agency_id: str | None = None,
) -> Wall:
    nation = unit.session.get_one(Partnership, actor.partnership_id).nation
    return Wall(
        partnership_id=actor.partnership_id,
        subject_id=subject.id,
        kind=WallKind(kind).value,
        person_id=person_id,
        agency_id=agency_id,
        placed_by_post_id=actor.post_id,
        review_by=add_working_days(today(unit, actor.partnership_id), REVIEW_WORKING_DAYS, nation),
    )


def whom_of(unit: Unit, row: Wall) -> str:
    """Give whom a wall names, in words."""
    if row.person_id is not None:
        return unit.session.get_one(Person, row.person_id).name
    if row.agency_id is not None:
        return unit.session.get_one(Agency, row.agency_id).name
    return open_words(unit, row, "described")


def _note(
    unit: Unit,
    actor: Actor,
    kind: EntryKind,
    subject: Subject,
    rows: Collection[Wall],
    *,
    step: str = "raised",
    reason: str = "",
) -> None:
    words = {"whom": "; ".join(whom_of(unit, row) for row in rows)}
    act(
        unit,
        actor,
        kind,
        controller_agency_id=subject.controller_agency_id,
        subject_ids=[subject.id],
        refs={
            name: value for number, row in enumerate(rows) for name, value in _refs(row, str(number or ""))
        },
        codes={"step": step, "kind": next(iter(rows)).kind},
        words={**words, "reason": reason} if reason else words,
    )


def _refs(row: Wall, number: str) -> list[tuple[str, str]]:
    # Whom it names stands there by id, so that a wall which a restore lost can be raised again from the log's copy.
    named = (("wall", row.id), ("person", row.person_id), ("agency", row.agency_id))
    return [(f"{name}{number}", value) for name, value in named if value is not None]


def _seal(unit: Unit, row: Wall, column: str, text: str) -> bytes:
    return unit.vault.seal(unit.session, Scope.SUBJECT, row.subject_id, text, where=f"wall|{column}|{row.id}")


def open_words(unit: Unit, row: Wall, column: str) -> str:
    """Give the words sealed in a column of a wall. Raises Erased once the subject's key was destroyed."""
    sealed: bytes = getattr(row, column)
    return unit.vault.open(
        unit.session, Scope.SUBJECT, row.subject_id, sealed, where=f"wall|{column}|{row.id}"
    )
