"""Asking for information, or offering it: the request is kept, decided line by line, and logged in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.clock import end_of_local_day
from gateway.disclosure import deadlines, judge, papers, record, repeating, tasks
from gateway.disclosure.asking import Asking, check
from gateway.disclosure.models import (
    Line,
    LineDecision,
    LineState,
    Message,
    Request,
    RequestKind,
    RequestState,
)
from gateway.disclosure.papers import Papers
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import cases, people, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Agency, Subject
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance, Outcome, Stage

_OVER = {RequestState.CLOSED, RequestState.CANCELLED}


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
    earlier = repeating.earlier(unit, actor, asking, idempotency_key)
    if earlier is not None:
        return replace(_asked(earlier), again=True)
    on_case = works_it and _may_see(unit, actor, asking)
    request = papers.keep_request(unit, actor, asking, on_case=on_case, due_at=_due(unit, actor, asking))
    recipients = papers.keep_recipients(unit, request, asking)
    declared = [
        papers.keep_declaration(unit, actor, request, code, words)
        for code, words in asking.declarations.items()
    ]
    repeating.remember(unit, actor, asking, idempotency_key, request)
    made = EntryKind.REQUEST_OFFERED if asking.kind is RequestKind.OFFER else EntryKind.REQUEST_MADE
    if not on_case:
        record.act(unit, request, made, actor.post_id)
        return _asked(request)
    lines = papers.make_lines(unit, request, asking.subject_ids, recipients)
    words = {"why": asking.why, **{f"declared_{code}": said for code, said in asking.declarations.items()}}
    codes = {"declared": tuple(sorted(asking.declarations))}
    record.act(unit, request, made, actor.post_id, lines=lines, codes=codes, words=words)
    kept = Papers(lines, recipients, declared)
    decide(unit, request, lines, judge.Step.ASKED, actor.post_id, made=kept)
    return _asked(request)


def decide(
    unit: Unit,
    request: Request,
    lines: list[Line],
    step: judge.Step,
    acting_post_id: str | None,
    *,
    made: Papers | None = None,
) -> dict[str, LineDecision]:
    """Judge lines that have not left yet, and settle what follows: the request's outcome and any emergency review.

    `made` are the papers of a request that this unit has just made.
    """
    kept = judge.judge(unit, request, lines, step, acting_post_id=acting_post_id, papers=made)
    judge.settle(unit, request, lines=made.lines if made else None, decided=kept.values())
    first = next(iter(kept.values()))
    request.policy_version = first.policy_version
    emergency = [
        row.line_id for row in kept.values() if row.stage == Stage.D and row.outcome == Outcome.PERMIT
    ]
    if emergency:
        used = [line for line in lines if line.id in emergency]
        record.act(unit, request, EntryKind.EMERGENCY_USED, acting_post_id, lines=used)
        # Reviewed the next working day by someone other than the one who claimed it (DESIGN 5).
        tasks.owe(
            unit,
            request,
            tasks.EMERGENCY_REVIEW,
            within_working_days=1,
            not_post_id=request.requester_post_id,
        )
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
    if repeating.earlier(unit, actor, changed, idempotency_key) is None:
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


def _due(unit: Unit, actor: Actor, asking: Asking) -> datetime:
    if Circumstance.IMMINENT_THREAT_TO_LIFE in asking.declarations:
        return unit.now + deadlines.ON_CALL_WITHIN
    days = unit.session.get_one(Agency, asking.holder_agency_id).answers_within_days
    usual = deadlines.working_day(unit, actor.partnership_id, days)
    return end_of_local_day(min(usual, asking.needed_by or usual))


def _withdraw(unit: Unit, actor: Actor, request: Request, why: str) -> None:
    lines = judge.lines_of(unit, request.id)
    judge.lock_subjects(unit, lines)
    # That a holder answered a request from outside doesn't show, so it can be cancelled as if nobody had.
    over = {RequestState.CANCELLED} if request.from_outside else _OVER
    if request.state in over:
        raise Conflict("This request is already closed.", next_step="Make a new request instead.")
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
