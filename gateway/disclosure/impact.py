"""What a change of policy would have done: past decisions judged again, old policy against new, on the same facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlmodel import col, select

from gateway.decision.decide import decide
from gateway.decision.facts import (
    Ask,
    Body,
    ConsentFacts,
    Decision,
    LegalBasis,
    LineDecision,
    RiskFacts,
    SubjectFacts,
)
from gateway.disclosure import record
from gateway.disclosure.models import Line, Request
from gateway.disclosure.models import LineDecision as Kept
from gateway.errors import NotFound
from gateway.policy import lifecycle
from gateway.policy.packs import Policy
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Capacity,
    Category,
    Circumstance,
    ConfidenceBasis,
    ConsentStatus,
    DpCondition,
    DpRegime,
    Duty,
    Jurisdiction,
    Orientation,
    Outcome,
    Power,
    Purpose,
    RiskLevel,
    SubjectRole,
)

LOOKS_BACK = timedelta(days=90)
_KEY = "recipient"


@dataclass(frozen=True)
class Changed:
    """A line that would come out otherwise: the request's reference, what it was and would be, and by which rule."""

    reference: str
    request_id: str
    category: str
    recipient_type: str
    was: str
    would_be: str
    rule_would_be: str | None


@dataclass(frozen=True)
class Impact:
    """What would change among the decisions looked at."""

    decisions: int
    changed: tuple[Changed, ...]
    days: int

    @property
    def more_permitted(self) -> int:
        """How many would be permitted that weren't."""
        return sum(one.would_be == Outcome.PERMIT for one in self.changed)

    @property
    def fewer_permitted(self) -> int:
        """How many were permitted and wouldn't be."""
        return sum(one.was == Outcome.PERMIT for one in self.changed)

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        said = f"{len(self.changed)} of {self.decisions} decisions of the last {self.days} days would change"
        if not self.changed:
            return f"{said}."
        other = len(self.changed) - self.more_permitted - self.fewer_permitted
        return (
            f"{said}: {self.more_permitted} more permitted, {self.fewer_permitted} fewer"
            f"{f', {other} otherwise' if other else ''}."
        )


@dataclass(frozen=True)
class Explained:
    """One line of a request as it was decided, with what it would have taken."""

    category: str
    outcome: str
    policy_version: str
    stage: str | None
    rule_id: str | None
    rule_title: str
    officer: str
    obligations: tuple[tuple[str, tuple[str, ...]], ...]
    near: tuple[tuple[str, str], ...]
    tried: tuple[tuple[str, str], ...] = ()


def impact(
    unit: Unit, partnership_id: str, old: Policy | None, new: Policy, *, looks_back: timedelta = LOOKS_BACK
) -> Impact:
    """Judge the latest decision on every line of the period again under both policies."""
    changed = []
    found = _latest(unit, partnership_id, unit.now - looks_back)
    for kept, line, request in found:
        ask = ask_again(kept.facts, line.category)
        was, would_be = (_line(decide(ask, policy)) for policy in (old, new))
        if was.outcome is not would_be.outcome:
            changed.append(
                Changed(
                    reference=request.reference,
                    request_id=request.id,
                    category=line.category,
                    recipient_type=str(ask.recipients[0].agency_type or ""),
                    was=was.outcome,
                    would_be=would_be.outcome,
                    rule_would_be=would_be.rule_id,
                )
            )
    return Impact(len(found), tuple(changed), looks_back.days)


def explain(unit: Unit, partnership_id: str, reference: str) -> list[Explained]:
    """Each line of a request as it was last decided, and the permits that nearly matched.

    Raises:
        NotFound: there is no such request, or nothing was decided on it.
    """
    rows = unit.session.exec(
        select(Kept, Line)
        .join(Line, col(Line.latest_decision_id) == col(Kept.id))
        .join(Request, col(Request.id) == col(Line.request_id))
        .where(Request.partnership_id == partnership_id, Request.reference == reference)
    ).all()
    if not rows:
        raise NotFound("No decided request has this reference.", next_step="Look the reference up again.")
    return [_explained(unit, kept, line) for kept, line in rows]


def _explained(unit: Unit, kept: Kept, line: Line) -> Explained:
    policy = lifecycle.stored(unit, kept.partnership_id, kept.policy_version)
    again = _line(decide(ask_again(kept.facts, line.category), policy))
    rule = policy.rule(kept.deciding_rule_id) if policy and kept.deciding_rule_id else None
    return Explained(
        category=line.category,
        outcome=kept.outcome,
        policy_version=kept.policy_version,
        stage=kept.stage,
        rule_id=kept.deciding_rule_id,
        rule_title=rule.title if rule else "",
        officer=kept.officer_text,
        obligations=tuple(
            (str(one["code"]), tuple(cast("list[str]", one.get("rules", [])))) for one in kept.obligations
        ),
        near=tuple((near.title, "; ".join(near.missing)) for near in again.explanation.near_permits),
        tried=tuple(record.tried(kept).items()),
    )


def _latest(unit: Unit, partnership_id: str, since: datetime) -> list[tuple[Kept, Line, Request]]:
    rows = unit.session.exec(
        select(Kept, Line, Request)
        .join(Line, col(Line.latest_decision_id) == col(Kept.id))
        .join(Request, col(Request.id) == col(Line.request_id))
        .where(Kept.partnership_id == partnership_id, Kept.created_at >= since)
        .order_by(col(Kept.created_at))
    )
    return [(kept, line, request) for kept, line, request in rows]


def _line(decided: Decision) -> LineDecision:
    return decided.lines[0]


def ask_again(facts: Mapping[str, Any], category: str) -> Ask:
    """The question as it was asked, from the codes a decision keeps; one category, one recipient."""
    body = facts["recipients"][0]
    recipient = _body(body, _KEY)
    circumstances = _circumstances(facts["circumstances"])
    data = cast("Mapping[str, list[str]]", facts.get("data", {}))
    own = {
        circumstance
        for key in data
        if not key.startswith("category:") or key == f"category:{category}"
        for circumstance in _circumstances(data[key])
    }
    return Ask(
        jurisdiction=Jurisdiction(facts["jurisdiction"]),
        arrangement=Arrangement(facts["arrangement"]),
        requester=_body(facts["requester"], "requester"),
        holder=_body(facts["holder"], "holder"),
        subject=SubjectFacts(
            SubjectRole(facts["subject_role"]) if facts["subject_role"] else None,
            facts["age"],
            Capacity(facts["capacity"]) if facts["capacity"] else None,
        ),
        categories=_categories(facts["categories"], category),
        purpose=Purpose(facts["purpose"]),
        legal_basis=LegalBasis(
            tuple(Power(one) for one in facts["powers"]),
            DpRegime(facts["dp_regime"]) if facts["dp_regime"] else None,
            DpCondition(facts["dp_condition"]) if facts["dp_condition"] else None,
            ConfidenceBasis(facts["confidence_basis"]) if facts["confidence_basis"] else None,
        ),
        consent=_consent(facts),
        risk=RiskFacts(RiskLevel(facts["risk"]), facts["ticks"]),
        recipients=(recipient,),
        at=datetime.fromisoformat(facts["at"]),
        circumstances=circumstances,
        unknown=_circumstances(facts.get("unknown", [])),
        line_circumstances={_KEY: frozenset(own)},
        onward=bool(facts["onward"]),
        lifted=frozenset(facts["lifted"]),
    )


def _consent(facts: Mapping[str, Any]) -> ConsentFacts:
    """Consent with its last day and its limits; decisions from before these were kept have the status alone."""
    last = facts.get("consent_last_day")
    return ConsentFacts(
        ConsentStatus(facts["consent"]),
        last_day=date.fromisoformat(last) if last else None,
        categories=frozenset(Category(one) for one in facts.get("consent_categories", [])),
    )


def _categories(asked: Iterable[str], first: str) -> tuple[Category, ...]:
    """The line's own category first, and those it was asked for together with."""
    return tuple(dict.fromkeys(Category(one) for one in (first, *asked)))


def _circumstances(codes: Iterable[str]) -> frozenset[Circumstance]:
    return frozenset(Circumstance(code) for code in codes)


def _body(kept: Mapping[str, Any], key: str) -> Body:
    return Body(
        agency_type=AgencyType(kept["agency_type"]) if kept["agency_type"] else None,
        role=kept["role"] or "",
        duty=Duty(kept["duty"]) if kept["duty"] else None,
        member=kept["member"],
        orientation=Orientation(kept["orientation"]) if kept["orientation"] else None,
        on_case=kept["on_case"],
        walled=kept["walled"],
        agency_id=kept["agency_id"],
        post_id=kept["post_id"],
        key=key,
    )
