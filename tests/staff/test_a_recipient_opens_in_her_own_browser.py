"""The whole of it in a real browser: make keys there, have them approved, open there what was sealed to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from gateway_verify.checkpoint import Checkpoint
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gateway.disclosure import keyring, reconfirm
from gateway.ledger.entries import EntryKind
from gateway.ledger.log_keys import create_log_keys, load_log_keys
from gateway.ledger.publish import newest_checkpoint
from gateway.ledger.read import Filter, entries_by_post
from gateway.ledger.witness import ask_witnesses
from gateway.ledger.witness_log import WitnessLog
from gateway.registry.actors import actor_for_post
from gateway.sealing.models import Parcel
from gateway.store.unit_of_work import Store
from gateway.web.sessions import COOKIE
from tests.ledger.made import recorded
from tests.ledger.restores import begun, seen_by_witnesses
from tests.ledger.test_witnesses_see_what_the_database_can_hide import cut_tail
from tests.ledger.witnesses import running
from tests.staff.conftest import Place
from tests.staff.steps import sent
from tests.web.browser import accessibility_faults, serving, width_needed
from tests.web.pages import sign_in

pytestmark = pytest.mark.browser

LOST = 3


@pytest.fixture
def tab(browser: Browser, later: Place) -> Iterator[Page]:
    """A tab in which the offender manager is signed in, on a place of its own."""
    with serving(later.app) as address:
        context = browser.new_context(base_url=address)
        _sign_in(context, later)
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
        expect(tab.locator('[data-part="items"]')).to_contain_text("The level is high.")
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


def test_after_a_restore_she_compares_the_ledger_before_it_opens_anything(
    tab: Page, later: Place, tmp_path: Path
) -> None:
    gateway, world, clock = later.gateway, later.world, later.clock
    store, journal = gateway.store, gateway.journal
    tab.clock.set_fixed_time(clock.now())
    _make_keys(tab)
    _approve(later)
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 1)
        ask_witnesses(store, journal)
        parcel_id = sent(gateway, world)
        parcel = f"/staff/parcels/{parcel_id}"
        _opens(tab, parcel)
        expect(tab.locator('[data-part="checked"]')).to_contain_text("last signed it at 22 November 2026")
        expect(tab.locator('[data-part="checked"]')).to_contain_text("could still be taken back")
        former = journal.keys.public(journal.origin)[0].fingerprint

        size = _size(store) + LOST
        _restore(later, witnesses, tmp_path, parcel_id)
        tab.clock.set_fixed_time(clock.now())
        _sign_in(tab.context, later)
        tab.goto(parcel)
        tab.get_by_role("button", name="Open", exact=True).click()
        panel = tab.locator('[data-step="changed"]')
        expect(panel).to_be_visible()
        assert "The level is high." not in tab.content()
        present = journal.keys.public(f"{journal.origin}/epoch-2")[0].fingerprint
        gap = f"Witnesses had seen {size} entries, the backup held {size - LOST}, and {LOST} were lost."
        when = f"took the place of {journal.origin} at 22 November 2026"
        for words in (former, present, when, gap, "have signed the new ledger"):
            expect(panel).to_contain_text(words)
        assert accessibility_faults(tab) == []
        tab.set_viewport_size({"width": 320, "height": 640})
        assert width_needed(tab) <= 320
        tab.get_by_label("A witness of the ledger").check()
        tab.get_by_label("The last five digits").fill(present.split()[-1])
        tab.get_by_role("button", name="Accept this ledger and go on").click()
        expect(tab.locator('[data-part="items"]')).to_contain_text("The level is high.")
        _opens(tab, parcel)  # and from now on without a word
    with store.reading() as unit:
        wanted = Filter(kinds=(EntryKind.LOG_CONFIRMED, EntryKind.PARCEL_OPENING_FAILED))
        confirmed, failed = entries_by_post(unit, world.asker, wanted).entries
    assert (confirmed.kind, confirmed.codes["asked"]) == (EntryKind.LOG_CONFIRMED, "witness")
    assert confirmed.codes["declared"] is True
    assert failed.codes["reason"] == "log_changed"


def _opens(tab: Page, parcel: str) -> None:
    tab.goto(parcel)
    tab.get_by_role("button", name="Open", exact=True).click()
    expect(tab.locator('[data-part="items"]')).to_contain_text("The level is high.")


def _restore(place: Place, witnesses: Sequence[WitnessLog], folder: Path, parcel_id: str) -> None:
    """Lose the last entries, begin the log anew as two officers declared, and confirm the parcel."""
    gateway, store, journal = place.gateway, place.gateway.store, place.gateway.journal
    recorded(store, LOST)
    ask_witnesses(store, journal)
    cut_tail(store, _size(store) - LOST)
    place.clock.advance(timedelta(minutes=5))
    create_log_keys(folder / "new.key")
    with store.writing() as unit:
        begun(unit, load_log_keys(folder / "new.key"), seen_by_witnesses(store, journal))
    for one in witnesses:
        one.trust(journal.vkey(f"{journal.origin}/epoch-2"))
    with gateway.store.writing() as unit:
        line_id = unit.session.get_one(Parcel, parcel_id).line_id
        reconfirm.reconfirm(unit, actor_for_post(unit, place.world.holder), line_id)
    ask_witnesses(store, journal)


def _size(store: Store) -> int:
    with store.reading() as unit:
        return Checkpoint.parse(newest_checkpoint(unit).text).size


def _sign_in(context: BrowserContext, place: Place) -> None:
    value = sign_in(place.app.test_client(), place.gateway, place.world.asker)
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
    expect(tab.get_by_role("heading", name="Your keys wait for approval")).to_be_visible()
    assert accessibility_faults(tab) == []


def _approve(place: Place) -> None:
    with place.gateway.store.writing() as unit:
        officer = actor_for_post(unit, place.world.officers[place.world.meadow.probation])
        for key in keyring.to_approve(unit, officer):
            keyring.approve(unit, officer, key.id)
