"""The policy in force is read in words and as it was written; every rule of every pack makes a sentence."""

from __future__ import annotations

import pytest

from gateway.policy.lifecycle import activate_shipped
from gateway.policy.packs import load_policy
from gateway.policy.sentence import conditions, sentence
from gateway.vocabulary import Effect
from tests.registry.sample import Sample
from tests.web.pages import Web


def test_without_a_policy_the_page_says_what_follows(sample: Sample, web: Web) -> None:
    web.sign_in(sample.id("post", "police-ig-1"))
    assert "every decision is refused" in web.page("/governance/policies").text
    assert web.client.get("/governance/policies/packs/core").status_code == 404


def test_every_pack_and_rules_of_every_kind_load(sample: Sample, web: Web) -> None:
    with sample.writing() as unit:
        policy = activate_shipped(
            unit, sample.partnership_id, sample.id("agency", "office"), ("core", "mappa")
        )
    web.sign_in(sample.id("post", "police-ig-1"))
    shown = web.page("/governance/policies")
    assert policy.version[:12] in shown.text
    for pack in policy.packs:
        assert web.page(f"/governance/policies/packs/{pack.id}").h1 == pack.title
    assert "[[rule]]" in web.page("/governance/policies/packs/core/source").text
    # One rule of each effect in each pack; that all make a sentence is tested below.
    for rule in {(rule.pack, rule.effect): rule for rule in policy.rules}.values():
        response = web.client.get(f"/governance/policies/rules/{rule.id}")
        assert response.status_code == 200, rule.id
    some = policy.packs[0].rules[0]
    assert sentence(some) in web.page(f"/governance/policies/rules/{some.id}").text
    assert web.client.get("/governance/policies/rules/no-such-rule").status_code == 404


@pytest.mark.parametrize("effect", list(Effect))
def test_a_sentence_says_what_a_rule_does_and_each_of_its_conditions(effect: Effect) -> None:
    verbs = {
        Effect.PERMIT: "Permits",
        Effect.DENY: "Refuses",
        Effect.REFER: "Refers to",
        Effect.OBLIGE: "Attaches to",
    }
    rules = [rule for rule in load_policy().rules if rule.effect is effect]
    assert rules
    for rule in rules:
        said = sentence(rule)
        assert said.startswith(verbs[effect]), rule.id
        assert all(clause in said for clause in conditions(rule)), rule.id
        asked = sum(len(one.groups) + bool(one.none) for one in rule.sets.values()) + len(rule.scalars)
        assert len(conditions(rule)) == asked, rule.id
