"""Putting lines before the policy: gather facts, decide, keep the decision, set each line's state, write the entry.

Used wherever a decision is made or made again: at the asking, after an authorisation, inside the releasing and the
opening transaction, and after a withdrawal (DESIGN 3.4). There is no cache of decisions anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel import col, select

from gateway.decision.decide import decide
from gateway.decision.facts import Ask, Body, Decision, DueObligation
from gateway.decision.facts import LineDecision as Judged
from gateway.disclosure import deadlines, record
from gateway.disclosure.facts import DataFacts, Gatherer
from gateway.disclosure.models import Line, LineDecision, LineState, Request, RequestState
from gateway.disclosure.papers import Papers, papers_of
from gateway.policy import lifecycle
from gateway.registry import standing, subjects
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Circumstance, Outcome

REFERRED_WITHIN_WORKING_DAYS = 2


class Step(StrEnum):
    """Why a decision was made."""

    ASKED = "asked"
    DECLARED = "declared"
    AUTHORISED = "authorised"
    RELEASING = "releasing"
    OPENING = "opening"
    RECONSIDERED = "reconsidered"


# What has left stays released; a later refusal freezes the parcel instead.
_AFTER_RELEASE = {Step.OPENING, Step.RECONSIDERED}
_STATE_OF = {
    Outcome.PERMIT: LineState.TO_RELEASE,
    Outcome.REFER: LineState.REFERRED,
    Outcome.DENY: LineState.REFUSED,
}


def judge(
    unit: Unit,
    request: Request,
    lines: Sequence[Line],
    step: Step,
    *,
    acting_post_id: str | None,
    data: DataFacts | None = None,
    papers: Papers | None = None,
) -> dict[str, LineDecision]:
    """Decide these lines as things stand now; gives the kept decision per line id.

    The request's papers are read under the lock, unless this unit has just made the request and gives them.
    Takes the write lock on each subject's row first, so that a withdrawal either came before or waits (DESIGN 3.4).
    Records one ledger entry per controller with every line's outcome, refusals and referrals alike.
    """
    lock_subjects(unit, lines)
    papers = papers or papers_of(unit, request.id)
    standing.hold(unit, request.case_id, [request.requester_post_id, *papers.posts()])
    policy = lifecycle.active(unit, request.partnership_id)
    kept: dict[str, LineDecision] = {}
    for gathered in Gatherer(unit, request, papers, data).gather(lines):
        decided = decide(gathered.ask, policy)
        for line in gathered.lines:
            judged = decided.line(Category(line.category), line.recipient_id)
            kept[line.id] = _keep(unit, request, line, step, gathered.ask, decided, judged)
    unit.session.flush()
    record.decisions(unit, request, lines, kept, step, acting_post_id)
    return kept


def as_things_stand(unit: Unit, request: Request, line: Line, data: DataFacts | None = None) -> Judged:
    """What a decision on this line would be at this moment; nothing is kept, locked or written."""
    [gathered] = Gatherer(unit, request, papers_of(unit, request.id), data).gather([line])
    policy = lifecycle.active(unit, request.partnership_id)
    return decide(gathered.ask, policy).line(Category(line.category), line.recipient_id)


def lock_subjects(unit: Unit, lines: Sequence[Line]) -> None:
    """Take the lock on each subject of these lines, always in the same order."""
    for subject_id in sorted({line.subject_id for line in lines}):
        subjects.lock(unit, subject_id)


def settle(
    unit: Unit,
    request: Request,
    *,
    lines: Sequence[Line] | None = None,
    decided: Collection[LineDecision] = (),
) -> None:
    """Work out the request's outcome from its lines: any refer -> refer; else any permit -> permit; else deny.

    `lines` are all of them and `decided` the decisions just made, where the caller has them.
    """
    if lines is None:
        lines = lines_of(unit, request.id)
    outcomes = {row.outcome for row in decided}
    latest = {line.latest_decision_id for line in lines if line.latest_decision_id}
    before = latest - {row.id for row in decided}
    if before:
        outcomes.update(
            unit.session.exec(select(LineDecision.outcome).where(col(LineDecision.id).in_(before)))
        )
    for outcome in (Outcome.REFER, Outcome.PERMIT, Outcome.DENY):
        if outcome in outcomes:
            request.outcome = outcome
            break
    request.decided_at = unit.now
    open_states = {LineState.REFERRED, LineState.TO_RELEASE}
    if all(line.state not in open_states for line in lines):
        request.closed_at = request.closed_at or unit.now
        request.state = RequestState.CLOSED
    unit.session.add(request)


def lines_of(unit: Unit, request_id: str) -> list[Line]:
    """All lines of a request: by subject, then by kind of information as it was asked for, then by recipient."""
    request = unit.session.get_one(Request, request_id)
    place = {category: number for number, category in enumerate(request.categories)}
    lines = unit.session.exec(select(Line).where(Line.request_id == request_id))
    return sorted(lines, key=lambda line: (line.subject_id, place[line.category], line.recipient_id))


def decision_of(unit: Unit, line: Line) -> LineDecision:
    """The latest decision on a line."""
    return unit.session.get_one(LineDecision, line.latest_decision_id)


def _keep(
    unit: Unit, request: Request, line: Line, step: Step, ask: Ask, decided: Decision, judged: Judged
) -> LineDecision:
    row = LineDecision(
        partnership_id=request.partnership_id,
        request_id=request.id,
        line_id=line.id,
        at_step=step,
        policy_version=decided.policy_version,
        outcome=judged.outcome,
        stage=judged.stage,
        reason_code=judged.reason,
        deciding_rule_id=judged.rule_id,
        rule_ids=[rule.id for rule in judged.matched],
        may_lift=list(judged.may_lift),
        obligations=[_obligation(due) for due in judged.obligations],
        refer_to=[str(role) for role in judged.refer_to],
        facts=facts_as_codes(ask) | _tried(judged),
        requester_text=judged.explanation.requester,
        officer_text=judged.explanation.officer,
        alternative=judged.explanation.alternative,
    )
    unit.session.add(row)
    line.latest_decision_id = row.id
    if step in _AFTER_RELEASE:
        return row
    line.state = _STATE_OF[judged.outcome]
    line.refer_to = row.refer_to
    line.refer_due_at = _refer_due(unit, request, ask) if judged.outcome is Outcome.REFER else None
    unit.session.add(line)
    return row


def _tried(judged: Judged) -> dict[str, object]:
    """Rules on trial that matched, with what the line would have come to; the key stands only where there are any."""
    return {record.ON_TRIAL: {one.id: one.outcome.value for one in judged.tried}} if judged.tried else {}


def _refer_due(unit: Unit, request: Request, ask: Ask) -> datetime:
    if Circumstance.IMMINENT_THREAT_TO_LIFE in ask.circumstances:
        return unit.now + deadlines.ON_CALL_WITHIN
    return deadlines.within_working_days(unit, request.partnership_id, REFERRED_WITHIN_WORKING_DAYS)


def _obligation(due: DueObligation) -> dict[str, object]:
    return {
        "code": str(due.code),
        "kind": due.kind,
        "owner": due.owner,
        "days": due.days,
        "rules": list(due.because_of),
    }


def facts_as_codes(ask: Ask) -> dict[str, object]:
    """The facts a decision rested on, as codes and ids that can be kept and judged again years later."""
    return {
        "jurisdiction": ask.jurisdiction,
        "arrangement": ask.arrangement,
        "requester": _body(ask.requester),
        "holder": _body(ask.holder),
        "recipients": [_body(recipient) for recipient in ask.recipients],
        "subject_role": ask.subject.role,
        "age": ask.subject.age,
        "capacity": ask.subject.capacity,
        "categories": list(ask.categories),
        "purpose": ask.purpose,
        "powers": list(ask.legal_basis.powers),
        "dp_regime": ask.legal_basis.dp_regime,
        "dp_condition": ask.legal_basis.dp_condition,
        "confidence_basis": ask.legal_basis.confidence_basis,
        "consent": ask.consent.status,
        "consent_last_day": ask.consent.last_day.isoformat() if ask.consent.last_day else None,
        "consent_categories": sorted(ask.consent.categories),
        "risk": ask.risk.level,
        "ticks": ask.risk.ticks,
        "circumstances": sorted(ask.circumstances),
        "unknown": sorted(ask.unknown),
        "data": {key: sorted(found) for key, found in ask.line_circumstances.items()},
        "onward": ask.onward,
        "lifted": sorted(ask.lifted),
        "at": ask.at.isoformat(),
    }


def _body(body: Body) -> dict[str, object]:
    return {
        "agency_type": body.agency_type,
        "role": body.role,
        "duty": body.duty,
        "member": body.member,
        "orientation": body.orientation,
        "on_case": body.on_case,
        "walled": body.walled,
        "agency_id": body.agency_id,
        "post_id": body.post_id,
    }
