"""What a person may read of requests: their own, their agency's desk, and what waits for their decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import col, select

from gateway.disclosure import ask, authorise, deciders, desk, judge, record
from gateway.disclosure.facts import consent_now
from gateway.disclosure.lists import DONE, WAITING, RequestSummary, state_shown, summaries
from gateway.disclosure.models import (
    Authorisation,
    Declaration,
    Line,
    LineState,
    Message,
    Request,
    RequestState,
)
from gateway.disclosure.papers import recipients_of
from gateway.errors import NotFound
from gateway.ledger import read
from gateway.registry import agencies, people
from gateway.registry.actors import Actor
from gateway.registry.models import CaseSubject, Face, Subject
from gateway.sealing import parcel as parcels
from gateway.sealing.models import CopyOf
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class ObligationView:
    """An obligation by code: who owes it, and within how many days."""

    code: str
    kind: str
    owner: str | None
    days: int | None


@dataclass(frozen=True)
class LineDetail:
    """One line: its requester reads the requester's text, its holder and authoriser the officer's.

    `left` says that a person has to decide it, and that at present nobody can.
    """

    line_id: str
    request_id: str
    reference: str
    subject_reference: str
    subject_role: str | None
    category: str
    recipient: str
    state: str
    outcome: str | None
    stage: str | None
    rule_ids: tuple[str, ...]
    deciding_rule_id: str | None
    policy_version: str
    text: str
    alternative: str
    obligations: tuple[ObligationView, ...]
    refer_to: tuple[str, ...]
    refer_due_at: datetime | None
    takes_two: bool
    awaiting_second: str | None
    parcel_ids: tuple[str, ...]
    frozen: bool
    consent: str | None
    left: bool = False


@dataclass(frozen=True)
class MessageView:
    """A message between requester and holder."""

    mine: bool
    agency: str
    words: str
    at: datetime


@dataclass(frozen=True)
class Event:
    """One thing that happened to a request, for its timeline."""

    kind: str
    at: datetime
    agency: str | None


@dataclass(frozen=True)
class RequestDetail:
    """A request with its lines, messages and timeline, and the codes of what this actor may do with it."""

    summary: RequestSummary
    mine: bool
    case_id: str | None
    why: str
    person: str
    powers: tuple[str, ...]
    dp_regime: str
    dp_condition: str
    confidence_basis: str
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    declared: tuple[tuple[str, str], ...]
    declared_by_others: tuple[tuple[str, str], ...]
    lines: tuple[LineDetail, ...]
    messages: tuple[MessageView, ...]
    timeline: tuple[Event, ...]
    may: frozenset[str]


def to_authorise(unit: Unit, actor: Actor) -> list[LineDetail]:
    """Referred lines that a role of this actor may decide and that aren't the actor's own, soonest due first."""
    rows = (
        select(Line)
        .where(Line.partnership_id == actor.partnership_id, Line.state == LineState.REFERRED)
        .order_by(col(Line.refer_due_at))
    )
    found = []
    for line in unit.session.exec(rows):
        request = unit.session.get_one(Request, line.request_id)
        if authorise.decidable_by(unit, actor, request, line) and request.requester_post_id != actor.post_id:
            found.append(_line(unit, request, line, officer=True))
    return found


def line_to_authorise(unit: Unit, actor: Actor, line_id: str) -> tuple[RequestDetail, LineDetail]:
    """A referred line this actor may decide, with its request.

    Raises:
        NotFound: missing, foreign and not theirs alike.
    """
    line = unit.session.get(Line, line_id)
    request = unit.session.get(Request, line.request_id) if line else None
    if line is None or request is None or not authorise.decidable_by(unit, actor, request, line):
        raise NotFound("There is nothing like that for you to decide.", next_step="Go back to your list.")
    return _detail(unit, actor, request, officer=True), _line(unit, request, line, officer=True)


def request_for(unit: Unit, actor: Actor, request_id: str) -> RequestDetail:
    """A request for its maker, its holder, an authoriser of one of its lines, or the IG officer of either agency.

    Someone not on the case who made it learns the reference and nothing else (DESIGN 3.8).

    Raises:
        NotFound: missing and foreign alike.
    """
    request = unit.session.get(Request, request_id)
    if request is None or request.partnership_id != actor.partnership_id or actor.face is Face.ADVOCACY:
        raise _missing()
    own = ask.is_own(unit, actor, request)
    if own and request.from_outside:
        return _detail(unit, actor, request, officer=False)
    if desk.is_hidden_from(unit, actor, request):
        raise _missing()
    if request.holder_agency_id == actor.agency_id:
        return _detail(unit, actor, request, officer=True)
    if own:
        return _detail(unit, actor, request, officer=False)
    if request.requester_agency_id == actor.agency_id and actor.face is Face.GOVERNANCE:
        return _detail(unit, actor, request, officer=False)
    if any(authorise.decidable_by(unit, actor, request, line) for line in judge.lines_of(unit, request.id)):
        return _detail(unit, actor, request, officer=True)
    raise _missing()


def line_for_desk(unit: Unit, actor: Actor, line_id: str) -> tuple[RequestDetail, LineDetail]:
    """A line of the actor's agency's desk, with its request.

    Raises:
        NotFound: missing and foreign alike.
    """
    line = unit.session.get(Line, line_id)
    if line is None or line.controller_agency_id != actor.agency_id or actor.face is Face.ADVOCACY:
        raise _missing()
    detail = request_for(unit, actor, line.request_id)
    return detail, next(found for found in detail.lines if found.line_id == line_id)


def _detail(unit: Unit, actor: Actor, request: Request, *, officer: bool) -> RequestDetail:
    hidden = request.from_outside and not officer
    lines = [] if hidden else judge.lines_of(unit, request.id)
    # Words about somebody who was erased are gone: of no request do they show to who made it from outside (DESIGN 3.8).
    declared = [] if hidden else record.declarations_of(unit, request)
    return RequestDetail(
        summary=summaries(unit, actor, [request], own=not officer)[0],
        mine=ask.is_own(unit, actor, request),
        case_id=None if hidden else request.case_id,
        why="" if hidden else record.sealed_words(unit, request, request.why, f"request.why|{request.id}"),
        person=""
        if hidden
        else record.sealed_words(unit, request, request.person, f"request.person|{request.id}"),
        powers=tuple(request.powers),
        dp_regime=request.dp_regime,
        dp_condition=request.dp_condition,
        confidence_basis=request.confidence_basis,
        categories=tuple(request.categories),
        recipients=()
        if hidden
        else tuple(record.recipient_in_words(unit, row.id) for row in recipients_of(unit, request.id)),
        declared=tuple((row.circumstance, words) for row, words in declared if _is_askers(request, row)),
        # What the holder knows and says here is for whoever decides; the one who asked never reads it (DESIGN 5).
        declared_by_others=tuple(
            (row.circumstance, words) for row, words in declared if officer and not _is_askers(request, row)
        ),
        lines=tuple(
            replace(_line(unit, request, line, officer=officer), left=_is_left(unit, request, line))
            for line in lines
        ),
        messages=() if hidden else tuple(_messages(unit, actor, request)),
        timeline=() if hidden else tuple(_timeline(unit, request)),
        may=_may(unit, actor, request),
    )


def _is_left(unit: Unit, request: Request, line: Line) -> bool:
    return line.state == LineState.REFERRED and deciders.is_left(unit, request, line)


def _is_askers(request: Request, row: Declaration) -> bool:
    return row.declared_by_post_id == request.requester_post_id


def _line(unit: Unit, request: Request, line: Line, *, officer: bool) -> LineDetail:
    decided = judge.decision_of(unit, line)
    role = unit.session.exec(
        select(CaseSubject.role).where(
            CaseSubject.case_id == request.case_id, CaseSubject.subject_id == line.subject_id
        )
    ).first()
    sealed = parcels.of_lines(unit, [line.id], copy_of=CopyOf.RECIPIENT)
    return LineDetail(
        line_id=line.id,
        request_id=request.id,
        reference=request.reference,
        subject_reference=unit.session.get_one(Subject, line.subject_id).reference,
        subject_role=role,
        category=line.category,
        recipient=record.recipient_in_words(unit, line.recipient_id),
        state=line.state,
        outcome=decided.outcome,
        stage=decided.stage if officer else None,
        rule_ids=tuple(decided.rule_ids) if officer else (),
        deciding_rule_id=decided.deciding_rule_id if officer else None,
        policy_version=decided.policy_version,
        text=decided.officer_text if officer else decided.requester_text,
        alternative=decided.alternative,
        obligations=tuple(_obligation(due) for due in decided.obligations),
        refer_to=tuple(line.refer_to),
        refer_due_at=line.refer_due_at,
        takes_two=line.state == LineState.REFERRED and authorise.takes_two(line, decided),
        awaiting_second=_awaiting_second(unit, line),
        parcel_ids=tuple(row.id for row in sealed),
        frozen=any(row.state == "frozen" for row in sealed),
        consent=consent_now(unit, request, line) if officer else None,
    )


def _obligation(due: dict[str, object]) -> ObligationView:
    owner, days = due["owner"], due["days"]
    return ObligationView(
        code=str(due["code"]),
        kind=str(due["kind"]),
        owner=None if owner is None else str(owner),
        days=None if days is None else int(str(days)),
    )


def _awaiting_second(unit: Unit, line: Line) -> str | None:
    rows = select(Authorisation).where(
        Authorisation.line_id == line.id,
        col(Authorisation.needs_second).is_(True),
        col(Authorisation.grants).is_(True),
        col(Authorisation.seconded_at).is_(None),
    )
    waiting = unit.session.exec(rows).first()
    return waiting.id if waiting and line.state == LineState.REFERRED else None


def _messages(unit: Unit, actor: Actor, request: Request) -> list[MessageView]:
    rows = select(Message).where(Message.request_id == request.id).order_by(col(Message.created_at))
    return [
        MessageView(
            mine=row.from_post_id == actor.post_id,
            agency=people.post_view(unit, request.partnership_id, row.from_post_id).agency_name,
            words=record.sealed_words(unit, request, row.words, f"message.words|{row.id}"),
            at=row.created_at,
        )
        for row in unit.session.exec(rows)
    ]


def _timeline(unit: Unit, request: Request) -> list[Event]:
    names: dict[str, str] = agencies.names(unit, request.partnership_id)
    entries = read.entries_for_request(unit, request.id).entries
    seen: dict[tuple[str, datetime], Event] = {}
    for entry in entries:
        agency = names.get(entry.actor_agency_id) if entry.actor_agency_id else None
        seen.setdefault((entry.kind, entry.at), Event(entry.kind, entry.at, agency))
    return list(seen.values())


def _may(unit: Unit, actor: Actor, request: Request) -> frozenset[str]:
    """What this actor can do with the request now; the verbs check again."""
    allowed: set[str] = set()
    own = ask.is_own(unit, actor, request)
    shown = state_shown(request) if own else RequestState(request.state)
    alive = shown not in DONE
    lines = judge.lines_of(unit, request.id)
    if own and alive:
        allowed |= {"cancel", "amend"}
        allowed |= {"answer"} if shown == RequestState.NEEDS_MORE else set()
        if shown in WAITING and request.due_at <= unit.now:
            allowed |= {"escalate"} if request.chased_at else {"chase"}
    if own and request.from_outside:
        return frozenset(allowed)
    if request.holder_agency_id == actor.agency_id and alive and actor.face is not Face.ADVOCACY:
        allowed |= {"need_more", "declare"}
        allowed |= {"identify"} if request.state == RequestState.RECEIVED and not lines else set()
        allowed |= (
            {"release", "decline", "nothing_held"} if any(_to_release(line) for line in lines) else set()
        )
    if any(authorise.decidable_by(unit, actor, request, line) for line in lines):
        allowed |= {"authorise"}
    return frozenset(allowed)


def _to_release(line: Line) -> bool:
    return line.state == LineState.TO_RELEASE


def _missing() -> NotFound:
    return NotFound("There is no such request.", next_step="Go back to your requests.")
