"""AuthZEN over the sign-in that every system has: a signed assertion, a bound token, a proof with each call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.api import authzen
from gateway.cli.demo_stage import Stage
from gateway.clock import local_day
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, entries_in_partnership
from gateway.registry import cases
from gateway.registry.actors import Actor
from gateway.registry.authorities import approve_authority, grant_authority
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Role
from tests.api.client import BASE, System, thumb
from tests.api.conftest import connected
from tests.policy_life.asked import question

METADATA = authzen.METADATA


@pytest.fixture
def probation(quick_stage: Stage) -> System:
    """A system in the offender manager's post."""
    return connected(quick_stage, "probation-om")


@pytest.fixture
def manager(quick_stage: Stage, probation: System) -> System:
    """The same system, its post now its agency's gateway manager."""
    _manages(quick_stage, "probation-om")
    return probation


def _manages(stage: Stage, post: str) -> None:
    def grant(unit: Unit, actor: Actor) -> str:
        last = local_day(unit.now) + timedelta(days=30)
        post_id = stage.post_id(unit, post)
        role = Role.GATEWAY_MANAGER.value
        return grant_authority(unit, actor, post_id, role_code=role, arrangement_id=None, ends_on=last)

    authority_id = stage.by("office-ig", grant)
    stage.by("office-ig-2", lambda unit, actor: approve_authority(unit, actor, authority_id))


def _asks(system: System, path: str, body: Any, **headers: str) -> TestResponse:
    if not system.token:
        assert system.sign_in().status_code == 200
    made = {
        "Authorization": f"DPoP {system.token}",
        "DPoP": system.proof("POST", f"{BASE}{path}", ath=thumb(system.token)),
    } | headers
    return system.app.test_client().post(path, base_url=BASE, json=body, headers=made)


def test_one_question_is_answered_with_its_obligations(probation: System) -> None:
    answer = _asks(
        probation, authzen.EVALUATION, question(probation.stage), **{"X-Request-ID": "their-own-1"}
    )
    assert answer.status_code == 200
    found = answer.get_json()
    assert found["decision"] is True
    assert found["context"]["obligations"]
    assert answer.headers["X-Request-ID"] == "their-own-1"


def test_several_are_answered_in_order(probation: System) -> None:
    whole = question(probation.stage)
    other = question(probation.stage, category="sexual_health")["resource"]
    body = {**whole, "evaluations": [{}, {"resource": other}, {"action": {}}]}
    answer = _asks(probation, authzen.EVALUATIONS, body)
    assert [one["decision"] for one in answer.get_json()["evaluations"]] == [True, False, False]


def test_a_search_is_behind_a_role_that_two_officers_give(quick_stage: Stage, probation: System) -> None:
    body, path = question(quick_stage), f"{authzen.SEARCH}/resource"
    assert _asks(probation, path, body).status_code == 403
    _manages(quick_stage, "probation-om")
    found = _asks(probation, path, body)
    assert found.status_code == 200
    assert found.get_json()["results"]
    assert "page" not in found.get_json()
    assert _asks(probation, f"{authzen.SEARCH}/action", body).get_json()["results"][0]["name"] == "disclose"
    subjects = _asks(probation, f"{authzen.SEARCH}/subject", body).get_json()["results"]
    assert body["subject"] in subjects


def test_a_search_finds_nothing_in_a_case_that_is_not_the_callers(manager: System) -> None:
    """The same body as an empty case, an unknown one, or an unknown person."""
    body = question(manager.stage)
    foreign = manager.stage.do(lambda unit: manager.stage.case_id(unit, "R-0931"))
    for kind in ("subject", "resource", "action"):
        for case_id in (foreign, "0" * 32, ""):
            asked = {**body, "context": {**body["context"], "case_id": case_id}}
            assert _asks(manager, f"{authzen.SEARCH}/{kind}", asked).get_json() == {"results": []}
    nobody = {**body, "subject": {"type": "post", "id": "nobody"}}
    assert _asks(manager, f"{authzen.SEARCH}/resource", nobody).get_json() == {"results": []}
    nothing = {**body, "resource": {"type": "weather", "id": "rain"}}
    assert _asks(manager, f"{authzen.SEARCH}/subject", nothing).get_json() == {"results": []}


def test_the_entry_of_a_search_names_who_searched_and_nobody_else(manager: System) -> None:
    body, stage = question(manager.stage), manager.stage
    for kind in ("subject", "resource", "action"):
        assert _asks(manager, f"{authzen.SEARCH}/{kind}", body).status_code == 200
    own, partnership_id, posts = stage.do(
        lambda unit: (
            stage.post_id(unit, "probation-om"),
            stage.partnership_id(unit),
            len(cases.assigned_posts(unit, body["context"]["case_id"])),
        )
    )
    chosen = Filter(kinds=(EntryKind.DECISION_MADE,))
    entries = stage.do(lambda unit: entries_in_partnership(unit, partnership_id, chosen).entries)
    searched = [one for one in entries if one.codes.get("step") == "may"]
    assert len(searched) > posts > 1
    assert {one.actor_post_id for one in searched} == {own}


def test_a_search_comes_by_pages_that_together_are_the_whole(manager: System) -> None:
    body, path = question(manager.stage), f"{authzen.SEARCH}/resource"
    whole = _asks(manager, path, body).get_json()["results"]
    assert len(whole) > 2
    seen: list[Any] = []
    token = ""
    while True:
        page = {"limit": 2, **({"token": token} if token else {})}
        found = _asks(manager, path, {**body, "page": page}).get_json()
        seen += found["results"]
        assert found["page"]["count"] == len(found["results"]) <= 2
        assert found["page"]["total"] == len(whole)
        token = found["page"]["next_token"]
        if not token:
            break
    assert seen == whole


@pytest.mark.parametrize(
    "page",
    [1, {"limit": -1}, {"limit": True}, {"limit": "2"}, {"token": 1}, {"token": "x"}, {"token": "9" * 40}],
)
def test_a_page_that_cannot_be_read_is_a_400(manager: System, page: Any) -> None:
    body = {**question(manager.stage), "page": page}
    assert _asks(manager, f"{authzen.SEARCH}/resource", body).status_code == 400


def test_a_page_of_another_question_is_a_400(manager: System) -> None:
    body, path = question(manager.stage), f"{authzen.SEARCH}/resource"
    token = _asks(manager, path, {**body, "page": {"limit": 1}}).get_json()["page"]["next_token"]
    context = {**body["context"], "case_id": "0" * 32}
    other = _asks(manager, path, {**body, "context": context, "page": {"token": token}})
    assert other.status_code == 400


@pytest.mark.parametrize("path", [authzen.EVALUATION, authzen.EVALUATIONS, f"{authzen.SEARCH}/subject"])
def test_without_a_whole_proof_nobody_is_answered(probation: System, path: str) -> None:
    body = question(probation.stage)
    client = probation.app.test_client()
    refused = client.post(path, base_url=BASE, json=body)
    assert (refused.status_code, refused.content_type) == (401, "application/problem+json")
    probation.sign_in()
    bearer = {"Authorization": f"Bearer {probation.token}"}
    assert client.post(path, base_url=BASE, json=body, headers=bearer).status_code == 401
    elsewhere = {"DPoP": probation.proof("POST", f"{BASE}/elsewhere", ath=thumb(probation.token))}
    assert _asks(probation, path, body, **elsewhere).status_code == 401


def test_a_client_reads_where_to_ask_before_it_signs_in(probation: System) -> None:
    found = probation.app.test_client().get(METADATA, base_url=BASE)
    assert found.status_code == 200
    listed = found.get_json()
    assert listed["access_evaluation_endpoint"] == f"{listed['policy_decision_point']}{authzen.EVALUATION}"
    assert "redact" in listed["supported_obligations"]
