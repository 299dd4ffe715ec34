"""In a real browser: no fault that axe knows, nothing cut off at 320 pixels, and the keyboard suffices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from gateway.assembly import Gateway
from tests.web import gallery
from tests.web.browser import accessibility_faults, serving, width_needed
from tests.web.fixtures import shared_app
from tests.web.register import Register

pytestmark = pytest.mark.browser

PAGES = (
    "/gallery/components",
    "/gallery/form",
    "/posts",
    "/safety",
    "/accessibility",
    "/privacy",
    "/nothing-here",
)


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application with the gallery of components."""
    return shared_app(sqlite_gateway, gallery.blueprint)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where it is served."""
    with serving(app) as found:
        yield found


@pytest.fixture
def tab(browser: Browser, address: str, register: Register) -> Iterator[Page]:
    """A tab in which somebody of the staff is signed in; a script that breaks or breaks the policy fails the test."""
    context = browser.new_context(base_url=address)
    tab = context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on(
        "console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None
    )
    tab.goto(f"/gallery/as/{register.staff}")
    yield tab
    context.close()
    assert not faults


def test_no_page_has_a_fault_that_axe_knows(tab: Page) -> None:
    """WCAG 2.2 A and AA: filled, empty, and in error; wide and narrow."""
    for width in (1280, 320):
        tab.set_viewport_size({"width": width, "height": 800})
        for url in PAGES:
            tab.goto(url)
            assert accessibility_faults(tab) == [], (url, width)
            assert width_needed(tab) <= width, url
    tab.goto("/gallery/form")
    tab.get_by_role("button", name="Continue").click()
    expect(tab).to_have_title("Error: Tell us what you need - Disclosure Gateway")
    assert accessibility_faults(tab) == []


def test_axe_would_say_so(tab: Page) -> None:
    """The control: an input without a label is found."""
    tab.goto("/gallery/form")
    tab.evaluate("document.querySelector('label[for=line]').remove()")
    assert any(fault.startswith("label:") for fault in accessibility_faults(tab))


def test_each_error_leads_to_its_input(tab: Page) -> None:
    """A click on the sentence puts the cursor where the correction goes; the summary has the focus first."""
    tab.goto("/gallery/form")
    tab.get_by_role("button", name="Continue").click()
    expect(tab.locator(".govuk-error-summary")).to_be_focused()
    for link in tab.locator(".govuk-error-summary a").all():
        wanted = (link.get_attribute("href") or "#").removeprefix("#")
        link.click()
        expect(tab.locator(f"#{wanted}")).to_be_focused()


def test_the_keyboard_comes_to_the_content_at_once(tab: Page) -> None:
    """The first stop is the link past the navigation, and it works."""
    tab.goto("/gallery/form")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to main content")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    expect(tab.locator("#line")).to_be_focused()


def test_time_can_be_extended_and_the_server_hears_of_it(tab: Page) -> None:
    """Two minutes before the end a dialog asks; staying keeps the session, silence ends it."""
    tab.clock.install()
    tab.goto("/gallery/form")
    dialog = tab.get_by_role("dialog", name="You will be signed out soon")
    tab.clock.fast_forward("12:00")
    expect(dialog).not_to_be_visible()
    tab.clock.fast_forward("00:45")
    tab.clock.run_for(2000)
    expect(dialog).to_be_visible()
    assert accessibility_faults(tab) == []
    with tab.expect_response("**/session/extend") as answer:
        dialog.get_by_role("button", name="Stay signed in").click()
    assert answer.value.status == 204
    expect(dialog).not_to_be_visible()
    tab.clock.fast_forward("15:00")
    tab.clock.run_for(2000)
    tab.wait_for_url("**/signed-out")
    tab.goto("/posts")
    expect(tab.get_by_role("heading", level=1)).to_have_text("You are signed out")


def test_leaving_works_by_button_and_by_keyboard(tab: Page, app: Flask, address: str) -> None:
    """Shift three times, or the button: away to a neutral page, and nobody is signed in behind it."""
    weather = Flask("weather")
    weather.add_url_rule("/", "weather", lambda: "<title>Weather</title>")
    with serving(weather) as neutral:
        leading_to(app, neutral)
        for leave in (press_exit, press_shift_three_times):
            tab.goto("/safety")
            expect(tab).to_have_title("Staying safe online - Pages")
            leave(tab)
            expect(tab).to_have_title("Weather")
            assert tab.evaluate("document.referrer") == ""
            assert tab.context.cookies(address) == []
        tab.goto("about:blank")


def test_without_scripts_every_form_still_works(browser: Browser, address: str, register: Register) -> None:
    """JavaScript only makes it more comfortable."""
    context = browser.new_context(base_url=address, java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"/gallery/as/{register.staff}")
    plain.goto("/gallery/form")
    plain.get_by_role("button", name="Continue").click()
    expect(plain.get_by_role("heading", name="There is a problem")).to_be_visible()
    context.close()


def leading_to(app: Flask, url: str) -> None:
    """Make the exit lead to another page than in the settings."""
    gateway: Gateway = app.extensions["gateway"]
    web = gateway.settings.web.model_copy(update={"exit_url": url})
    app.extensions["gateway"] = replace(gateway, settings=gateway.settings.model_copy(update={"web": web}))


def press_exit(tab: Page) -> None:
    """The button."""
    tab.get_by_role("button", name="Exit this page").click()


def press_shift_three_times(tab: Page) -> None:
    """The exit's keyboard shortcut."""
    for _ in range(3):
        tab.keyboard.press("Shift")
