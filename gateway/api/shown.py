"""Requests and lines as they travel."""

from __future__ import annotations

from gateway.api.bodies import Line, Obligation, Summary
from gateway.disclosure import reading
from gateway.disclosure.lists import RequestSummary
from gateway.vocabulary import vocabulary


def summary_of(found: RequestSummary) -> Summary:
    """A request in a list."""
    return Summary(
        request_id=found.request_id,
        reference=found.reference,
        kind=found.kind,
        state=found.state,
        outcome=found.outcome,
        purpose=found.purpose,
        due_at=found.due_at,
        overdue=found.overdue,
    )


def line_of(found: reading.LineDetail) -> Line:
    """One line, as whoever asks may read it."""
    return Line(
        line_id=found.line_id,
        subject_reference=found.subject_reference,
        category=found.category,
        recipient=found.recipient,
        state=found.state,
        outcome=found.outcome,
        text=found.text,
        alternative=found.alternative,
        obligations=[
            Obligation(code=due.code, kind=due.kind, owner=due.owner, days=due.days)
            for due in found.obligations
        ],
        refer_to=[vocabulary().label("role", code) for code in found.refer_to],
        policy_version=found.policy_version,
    )
