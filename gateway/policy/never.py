"""Never-statements: proved of a policy over all combinations of facts, or broken by a case that can be read.

What a person's authorisation could lift doesn't count as a guard, nor does a stop that ends on some day; so what is
proved holds after every authorisation and as long as the version is in force.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from gateway.policy.attributes import ATTRIBUTES, SCALARS, UNKNOWN, YES_NO, Facts
from gateway.policy.boxes import DOMAINS, Constraint, Region, Undecided, facts_at, point, region
from gateway.policy.engine import sort_key
from gateway.policy.packs import Policy, in_force
from gateway.policy.rules import PolicyError, Rule, SetCondition
from gateway.vocabulary import Effect, policies_dir, vocabulary

FILE = "never.toml"
_NOTHING = frozenset[str]()


@dataclass(frozen=True)
class Never:
    """What may never be permitted: where, in words, and why."""

    id: str
    says: str
    because: str
    region: Region


@dataclass(frozen=True)
class Statements:
    """The statements, and what always holds of facts."""

    nevers: tuple[Never, ...]
    always: tuple[Constraint, ...]
    implications: tuple[tuple[str, Region, Region], ...]


@dataclass(frozen=True)
class Proof:
    """One statement of one policy: proved, or broken by a permit with a case, or (counted as broken) not decided."""

    never: Never
    broken_by: Rule | None
    example: Facts | None
    undecided: bool

    @property
    def proved(self) -> bool:
        """Whether it holds of every combination of facts."""
        return self.broken_by is None and not self.undecided

    @property
    def sentence(self) -> str:
        """What came out, in words."""
        if self.proved:
            return f"Never: {_small(self.never.says)}. Proved for every combination of facts."
        if self.undecided:
            return f"Never: {_small(self.never.says)}. This could not be decided, which counts as broken."
        assert self.broken_by is not None  # noqa: S101 - broken without being undecided names its rule
        return (
            f"Broken: {_small(self.never.says)}. The rule “{self.broken_by.title}” would permit it, "
            f"for example when {'; '.join(self.case)}."
        )

    @property
    def case(self) -> tuple[str, ...]:
        """The case that breaks it, fact by fact in words; empty when none was found."""
        if self.broken_by is None or self.example is None:
            return ()
        return in_words(self.example, self.broken_by, self.never)


def prove(policy: Policy, day: date, statements: Statements | None = None) -> tuple[Proof, ...]:
    """Prove every statement of this policy from a day on, whatever begins or ends later.

    Overlays only take away, so they are left out.
    """
    known = statements or load_statements()
    found: dict[str, Proof] = {}
    for one_day in _days(policy, day):
        rules = [
            rule
            for rule in in_force([pack for pack in policy.packs if pack.agency is None], one_day)
            if rule.status == "active" and rule.effect is not Effect.OBLIGE
        ]
        for never in known.nevers:
            if never.id not in found or found[never.id].proved:
                found[never.id] = _proof(never, sorted(rules, key=sort_key), known.always)
    return tuple(found.values())


def _days(policy: Policy, day: date) -> list[date]:
    """The day and every later one on which a rule or pack begins; what ends doesn't count as a guard anyway."""
    begins = {pack.effective_from for pack in policy.packs} | {rule.effective_from for rule in policy.rules}
    return [day, *sorted(one for one in begins if one > day)]


def _proof(never: Never, rules: Sequence[Rule], always: Sequence[Constraint]) -> Proof:
    inside = never.region.inside()
    guards: list[Constraint] = []
    for rule in rules:
        if not rule.is_permit:
            if not rule.liftable and rule.effective_to is None:
                guards.append(region(rule).outside())
            continue
        try:
            found = point([*inside, *region(rule).inside(), *guards, *always])
        except Undecided:
            return Proof(never, rule, None, undecided=True)
        if found is not None:
            return Proof(never, rule, facts_at(found), undecided=False)
    return Proof(never, None, None, undecided=False)


@cache
def load_statements(folder: Path | None = None) -> Statements:
    """The shipped statements. Raises PolicyError when the file names what isn't in the vocabulary."""
    return parse_statements(((folder or policies_dir()) / FILE).read_text(encoding="utf-8"))


def parse_statements(text: str) -> Statements:
    """Read statements. Raises PolicyError."""
    try:
        raw = tomllib.loads(text)
        nevers = tuple(
            Never(one["id"], one["says"], one["because"], _region(one["when"], one["id"]))
            for one in raw["never"]
        )
        implied = tuple(
            (one["id"], _region(one["if"], one["id"]), _region(one["then"], one["id"]))
            for one in raw.get("always", [])
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as problem:
        raise PolicyError(FILE, f"can't be read: {problem}") from None
    always = [_implication(one, then) for _, one, then in implied]
    return Statements(nevers, (*always, *_of_categories()), implied)


def _implication(one: Region, then: Region) -> Constraint:
    required = then.inside()
    if len(required) > 1 and any(len(ways) > 1 for ways in required[1:]):
        raise PolicyError(FILE, "what follows is plain values, or members that are all there")
    together: dict[tuple[str, str], frozenset[str]] = {}
    for ways in required:
        together.update(ways[0])
    return (*one.outside(), together)


def _of_categories() -> list[Constraint]:
    """Each kind of information has its own sensitivity, and is one of those asked for together."""
    found: list[Constraint] = []
    for category, term in vocabulary().categories.items():
        is_other = {("category", ""): DOMAINS["category", ""] - {category.value}}
        found.append((is_other, {("sensitivity", ""): frozenset({term.sensitivity.value})}))
        found.append((is_other, {("together_with", category.value): frozenset({"there"})}))
    return found


def _region(when: Mapping[str, Any], where: str) -> Region:
    scalars: dict[str, frozenset[str]] = {}
    sets: dict[str, SetCondition] = {}
    for name, condition in when.items():
        if name not in ATTRIBUTES:
            raise PolicyError(f"{FILE}: {where}", f"no attribute is called {name!r}")
        if ATTRIBUTES[name].many:
            sets[name] = _set(name, condition, where)
        else:
            scalars[name] = _known(name, condition, where)
    if not scalars and not sets:
        raise PolicyError(f"{FILE}: {where}", "a statement holds at least one condition")
    return Region(scalars, sets)


def _set(name: str, condition: Any, where: str) -> SetCondition:
    parts = {"any": condition} if isinstance(condition, list) else condition
    groups = [frozenset([value]) for value in _known(name, parts.get("all", []), where)]
    if "any" in parts:
        groups.append(_known(name, parts["any"], where))
    return SetCondition(tuple(groups), _known(name, parts.get("none", []), where))


def _known(name: str, values: Any, where: str) -> frozenset[str]:
    allowed = {*ATTRIBUTES[name].values, UNKNOWN} if name in SCALARS else set(ATTRIBUTES[name].values)
    strange = [value for value in values if value not in allowed]
    if strange:
        raise PolicyError(f"{FILE}: {where}", f"{name} has no value {strange[0]!r}")
    return frozenset(values)


def in_words(facts: Facts, rule: Rule, never: Never) -> tuple[str, ...]:
    """The case, told by what the rule or the statement reads."""
    names = [
        name
        for name in ATTRIBUTES
        if name in rule.scalars
        or name in rule.sets
        or name in never.region.scalars
        or name in never.region.sets
    ]
    return tuple(_fact(name, facts[name]) for name in names if facts[name] != _NOTHING)


def _fact(name: str, value: object) -> str:
    attribute = ATTRIBUTES[name]
    if isinstance(value, frozenset):
        return f"{attribute.label} include {', '.join(attribute.value_label(v) for v in sorted(value))}"
    if attribute.values == YES_NO and value in YES_NO:
        fact = attribute.label.removeprefix("whether ")
        return fact if value == YES_NO[0] else f"it isn't so that {fact}"
    said = "not known" if value == UNKNOWN else attribute.value_label(str(value))
    return f"{attribute.label} is {said}"


def _small(text: str) -> str:
    return text[0].lower() + text[1:]
