"""How a person may safely be reached: who may see it, confirm or change it, and end it. Each look is an entry.

It is what finds her (sensitivity S4): staff see what their own agency recorded, if they work with her on her case and
not with the perpetrator; her advocate sees the newest. Everybody else asks for it as for any other information.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from gateway.consent.mandates import missing
from gateway.disclosure.models import Line, LineState
from gateway.disclosure.withdraw import freeze_lines
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies, contacts, people, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.computed import orientation_on
from gateway.registry.contacts import Details
from gateway.registry.models import Face, Post, SafeContact
from gateway.review import hearing
from gateway.review.hearing import Heard
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Orientation

WITHDRAWN = "safe_contact_withdrawn"
# The one way that leads through somebody else, so that nothing of hers has to be kept.
THROUGH_ADVOCATE = "Through the advocate"


@dataclass(frozen=True)
class SafeWay:
    """A way to reach a person: what it is, who says so, how old that is, and whether it may still be used."""

    details: Details
    confirmed_on: date
    confirmed_by: str
    days_old: int
    lapsed: bool
    newer_elsewhere: bool


def may_reach(unit: Unit, actor: Actor, who: Heard) -> bool:
    """Whether this post may deal with how someone it hears is reached."""
    with suppress(NotFound):
        return bool(_allowed(unit, actor, who.subject_id, who.case_id))
    return False


def see(unit: Unit, actor: Actor, subject_id: str, case_id: str | None) -> tuple[Heard, SafeWay | None]:
    """Give the way to reach a person that this post may see, and record that it was read; None where there is none.

    Raises:
        NotFound: not somebody this post may reach: missing, foreign, walled and facing the perpetrator alike.
    """
    who = _allowed(unit, actor, subject_id, case_id)
    row = _seen_by(unit, actor, who)
    if row is None:
        return who, None
    contacts.note(
        unit,
        actor,
        EntryKind.CONTACT_SHOWN,
        who.subject_id,
        row.controller_agency_id,
        case_id=who.case_id,
        refs={"contact": row.id},
    )
    return who, _way(unit, who, row)


def somebody_to_reach(unit: Unit, actor: Actor, subject_id: str, case_id: str | None) -> Heard:
    """Give somebody this post may reach, without looking at how. Raises NotFound as `see`."""
    return _allowed(unit, actor, subject_id, case_id)


def record(
    unit: Unit,
    actor: Actor,
    subject_id: str,
    case_id: str | None,
    details: Details,
    *,
    nobody_else_sees: bool,
) -> str:
    """Record a safe way, as the person said today; give its id.

    Raises:
        NotFound: as `see`.
        Invalid: no way, none of where it leads, or one that somebody else can read or hear.
    """
    who = _allowed(unit, actor, subject_id, case_id)
    faults = {}
    if not nobody_else_sees:
        faults["alone"] = "A way that somebody else can see or hear is not safe. Ask for another."
    if details.method != THROUGH_ADVOCATE and not details.value.strip():
        faults["value"] = "Enter the number or the address."
    if faults:
        raise Invalid("This can't be recorded as a safe way.", fields=faults)
    return contacts.record_contact(unit, actor, who.subject_id, details, case_id=who.case_id)


def confirm(unit: Unit, actor: Actor, subject_id: str, case_id: str | None) -> str:
    """Record that the person said today that the way on file is still safe; give its new id.

    Raises:
        NotFound: as `see`.
        Conflict: there is none to confirm, or another agency has a newer one.
    """
    who = _allowed(unit, actor, subject_id, case_id)
    subjects.lock(unit, who.subject_id)
    row = _seen_by(unit, actor, who)
    if row is None or _is_newer_elsewhere(unit, who, row):
        raise Conflict(
            "There is none here to confirm.", next_step="Ask the person, and record what they say."
        )
    details = contacts.details_of(unit, row)
    return contacts.record_contact(unit, actor, who.subject_id, details, case_id=who.case_id)


def withdraw(unit: Unit, actor: Actor, subject_id: str, case_id: str | None) -> int:
    """End every way to reach a person at once, and freeze what was sent of them unopened; give how many froze.

    Raises NotFound as `see`.
    """
    who = _allowed(unit, actor, subject_id, case_id)
    contacts.withdraw_contacts(unit, actor, who.subject_id, case_id=who.case_id)
    sent = select(Line).where(
        col(Line.subject_id).in_(who.known_as),
        Line.state == LineState.RELEASED,
        Line.category == Category.CONTACT_SAFE,
    )
    return freeze_lines(unit, actor, unit.session.exec(sent).all(), because=WITHDRAWN)


def _allowed(unit: Unit, actor: Actor, subject_id: str, case_id: str | None) -> Heard:
    who = hearing.heard(unit, actor, subject_id, case_id)
    if walls.walled(unit, who.subject_id, actor.person_id, actor.agency_id):
        raise missing()
    faces = orientation_on(unit, who.case_id, actor.post_id)
    if actor.face is not Face.ADVOCACY and faces is not Orientation.VICTIM_FACING:
        raise missing()
    return who


def _seen_by(unit: Unit, actor: Actor, who: Heard) -> SafeContact | None:
    rows = contacts.that_count(unit, who.subject_id)
    if actor.face is Face.ADVOCACY:
        return rows[0] if rows else None
    return next((row for row in rows if row.controller_agency_id == actor.agency_id), None)


def _is_newer_elsewhere(unit: Unit, who: Heard, row: SafeContact) -> bool:
    return contacts.that_count(unit, who.subject_id)[0].id != row.id


def _way(unit: Unit, who: Heard, row: SafeContact) -> SafeWay:
    return SafeWay(
        details=contacts.details_of(unit, row),
        confirmed_on=row.confirmed_on,
        confirmed_by=_by(unit, row),
        days_old=(agencies.today(unit, row.partnership_id) - row.confirmed_on).days,
        lapsed=contacts.has_lapsed(unit, row),
        newer_elsewhere=_is_newer_elsewhere(unit, who, row),
    )


def _by(unit: Unit, row: SafeContact) -> str:
    if row.confirmed_by_post_id is None:
        name = agencies.agency(unit, row.partnership_id, row.controller_agency_id).name
        return f"{name}, with the register's file; nobody is named"
    return people.in_words(people.view_of(unit, unit.session.get_one(Post, row.confirmed_by_post_id)))
