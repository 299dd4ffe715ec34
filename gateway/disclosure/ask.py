"""Asking for information, or offering it: the request is kept, decided line by line, and logged in one transaction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import select

from gateway.clock import add_working_days, end_of_local_day, local_day
from gateway.disclosure import judge, record
from gateway.disclosure.asking import Asking, Basis, NamedRecipient, check, may_ask_with
from gateway.disclosure.facts import Papers
from gateway.disclosure.models import (
    Declaration,
    IdempotentAnswer,
    Line,
    LineDecision,
    LineState,
    Message,
    Request,
    RequestRecipient,
    RequestState,
    Task,
)
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import cases, people, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Agency, Case, Partnership, Post, Subject
from gateway.store.tables import new_id, new_reference
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance, Outcome, Stage, vocabulary

KEY_KEPT_FOR = timedelta(days=7)
EMERGENCY_REVIEW = "emergency_review"
_OUTSIDE = "outside"
_OVER = {RequestState.CLOSED, RequestState.CANCELLED}

__all__ = [
    "Asked",
    "Asking",
    "Basis",
    "NamedRecipient",
    "amend",
    "answer",
    "ask",
    "cancel",
    "default_basis",
    "may_ask_with",
]


@dataclass(frozen=True)
class Asked:
    """What the maker learns at once: the reference; the decision only where `shown`; `again` for a repeated key."""

    request_id: str
    reference: str
    shown: bool
    again: bool = False


def ask(unit: Unit, actor: Actor, asking: Asking, *, idempotency_key: str | None = None) -> Asked:
    """Keep a request or an offer and decide it.

    Someone on the case gets the decision. Anyone else gets a reference and the same answer whatever is true of the
    person they named (DESIGN 3.8); the holder sees the request and may match it to a case.

    Raises:
        Invalid: an answer can't be accepted; every fault is in `fields`.
        Conflict: the idempotency key was used for something else.
    """
    works_it = asking.case_id is not None and cases.is_on_case(unit, asking.case_id, actor.post_id)
    check(unit, actor, asking)
    asking = replace(asking, subject_ids=_as_known_now(unit, asking.subject_ids))
    earlier = _earlier(unit, actor, asking, idempotency_key)
    if earlier is not None:
        return replace(_asked(earlier), again=True)
    on_case = works_it and _may_see(unit, actor, asking)
    request = _keep(unit, actor, asking, on_case)
    recipients = _keep_recipients(unit, request, asking)
    declared = [
        keep_declaration(unit, actor, request, code, words) for code, words in asking.declarations.items()
    ]
    _remember(unit, actor, asking, idempotency_key, request)
    if not on_case:
        record.act(unit, request, EntryKind.REQUEST_MADE, actor.post_id)
        return _asked(request)
    lines = make_lines(unit, request, asking.subject_ids, recipients)
    words = {"why": asking.why, **{f"declared_{code}": said for code, said in asking.declarations.items()}}
    codes = {"declared": tuple(sorted(asking.declarations))}
    record.act(unit, request, EntryKind.REQUEST_MADE, actor.post_id, lines=lines, codes=codes, words=words)
    papers = Papers(lines, recipients, declared)
    decide(unit, request, lines, judge.Step.ASKED, actor.post_id, papers=papers)
    return _asked(request)


def decide(
    unit: Unit,
    request: Request,
    lines: list[Line],
    step: judge.Step,
    acting_post_id: str | None,
    *,
    papers: Papers | None = None,
) -> dict[str, LineDecision]:
    """Judge lines that have not left yet, and settle what follows: the request's outcome and any emergency review.

    `papers` are given for a request that this unit has just made.
    """
    kept = judge.judge(unit, request, lines, step, acting_post_id=acting_post_id, papers=papers)
    judge.settle(unit, request, lines=papers.lines if papers else None, decided=kept.values())
    first = next(iter(kept.values()))
    request.policy_version = first.policy_version
    emergency = any(row.stage == Stage.D and row.outcome == Outcome.PERMIT for row in kept.values())
    if emergency:
        _owe_emergency_review(unit, request)
    return kept


def amend(
    unit: Unit, actor: Actor, request_id: str, asking: Asking, *, idempotency_key: str | None = None
) -> Asked:
    """Replace an open request by a changed one; the first is cancelled and both stay in the log.

    Raises:
        NotFound: not this actor's request.
        Conflict: it is already closed, or the idempotency key was used for something else.
        Invalid: an answer can't be accepted.
    """
    request = own_request(unit, actor, request_id)
    known = _as_known_now(unit, asking.subject_ids)
    changed = replace(asking, replaces_request_id=request.id, subject_ids=known)
    if _earlier(unit, actor, changed, idempotency_key) is None:
        _withdraw(unit, actor, request, "amended")
    return ask(unit, actor, changed, idempotency_key=idempotency_key)


def cancel(unit: Unit, actor: Actor, request_id: str) -> None:
    """Cancel a request of one's own; what was released stays released.

    Raises:
        NotFound: not this actor's request.
        Conflict: it is already closed.
    """
    _withdraw(unit, actor, own_request(unit, actor, request_id), "cancelled")


def answer(unit: Unit, actor: Actor, request_id: str, words: str) -> None:
    """Answer what the holder needed to know.

    Raises:
        NotFound: not this actor's request.
        Conflict: the holder hasn't asked anything.
        Invalid: no words.
    """
    request = own_request(unit, actor, request_id)
    if request.state != RequestState.NEEDS_MORE:
        raise Conflict(
            "Nothing is being asked of you about this request.", next_step="Go back to the request."
        )
    say(unit, actor, request, words)
    request.state = RequestState.OPEN
    unit.session.add(request)
    lines = judge.lines_of(unit, request.id)
    record.act(unit, request, EntryKind.REQUEST_ANSWERED, actor.post_id, lines=lines, words={"answer": words})


def say(unit: Unit, actor: Actor, request: Request, words: str) -> None:
    """Keep a message between requester and holder.

    Raises:
        Invalid: no words, or more than 2,000 characters.
    """
    if not words.strip() or len(words) > 2000:
        raise Invalid("The message can't be sent.", fields={"words": "Write between 1 and 2,000 characters."})
    message = Message(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        from_post_id=actor.post_id,
        words=b"",
    )
    message.words = record.seal_words(unit, request, words, f"message.words|{message.id}")
    unit.session.add(message)


def is_own(unit: Unit, actor: Actor, request: Request) -> bool:
    """Whether this post made it, or stands in for the one who did and is off duty.

    A wall between a stand-in and anybody it is about keeps her from it.
    """
    if request.requester_post_id == actor.post_id:
        return True
    if request.requester_post_id not in people.covers(unit, actor.post_id):
        return False
    about = {line.subject_id for line in judge.lines_of(unit, request.id)}
    return not any(walls.walled(unit, one, actor.person_id, actor.agency_id) for one in about)


def own_request(unit: Unit, actor: Actor, request_id: str) -> Request:
    """A request this post made, or a colleague off duty for whom it stands in.

    Raises:
        NotFound: missing and foreign alike.
    """
    request = unit.session.get(Request, request_id)
    if request is None or not is_own(unit, actor, request):
        raise NotFound("There is no such request.", next_step="Go back to your requests.")
    return request


def default_basis(agency_type: str, power: str) -> Basis | None:
    """The sourced default for a holder of that type and a power, for the form to show; None where there is none."""
    found = vocabulary().default_basis(agency_type, power)
    if found is None:
        return None
    return Basis((power,), found.dp_regime, found.dp_condition, found.confidence_basis)


def make_lines(
    unit: Unit, request: Request, subject_ids: tuple[str, ...], recipients: list[RequestRecipient]
) -> list[Line]:
    """One line for each subject, kind of information and recipient."""
    unit.session.flush()
    lines = [
        Line(
            id=new_id(),
            partnership_id=request.partnership_id,
            request_id=request.id,
            subject_id=subject_id,
            category=category,
            recipient_id=recipient.id,
            controller_agency_id=request.holder_agency_id,
            state=LineState.REFERRED,
        )
        for subject_id in subject_ids
        for category in request.categories
        for recipient in recipients
    ]
    unit.session.add_all(lines)
    unit.session.flush()
    return lines


def recipients_of(unit: Unit, request_id: str) -> list[RequestRecipient]:
    """The named recipients of a request."""
    return list(unit.session.exec(select(RequestRecipient).where(RequestRecipient.request_id == request_id)))


def _as_known_now(unit: Unit, subject_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The same people by the records they are known under since a merge; what nobody knows stays as it was given."""
    known = (
        one if unit.session.get(Subject, one) is None else subjects.canonical(unit, one)
        for one in subject_ids
    )
    return tuple(dict.fromkeys(known))


def _may_see(unit: Unit, actor: Actor, asking: Asking) -> bool:
    """Whether all whom they named are in the case, and no wall stands between any of them and the actor."""
    known = {view.subject_id for view in subjects.subjects_of(unit, asking.case_id or "")}
    if not known.issuperset(asking.subject_ids):
        return False
    return not any(
        walls.walled(unit, found, actor.person_id, actor.agency_id) for found in asking.subject_ids
    )


def _keep(unit: Unit, actor: Actor, asking: Asking, on_case: bool) -> Request:
    case = unit.session.get_one(Case, asking.case_id) if on_case else None
    request = Request(
        id=new_id(),
        partnership_id=actor.partnership_id,
        reference=new_reference(),
        kind=asking.kind,
        state=RequestState.OPEN if on_case else RequestState.RECEIVED,
        arrangement_id=case.arrangement_id if case else None,
        case_id=case.id if case else None,
        requester_post_id=actor.post_id,
        requester_agency_id=actor.agency_id,
        holder_agency_id=asking.holder_agency_id,
        purpose=asking.purpose,
        powers=list(asking.basis.powers),
        dp_regime=asking.basis.dp_regime,
        dp_condition=asking.basis.dp_condition,
        confidence_basis=asking.basis.confidence_basis,
        categories=list(asking.categories),
        why=b"",
        urgent=Circumstance.IMMINENT_THREAT_TO_LIFE in asking.declarations,
        needed_by=asking.needed_by,
        due_at=_due(unit, actor, asking),
        onward_of_parcel_id=asking.onward_of_parcel_id,
        replaces_request_id=asking.replaces_request_id,
    )
    request.why = record.seal_words(unit, request, asking.why, f"request.why|{request.id}")
    if not on_case:
        meant = f"{asking.case_reference or ''}\n{asking.person or ''}".strip()
        request.person = record.seal_words(unit, request, meant, f"request.person|{request.id}")
    unit.session.add(request)
    unit.session.flush()
    return request


def _due(unit: Unit, actor: Actor, asking: Asking) -> datetime:
    if Circumstance.IMMINENT_THREAT_TO_LIFE in asking.declarations:
        return unit.now + judge.ON_CALL_WITHIN
    nation = unit.session.get_one(Partnership, actor.partnership_id).nation
    days = unit.session.get_one(Agency, asking.holder_agency_id).answers_within_days
    usual = add_working_days(local_day(unit.now, nation), days, nation)
    return end_of_local_day(min(usual, asking.needed_by or usual))


def _keep_recipients(unit: Unit, request: Request, asking: Asking) -> list[RequestRecipient]:
    rows = []
    for named in asking.recipients:
        row = RequestRecipient(
            id=new_id(),
            partnership_id=request.partnership_id,
            request_id=request.id,
            post_id=named.post_id,
            agency_type=named.agency_type or "",
            role=_OUTSIDE,
            delivering_post_id=named.delivering_post_id,
        )
        if named.post_id is not None:
            post = unit.session.get_one(Post, named.post_id)
            row.role = post.role
            row.agency_type = unit.session.get_one(Agency, post.agency_id).agency_type
        if named.described:
            # In what role somebody outside receives it is typed in words, so it is sealed with the rest of them.
            said = ", ".join(part for part in (named.described, named.role) if part)
            row.described = record.seal_words(unit, request, said, f"request_recipient.described|{row.id}")
        unit.session.add(row)
        rows.append(row)
    return rows


def keep_declaration(unit: Unit, actor: Actor, request: Request, code: str, words: str) -> Declaration:
    """Keep a circumstance that a named person asserts, with the words it rests on."""
    row = Declaration(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        circumstance=code,
        declared_by_post_id=actor.post_id,
        words=b"",
    )
    row.words = record.seal_words(unit, request, words, f"declaration.words|{row.id}")
    unit.session.add(row)
    return row


def _owe_emergency_review(unit: Unit, request: Request) -> None:
    """An emergency is reviewed the next working day by someone other than the one who claimed it (DESIGN 5)."""
    nation = unit.session.get_one(Partnership, request.partnership_id).nation
    day = add_working_days(local_day(unit.now, nation), 1, nation)
    task = Task(
        partnership_id=request.partnership_id,
        request_id=request.id,
        kind=EMERGENCY_REVIEW,
        owner_agency_id=request.holder_agency_id,
        not_post_id=request.requester_post_id,
        due_at=end_of_local_day(day),
    )
    unit.session.add(task)


def _withdraw(unit: Unit, actor: Actor, request: Request, why: str) -> None:
    judge.lock_subjects(unit, judge.lines_of(unit, request.id))
    # That a holder answered a request from outside doesn't show, so it can be cancelled as if nobody had.
    over = {RequestState.CANCELLED} if request.from_outside else _OVER
    if request.state in over:
        raise Conflict("This request is already closed.", next_step="Make a new request instead.")
    lines = judge.lines_of(unit, request.id)
    for line in lines:
        if line.state in {LineState.REFERRED, LineState.TO_RELEASE}:
            line.state = LineState.CANCELLED
            unit.session.add(line)
    request.state = RequestState.CANCELLED
    request.closed_at = unit.now
    unit.session.add(request)
    codes = {"why": why}
    record.act(unit, request, EntryKind.REQUEST_CANCELLED, actor.post_id, lines=lines, codes=codes)


def _asked(request: Request) -> Asked:
    return Asked(request.id, request.reference, shown=not request.from_outside)


def _earlier(unit: Unit, actor: Actor, asking: Asking, key: str | None) -> Request | None:
    """What the same key was answered before, so that 'not confirmed' can safely be asked again (DESIGN 3.1)."""
    if key is None:
        return None
    rows = select(IdempotentAnswer).where(
        IdempotentAnswer.post_id == actor.post_id, IdempotentAnswer.key == key
    )
    row = unit.session.exec(rows).first()
    if row is None:
        return None
    if row.request_digest != _digest(unit, actor, asking):
        raise Conflict("This was already sent with other answers.", next_step="Start a new request.")
    return unit.session.get_one(Request, row.result_id)


def _remember(unit: Unit, actor: Actor, asking: Asking, key: str | None, request: Request) -> None:
    if key is None:
        return
    answered = IdempotentAnswer(
        partnership_id=actor.partnership_id,
        post_id=actor.post_id,
        key=key,
        request_digest=_digest(unit, actor, asking),
        result_kind="request",
        result_id=request.id,
        expires_at=unit.now + KEY_KEPT_FOR,
    )
    unit.session.add(answered)


def _digest(unit: Unit, actor: Actor, asking: Asking) -> str:
    # Keyed, because a plain digest of short answers could be guessed back.
    said = json.dumps(asdict(asking), default=str, sort_keys=True)
    return unit.vault.token("idempotency", hashlib.sha256(said.encode()).hexdigest(), actor.partnership_id)
