"""Gathers what goes with an outcome: union of codes, earliest days, and where each came from.

Order-free: merging is commutative, associative and idempotent, and never weakens.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from gateway.decision.facts import ConsentFacts, DueObligation
from gateway.policy.rules import Rule
from gateway.vocabulary import ConsentStatus, Obligation, Outcome, vocabulary

KINDS = frozenset({"enforced", "undertaken", "task"})
BY_DEFAULT = "default"


def due(rules: Iterable[Rule], outcome: Outcome) -> tuple[DueObligation, ...]:
    """The obligations that these rules, and the defaults, put on a line with that outcome."""
    found = [_one(code, rule.id) for rule in rules for code in rule.obligations]
    found += [_one(code, BY_DEFAULT) for code in default_codes(outcome)]
    return merged(found)


def default_codes(outcome: Outcome) -> frozenset[Obligation]:
    """What always holds: everything is recorded; what is released is also sealed, marked and not passed on."""
    if outcome is Outcome.PERMIT:
        return vocabulary().default_obligations
    return frozenset({Obligation.LOG_DECISION_AND_REASON})


def merged(found: Iterable[DueObligation]) -> tuple[DueObligation, ...]:
    """One of each code: the shortest time, and every rule that attached it."""
    by_code: dict[Obligation, DueObligation] = {}
    for obligation in found:
        known = by_code.get(obligation.code)
        by_code[obligation.code] = obligation if known is None else _stricter(known, obligation)
    return tuple(by_code[code] for code in sorted(by_code))


def dischargeable(obligations: Iterable[DueObligation]) -> bool:
    """Whether somebody can discharge each of them: a kind we know, and an owner for every task."""
    return all(o.kind in KINDS and (o.kind != "task" or o.owner) for o in obligations)


def within_consent(
    obligations: tuple[DueObligation, ...], consent: ConsentFacts, day: date
) -> tuple[DueObligation, ...]:
    """The same, with access ending no later than the consent does."""
    if consent.status is not ConsentStatus.GIVEN or consent.last_day is None:
        return obligations
    left = max((consent.last_day - day).days, 0)
    return tuple(_ending(o, left) if o.code is Obligation.EXPIRY_AND_REVIEW else o for o in obligations)


def _ending(obligation: DueObligation, left: int) -> DueObligation:
    days = left if obligation.days is None else min(obligation.days, left)
    return DueObligation(obligation.code, obligation.kind, obligation.owner, days, obligation.because_of)


def _one(code: Obligation, rule_id: str) -> DueObligation:
    term = vocabulary().obligations[code]
    return DueObligation(code, term.kind, term.owner, term.days, (rule_id,))


def _stricter(one: DueObligation, other: DueObligation) -> DueObligation:
    days = [value for value in (one.days, other.days) if value is not None]
    because = tuple(sorted({*one.because_of, *other.because_of}))
    return DueObligation(one.code, one.kind, one.owner or other.owner, min(days) if days else None, because)
