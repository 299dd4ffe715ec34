"""What can be said of rules against each other, exactly: which can never decide, which say nothing new, which meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from gateway.policy.attributes import ATTRIBUTES
from gateway.policy.boxes import Constraint, Undecided, point, region
from gateway.policy.engine import sort_key
from gateway.policy.never import load_statements
from gateway.policy.packs import Policy, in_force
from gateway.policy.rules import Rule
from gateway.vocabulary import Effect


@dataclass(frozen=True)
class Pair:
    """Two rules, by id: `one` is the one that says nothing new, or that gives way."""

    one: str
    other: str


@dataclass(frozen=True)
class Analysis:
    """Rules that can never decide, rules that another covers, and permits that meet a stop (which wins there)."""

    rules: int
    dead: tuple[str, ...]
    undecided: tuple[str, ...]
    redundant: tuple[Pair, ...]
    overlapping: tuple[Pair, ...]


def analyse(policy: Policy, day: date) -> Analysis:
    """Analyse the rules in force on a day."""
    rules = [
        rule
        for rule in in_force([pack for pack in policy.packs if pack.agency is None], day)
        if rule.status == "active" and rule.effect is not Effect.OBLIGE
    ]
    ordered = sorted(rules, key=sort_key)
    dead, undecided = _dead(ordered)
    permits = [rule for rule in ordered if rule.is_permit]
    stops = [rule for rule in ordered if not rule.is_permit]
    return Analysis(
        rules=len(ordered),
        dead=dead,
        undecided=undecided,
        redundant=_redundant(ordered),
        overlapping=tuple(
            Pair(permit.id, stop.id)
            for permit in permits
            for stop in stops
            if sort_key(stop) < sort_key(permit) and meet(permit, stop)
        ),
    )


def covers(wide: Rule, narrow: Rule) -> bool:
    """Whether every case that the narrow rule matches is matched by the wide one."""
    for name, allowed in wide.scalars.items():
        if not narrow.scalars.get(name, frozenset(ATTRIBUTES[name].values)) <= allowed:
            return False
        if name not in narrow.scalars and not ATTRIBUTES[name].own_unknown and wide.is_permit:
            return False
    for name, condition in wide.sets.items():
        other = narrow.sets.get(name)
        if other is None or not condition.none <= other.none:
            return False
        if not all(any(group <= wanted for group in other.groups) for wanted in condition.groups):
            return False
    return True


def meet(one: Rule, other: Rule) -> bool:
    """Whether a case can match both."""
    for name, allowed in one.scalars.items():
        if name in other.scalars and allowed.isdisjoint(other.scalars[name]):
            return False
    for name, condition in one.sets.items():
        against = other.sets.get(name)
        if against is None:
            continue
        if any(group <= against.none for group in condition.groups):
            return False
        if any(group <= condition.none for group in against.groups):
            return False
    return True


def _dead(ordered: Sequence[Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    always = load_statements().always
    dead, undecided = [], []
    for rule in ordered:
        before: list[Constraint] = [region(one).outside() for one in ordered if _decides_before(one, rule)]
        try:
            if point([*region(rule).inside(), *before, *always]) is None:
                dead.append(rule.id)
        except Undecided:
            undecided.append(rule.id)
    return tuple(dead), tuple(undecided)


def _decides_before(one: Rule, rule: Rule) -> bool:
    """Whether one always decides where both match: an earlier stage, or a stronger effect; not what can be lifted."""
    if one.liftable or one.effective_to is not None:
        return False
    stage, effect, _ = sort_key(one)
    own_stage, own_effect, _ = sort_key(rule)
    return stage < own_stage or (stage == own_stage and effect < own_effect)


def _redundant(ordered: Sequence[Rule]) -> tuple[Pair, ...]:
    found = []
    for rule in ordered:
        for other in ordered:
            if other is not rule and _says_as_much(other, rule) and covers(other, rule):
                found.append(Pair(rule.id, other.id))
                break
    return tuple(found)


def _says_as_much(other: Rule, rule: Rule) -> bool:
    return (
        other.stage is rule.stage
        and other.effect is rule.effect
        and frozenset(rule.obligations) <= frozenset(other.obligations)
        and rule.refer_to == other.refer_to
        and rule.alternative in {"", other.alternative}
        and frozenset(rule.may_lift) <= frozenset(other.may_lift)
        and rule.liftable == other.liftable
    )
