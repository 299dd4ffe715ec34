"""Loading a page in a test is testing it: `page` checks what must hold of every page before it gives the page back.

For builders of pages:

    def test_requests_are_listed(web: Web) -> None:           # fixtures `web` and `app` come from tests/web/fixtures.py
        web.sign_in(post_id)
        found = web.page("/staff/requests")                   # checks the page; status=200 unless told
        assert found.h1 == "Requests"
        after = web.submit(found, {"why": "No longer needed"})  # posts the page's own form, follows the redirect

A GET that writes anything but ledger entries, keys of their words and the session's clock fails here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.assembly import Gateway
from gateway.registry.actors import actor_for_post
from gateway.web import security
from gateway.web.models import WebSession
from gateway.web.sessions import COOKIE, digest

_WRITES = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
_MAY_BE_WRITTEN_BY_GET = ("ledger_", "vault_", "web_")
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Page:
    """A page that passed the checks of every page."""

    response: TestResponse
    tree: Element
    path: str

    @property
    def h1(self) -> str:
        """The text of its one h1."""
        return text_of(self.all("h1")[0])

    @property
    def title(self) -> str:
        """The text of its title."""
        return text_of(self.all("title")[0])

    @property
    def text(self) -> str:
        """Everything a reader reads, in one line."""
        return text_of(self.all("body")[0])

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a tag whose attributes (`class_` for class) hold these words."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.tree.iter(tag)
            if all(value in (element.get(name) or "").split(" ") for name, value in wanted.items())
        ]

    def links(self) -> dict[str, str]:
        """The addresses of its links by their text."""
        return {text_of(link): link.get("href", "") for link in self.all("a")}

    def forms(self) -> list[Element]:
        """Its own POST forms, without the one for signing out."""
        main = self.all("main")[0]
        return [form for form in main.iter("form") if form.get("method", "get").lower() == "post"]


class Web:
    """A browser in a test: a client that signs in and loads pages."""

    def __init__(self, app: Flask, gateway: Gateway) -> None:
        self.app = app
        self.gateway = gateway
        self.client: FlaskClient = app.test_client()

    def sign_in(self, post_id: str) -> None:
        """Begin a session for a post, as a provider's answer would."""
        sign_in(self.client, self.gateway, post_id)

    def page(self, url: str, *, status: int = 200) -> Page:
        """Load a page and check it."""
        return page(self.client, url, status=status)

    def submit(
        self, shown: Page, data: Mapping[str, Any] | None = None, *, form: int = 0, status: int = 200
    ) -> Page:
        """Send a page's own form with `data` laid over what it holds, follow the redirect, check the page after it."""
        chosen = shown.forms()[form]
        values = {**filled(chosen), **(data or {})}
        response = self.client.post(chosen.get("action") or shown.path, data=values, follow_redirects=True)
        return checked(response, status)


def sign_in(client: FlaskClient, gateway: Gateway, post_id: str) -> str:
    """Store a session for a post and give the client its cookie; gives the cookie's value."""
    cookie = hashlib.sha256(post_id.encode() + repr(id(client)).encode()).hexdigest()
    with gateway.store.writing() as unit:
        actor = actor_for_post(unit, post_id)
        ids = {"person_id": actor.person_id, "post_id": post_id, "partnership_id": actor.partnership_id}
        unit.session.merge(
            WebSession(
                id=digest(cookie),
                partnership_id=actor.partnership_id,
                person_id=actor.person_id,
                post_id=post_id,
                started=unit.now,
                last_seen=unit.now,
                data=json.dumps(ids),
            )
        )
    client.set_cookie(COOKIE, cookie, domain="localhost", secure=True, httponly=True)
    return cookie


def page(client: FlaskClient, url: str, *, status: int = 200) -> Page:
    """GET a page, check what must hold of every page, and that loading it wrote nothing it shouldn't."""
    gateway: Gateway = client.application.extensions["gateway"]
    with nothing_written(gateway):
        response = client.get(url)
    return checked(response, status)


def checked(response: TestResponse, status: int = 200) -> Page:
    """Check a page that was loaded in some other way."""
    assert response.status_code == status, (
        f"{response.request.path}: {response.status_code}, expected {status}"
    )
    assert response.mimetype == "text/html", response.mimetype
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    tree = parser.parse(response.text)
    found = Page(response, tree, response.request.path)
    problems = [*_markup_errors(parser), *_header_problems(response), *_page_problems(found)]
    assert not problems, f"{response.request.path}: {'; '.join(problems)}"
    return found


@contextmanager
def nothing_written(gateway: Gateway) -> Iterator[None]:
    """Fail when the block writes to a table that a GET may not write to."""
    written: set[str] = set()

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        found = _WRITES.match(statement)
        if found and not found[1].startswith(_MAY_BE_WRITTEN_BY_GET):
            written.add(found[1])

    sa.event.listen(gateway.store.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sa.event.remove(gateway.store.engine, "before_cursor_execute", note)
    assert not written, f"a GET wrote to {sorted(written)}"


def filled(form: Element) -> dict[str, Any]:
    """What a form would send as it stands."""
    values: dict[str, Any] = {}
    for field in form.iter():
        name = field.get("name")
        if not name or field.get("disabled") is not None:
            continue
        if field.tag == "textarea":
            values[name] = field.text or ""
        elif field.tag == "select":
            options = list(field.iter("option"))
            chosen = [one for one in options if one.get("selected") is not None] or options[:1]
            values[name] = chosen[0].get("value", "") if chosen else ""
        elif field.tag == "input":
            _fill_input(values, name, field)
    return values


def text_of(element: Element) -> str:
    """The text of an element with its space collapsed, without scripts and styles."""
    return " ".join(" ".join(_texts(element)).split())


def _fill_input(values: dict[str, Any], name: str, field: Element) -> None:
    kind = field.get("type", "text")
    if kind in {"submit", "button", "file"}:
        return
    if kind == "checkbox":
        if field.get("checked") is not None:
            values.setdefault(name, []).append(field.get("value", "on"))
        return
    if kind == "radio":
        if field.get("checked") is not None:
            values[name] = field.get("value", "on")
        return
    values[name] = field.get("value", "")


def _texts(element: Element) -> Iterator[str]:
    if element.tag in {"script", "style"}:
        return
    yield element.text or ""
    for child in element:
        yield from _texts(child)
        yield child.tail or ""


def _markup_errors(parser: html5lib.HTMLParser) -> list[str]:
    return [f"HTML: {code} at {place}" for place, code, _ in parser.errors if code not in _TOLERATED]


# html5lib knows no SVG attributes' case and wants no void "/>" remarks; neither concerns a reader.
_TOLERATED = {"non-void-element-with-trailing-solidus"}


def _header_problems(response: TestResponse) -> Iterator[str]:
    for name, value in security.HEADERS.items():
        if response.headers.get(name) != value and not (
            name == "Referrer-Policy" and response.status_code == 302
        ):
            yield f"{name} is {response.headers.get(name)}"
    if response.headers.get("Cache-Control") != "no-store":
        yield "may be kept by the browser"
    if response.headers.get("Content-Security-Policy") not in {security.POLICY, security.OPENING_POLICY}:
        yield "has another content security policy"


def _page_problems(found: Page) -> Iterator[str]:
    headings = found.all("h1")
    if len(headings) != 1:
        yield f"has {len(headings)} h1"
        return
    title = found.title.removeprefix("Error: ")
    if not title.startswith(found.h1):
        yield f"title “{title}” doesn't begin with its h1 “{found.h1}”"
    ids = [named for element in found.tree.iter() if (named := element.get("id"))]
    if len(ids) != len(set(ids)):
        yield f"has an id twice: {sorted({one for one in ids if ids.count(one) > 1})}"
    yield from _inline_problems(found)
    yield from _form_problems(found)
    yield from _reference_problems(found, set(ids))


def _inline_problems(found: Page) -> Iterator[str]:
    for element in found.tree.iter():
        handlers = [name for name in element.attrib if name == "style" or name.startswith("on")]
        if handlers:
            yield f"<{element.tag}> has {handlers}"
        if element.tag == "style":
            yield "has an inline style sheet"
        inline = element.tag == "script" and not element.get("src")
        if inline and csp_hash(element.text or "") != security.INLINE_SCRIPT:
            yield "has an inline script that the policy doesn't know"


def _form_problems(found: Page) -> Iterator[str]:
    for form in found.all("form"):
        if not form.get("action"):
            yield "has a form without action"
        names = {field.get("name") for field in form.iter("input")}
        if form.get("method", "get").lower() == "post" and "csrf_token" not in names:
            yield f"has a form without token: {form.get('action')}"


def _reference_problems(found: Page, ids: set[str]) -> Iterator[str]:
    for link in found.all("a"):
        href = link.get("href", "")
        if href.startswith("#") and href[1:] not in ids:
            yield f"links to {href}, which isn't there"
        if href.startswith(("http:", "//")):
            yield f"links without encryption to {href}"
    for element in found.tree.iter():
        for name in ("aria-describedby", "aria-labelledby", "for"):
            missing = [one for one in (element.get(name) or "").split() if one not in ids]
            if missing:
                yield f"{name} names {missing}, which isn't there"


def csp_hash(script: str) -> str:
    """The hash a content security policy names a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
