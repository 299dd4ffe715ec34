"""The published scenarios agree whole; no permit survives a wrong power, a wrong body or a blocking fact."""

from __future__ import annotations

import copy
from datetime import datetime
from functools import cache
from typing import Any

import pytest
import yaml

from gateway.decision.decide import decide
from gateway.decision.facts import Decision
from gateway.decision.scenarios import Report, ask_of, run_text
from gateway.policy.packs import load_policy
from gateway.vocabulary import AgencyType, Outcome
from tests.decision.cases import policy
from tests.shared import shared_path

# Powers that belong to other business than the one in hand; none of them reaches what another power permits.
FOREIGN = ("cda1998_s17a", "ukgdpr_art17", "ahra1990", "moas2005_s10", "pcsca2022_s16", "none_stated")
# A fact that stands in the way of any release.
BLOCKING = (
    "requester_identity_unverified",
    "requester_not_on_case",
    "self_approval",
    "no_authority_from_subject",
    "conflict_declared",
    "conflict_suspected",
    "role_disputed",
    "perpetrator_employed_by_member_agency",
    "recipient_is_perpetrator",
    "recipient_is_family_or_associate",
    "general_publication",
    "applicant_not_best_placed",
    "incompatible_purpose",
    "statutory_exclusion",
    "vir_tests_incomplete",
    "vetting_missing",
    "wrong_jurisdiction_gateway",
    "subject_access_request",
    "erasure_request",
    "court_order_made",
    "request_without_order",
)
# One that stands in the way of anything but an emergency.
BLOCKING_BUT_IN_EMERGENCY = (
    "not_signatory",
    "bulk_request",
    "whole_document",
    "attended_one_item_only",
    "agency_not_involved_in_case",
    "category_irrelevant_to_purpose",
    "outside_agency_no_chair_agreement",
    "originator_caveat",
    "third_party_disclosure",
    "lead_agency_missing",
    "data_stale",
    "data_unverified",
    "data_found_wrong",
    "training_lapsed",
    "contact_address_shared_with_perpetrator",
    "disclosure_more_detrimental_to_child",
    "serious_harm_possible",
    "perpetrator_present",
)


@cache
def content() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(shared_path("domain/scenarios.yaml").read_text(encoding="utf-8"))
    return found


@cache
def report() -> Report:
    return run_text(shared_path("domain/scenarios.yaml").read_text(encoding="utf-8"), load_policy())


def permits() -> list[dict[str, Any]]:
    return [s for s in content()["scenarios"] if s["expected"]["decision"].startswith("permit")]


def decided(scenario: dict[str, Any]) -> Decision:
    clock = datetime.fromisoformat(content()["meta"]["clock"])
    return decide(ask_of(scenario, clock, policy()), policy())


def changed(scenario: dict[str, Any], **changes: Any) -> Decision:
    return decided(copy.deepcopy(scenario) | changes)


def test_all_agree_in_everything() -> None:
    assert len(report().results) == 101
    differing = [
        result.id for result in report().results if not result.whole or result.got != result.expected
    ]
    assert differing == []


def test_explanations_fit_a_screen() -> None:
    longest = max(report().results, key=lambda result: len(result.officer_text))
    assert len(longest.officer_text) < 2400, longest.id


def test_no_permit_survives_a_wrong_power() -> None:
    survived = [
        (scenario["id"], power)
        for scenario in permits()
        for power in FOREIGN
        if power not in scenario["legal_basis"]
        and changed(scenario, legal_basis=[power]).outcome is Outcome.PERMIT
    ]
    assert survived == []


def test_no_permit_survives_a_member_of_the_public_or_a_body_that_is_no_member() -> None:
    survived = []
    for scenario in permits():
        for kind in ("member_of_public", "private_landlord", "employer", "research_body", "family_member"):
            nobody = {
                "agency_type": kind,
                "role": "x",
                "duty_to_cooperate": "none",
                "member_of_arrangement": False,
            }
            alone = changed(scenario, requester=nobody)
            itself = changed(scenario, requester=nobody, recipients=[{"agency_type": kind, "role": "x"}])
            survived += [scenario["id"] for found in (alone, itself) if found.outcome is Outcome.PERMIT]
        if scenario["requester"]["member_of_arrangement"]:
            left = scenario["requester"] | {"member_of_arrangement": False, "duty_to_cooperate": "none"}
            survived += (
                [scenario["id"]] if changed(scenario, requester=left).outcome is Outcome.PERMIT else []
            )
    assert survived == []


def test_no_permit_survives_a_claim_that_a_member_of_the_public_is_a_member() -> None:
    survived = []
    for scenario in permits():
        claimed = scenario["requester"] | {"agency_type": "member_of_public"}
        survived += [scenario["id"]] if changed(scenario, requester=claimed).outcome is Outcome.PERMIT else []
    assert survived == []


@pytest.mark.parametrize("circumstance", [*BLOCKING, *BLOCKING_BUT_IN_EMERGENCY])
def test_no_permit_survives_a_blocking_fact(circumstance: str) -> None:
    survived = []
    for scenario in permits():
        if circumstance in scenario["circumstances"]:
            continue
        if circumstance == "originator_caveat" and "originator_agreed" in scenario["circumstances"]:
            continue
        if circumstance == "third_party_disclosure" and scenario["arrangement"] in ("DVDS", "CSODS"):
            continue
        before = decided(scenario)
        after = changed(scenario, circumstances=[*scenario["circumstances"], circumstance])
        emergency = "imminent_threat_to_life" in scenario["circumstances"]
        if after.outcome is not Outcome.PERMIT:
            continue
        if (
            emergency
            and circumstance in BLOCKING_BUT_IN_EMERGENCY
            and after.obligations != before.obligations
        ):
            continue
        survived.append(scenario["id"])
    assert survived == []


def test_staff_who_face_the_perpetrator_never_receive_what_is_safety_critical() -> None:
    for scenario in permits():
        after = changed(scenario, circumstances=[*scenario["circumstances"], "recipient_perpetrator_facing"])
        released = {line.category.value for line in after.lines if line.outcome is Outcome.PERMIT}
        assert released.isdisjoint({"address_current", "contact_safe", "safety_plan", "source_identity"}), (
            scenario["id"]
        )


def test_renaming_what_is_irrelevant_changes_nothing() -> None:
    for scenario in content()["scenarios"]:
        renamed = copy.deepcopy(scenario)
        renamed["title"] = renamed["reason"] = "something else"
        for party in (renamed["requester"], renamed["holder"], *renamed["recipients"]):
            party["role"] = "somebody"
        renamed["consent"]["scope"] = "other words"
        renamed["recipients"].reverse()
        renamed["categories"].reverse()
        before, after = decided(scenario), decided(renamed)
        assert (before.outcome, before.withhold, before.authorisers, before.obligations) == (
            after.outcome,
            after.withhold,
            after.authorisers,
            after.obligations,
        ), scenario["id"]


def test_a_word_outside_the_vocabulary_is_a_refusal_and_is_reported() -> None:
    text = """
meta: {clock: '2026-11-22T10:00:00Z'}
scenarios:
- {id: S-1, arrangement: MARAC, jurisdiction: EW, circumstances: [moon_is_full], expected: {decision: permit}}
"""
    result = run_text(text, load_policy()).results[0]
    assert (result.got, result.outcome_agrees) == ("deny", False)
    assert result.derived_differs


def test_every_kind_of_body_is_tried_as_a_wrong_recipient_of_a_members_only_case() -> None:
    scenario = next(s for s in permits() if s["id"] == "S-MARAC-002")
    for kind in AgencyType:
        if policy().standing("MARAC", "EW", kind.value) is None:
            found = changed(scenario, recipients=[{"agency_type": kind.value, "role": "x"}])
            assert found.outcome is not Outcome.PERMIT, kind
