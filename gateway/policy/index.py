"""Finds every rule that matches, in microseconds: one integer per attribute value, bit i for rule i.

Rules are ordered by stage, then deny before refer before permit, then packs before core (the more particular
names the authoriser), then as written. The lowest bit of a match is therefore the deciding rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from gateway.policy.attributes import ATTRIBUTES, SCALARS, SETS, UNKNOWN, UNKNOWN_CIRCUMSTANCES, Facts
from gateway.policy.rules import Rule

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _SetMasks:
    """Masks of one set attribute: what a member rules out, and which rules still need which group."""

    keep: dict[str, int]
    keep_if_unsure: dict[str, int]
    slots: tuple[tuple[int, dict[str, int], dict[str, int]], ...]


class Index:
    """An immutable bitmap index over rules in order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._all = (1 << len(self.rules)) - 1
        self._permits = _mask(i for i, rule in enumerate(self.rules) if rule.is_permit)
        self._scalars = [(name, self._scalar_masks(name)) for name in SCALARS if self._is_read(name)]
        self._sets = [
            (name, self._set_masks(name)) for name in SETS if any(name in rule.sets for rule in self.rules)
        ]

    def match(self, facts: Facts) -> int:
        """Bits of the rules that match. Raises KeyError for a value outside the vocabulary: decide nothing on that."""
        found = self._all
        for name, masks in self._scalars:
            found &= masks[facts[name]]  # type: ignore[index]
        unsure = facts.get(UNKNOWN_CIRCUMSTANCES, _NONE)
        for name, set_masks in self._sets:
            if not found:
                return 0
            maybe = unsure if name == "circumstance" else _NONE
            found = _narrow(
                found, set_masks, cast("frozenset[str]", facts[name]), cast("frozenset[str]", maybe)
            )
        return found

    def masks_of(self, facts: Facts) -> list[tuple[str, int]]:
        """For each attribute that is read, the rules these facts leave standing on it alone."""
        masks = [(name, by_value[cast(str, facts[name])]) for name, by_value in self._scalars]
        for name, set_masks in self._sets:
            unsure = facts.get(UNKNOWN_CIRCUMSTANCES, _NONE) if name == "circumstance" else _NONE
            present = cast("frozenset[str]", facts[name])
            masks.append((name, _narrow(self._all, set_masks, present, cast("frozenset[str]", unsure))))
        return masks

    def named(self, mask: int, most: int | None = None) -> tuple[Rule, ...]:
        """The rules of a mask in order; the first ``most`` of them when given."""
        positions = bits(mask) if most is None else islice(bits(mask), most)
        return tuple(self.rules[i] for i in positions)

    def _is_read(self, name: str) -> bool:
        return any(name in rule.scalars for rule in self.rules)

    def _scalar_masks(self, name: str) -> dict[str, int]:
        attribute = ATTRIBUTES[name]
        accepting: dict[str, list[int]] = {value: [] for value in attribute.values}
        indifferent = []
        for i, rule in enumerate(self.rules):
            allowed = rule.scalars.get(name)
            if allowed is None:
                indifferent.append(i)
                continue
            for value in allowed:
                accepting[value].append(i)
        free = _mask(indifferent)
        result = {value: _mask(positions) | free for value, positions in accepting.items()}
        if not attribute.own_unknown:
            # A stop that reads what is not known counts as matched; a permit never does.
            result[UNKNOWN] = free | (self._all & ~self._permits)
        return result

    def _set_masks(self, name: str) -> _SetMasks:
        values = ATTRIBUTES[name].values
        conditions = [(i, rule.sets[name]) for i, rule in enumerate(self.rules) if name in rule.sets]
        blocked = {v: _mask(i for i, c in conditions if v in c.none) for v in values}
        slots = []
        for depth in range(max((len(c.groups) for _, c in conditions), default=0)):
            needing = [(i, c.groups[depth]) for i, c in conditions if len(c.groups) > depth]
            met = {v: _mask(i for i, group in needing if v in group) for v in values}
            unsure = {v: mask & ~self._permits for v, mask in met.items()}
            slots.append((self._all & ~_mask(i for i, _ in needing), met, unsure))
        return _SetMasks(
            {v: self._all & ~mask for v, mask in blocked.items()},
            {v: self._all & ~(mask & self._permits) for v, mask in blocked.items()},
            tuple(slots),
        )


def _narrow(found: int, masks: _SetMasks, present: frozenset[str], unsure: frozenset[str]) -> int:
    for value in present:
        found &= masks.keep[value]
    for value in unsure:
        found &= masks.keep_if_unsure[value]
    for free, met, met_if_unsure in masks.slots:
        satisfied = free
        for value in present:
            satisfied |= met[value]
        for value in unsure:
            satisfied |= met_if_unsure[value]
        found &= satisfied
    return found


def _mask(positions: Iterable[int]) -> int:
    packed = bytearray()
    for position in positions:
        if position >> 3 >= len(packed):
            packed.extend(bytes((position >> 3) - len(packed) + 1))
        packed[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(packed, "little")


def bits(mask: int) -> Iterator[int]:
    """Positions of the set bits, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
