"""What a regulator asks for: an agency's requests, decisions and disclosures over a time, with reasons, no content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from sqlmodel import col, select

from gateway.disclosure.models import Line, LineDecision, Request
from gateway.errors import Erased, NotFound
from gateway.ledger import append, read
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry.models import Agency
from gateway.store.unit_of_work import Unit


def export(unit: Unit, agency_id: str, since: datetime, until: datetime, asked_by: str) -> Iterator[str]:
    """Give JSON lines: each decision with its facts and policy version, then each entry with its words, oldest first.

    `asked_by` names the regulator's request in words and is kept in the entry that records this export. Words that
    were erased are marked so.

    Raises:
        NotFound: no such agency.
    """
    agency = unit.session.get(Agency, agency_id)
    if agency is None:
        raise NotFound("There is no such agency.")
    _record(unit, agency, since, until, asked_by)
    for row in _decisions(unit, agency_id, since, until):
        yield _line("decision", row)
    for entry in _entries(unit, agency_id, since, until):
        yield _line("entry", entry)


def _decisions(unit: Unit, agency_id: str, since: datetime, until: datetime) -> Iterator[dict[str, object]]:
    rows = (
        select(LineDecision, Line, Request)
        .join(Line, col(Line.id) == col(LineDecision.line_id))
        .join(Request, col(Request.id) == col(LineDecision.request_id))
        .where(Line.controller_agency_id == agency_id)
        .where(LineDecision.created_at >= since, LineDecision.created_at < until)
        .order_by(col(LineDecision.created_at))
    )
    for decided, line, request in unit.session.exec(rows):
        yield {
            "request": request.reference,
            "line": line.id,
            "category": line.category,
            "at": decided.created_at.isoformat(),
            "step": decided.at_step,
            "outcome": decided.outcome,
            "rule": decided.deciding_rule_id,
            "rules": decided.rule_ids,
            "policy_version": decided.policy_version,
            "reason": decided.officer_text,
            "facts": decided.facts,
            "obligations": decided.obligations,
        }


def _entries(unit: Unit, agency_id: str, since: datetime, until: datetime) -> Iterator[dict[str, object]]:
    for entry in read.all_of_agency(unit, agency_id, since, until):
        yield {
            "number": entry.number,
            "kind": entry.kind,
            "at": entry.at.isoformat(),
            "refs": dict(entry.refs),
            "codes": dict(entry.codes),
            "words": _words(unit, entry.entry_id),
        }


def _words(unit: Unit, entry_id: str) -> object:
    try:
        return dict(read.words_of(unit, entry_id))
    except Erased:
        return "erased"


def _line(kind: str, content: dict[str, object]) -> str:
    return json.dumps({"type": kind, **content}, ensure_ascii=False, default=str)


def _record(unit: Unit, agency: Agency, since: datetime, until: datetime, asked_by: str) -> None:
    entry = Entry(
        kind=EntryKind.DATA_EXPORTED,
        partnership_id=agency.partnership_id,
        controller_agency_id=agency.id,
        actor_post_id=None,
        actor_agency_id=agency.id,
        codes={"since": since.date().isoformat(), "until": until.date().isoformat()},
        words={"asked_by": asked_by},
    )
    append.record(unit, entry)
