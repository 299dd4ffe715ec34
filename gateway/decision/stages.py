"""Runs one line through the stages, lifting a referral that a person has authorised and starting again at A."""

from __future__ import annotations

from gateway.decision.derive import Line
from gateway.policy.engine import Engine, Verdict
from gateway.vocabulary import Outcome

_MOST_LIFTS = 8


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
        line = Line(line.category, line.recipient, {**line.facts, "authorised": "yes"})
        found = engine.evaluate(line.facts, lifted)
    return found, line
