"""What a change would have done is worked out on the facts that a decision kept, all of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateway.cli.demo_stage import Ask, Stage
from gateway.decision.decide import decide
from gateway.disclosure.impact import ask_again
from gateway.disclosure.judge import facts_as_codes
from gateway.disclosure.models import Line, LineDecision
from gateway.policy import lifecycle
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Circumstance
from tests.told import AGREED, PERMITTED, REFUSED


def _kept(stage: Stage, asked: Ask) -> LineDecision:
    [line_id] = stage.ask(asked).values()

    def row(unit: Unit) -> LineDecision:
        return unit.session.get_one(LineDecision, unit.session.get_one(Line, line_id).latest_decision_id)

    return stage.do(row)


@pytest.mark.parametrize("asked", [PERMITTED, REFUSED, AGREED], ids=["permitted", "refused", "agreed"])
def test_under_the_same_policy_it_comes_out_the_same(quick_stage: Stage, asked: Ask) -> None:
    kept = _kept(quick_stage, asked)
    policy = quick_stage.do(lambda unit: lifecycle.active(unit, quick_stage.partnership_id(unit)))
    [line] = decide(ask_again(kept.facts, asked.categories[0]), policy).lines
    assert (line.outcome, line.rule_id) == (kept.outcome, kept.deciding_rule_id)


@pytest.mark.parametrize(
    "more",
    [
        {"unknown": [Circumstance.RECIPIENT_IS_PERPETRATOR.value]},
        {"consent": "given", "consent_last_day": "2026-11-21"},
        {"consent": "given", "consent_categories": [Category.FINANCES.value]},
    ],
    ids=["what was unsure", "the last day of consent", "what consent was limited to"],
)
def test_nothing_that_was_kept_is_lost_on_the_way(quick_stage: Stage, more: dict[str, Any]) -> None:
    facts = {**_kept(quick_stage, PERMITTED).facts, **more}
    again = facts_as_codes(ask_again(facts, "convictions"))
    assert {name: again[name] for name in more} == more


def test_a_decision_from_before_these_were_kept_is_still_read(quick_stage: Stage) -> None:
    facts = dict(_kept(quick_stage, PERMITTED).facts)
    for name in ("unknown", "consent_last_day", "consent_categories"):
        del facts[name]
    again = ask_again(facts, "convictions")
    assert (again.unknown, again.consent.last_day, again.consent.categories) == (
        frozenset(),
        None,
        frozenset(),
    )


def test_consent_that_had_ended_is_ended_again(quick_stage: Stage) -> None:
    """Control: with its last day lost it would count as given."""
    facts = {**_kept(quick_stage, PERMITTED).facts, "consent": "given", "consent_last_day": "2020-01-01"}
    assert ask_again(facts, "convictions").consent.last_day == date(2020, 1, 1)
