"""The whole of it in a real browser: make keys there, have them approved, open there what was sealed to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.disclosure import keyring
from gateway.registry.actors import actor_for_post
from gateway.web.sessions import COOKIE
from tests.staff.conftest import Place
from tests.staff.steps import sent
from tests.web.browser import accessibility_faults, serving
from tests.web.pages import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(browser: Browser, later: Place) -> Iterator[Page]:
    """A tab in which the offender manager is signed in, on a place of its own."""
    with serving(later.app) as address:
        context = browser.new_context(base_url=address)
        value = sign_in(later.app.test_client(), later.gateway, later.world.asker)
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
        shown = context.new_page()
        faults: list[str] = []
        shown.on("pageerror", lambda error: faults.append(str(error)))
        shown.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
        yield shown
        context.close()
        assert not faults


def test_keys_made_in_the_browser_open_what_is_sealed_to_them(tab: Page, later: Place) -> None:
    _make_keys(tab)
    _approve(later)
    parcel = f"/staff/parcels/{sent(later.gateway, later.world)}"
    tab.goto(parcel)
    for _ in range(2):  # and again later, each time recorded
        tab.get_by_role("button", name="Open", exact=True).click()
        expect(tab.locator('[data-part="items"]')).to_contain_text("The level is high.", timeout=20_000)
        assert accessibility_faults(tab) == []
        tab.goto(parcel)
    expect(tab.locator("main")).to_contain_text("2 times")
    tab.goto("/staff/keys")
    expect(tab.get_by_text("In this browser", exact=True)).to_have_count(1)


def test_without_the_key_nothing_opens_and_the_failure_is_recorded(tab: Page, later: Place) -> None:
    parcel = f"/staff/parcels/{sent(later.gateway, later.world)}"
    tab.goto(parcel)
    with tab.expect_response(lambda answer: answer.url.endswith("/not-opened")) as told:
        tab.get_by_role("button", name="Open", exact=True).click()
    assert told.value.ok
    expect(tab.locator('[data-part="trouble"]')).to_contain_text("isn't in this browser")
    assert accessibility_faults(tab) == []


def _make_keys(tab: Page) -> None:
    tab.goto("/staff/keys/make")
    tab.get_by_role("button", name="Make my keys").click()
    shown = tab.locator('[data-part="words"] li')
    expect(shown).to_have_count(10)
    words = shown.all_text_contents()
    tab.get_by_role("button", name="I have saved the file").click()
    for box in tab.locator('[data-part="word"]').all():
        box.fill(words[int(box.get_attribute("data-place") or "0") - 1])
    tab.get_by_role("button", name="Continue").click()
    expect(tab.get_by_role("heading", name="Your keys wait for approval")).to_be_visible(timeout=20_000)
    assert accessibility_faults(tab) == []


def _approve(place: Place) -> None:
    with place.gateway.store.writing() as unit:
        officer = actor_for_post(unit, place.world.officers[place.world.meadow.probation])
        for key in keyring.to_approve(unit, officer):
            keyring.approve(unit, officer, key.id)
