"""A recipient opens a parcel: decided again, undertakings accepted, logged; and only then is it handed over.

Opening takes two steps. The first commits the opening and its entry; the second hands over the sealed content, and
only while both the release's and the opening's leaves are under a stored checkpoint (DESIGN 3.1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from gateway.disclosure import judge, record
from gateway.disclosure.facts import DataFacts
from gateway.disclosure.handing_over import Collected, sealed_by, with_proofs
from gateway.disclosure.models import (
    Line,
    LineDecision,
    Opening,
    Release,
    Request,
    RequestRecipient,
    Undertaking,
)
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies
from gateway.registry.actors import Actor
from gateway.registry.models import Subject
from gateway.registry.paging import Page, in_part
from gateway.sealing import parcel as parcels
from gateway.sealing.models import CopyOf, Parcel, ParcelState
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome, vocabulary

# Opening and handing over are two steps of one act; whoever waits longer opens again, and that is an entry.
COLLECTED_WITHIN = timedelta(minutes=10)
FAILURE_CODES = frozenset(
    {"no_key", "cannot_decrypt", "proof_failed", "log_changed", "log_unwatched", "not_shown"}
)


@dataclass(frozen=True)
class ParcelSummary:
    """One thing that waits for, or was opened by, its recipient; no name and no content."""

    parcel_id: str
    request_id: str
    reference: str
    category: str
    state: str
    sealed_at: datetime
    expires_at: datetime
    opened: int
    for_someone_outside: bool


@dataclass(frozen=True)
class ParcelDetail:
    """What the recipient sees before opening: what to undertake, how to handle it, and the key it is sealed to."""

    summary: ParcelSummary
    about: str
    released_by: str
    case_id: str | None
    controller_agency_id: str
    purpose: str
    kid: str
    undertakings: tuple[str, ...]
    accepted: bool
    marks: tuple[str, ...]
    data_as_of: date
    verified: bool
    fact_or_opinion: str
    outside_recipient: str | None


@dataclass(frozen=True)
class NotOpened:
    """Decided again at the moment of opening, it may not be shown; it is frozen until the holder decides afresh."""

    text: str


@dataclass(frozen=True)
class Opened:
    """An opening that is recorded; ask `collect` for the content."""

    opening_id: str


def parcels_for(unit: Unit, actor: Actor, page: Page | None = None) -> list[ParcelSummary]:
    """What was sealed to this post, newest first; all of it where no `page` is asked for."""
    query = (
        select(Parcel, Request, Line)
        .join(Request, col(Request.id) == col(Parcel.request_id))
        .join(Line, col(Line.id) == col(Parcel.line_id))
        .where(*_sealed_to(actor))
    )
    rows = unit.session.exec(in_part(query, page, col(Parcel.created_at), col(Parcel.id))).all()
    opened = _times_opened(unit, [row.id for row, _, _ in rows])
    return [_summary(row, request, line, opened.get(row.id, 0)) for row, request, line in rows]


def how_many_parcels(unit: Unit, actor: Actor) -> int:
    """How many parcels were sealed to this post."""
    return unit.session.exec(select(func.count()).select_from(Parcel).where(*_sealed_to(actor))).one()


def parcel_for(unit: Unit, actor: Actor, parcel_id: str) -> ParcelDetail:
    """One parcel of this post.

    Raises:
        NotFound: missing and foreign alike.
    """
    row, request, line, release = _own(unit, actor, parcel_id)
    decided = judge.decision_of(unit, line)
    recipient = unit.session.get_one(RequestRecipient, line.recipient_id)
    return ParcelDetail(
        summary=_summary(row, request, line, _times_opened(unit, [row.id]).get(row.id, 0)),
        about=unit.session.get_one(Subject, line.subject_id).reference,
        released_by=agencies.agency(unit, row.partnership_id, row.controller_agency_id).name,
        case_id=request.case_id,
        controller_agency_id=row.controller_agency_id,
        purpose=request.purpose,
        kid=row.kid,
        undertakings=undertakings(decided),
        accepted=_has_accepted(unit, actor, line, decided),
        marks=handling(decided),
        data_as_of=release.data_as_of,
        verified=release.verified,
        fact_or_opinion=release.fact_or_opinion,
        outside_recipient=record.recipient_in_words(unit, recipient.id) if row.outside_recipient_id else None,
    )


def open_parcel(unit: Unit, actor: Actor, parcel_id: str, *, accepts: frozenset[str]) -> Opened | NotOpened:
    """Record an opening, after deciding the line again under the subject's lock.

    Raises:
        NotFound: not a parcel of this post.
        Conflict: it is frozen, recalled, expired or destroyed, or the key that opens it was revoked.
        Invalid: an undertaking wasn't accepted.
        NotConfirmed: the ledger takes no entries.
    """
    row, request, line, release = _own(unit, actor, parcel_id)
    data = DataFacts(release.data_as_of, release.verified)
    decided = judge.judge(unit, request, [line], judge.Step.OPENING, acting_post_id=actor.post_id, data=data)[
        line.id
    ]
    unit.session.refresh(row)
    _must_be_sealed(unit, row)
    if decided.outcome != Outcome.PERMIT:
        parcels.freeze(unit, [line.id])
        record.act(
            unit,
            request,
            EntryKind.PARCEL_FROZEN,
            actor.post_id,
            lines=[line],
            refs={"parcel": row.id},
            codes={"because": "decided_again"},
        )
        return NotOpened(decided.requester_text)
    _accept(unit, actor, line, decided, accepts)
    accepted = tuple(sorted(undertakings(decided)))
    return Opened(note_opening(unit, actor, request, line, row, codes={"accepted": accepted}))


def collect(unit: Unit, actor: Actor, opening_id: str, *, seen_size: int | None = None) -> Collected:
    """Hand over the sealed content of an opening that is recorded; `seen_size` is the log's size as last seen.

    Whatever was said, ended or walled off since the opening counts here too (DESIGN 3.4). What no longer passes stays;
    opening it again says why, and is an entry.

    Raises:
        NotFound: not an opening of this post.
        NotConfirmed: the release's or the opening's leaf isn't under a stored checkpoint.
        Conflict: the parcel was frozen or recalled meanwhile, or wouldn't be permitted any more.
        Erased: it was destroyed.
    """
    opening = unit.session.get(Opening, opening_id)
    if opening is None or opening.post_id != actor.post_id:
        raise NotFound("There is no such opening.", next_step="Open the parcel again.")
    row, request, line, release = _own(unit, actor, opening.parcel_id)
    if unit.now - opening.created_at > COLLECTED_WITHIN:
        raise Conflict("This opening is too old.", next_step="Open the parcel again.")
    data = DataFacts(release.data_as_of, release.verified)
    if judge.as_things_stand(unit, request, line, data).outcome is not Outcome.PERMIT:
        raise Conflict(
            "Something changed since you opened this, and it may not be handed over now.",
            next_step="Open the parcel again to read why.",
        )
    return with_proofs(unit, row, opening, seen_size=seen_size)


def failed_opening(unit: Unit, actor: Actor, parcel_id: str, reason_code: str) -> None:
    """Record that an opening didn't succeed in the recipient's browser.

    Raises:
        NotFound: not a parcel of this post.
        Invalid: an unknown reason code.
    """
    if reason_code not in FAILURE_CODES:
        raise Invalid(
            "Unknown reason.", fields={"reason_code": f"Use one of: {', '.join(sorted(FAILURE_CODES))}."}
        )
    row, request, line, _release = _own(unit, actor, parcel_id)
    record.act(
        unit,
        request,
        EntryKind.PARCEL_OPENING_FAILED,
        actor.post_id,
        lines=[line],
        refs={"parcel": row.id},
        codes={"reason": reason_code},
    )


def record_delivery(unit: Unit, actor: Actor, parcel_id: str, words: str) -> None:
    """Record that a delivering officer told the outside recipient in person and took the undertaking: their opening.

    Raises:
        NotFound: not a parcel of this post.
        Conflict: it isn't for someone outside, or the officer hasn't opened it yet.
        Invalid: no words.
    """
    row, request, line, _release = _own(unit, actor, parcel_id)
    if row.outside_recipient_id is None:
        raise Conflict("This parcel is for you, not for someone outside.", next_step="Open it instead.")
    if not _times_opened(unit, [row.id]):
        raise Conflict("Open the parcel before you record its delivery.", next_step="Open it first.")
    if not words.strip() or len(words) > 2000:
        raise Invalid("Say how it was delivered.", fields={"words": "Write between 1 and 2,000 characters."})
    opening = _new_opening(actor, line, row, in_person=True)
    opening.entry_id = record.act(
        unit,
        request,
        EntryKind.PARCEL_DELIVERED,
        actor.post_id,
        lines=[line],
        refs={"parcel": row.id, "opening": opening.id},
        words={"delivery": words},
    )[0]
    unit.session.add(opening)


def note_opening(
    unit: Unit,
    actor: Actor,
    request: Request,
    line: Line,
    row: Parcel,
    *,
    codes: Mapping[str, bool | tuple[str, ...]],
) -> str:
    """Record that somebody opens a parcel that was sealed to her; give the opening's id. Raises NotConfirmed."""
    opening = _new_opening(actor, line, row)
    opening.entry_id = record.act(
        unit,
        request,
        EntryKind.PARCEL_OPENED,
        actor.post_id,
        lines=[line],
        refs={"parcel": row.id, "opening": opening.id, "release": row.release_id},
        codes={"kid": row.kid, "parcel_digest": row.digest, **codes},
    )[0]
    unit.session.add(opening)
    return opening.id


def undertakings(decided: LineDecision) -> tuple[str, ...]:
    """Codes of the obligations that the recipient must accept before opening."""
    return tuple(str(due["code"]) for due in decided.obligations if due["kind"] == "undertaken")


def handling(decided: LineDecision) -> tuple[str, ...]:
    """What goes with this line beyond what goes with every line, in words."""
    words = vocabulary()
    return tuple(
        words.label("obligation", str(due["code"]))
        for due in decided.obligations
        if due["code"] not in words.default_obligations
    )


def _own(unit: Unit, actor: Actor, parcel_id: str) -> tuple[Parcel, Request, Line, Release]:
    row = unit.session.get(Parcel, parcel_id)
    if row is None or row.recipient_post_id != actor.post_id or row.copy_of != CopyOf.RECIPIENT:
        raise NotFound("There is no such parcel.", next_step="Go back to what was sent to you.")
    return (
        row,
        unit.session.get_one(Request, row.request_id),
        unit.session.get_one(Line, row.line_id),
        unit.session.get_one(Release, row.release_id),
    )


def _new_opening(actor: Actor, line: Line, row: Parcel, *, in_person: bool = False) -> Opening:
    return Opening(
        id=new_id(),
        partnership_id=row.partnership_id,
        parcel_id=row.id,
        line_id=line.id,
        post_id=actor.post_id,
        delivered_in_person=in_person,
    )


def _sealed_to(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return col(Parcel.recipient_post_id) == actor.post_id, col(Parcel.copy_of) == CopyOf.RECIPIENT


def _summary(row: Parcel, request: Request, line: Line, opened: int) -> ParcelSummary:
    return ParcelSummary(
        parcel_id=row.id,
        request_id=request.id,
        reference=request.reference,
        category=line.category,
        state=row.state,
        sealed_at=row.created_at,
        expires_at=row.expires_at,
        opened=opened,
        for_someone_outside=row.outside_recipient_id is not None,
    )


def _times_opened(unit: Unit, parcel_ids: Collection[str]) -> dict[str, int]:
    """How often each of these was opened; what never was isn't there."""
    rows = select(Opening.parcel_id, func.count()).where(col(Opening.parcel_id).in_(parcel_ids))
    return dict(unit.session.exec(rows.group_by(col(Opening.parcel_id))).all())


def _must_be_sealed(unit: Unit, row: Parcel) -> None:
    sealed_by(unit, row)
    if row.state != ParcelState.SEALED:
        raise Conflict(f"This parcel is {row.state}.", next_step="Ask the agency that released it.")
    if unit.now >= row.expires_at:
        raise Conflict(
            "This parcel has expired.", next_step="Ask for the information again if it is still needed."
        )
    parcels.must_be_sealed_to_a_living_key(unit, row)


def _has_accepted(unit: Unit, actor: Actor, line: Line, decided: LineDecision) -> bool:
    rows = select(Undertaking).where(Undertaking.line_id == line.id, Undertaking.post_id == actor.post_id)
    accepted = {code for row in unit.session.exec(rows) for code in row.obligations}
    return accepted.issuperset(undertakings(decided))


def _accept(unit: Unit, actor: Actor, line: Line, decided: LineDecision, accepts: frozenset[str]) -> None:
    if _has_accepted(unit, actor, line, decided):
        return
    owed = frozenset(undertakings(decided))
    if not accepts.issuperset(owed):
        raise Invalid(
            "Accept every condition before you open this.", fields={"accepts": "Tick each condition."}
        )
    row = Undertaking(
        partnership_id=line.partnership_id, line_id=line.id, post_id=actor.post_id, obligations=sorted(owed)
    )
    unit.session.add(row)
