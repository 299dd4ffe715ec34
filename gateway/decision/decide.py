"""The decision: facts and a policy in, reasons and obligations out. Pure: no clock, no database, no default yes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gateway.decision import wording
from gateway.decision.derive import (
    Line,
    admitted,
    lines,
    request_circumstances,
    today,
    with_circumstance,
)
from gateway.decision.facts import (
    Ask,
    Decision,
    DueObligation,
    Explanation,
    LineDecision,
    MatchedRule,
    NearPermit,
    TriedRule,
)
from gateway.decision.obligations import dischargeable, due, merged, within_consent
from gateway.decision.stages import verdict
from gateway.policy.engine import Engine, Verdict
from gateway.policy.explain import missing_in_words, near_permits
from gateway.policy.packs import Policy
from gateway.policy.rules import ARRANGEMENT_CHAIR, Rule
from gateway.vocabulary import Category, Circumstance, Outcome, Role, vocabulary


@dataclass(frozen=True)
class _Answer:
    """A line with its verdict and, once known, what it owes."""

    line: Line
    verdict: Verdict
    duties: tuple[Rule, ...]
    obligations: tuple[DueObligation, ...]


def decide(ask: Ask, policy: Policy | None) -> Decision:
    """Decide every line of a request under a policy.

    Never raises: no policy, an unknown term, a rule that cannot be evaluated or any fault is a refusal with its
    reason code. The caller runs it again, under the subject's lock, when it releases and when a parcel is opened.
    """
    if policy is None:
        return _refused(ask, "no_policy", "")
    try:
        return _decide(ask, policy)
    except Exception:  # noqa: BLE001 - whatever goes wrong is a refusal (promise 2)
        return _refused(ask, "not_evaluable", policy.version)


def _decide(ask: Ask, policy: Policy) -> Decision:
    ask = admitted(ask, policy)
    engine = policy.engine(today(ask), ask.holder.agency_id)
    judged = [verdict(engine, line, ask.lifted) for line in lines(ask)]
    if not judged:
        return _refused(ask, "nothing_asked", policy.version)
    partial = {found.outcome for found, _ in judged} >= {Outcome.PERMIT, Outcome.DENY}
    answers = [_answer(ask, engine, found, _marked(line, partial)) for found, line in judged]
    outcome = request_outcome(answer.verdict.outcome for answer in answers)
    circumstances = request_circumstances(ask) | (
        {Circumstance.EXCESS_CATEGORIES} if partial else frozenset()
    )
    line_decisions = tuple(_line_decision(ask, engine, answer) for answer in answers)
    return Decision(
        outcome=outcome,
        lines=line_decisions,
        withhold=withheld(line_decisions, outcome),
        authorisers=_authorisers(line_decisions),
        obligations=merged(o for line in line_decisions if line.outcome is outcome for o in line.obligations),
        circumstances=circumstances,
        policy_version=policy.version,
        explanation=wording.of_request(ask, outcome, [(a.line, a.verdict, a.duties) for a in answers]),
        decided_at=ask.at,
    )


def request_outcome(outcomes: Iterable[Outcome]) -> Outcome:
    """Any line referred -> refer; else any permitted -> permit; else deny."""
    found = frozenset(outcomes)
    if Outcome.REFER in found:
        return Outcome.REFER
    return Outcome.PERMIT if Outcome.PERMIT in found else Outcome.DENY


def withheld(decided: Sequence[LineDecision], outcome: Outcome) -> tuple[Category, ...]:
    """Categories kept back, when something goes, from any recipient who gets something."""
    if outcome is not Outcome.PERMIT:
        return ()
    served = {line.recipient_key for line in decided if line.outcome is Outcome.PERMIT}
    kept = {
        line.category for line in decided if line.outcome is Outcome.DENY and line.recipient_key in served
    }
    return tuple(category for category in Category if category in kept)


def _marked(line: Line, partial: bool) -> Line:
    return with_circumstance(line, Circumstance.EXCESS_CATEGORIES) if partial else line


def _answer(ask: Ask, engine: Engine, found: Verdict, line: Line) -> _Answer:
    duties = engine.owed(line.facts, found.outcome) if found.reason in ("rule", "default_deny") else ()
    winning = tuple(
        rule for rule in found.matched if found.rule is not None and rule.effect is found.rule.effect
    )
    owed = within_consent(due((*winning, *duties), found.outcome), ask.consent, today(ask))
    if not dischargeable(owed):
        refusal = engine.refusal("obligation_not_dischargeable")
        return _Answer(line, refusal, (), due((), Outcome.DENY))
    return _Answer(line, found, duties, owed)


def _line_decision(ask: Ask, engine: Engine, answer: _Answer) -> LineDecision:
    found = answer.verdict
    rule = found.rule
    near = () if rule is not None else _near(engine, answer)
    shown = (*found.matched, *found.later, *answer.duties)
    return LineDecision(
        category=answer.line.category,
        recipient_key=answer.line.recipient.key,
        outcome=found.outcome,
        stage=found.stage,
        rule_id=rule.id if rule else None,
        reason=found.reason,
        matched=tuple(MatchedRule(r.id, r.stage, r.effect, r.title, r.because) for r in shown),
        refer_to=_roles(ask, rule) if rule and found.outcome is Outcome.REFER else (),
        may_lift=(rule.id, *rule.may_lift)
        if rule and found.outcome is Outcome.REFER and rule.liftable
        else (),
        obligations=answer.obligations,
        explanation=replace(wording.of_line(ask, answer.line, found, answer.duties), near_permits=near),
        tried=tuple(TriedRule(r.id, would_be) for r, would_be in found.tried),
    )


def _near(engine: Engine, answer: _Answer) -> tuple[NearPermit, ...]:
    if answer.verdict.reason != "default_deny":
        return ()
    facts = answer.line.facts
    return tuple(
        NearPermit(near.rule.id, near.rule.title, (missing_in_words(near, facts),))
        for near in near_permits(engine, facts)
    )


def _roles(ask: Ask, rule: Rule) -> tuple[Role, ...]:
    chair = vocabulary().chair(ask.arrangement)
    named = (chair if code == ARRANGEMENT_CHAIR else Role(code) for code in rule.refer_to)
    return tuple(dict.fromkeys(named))


def _authorisers(decided: Sequence[LineDecision]) -> tuple[Role, ...]:
    return tuple(dict.fromkeys(role for line in decided for role in line.refer_to))


def _refused(ask: Ask, reason: str, version: str) -> Decision:
    """A refusal of everything, built from as little as possible: it has to work when nothing else does."""
    explanation = Explanation(wording.FAULTS.get(reason, wording.FAULTS["not_evaluable"]), wording.REFUSED)
    obligations = due((), Outcome.DENY)
    decided = tuple(
        LineDecision(
            category, recipient.key, Outcome.DENY, None, None, reason, (), (), (), obligations, explanation
        )
        for recipient in ask.recipients
        for category in ask.categories
    )
    return Decision(
        Outcome.DENY, decided, (), (), obligations, ask.circumstances, version, explanation, ask.at
    )
