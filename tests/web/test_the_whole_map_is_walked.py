"""Every route, every face, nobody, and ids of nothing: who isn't named stays outside, what isn't there is one 404."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from gateway.registry.models import Face
from gateway.web import access
from tests.web.pages import Web, checked
from tests.web.register import Register

NOTHING = {"id": "0" * 32, "digest": "0" * 64, "code": "nothing"}
SIGN_IN = re.compile(r"/sign-in(\?next=.*)?")
# These lead elsewhere or act by themselves; they have tests of their own.
APART = {"account.leave", "account.signed_out", "static"}


def routes(app: Flask, method: str) -> Iterator[tuple[Rule, str, access.Access]]:
    """Every route that takes a method, with an address on which nothing is."""
    rules = access.rules(app)
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and rule.endpoint not in APART:
            yield rule, address(rule), rules[rule.endpoint]


def address(rule: Rule) -> str:
    """A route's address with ids that no row has."""

    def value(found: re.Match[str]) -> str:
        return NOTHING.get((found[1] or "").rstrip(":").split("(")[0], "1")

    return re.sub(r"<((?:\w+(?:\([^)]*\))?):)?\w+>", value, rule.rule)


def test_nobody_gets_in_where_somebody_is_named(web: Web, register: Register) -> None:
    """Without a session every page leads to sign-in, every form says that nothing was sent, machines are refused."""
    for rule, url, wanted in routes(web.app, "GET"):
        answer = web.client.get(url)
        if wanted.machine:
            assert answer.status_code == 401, rule
        elif not wanted.public_because:
            assert answer.status_code == 302, rule
            assert SIGN_IN.fullmatch(answer.location), rule
    for rule, url, wanted in routes(web.app, "POST"):
        if not wanted.public_because:
            assert web.client.post(url).status_code == 401, rule


@pytest.mark.parametrize("face", Face)
def test_another_face_gets_in_nowhere(web: Web, register: Register, face: Face) -> None:
    """Whoever isn't named is told that the page isn't for her post, whatever the address names."""
    web.sign_in(getattr(register, face))
    for method in ("GET", "POST"):
        for rule, url, wanted in routes(web.app, method):
            if wanted.faces and face not in wanted.faces:
                answer = web.client.open(url, method=method)
                assert checked(answer, 403).h1 == "You cannot do this", rule


@pytest.mark.parametrize("face", Face)
def test_what_is_not_there_is_one_and_the_same_page(web: Web, register: Register, face: Face) -> None:
    """An id that no row has gives the same bytes on every page of a face (promise 8), and never an error of ours."""
    web.sign_in(getattr(register, face))
    expected = web.client.get("/nothing-here").data
    for rule, url, wanted in routes(web.app, "GET"):
        if face not in wanted.faces or "<id:" not in rule.rule:
            continue
        answer = web.client.get(url)
        assert (answer.status_code, answer.data) == (404, expected), rule


@pytest.mark.parametrize("face", Face)
def test_every_page_without_an_id_opens_for_its_face(web: Web, register: Register, face: Face) -> None:
    """With an empty register every list and every first question is a sound page, or leads to one."""
    web.sign_in(getattr(register, face))
    for rule, url, wanted in routes(web.app, "GET"):
        if face not in wanted.faces or rule.arguments or wanted.roles or wanted.authorises:
            continue
        answer = web.client.get(url, follow_redirects=True)
        if answer.mimetype == "text/html" and answer.status_code != 403:
            checked(answer)
        assert answer.status_code < 500, rule


@pytest.mark.parametrize("face", Face)
def test_no_form_is_taken_without_its_token(web: Web, register: Register, face: Face) -> None:
    """Every POST of a signed-in browser needs the token of a page it was given."""
    web.sign_in(getattr(register, face))
    for rule, url, wanted in routes(web.app, "POST"):
        if face in wanted.faces:
            assert web.client.post(url).status_code == 400, rule
