"""Every shipped rule passes its own tests, and at least one of them fails when the rule is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import pytest

from gateway.policy.engine import Engine
from gateway.policy.examples import facts_of_test, run_test, run_tests
from gateway.policy.packs import Pack, Policy, load_policy
from gateway.policy.rules import Rule
from gateway.vocabulary import Arrangement, Effect, Outcome, Stage
from tests.policy.made import DAY, complete_facts


@cache
def shipped() -> Policy:
    return load_policy().enabled()


ALL: list[tuple[Pack, Rule]] = [(pack, rule) for pack in load_policy().packs for rule in pack.rules]


def test_every_shipped_test_passes() -> None:
    failed = [(result.rule_id, result.problem) for result in run_tests(shipped(), DAY) if not result.passed]
    assert failed == []


@pytest.mark.parametrize(("pack", "rule"), ALL, ids=[rule.id for _, rule in ALL])
def test_without_the_rule_its_tests_fail(pack: Pack, rule: Rule) -> None:
    without = Engine([other for other in shipped().rules if other.id != rule.id and other.in_force(DAY)])
    assert any(not run_test(rule, test, facts_of_test(pack, test), without).passed for test in rule.tests)


def test_every_arrangement_has_its_rules() -> None:
    covered = {arrangement for pack in shipped().packs for arrangement in pack.arrangements}
    assert covered | {"NONE"} == {arrangement.value for arrangement in Arrangement}


def test_packs_wait_for_their_local_settings() -> None:
    for pack in load_policy().packs:
        if pack.kind == "pack":
            assert not pack.enabled
            assert {"protocol", "chair", "retention", "dpia"} <= set(pack.needs)


def test_a_pack_that_is_not_enabled_refers_and_does_not_open() -> None:
    facts = {
        **complete_facts(),
        "arrangement": "MAPPA",
        "jurisdiction": "SCO",
        "power": frozenset({"moas2005_s10"}),
    }
    verdict = load_policy().engine(DAY).evaluate(facts)
    assert verdict.outcome is Outcome.REFER
    assert verdict.rule is not None
    assert not verdict.rule.liftable


def test_an_emergency_still_goes_while_a_pack_is_disabled() -> None:
    core = load_policy().packs[0]
    rule = next(rule for rule in core.rules if rule.id == "core-d-emergency-on-case")
    facts = facts_of_test(core, rule.tests[0])
    assert load_policy().engine(DAY).evaluate(facts).outcome is Outcome.PERMIT
    walled = {**facts, "recipient_walled": "yes"}
    assert load_policy().engine(DAY).evaluate(walled).outcome is Outcome.DENY


def test_a_pack_past_its_review_date_refers_and_does_not_open() -> None:
    pack = next(pack for pack in shipped().packs if pack.id == "marac")
    rule = next(rule for rule in pack.rules if rule.effect is Effect.PERMIT)
    facts = facts_of_test(pack, rule.tests[0])
    assert shipped().engine(pack.review_by).evaluate(facts).outcome is Outcome.PERMIT
    assert shipped().engine(pack.review_by + timedelta(days=1)).evaluate(facts).outcome is Outcome.REFER


def test_a_rule_applies_from_its_first_day_to_its_last() -> None:
    rule = replace(shipped().rules[0], effective_from=date(2026, 5, 1), effective_to=date(2026, 5, 31))
    assert [rule.in_force(date(2026, month, day)) for month, day in ((4, 30), (5, 1), (5, 31), (6, 1))] == [
        False,
        True,
        True,
        False,
    ]


def test_the_version_changes_with_any_change_and_with_nothing_else() -> None:
    policy = shipped()
    assert policy.version == load_policy().enabled().version
    assert policy.version != load_policy().version
    assert len(policy.version) == 64


def test_permits_stand_only_where_they_may() -> None:
    for pack, rule in ALL:
        if rule.effect is Effect.PERMIT:
            assert rule.stage is Stage.H or (rule.stage is Stage.D and pack.kind == "core")
            assert rule.sets["power"].groups
