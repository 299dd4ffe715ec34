"""Default deny, fail closed: unknown facts, missing attributes, faults, an altered model, casbin switched off."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateway.policy import engine as engine_module
from gateway.policy.attributes import SCALARS, SETS
from gateway.policy.engine import Engine, check_model
from gateway.policy.rules import Rule
from gateway.vocabulary import Outcome, policies_dir
from tests.policy.made import complete_facts, rule


def test_the_control_permits() -> None:
    assert Engine([rule("may-go")]).evaluate(complete_facts()).outcome is Outcome.PERMIT


@pytest.mark.parametrize("name", [*SCALARS, *SETS])
def test_a_missing_attribute_is_a_refusal(name: str) -> None:
    facts = {k: v for k, v in complete_facts().items() if k != name}
    verdict = Engine([rule("may-go")]).evaluate(facts)
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "missing_attribute")


@pytest.mark.parametrize("name", SCALARS)
def test_a_word_outside_the_vocabulary_is_a_refusal(name: str) -> None:
    verdict = Engine([rule("may-go")]).evaluate({**complete_facts(), name: "Yes!"})
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "unknown_term")


@pytest.mark.parametrize("name", SETS)
def test_a_member_outside_the_vocabulary_is_a_refusal(name: str) -> None:
    verdict = Engine([rule("may-go")]).evaluate({**complete_facts(), name: frozenset({"A&&E"})})
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "unknown_term")


@pytest.mark.parametrize("value", [4, None, b"yes", ["yes"], {"yes"}, True])
def test_a_value_of_another_kind_is_a_refusal(value: Any) -> None:
    assert Engine([rule("may-go")]).evaluate({**complete_facts(), "consent": value}).outcome is Outcome.DENY


@pytest.mark.parametrize("name", [name for name in SCALARS if name not in ("consent", "risk")])
def test_an_unknown_fact_stops_and_never_opens(name: str) -> None:
    facts = {**complete_facts(), name: "unknown"}
    value = str(complete_facts()[name])
    reads_it = rule("may-go", when={name: [value], "power": ["cda1998_s115"]})
    assert Engine([reads_it]).evaluate(facts).outcome is Outcome.DENY
    stop = rule("stop", "deny", "C", when={name: [value]})
    assert Engine([rule("may-go"), stop]).evaluate(facts).rule is not None
    assert Engine([rule("may-go"), stop]).evaluate(facts).outcome is Outcome.DENY


def test_an_unknown_circumstance_stops_and_never_opens() -> None:
    facts = {
        **complete_facts(),
        "circumstance_unknown": frozenset({"originator_agreed", "conflict_declared"}),
    }
    needs = rule("needs-it", when={"power": ["cda1998_s115"], "circumstance": ["originator_agreed"]})
    unless = rule(
        "unless-it", when={"power": ["cda1998_s115"], "circumstance": {"none": ["conflict_declared"]}}
    )
    stop = rule("stop", "deny", "A", when={"circumstance": ["conflict_declared"]})
    excused = rule("excused", "refer", "E", when={"circumstance": {"none": ["originator_agreed"]}})
    for one in (needs, unless):
        assert Engine([one]).evaluate(facts).outcome is Outcome.DENY
    assert Engine([rule("may-go"), stop]).evaluate(facts).outcome is Outcome.DENY
    assert Engine([rule("may-go"), excused]).evaluate(facts).outcome is Outcome.REFER


def test_a_deny_that_cannot_be_evaluated_counts_as_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: Rule, facts: object) -> bool:
        raise RuntimeError("broken")

    engine = Engine([rule("may-go"), rule("stop", "deny", "H", when={"power": ["cda1998_s115"]})])
    monkeypatch.setattr(Rule, "matches", breaks)
    assert engine.evaluate(complete_facts()).outcome is Outcome.DENY


def test_a_permit_that_cannot_be_evaluated_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: Rule, facts: object) -> bool:
        raise RuntimeError("broken")

    engine = Engine([rule("may-go")])
    monkeypatch.setattr(Rule, "matches", breaks)
    assert engine.evaluate(complete_facts()).outcome is Outcome.DENY


def test_casbin_switched_off_is_a_refusal() -> None:
    enforcer = engine_module._enforcer()
    enforcer.enable_enforce(False)
    try:
        assert Engine([rule("may-go")]).evaluate(complete_facts()).outcome is Outcome.DENY
    finally:
        enforcer.enable_enforce(True)
    assert Engine([rule("may-go")]).evaluate(complete_facts()).outcome is Outcome.PERMIT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("some(where (p.eft == allow)) && !some(where (p.eft == deny))", "!some(where (p.eft == deny))"),
        ("some(where (p.eft == allow)) && !some(where (p.eft == deny))", "some(where (p.eft == allow))"),
        ("p = id, eft", "p = id"),
        ("ruleMatch(r.req, p.id)", "ruleMatch(r.req, p.id) || true"),
        ("ruleMatch(r.req, p.id)", "eval(p.rule)"),
        ("r = req", "r = req, extra"),
    ],
)
def test_an_altered_model_stops_the_start(old: str, new: str) -> None:
    text = (policies_dir() / "model.conf").read_text(encoding="utf-8")
    check_model(text)
    with pytest.raises(RuntimeError):
        check_model(text.replace(old, new))


def test_a_decision_leaves_nothing_in_casbins_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Engine([rule("may-go")]).evaluate(complete_facts())
        Engine([rule("may-not", "deny")]).evaluate(complete_facts())
    assert not [record for record in caplog.records if record.name.startswith("casbin")]
