"""Invented people can be signed in as in a demonstration on this machine, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.ledger.witness_log import WitnessLog, create
from gateway.settings import Environment, Settings, SignInSettings
from gateway.web.app import create_app
from tests.conftest import assembled
from tests.web.pages import Web, filled
from tests.web.register import Register

BANNER = "This is a demonstration with invented people and agencies."


@pytest.fixture
def demo(make_settings: Callable[[str], Settings], sqlite_url: str) -> Settings:
    """The settings of a demonstration."""
    settings = make_settings(sqlite_url)
    return settings.model_copy(update={"env": Environment.DEMO, "sign_in": SignInSettings(personas=True)})


@pytest.fixture
def sqlite_gateway(demo: Settings, clock: FixedClock) -> Iterator[Gateway]:
    """A demonstration's gateway."""
    yield from assembled(demo, clock)


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """Its application."""
    return create_app(sqlite_gateway)


@pytest.fixture
def web(app: Flask, sqlite_gateway: Gateway) -> Web:
    """A browser on it."""
    return Web(app, sqlite_gateway)


def test_a_persona_signs_in_with_one_button(web: Web, register: Register) -> None:
    """The page lists everybody with a current post; a leaver isn't among them."""
    found = web.page("/sign-in")
    assert "Person in staff" in found.text
    assert "Person in leaver" not in found.text
    assert len(found.forms()) == 3
    sent = next(form for form in found.forms() if register.advocacy in form.get("action", ""))
    answer = web.client.post(sent.get("action", ""), data=filled(sent))
    assert answer.status_code == 302
    assert "Person in advocacy" in web.page("/posts").text


@pytest.mark.parametrize("url", ["/sign-in", "/signed-out", "/accessibility", "/safety", "/nothing-here"])
def test_every_page_says_that_it_is_a_demonstration(web: Web, url: str) -> None:
    """Also the pages for things that aren't there."""
    assert BANNER in web.page(url, status=404 if "nothing" in url else 200).text


@pytest.mark.parametrize(
    "request_from",
    [
        {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
        {"headers": {"X-Forwarded-For": "192.0.2.7"}},
        {"headers": {"Forwarded": "for=192.0.2.7"}},
        {"headers": {"X-Real-IP": "192.0.2.7"}},
        {"environ_base": {"REMOTE_ADDR": ""}},
    ],
)
def test_no_persona_from_another_machine(web: Web, register: Register, request_from: dict[str, Any]) -> None:
    """Neither from elsewhere nor through a proxy on this machine: no list, and the button's address is a 404."""
    token = filled(web.page("/sign-in").forms()[0])["csrf_token"]
    assert "Person in staff" not in web.client.get("/sign-in", **request_from).text
    url = f"/sign-in/persona/{register.staff}"
    assert web.client.post(url, data={"csrf_token": token}, **request_from).status_code == 404


@pytest.mark.parametrize(
    "changed",
    [{"env": Environment.TEST}, {"env": Environment.PRODUCTION}, {"sign_in": SignInSettings(personas=False)}],
)
def test_no_persona_outside_a_demonstration(
    demo: Settings, clock: FixedClock, register: Register, tmp_path: Path, changed: dict[str, Any]
) -> None:
    """Whatever else the settings say."""
    create(tmp_path / "witness", "charity.example/w")
    policy = tmp_path / "witnesses.policy"
    key = WitnessLog(tmp_path / "witness").keys()[0]
    policy.write_text(f"witness c1 {key} https://charity.example\nquorum c1\n", encoding="utf-8")
    watched = demo.ledger.model_copy(update={"witnesses": policy})
    for gateway in assembled(demo.model_copy(update={"ledger": watched, **changed}), clock):
        web = Web(create_app(gateway), gateway)
        assert "Person in staff" not in web.client.get("/sign-in").text
        token = filled(web.page("/sign-out").forms()[0])["csrf_token"]
        url, referer = f"/sign-in/persona/{register.staff}", {"Referer": "https://localhost/sign-out"}
        answer = web.client.post(url, data={"csrf_token": token}, headers=referer)
        assert answer.status_code == 404
