"""In a real browser: no page of any face has a fault that axe knows, filled, empty or in error, nor is it cut off.

No page can be forgotten: each route that a person can open is found by walking from the front pages, or stands in a
list with the reason why it isn't looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Blueprint, Flask, abort
from playwright.sync_api import Browser, BrowserContext, Page

from gateway.assembly import Gateway
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Face
from gateway.registry.sign_in import personas
from gateway.web import access
from gateway.web.access import public
from gateway.web.app import create_app
from gateway.web.errors import PAGES
from gateway.web.sessions import COOKIE
from tests.conftest import Finds
from tests.journeys.conftest import installed
from tests.journeys.stirred import stir
from tests.journeys.walk import Found, Walk
from tests.web.browser import accessibility_faults, serving, width_needed
from tests.web.fixtures import shared_app
from tests.web.pages import sign_in
from tests.web.register import Register, register

__all__ = ["register"]  # a fixture that is shared by import

# Some two hundred pages, looked at one by one.
pytestmark = [pytest.mark.browser, pytest.mark.assure]

SCREENSHOTS = os.environ.get("JOURNEY_SCREENSHOTS", "")
_STOPPED = "only while the log is stopped: test_two_officers_declare_a_restore_in_a_browser.py looks at it"
NO_PAGE = {
    "account.answer": "a sign-in provider sends the browser here, and it goes on",
    "account.front": "leads to the front page of the face",
    "account.leave": "leads away from the site",
    "account.start": "leads to a sign-in provider",
    "advocacy.openings": "a file",
    "advocacy.proof": "a file",
    "advocacy.table": "a file",
    "api.description": "for programs",
    "authzen.configuration": "for programs",
    "governance.agree_to_restore": _STOPPED,
    "governance.refuse_restore": _STOPPED,
    "ledger.checkpoint": "a file",
    "ledger.entries": "a file",
    "ledger.policy": "a file",
    "ledger.tile": "a file",
    "operations.livez": "for programs",
    "operations.metrics": "for programs",
    "operations.readyz": "for programs",
    "static": "style sheets and scripts",
}
# Whoever is signed in comes through these to another page, or out.
SIGNED_OUT = {"account.sign_in", "account.signed_out"}
_EMPTIED = """form => {
    for (const one of form.querySelectorAll('input, textarea, select')) {
        if (one.type === 'checkbox' || one.type === 'radio') one.checked = false;
        else if (!['hidden', 'submit', 'button'].includes(one.type)) one.value = '';
    }
}"""
_ANSWERS = "input:not([type=hidden]):not([type=submit]), textarea, select"


class Looking:
    """A browser on an application, with a window for each post."""

    def __init__(self, browser: Browser, app: Flask, gateway: Gateway, address: str) -> None:
        self.browser, self.app, self.gateway, self.address = browser, app, gateway, address
        self.faults: list[str] = []
        self._tabs: dict[str, Page] = {}

    def tab(self, post_id: str) -> Page:
        """The window of a post; of nobody when the id is empty."""
        if post_id not in self._tabs:
            context = self.browser.new_context(base_url=self.address, viewport={"width": 1280, "height": 900})
            if post_id:
                self._sign_in(context, post_id)
            self._tabs[post_id] = context.new_page()
            self._tabs[post_id].on("pageerror", lambda error: self.faults.append(str(error)))
        return self._tabs[post_id]

    def open(self, found: Found, *, status: int = 200) -> Page:
        """Open a page and look at it."""
        tab = self.tab(found.post_id)
        answer = tab.goto(found.path)
        if answer is None or answer.status != status:
            self.faults.append(f"{found.name}: {answer and answer.status} at {found.path}")
        self.look(tab, found.name)
        return tab

    def send_empty(self, found: Found) -> bool:
        """Send a page's form with nothing in it, and look at what comes back; tells whether it errs."""
        tab = self.tab(found.post_id)
        tab.goto(found.path)
        form = tab.locator("main form[method=post]").first
        if not form.count() or not form.locator(_ANSWERS).count():
            return False
        form.evaluate(_EMPTIED)
        with tab.expect_navigation() as came:
            form.locator("button").first.click()
        status = came.value.status
        if status >= 500:
            self.faults.append(f"{found.name}: {status} on an empty form")
        if status == 422:
            self.look(tab, f"error {found.name}")
        return status == 422

    def look(self, tab: Page, name: str) -> None:
        """Note what axe finds on the page as it stands, and whether a narrow window cuts it off."""
        self.faults += [f"{name}: {fault}" for fault in accessibility_faults(tab)]
        self._keep(tab, name, "wide")
        tab.set_viewport_size({"width": 320, "height": 900})
        if width_needed(tab) > 320:
            self.faults.append(f"{name}: needs {width_needed(tab)} pixels")
        self._keep(tab, name, "narrow")
        tab.set_viewport_size({"width": 1280, "height": 900})

    def close(self) -> None:
        """Close every window."""
        for tab in self._tabs.values():
            tab.context.close()

    def _keep(self, tab: Page, name: str, width: str) -> None:
        if SCREENSHOTS:
            file = f"{re.sub(r'[^a-z_.-]+', '-', name)}-{width}.png"
            tab.screenshot(path=Path(SCREENSHOTS) / file, full_page=True)

    def _sign_in(self, context: BrowserContext, post_id: str) -> None:
        value = sign_in(self.app.test_client(), self.gateway, post_id)
        context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": value,
                    "domain": "127.0.0.1",
                    "path": "/",
                    "secure": True,
                    "httpOnly": True,
                }
            ]
        )


@contextmanager
def looking(browser: Browser, app: Flask, gateway: Gateway) -> Iterator[Looking]:
    """Look at an application; at the end nothing was at fault."""
    with serving(app) as address:
        windows = Looking(browser, app, gateway, address)
        yield windows
        windows.close()
    assert not windows.faults, "\n".join(windows.faults)


def pages_of(app: Flask) -> set[str]:
    """Every endpoint that somebody opens in a browser."""
    rules = access.rules(app)
    reached = {one.endpoint for one in app.url_map.iter_rules() if "GET" in (one.methods or ())}
    return {one for one in reached if not rules[one].machine} - set(NO_PAGE)


def plain(app: Flask, face: Face | None) -> list[str]:
    """The addresses without ids that a face may open; nobody's are those open to everybody."""
    rules, pages = access.rules(app), pages_of(app)
    return [
        one.rule
        for one in app.url_map.iter_rules()
        if one.endpoint in pages
        and not one.arguments
        and (rules[one.endpoint].public_because or face in rules[one.endpoint].faces)
        and not (face and one.endpoint in SIGNED_OUT)
    ]


@dataclass(frozen=True)
class Filled:
    """The demonstration with something on every desk, and an address of each of its pages."""

    gateway: Gateway
    app: Flask
    walk: Walk
    others: list[Found]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Walk it once."""
    clock = FixedClock(datetime.now(UTC))
    gateway = installed(tmp_path_factory.mktemp("filled"), clock)
    stage = Stage(gateway, clock)
    starts = stir(stage)
    app = create_app(gateway)
    walk, others = Walk(app, pages_of(app)), []
    with gateway.store.reading() as unit:
        to_forms = {stage.post_id(unit, code): paths for code, paths in starts.items()}
        actors = [actor_for_post(unit, one.view.post_id) for one in personas(unit)]
    for actor in sorted(actors, key=lambda one: one.post_id not in to_forms):
        client, further = app.test_client(), to_forms.get(actor.post_id, [])
        sign_in(client, gateway, actor.post_id)
        walk.take(client, actor.post_id, [*further, *plain(app, actor.face)])
        others += [Found(_no_id(path), path, actor.post_id, asks=True) for path in further]
    walk.take(app.test_client(), "", plain(app, None))
    yield Filled(gateway, app, walk, others)
    gateway.store.close()


def _no_id(path: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "x", path)


def test_every_page_was_found(filled: Filled) -> None:
    assert filled.walk.missing == []


def test_every_page_filled(filled: Filled, browser: Browser, finds: Finds) -> None:
    pages = [*filled.walk.pages.values(), *filled.others]
    with looking(browser, filled.app, filled.gateway) as windows:
        for found in pages:
            windows.open(found)
    finds(f"{len(pages)} pages with something on them, wide and at 320 pixels: axe finds nothing")


def test_every_form_in_error(filled: Filled, browser: Browser, finds: Finds) -> None:
    """Where every answer may stay away, nothing is in error; that is so of few forms."""
    asking = [found for found in (*filled.walk.pages.values(), *filled.others) if found.asks]
    with looking(browser, filled.app, filled.gateway) as windows:
        in_error = [found for found in asking if windows.send_empty(found)]
    assert len(in_error) > len(asking) / 2
    finds(f"{len(asking)} forms sent empty, {len(in_error)} in error: axe finds nothing")


def test_every_page_of_a_new_installation(
    browser: Browser, sqlite_gateway: Gateway, register: Register
) -> None:
    app = create_app(sqlite_gateway)
    with looking(browser, app, sqlite_gateway) as windows:
        for face in Face:
            for path in plain(app, face):
                windows.open(Found(f"empty {path}", path, getattr(register, face)))


def test_every_page_of_something_that_was_not_done(
    browser: Browser, sqlite_gateway: Gateway, register: Register
) -> None:
    failing = Blueprint("failing", __name__)

    @failing.get("/failing/<int:status>")
    @public("it only fails, in a test")
    def fail(status: int) -> str:
        abort(status)

    app = shared_app(sqlite_gateway, failing)
    with looking(browser, app, sqlite_gateway) as windows:
        for status in PAGES:
            for post_id in ("", register.staff):
                windows.open(Found(f"failed {status}", f"/failing/{status}", post_id), status=status)
