"""A system changes one answer of a request: it names that one alone, and everything else is sent as it was."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure.asking import may_ask_with
from gateway.vocabulary import Circumstance, vocabulary
from tests.api.client import System
from tests.api.conftest import connected
from tests.api.test_a_disclosure_goes_whole_between_systems import asking

DECLARED = next(
    code
    for code in vocabulary().terms("circumstance")
    if may_ask_with(code) and code != Circumstance.IMMINENT_THREAT_TO_LIFE
)
CHANGES: dict[str, Any] = {
    "why": "For another reason altogether.",
    "purpose": "victim_safety",
    "categories": ["risk_assessment"],
    "needed_by": None,
    "declarations": {},
}


@pytest.fixture
def probation(quick_stage: Stage) -> System:
    """A system in the offender manager's post."""
    return connected(quick_stage, "probation-om")


@pytest.fixture
def first(probation: System, police: System) -> dict[str, Any]:
    """A request with everything in it, as it is read back."""
    body = asking(probation, police)
    outside = {
        "agency_type": "school",
        "role": "head teacher",
        "described": "Ms Hill of the school",
        "delivering_post_id": body["recipients"][0]["post_id"],
    }
    more = {
        "categories": ["convictions", "risk_assessment"],
        "recipients": [*body["recipients"], outside, outside | {"described": "Mr Dale"}],
        "needed_by": "2026-12-24",
        "declarations": {DECLARED: "He said so."},
    }
    made = probation.post("/requests", body | more, once="amend-000001", expect=202)
    return read(probation, made["request_id"])


def read(system: System, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = system.get(f"/requests/{request_id}")
    for one in (found["asked"]["recipients"],):
        one.sort(key=str)
    return found


def test_a_request_is_read_back_as_it_was_asked(first: dict[str, Any]) -> None:
    said = first["asked"]
    assert [one["described"] for one in said["recipients"]].count("Mr Dale") == 1
    assert (said["needed_by"], said["declarations"]) == ("2026-12-24", {DECLARED: "He said so."})


@pytest.mark.parametrize("name", CHANGES)
def test_one_answer_is_changed_and_all_the_others_are_kept(
    probation: System, first: dict[str, Any], name: str
) -> None:
    request_id = first["request"]["request_id"]
    path = f"/requests/{request_id}/amendment"
    made = probation.post(path, {name: CHANGES[name]}, once="amend-000002", expect=202)
    assert probation.post(path, {name: CHANGES[name]}, once="amend-000002", expect=202) == made
    after = read(probation, made["request_id"])
    assert after["asked"] == first["asked"] | {name: CHANGES[name]}
    assert read(probation, request_id)["request"]["state"] == "cancelled"
    again = probation.post(path, {name: CHANGES[name]}, once="amend-000003", expect=409)
    assert again["next_step"]


def test_what_was_asked_is_its_makers_alone(police: System, first: dict[str, Any]) -> None:
    request_id = first["request"]["request_id"]
    assert police.get(f"/requests/{request_id}")["asked"] is None
    police.post(f"/requests/{request_id}/amendment", {}, once="amend-000004", expect=404)
