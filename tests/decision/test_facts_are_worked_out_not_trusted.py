"""Consent is computed, a wall or an unknown fact stops, and an authorisation lifts only what it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.decision.decide import decide
from gateway.decision.derive import age_band, computed_consent, dash_band
from gateway.decision.facts import Ask, ConsentFacts, LegalBasis, RiskFacts, SubjectFacts
from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Category,
    Circumstance,
    ConsentStatus,
    Duty,
    Jurisdiction,
    Obligation,
    Orientation,
    Outcome,
    Power,
    Purpose,
    RiskLevel,
    Role,
    SubjectRole,
)
from tests.decision.cases import AT, body, marac, policy


def outcome(ask: Ask) -> Outcome:
    return decide(ask, policy()).outcome


def test_the_control_permits() -> None:
    found = decide(marac(), policy())
    assert found.outcome is Outcome.PERMIT
    assert found.withhold == ()
    assert found.policy_version == policy().version


def test_consent_still_counts_on_its_last_local_day_and_not_after() -> None:
    given = ConsentFacts(ConsentStatus.GIVEN, last_day=date(2026, 11, 22))
    assert computed_consent(given, date(2026, 11, 22)) is ConsentStatus.GIVEN
    assert computed_consent(given, date(2026, 11, 23)) is ConsentStatus.EXPIRED


def test_the_last_day_is_local_also_in_summer() -> None:
    given = ConsentFacts(ConsentStatus.GIVEN, last_day=date(2026, 6, 30))
    before = datetime(2026, 6, 30, 23, 30, tzinfo=ZoneInfo("Europe/London")).astimezone(AT.tzinfo)
    after = datetime(2026, 7, 1, 0, 30, tzinfo=ZoneInfo("Europe/London")).astimezone(AT.tzinfo)
    assert after.date() == date(2026, 6, 30), "it is still the last day in UTC"
    ask = marac(consent=given, risk=RiskFacts(RiskLevel.HIGH))
    assert outcome(replace(ask, at=before)) is Outcome.PERMIT
    assert outcome(replace(ask, at=after)) is Outcome.DENY


def test_consent_for_other_categories_is_out_of_scope() -> None:
    given = ConsentFacts(ConsentStatus.GIVEN, categories=frozenset({Category.IDENTITY}))
    found = decide(marac(consent=given, risk=RiskFacts(RiskLevel.HIGH)), policy())
    assert found.outcome is Outcome.PERMIT
    assert found.withhold == (Category.RISK_ASSESSMENT,)


@pytest.mark.parametrize(
    "change",
    [
        {"requester": body(AgencyType.MARAC_COORDINATION, on_case=None)},
        {"requester": body(AgencyType.MARAC_COORDINATION, on_case=False)},
        {"requester": body(AgencyType.MARAC_COORDINATION, member=None)},
        {"requester": body(AgencyType.MARAC_COORDINATION, member=False)},
        {"requester": body(AgencyType.MARAC_COORDINATION, walled=True)},
        {"requester": body(AgencyType.MARAC_COORDINATION, walled=None)},
        {"recipients": (body(AgencyType.MARAC_COORDINATION, walled=True),)},
        {"recipients": (body(AgencyType.MARAC_COORDINATION, walled=None),)},
        {"recipients": (body(AgencyType.MARAC_COORDINATION, member=None),)},
        {"recipients": (body(AgencyType.MARAC_COORDINATION, on_case=False),)},
        {"recipients": (body(AgencyType.MARAC_COORDINATION, orientation=None),)},
        {"recipients": (body(AgencyType.PERPETRATOR),)},
        {"recipients": ()},
        {"categories": ()},
        {"subject": SubjectFacts(None)},
        {"risk": RiskFacts(RiskLevel.UNKNOWN)},
        {"unknown": frozenset({Circumstance.CONFLICT_DECLARED})},
        {"unknown": frozenset({Circumstance.THIRD_PARTY_DISCLOSURE})},
        {"legal_basis": LegalBasis(())},
        {"legal_basis": LegalBasis((Power.NONE_STATED, Power.CDA1998_S115))},
        {"jurisdiction": Jurisdiction.NIR},
        {"jurisdiction": Jurisdiction.SCO},
        {"arrangement": Arrangement.NONE},
        {"purpose": Purpose.CURIOSITY},
    ],
)
def test_what_is_missing_unknown_or_foreign_does_not_permit(change: dict[str, Any]) -> None:
    assert outcome(marac(**change)) is not Outcome.PERMIT


def test_a_recipient_who_works_with_the_perpetrator_is_one_whether_flagged_or_not() -> None:
    for orientation in (Orientation.PERPETRATOR_FACING, Orientation.BOTH):
        ask = marac(
            categories=(Category.CONTACT_SAFE, Category.RISK_ASSESSMENT),
            requester=body(AgencyType.PROBATION),
            recipients=(body(AgencyType.PROBATION, orientation=orientation),),
        )
        found = decide(ask, policy())
        assert found.line(Category.CONTACT_SAFE, "probation").outcome is Outcome.DENY


def test_a_circumstance_of_one_recipient_touches_only_that_recipient() -> None:
    first, second = body(AgencyType.POLICE, key="one"), body(AgencyType.PROBATION, key="two")
    ask = marac(
        recipients=(first, second), line_circumstances={"two": frozenset({Circumstance.CONFLICT_DECLARED})}
    )
    found = decide(ask, policy())
    assert found.line(Category.IDENTITY, "one").outcome is Outcome.PERMIT
    assert found.line(Category.IDENTITY, "two").outcome is Outcome.DENY


def test_the_police_power_is_the_polices_alone() -> None:
    power = LegalBasis((Power.COMMON_LAW_POLICE,))
    assert outcome(marac(legal_basis=power)) is Outcome.PERMIT
    assert outcome(marac(legal_basis=power, holder=body(AgencyType.NHS_GP))) is Outcome.DENY


def test_an_authorisation_lifts_its_referral_and_evaluation_starts_again() -> None:
    ask = marac(circumstances=frozenset({Circumstance.WHOLE_DOCUMENT}))
    found = decide(ask, policy())
    assert found.outcome is Outcome.REFER
    assert found.authorisers == (Role.MARAC_CHAIR,)
    lifted = decide(replace(ask, lifted=frozenset({"core-e-whole-document"})), policy())
    assert lifted.outcome is Outcome.PERMIT
    withdrawn = replace(
        ask, lifted=frozenset({"core-e-whole-document"}), consent=ConsentFacts(ConsentStatus.WITHDRAWN)
    )
    assert decide(withdrawn, policy()).outcome is Outcome.REFER


@pytest.mark.parametrize(
    ("circumstance", "rule_id"),
    [
        (Circumstance.RECIPIENT_IS_PERPETRATOR, "core-c-recipient-is-perpetrator"),
        (Circumstance.STATUTORY_EXCLUSION, "core-c-statutory-exclusion"),
        (Circumstance.REQUESTER_IDENTITY_UNVERIFIED, "core-a-identity-unverified"),
    ],
)
def test_nobody_can_authorise_around_a_bar(circumstance: Circumstance, rule_id: str) -> None:
    ask = marac(circumstances=frozenset({circumstance}), lifted=frozenset({rule_id}))
    assert outcome(ask) is Outcome.DENY


def test_an_authorisation_that_was_not_needed_opens_nothing() -> None:
    ask = marac(categories=(Category.HEALTH_SEXUAL,), lifted=frozenset({"core-e-whole-document"}))
    assert outcome(ask) is Outcome.DENY


def test_an_authorised_release_of_what_no_rule_permits_is_recorded_as_such() -> None:
    ask = marac(
        categories=(Category.SUBSTANCE_USE,),
        circumstances=frozenset({Circumstance.WHOLE_DOCUMENT}),
        lifted=frozenset({"core-e-whole-document"}),
    )
    found = decide(ask, policy())
    assert found.outcome is Outcome.PERMIT
    assert Obligation.RECORD_OVERRIDE_REASONS in {o.code for o in found.obligations}


def test_any_line_referred_refers_the_request() -> None:
    ask = marac(
        line_circumstances={f"category:{Category.IDENTITY.value}": frozenset({Circumstance.DATA_STALE})}
    )
    found = decide(ask, policy())
    assert found.outcome is Outcome.REFER
    assert {line.outcome for line in found.lines} == {Outcome.REFER, Outcome.PERMIT}


def test_without_a_policy_everything_is_refused() -> None:
    found = decide(marac(), None)
    assert found.outcome is Outcome.DENY
    assert {line.reason for line in found.lines} == {"no_policy"}


def test_any_fault_is_a_refusal() -> None:
    broken = marac(circumstances=frozenset({"not a circumstance"}))
    found = decide(broken, policy())
    assert found.outcome is Outcome.DENY
    naive = replace(marac(), at=datetime(2026, 11, 22, 10, 0))  # noqa: DTZ001 - on purpose
    assert decide(naive, policy()).outcome is Outcome.DENY


def test_an_agency_without_a_type_is_unknown_and_permits_nothing() -> None:
    ask = marac(requester=replace(body(AgencyType.POLICE), agency_type=None))
    assert (
        outcome(replace(ask, recipients=(replace(body(AgencyType.POLICE), agency_type=None),)))
        is not Outcome.PERMIT
    )


def test_bands_turn_where_the_law_turns() -> None:
    assert [age_band(age) for age in (12, 13, 15, 16, 17, 18, None)] == [
        "under_13",
        "from_13_to_15",
        "from_13_to_15",
        "from_16_to_17",
        "from_16_to_17",
        "adult",
        "not_known",
    ]
    assert [dash_band(ticks) for ticks in (9, 10, 13, 14, None)] == [
        "below_10",
        "from_10_to_13",
        "from_10_to_13",
        "visible_high_risk",
        "not_scored",
    ]


def test_the_decision_is_a_function_of_its_inputs() -> None:
    assert decide(marac(), policy()) == decide(marac(), policy())


def test_a_dead_subject_is_noticed() -> None:
    ask = marac(subject=SubjectFacts(SubjectRole.DECEASED_VICTIM, 40))
    assert Circumstance.SUBJECT_DECEASED in decide(ask, policy()).circumstances


def test_an_offer_rests_on_the_standing_of_whoever_would_receive_it() -> None:
    gp = body(AgencyType.NHS_GP, agency_id="gp", key="gp")
    ask = marac(requester=gp, holder=gp, recipients=(body(AgencyType.LA_CHILDRENS, agency_id="council"),))
    ask = replace(
        ask,
        arrangement=Arrangement.CHILD_PROTECTION,
        subject=SubjectFacts(SubjectRole.CHILD_AT_RISK, 4),
        categories=(Category.HEALTH_PHYSICAL,),
        purpose=Purpose.CHILD_PROTECTION,
        legal_basis=LegalBasis((Power.CA1989_S47,)),
        circumstances=frozenset({Circumstance.SIGNIFICANT_HARM_THRESHOLD}),
    )
    assert outcome(ask) is Outcome.PERMIT
    assert outcome(replace(ask, requester=replace(gp, walled=True))) is Outcome.DENY
    employer = body(AgencyType.EMPLOYER, agency_id="employer")
    assert outcome(replace(ask, recipients=(employer,))) is Outcome.DENY


def test_deciding_what_a_referral_waited_for_brings_that_disclosures_own_conditions() -> None:
    police = body(AgencyType.POLICE, duty=Duty.RESPONSIBLE_AUTHORITY)
    employer = body(AgencyType.EMPLOYER, member=False, on_case=False)
    ask = replace(
        marac(requester=police, holder=police, recipients=(employer,)),
        arrangement=Arrangement.MAPPA,
        subject=SubjectFacts(SubjectRole.PERPETRATOR, 44),
        categories=(Category.CONVICTIONS,),
        purpose=Purpose.PROTECTIVE_THIRD_PARTY_DISCLOSURE,
        legal_basis=LegalBasis((Power.CJA2003_S325,)),
        consent=ConsentFacts(ConsentStatus.NOT_REQUIRED),
    )
    assert decide(ask, policy()).authorisers == (Role.LEAD_AGENCY_MANAGER, Role.POLICE_SENIOR_OFFICER)
    found = decide(replace(ask, lifted=frozenset({"mappa-third-party-undecided"})), policy())
    assert found.outcome is Outcome.PERMIT
    assert found.lines[0].rule_id == "mappa-third-party-by-meeting"
    owed = {o.code for o in found.obligations}
    assert {Obligation.DELIVER_IN_PERSON, Obligation.RECIPIENT_UNDERTAKING} <= owed


def test_authorising_one_thing_does_not_authorise_another() -> None:
    both = frozenset({Circumstance.WHOLE_DOCUMENT, Circumstance.THIRD_PARTY_DISCLOSURE})
    ask = marac(circumstances=both, lifted=frozenset({"core-e-whole-document"}))
    found = decide(ask, policy())
    assert found.outcome is Outcome.REFER
    assert {line.rule_id for line in found.lines} == {"core-e-third-party"}


def test_a_recorded_membership_of_a_kind_that_has_no_place_there_counts_for_nothing() -> None:
    claimed = body(AgencyType.CONTRACTOR, duty=Duty.RESPONSIBLE_AUTHORITY)
    police = body(AgencyType.POLICE, duty=Duty.RESPONSIBLE_AUTHORITY)
    ask = replace(
        marac(requester=police, holder=police, recipients=(police,)),
        arrangement=Arrangement.MAPPA,
        subject=SubjectFacts(SubjectRole.PERPETRATOR, 44),
        categories=(Category.RISK_ASSESSMENT,),
        purpose=Purpose.PUBLIC_PROTECTION,
        legal_basis=LegalBasis((Power.CJA2003_S325,)),
        consent=ConsentFacts(ConsentStatus.NOT_REQUIRED),
    )
    assert outcome(ask) is Outcome.PERMIT
    assert outcome(replace(ask, requester=claimed)) is Outcome.DENY
    assert outcome(replace(ask, recipients=(claimed,))) is Outcome.DENY
    associate = replace(claimed, duty=Duty.ASSOCIATE)
    assert outcome(replace(ask, requester=associate, recipients=(associate,))) is Outcome.PERMIT
