"""An officer finds an entry, holds it back on its page, and another officer finds it waiting and decides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure.content import Content
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import LoggedEntry
from gateway.notices.who import to_tell
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED
from tests.web.fixtures import shared_app
from tests.web.pages import Page, Web

WHY = "The inquiry runs until January."
HELD = {
    "ground": "tipping_off",
    "reasons": WHY,
    "review_on-day": "15",
    "review_on-month": "1",
    "review_on-year": "2027",
}


@pytest.fixture
def web(quick_stage: Stage) -> Web:
    """A browser on Meadowshire."""
    return Web(shared_app(quick_stage.gateway), quick_stage.gateway)


@pytest.fixture
def released(quick_stage: Stage) -> LoggedEntry:
    """What the log says of something that the police released."""
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.release("police-ppu", line_id, Content(text="Two convictions."), "Plan")
    return newest(quick_stage, EntryKind.RELEASE_MADE)


def newest(stage: Stage, kind: EntryKind) -> LoggedEntry:
    """The newest entry of a kind."""

    def find(unit: Unit) -> LoggedEntry:
        chosen = read.Filter(kinds=(kind,), limit=1)
        return read.entries_in_partnership(unit, stage.partnership_id(unit), chosen).entries[0]

    return stage.do(find)


def become(web: Web, stage: Stage, code: str) -> str:
    """Sign in with a post, by its code; gives its id."""
    post_id = stage.do(lambda unit: stage.post_id(unit, code))
    web.sign_in(post_id)
    return post_id


def place_of(entry: LoggedEntry) -> str:
    """The page of an entry."""
    return f"/governance/entries/{entry.entry_id}"


def held(web: Web, stage: Stage, entry: LoggedEntry, reviewer: str = "office-ig") -> Page:
    """The police officer holds it back."""
    reviewer_id = stage.do(lambda unit: stage.post_id(unit, reviewer))
    become(web, stage, "police-ig")
    return web.submit(web.page(f"{place_of(entry)}/hold"), {**HELD, "reviewer": reviewer_id})


def test_it_is_found_from_its_decision_and_by_its_number(
    web: Web, quick_stage: Stage, released: LoggedEntry
) -> None:
    become(web, quick_stage, "police-ig")
    decision = web.page(f"/governance/decisions/{released.request_id}")
    assert place_of(released) in decision.links().values()
    listed = web.page("/governance/entries")
    for asked in (str(released.number), released.entry_id):
        found = web.submit(listed, {"find": asked})
        assert found.h1 == f"Entry {released.number}: {_title(web, released)}"
    for asked in ("999999", "Robin"):
        assert "number" in web.submit(listed, {"find": asked}, status=422).text
    assert "Enter the number of an entry" in web.submit(listed, {"find": ""}, status=422).text


def _title(web: Web, entry: LoggedEntry) -> str:
    return web.page(place_of(entry)).h1.split(": ", maxsplit=1)[1]


def test_it_is_held_back_at_once_and_waits_for_the_officer_who_was_named(
    web: Web, quick_stage: Stage, released: LoggedEntry
) -> None:
    shown = held(web, quick_stage, released)
    assert "Held back until somebody looks at it again on 15 January 2027" in shown.text
    assert "It would warn somebody who is under investigation" in shown.text
    assert "Reveal it" not in shown.links()
    assert "look at again" not in web.page("/governance/").text
    for name in ("reveal", "keep-holding", "hold"):
        web.page(f"{place_of(released)}/{name}", status=403)

    said = newest(quick_stage, EntryKind.ENTRY_HELD)
    office = become(web, quick_stage, "office-ig")
    assert quick_stage.do(lambda unit: to_tell(unit, said)) == {office}
    assert "Entries held back that you look at again 1" in web.page("/governance/").text
    assert place_of(released) in web.page("/governance/entries").links().values()
    keep = web.page(f"{place_of(released)}/keep-holding")
    days = {name: HELD[name] for name in HELD if name.startswith("review_on")}
    kept = web.submit(keep, {"reasons": WHY, **days, "review_on-month": "3"})
    assert "15 March 2027" in kept.text
    done = web.submit(web.page(f"{place_of(released)}/reveal"), {"reasons": "The inquiry is over."})
    assert "The entry is revealed." in done.text
    assert "Hold it back" not in done.links()
    assert "look at again" not in web.page("/governance/").text


def test_an_overdue_review_is_flagged_to_both(web: Web, quick_stage: Stage, released: LoggedEntry) -> None:
    held(web, quick_stage, released)
    assert "overdue" not in web.page("/governance/").text
    quick_stage.clock.advance(timedelta(days=60))
    for code in ("police-ig", "office-ig"):
        become(web, quick_stage, code)
        assert "Entries held back whose review is overdue" in web.page("/governance/").text
        assert "15 January 2027, overdue" in web.page("/governance/entries").text
        assert "The review is overdue" in web.page(place_of(released)).text
    become(web, quick_stage, "probation-ig")  # the control
    assert "Entries held back" not in web.page("/governance/").text


def test_each_mistake_is_named_beside_its_field(web: Web, quick_stage: Stage, released: LoggedEntry) -> None:
    become(web, quick_stage, "police-ig")
    form = web.page(f"{place_of(released)}/hold")
    shown = web.submit(form, {}, status=422).text
    for told in ("Choose why", "Say why in a sentence", "Enter the day of the review", "Choose who looks"):
        assert told in shown
    office = quick_stage.do(lambda unit: quick_stage.post_id(unit, "office-ig"))
    late = {**HELD, "reviewer": office, "review_on-year": "2029"}
    assert "within the next six months" in web.submit(form, late, status=422).text
    own = quick_stage.do(lambda unit: quick_stage.post_id(unit, "police-ig"))
    assert own not in str(form.all("option"))
    assert "from the list" in web.submit(form, {**HELD, "reviewer": own}, status=422).text


def test_an_entry_of_another_agency_or_partnership_is_the_same_404(
    web: Web, quick_stage: Stage, released: LoggedEntry
) -> None:
    become(web, quick_stage, "police-ig")
    assert web.client.get(place_of(released)).status_code == 200  # the control
    become(web, quick_stage, "probation-ig")
    expected = web.client.get("/nothing-here").data
    for end in ("", "/hold", "/keep-holding", "/reveal", "/erase", "/erase/approve", "/erase/refuse"):
        for entry_id in (released.entry_id, "0" * 32):
            answer = web.client.get(f"/governance/entries/{entry_id}{end}")
            assert (answer.status_code, answer.data) == (404, expected), end
