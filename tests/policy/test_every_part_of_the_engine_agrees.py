"""Index, rule and casbin agree with a naive reading of the rules, and all three must say yes to permit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import engine as engine_module
from gateway.policy.attributes import ATTRIBUTES, SCALARS, Facts
from gateway.policy.engine import Engine, casbin_agrees, sort_key
from gateway.policy.index import Index, bits
from gateway.policy.rules import Rule
from gateway.vocabulary import Effect, Outcome
from tests.policy.made import complete_facts, random_facts, random_rules, rule


def naive_outcome(rules: Sequence[Rule], facts: Facts) -> Outcome:
    """The oracle: read every rule in order, no index, no casbin."""
    matched = [r for r in sorted(rules, key=sort_key) if r.effect is not Effect.OBLIGE and r.matches(facts)]
    return Outcome(matched[0].effect.value) if matched else Outcome.DENY


@given(st.integers(0, 10_000), st.integers(0, 40))
def test_the_engine_decides_as_a_naive_reading_does(seed: int, count: int) -> None:
    rules = random_rules(count, seed)
    engine = Engine(rules)
    for turn in range(20):
        facts = random_facts(rules, seed * 31 + turn)
        assert engine.evaluate(facts).outcome is naive_outcome(rules, facts)


@given(st.integers(0, 10_000))
def test_the_index_finds_exactly_the_rules_that_match(seed: int) -> None:
    rules = random_rules(30, seed)
    index = Index(rules)
    for turn in range(20):
        facts = random_facts(rules, seed * 17 + turn)
        found = {index.rules[i].id for i in bits(index.match(facts))}
        assert found == {r.id for r in rules if r.matches(facts)}


def test_every_value_of_every_attribute_is_told_apart() -> None:
    for name in SCALARS:
        for value in ATTRIBUTES[name].values:
            if value == "unknown":
                continue
            one = rule("only-this", when={name: [value], "power": ["cda1998_s115"]})
            engine = Engine([one])
            for other in ATTRIBUTES[name].values:
                outcome = engine.evaluate(complete_facts(**{name: other})).outcome
                assert (outcome is Outcome.PERMIT) == (other == value), (name, value, other)


def test_the_workload_reaches_both_answers() -> None:
    rules = random_rules(200, 5)
    engine = Engine(rules)
    outcomes = {engine.evaluate(random_facts(rules, seed)).outcome for seed in range(300)}
    assert outcomes == set(Outcome)


def test_no_rules_and_no_match_are_refusals() -> None:
    assert Engine([]).evaluate(complete_facts()).outcome is Outcome.DENY
    verdict = Engine([rule("another-power", when={"power": ["oma2007_s14"]})]).evaluate(complete_facts())
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "default_deny")


def test_deny_beats_refer_beats_permit_within_a_stage_and_an_earlier_stage_beats_all() -> None:
    permit, refer, deny = rule("may-go"), rule("ask-someone", "refer", "H"), rule("may-not", "deny", "H")
    early = rule("ask-first", "refer", "E")
    assert Engine([permit, refer, deny]).evaluate(complete_facts()).outcome is Outcome.DENY
    assert Engine([permit, refer]).evaluate(complete_facts()).outcome is Outcome.REFER
    assert Engine([permit, deny, early]).evaluate(complete_facts()).outcome is Outcome.REFER


def test_casbin_alone_can_stop_a_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine([rule("may-go")])
    assert engine.evaluate(complete_facts()).outcome is Outcome.PERMIT
    monkeypatch.setattr(engine_module, "casbin_agrees", lambda facts, candidates: False)
    verdict = engine.evaluate(complete_facts())
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "engines_disagree")


def test_a_stop_that_the_index_put_behind_a_permit_still_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: within a stage permits come first."""
    monkeypatch.setattr(engine_module, "sort_key", lambda one: not one.is_permit)
    verdict = Engine([rule("may-go"), rule("may-not", "deny", "H")]).evaluate(complete_facts())
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "engines_disagree")


def test_the_index_alone_cannot_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine([rule("may-go", when={"power": ["oma2007_s14"]})])
    monkeypatch.setattr(engine.index, "match", lambda facts: 1)
    assert engine.evaluate(complete_facts()).outcome is Outcome.DENY


def test_casbin_agrees_only_with_what_it_was_shown() -> None:
    assert casbin_agrees(complete_facts(), [rule("may-go")])
    assert not casbin_agrees(complete_facts(), [])
    assert not casbin_agrees(complete_facts(), [rule("may-go"), rule("may-not", "deny")])


def test_a_trial_rule_is_named_and_never_decides() -> None:
    engine = Engine([rule("may-go"), rule("on-trial", "deny", "A", status="trial")])
    verdict = engine.evaluate(complete_facts())
    assert verdict.outcome is Outcome.PERMIT
    assert [r.id for r in verdict.trial] == ["on-trial"]


def test_only_a_liftable_rule_is_lifted() -> None:
    refer, bar = rule("ask-someone", "refer", "E"), rule("barred", "deny", "C")
    assert (
        Engine([rule("may-go"), refer]).evaluate(complete_facts(), frozenset({"ask-someone"})).outcome
        == "permit"
    )
    assert Engine([rule("may-go"), bar]).evaluate(complete_facts(), frozenset({"barred"})).outcome == "deny"
