"""Runs decision scenarios from a file through the same decision as a real request, and says what differs.

Derived circumstances come in as a named test input, which no real request can reach; those that can be worked
out from the scenario's other facts are worked out again, and a difference is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from gateway.decision.decide import decide
from gateway.decision.derive import RECOMPUTED, line_circumstances
from gateway.decision.facts import (
    Ask,
    Body,
    ConsentFacts,
    Decision,
    LegalBasis,
    RiskFacts,
    SubjectFacts,
)
from gateway.policy.packs import Policy
from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Capacity,
    Category,
    Circumstance,
    ConsentStatus,
    Duty,
    Jurisdiction,
    Orientation,
    Outcome,
    Power,
    Purpose,
    RiskLevel,
    SubjectRole,
    vocabulary,
)

_PERMITS = frozenset({"permit", "permit_with_obligations"})


class ScenarioError(ValueError):
    """A scenario file that cannot be read, naming the scenario and what is wrong with it."""


@dataclass(frozen=True)
class ScenarioResult:
    """What one scenario came to, and how it differs from what was expected.

    ``authoriser`` holds the role codes referred to; ``authoriser_agrees`` compares them with the roles that the
    expected words name. ``rules`` are those that decided or attached obligations.
    """

    id: str
    expected: str
    got: str
    outcome_agrees: bool
    authoriser: tuple[str, ...]
    authoriser_agrees: bool
    obligations_missing: tuple[str, ...]
    obligations_extra: tuple[str, ...]
    withhold_differs: tuple[str, ...]
    mentions_missing: tuple[str, ...]
    derived_differs: tuple[str, ...]
    rules: tuple[str, ...]
    officer_text: str

    @property
    def whole(self) -> bool:
        """Whether everything agrees: outcome, authoriser, obligations, withheld categories and mentions."""
        differs = (
            self.obligations_missing
            or self.obligations_extra
            or self.withhold_differs
            or self.mentions_missing
        )
        return self.outcome_agrees and self.authoriser_agrees and not differs


@dataclass(frozen=True)
class Report:
    """The results of one file, under one policy version."""

    results: tuple[ScenarioResult, ...]
    policy_version: str

    @property
    def agree(self) -> int:
        """How many outcomes agree."""
        return sum(result.outcome_agrees for result in self.results)

    def rules_in_one_scenario(self) -> tuple[str, ...]:
        """Rules that fired in exactly one scenario: each may be too narrow to be law."""
        fired = Counter(rule for result in self.results for rule in result.rules)
        return tuple(sorted(rule for rule, times in fired.items() if times == 1))

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "total": len(self.results),
            "agree": self.agree,
            "whole": sum(result.whole for result in self.results),
            "policy_version": self.policy_version,
            "rules_in_one_scenario": list(self.rules_in_one_scenario()),
            "scenarios": [asdict(result) for result in self.results],
        }


def run(file: Path, policy: Policy) -> Report:
    """Decide every scenario of a YAML file with all packs enabled at the file's clock.

    Raises ScenarioError when the file or one of its scenarios is not in the format.
    """
    return run_text(file.read_text(encoding="utf-8"), policy)


def run_text(text: str, policy: Policy) -> Report:
    """The same, from the file's text."""
    try:
        content = yaml.safe_load(text)
        clock = datetime.fromisoformat(content["meta"]["clock"])
        scenarios = list(content["scenarios"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise ScenarioError(f"not a scenario file: {problem}") from None
    everything = policy.enabled()
    return Report(tuple(_run_one(scenario, clock, everything) for scenario in scenarios), everything.version)


def _run_one(scenario: Mapping[str, Any], clock: datetime, policy: Policy) -> ScenarioResult:
    try:
        ask = ask_of(scenario, clock, policy)
    except (KeyError, TypeError, ValueError) as problem:
        return _unreadable(scenario, f"{type(problem).__name__}: {problem}")
    decision = decide(ask, policy)
    expected = scenario.get("expected", {})
    return _compare(str(scenario["id"]), expected, decision, _derived_differs(ask, decision))


def ask_of(scenario: Mapping[str, Any], clock: datetime, policy: Policy) -> Ask:
    """The facts of one scenario. Recipients stand in the arrangement as its pack says their kind of body does.

    Raises KeyError, TypeError or ValueError for a word outside the vocabulary.
    """
    arrangement = Arrangement(scenario["arrangement"])
    jurisdiction = Jurisdiction(scenario["jurisdiction"])
    circumstances = frozenset(Circumstance(code) for code in scenario["circumstances"])
    asked_by = scenario["requester"]
    requester = Body(
        AgencyType(asked_by["agency_type"]),
        asked_by.get("role", ""),
        Duty(asked_by["duty_to_cooperate"]),
        bool(asked_by["member_of_arrangement"]),
        Orientation.NEUTRAL,
        Circumstance.REQUESTER_NOT_ON_CASE not in circumstances,
        key="requester",
    )
    place = (arrangement.value, jurisdiction.value)
    return Ask(
        jurisdiction=jurisdiction,
        arrangement=arrangement,
        requester=requester,
        holder=_body(scenario["holder"], place, requester, policy, "holder"),
        subject=SubjectFacts(
            SubjectRole(scenario["subject"]["role"]),
            scenario["subject"].get("age"),
            Capacity(scenario["subject"]["capacity"]),
        ),
        categories=tuple(Category(code) for code in scenario["categories"]),
        purpose=Purpose(scenario["purpose"]),
        legal_basis=LegalBasis(tuple(Power(code) for code in scenario["legal_basis"])),
        consent=_consent(scenario["consent"]),
        risk=RiskFacts(RiskLevel(scenario["risk"]["level"]), scenario["risk"].get("dash_ticks")),
        recipients=tuple(
            _body(entry, place, requester, policy, f"recipient-{i}")
            for i, entry in enumerate(scenario["recipients"])
        ),
        at=clock,
        circumstances=circumstances,
        onward=bool(scenario.get("onward_of")),
    )


def _body(
    entry: Mapping[str, Any], place: tuple[str, str], requester: Body, policy: Policy, key: str
) -> Body:
    kind = AgencyType(entry["agency_type"])
    duty, member = requester.duty, requester.member
    if kind is not requester.agency_type:
        standing = policy.standing(*place, kind.value)
        duty, member = Duty(standing or Duty.NONE), standing is not None
    return Body(kind, entry.get("role", ""), duty, member, Orientation.NEUTRAL, True, key=key)


def _consent(entry: Mapping[str, Any]) -> ConsentFacts:
    last_day = entry.get("expires")
    return ConsentFacts(
        ConsentStatus(entry["status"]),
        date.fromisoformat(str(last_day)) if last_day else None,
    )


def _derived_differs(ask: Ask, decision: Decision) -> tuple[str, ...]:
    """Derived circumstances that the facts give and the scenario does not state, or the other way round."""
    bare = Ask(**{**vars(ask), "circumstances": ask.circumstances - RECOMPUTED})
    worked_out = {
        circumstance
        for recipient in ask.recipients
        for category in ask.categories
        for circumstance in line_circumstances(bare, category, recipient)
    }
    outcomes = {line.outcome for line in decision.lines}
    if {Outcome.PERMIT, Outcome.DENY} <= outcomes:
        worked_out.add(Circumstance.EXCESS_CATEGORIES)
    stated = ask.circumstances & RECOMPUTED
    return tuple(sorted(stated ^ (worked_out & RECOMPUTED)))


def _compare(
    scenario_id: str, expected: Mapping[str, Any], decision: Decision, derived: tuple[str, ...]
) -> ScenarioResult:
    wanted = str(expected.get("decision", ""))
    defaults = vocabulary().default_obligations
    owed = {o.code for o in decision.obligations} - defaults
    due = set(expected.get("obligations") or ()) - {code.value for code in defaults}
    got = _named(decision, bool(owed))
    text = decision.explanation.officer
    alike = got == wanted or (got in _PERMITS and wanted in _PERMITS)
    return ScenarioResult(
        id=scenario_id,
        expected=wanted,
        got=got,
        outcome_agrees=alike,
        authoriser=decision.authorisers,
        authoriser_agrees=_authoriser_agrees(expected.get("authoriser"), decision.authorisers),
        obligations_missing=tuple(sorted(due - {code.value for code in owed})),
        obligations_extra=tuple(sorted({code.value for code in owed} - due)),
        withhold_differs=tuple(
            sorted(set(expected.get("withhold") or ()) ^ {c.value for c in decision.withhold})
        ),
        mentions_missing=tuple(
            m for m in expected.get("must_mention") or () if str(m).lower() not in text.lower()
        ),
        derived_differs=derived,
        rules=decision.rules,
        officer_text=text,
    )


def _named(decision: Decision, more_than_defaults: bool) -> str:
    if decision.outcome is not Outcome.PERMIT:
        return decision.outcome.value
    return "permit_with_obligations" if more_than_defaults or decision.withhold else "permit"


def roles_named(words: str) -> tuple[str, ...]:
    """The authorising roles that a phrase of guidance names, in its order."""
    lowered = words.lower()
    found = []
    for role, term in vocabulary().roles.items():
        places = [lowered.find(phrase.lower()) for phrase in term.said_as]
        at = [place for place in places if place >= 0]
        if at:
            found.append((min(at), role.value))
    return tuple(role for _, role in sorted(found))


def _authoriser_agrees(words: Any, got: Iterable[str]) -> bool:
    if not words:
        return not tuple(got)
    named = roles_named(str(words))
    return bool(named) and named[0] in got and set(got) <= set(named)


def _unreadable(scenario: Mapping[str, Any], problem: str) -> ScenarioResult:
    expected = scenario.get("expected") or {}
    wanted = str(expected.get("decision", "")) if isinstance(expected, Mapping) else ""
    return ScenarioResult(
        id=str(scenario.get("id", "?")),
        expected=wanted,
        got="deny",
        outcome_agrees=wanted == "deny",
        authoriser=(),
        authoriser_agrees=True,
        obligations_missing=(),
        obligations_extra=(),
        withhold_differs=(),
        mentions_missing=(),
        derived_differs=(problem,),
        rules=(),
        officer_text=f"Refused: {problem}",
    )
