"""Three people do the gateway's main job: she asks and opens, police release, the advocate sees exactly that."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.journeys.conftest import Demonstration, Visitor
from tests.sealing.search import holds
from tests.stored import where_found

pytestmark = pytest.mark.browser

Visit = Callable[[str], Visitor]
_SECRET = "Reported on Tuesday, as his licence says."


def test_a_probation_officer_asks_police_release_and_she_alone_opens(
    visit: Visit, demonstration: Demonstration
) -> None:
    nadia = visit("Nadia Sample")
    nadia.restores_keys("probation-om")
    reference = _ask(nadia)
    assert "Can be shared" in nadia.reads()
    assert "Not shared" in nadia.reads()

    owen = visit("Owen Specimen")
    _release(owen, reference)

    nadia.goes("/staff/parcels")
    nadia.follows(reference)
    _open(nadia)
    shown = nadia.tab.locator('[data-part="items"]')
    shown.get_by_text(_SECRET).wait_for()
    assert "OFFICIAL-SENSITIVE" in nadia.tab.locator('[data-step="opened"]').inner_text()
    assert where_found(demonstration.gateway.store, _SECRET) == []
    kept = [path for path in demonstration.folder.rglob("*") if path.is_file()]
    assert [path for path in kept if holds(path.read_bytes(), _SECRET)] == []


def test_another_persona_cannot_see_what_was_sent(visit: Visit, demonstration: Demonstration) -> None:
    nadia = visit("Nadia Sample")
    nadia.goes("/staff/parcels")
    href = nadia.tab.locator("main a[href*='/staff/parcels/']").first.get_attribute("href") or ""
    hana = visit("Hana Example")
    answer = hana.tab.goto(demonstration.address + href)
    assert answer is not None
    assert answer.status == 404


def test_the_advocate_reads_her_clients_log_and_it_verifies(visit: Visit) -> None:
    asha = visit("Asha Sample")
    with asha.tab.expect_navigation():
        asha.tab.locator("main a[href*='/log']").first.click()
    asha.looks()
    said = asha.reads()
    assert re.search(r"verif", said, re.IGNORECASE)
    assert re.search(r"refus", said, re.IGNORECASE)
    assert "Invented Street" not in said


def test_the_officer_reads_the_policy_in_words_and_as_source(visit: Visit) -> None:
    grace = visit("Grace Example")
    grace.goes("/governance/policies")
    assert "MAPPA" in grace.reads()


def _ask(nadia: Visitor) -> str:
    nadia.goes("/staff/ask")
    nadia.ticks("Ask another agency")
    nadia.presses("Continue")
    nadia.follows("Choose the case")
    for choice in (("M2-0417",), ("Meadowshire Police",), ("Perpetrator",), ("Protecting the public",)):
        for text in choice:
            nadia.ticks(text)
        nadia.presses("Save and continue")
    nadia.presses("Save and continue")  # the lawful basis, as it is usual
    nadia.ticks("Licence, bail, order and tag conditions")
    nadia.ticks("Sexual history")
    nadia.presses("Save and continue")
    nadia.tab.locator("main textarea").first.fill("To see whether he keeps to what the meeting set.")
    nadia.presses("Save and continue")
    nadia.ticks("Nadia Sample")
    nadia.presses("Save and continue")
    nadia.presses("Save and continue")  # no date
    nadia.presses("Save and continue")  # nothing to declare
    nadia.presses("Send")
    found = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}", nadia.tab.title() + nadia.reads())
    assert found
    return found.group()


def _release(owen: Visitor, reference: str) -> None:
    owen.goes("/staff/desk")
    owen.follows(reference)
    owen.presses("^Share")
    owen.tab.locator("main textarea").first.fill(_SECRET)
    day = date.today() - timedelta(days=2)  # noqa: DTZ011 - what a person would type
    for part, value in (("Day", day.day), ("Month", day.month), ("Year", day.year)):
        owen.tab.get_by_label(part, exact=True).fill(str(value))
    for text in ("Yes", "Fact"):
        owen.ticks(text)
    owen.fills("action|Action", "Weekly supervision; offender manager")
    owen.presses("^(Share|Send|Continue|Seal)")


def _open(nadia: Visitor) -> None:
    for box in nadia.tab.locator("main input[type=checkbox]").all():
        box.check()
    button = nadia.tab.locator("main").get_by_role("button", name=re.compile("Accept|Continue"))
    if button.count():
        nadia.presses("Accept|Continue")
    nadia.tab.locator('[data-action="open"]').first.click()
