"""Exact reasoning over all combinations of facts, without a solver: whether a point lies in one box and outside others.

A rule is a box: scalars have finite domains and every member of a set is there or not. A *constraint* is a list of
alternatives, one of which must hold; an alternative narrows domains and nothing else. The search is complete: it
gives a point, or proves that there is none, or says that it gave up. A circumstance that is unsure needs no case of
its own: it only ever blocks more than the same circumstance being absent, so where it permits, absence permits too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.policy.attributes import ATTRIBUTES, SCALARS, SETS, UNKNOWN, Facts
from gateway.policy.examples import ORDINARY, facts_of
from gateway.policy.rules import Rule, SetCondition

Name = tuple[str, str]  # (attribute, "") for a scalar, (attribute, member) for a member of a set
Narrowing = Mapping[Name, frozenset[str]]
Constraint = tuple[Narrowing, ...]
THERE, ABSENT = "there", "absent"
_MOST_STEPS = 200_000

DOMAINS: Mapping[Name, frozenset[str]] = {
    **{(name, ""): frozenset(ATTRIBUTES[name].values) | {UNKNOWN} for name in SCALARS},
    **{(name, member): frozenset({THERE, ABSENT}) for name in SETS for member in ATTRIBUTES[name].values},
}


class Undecided(Exception):
    """The search gave up; whoever asked treats it as broken."""


@dataclass(frozen=True)
class Region:
    """Facts that meet scalar conditions and set conditions."""

    scalars: Mapping[str, frozenset[str]]
    sets: Mapping[str, SetCondition]

    def inside(self) -> list[Constraint]:
        """Constraints that hold exactly inside."""
        fixed: dict[Name, frozenset[str]] = {(name, ""): values for name, values in self.scalars.items()}
        either: list[Constraint] = []
        for name, condition in self.sets.items():
            fixed.update({(name, member): frozenset({ABSENT}) for member in condition.none})
            either += [
                tuple({(name, member): frozenset({THERE})} for member in sorted(group))
                for group in condition.groups
            ]
        return [(fixed,), *either]

    def outside(self) -> Constraint:
        """One constraint that holds exactly outside."""
        ways: list[Narrowing] = [
            {(name, ""): DOMAINS[name, ""] - values} for name, values in self.scalars.items()
        ]
        for name, condition in self.sets.items():
            ways += [{(name, member): frozenset({THERE})} for member in sorted(condition.none)]
            ways += [{(name, member): frozenset({ABSENT}) for member in group} for group in condition.groups]
        return tuple(ways)


def region(rule: Rule) -> Region:
    """Where a rule matches: a stop also where a scalar it reads isn't known."""
    return Region(dict(rule._scalar_checks), rule.sets)


def point(constraints: Iterable[Constraint]) -> dict[Name, frozenset[str]] | None:
    """Domains all of whose points meet every constraint, or None when no point does. Raises Undecided."""
    return _Search().run({}, list(constraints))


def holds(facts: Facts, constraints: Iterable[Constraint]) -> bool:
    """Whether these facts meet every constraint."""
    return all(any(_meets(facts, way) for way in ways) for ways in constraints)


def _meets(facts: Facts, way: Narrowing) -> bool:
    return all(_at(facts, name) in values for name, values in way.items())


def _at(facts: Facts, name: Name) -> str:
    attribute, member = name
    value = facts[attribute]
    if isinstance(value, str):
        return value
    return THERE if member in value else ABSENT


class _Search:
    def __init__(self) -> None:
        self.steps = 0

    def run(
        self, found: dict[Name, frozenset[str]], waiting: Sequence[Constraint]
    ) -> dict[Name, frozenset[str]] | None:
        narrowed = self._propagate(found, waiting)
        if narrowed is None:
            return None
        found, open_ways = narrowed
        if not open_ways:
            return found
        least = min(range(len(open_ways)), key=lambda i: len(open_ways[i]))
        rest = [ways for i, ways in enumerate(open_ways) if i != least]
        for way in open_ways[least]:
            tried = self.run(_with(found, way), rest)
            if tried is not None:
                return tried
        return None

    def _propagate(
        self, found: dict[Name, frozenset[str]], waiting: Sequence[Constraint]
    ) -> tuple[dict[Name, frozenset[str]], list[Constraint]] | None:
        """Take every way that is the only one left; give what stays open, or None when something has no way."""
        moved = True
        while moved:
            moved = False
            left: list[Constraint] = []
            for ways in waiting:
                self.steps += 1
                if self.steps > _MOST_STEPS:
                    raise Undecided
                possible = tuple(way for way in ways if _possible(found, way))
                if not possible:
                    return None
                if any(_held(found, way) for way in possible):
                    continue
                if len(possible) == 1:
                    found = _with(found, possible[0])
                    moved = True
                    continue
                left.append(possible)
            waiting = left
        return found, list(waiting)


def _domain(found: Mapping[Name, frozenset[str]], name: Name) -> frozenset[str]:
    known = found.get(name)
    return DOMAINS[name] if known is None else known


def _possible(found: Mapping[Name, frozenset[str]], way: Narrowing) -> bool:
    return all(not _domain(found, name).isdisjoint(values) for name, values in way.items())


def _held(found: Mapping[Name, frozenset[str]], way: Narrowing) -> bool:
    return all(_domain(found, name) <= values for name, values in way.items())


def _with(found: dict[Name, frozenset[str]], way: Narrowing) -> dict[Name, frozenset[str]]:
    narrowed = dict(found)
    for name, values in way.items():
        narrowed[name] = _domain(found, name) & values
    return narrowed


def facts_at(found: Mapping[Name, frozenset[str]]) -> dict[str, str | frozenset[str]]:
    """One point of these domains, as complete facts: what isn't narrowed is ordinary, sets hold what they must."""
    given: dict[str, str | frozenset[str]] = {}
    for (name, member), values in found.items():
        if not member:
            given[name] = _plainest(name, values)
    for name in SETS:
        present = {m for (n, m), values in found.items() if n == name and values == {THERE}}
        if present:
            given[name] = frozenset(present)
    return dict(facts_of(given))


def _plainest(name: str, values: frozenset[str]) -> str:
    usual = ORDINARY.get(name)
    if isinstance(usual, str) and usual in values:
        return usual
    return next(value for value in (*ATTRIBUTES[name].values, UNKNOWN) if value in values)
