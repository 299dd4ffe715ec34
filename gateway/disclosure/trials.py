"""Rules on trial: evaluated with every decision, deciding none, and counted here by what they would have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, cast, func
from sqlmodel import col, select

from gateway.disclosure import record
from gateway.disclosure.models import Line, LineDecision, Request
from gateway.policy import lifecycle
from gateway.policy.rules import Rule
from gateway.store.unit_of_work import Unit

ON_TRIAL = "trial"
_LATEST = col(Line.latest_decision_id) == col(LineDecision.id)


@dataclass(frozen=True)
class WouldChange:
    """A line that would have come out otherwise if the rule decided."""

    reference: str
    request_id: str
    category: str
    was: str
    would_be: str


@dataclass(frozen=True)
class Trial:
    """One rule on trial: since when, how many lines were decided since, and which it would have changed."""

    rule: Rule
    since: datetime
    decisions: int
    matched: int
    changed: tuple[WouldChange, ...]

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        since = f"{self.since:%-d %B %Y}"
        return f"It would have changed {len(self.changed)} of {self.decisions} decisions since {since}."


def trials(unit: Unit, partnership_id: str) -> list[Trial]:
    """Every rule on trial in the policy in force, with what it would have changed since its trial began."""
    policy = lifecycle.active(unit, partnership_id)
    rules = [rule for rule in policy.rules if rule.status == ON_TRIAL] if policy else []
    return [_trial(unit, partnership_id, rule) for rule in rules]


def _trial(unit: Unit, partnership_id: str, rule: Rule) -> Trial:
    since, versions = _since(unit, partnership_id, rule.id)
    counted = _decided(partnership_id, since, versions)
    total = unit.session.exec(
        select(func.count()).select_from(LineDecision).join(Line, _LATEST).where(*counted)
    )
    logged = cast(col(LineDecision.facts), String).contains(f'"{record.ON_TRIAL}"')
    rows = unit.session.exec(
        select(LineDecision, Line, Request)
        .join(Line, _LATEST)
        .join(Request, col(Request.id) == col(Line.request_id))
        .where(*counted, logged)
        .order_by(col(LineDecision.created_at).desc())
    )
    matched = [row for row in rows if rule.id in record.tried(row[0])]
    changed = tuple(
        WouldChange(request.reference, request.id, line.category, kept.outcome, record.tried(kept)[rule.id])
        for kept, line, request in matched
        if record.tried(kept)[rule.id] != kept.outcome
    )
    return Trial(rule, since, total.one(), len(matched), changed)


def _decided(partnership_id: str, since: datetime, versions: Sequence[str]) -> list[ColumnElement[bool]]:
    return [
        col(LineDecision.partnership_id) == partnership_id,
        col(LineDecision.created_at) >= since,
        col(LineDecision.policy_version).in_(versions),
    ]


def _since(unit: Unit, partnership_id: str, rule_id: str) -> tuple[datetime, list[str]]:
    """When the trial began that goes on now, and the versions that held the rule on trial since."""
    begun, versions = unit.now, []
    for row in lifecycle.activations(unit, partnership_id):
        if row.activates_at > unit.now:
            continue
        policy = lifecycle.stored(unit, partnership_id, row.version)
        rule = policy.rule(rule_id) if policy else None
        if rule is None or rule.status != ON_TRIAL:
            break
        begun = row.activates_at
        versions.append(row.version)
    return begun, versions
