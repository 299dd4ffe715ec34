"""A rule's own tests, run: facts laid over a named example, and what has to come out of the whole policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from gateway.policy.attributes import UNKNOWN_CIRCUMSTANCES, Facts, Value
from gateway.policy.engine import Engine
from gateway.policy.packs import Pack, Policy
from gateway.policy.rules import Rule, RuleTest
from gateway.vocabulary import Category, Effect, vocabulary

# An ordinary case, so that an example says only what matters to it.
ORDINARY: Mapping[str, Value] = MappingProxyType(
    {
        "jurisdiction": "EW",
        "arrangement": "NONE",
        "requester_type": "police",
        "requester_duty": "none",
        "requester_member": "yes",
        "requester_walled": "no",
        "requester_is_holder": "no",
        "holder_type": "police",
        "recipient_orientation": "neutral",
        "recipient_on_case": "yes",
        "recipient_walled": "no",
        "subject_role": "victim",
        "age_band": "adult",
        "capacity": "has_capacity",
        "category": "identity",
        "purpose": "victim_safety",
        "consent": "not_required",
        "risk": "high",
        "dash": "not_scored",
        "onward": "no",
        "authorised": "no",
        "power": frozenset(),
        "circumstance": frozenset(),
        UNKNOWN_CIRCUMSTANCES: frozenset(),
    }
)
_FOLLOWS_REQUESTER = {
    "recipient_type": "requester_type",
    "recipient_duty": "requester_duty",
    "recipient_member": "requester_member",
}


@dataclass(frozen=True)
class TestResult:
    """What one test of a rule came to; ``problem`` is empty when it passed."""

    __test__ = False  # not a pytest class

    rule_id: str
    test: RuleTest
    problem: str

    @property
    def passed(self) -> bool:
        """Whether the test came out as written."""
        return not self.problem


def facts_of(*layers: Mapping[str, Any]) -> Facts:
    """Complete facts from layers, later over earlier; the recipient is like the requester unless said otherwise."""
    facts: dict[str, Value] = dict(ORDINARY)
    for layer in layers:
        for name, value in layer.items():
            facts[name] = frozenset(value) if isinstance(value, (list, tuple, frozenset)) else value
    for name, source in _FOLLOWS_REQUESTER.items():
        facts.setdefault(name, facts[source])
    facts.setdefault("together_with", frozenset([str(facts["category"])]))
    facts.setdefault(
        "sensitivity", vocabulary().categories[Category(str(facts["category"]))].sensitivity.value
    )
    return facts


def facts_of_test(pack: Pack, test: RuleTest) -> Facts:
    """The facts of one test of a pack's rule."""
    return facts_of(pack.examples[test.on], test.given)


def run_test(rule: Rule, test: RuleTest, facts: Facts, engine: Engine) -> TestResult:
    """Run one test against an engine."""
    verdict = engine.evaluate(facts)
    owed = engine.owed(facts, verdict.outcome) if verdict.reason in ("rule", "default_deny") else ()
    acting = [*verdict.matched, *owed]
    codes = {code for fired in acting for code in fired.obligations}
    missing = test.obligations - codes
    if verdict.outcome is not test.expect:
        return TestResult(rule.id, test, f"came to {verdict.outcome.value}, expected {test.expect.value}")
    if missing:
        return TestResult(rule.id, test, f"obligation missing: {', '.join(sorted(missing))}")
    if _should_act(rule, test) and rule.id not in {fired.id for fired in acting}:
        return TestResult(rule.id, test, "came out as expected, but not by this rule")
    return TestResult(rule.id, test, "")


def run_tests(policy: Policy, day: date, rule_ids: frozenset[str] | None = None) -> tuple[TestResult, ...]:
    """Run the tests of all rules (or those named) against the whole policy on that day.

    The rules of an agency's overlay are tried on what that agency holds.
    """
    return tuple(
        run_test(rule, test, facts_of_test(pack, test), policy.engine(day, pack.agency))
        for pack in policy.packs
        for rule in pack.rules
        if rule_ids is None or rule.id in rule_ids
        for test in rule.tests
    )


def _should_act(rule: Rule, test: RuleTest) -> bool:
    """Whether a test shows its rule at work (rather than at rest)."""
    if rule.effect is Effect.OBLIGE:
        return bool(test.obligations & frozenset(rule.obligations))
    return test.expect.value == rule.effect.value
