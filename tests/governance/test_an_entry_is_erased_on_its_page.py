"""An officer asks on an entry's page for it to be erased; another finds that waiting, and erases it or refuses."""

from __future__ import annotations

from gateway.cli.demo_stage import Stage
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import LoggedEntry
from gateway.notices.who import to_tell
from tests.governance.test_an_entry_is_held_back_on_its_page import become, newest, place_of, released, web
from tests.web.pages import Page, Web

__all__ = ["released", "web"]
ASKED = {"ground": "wrong_person", "reasons": "It is of another case."}


def asked(web: Web, stage: Stage, entry: LoggedEntry) -> Page:
    """The police officer asks."""
    become(web, stage, "police-ig")
    return web.submit(web.page(f"{place_of(entry)}/erase"), ASKED)


def test_nothing_is_erased_until_the_second_officer_approves_it(
    web: Web, quick_stage: Stage, released: LoggedEntry
) -> None:
    shown = asked(web, quick_stage, released)
    assert "Its erasure was asked for, and waits for a second officer" in shown.text
    assert "Erase it, as the second officer" not in shown.links()
    assert "Erasures of entries" not in web.page("/governance/").text
    for name in ("erase", "erase/approve"):
        web.page(f"{place_of(released)}/{name}", status=403)

    said = newest(quick_stage, EntryKind.ENTRY_ERASURE_ASKED)
    office = become(web, quick_stage, "office-ig")
    assert office in quick_stage.do(lambda unit: to_tell(unit, said))
    assert "Erasures of entries to approve 1" in web.page("/governance/").text
    assert place_of(released) in web.page("/governance/entries").links().values()
    approve = web.page(f"{place_of(released)}/erase/approve")
    assert "It is of another case." in approve.text
    done = web.submit(approve)
    assert "The entry is erased" in done.text
    assert "It is of another case." not in done.text
    assert web.client.get(place_of(released)).status_code == 410
    because = web.page(place_of(newest(quick_stage, EntryKind.ENTRY_ERASED)))
    assert "It is of another case." in because.text
    become(web, quick_stage, "probation-ig")
    assert web.client.get(place_of(released)).data == web.client.get("/nothing-here").data


def test_refusing_leaves_it_as_it_is(web: Web, quick_stage: Stage, released: LoggedEntry) -> None:
    asked(web, quick_stage, released)
    become(web, quick_stage, "office-ig")
    done = web.submit(web.page(f"{place_of(released)}/erase/refuse"))
    assert "Nothing was erased." in done.text
    assert done.path == place_of(released)
    assert "Erasures of entries" not in web.page("/governance/").text
    assert "Refused" in web.page("/governance/entries").text


def test_each_mistake_is_named_beside_its_field(web: Web, quick_stage: Stage, released: LoggedEntry) -> None:
    become(web, quick_stage, "police-ig")
    shown = web.submit(web.page(f"{place_of(released)}/erase"), {}, status=422).text
    assert "Choose why" in shown
    assert "Say why in a sentence" in shown
