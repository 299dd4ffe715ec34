"""Runs one line through the stages, lifting a referral that a person has authorised and starting again at A."""

from __future__ import annotations

from typing import cast

from gateway.decision.derive import Line
from gateway.policy.engine import Engine, Verdict
from gateway.policy.rules import Rule, SetCondition
from gateway.vocabulary import Circumstance, Outcome

_MOST_LIFTS = 8
# What a referral may be waiting for: once the person who owns it has decided, it is so.
_AWAITED = frozenset({Circumstance.AUTHORISING_DECISION_RECORDED.value, Circumstance.ORIGINATOR_AGREED.value})
_NOTHING = SetCondition((), frozenset())


def verdict(engine: Engine, line: Line, authorised: frozenset[str]) -> tuple[Verdict, Line]:
    """The verdict on a line, and the line as finally decided on.

    ``authorised`` holds the ids of referring rules that dated human authorisations lift; each lifts itself and
    what its ``may_lift`` names. Bars are not liftable, so nothing here opens them.
    """
    lifted: frozenset[str] = frozenset()
    found = engine.evaluate(line.facts, lifted)
    for _ in range(_MOST_LIFTS):
        rule = found.rule
        if (
            found.outcome is not Outcome.REFER
            or rule is None
            or rule.id not in authorised
            or not rule.liftable
        ):
            break
        lifted |= {rule.id, *rule.may_lift}
        line = _authorised(line, rule)
        found = engine.evaluate(line.facts, lifted)
    return found, line


def _authorised(line: Line, rule: Rule) -> Line:
    """The line after a person decided what this rule referred: what the rule waited for is now the case."""
    awaited = rule.sets.get("circumstance", _NOTHING).none & _AWAITED
    present = cast("frozenset[str]", line.facts["circumstance"])
    facts = {**line.facts, "authorised": "yes", "circumstance": present | awaited}
    return Line(line.category, line.recipient, facts)
