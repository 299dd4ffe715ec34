"""Rules, packs and overlays are refused with a reason when anything is missing, unknown or out of its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateway.policy.packs import load_policy, parse_pack, policy_of
from gateway.policy.rule_tables import parse_rule
from gateway.policy.rules import PolicyError
from tests.policy.made import DAY, HEADER, complete_facts, rule_table

PACK = """
[pack]
id = "{id}"
kind = "{kind}"
title = "A pack"
owner = "a board"
jurisdiction = ["EW"]
effective_from = 2026-01-01
review_by = 2027-01-01
arrangements = ["MARAC"]
[example.one]
arrangement = "MARAC"
[[rule]]
id = "{id}-rule"
title = "A rule"
stage = "{stage}"
effect = "{effect}"
because = "an Act"
officer = "In words."
requester = "In words."
{more}
[rule.when]
power = ["cda1998_s115"]
[[rule.test]]
on = "one"
expect = "{effect}"
"""


def pack(kind: str, stage: str, effect: str, pack_id: str = "local") -> Any:
    more = 'refer_to = ["ig_officer"]' if effect == "refer" else ""
    text = PACK.format(id=pack_id, kind=kind, stage=stage, effect=effect, more=more)
    if kind == "overlay":
        text = text.replace('kind = "overlay"', 'kind = "overlay"\nagency = "one-agency"')
    return parse_pack(text, "made")


def test_a_whole_rule_loads() -> None:
    assert parse_rule(rule_table("whole-rule"), "made", HEADER).id == "whole-rule"


@pytest.mark.parametrize("key", ["id", "title", "stage", "effect", "because", "officer", "when", "test"])
def test_nothing_may_be_missing(key: str) -> None:
    table = rule_table("whole-rule")
    del table[key]
    with pytest.raises(PolicyError):
        parse_rule(table, "made", HEADER)


@pytest.mark.parametrize("key", ["owner", "jurisdiction", "effective_from", "review_by"])
def test_nothing_may_be_missing_from_the_header(key: str) -> None:
    with pytest.raises(PolicyError):
        parse_rule(rule_table("whole-rule"), "made", {k: v for k, v in HEADER.items() if k != key})


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "I"},
        {"stage": "h"},
        {"effect": "Deny"},
        {"effect": "deny "},
        {"effect": "allow"},
        {"id": "Rule, mallory, allow"},
        {"id": "x"},
        {"title": ""},
        {"title": "a" * 601},
        {"title": "hidden\u202etext"},
        {"because": 7},
        {"when": {}},
        {"when": {"power": []}},
        {"when": {"hour": ["9"]}},
        {"when": {"power": ["cda1998_s115"], "consent": ["yes"]}},
        {"when": {"power": ["cda1998_s115"], "consent": "given"}},
        {"when": {"power": ["cda1998_s115"], "consent": ["given", "given"]}},
        {"when": {"power": ["cda1998_s115"], "consent": [True]}},
        {"when": {"power": ["cda1998_s115"], "consent": {"matches": "(a+)+$"}}},
        {"when": {"power": ["cda1998_s115"], "consent": ["unknown"]}},
        {"when": {"power": ["cda1998_s115"], "risk": ["unknown"]}},
        {"when": {"power": ["cda1998_s115"], "risk": {"at_least": "unknown"}}},
        {"when": {"power": ["cda1998_s115"], "risk": {"at_least": "high", "at_most": "medium"}}},
        {"when": {"power": ["cda1998_s115"], "category": {"at_least": "identity"}}},
        {"when": {"power": ["cda1998_s115"], "circumstance": {"any": []}}},
        {
            "when": {
                "power": ["cda1998_s115"],
                "circumstance": {"all": ["bulk_request"], "none": ["bulk_request"]},
            }
        },
        {"when": {"consent": ["given"]}},
        {"when": "r.q.update({'consent': 'given'})"},
        {"test": []},
        {"test": [{"expect": "permit"}]},
        {"test": [{"on": "example", "expect": "allow"}]},
        {"refer_to": ["ig_officer"]},
        {"effect": "refer", "refer_to": []},
        {"effect": "refer", "refer_to": ["housing_officer"]},
        {"effect": "oblige", "obligations": ["confirm_receipt"]},
        {"effect": "oblige", "on": ["permit"], "obligations": []},
        {"effect": "oblige", "on": ["permit"], "obligations": ["be_nice"]},
        {"obligations": "confirm_receipt"},
        {"status": "enabled"},
        {"effective_to": date(2020, 1, 1)},
        {"effective_from": "2026-01-01"},
        {"jurisdiction": ["FR"]},
        {"liftable": "no"},
        {"liftable": 1},
        {"on": "permit"},
        {"on": 3},
        {"on": [3]},
        {"rule": "eval(p.rule)"},
        {"priority": 1},
    ],
)
def test_nothing_strange_loads(change: dict[str, Any]) -> None:
    table = rule_table("whole-rule", requester="In words.") | change
    with pytest.raises(PolicyError):
        parse_rule(table, "made", HEADER)


@pytest.mark.parametrize(
    ("kind", "stage", "effect"),
    [
        *[("pack", stage, "permit") for stage in "ABCDEFG"],
        *[("pack", stage, "refer") for stage in "ABCD"],
        *[("overlay", stage, "permit") for stage in "ABCDEFGH"],
        *[("overlay", stage, "refer") for stage in "ABCD"],
    ],
)
def test_nothing_stands_where_it_could_weaken_the_core(kind: str, stage: str, effect: str) -> None:
    with pytest.raises(PolicyError):
        pack(kind, stage, effect)


@pytest.mark.parametrize(
    ("kind", "stage", "effect"),
    [
        *[("pack", stage, "deny") for stage in "ABCDEFGH"],
        *[("pack", stage, "refer") for stage in "EFGH"],
        ("pack", "H", "permit"),
        *[("overlay", stage, "deny") for stage in "ABCDEFGH"],
        *[("overlay", stage, "refer") for stage in "EFGH"],
    ],
)
def test_what_only_adds_care_may_stand_anywhere(kind: str, stage: str, effect: str) -> None:
    assert pack(kind, stage, effect).rules


def test_a_pack_says_nothing_about_another_arrangement() -> None:
    text = PACK.format(id="local", kind="pack", stage="H", effect="permit", more="")
    with pytest.raises(PolicyError):
        parse_pack(text.replace("[rule.when]", '[rule.when]\narrangement = ["MAPPA"]'), "made")
    assert parse_pack(text, "made").rules[0].scalars["arrangement"] == frozenset({"MARAC"})


def test_a_rule_speaks_only_for_its_jurisdiction() -> None:
    loaded = pack("pack", "H", "permit")
    assert loaded.rules[0].scalars["jurisdiction"] == frozenset({"EW"})


@pytest.mark.parametrize(
    "text", ["", "[pack]", "pack = 1", "[pack\n", "[[rule]]\nid = 1", "\x00", "[pack]\nid = 'a'\nid = 'b'"]
)
def test_an_unreadable_pack_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_pack(text, "made")
    assert refused.value.problem


@pytest.mark.parametrize("said", ['"no"', '"false"', "1", "[]"])
def test_a_pack_is_on_only_where_it_says_so_in_so_many_words(said: str) -> None:
    text = PACK.format(id="local", kind="pack", stage="H", effect="permit", more="")
    with pytest.raises(PolicyError):
        parse_pack(text.replace('kind = "pack"', f'kind = "pack"\nenabled = {said}'), "made")
    assert parse_pack(text.replace('kind = "pack"', 'kind = "pack"\nenabled = true'), "made").enabled
    assert not parse_pack(text, "made").enabled


def test_ids_are_unique_and_there_is_one_core() -> None:
    core = load_policy().packs[0]
    local = pack("pack", "H", "permit")
    with pytest.raises(PolicyError):
        policy_of([local])
    with pytest.raises(PolicyError):
        policy_of([core, core])
    with pytest.raises(PolicyError):
        policy_of([core, local, local])


def test_a_statutory_bar_cannot_be_named_as_lifted() -> None:
    core = load_policy().packs[0]
    text = PACK.format(id="local", kind="pack", stage="E", effect="refer", more='refer_to = ["ig_officer"]')
    named = text.replace("[rule.when]", 'may_lift = ["core-c-gender-history"]\n[rule.when]')
    with pytest.raises(PolicyError):
        policy_of([core, parse_pack(named, "made")])


def test_an_overlay_covers_what_its_own_agency_holds_and_nothing_else() -> None:
    policy = policy_of([*load_policy().enabled().packs, pack("overlay", "A", "deny", "overlay")])
    facts = complete_facts(arrangement="MARAC")
    named = policy.engine(DAY, "one-agency").evaluate(facts).rule
    assert named is not None
    assert named.pack == "overlay"
    for other in ("another-agency", None):
        found = policy.engine(DAY, other).evaluate(facts).rule
        assert found is None or found.pack != "overlay"


def test_only_an_overlay_names_an_agency() -> None:
    text = PACK.format(id="local", kind="pack", stage="H", effect="permit", more="")
    with pytest.raises(PolicyError):
        parse_pack(text.replace('kind = "pack"', 'kind = "pack"\nagency = "one-agency"'), "made")
    with pytest.raises(PolicyError):
        parse_pack(text.replace('kind = "pack"', 'kind = "overlay"'), "made")
