"""AuthZEN 1.0 over HTTP: our policy from our own records, and another policy set by a tenant that only tests have."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import casbin
import pytest
import requests
from flask import Flask, g
from flask.testing import FlaskClient

from gateway.api import authzen
from gateway.cli.demo_stage import Stage
from gateway.registry.actors import actor_for_post
from gateway.web import access
from gateway.web.app import create_app
from tests.policy_life.asked import question
from tests.shared import shared_path
from tests.web.browser import serving

# The people of the interop scenario, by the end of what their ids begin with.
_PEOPLE = {"fd0": "rick", "fd1": "morty", "fd2": "summer", "fd3": "beth", "fd4": "jerry"}
_FOREIGN = Path(__file__).parent / "foreign"


class Foreign:
    """A policy set that isn't ours, read from its files by casbin as its author would have it read."""

    def __init__(self) -> None:
        self.rules = casbin.Enforcer(str(_FOREIGN / "todo.conf"), str(_FOREIGN / "todo.csv"))

    def decide(self, evaluations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{"decision": self._one(one)} for one in evaluations]

    def search(self, kind: str, evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
        return []

    def _one(self, one: Mapping[str, Any]) -> bool:
        held = base64.b64decode(one["subject"]["id"] + "==").decode(errors="replace")
        who = next((name for start, name in _PEOPLE.items() if f"{start}614d3" in held), "")
        owner = str(one["resource"].get("properties", {}).get("ownerID", ""))
        return bool(self.rules.enforce(who, one["action"]["name"], one["resource"]["type"], owner))


def _plain(view: Any) -> Any:
    return view


@pytest.fixture
def tenant() -> Flask:
    app = Flask("tenant")
    app.register_blueprint(
        authzen.make_blueprint("tenant", Foreign(), mark=_plain, anybody=_plain, metadata=False)
    )
    return app


@pytest.fixture
def foreign(tenant: Flask) -> FlaskClient:
    return tenant.test_client()


@pytest.mark.parametrize("name", ["todo", "gateway"])
def test_the_published_payloads_come_out_as_published(tenant: Flask, name: str) -> None:
    """Over HTTP on a port of loopback, as a product of somebody else's asks."""
    cases = json.loads(shared_path(f"vectors/authzen/{name}-decisions.json").read_text(encoding="utf-8"))
    with serving(tenant) as address, requests.Session() as client:
        for case in cases["evaluation"]:
            given = {"X-Request-ID": "r-1"}
            response = client.post(
                address + authzen.EVALUATION, json=case["request"], headers=given, timeout=120
            )
            assert response.json()["decision"] is case["expected"], case
            assert response.headers["X-Request-ID"] == "r-1"
        for case in cases.get("evaluations", []):
            answered = client.post(address + authzen.EVALUATIONS, json=case["request"], timeout=120).json()
            found = [one["decision"] for one in answered["evaluations"]]
            assert found == [one["decision"] for one in case["expected"]], case


def test_another_policy_set_gives_other_answers(foreign: FlaskClient) -> None:
    """The published answers come from the tenant's files: without its rule for owners, nobody changes her own."""
    body = {
        "subject": {"type": "user", "id": "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"},
        "action": {"name": "can_update_todo"},
        "resource": {"type": "todo", "id": "1", "properties": {"ownerID": "morty@the-citadel.com"}},
    }
    assert foreign.post(authzen.EVALUATION, json=body).get_json() == {"decision": True}
    other = Foreign()
    other.rules.remove_policy("editor", "todo", "can_update_todo", "own")
    assert other.decide([body]) == [{"decision": False}]


@pytest.mark.parametrize(
    ("semantic", "answers"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_the_three_semantics(foreign: FlaskClient, semantic: str, answers: list[bool]) -> None:
    admin = {"type": "user", "id": "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"}
    todo = {"type": "todo", "id": "1"}
    body = {
        "subject": admin,
        "resource": todo,
        "options": {"evaluations_semantic": semantic},
        "evaluations": [
            {"action": {"name": "can_read_todos"}},
            {"action": {}},
            {"action": {"name": "can_create_todo"}},
        ],
    }
    found = foreign.post(authzen.EVALUATIONS, json=body).get_json()["evaluations"]
    assert [one["decision"] for one in found] == answers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"not json",
        b'{"subject": {"type": "user"}}',
        b'{"subject": 1, "action": {"name": "x"}, "resource": {"type": "a", "id": "b"}}',
        b"[" * 5000,
        b'{"subject": {"type":"u","id":"i","properties":[]},"action":{"name":"x"},"resource":{"type":"a","id":"b"}}',
    ],
)
def test_what_cannot_be_read_is_a_400(foreign: FlaskClient, body: bytes) -> None:
    response = foreign.post(authzen.EVALUATION, data=body, content_type="application/json")
    assert response.status_code == 400
    assert foreign.post(authzen.EVALUATION, data=b"{}", content_type="text/plain").status_code == 400


@pytest.fixture
def machine(quick_stage: Stage) -> FlaskClient:
    """A system signed in for the post that its header names; how systems sign in is tried elsewhere."""
    app = create_app(quick_stage.gateway)

    def admit(_scope: str) -> None:
        from flask import request

        with quick_stage.gateway.store.reading() as unit:
            g.actor = actor_for_post(unit, quick_stage.post_id(unit, request.headers["X-Post"]))

    access.admit_machines(app, admit)
    return app.test_client()


def _asked(machine: FlaskClient, body: dict[str, Any], post: str = "probation-om") -> dict[str, Any]:
    response = machine.post(authzen.EVALUATION, json=body, headers={"X-Post": post})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def test_a_system_learns_what_its_post_may_have_with_what_obligations(
    quick_stage: Stage, machine: FlaskClient
) -> None:
    found = _asked(machine, question(quick_stage))
    assert found["decision"] is True
    assert {"id", "type", "properties"} == set(found["context"]["obligations"][0])


def test_nothing_the_caller_claims_of_itself_counts(quick_stage: Stage, machine: FlaskClient) -> None:
    plain = _asked(machine, question(quick_stage, category="address_current"))
    claimed = _asked(
        machine,
        question(
            quick_stage,
            category="address_current",
            agency_type="police",
            orientation="victim_facing",
            consent="given",
            duty="responsible_authority",
            sensitivity="S1",
        ),
    )
    assert plain == claimed
    assert plain["decision"] is False


def test_who_is_not_on_the_case_gets_one_answer_whatever_is_true(
    quick_stage: Stage, machine: FlaskClient
) -> None:
    known = question(quick_stage, post="social-worker")
    unknown = {**known, "resource": {"type": "information", "id": f"{'0' * 32}/convictions"}}
    one = _asked(machine, known, "social-worker")
    other = _asked(machine, unknown, "social-worker")
    assert one == other
    assert one["decision"] is False


def test_a_question_leaves_no_request_and_one_entry(quick_stage: Stage, machine: FlaskClient) -> None:
    from sqlmodel import func, select

    from gateway.disclosure.models import Line, Request
    from gateway.ledger.models import LedgerRecord

    def counted(unit: Any) -> tuple[int, int, int]:
        return tuple(
            unit.session.exec(select(func.count()).select_from(table)).one()
            for table in (Request, Line, LedgerRecord)
        )

    body = question(quick_stage)
    before = quick_stage.do(counted)
    _asked(machine, body)
    after = quick_stage.do(counted)
    assert after == (before[0], before[1], before[2] + 1)


def test_search_is_for_those_who_keep_the_policy(quick_stage: Stage, machine: FlaskClient) -> None:
    body = question(quick_stage)
    refused = machine.post(f"{authzen.SEARCH}/subject", json=body, headers={"X-Post": "probation-om"})
    assert refused.status_code == 403
    found = machine.post(f"{authzen.SEARCH}/resource", json=body, headers={"X-Post": "office-ig"})
    assert found.status_code == 200
    assert {"type", "id"} <= set(found.get_json()["results"][0])
    subjects = machine.post(f"{authzen.SEARCH}/subject", json=body, headers={"X-Post": "office-ig"})
    assert subjects.status_code == 200


def test_the_metadata_names_the_endpoints(machine: FlaskClient) -> None:
    found = machine.get(authzen.METADATA).get_json()
    assert found["access_evaluation_endpoint"].endswith(authzen.EVALUATION)
    assert "policy_decision_point" in found
