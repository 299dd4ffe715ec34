"""In a real browser: no fault that axe knows on any page of review and consent, filled, empty and in error."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from gateway.assembly import Gateway
from gateway.web.sessions import COOKIE
from tests.meadow import Meadow
from tests.review.story import Story
from tests.web.browser import accessibility_faults, serving, width_needed
from tests.web.pages import sign_in

pytestmark = pytest.mark.browser

SCREENSHOTS = os.environ.get("JOURNEY_SCREENSHOTS", "")


@pytest.fixture
def tab(browser: Browser, app: Flask) -> Iterator[Page]:
    """A tab on the served application; a script that breaks, or breaks the policy, fails the test."""
    with serving(app) as address:
        context = browser.new_context(base_url=address)
        tab = context.new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        yield tab
        context.close()
        assert not faults


def become(tab: Page, app: Flask, gateway: Gateway, post_id: str) -> None:
    cookie = sign_in(app.test_client(), gateway, post_id)
    tab.context.clear_cookies()
    tab.context.add_cookies(
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


def look(tab: Page, name: str) -> None:
    """Look at the page as it stands, wide and narrow."""
    for width in (1280, 320):
        tab.set_viewport_size({"width": width, "height": 900})
        assert accessibility_faults(tab) == [], (name, width)
        assert width_needed(tab) <= width, (name, width)
        if SCREENSHOTS:
            tab.screenshot(path=Path(SCREENSHOTS) / f"review-{name}-{width}.png", full_page=True)


def see(tab: Page, path: str, name: str) -> None:
    """Open a page and look at it."""
    answer = tab.goto(path)
    assert answer is not None
    assert answer.ok, path
    look(tab, name)


def press(tab: Page, button: str) -> None:
    """Press a button, and come to the next page."""
    with tab.expect_navigation():
        tab.get_by_role("button", name=button).first.click()


def err(tab: Page, button: str, name: str) -> None:
    """Press a button too early, and look at the page in error."""
    press(tab, button)
    expect(tab).to_have_title(re.compile("^Error: "))
    look(tab, name)


def test_the_advocates_pages(
    tab: Page, app: Flask, sqlite_gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    become(tab, app, sqlite_gateway, meadow.advocate)
    her = f"/advocacy/clients/{meadow.victim}"
    see(tab, "/advocacy/", "home")
    see(tab, f"{her}/before", "before")
    see(tab, f"{her}/log", "log")
    see(tab, f"{her}/log?view=timeline&together=yes", "together")
    see(tab, f"{her}/log?matter=shared&category=housing", "log-filtered")
    see(tab, f"{her}/log?matter=outside", "log-empty")
    see(tab, f"{her}/log/{story.decided}", "entry")
    see(tab, f"{her}/copies", "copies")
    see(tab, f"{her}/print", "print")
    see(tab, f"{her}/end", "end")
    see(tab, "/advocacy/check", "check")
    see(tab, "/advocacy/mandates/new", "mandate")
    err(tab, "Record mandate", "mandate-error")
    see(tab, "/advocacy/concerns", "concerns-empty")
    see(tab, f"{her}/log/{story.released}/concern", "concern")
    err(tab, "Continue", "concern-error")
    tab.get_by_label("It was not agreed to").check()
    tab.get_by_label("What happened, as far as you know?").fill("She had said no to this.")
    tab.get_by_label("Yes", exact=True).check()
    press(tab, "Continue")
    look(tab, "concern-check")
    press(tab, "Send concern")
    look(tab, "concern-sent")
    see(tab, "/advocacy/concerns", "concerns")
    see(tab, "/notices/", "notices")
    become(tab, app, sqlite_gateway, meadow.police_governance)
    see(tab, "/governance/concerns", "officer-concerns")
    with tab.expect_navigation():
        tab.locator("main a").first.click()
    err(tab, "Send answer", "officer-concern-error")
    see(tab, "/governance/concerns/counts", "officer-counts")
    become(tab, app, sqlite_gateway, meadow.other_advocate)
    see(tab, "/advocacy/", "home-empty")


def test_the_pages_of_a_conversation(tab: Page, app: Flask, sqlite_gateway: Gateway, meadow: Meadow) -> None:
    become(tab, app, sqlite_gateway, meadow.housing_officer)
    see(tab, "/views/", "people")
    see(tab, f"/views/cases/{meadow.case}/people/{meadow.victim}/mandate", "staff-mandate")
    see(tab, f"/views/cases/{meadow.case}/people/{meadow.victim}", "person")
    press(tab, "Ask for consent")
    look(tab, "safe")
    err(tab, "Continue", "safe-error")
    for name, choices in (
        ("company", ["Yes"]),
        ("about", ["Nobody else"]),
        ("purposes", []),
        ("categories", ["Early help for a family"]),
        ("agencies", ["Housing and tenancy"]),
        ("until", ["Meadow Housing"]),
    ):
        for choice in choices:
            tab.get_by_label(choice, exact=True).check()
        press(tab, "Continue")
        look(tab, name)
    for part, value in (("Day", "31"), ("Month", "3"), ("Year", "2027")):
        tab.get_by_label(part, exact=True).fill(value)
    press(tab, "Continue")
    look(tab, "answer")
    tab.get_by_label("Yes", exact=True).check()
    press(tab, "Continue")
    look(tab, "words")
    press(tab, "Continue")
    look(tab, "never")
    press(tab, "Continue")
    look(tab, "how")
    for choice in ("On the telephone", "No interpreter", "Yes"):
        tab.get_by_label(choice, exact=True).check()
    press(tab, "Continue")
    look(tab, "read-back")
    press(tab, "This is right")
    look(tab, "done")
    see(tab, f"/views/cases/{meadow.case}/people/{meadow.victim}", "person-filled")
    with tab.expect_navigation():
        tab.get_by_role("link", name="Take back").click()
    look(tab, "withdraw")


def test_the_pages_on_how_a_person_may_be_reached(
    tab: Page, app: Flask, sqlite_gateway: Gateway, meadow: Meadow
) -> None:
    become(tab, app, sqlite_gateway, meadow.housing_officer)
    reach = f"/views/cases/{meadow.case}/people/{meadow.victim}/reach"
    see(tab, reach, "reach-empty")
    see(tab, f"{reach}/record", "reach-record")
    err(tab, "Record", "reach-error")
    tab.get_by_label("Telephone call", exact=True).check()
    tab.get_by_label("Which number or address?").fill("07700 900123")
    for name in ("alone", "voicemail", "letters", "says_who"):
        tab.locator(f"input[name={name}][value={'yes' if name == 'alone' else 'no'}]").check()
    press(tab, "Record")
    look(tab, "reach-recorded")
    see(tab, reach, "reach")
    see(tab, f"{reach}/end", "reach-end")
    press(tab, "End it now")
    look(tab, "reach-ended")
