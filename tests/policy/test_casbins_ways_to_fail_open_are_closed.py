"""Each way in which stock casbin was seen to allow, as a regression test of this layer."""

from __future__ import annotations

import asyncio
import sys
import threading
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from gateway.policy import drafting, lifecycle
from gateway.policy import engine as engine_module
from gateway.policy.engine import SENTINEL, Engine, casbin_agrees
from gateway.policy.packs import load_policy, parse_pack
from gateway.policy.rule_tables import parse_rule
from gateway.policy.rules import PolicyError
from gateway.vocabulary import Outcome
from tests.policy.made import HEADER, complete_facts, rule, rule_table


def outcome(*rules: object, **given: object) -> Outcome:
    return Engine(list(rules)).evaluate(complete_facts(**given)).outcome  # type: ignore[arg-type]


def test_nothing_matched_is_not_a_yes() -> None:
    assert outcome(rule("stop", "deny", "A", when={"circumstance": ["bulk_request"]})) is Outcome.DENY


def test_an_empty_rule_table_is_not_a_yes() -> None:
    assert outcome() is Outcome.DENY
    assert not casbin_agrees(complete_facts(), [])


def test_the_sentinel_row_keeps_casbin_out_of_its_empty_branch_and_never_matches() -> None:
    assert len(engine_module._enforcer().model["p"]["p"].policy) == 1
    assert not engine_module._rule_match(complete_facts(), SENTINEL[0])


@pytest.mark.parametrize("spelling", ["Deny", "deny ", "DENY", "", "denny", "allow"])
def test_an_effect_spelt_otherwise_does_not_load(spelling: str) -> None:
    with pytest.raises(PolicyError):
        parse_rule(rule_table("a-rule") | {"effect": spelling}, "made", HEADER)


def test_numbers_and_text_are_not_confused() -> None:
    stop = rule("stop", "deny", "C", when={"risk": {"at_least": "high"}})
    assert outcome(rule("may-go"), stop, risk="high") is Outcome.DENY
    assert Engine([rule("may-go"), stop]).evaluate({**complete_facts(), "risk": 4}).outcome is Outcome.DENY  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "text",
    [
        "False) or (True",
        "r.q.update({'consent': 'given'})",
        "9**999999",
        "regexMatch(r.q.s, '(a+)+$')",
        "mallory, health, allow",
        "# the rest is a remark",
        "__import__('os').system('id')",
        "Yes!",
        "A&&E",
        "r.sub",
    ],
)
def test_rule_text_is_never_run_and_never_stored_as_a_condition(text: str) -> None:
    for when in ({"consent": [text]}, {text: ["given"]}, {"consent": text}, {"power": {"any": [text]}}):
        with pytest.raises(PolicyError):
            parse_rule(rule_table("a-rule", when=when), "made", HEADER)


def test_the_request_cannot_be_changed_by_deciding_on_it() -> None:
    facts = complete_facts()
    before = dict(facts)
    Engine([rule("may-go"), rule("stop", "deny", "C")]).evaluate(facts)
    assert dict(facts) == before


def test_a_deny_for_everyone_reaches_everyone() -> None:
    stop = rule("stop", "deny", "H", when={"power": ["cda1998_s115"]})
    for requester in ("police", "housing_association", "da_service"):
        assert outcome(rule("may-go"), stop, requester_type=requester) is Outcome.DENY


def test_one_rule_that_breaks_does_not_stop_other_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = rule("broken-rule", "deny", "C", when={"circumstance": ["bulk_request"]})
    engine = Engine([rule("may-go"), broken])
    object.__setattr__(broken, "sets", None)
    assert engine.evaluate(complete_facts()).outcome is Outcome.PERMIT
    with_bulk = complete_facts(circumstance=["bulk_request"])
    assert engine.evaluate(with_bulk).outcome is Outcome.DENY


def test_every_decision_has_its_explanation() -> None:
    permitted = Engine([rule("may-go")]).evaluate(complete_facts())
    refused = Engine([rule("stop", "deny", "C"), rule("may-go")]).evaluate(complete_facts())
    assert [r.id for r in permitted.matched] == ["may-go"]
    assert [r.id for r in refused.matched] == ["stop"]


def _hammer(decide: Callable[[], None], threads: int) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    running = [threading.Thread(target=decide) for _ in range(threads)]
    try:
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    finally:
        sys.setswitchinterval(interval)


def test_threads_do_not_see_each_others_candidates() -> None:
    engine = Engine(
        [
            rule("police-may", when={"power": ["cda1998_s115"], "requester_type": ["police"]}),
            rule("others-may-not", "deny", "C", when={"requester_type": ["employer"]}),
        ]
    )
    allowed, refused = complete_facts(requester_type="police"), complete_facts(requester_type="employer")
    wrong: list[str] = []

    def decide() -> None:
        for _ in range(1500):
            if engine.evaluate(allowed).outcome is not Outcome.PERMIT:
                wrong.append("refused")
            if engine.evaluate(refused).outcome is not Outcome.DENY:
                wrong.append("allowed")

    _hammer(decide, 4)
    assert wrong == []


def test_a_swap_of_policy_never_opens() -> None:
    stop = rule("stop", "deny", "C")
    engines = [
        Engine([rule("may-go"), stop]),
        Engine([stop]),
        Engine([rule("may-go"), rule("also", "deny", "A")]),
    ]
    active = [engines[0]]
    wrong: list[Outcome] = []

    def decide() -> None:
        for turn in range(1500):
            active[0] = engines[turn % 3]
            found = active[0].evaluate(complete_facts_once)
            if found.outcome is not Outcome.DENY:
                wrong.append(found.outcome)

    complete_facts_once = complete_facts()
    _hammer(decide, 4)
    assert wrong == []


def test_tasks_of_an_event_loop_keep_apart() -> None:
    engine = Engine([rule("police-may", when={"power": ["cda1998_s115"], "requester_type": ["police"]})])

    async def one(kind: str) -> Outcome:
        await asyncio.sleep(0)
        return engine.evaluate(complete_facts(requester_type=kind)).outcome

    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(one(kind) for kind in ["police", "employer"] * 50))

    with ThreadPoolExecutor(1) as elsewhere:  # a browser's own event loop may stand in this thread
        found = elsewhere.submit(lambda: asyncio.run(all_of_them())).result()
    assert found == [Outcome.PERMIT, Outcome.DENY] * 50


def test_taking_one_rule_out_takes_no_other() -> None:
    text = lifecycle.shipped_files()["mappa.toml"]
    before = [one.id for one in parse_pack(text, "mappa.toml").rules]
    for gone in before:
        left = parse_pack(drafting.drop_rule(text, gone), "mappa.toml")
        assert [one.id for one in left.rules] == [one for one in before if one != gone]


@pytest.mark.parametrize(
    "words", ["one, two, three, four, five, six, seven", 'mallory, "health", allow', "a = 1 #c"]
)
def test_what_a_rule_says_is_read_back_as_it_was_written(words: str) -> None:
    text = lifecycle.shipped_files()["mappa.toml"]
    table = dict(tomllib.loads(text)["rule"][0]) | {"title": words, "because": words}
    again = parse_pack(drafting.put_rule(text, table), "mappa.toml")
    assert (again.rules[0].title, again.rules[0].because) == (words, words)
    assert len(again.rules) == len(parse_pack(text, "mappa.toml").rules)


def test_the_rules_of_a_holder_are_never_fewer_than_everybodys() -> None:
    policy, day = load_policy().enabled(), date(2026, 11, 22)
    everybodys = {one.id for one in policy.engine(day).index.rules}
    for agency in ("one-agency", ""):
        assert {one.id for one in policy.engine(day, agency).index.rules} >= everybodys


def test_a_decision_does_not_wear_the_matcher_out() -> None:
    facts, engine = complete_facts(), Engine([rule("may-go")])
    assert all(casbin_agrees(facts, engine.index.rules) for _ in range(10_050))
