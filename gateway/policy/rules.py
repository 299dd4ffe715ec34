"""A rule: conditions over finite attributes, an effect at a stage, and the law that is its reason.

It matches by looking values up; nothing in a rule is ever run. How one is read from its text is in `rule_tables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from gateway.policy.attributes import ATTRIBUTES, UNKNOWN, UNKNOWN_CIRCUMSTANCES, Facts
from gateway.vocabulary import Effect, Obligation, Outcome, Stage

ARRANGEMENT_CHAIR = "arrangement_chair"


class PolicyError(ValueError):
    """A policy text that cannot be used. ``where`` names the file, pack or rule; ``problem`` says what and why."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


@dataclass(frozen=True)
class SetCondition:
    """What a rule asks of a set: each group needs one of its members present; none of ``none`` may be."""

    groups: tuple[frozenset[str], ...]
    none: frozenset[str]


@dataclass(frozen=True)
class RuleTest:
    """One example of a rule: facts laid over a named example of its file, and what must come out."""

    name: str
    on: str
    given: Mapping[str, Any]
    expect: Outcome
    obligations: frozenset[Obligation]


@dataclass(frozen=True)
class Rule:
    """One rule, checked. ``pack`` is where it stands; ``status`` is ``active`` or ``trial`` (logged, never decides)."""

    id: str
    pack: str
    title: str
    stage: Stage
    effect: Effect
    because: str
    owner: str
    jurisdiction: frozenset[str]
    effective_from: date
    effective_to: date | None
    review_by: date
    scalars: Mapping[str, frozenset[str]]
    sets: Mapping[str, SetCondition]
    refer_to: tuple[str, ...]
    may_lift: tuple[str, ...]
    liftable: bool
    obligations: tuple[Obligation, ...]
    on: frozenset[Outcome]
    officer: str
    requester: str
    alternative: str
    status: str
    tests: tuple[RuleTest, ...]

    @property
    def is_permit(self) -> bool:
        """Whether this rule opens something, so that whatever it reads must be known."""
        return self.effect is Effect.PERMIT

    @cached_property
    def _scalar_checks(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """What each scalar may be: an unknown fact meets a stop and never a permit."""
        return tuple(
            (name, allowed if self.is_permit or ATTRIBUTES[name].own_unknown else allowed | {UNKNOWN})
            for name, allowed in self.scalars.items()
        )

    @cached_property
    def _set_checks(self) -> tuple[tuple[str, SetCondition], ...]:
        return tuple(self.sets.items())

    def matches(self, facts: Facts) -> bool:
        """Whether these facts meet every condition. Unknown facts meet a stop and never a permit."""
        for name, allowed in self._scalar_checks:
            if facts[name] not in allowed:
                return False
        unsure = facts.get(UNKNOWN_CIRCUMSTANCES)
        for name, condition in self._set_checks:
            if not self._set_matches(condition, facts[name], unsure if name == "circumstance" else None):
                return False
        return True

    def _set_matches(self, condition: SetCondition, present: Any, unsure: Any) -> bool:
        blocking = needed = present
        if unsure and self.is_permit:
            blocking = present | unsure
        elif unsure:
            needed = present | unsure
        if not condition.none.isdisjoint(blocking):
            return False
        return all(not group.isdisjoint(needed) for group in condition.groups)

    def in_force(self, day: date) -> bool:
        """Whether the rule is law on that local day."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def canonical(self) -> dict[str, Any]:
        """Plain values in a fixed order, for the policy's canonical form."""
        return {
            "id": self.id,
            "pack": self.pack,
            "title": self.title,
            "stage": self.stage.value,
            "effect": self.effect.value,
            "because": self.because,
            "owner": self.owner,
            "jurisdiction": sorted(self.jurisdiction),
            "effective_from": self.effective_from.isoformat(),
            "effective_to": self.effective_to.isoformat() if self.effective_to else None,
            "review_by": self.review_by.isoformat(),
            "scalars": {name: sorted(values) for name, values in sorted(self.scalars.items())},
            "sets": {
                name: {"groups": [sorted(g) for g in c.groups], "none": sorted(c.none)}
                for name, c in sorted(self.sets.items())
            },
            "refer_to": list(self.refer_to),
            "may_lift": list(self.may_lift),
            "liftable": self.liftable,
            "obligations": [code.value for code in self.obligations],
            "on": sorted(outcome.value for outcome in self.on),
            "officer": self.officer,
            "requester": self.requester,
            "alternative": self.alternative,
            "status": self.status,
        }
