"""The holder releases a line: decided again, sealed to its recipient and to the agency, logged, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.clock import end_of_local_day
from gateway.disclosure import desk, judge, keyring, record, tasks
from gateway.disclosure.content import NOTHING_HELD, Prepared, nothing_held
from gateway.disclosure.facts import DataFacts
from gateway.disclosure.models import Line, LineDecision, LineState, Release, Request, RequestRecipient
from gateway.errors import Conflict, Invalid, NotConfirmed
from gateway.ledger import lag
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies, memberships, subjects
from gateway.registry.actors import Actor
from gateway.registry.models import Post
from gateway.sealing import parcel as parcels
from gateway.sealing.models import CopyOf, Parcel, RecipientKey
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import DpCondition, Obligation, Outcome, Power, vocabulary

KEPT_FOR_DAYS = 90
CLASSIFICATION = "OFFICIAL-SENSITIVE"
FACT_OR_OPINION = {
    "fact": "Fact",
    "opinion": "Professional opinion",
    "both": "Both, kept apart in the content",
}


@dataclass(frozen=True)
class About:
    """What the holder says of the content: its day, whether verified, fact or opinion, and the action it supports."""

    data_as_of: date
    verified: bool
    fact_or_opinion: str
    action: str


@dataclass(frozen=True)
class Released:
    """A line that left, sealed."""

    release_id: str
    parcel_id: str


@dataclass(frozen=True)
class NotReleased:
    """Decided again at the moment of release, the line may not go: who must decide, or why it is refused."""

    outcome: Outcome
    text: str


def release(
    unit: Unit,
    actor: Actor,
    line_id: str,
    prepared: Prepared,
    about: About,
    *,
    accepts_findings: bool = False,
) -> Released | NotReleased:
    """Release one line to its recipient.

    The whole decision is made again under the subject's lock, with the content's age and whether it was verified; a
    line that no longer passes stays here, and that too is logged (DESIGN 3.4).

    Raises:
        NotFound: not a line of this agency's desk.
        Conflict: it isn't waiting for release, or the recipient has no confirmed key.
        Invalid: what is said of the content is missing, or locating data was found and not accepted.
        NotConfirmed: the ledger takes no entries; nothing left.
    """
    request, line = desk.held_line(unit, actor, line_id)
    subjects.lock(unit, line.subject_id)
    if line.state != LineState.TO_RELEASE:
        raise Conflict("This line isn't waiting for release.", next_step="Go back to the request.")
    _check(unit, request, about)
    if prepared.findings and not accepts_findings:
        raise Invalid(
            "The content seems to show where someone can be found.",
            fields={
                "accepts_findings": f"Found: {', '.join(prepared.findings)}. Take it out, or confirm it must go."
            },
        )
    must_be_allowed(unit)
    data = DataFacts(about.data_as_of, about.verified)
    decided = judge.judge(
        unit, request, [line], judge.Step.RELEASING, acting_post_id=actor.post_id, data=data
    )[line.id]
    if decided.outcome != Outcome.PERMIT:
        judge.settle(unit, request)
        return NotReleased(Outcome(decided.outcome), decided.officer_text)
    return _let_go(unit, actor, request, line, decided, prepared, about)


def say_nothing_held(unit: Unit, actor: Actor, line_id: str, about: About) -> Released | NotReleased:
    """Answer that nothing is held, sealed like any other answer so that nobody else can tell.

    Raises what `release` raises.
    """
    return release(unit, actor, line_id, nothing_held(), about)


def _check(unit: Unit, request: Request, about: About) -> None:
    faults = {}
    if about.data_as_of > agencies.today(unit, request.partnership_id):
        faults["data_as_of"] = "The day the information describes can't be in the future."
    if about.fact_or_opinion not in FACT_OR_OPINION:
        faults["fact_or_opinion"] = "Say whether this is fact or opinion."
    if not about.action.strip() or len(about.action) > 500:
        faults["action"] = "Say in up to 500 characters which action this supports, and whose it is."
    if faults:
        raise Invalid("Some answers need changing before this can be released.", fields=faults)


def must_be_allowed(unit: Unit) -> None:
    """Refuse to let anything leave while the ledger isn't watched: reading goes on, releases resume by themselves.

    Raises:
        NotConfirmed: witnesses haven't signed for longer than the limit, or the ledger was stopped.
    """
    reason = lag.releases_allowed(unit)
    if reason is not None:
        raise NotConfirmed(reason, next_step="Nothing was released. Try again later; reading still works.")


def _let_go(
    unit: Unit,
    actor: Actor,
    request: Request,
    line: Line,
    decided: LineDecision,
    prepared: Prepared,
    about: About,
) -> Released:
    recipient = unit.session.get_one(RequestRecipient, line.recipient_id)
    receiving_post_id = recipient.post_id or recipient.delivering_post_id
    if receiving_post_id is None:
        raise Conflict(
            "Nobody is named to receive this.", next_step="Ask the requester to amend the request."
        )
    row = _keep_release(unit, actor, request, line, decided, about)
    label = _label(request, line, recipient, row)
    key = keyring.key_for(unit, unit.session.get_one(Post, receiving_post_id))
    parcel = _seal(unit, label, CopyOf.RECIPIENT, key, prepared, decided)
    own_key = keyring.agency_copy_key(unit, actor)
    copy = _seal(unit, label, CopyOf.CONTROLLER, own_key, prepared, decided)
    line.state = LineState.RELEASED
    unit.session.add(line)
    row.entry_id = _record(unit, actor, request, line, row, parcel, copy, about, prepared)
    unit.session.add(row)
    _owe_tasks(unit, request, line, decided, recipient)
    judge.settle(unit, request)
    return Released(row.id, parcel.id)


def _keep_release(
    unit: Unit, actor: Actor, request: Request, line: Line, decided: LineDecision, about: About
) -> Release:
    row = Release(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        line_id=line.id,
        released_by_post_id=actor.post_id,
        data_as_of=about.data_as_of,
        verified=about.verified,
        fact_or_opinion=about.fact_or_opinion,
        retain_until=_expires(unit, request, decided).date(),
    )
    row.action = record.seal_words(unit, request, about.action, f"release.action|{row.id}")
    unit.session.add(row)
    unit.session.flush()
    return row


def _expires(unit: Unit, request: Request, decided: LineDecision) -> datetime:
    """Strictest wins: the earliest of the obligations' expiries, the arrangement's retention and our default."""
    days = [KEPT_FOR_DAYS]
    days += [
        int(str(due["days"]))
        for due in decided.obligations
        if due["code"] == Obligation.EXPIRY_AND_REVIEW and due["days"] is not None
    ]
    if request.arrangement_id is not None:
        retention = memberships.arrangement(
            unit, request.partnership_id, request.arrangement_id
        ).retention_days
        days += [retention] if retention is not None else []
    return end_of_local_day(agencies.today(unit, request.partnership_id) + timedelta(days=min(days)))


def _label(request: Request, line: Line, recipient: RequestRecipient, row: Release) -> parcels.Label:
    return parcels.Label(
        partnership_id=request.partnership_id,
        controller_agency_id=request.holder_agency_id,
        request_id=request.id,
        line_id=line.id,
        release_id=row.id,
        copy_of=CopyOf.RECIPIENT,
        expires_at=end_of_local_day(row.retain_until),
        recipient_post_id=recipient.post_id or recipient.delivering_post_id,
        outside_recipient_id=recipient.id if recipient.post_id is None else None,
        rests_on_consent=rests_on_consent(request),
    )


def rests_on_consent(request: Request) -> bool:
    """Whether consent is the lawful ground: then a withdrawal ends it, otherwise a fresh decision does (DESIGN 6)."""
    return request.dp_condition == DpCondition.ART6_1_A_CONSENT or set(request.powers) == {Power.CONSENT}


def _seal(
    unit: Unit,
    label: parcels.Label,
    copy_of: CopyOf,
    key: RecipientKey,
    prepared: Prepared,
    decided: LineDecision,
) -> Parcel:
    own = copy_of is CopyOf.CONTROLLER
    changed = (
        {"copy_of": copy_of, "recipient_post_id": key.post_id, "recipient_system": key.system} if own else {}
    )
    if own:
        changed["outside_recipient_id"] = None
    label = parcels.Label(**{**vars(label), **changed})
    return parcels.seal_parcel(unit, label, key, prepared.items, marks=handling_marks(decided))


def handling_marks(decided: LineDecision) -> tuple[str, ...]:
    """The words a recipient reads above the content."""
    words = vocabulary()
    said = [
        words.label("obligation", str(due["code"]))
        for due in decided.obligations
        if due["kind"] == "undertaken"
    ]
    return (CLASSIFICATION, "Named recipient only", "Nothing goes onward without the originator", *said)


def _record(
    unit: Unit,
    actor: Actor,
    request: Request,
    line: Line,
    row: Release,
    parcel: Parcel,
    copy: Parcel,
    about: About,
    prepared: Prepared,
) -> str:
    is_nothing = prepared.items[0].data == NOTHING_HELD.encode()
    return record.act(
        unit,
        request,
        EntryKind.RELEASE_MADE,
        actor.post_id,
        lines=[line],
        refs={
            "line": line.id,
            "release": row.id,
            "parcel": parcel.id,
            "copy": copy.id,
            "decision": line.latest_decision_id or "",
        },
        codes={
            "recipient": line.recipient_id,
            "sealed_to": parcel.kid,
            "parcel_digest": parcel.digest,
            "copy_digest": copy.digest,
            "policy_version": request.policy_version or "",
            "data_as_of": about.data_as_of.isoformat(),
            "verified": about.verified,
            "fact_or_opinion": about.fact_or_opinion,
        },
        words={
            "action": about.action,
            "answer": "nothing is held" if is_nothing else "information was released",
            "cleaned_away": prepared.removed,
        },
    )[0]


def _owe_tasks(
    unit: Unit, request: Request, line: Line, decided: LineDecision, recipient: RequestRecipient
) -> None:
    """Obligations that a person must carry out become tasks with an owner and a date (DESIGN 5)."""
    for due in decided.obligations:
        if due["kind"] != "task" or due["code"] == Obligation.RETROSPECTIVE_REVIEW_NEXT_WORKING_DAY:
            continue
        owner_post_id, owner_agency_id = _owner(unit, request, recipient, str(due["owner"]))
        tasks.owe(
            unit,
            request,
            str(due["code"]),
            within_working_days=int(str(due["days"] or 0)),
            line=line,
            owner_agency_id=owner_agency_id,
            owner_post_id=owner_post_id,
        )


def _owner(unit: Unit, request: Request, recipient: RequestRecipient, owner: str) -> tuple[str | None, str]:
    receiving = recipient.post_id or recipient.delivering_post_id
    posts = {"requester": request.requester_post_id, "recipient": receiving, "delivering_officer": receiving}
    post_id = posts.get(owner)
    if post_id is not None:
        return post_id, unit.session.get_one(Post, post_id).agency_id
    return None, request.holder_agency_id
