"""Who holds copies about a person now: what was sealed for whom, whether it was opened, passed on or recalled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from gateway.disclosure.models import Line, Opening, Recall, Request
from gateway.disclosure.withdraw import holders_of
from gateway.registry.actors import Actor
from gateway.review.clients import Client, client
from gateway.review.log import record_view
from gateway.review.telling import Teller, label
from gateway.sealing.models import Parcel, ParcelState
from gateway.store.unit_of_work import Unit

_STATE_IN_WORDS = {
    ParcelState.SEALED: "Can be opened",
    ParcelState.FROZEN: "Stopped: it cannot be opened until it is decided again",
    ParcelState.RECALLED: "Called back: it must not be used any more",
    ParcelState.DESTROYED: "Destroyed here after it had been opened",
}


@dataclass(frozen=True)
class HeldCopy:
    """One copy: the kind of information, who holds it, how it stands, when it was opened and what became of it."""

    category: str
    to_whom: str
    from_whom: str
    sealed_at: datetime
    state: str
    opened: int
    last_opened_at: datetime | None
    passed_on: int
    recalled: bool
    recall_confirmed_at: datetime | None
    ends_at: datetime


def copies(unit: Unit, actor: Actor, subject_id: str) -> tuple[Client, list[HeldCopy]]:
    """Give who holds copies about a client now, and record that it was looked at.

    Raises NotFound unless the actor holds a mandate that counts today.
    """
    found = client(unit, actor, subject_id)
    teller = Teller(unit)
    held = [
        _copy(unit, teller, parcel, opened)
        for known in sorted(found.known_as)
        for parcel, opened in holders_of(unit, known)
        if _in_cases(unit, parcel, found)
    ]
    record_view(unit, actor, found.known_as, "copies")
    return found, sorted(held, key=lambda one: one.sealed_at, reverse=True)


def _copy(unit: Unit, teller: Teller, parcel: Parcel, opened: int) -> HeldCopy:
    line = unit.session.get_one(Line, parcel.line_id)
    opened_at = unit.session.exec(select(Opening.created_at).where(Opening.parcel_id == parcel.id)).all()
    recalls = unit.session.exec(select(Recall).where(Recall.parcel_id == parcel.id)).all()
    onward = select(Request.id).where(Request.onward_of_parcel_id == parcel.id)
    confirmed = [notice.confirmed_at for notice in recalls if notice.confirmed_at is not None]
    return HeldCopy(
        category=label("category", line.category),
        to_whom=teller.recipient_in_words(line.recipient_id),
        from_whom=teller.agency_in_words(parcel.controller_agency_id),
        sealed_at=parcel.created_at,
        state=_STATE_IN_WORDS[ParcelState(parcel.state)],
        opened=opened,
        last_opened_at=max(opened_at, default=None),
        passed_on=len(unit.session.exec(onward).all()),
        recalled=bool(recalls),
        recall_confirmed_at=max(confirmed, default=None),
        ends_at=parcel.expires_at,
    )


def _in_cases(unit: Unit, parcel: Parcel, found: Client) -> bool:
    if found.case_ids is None:
        return True
    cases = select(Request.case_id).where(col(Request.id) == parcel.request_id)
    return unit.session.exec(cases).first() in found.case_ids
