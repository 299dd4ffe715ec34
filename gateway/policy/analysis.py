"""What can be said of rules against each other, exactly: which can never decide, which say nothing new, which meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from gateway.policy.attributes import ATTRIBUTES
from gateway.policy.boxes import Constraint, Undecided, holds, point, region
from gateway.policy.engine import sort_key
from gateway.policy.examples import facts_of_test
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


def analyse(
    policy: Policy, day: date, only: frozenset[str] | None = None, agency: str | None = None
) -> Analysis:
    """Analyse the rules in force on a day; with `only`, what these rules do and what they do to the others.

    With `agency`, as they are for what that agency holds: its own overlay stands beside them.
    """
    rules = [
        rule
        for rule in in_force([pack for pack in policy.packs if pack.agency in (None, agency)], day)
        if rule.status == "active" and rule.effect is not Effect.OBLIGE
    ]
    ordered = sorted(rules, key=sort_key)
    named = frozenset(rule.id for rule in ordered) if only is None else only
    dead, undecided = _dead(ordered, named, policy, day)
    permits = [rule for rule in ordered if rule.is_permit]
    stops = [rule for rule in ordered if not rule.is_permit]
    return Analysis(
        rules=len(ordered),
        dead=dead,
        undecided=undecided,
        redundant=_redundant(ordered, named),
        overlapping=tuple(
            Pair(permit.id, stop.id)
            for permit in permits
            for stop in stops
            if (permit.id in named or stop.id in named)
            and sort_key(stop) < sort_key(permit)
            and meet(permit, stop)
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


def _dead(
    ordered: Sequence[Rule], named: frozenset[str], policy: Policy, day: date
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which rules can never decide, of those that are named or that a named one stands before."""
    always = load_statements().always
    dead, undecided = [], []
    for rule in ordered:
        earlier = [one for one in ordered if _decides_before(one, rule)]
        if rule.id not in named and not any(one.id in named and meet(one, rule) for one in earlier):
            continue
        if _is_shown_at_work(rule, policy, day, always):
            continue
        before: list[Constraint] = [region(one).outside() for one in earlier]
        try:
            if point([*region(rule).inside(), *before, *always]) is None:
                dead.append(rule.id)
        except Undecided:
            undecided.append(rule.id)
    return tuple(dead), tuple(undecided)


def _is_shown_at_work(rule: Rule, policy: Policy, day: date, always: Sequence[Constraint]) -> bool:
    """Whether one of its own tests is a case that can be and that it decides: then no search is needed."""
    pack = next((one for one in policy.packs if any(own is rule for own in one.rules)), None)
    if pack is None:
        return False
    engine = policy.engine(day, pack.agency)
    for test in rule.tests:
        facts = facts_of_test(pack, test)
        if holds(facts, always) and engine.evaluate(facts).rule is rule:
            return True
    return False


def _decides_before(one: Rule, rule: Rule) -> bool:
    """Whether one always decides where both match: an earlier stage, or a stronger effect; not what can be lifted."""
    if one.liftable or one.effective_to is not None:
        return False
    stage, effect, _ = sort_key(one)
    own_stage, own_effect, _ = sort_key(rule)
    return stage < own_stage or (stage == own_stage and effect < own_effect)


def _redundant(ordered: Sequence[Rule], named: frozenset[str]) -> tuple[Pair, ...]:
    found = []
    for rule in ordered:
        for other in ordered:
            if other is rule or not {rule.id, other.id} & named:
                continue
            if _says_as_much(other, rule) and covers(other, rule):
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
