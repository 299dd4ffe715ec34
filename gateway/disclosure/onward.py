"""Passing on what was received: the same door, the originator decides, and the purpose may only narrow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import col, select

from gateway.disclosure import ask, judge, record
from gateway.disclosure.asking import Asking
from gateway.disclosure.models import Line, LineState, Opening, Request
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies
from gateway.registry.actors import Actor
from gateway.sealing.models import CopyOf, Parcel
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Purpose

# A purpose that lies within another: onward use may move right, never left (UK GDPR art 5(1)(b), DPA 2018 s36).
NARROWER: dict[Purpose, frozenset[Purpose]] = {
    Purpose.PUBLIC_PROTECTION: frozenset(
        {Purpose.VICTIM_SAFETY, Purpose.CHILD_PROTECTION, Purpose.PROTECTIVE_THIRD_PARTY_DISCLOSURE}
    ),
    Purpose.VICTIM_SAFETY: frozenset({Purpose.CHILD_PROTECTION}),
    Purpose.ADULT_SAFEGUARDING: frozenset({Purpose.VICTIM_SAFETY}),
}


@dataclass(frozen=True)
class ChainLink:
    """One step of a chain: which request moved what to whom, when, and how it stands; agencies, not names."""

    request_id: str
    reference: str
    holder_agency: str
    requester_agency: str
    recipient: str
    at: datetime
    state: str
    depth: int


def ask_onward(
    unit: Unit, actor: Actor, parcel_id: str, asking: Asking, *, idempotency_key: str | None = None
) -> ask.Asked:
    """Ask the originator whether something received and opened may be passed to someone else.

    Subject, kind of information, case and holder are those of the parcel, whatever `asking` says. Where it names a
    request it replaces, that one is amended.

    Raises:
        NotFound: not a parcel of this post.
        Conflict: it wasn't opened, so there is nothing to pass on.
        Invalid: the purpose is wider than the one it was given for, or an answer can't be accepted.
    """
    parcel = _received(unit, actor, parcel_id)
    origin = unit.session.get_one(Request, parcel.request_id)
    line = unit.session.get_one(Line, parcel.line_id)
    if not may_narrow(origin.purpose, asking.purpose):
        raise Invalid(
            "The purpose may only narrow.",
            fields={"purpose": "Choose the purpose it was given for, or one that lies within it."},
        )
    bound = replace(
        asking,
        holder_agency_id=parcel.controller_agency_id,
        case_id=origin.case_id,
        subject_ids=(line.subject_id,),
        categories=(line.category,),
        onward_of_parcel_id=parcel.id,
    )
    replaced = asking.replaces_request_id
    asked = (
        ask.amend(unit, actor, replaced, bound, idempotency_key=idempotency_key)
        if replaced
        else ask.ask(unit, actor, bound, idempotency_key=idempotency_key)
    )
    if asked.again:
        return asked
    request = unit.session.get_one(Request, asked.request_id)
    lines = judge.lines_of(unit, request.id)
    record.act(
        unit, request, EntryKind.ONWARD_ASKED, actor.post_id, lines=lines, refs={"onward_of": parcel.id}
    )
    return asked


def may_narrow(given: str, wanted: str) -> bool:
    """Whether an onward purpose is the one information was given for, or lies within it."""
    if given == wanted:
        return True
    return wanted in NARROWER.get(Purpose(given), frozenset())


def purposes_within(given: str) -> tuple[str, ...]:
    """The purposes an onward request may state."""
    return (given, *sorted(NARROWER.get(Purpose(given), frozenset())))


def chain(unit: Unit, actor: Actor, parcel_id: str) -> list[ChainLink]:
    """Where this information came from and where it went on to, first step first, for someone who received it.

    Raises:
        NotFound: not a parcel of this post.
    """
    parcel = _received(unit, actor, parcel_id)
    return chain_of(unit, parcel)


def chain_of(unit: Unit, parcel: Parcel) -> list[ChainLink]:
    """The whole chain a parcel belongs to, first step first."""
    first = parcel
    while (before := _before(unit, first)) is not None:
        first = before
    return _links(unit, first, 0)


def _before(unit: Unit, parcel: Parcel) -> Parcel | None:
    request = unit.session.get_one(Request, parcel.request_id)
    return unit.session.get(Parcel, request.onward_of_parcel_id) if request.onward_of_parcel_id else None


def _links(unit: Unit, parcel: Parcel, depth: int) -> list[ChainLink]:
    request = unit.session.get_one(Request, parcel.request_id)
    line = unit.session.get_one(Line, parcel.line_id)
    links = [_link(unit, request, line, depth)]
    onward = select(Request).where(Request.onward_of_parcel_id == parcel.id).order_by(col(Request.created_at))
    for passed_on in unit.session.exec(onward):
        for moved in judge.lines_of(unit, passed_on.id):
            after = _recipient_parcel(unit, moved.id)
            links += _links(unit, after, depth + 1) if after else [_link(unit, passed_on, moved, depth + 1)]
    return links


def _link(unit: Unit, request: Request, line: Line, depth: int) -> ChainLink:
    return ChainLink(
        request_id=request.id,
        reference=request.reference,
        holder_agency=agencies.agency(unit, request.partnership_id, request.holder_agency_id).name,
        requester_agency=agencies.agency(unit, request.partnership_id, request.requester_agency_id).name,
        recipient=record.recipient_in_words(unit, line.recipient_id),
        at=request.created_at,
        state=LineState(line.state),
        depth=depth,
    )


def _recipient_parcel(unit: Unit, line_id: str) -> Parcel | None:
    rows = select(Parcel).where(Parcel.line_id == line_id, Parcel.copy_of == CopyOf.RECIPIENT)
    return unit.session.exec(rows.order_by(col(Parcel.created_at).desc())).first()


def _received(unit: Unit, actor: Actor, parcel_id: str) -> Parcel:
    parcel = unit.session.get(Parcel, parcel_id)
    if parcel is None or parcel.recipient_post_id != actor.post_id or parcel.copy_of != CopyOf.RECIPIENT:
        raise NotFound("There is no such parcel.", next_step="Go back to what was sent to you.")
    opened = unit.session.exec(select(Opening).where(Opening.parcel_id == parcel.id)).first()
    if opened is None:
        raise Conflict("You haven't opened this, so there is nothing to pass on.", next_step="Open it first.")
    return parcel
