"""Scenarios from guidance agree whole; no permit survives a wrong power, a wrong body or a blocking fact."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from gateway.decision.decide import decide
from gateway.decision.facts import Decision
from gateway.decision.scenarios import ask_of, run_text
from gateway.policy.packs import load_policy
from gateway.vocabulary import AgencyType, Circumstance, Obligation, Outcome
from tests.decision.cases import policy
from tests.decision.scenario_sets import (
    SETS,
    Scenario,
    changed,
    clock,
    contents,
    decided,
    permits,
    reports,
    scenarios,
)

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
# Bodies that act for themselves or a client, and others whose business lies elsewhere.
OUTSIDERS = ("private_landlord", "employer", "solicitor", "research_body")
ELSEWHERE = (*OUTSIDERS, "faith_org", "contractor", "parole_board", "home_office_casework", "council_legal")
# Where the refusal of the person decides, or the power does: no such state of views lets a permit stand as asked.
NOT_FREELY_GIVEN = ("withdrawn", "invalid_duress")
each_set = pytest.mark.parametrize("name", SETS)


@each_set
def test_all_agree_in_everything(name: str) -> None:
    differing = [
        (result.id, result.got)
        for report in reports(name)
        for result in report.results
        if not result.whole or result.got != result.expected
    ]
    assert differing == []


def test_the_published_set_is_whole_and_ours_is_larger() -> None:
    assert len(scenarios("published")) == 101
    assert len(scenarios("own")) > 200
    assert len({s["id"] for s in scenarios("own")}) == len(scenarios("own"))


def test_every_word_of_the_vocabulary_stands_in_a_scenario_of_ours() -> None:
    words: dict[str, list[str]] = contents("published")[0]["enums"]
    told: dict[str, Callable[[Scenario], list[str]]] = {
        "agency_type": lambda s: [p["agency_type"] for p in (s["requester"], s["holder"], *s["recipients"])],
        "duty": lambda s: [s["requester"]["duty_to_cooperate"]],
        "subject_role": lambda s: [s["subject"]["role"]],
        "capacity": lambda s: [s["subject"]["capacity"]],
        "category": lambda s: s["categories"],
        "purpose": lambda s: [s["purpose"]],
        "gateway": lambda s: s["legal_basis"],
        "consent": lambda s: [s["consent"]["status"]],
        "risk": lambda s: [s["risk"]["level"]],
        "circumstance": lambda s: s["circumstances"],
        "obligation": lambda s: s["expected"]["obligations"],
        "arrangement": lambda s: [s["arrangement"]],
        "jurisdiction": lambda s: [s["jurisdiction"]],
    }
    for kind, of in told.items():
        missing = set(words[kind]) - {word for s in scenarios("own") for word in of(s)}
        assert missing == set(), kind


def test_each_of_ours_cites_what_settles_it() -> None:
    for scenario in scenarios("own"):
        assert all(scenario["legal_refs"]), scenario["id"]
        assert scenario["reason"], scenario["id"]


@each_set
def test_explanations_fit_a_screen(name: str) -> None:
    for report in reports(name):
        longest = max(report.results, key=lambda result: len(result.officer_text))
        assert len(longest.officer_text) < 2400, longest.id


@each_set
def test_no_permit_survives_a_wrong_power(name: str) -> None:
    survived = [
        (scenario["id"], power)
        for scenario in permits(name)
        for power in FOREIGN
        if power not in scenario["legal_basis"]
        and changed(scenario, legal_basis=[power]).outcome is Outcome.PERMIT
    ]
    assert survived == []


@each_set
def test_no_permit_survives_a_member_of_the_public_or_a_body_that_is_no_member(name: str) -> None:
    survived = []
    for scenario in permits(name):
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
        emergency = "imminent_threat_to_life" in scenario["circumstances"]
        if scenario["requester"]["member_of_arrangement"] and not emergency:
            left = scenario["requester"] | {"member_of_arrangement": False, "duty_to_cooperate": "none"}
            survived += (
                [scenario["id"]] if changed(scenario, requester=left).outcome is Outcome.PERMIT else []
            )
    assert survived == []


@each_set
def test_no_permit_survives_a_claim_that_a_member_of_the_public_is_a_member(name: str) -> None:
    survived = []
    for scenario in permits(name):
        claimed = scenario["requester"] | {"agency_type": "member_of_public"}
        survived += [scenario["id"]] if changed(scenario, requester=claimed).outcome is Outcome.PERMIT else []
    assert survived == []


@each_set
def test_no_permit_survives_a_body_whose_kind_has_no_place_there_whatever_its_record_says(name: str) -> None:
    survived = []
    for scenario in permits(name):
        mine, place = scenario["requester"], (scenario["arrangement"], scenario["jurisdiction"])
        for kind in ELSEWHERE:
            if policy().standing(*place, kind) is not None or not mine["member_of_arrangement"]:
                continue
            claimed = mine | {"agency_type": kind}
            itself = [
                party | {"agency_type": kind} if party["agency_type"] == mine["agency_type"] else party
                for party in scenario["recipients"]
            ]
            if mine["duty_to_cooperate"] == "associate" and kind not in OUTSIDERS:
                continue
            for recipients in (scenario["recipients"], itself):
                found = changed(scenario, requester=claimed, recipients=recipients)
                survived += [(scenario["id"], kind)] if found.outcome is Outcome.PERMIT else []
    assert survived == []


@each_set
@pytest.mark.parametrize("circumstance", [*BLOCKING, *BLOCKING_BUT_IN_EMERGENCY])
def test_no_permit_survives_a_blocking_fact(name: str, circumstance: str) -> None:
    survived = []
    for scenario in permits(name):
        if circumstance in scenario["circumstances"] or _is_its_own_business(scenario, circumstance):
            continue
        after = changed(scenario, circumstances=[*scenario["circumstances"], circumstance])
        if after.outcome is Outcome.PERMIT and not _goes_at_once_but_is_told(scenario, circumstance, after):
            survived.append(scenario["id"])
    assert survived == []


def _goes_at_once_but_is_told(scenario: Scenario, circumstance: str, after: Decision) -> bool:
    """Whether it is an emergency that such a fact doesn't stop, and somebody is told of the fact or marks it."""
    emergency = "imminent_threat_to_life" in scenario["circumstances"]
    marked = {Obligation.CHAIR_NOTIFIED, Obligation.VERIFY_BEFORE_USE} & {o.code for o in after.obligations}
    return emergency and circumstance in BLOCKING_BUT_IN_EMERGENCY and bool(marked)


def _is_its_own_business(scenario: Scenario, circumstance: str) -> bool:
    """Whether the fact is what the scenario is about, so that it stands in the way of nothing."""
    if circumstance == "originator_caveat":
        return "originator_agreed" in scenario["circumstances"]
    if circumstance == "third_party_disclosure":
        return scenario["arrangement"] in ("DVDS", "CSODS") and scenario["purpose"] != "emergency"
    return False


@each_set
@pytest.mark.parametrize("circumstance", [Circumstance(code) for code in BLOCKING])
def test_what_is_not_known_of_a_blocking_fact_never_permits(name: str, circumstance: Circumstance) -> None:
    survived = []
    for scenario in permits(name):
        ask = ask_of(scenario, clock(), policy())
        if circumstance not in ask.circumstances:
            found = decide(replace(ask, unknown=frozenset({circumstance})), policy())
            survived += [scenario["id"]] if found.outcome is Outcome.PERMIT else []
    assert survived == []


@each_set
@pytest.mark.parametrize("status", NOT_FREELY_GIVEN)
def test_no_permit_stands_by_itself_on_views_that_were_withdrawn_or_forced(name: str, status: str) -> None:
    survived = []
    for scenario in permits(name):
        if "imminent_threat_to_life" not in scenario["circumstances"]:
            found = changed(scenario, consent={"status": status, "scope": None, "expires": None})
            survived += [scenario["id"]] if found.outcome is Outcome.PERMIT else []
    assert survived == []


@each_set
def test_staff_who_face_the_perpetrator_never_receive_what_is_safety_critical(name: str) -> None:
    for scenario in permits(name):
        after = changed(scenario, circumstances=[*scenario["circumstances"], "recipient_perpetrator_facing"])
        released = {line.category.value for line in after.lines if line.outcome is Outcome.PERMIT}
        assert released.isdisjoint({"address_current", "contact_safe", "safety_plan", "source_identity"}), (
            scenario["id"]
        )


def _answer(found: Decision) -> tuple[Any, ...]:
    return found.outcome, found.withhold, sorted(found.authorisers), found.obligations


@each_set
def test_renaming_what_is_irrelevant_changes_nothing(name: str) -> None:
    for scenario in scenarios(name):
        renamed = copy.deepcopy(scenario)
        renamed["id"] = renamed["title"] = renamed["reason"] = "something else"
        for party in (renamed["requester"], renamed["holder"], *renamed["recipients"]):
            party["role"] = "somebody"
        renamed["consent"]["scope"] = "other words"
        for listed in ("recipients", "categories", "circumstances", "legal_basis"):
            renamed[listed].reverse()
        assert _answer(decided(scenario)) == _answer(decided(renamed)), scenario["id"]


@each_set
def test_saying_a_thing_twice_changes_nothing(name: str) -> None:
    for scenario in scenarios(name):
        twice = copy.deepcopy(scenario)
        for listed in ("circumstances", "legal_basis"):
            twice[listed] = twice[listed] * 2
        assert _answer(decided(scenario)) == _answer(decided(twice)), scenario["id"]


@each_set
def test_asking_for_less_never_releases_more(name: str) -> None:
    for scenario in permits(name):
        whole = decided(scenario)
        released = {line.category for line in whole.lines if line.outcome is Outcome.PERMIT}
        for category in scenario["categories"]:
            alone = changed(scenario, categories=[category])
            given = {line.category for line in alone.lines if line.outcome is Outcome.PERMIT}
            assert given <= released, (scenario["id"], category)


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
    scenario = next(s for s in permits("published") if s["id"] == "S-MARAC-002")
    for kind in AgencyType:
        if policy().standing("MARAC", "EW", kind.value) is None:
            found = changed(scenario, recipients=[{"agency_type": kind.value, "role": "x"}])
            assert found.outcome is not Outcome.PERMIT, kind


def test_a_set_decided_against_the_wrong_answers_is_seen_to_differ() -> None:
    wrong = [
        scenario | {"expected": {"decision": "permit", "obligations": ["legal_advice"]}}
        for scenario in scenarios("published")[:12]
    ]
    content = {"meta": {"clock": "2026-11-22T10:00:00Z"}, "scenarios": wrong}
    report = run_text(yaml.safe_dump(content), load_policy())
    assert not any(result.whole and result.got == result.expected for result in report.results)
