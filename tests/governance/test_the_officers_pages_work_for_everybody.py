"""In a real browser: the officer's pages have no fault that axe knows, filled and in error, also at 320 pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from gateway.assembly import Gateway
from gateway.policy.lifecycle import activate_shipped
from gateway.web.sessions import COOKIE
from tests.governance.test_the_officers_pages import KEYS, LISTS, ONE_OF
from tests.registry.sample import Sample
from tests.web.browser import accessibility_faults, serving, width_needed
from tests.web.pages import sign_in

pytestmark = pytest.mark.browser
SCREENSHOTS = os.environ.get("JOURNEY_SCREENSHOTS", "")
IN_ERROR = ("subjects/{}/walls/new", "subjects/{}/correct", "subjects/{}/erase")


@pytest.fixture
def tab(browser: Browser, app: Flask, registered: Gateway, sample: Sample) -> Iterator[Page]:
    """A tab in which the officer of the partnership is signed in."""
    cookie = sign_in(app.test_client(), registered, sample.id("post", "office-ig-1"))
    with serving(app) as address:
        context = browser.new_context(base_url=address)
        context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": cookie,
                    "domain": "127.0.0.1",
                    "path": "/",
                    "secure": True,
                    "httpOnly": True,
                }
            ]
        )
        yield context.new_page()
        context.close()


def test_no_page_of_the_officer_has_a_fault_that_axe_knows(tab: Page, sample: Sample) -> None:
    with sample.writing() as unit:
        activate_shipped(unit, sample.partnership_id, sample.id("agency", "office"), ("core", "mappa"))
    paths = [
        f"/governance/{path.format(sample.id(kind, KEYS[kind]))}"
        for kind, all_ in ONE_OF.items()
        for path in all_
    ]
    for path in (*LISTS, "/governance/policies", "/governance/policies/packs/mappa", *paths):
        tab.set_viewport_size({"width": 1280, "height": 800})
        _check(tab, path)
        tab.set_viewport_size({"width": 320, "height": 800})
        assert width_needed(tab) <= 320, path


def test_no_page_in_error_has_one_either_and_its_links_reach_the_fields(tab: Page, sample: Sample) -> None:
    for path in IN_ERROR:
        tab.goto("/governance/" + path.format(sample.id("subject", "s-2001")))
        tab.locator("main form button").first.click()
        expect(tab).to_have_title(re.compile("^Error:"))
        assert accessibility_faults(tab) == [], path
        expect(tab.locator(".govuk-error-summary")).to_be_focused()
        links = tab.locator(".govuk-error-summary a").all()
        assert links, path
        for link in links:
            target = (link.get_attribute("href") or "#").removeprefix("#")
            link.click()
            expect(tab.locator(f'[id="{target}"]'), path).to_be_focused()


def _check(tab: Page, path: str) -> None:
    answer = tab.goto(path)
    assert answer is not None
    assert answer.status == 200, path
    assert accessibility_faults(tab) == [], path
    if SCREENSHOTS:
        tab.screenshot(path=Path(SCREENSHOTS) / f"{re.sub(r'[^a-z-]+', '_', path)[-60:]}.png", full_page=True)
