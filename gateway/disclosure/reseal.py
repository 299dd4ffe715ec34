"""Sealing a parcel again from the releasing agency's own copy: after a lost key, or to whoever succeeds its recipient.

The content is opened and sealed in the browser of the officer whose key opens the copy; the gateway sees neither. A
fresh decision comes first, and again when the new parcel is taken in: both count as a release (DESIGN 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import select

from gateway.disclosure import asking, desk, judge, keyring, record, release
from gateway.disclosure.facts import DataFacts, is_standing
from gateway.disclosure.handing_over import Collected, with_proofs
from gateway.disclosure.models import (
    Authorisation,
    Line,
    LineDecision,
    LineState,
    Opening,
    Release,
    Request,
    RequestRecipient,
)
from gateway.disclosure.open import NotOpened, Opened, note_opening
from gateway.disclosure.papers import post_as_recipient
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import subjects
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Post
from gateway.sealing import parcel as parcels
from gateway.sealing.models import CopyOf, Parcel, ParcelState, RecipientKey
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome

# Between opening the copy and handing in what was sealed again lies a moment of a browser's work, no more.
TAKEN_WITHIN = timedelta(minutes=10)
_LIVING = {ParcelState.SEALED, ParcelState.FROZEN}


@dataclass(frozen=True)
class Resealable:
    """A copy that this officer's key opens, and whom it would be sealed to now."""

    line_id: str
    request_id: str
    reference: str
    category: str
    copy_id: str
    kid: str
    recipient: str
    has_new_key: bool


@dataclass(frozen=True)
class Target:
    """The parcel to be made: its id, its line and the public key to seal to."""

    parcel_id: str
    line_id: str
    jwk: dict[str, str]


def resealable(unit: Unit, actor: Actor, line_id: str) -> Resealable:
    """What would be sealed again, for the officer whose key opens the agency's own copy.

    Raises:
        NotFound: not a line of this agency that was released.
        Conflict: another officer, or the agency's system, holds the key of the copy; or it was destroyed.
    """
    request, line = _held(unit, actor, line_id)
    copy = _own_copy(unit, actor, line)
    return Resealable(
        line_id=line.id,
        request_id=request.id,
        reference=request.reference,
        category=line.category,
        copy_id=copy.id,
        kid=copy.kid,
        recipient=record.recipient_in_words(unit, line.recipient_id),
        has_new_key=_new_key(unit, line) is not None,
    )


def why_not(unit: Unit, actor: Actor, line_id: str) -> str:
    """Say in words why this officer can't seal a released line again; empty where nothing stands in the way.

    Raises:
        NotFound: not a line of this agency that was released.
    """
    try:
        resealable(unit, actor, line_id)
    except Conflict as hindrance:
        return f"{hindrance.message} {hindrance.next_step}"
    return ""


def name_successor(unit: Unit, actor: Actor, line_id: str, post_id: str) -> Outcome:
    """Let another post of the recipient's agency stand as recipient of a released line, if a fresh decision permits.

    What a person authorised was for the former recipient and doesn't carry over.
    The former's parcel is destroyed then, and the agency's own copy waits to be sealed again. What the
    decision refuses or refers stays with the former recipient; both are entries.

    Raises:
        NotFound: not a line of this agency that was released.
        Invalid: not a current post of the recipient's agency, or the recipient already.
        Conflict: it is for someone outside.
    """
    request, line = _held(unit, actor, line_id)
    former = unit.session.get_one(RequestRecipient, line.recipient_id)
    if former.post_id is None:
        raise Conflict("This is for someone outside.", next_step="Ask for it to be sent to them anew.")
    row = _successor(unit, actor, request, former, post_id)
    subjects.lock(unit, line.subject_id)
    line.recipient_id = row.id
    unit.session.add(line)
    given = _end_authorisations(unit, line)
    unit.session.flush()
    decided = _decide(unit, actor, request, line)
    if decided.outcome != Outcome.PERMIT:
        line.recipient_id = former.id
        unit.session.add(line)
        for authorisation, until in given:
            authorisation.expires_at = until
            unit.session.add(authorisation)
    else:
        _destroy_former(unit, actor, request, line, because="successor_named")
    codes = {"outcome": str(decided.outcome), "former": former.id, "successor": row.id}
    words = {"former": record.recipient_in_words(unit, former.id)}
    record.act(
        unit, request, EntryKind.REQUEST_REASSIGNED, actor.post_id, lines=[line], codes=codes, words=words
    )
    return Outcome(decided.outcome)


def _end_authorisations(unit: Unit, line: Line) -> list[tuple[Authorisation, datetime | None]]:
    """A person let the former recipient have it, nobody else: end that; gives each with the end it had before."""
    rows = unit.session.exec(select(Authorisation).where(Authorisation.line_id == line.id)).all()
    given = [(row, row.expires_at) for row in rows if is_standing(row, unit)]
    for row, _until in given:
        row.expires_at = unit.now
        unit.session.add(row)
    return given


def recipient_agency(unit: Unit, actor: Actor, line_id: str) -> str | None:
    """The agency among whose posts a successor is chosen; None for someone outside.

    Raises:
        NotFound: not a line of this agency that was released.
    """
    _, line = _held(unit, actor, line_id)
    recipient = unit.session.get_one(RequestRecipient, line.recipient_id)
    return unit.session.get_one(Post, recipient.post_id).agency_id if recipient.post_id else None


def begin(unit: Unit, actor: Actor, line_id: str) -> Opened | NotOpened:
    """Record that the officer opens the agency's own copy to seal it again, after deciding the line afresh.

    Raises:
        NotFound: not a line of this agency that was released.
        Conflict: this officer's key doesn't open the copy, or the recipient has no new key.
        NotConfirmed: the ledger takes no entries, or isn't watched.
    """
    release.must_be_allowed(unit)
    request, line = _held(unit, actor, line_id)
    copy = _own_copy(unit, actor, line)
    _must_have_new_key(unit, line)
    decided = _decide(unit, actor, request, line)
    if decided.outcome != Outcome.PERMIT:
        return _stop(unit, actor, request, line, decided)
    return Opened(note_opening(unit, actor, request, line, copy, codes={"to_seal_again": True}))


def collect(
    unit: Unit, actor: Actor, opening_id: str, *, seen_size: int | None = None
) -> tuple[Collected, Target]:
    """Hand out the agency's own copy with its proofs, and the key to seal it to.

    Raises:
        NotFound: not an opening of this post.
        NotConfirmed: an entry isn't under a stored checkpoint.
        Conflict: the copy was frozen meanwhile, or the opening is too old.
    """
    row, copy = _opened(unit, actor, opening_id)
    line = unit.session.get_one(Line, row.line_id)
    key = _must_have_new_key(unit, line)
    collected = with_proofs(unit, copy, row, seen_size=seen_size)
    # The parcel to be made bears the number of the opening it is made from: one opening makes one parcel.
    return collected, Target(row.id, line.id, dict(key.jwk))


def take(unit: Unit, actor: Actor, opening_id: str, sealed: str) -> Parcel | NotOpened:
    """Take in what was sealed again; what the recipient had before is destroyed.

    Raises:
        NotFound: not an opening of this post.
        Invalid: it isn't sealed to the recipient's present key, or not as the gateway seals.
        Conflict: it was taken in already, or the opening is too old.
        NotConfirmed: the ledger takes no entries, or isn't watched.
    """
    release.must_be_allowed(unit)
    row, copy = _opened(unit, actor, opening_id)
    request, line = _held(unit, actor, row.line_id)
    if unit.session.get(Parcel, row.id) is not None:
        raise Conflict("This was sealed again already.", next_step="Go back to the request.")
    key = _must_have_new_key(unit, line)
    decided = _decide(unit, actor, request, line)
    unit.session.refresh(copy)
    if decided.outcome != Outcome.PERMIT or copy.state != ParcelState.SEALED:
        return _stop(unit, actor, request, line, decided)
    recipient = unit.session.get_one(RequestRecipient, line.recipient_id)
    label = parcels.Label(
        partnership_id=copy.partnership_id,
        controller_agency_id=copy.controller_agency_id,
        request_id=copy.request_id,
        line_id=line.id,
        release_id=copy.release_id,
        copy_of=CopyOf.RECIPIENT,
        expires_at=copy.expires_at,
        recipient_post_id=recipient.post_id or recipient.delivering_post_id,
        outside_recipient_id=recipient.id if recipient.post_id is None else None,
        rests_on_consent=copy.rests_on_consent,
    )
    made = parcels.take_sealed(unit, label, key, row.id, sealed, resealed_from=copy)
    _destroy_former(unit, actor, request, line, because="sealed_again", but=made.id)
    _record(unit, actor, request, line, made, copy)
    return made


def _held(unit: Unit, actor: Actor, line_id: str) -> tuple[Request, Line]:
    line = unit.session.get(Line, line_id)
    if line is None or line.controller_agency_id != actor.agency_id or actor.face is Face.ADVOCACY:
        raise NotFound("There is no such line.", next_step="Go back to your agency's inbox.")
    request = unit.session.get_one(Request, line.request_id)
    if desk.is_hidden_from(unit, actor, request):
        raise NotFound("There is no such line.", next_step="Go back to your agency's inbox.")
    if line.state != LineState.RELEASED:
        raise NotFound("Nothing of this was released.", next_step="Go back to the request.")
    return request, line


def _own_copy(unit: Unit, actor: Actor, line: Line) -> Parcel:
    copy = parcels.of_lines(unit, [line.id], copy_of=CopyOf.CONTROLLER)[-1]
    if copy.recipient_post_id != actor.post_id:
        raise Conflict(
            "The key of your agency's copy is not yours.",
            next_step="Ask the officer who released it, or use your agency's system if the copy was sealed to that.",
        )
    if copy.state == ParcelState.FROZEN:
        raise Conflict("This is frozen.", next_step="Decide it afresh first, among your agency's tasks.")
    if copy.state != ParcelState.SEALED or unit.now >= copy.expires_at:
        raise Conflict(
            "Your agency's copy is gone.", next_step="Ask for a new request, and release it again."
        )
    return copy


def _receiving(unit: Unit, line: Line) -> Post:
    recipient = unit.session.get_one(RequestRecipient, line.recipient_id)
    return unit.session.get_one(Post, recipient.post_id or recipient.delivering_post_id)


def _new_key(unit: Unit, line: Line) -> RecipientKey | None:
    """The recipient's present key, unless what they have can be opened with it already."""
    receiving = _receiving(unit, line)
    try:
        key = keyring.key_for(unit, receiving)
    except Conflict:
        return None
    had = [
        row
        for row in parcels.of_lines(unit, [line.id], copy_of=CopyOf.RECIPIENT)
        if row.state in _LIVING and row.recipient_post_id == receiving.id
    ]
    return None if any(row.key_id == key.id for row in had) else key


def _must_have_new_key(unit: Unit, line: Line) -> RecipientKey:
    key = _new_key(unit, line)
    if key is None:
        raise Conflict(
            "The recipient has no other key than the one this is sealed to.",
            next_step="Ask the recipient to withdraw the lost key, make new ones and have them approved.",
        )
    return key


def _successor(
    unit: Unit, actor: Actor, request: Request, former: RequestRecipient, post_id: str
) -> RequestRecipient:
    before = unit.session.get_one(Post, former.post_id)
    after = unit.session.get(Post, post_id)
    usable = after is not None and asking.is_current_post(unit, actor, post_id)
    if after is None or not usable or after.agency_id != before.agency_id or after.id == before.id:
        raise Invalid(
            "This can't be the successor.",
            fields={"post_id": "Choose somebody else of the recipient's agency from the list."},
        )
    row = post_as_recipient(unit, request, after.id)
    unit.session.add(row)
    unit.session.flush()
    return row


def _decide(unit: Unit, actor: Actor, request: Request, line: Line) -> LineDecision:
    sent = unit.session.get_one(Release, _own_release_id(unit, line))
    data = DataFacts(sent.data_as_of, sent.verified)
    step = judge.Step.RECONSIDERED
    return judge.judge(unit, request, [line], step, acting_post_id=actor.post_id, data=data)[line.id]


def _own_release_id(unit: Unit, line: Line) -> str:
    return parcels.of_lines(unit, [line.id], copy_of=CopyOf.CONTROLLER)[-1].release_id


def _stop(unit: Unit, actor: Actor, request: Request, line: Line, decided: LineDecision) -> NotOpened:
    """Decided afresh it may not go: everything of the line is frozen, as when an opening is refused."""
    for row in parcels.freeze(unit, [line.id]):
        refs, codes = {"parcel": row.id}, {"because": "decided_again"}
        record.act(
            unit, request, EntryKind.PARCEL_FROZEN, actor.post_id, lines=[line], refs=refs, codes=codes
        )
    return NotOpened(decided.officer_text)


def _opened(unit: Unit, actor: Actor, opening_id: str) -> tuple[Opening, Parcel]:
    row = unit.session.get(Opening, opening_id)
    copy = unit.session.get(Parcel, row.parcel_id) if row else None
    if row is None or copy is None or row.post_id != actor.post_id or copy.copy_of != CopyOf.CONTROLLER:
        raise NotFound("There is no such opening.", next_step="Begin again from the request.")
    if unit.now - row.created_at > TAKEN_WITHIN:
        raise Conflict("This took too long.", next_step="Begin again from the request.")
    return row, copy


def _record(unit: Unit, actor: Actor, request: Request, line: Line, made: Parcel, copy: Parcel) -> None:
    record.act(
        unit,
        request,
        EntryKind.PARCEL_RESEALED,
        actor.post_id,
        lines=[line],
        refs={"parcel": made.id, "copy": copy.id, "release": made.release_id, "opening": made.id},
        codes={"recipient": line.recipient_id, "sealed_to": made.kid, "parcel_digest": made.digest},
    )


def _destroy_former(
    unit: Unit, actor: Actor, request: Request, line: Line, *, because: str, but: str | None = None
) -> None:
    for row in parcels.of_lines(unit, [line.id], copy_of=CopyOf.RECIPIENT):
        if row.id == but or row.state not in _LIVING:
            continue
        parcels.destroy(unit, row)
        refs, codes = {"parcel": row.id}, {"because": because}
        record.act(
            unit, request, EntryKind.PARCEL_DESTROYED, actor.post_id, lines=[line], refs=refs, codes=codes
        )
