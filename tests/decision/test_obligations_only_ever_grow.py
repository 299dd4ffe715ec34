"""Obligations merge by union and shortest time, in any order; what nobody can discharge is a refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision import obligations as room
from gateway.decision.decide import decide
from gateway.decision.facts import ConsentFacts, DueObligation
from gateway.decision.obligations import due, merged, within_consent
from gateway.vocabulary import ConsentStatus, Obligation, Outcome, vocabulary
from tests.decision.cases import AT, marac, policy

one = st.builds(
    DueObligation,
    st.sampled_from(list(Obligation)),
    st.just("enforced"),
    st.just(None),
    st.one_of(st.none(), st.integers(0, 365)),
    st.tuples(st.sampled_from(["rule-a", "rule-b", "rule-c"])),
)
several = st.lists(one, max_size=8)


@given(several, several)
def test_order_does_not_matter(first: list[DueObligation], second: list[DueObligation]) -> None:
    assert merged([*first, *second]) == merged([*second, *first])


@given(several)
def test_saying_it_twice_changes_nothing(found: list[DueObligation]) -> None:
    assert merged([*found, *found]) == merged(found)


@given(several, several, several)
def test_grouping_does_not_matter(
    a: list[DueObligation], b: list[DueObligation], c: list[DueObligation]
) -> None:
    assert merged([*merged([*a, *b]), *c]) == merged([*a, *merged([*b, *c])])


@given(several, several)
def test_more_rules_never_weaken(first: list[DueObligation], second: list[DueObligation]) -> None:
    before, after = {o.code: o for o in merged(first)}, {o.code: o for o in merged([*first, *second])}
    assert before.keys() <= after.keys()
    for code, obligation in before.items():
        if obligation.days is not None:
            days = after[code].days
            assert days is not None
            assert days <= obligation.days


def test_every_obligation_can_be_discharged_by_somebody() -> None:
    for code, term in vocabulary().obligations.items():
        assert term.kind in room.KINDS, code
        assert term.kind != "task" or term.owner, code


def test_what_nobody_can_discharge_is_a_refusal(monkeypatch: object) -> None:
    assert decide(marac(), policy()).outcome is Outcome.PERMIT
    before = room.KINDS
    try:
        room.KINDS = frozenset({"undertaken"})
        found = decide(marac(), policy())
    finally:
        room.KINDS = before
    assert found.outcome is Outcome.DENY
    assert {line.reason for line in found.lines} == {"obligation_not_dischargeable"}


def test_access_ends_no_later_than_the_consent_does() -> None:
    rules = [rule for rule in policy().rules if Obligation.EXPIRY_AND_REVIEW in rule.obligations][:1]
    owed = due(rules, Outcome.PERMIT)
    last = AT.date() + timedelta(days=10)
    limited = within_consent(owed, ConsentFacts(ConsentStatus.GIVEN, last_day=last), AT.date())
    assert next(o.days for o in limited if o.code is Obligation.EXPIRY_AND_REVIEW) == 10
    far = within_consent(owed, ConsentFacts(ConsentStatus.GIVEN, last_day=date(2030, 1, 1)), AT.date())
    assert far == owed


def test_everything_released_is_sealed_recorded_and_kept_from_going_onward() -> None:
    found = decide(marac(), policy())
    assert vocabulary().default_obligations <= {o.code for o in found.obligations}
    refused = decide(replace(marac(), legal_basis=replace(marac().legal_basis, powers=())), policy())
    assert Obligation.LOG_DECISION_AND_REASON in {o.code for o in refused.obligations}
