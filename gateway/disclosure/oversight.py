"""Decisions as an information-governance officer reads them: of her own agency, or of the partnership she governs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func
from sqlmodel import and_, col, or_, select

from gateway.disclosure import deciders, desk, record
from gateway.disclosure.models import Line, LineDecision, LineState, Request, RequestState
from gateway.errors import NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies
from gateway.registry.actors import Actor
from gateway.registry.acts import act
from gateway.registry.models import Arrangement, Face, Subject
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class DecidedRequest:
    """A request that was decided, in a list: who asked whom, and what came of it."""

    request_id: str
    reference: str
    requester_agency: str
    holder_agency: str
    purpose: str
    outcome: str
    policy_version: str
    decided_at: datetime


@dataclass(frozen=True)
class Judged:
    """One evaluation of one line: the facts it stood on, the rules that matched, and the words for this reader."""

    subject_reference: str
    category: str
    recipient: str
    at_step: str
    outcome: str
    stage: str | None
    reason_code: str
    deciding_rule_id: str | None
    rule_ids: tuple[str, ...]
    obligations: tuple[str, ...]
    refer_to: tuple[str, ...]
    facts: dict[str, object]
    tried: dict[str, str]
    policy_version: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Explained:
    """A decided request with every evaluation of its lines, newest first within a line."""

    request: DecidedRequest
    judged: tuple[Judged, ...]


def decided(
    unit: Unit, actor: Actor, *, offset: int = 0, size: int = 25, outcome: str = ""
) -> tuple[list[DecidedRequest], int]:
    """Give decided requests, newest first, and how many there are in all; one `outcome` alone when it is named."""
    chosen = _visible(actor)
    if outcome:
        chosen = [*chosen, col(Request.outcome) == outcome]
    total = unit.session.exec(select(func.count()).select_from(Request).where(*chosen)).one()
    rows = unit.session.exec(
        select(Request)
        .where(*chosen)
        .order_by(col(Request.decided_at).desc(), Request.id)
        .offset(offset)
        .limit(size)
    )
    names = agencies.names(unit, actor.partnership_id)
    return [_row(request, names) for request in rows], total


def explained(unit: Unit, actor: Actor, request_id: str) -> Explained:
    """Give one decided request with its explanation, and record that it was read.

    The officer of the requester's agency reads the requester's text: protected facts stay with the holder.

    Raises:
        NotFound: missing, foreign and not hers alike.
    """
    chosen = [*_visible(actor), col(Request.id) == request_id]
    request = unit.session.exec(select(Request).where(*chosen)).first()
    if request is None:
        raise NotFound("There is no such decision.", next_step="Go back to the list of decisions.")
    lines = unit.session.exec(
        select(Line).where(Line.request_id == request_id).order_by(Line.category, Line.id)
    ).all()
    whole = actor.governs or request.holder_agency_id == actor.agency_id
    judged = tuple(one for line in lines for one in _of_line(unit, line, whole=whole))
    names = agencies.names(unit, actor.partnership_id)
    _note(unit, actor, request, sorted({line.subject_id for line in lines}))
    return Explained(_row(request, names), judged)


@dataclass(frozen=True)
class Escalated:
    """A request that waits for an answer although its maker chased it and took it to the officer."""

    request_id: str
    decided: bool
    reference: str
    requester_agency: str
    holder_agency: str
    purpose: str
    due_at: datetime
    escalated_at: datetime


def escalated(unit: Unit, actor: Actor) -> list[Escalated]:
    """Give the open requests that were escalated to the officer of the agency that holds, or of the partnership.

    Longest waiting first. Raises NotFound for anybody else.
    """
    if actor.face is not Face.GOVERNANCE:
        raise NotFound("There is no such list.", next_step="Go back to your list.")
    chosen = select(Request).where(
        Request.partnership_id == actor.partnership_id,
        col(Request.escalated_at).is_not(None),
        col(Request.state).in_([RequestState.RECEIVED, RequestState.OPEN, RequestState.NEEDS_MORE]),
    )
    if not actor.governs:
        chosen = chosen.where(Request.holder_agency_id == actor.agency_id)
    names = agencies.names(unit, actor.partnership_id)
    return [
        Escalated(
            request_id=one.id,
            decided=one.decided_at is not None,
            reference=one.reference,
            requester_agency=names.get(one.requester_agency_id, ""),
            holder_agency=names.get(one.holder_agency_id, ""),
            purpose=one.purpose,
            due_at=one.due_at,
            escalated_at=one.escalated_at or one.due_at,
        )
        for one in unit.session.exec(chosen.order_by(col(Request.escalated_at)))
    ]


@dataclass(frozen=True)
class Undecidable:
    """A referred line that nobody can decide: the role that is missing, and nothing of the person or what was asked."""

    line_id: str
    reference: str
    roles: tuple[str, ...]
    agencies: tuple[str, ...]
    arrangement: str
    due_at: datetime | None


def undecidable(unit: Unit, actor: Actor) -> list[Undecidable]:
    """Give the referred lines for which this officer could name a post or arrange cover, soonest due first.

    Those that speak for her agency, or all if she governs; about nobody whom a wall keeps from her. Raises NotFound
    for anybody else.
    """
    if actor.face is not Face.GOVERNANCE:
        raise NotFound("There is no such list.", next_step="Go back to your list.")
    rows = (
        select(Line, Request)
        .join(Request, col(Request.id) == col(Line.request_id))
        .where(Line.partnership_id == actor.partnership_id, Line.state == LineState.REFERRED)
        .order_by(col(Line.refer_due_at), col(Line.id))
    )
    names = agencies.names(unit, actor.partnership_id)
    return [
        _undecidable(unit, request, line, names)
        for line, request in unit.session.exec(rows)
        if (actor.governs or actor.agency_id in deciders.who_names(unit, request, line))
        and deciders.is_left(unit, request, line, seen_by_officer=True)
        and not desk.is_hidden_from(unit, actor, request)
    ]


def _undecidable(unit: Unit, request: Request, line: Line, names: Mapping[str, str]) -> Undecidable:
    bound = [deciders.speaking(unit, request, line, role) for role in line.refer_to]
    wanted = {agency_id for found in bound if found for agency_id in found}
    return Undecidable(
        line_id=line.id,
        reference=request.reference,
        roles=tuple(line.refer_to),
        agencies=() if None in bound else tuple(sorted(names.get(one, "") for one in wanted)),
        arrangement=unit.session.get_one(Arrangement, request.arrangement_id).name,
        due_at=line.refer_due_at,
    )


def _visible(actor: Actor) -> list[ColumnElement[bool]]:
    if actor.face is not Face.GOVERNANCE:
        raise NotFound("There is no such decision.", next_step="Go back to your list.")
    chosen: list[ColumnElement[bool]] = [
        col(Request.partnership_id) == actor.partnership_id,
        col(Request.decided_at).is_not(None),
    ]
    if not actor.governs:
        mine = actor.agency_id
        # That a request from outside a case was decided would tell the asker's agency that the person is known.
        asked = and_(col(Request.requester_agency_id) == mine, col(Request.person).is_(None))
        chosen.append(or_(col(Request.holder_agency_id) == mine, asked))
    return chosen


def _row(request: Request, names: dict[str, str]) -> DecidedRequest:
    return DecidedRequest(
        request_id=request.id,
        reference=request.reference,
        requester_agency=names.get(request.requester_agency_id, ""),
        holder_agency=names.get(request.holder_agency_id, ""),
        purpose=request.purpose,
        outcome=request.outcome or "",
        policy_version=request.policy_version or "",
        decided_at=request.decided_at or request.created_at,
    )


def _of_line(unit: Unit, line: Line, *, whole: bool) -> list[Judged]:
    rows = unit.session.exec(
        select(LineDecision)
        .where(LineDecision.line_id == line.id)
        .order_by(col(LineDecision.created_at).desc())
    )
    reference = unit.session.get_one(Subject, line.subject_id).reference
    recipient = record.recipient_in_words(unit, line.recipient_id)
    return [
        Judged(
            subject_reference=reference,
            category=line.category,
            recipient=recipient,
            at_step=row.at_step,
            outcome=row.outcome,
            stage=row.stage if whole else None,
            reason_code=row.reason_code if whole else "",
            deciding_rule_id=row.deciding_rule_id if whole else None,
            rule_ids=tuple(row.rule_ids) if whole else (),
            obligations=tuple(str(due["code"]) for due in row.obligations),
            refer_to=tuple(row.refer_to),
            facts={name: value for name, value in row.facts.items() if name != record.ON_TRIAL}
            if whole
            else {},
            tried=record.tried(row) if whole else {},
            policy_version=row.policy_version,
            text=row.officer_text if whole else row.requester_text,
            at=row.created_at,
        )
        for row in rows
    ]


def _note(unit: Unit, actor: Actor, request: Request, subject_ids: list[str]) -> None:
    """One entry for each person, so that the advocate of one is never handed what is about another."""
    for subject_id in subject_ids:
        act(
            unit,
            actor,
            EntryKind.LOG_VIEWED,
            controller_agency_id=request.holder_agency_id,
            subject_ids=[subject_id],
            case_id=request.case_id,
            request_id=request.id,
            codes={"what": "decision"},
        )
