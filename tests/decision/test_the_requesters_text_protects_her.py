"""Two texts: the officer's says why and cites the law; the requester's never reveals a protected fact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.decision.decide import decide
from gateway.decision.facts import Ask, ConsentFacts
from gateway.decision.wording import FAULTS
from gateway.vocabulary import (
    AgencyType,
    Category,
    Circumstance,
    ConsentStatus,
    Outcome,
    Purpose,
    vocabulary,
)
from tests.decision.cases import body, marac, policy

# Words that would tell a requester what only the register knows.
TELLING = (
    "safe contact",
    "safe address",
    "gender",
    "advocate was",
    "idva",
    "withdrawn",
    "withdrew",
    "duress",
    "perpetrator was",
    "shared with perpetrator",
    "employed by member",
    "counter-allegation",
    "wall",
    "refused her",
)


def rules_for_requesters() -> list[tuple[str, str]]:
    return [(rule.id, rule.requester) for rule in policy().rules if rule.requester]


def test_no_rule_tells_the_requester_a_protected_fact() -> None:
    telling = [
        (rule_id, word)
        for rule_id, text in rules_for_requesters()
        for word in TELLING
        if word in text.lower()
    ]
    assert telling == []


@pytest.mark.parametrize(
    "circumstance", [c for c, term in vocabulary().circumstances.items() if term.protected], ids=str
)
def test_a_protected_circumstance_is_never_named_to_the_requester(circumstance: Circumstance) -> None:
    found = decide(marac(circumstances=frozenset({circumstance})), policy())
    text = found.explanation.requester.lower()
    assert vocabulary().circumstances[circumstance].label.lower() not in text
    assert not any(word in text for word in TELLING)


def asked_of(ask: Ask) -> str:
    return decide(ask, policy()).explanation.requester


def test_a_wall_reads_like_any_request_that_is_not_theirs() -> None:
    walled = marac(requester=body(AgencyType.MARAC_COORDINATION, walled=True))
    not_theirs = marac(requester=body(AgencyType.MARAC_COORDINATION, on_case=False))
    assert asked_of(walled) == asked_of(not_theirs)


def test_refused_expired_withdrawn_and_out_of_scope_read_alike() -> None:
    texts = {
        asked_of(
            marac(
                consent=ConsentFacts(status),
                risk=replace(marac().risk, ticks=None, level=vocabulary_level),
                purpose=Purpose.SERVICE_COORDINATION,
            )
        ).split(" You may ask")[0]
        for status in (
            ConsentStatus.REFUSED,
            ConsentStatus.EXPIRED,
            ConsentStatus.OUT_OF_SCOPE,
            ConsentStatus.WITHDRAWN,
        )
        for vocabulary_level in [next(level for level in vocabulary().risk_order if level == "medium")]
    }
    assert len(texts) == 1


def test_the_officer_reads_the_law_and_what_else_stands_in_the_way() -> None:
    ask = marac(circumstances=frozenset({Circumstance.CONFLICT_DECLARED, Circumstance.TRAINING_LAPSED}))
    text = decide(ask, policy()).explanation.officer
    assert "conflict of interest" in text
    assert "UK GDPR" in text
    assert "training has lapsed" in text


def test_a_default_refusal_names_the_nearest_permits_and_what_is_missing() -> None:
    found = decide(marac(risk=replace(marac().risk, level=vocabulary_risk("medium"))), policy())
    assert found.outcome is Outcome.DENY
    near = found.line(Category.IDENTITY, "marac_coordination").explanation.near_permits
    assert any(permit.rule_id == "marac-referral-by-score" for permit in near)
    assert any("risk" in missing for permit in near for missing in permit.missing)


def vocabulary_risk(level: str):  # type: ignore[no-untyped-def]
    return next(found for found in vocabulary().risk_order if found == level)


def test_every_reason_code_has_words() -> None:
    codes = {
        "unknown_term",
        "missing_attribute",
        "not_evaluable",
        "default_deny",
        "engines_disagree",
        "no_policy",
    }
    assert codes <= FAULTS.keys()


def test_what_is_withheld_is_named_with_its_reason() -> None:
    ask = marac(categories=(Category.IDENTITY, Category.SEXUAL_LIFE))
    found = decide(ask, policy())
    assert found.withhold == (Category.SEXUAL_LIFE,)
    assert "Withheld: Sexual history" in found.explanation.officer
    assert "Withheld: Sexual history" in found.explanation.requester


def test_a_permit_names_the_law_that_was_asked_under_and_nothing_of_what_decided() -> None:
    found = decide(marac(), policy())
    assert found.outcome is Outcome.PERMIT
    text = found.explanation.requester
    assert "The law it rests on is" in text
    for power in marac().legal_basis.powers:
        assert vocabulary().label("power", power) in text
    assert not any(word in text.lower() for word in TELLING)
    named = [vocabulary().label("power", power) for power in vocabulary().powers]
    asked_under = set(marac().legal_basis.powers)
    others = [
        label for power, label in zip(vocabulary().powers, named, strict=True) if power not in asked_under
    ]
    assert not any(label in text for label in others)
