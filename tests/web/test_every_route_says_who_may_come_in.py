"""Every route names who may come in, a route that doesn't stops the start, and the wrong post stays outside."""

from __future__ import annotations

import re

import pytest
from flask import Blueprint, Flask

from gateway.assembly import Gateway
from gateway.errors import Misconfigured
from gateway.registry.models import Face
from gateway.web import access, staff
from gateway.web.app import create_app
from tests.web.pages import Web
from tests.web.register import Register

EXAMPLE = "/shell-example/{}".format("0" * 32)


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application with three routes of the test's own, one for each way of coming in."""
    app = create_app(sqlite_gateway)

    @access.allow(Face.STAFF)
    def for_staff(thing_id: str) -> str:
        return f"<h1>{thing_id}</h1>"

    @access.machine("ask")
    def for_machines() -> str:
        return "ok"

    def for_nobody() -> str:
        return "ok"

    app.add_url_rule("/shell-example/<id:thing_id>", "for_staff", for_staff, methods=["GET", "POST"])
    app.add_url_rule("/api/shell-example", "for_machines", for_machines)
    app.add_url_rule("/shell-unlisted", "for_nobody", for_nobody)
    return app


def test_no_route_is_reachable_without_a_rule(sqlite_gateway: Gateway) -> None:
    """The whole map, walked."""
    app = create_app(sqlite_gateway)
    for rule in app.url_map.iter_rules():
        assert access.rules(app)[rule.endpoint] != access.Access(), rule


def test_a_route_without_a_rule_stops_the_start(
    sqlite_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: a blueprint with an unlisted view is named and refused."""
    planted = Blueprint("planted", __name__)
    planted.add_url_rule("/planted", "forgotten", lambda: "open to all")
    monkeypatch.setattr(staff, "blueprint", planted, raising=False)
    with pytest.raises(Misconfigured, match=r"planted\.forgotten"):
        create_app(sqlite_gateway)


def test_a_route_added_later_is_still_closed(web: Web) -> None:
    """Without a rule nobody comes in, even past the check at start."""
    assert web.client.get("/shell-unlisted").status_code == 403


@pytest.mark.parametrize(("post", "status"), [("staff", 200), ("governance", 403), ("advocacy", 403)])
def test_only_the_named_face_comes_in(web: Web, register: Register, post: str, status: int) -> None:
    """Each face at a route of one."""
    web.sign_in(getattr(register, post))
    assert web.client.get(EXAMPLE).status_code == status


def test_whoever_is_not_signed_in_is_led_to_sign_in_and_back(web: Web) -> None:
    """A GET is led to sign-in with the way back; a POST is told that nothing was received."""
    answer = web.client.get(EXAMPLE)
    assert (answer.status_code, answer.location) == (302, f"/sign-in?next={EXAMPLE}")
    assert web.client.post(EXAMPLE).status_code == 401


@pytest.mark.parametrize(
    "next_", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leads_to_another_site(web: Web, next_: str) -> None:
    """Only a path of this site is kept."""
    with web.app.test_request_context():
        assert access.safe_next(next_) is None
        assert access.safe_next("/accessibility") == "/accessibility"


def test_a_session_opens_no_route_for_machines(web: Web, register: Register) -> None:
    """A browser's session never counts where a client's own credentials are asked for."""
    web.sign_in(register.staff)
    answer = web.client.get("/api/shell-example")
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_roles_and_authorities_narrow_a_face() -> None:
    """A rule may ask for a role or for authority to decide; neither opens another face."""
    rule = access.Access(faces=frozenset({Face.STAFF}), roles=frozenset({"police_officer"}))
    assert not rule.admits(None)


def test_ids_in_paths_are_random_numbers_and_nothing_else(sqlite_gateway: Gateway) -> None:
    """No path takes free text, where a name could stand (promise 7); files and the ledger's tiles are the exception."""
    app = create_app(sqlite_gateway)
    allowed = {"IdConverter", "CodeConverter", "DigestConverter", "IntegerConverter", "AnyConverter"}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/static/", "/ledger/")):
            continue
        kinds = {type(converter).__name__ for converter in rule._converters.values()}
        assert kinds <= allowed, rule


def test_paths_are_lower_case_words_joined_by_hyphens(sqlite_gateway: Gateway) -> None:
    """One way of writing addresses."""
    app = create_app(sqlite_gateway)
    for rule in app.url_map.iter_rules():
        words = re.sub(r"<[^>]*>", "", rule.rule)
        assert re.fullmatch(r"[a-z0-9./-]*", words), rule
