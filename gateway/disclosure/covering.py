"""What was sealed to a colleague off duty: whoever stands in sees that it is there and can ask for it, not open it.

Only the colleague's own key opens it. The agency that released it may seal its content again to the stand-in, after a
fresh decision (DESIGN 6); asking it to is a task of that agency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from gateway.disclosure import record, tasks
from gateway.disclosure.models import Line, Request, Task
from gateway.errors import Conflict, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies, people, walls
from gateway.registry.actors import Actor
from gateway.registry.lending import Lending, lending_of
from gateway.sealing.models import CopyOf, Parcel, ParcelState
from gateway.store.unit_of_work import Unit

RESEAL_FOR_COVER = "reseal_for_cover"
OFF_DUTY = "off_duty"


@dataclass(frozen=True)
class CoveredParcel:
    """A parcel sealed to a colleague off duty: whose it is, who released it, and whether it was asked for already."""

    parcel_id: str
    request_id: str
    reference: str
    category: str
    purpose: str
    state: str
    sealed_at: datetime
    expires_at: datetime
    sealed_to: str
    released_by: str
    asked: bool


def colleagues(unit: Unit, actor: Actor) -> list[str]:
    """The names of those off duty for whom the actor stands in now."""
    covered = people.covers(unit, actor.post_id)
    return sorted(people.post_view(unit, actor.partnership_id, one).name for one in covered)


def not_lent_yet(unit: Unit, actor: Actor) -> list[Lending]:
    """Give the cover by which the actor would decide what she may not decide yet: a second person has to agree."""
    found = [lending_of(unit, one) for one in people.covers(unit, actor.post_id)]
    return sorted((one for one in found if one and one.waiting), key=lambda one: one.post.name)


def parcels_covered(unit: Unit, actor: Actor) -> list[CoveredParcel]:
    """What was sealed to those the actor stands in for, newest first; nothing about people a wall keeps from her."""
    rows = (
        select(Parcel)
        .where(
            col(Parcel.recipient_post_id).in_(people.covers(unit, actor.post_id)),
            Parcel.copy_of == CopyOf.RECIPIENT,
        )
        .order_by(col(Parcel.created_at).desc())
    )
    return [_view(unit, row) for row in unit.session.exec(rows) if not _is_walled(unit, actor, row)]


def covered_parcel(unit: Unit, actor: Actor, parcel_id: str) -> CoveredParcel:
    """One parcel of a colleague the actor stands in for.

    Raises:
        NotFound: missing, foreign, walled and no longer covered alike.
    """
    return _view(unit, _covered(unit, actor, parcel_id))


def ask_to_seal_again(unit: Unit, actor: Actor, parcel_id: str) -> None:
    """Ask the agency that released it to seal it to the stand-in; it is owed an answer by the next working day.

    Raises:
        NotFound: not a parcel of a colleague the actor stands in for.
        Conflict: it was asked for already, or it is frozen, recalled or destroyed.
    """
    row = _covered(unit, actor, parcel_id)
    if row.state != ParcelState.SEALED:
        raise Conflict(f"This parcel is {row.state}.", next_step="Ask the agency that released it.")
    if _is_asked(unit, row):
        raise Conflict("This was asked for already.", next_step="Call the agency if it is urgent.")
    request = unit.session.get_one(Request, row.request_id)
    line = unit.session.get_one(Line, row.line_id)
    owner = row.controller_agency_id
    tasks.owe(unit, request, RESEAL_FOR_COVER, within_working_days=1, line=line, owner_agency_id=owner)
    record.act(
        unit,
        request,
        EntryKind.PARCEL_OPENING_FAILED,
        actor.post_id,
        lines=[line],
        refs={"parcel": row.id},
        codes={"reason": OFF_DUTY},
    )


def _covered(unit: Unit, actor: Actor, parcel_id: str) -> Parcel:
    row = unit.session.get(Parcel, parcel_id)
    if (
        row is None
        or row.copy_of != CopyOf.RECIPIENT
        or row.recipient_post_id not in people.covers(unit, actor.post_id)
        or _is_walled(unit, actor, row)
    ):
        raise NotFound("There is no such parcel.", next_step="Go back to what was sent to you.")
    return row


def _is_walled(unit: Unit, actor: Actor, row: Parcel) -> bool:
    line = unit.session.get_one(Line, row.line_id)
    return walls.walled(unit, line.subject_id, actor.person_id, actor.agency_id)


def _is_asked(unit: Unit, row: Parcel) -> bool:
    waiting = select(Task.id).where(
        Task.line_id == row.line_id, Task.kind == RESEAL_FOR_COVER, col(Task.done_at).is_(None)
    )
    return unit.session.exec(waiting).first() is not None


def _view(unit: Unit, row: Parcel) -> CoveredParcel:
    request = unit.session.get_one(Request, row.request_id)
    return CoveredParcel(
        parcel_id=row.id,
        request_id=request.id,
        reference=request.reference,
        category=unit.session.get_one(Line, row.line_id).category,
        purpose=request.purpose,
        state=row.state,
        sealed_at=row.created_at,
        expires_at=row.expires_at,
        sealed_to=people.post_view(unit, row.partnership_id, row.recipient_post_id or "").name,
        released_by=agencies.agency(unit, row.partnership_id, row.controller_agency_id).name,
        asked=_is_asked(unit, row),
    )
