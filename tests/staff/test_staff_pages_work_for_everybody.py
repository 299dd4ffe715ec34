"""In a real browser: no fault that axe knows on any page of staff, and nothing cut off at 320 pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from gateway.web.sessions import COOKIE
from tests.staff.conftest import Place
from tests.staff.steps import drafted, lines_of, owed, put, put_from_outside, read, sent
from tests.web.browser import accessibility_faults, serving, width_needed
from tests.web.pages import sign_in

pytestmark = pytest.mark.browser

NARROW: ViewportSize = {"width": 320, "height": 800}


@pytest.fixture(scope="module")
def address(place: Place) -> Iterator[str]:
    """Where the pages are served."""
    with serving(place.app) as found:
        yield found


@pytest.fixture
def tab(browser: Browser, place: Place, address: str) -> Iterator[Page]:
    """A tab, in which nothing may break and no policy may be broken."""
    context = browser.new_context(base_url=address, viewport=NARROW)
    shown = context.new_page()
    faults: list[str] = []
    shown.on("pageerror", lambda error: faults.append(str(error)))
    shown.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    yield shown
    context.close()
    assert not faults


def test_every_page_of_the_requester(tab: Page, place: Place) -> None:
    world, gateway = place.world, place.gateway
    draft, asked = (
        drafted(gateway, world),
        put(gateway, world, categories=("risk_assessment", "visor_record")),
    )
    parcel = sent(gateway, world)
    read(gateway, world, parcel)
    _sign_in(tab, place, world.asker)
    for slug in (
        "",
        "/case",
        "/holder",
        "/people",
        "/purpose",
        "/basis",
        "/information",
        "/why",
        "/recipients",
    ):
        _sound(tab, f"{draft}{slug}")
    for slug in ("/needed-by", "/circumstances", "/check", "/discard"):
        _sound(tab, f"{draft}{slug}")
    for end in ("", "/decision", "/received", "/cancel"):
        _sound(tab, f"/staff/requests/{asked}{end}")
    for end in ("", "/chain", "/failed"):
        _sound(tab, f"/staff/parcels/{parcel}{end}")
    for name in ("", "ask", "requests", "parcels", "keys", "keys/about", "keys/make", "keys/restore"):
        _sound(tab, f"/staff/{name}")


def test_every_page_of_the_holder_and_of_those_who_decide(tab: Page, place: Place) -> None:
    world, gateway = place.world, place.gateway
    asked, outside = put(gateway, world), put_from_outside(gateway, world)
    referred = lines_of(gateway, world, put(gateway, world, categories=("visor_record",)))[0]
    review = owed(gateway, world, asked, "emergency_review")
    line = lines_of(gateway, world, asked)[0]
    _sign_in(tab, place, world.holder)
    for end in (
        "",
        f"/{asked}",
        f"/{asked}/need-more",
        f"/{asked}/declare",
        f"/{outside}",
        f"/{outside}/identify",
    ):
        _sound(tab, f"/staff/desk{end}")
    for end in ("release", "decline", "nothing-held"):
        _sound(tab, f"/staff/desk/lines/{line}/{end}")
    for name in (
        "tasks",
        f"tasks/{review}/review",
        "approaches",
        "approaches/new",
        "cover",
        "known/risk",
        "known/conflict",
    ):
        _sound(tab, f"/staff/{name}")
    _sign_in(tab, place, world.authoriser)
    _sound(tab, "/staff/authorisations")
    _sound(tab, f"/staff/authorisations/{referred}")


def test_a_form_sent_empty_leads_each_error_to_an_input(tab: Page, place: Place) -> None:
    world, gateway = place.world, place.gateway
    line = lines_of(gateway, world, put(gateway, world))[0]
    _sign_in(tab, place, world.holder)
    tab.goto(f"/staff/desk/lines/{line}/release")
    tab.get_by_role("button", name="Seal and share").click()
    expect(tab).to_have_title(re.compile("^Error: "))
    assert accessibility_faults(tab) == []
    expect(tab.locator(".govuk-error-summary")).to_be_focused()
    links = tab.locator(".govuk-error-summary__list a").all()
    assert links
    for link in links:
        target = (link.get_attribute("href") or "#").removeprefix("#")
        link.click()
        expect(tab.locator(f'input[id="{target}"], textarea[id="{target}"]')).to_be_focused()


def _sign_in(tab: Page, place: Place, post_id: str) -> None:
    value = sign_in(place.app.test_client(), place.gateway, post_id)
    tab.context.add_cookies(
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


def _sound(tab: Page, url: str) -> None:
    tab.goto(url)
    assert url in tab.url, f"{url} led to {tab.url}"
    assert accessibility_faults(tab) == [], url
    assert width_needed(tab) <= NARROW["width"], url
