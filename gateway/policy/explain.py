"""Which permits nearly matched, and which fact was missing: exact, over all rules, by prefix and suffix ANDs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from gateway.policy.attributes import ATTRIBUTES, Facts
from gateway.policy.engine import Engine
from gateway.policy.index import bits
from gateway.policy.rules import Rule

_VALUES_SHOWN = 4


@dataclass(frozen=True)
class Near:
    """A permit and the one attribute it failed on."""

    rule: Rule
    attribute: str


def near_permits(engine: Engine, facts: Facts, limit: int = 3) -> tuple[Near, ...]:
    """Permits that every fact but one would have met, first rules first. Raises KeyError on unknown terms."""
    index = engine.index
    masks = index.masks_of(facts)
    everything = (1 << len(index.rules)) - 1
    prefix = [everything]
    for _, mask in masks:
        prefix.append(prefix[-1] & mask)
    suffix = everything
    found: list[tuple[int, Near]] = []
    for position in range(len(masks) - 1, -1, -1):
        name, mask = masks[position]
        only = prefix[position] & suffix & ~mask & engine.permits
        for bit in bits(only):
            found.append((bit, Near(index.rules[bit], name)))
            if len(found) >= limit * 4:
                break
        suffix &= mask
    return tuple(near for _, near in sorted(found, key=lambda pair: pair[0])[:limit])


def missing_in_words(near: Near, facts: Facts) -> str:
    """The fact that was missing, as a phrase an officer can act on."""
    attribute = ATTRIBUTES[near.attribute]
    if not attribute.many:
        allowed = [
            attribute.value_label(v) for v in attribute.values if v in near.rule.scalars[near.attribute]
        ]
        return f"{attribute.label}: {_some(allowed)}"
    present = cast("frozenset[str]", facts[near.attribute])
    condition = near.rule.sets[near.attribute]
    for group in condition.groups:
        if group.isdisjoint(present):
            return f"{attribute.label}: {_some([attribute.value_label(v) for v in sorted(group)])}"
    blocking = sorted(condition.none & present)
    return f"{attribute.label}: not {_some([attribute.value_label(v) for v in blocking])}"


def _some(labels: list[str]) -> str:
    shown = "; ".join(labels[:_VALUES_SHOWN])
    left = len(labels) - _VALUES_SHOWN
    return f"{shown}; or {left} more" if left > 0 else shown
