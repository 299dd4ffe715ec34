"""Small policies, made by hand or at random, for tests of the engine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

from gateway.policy.attributes import ATTRIBUTES, SCALARS, Facts, Value
from gateway.policy.rule_tables import parse_rule
from gateway.policy.rules import Rule

DAY = date(2026, 11, 22)
EVERYWHERE = list(ATTRIBUTES["jurisdiction"].values)
HEADER: dict[str, Any] = {
    "owner": "a board",
    "jurisdiction": EVERYWHERE,
    "effective_from": date(2026, 1, 1),
    "review_by": date(2027, 12, 31),
}
EFFECT_STAGES = {"deny": "ABCEFGH", "refer": "EFG", "permit": "H", "oblige": "H"}


def rule_table(rule_id: str, effect: str = "permit", stage: str = "", **more: Any) -> dict[str, Any]:
    """A complete rule, as its TOML table would be read."""
    table: dict[str, Any] = {
        "id": rule_id,
        "title": f"About {rule_id}",
        "stage": stage or EFFECT_STAGES[effect][-1],
        "effect": effect,
        "because": "an Act",
        "officer": "In words.",
        "when": {"power": ["cda1998_s115"]},
        "test": [{"on": "example", "expect": effect if effect != "oblige" else "permit"}],
    }
    if effect == "refer":
        table["refer_to"] = ["ig_officer"]
    if effect == "oblige":
        table |= {"on": ["permit"], "obligations": ["confirm_receipt"]}
    if effect in ("deny", "refer"):
        table["requester"] = "Not this."
    return table | more


def rule(rule_id: str, effect: str = "permit", stage: str = "", **more: Any) -> Rule:
    """The same, read."""
    return parse_rule(rule_table(rule_id, effect, stage, **more), "made", HEADER)


def random_rules(count: int, seed: int) -> list[Rule]:
    """Rules with conditions on 2 to 10 attributes; about half of them permits, so that both answers occur."""
    chance = random.Random(seed)
    return [_random_rule(chance, i) for i in range(count)]


def _random_rule(chance: random.Random, number: int) -> Rule:
    effect = chance.choice(["permit", "permit", "permit", "deny", "refer"])
    stage = chance.choice(EFFECT_STAGES[effect])
    return rule(f"rule-{number}", effect, stage, when=_random_when(chance, effect))


def _random_when(chance: random.Random, effect: str) -> dict[str, Any]:
    when: dict[str, Any] = {"power": _some(chance, ATTRIBUTES["power"].values, 12)}
    for name in chance.sample(SCALARS, chance.randint(2, 9)):
        values = [value for value in ATTRIBUTES[name].values if value != "unknown" or effect != "permit"]
        when[name] = _some(chance, values, max(1, (len(values) * 2) // 3))
    if chance.random() < 0.5:
        asked = _some(chance, ATTRIBUTES["circumstance"].values, 6)
        barred = [
            value for value in _some(chance, ATTRIBUTES["circumstance"].values, 6) if value not in asked
        ]
        when["circumstance"] = {chance.choice(["any", "all"]): asked[:2], "none": barred}
    return when


def _some(chance: random.Random, values: Sequence[str], most: int) -> list[str]:
    return chance.sample(list(values), chance.randint(1, max(1, min(most, len(values)))))


def random_facts(rules: Sequence[Rule], seed: int) -> Facts:
    """Facts, half of the time built so as to meet one of the rules."""
    chance = random.Random(seed)
    facts: dict[str, Value] = {name: chance.choice(ATTRIBUTES[name].values) for name in SCALARS}
    facts["power"] = frozenset(_some(chance, ATTRIBUTES["power"].values, 3))
    facts["together_with"] = frozenset([str(facts["category"])])
    facts["circumstance"] = frozenset(_some(chance, ATTRIBUTES["circumstance"].values, 4))
    facts["circumstance_unknown"] = frozenset()
    if rules and chance.random() < 0.6:
        _aim(chance, facts, chance.choice(list(rules)))
    if chance.random() < 0.2:
        facts[chance.choice(SCALARS)] = "unknown"
    return facts


def _aim(chance: random.Random, facts: dict[str, Value], target: Rule) -> None:
    for name, allowed in target.scalars.items():
        facts[name] = chance.choice(sorted(allowed))
    for name, condition in target.sets.items():
        present = frozenset(str(v) for v in facts[name]) - condition.none
        facts[name] = present | {chance.choice(sorted(group)) for group in condition.groups}


def complete_facts(**given: Any) -> Facts:
    """Facts that meet :func:`rule`'s own condition."""
    from gateway.policy.examples import facts_of

    return facts_of({"power": ["cda1998_s115"]}, given)
