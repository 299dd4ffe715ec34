"""Every page of staff, for somebody with nothing to do and somebody with much; foreign things are not there."""

from __future__ import annotations

import re

import pytest

from gateway.store.tables import new_id
from tests.staff.conftest import Place
from tests.staff.steps import drafted, owed, put, put_from_outside, read, sent
from tests.staff.world import World
from tests.web.pages import Web, checked

LISTS = (
    "/staff/",
    "/staff/ask",
    "/staff/requests",
    "/staff/desk",
    "/staff/authorisations",
    "/staff/tasks",
    "/staff/parcels",
    "/staff/keys",
    "/staff/keys/about",
    "/staff/keys/make",
    "/staff/keys/restore",
    "/staff/approaches",
    "/staff/approaches/new",
    "/staff/cover",
    "/staff/known/risk",
    "/staff/known/conflict",
)
TABS = ("waiting", "needs_more", "decided", "overdue", "to_release", "done", "no-such-tab", "%00", "'")
_ID = re.compile(r"<id:(\w+)>")


@pytest.fixture(scope="module")
def busy(place: Place) -> World:
    """The shared place with something in every list."""
    gateway, world = place.gateway, place.world
    drafted(gateway, world)
    drafted(gateway, world, world.holder)
    put(gateway, world, categories=("risk_assessment", "convictions"))
    put(gateway, world, categories=("visor_record",))
    put_from_outside(gateway, world)
    owed(gateway, world, put(gateway, world), "inform_subject")
    read(gateway, world, sent(gateway, world))
    sent(gateway, world)
    return world


@pytest.mark.parametrize("address", LISTS)
def test_every_list_is_sound_when_there_is_nothing(web: Web, world: World, address: str) -> None:
    web.sign_in(world.meadow.housing_officer)
    web.page(address)


@pytest.mark.parametrize("address", LISTS)
def test_every_list_is_sound_when_there_is_much(web: Web, busy: World, address: str) -> None:
    for post_id in (busy.asker, busy.holder, busy.authoriser):
        web.sign_in(post_id)
        web.page(address)


@pytest.mark.parametrize("tab", TABS)
def test_any_tab_gives_a_list(web: Web, busy: World, tab: str) -> None:
    web.sign_in(busy.holder)
    web.page(f"/staff/requests?tab={tab}")
    web.page(f"/staff/desk?tab={tab}")


@pytest.mark.parametrize("who", ["asker", "holder", "authoriser"])
def test_every_link_of_every_list_leads_to_a_sound_page_without_a_name(
    web: Web, busy: World, who: str
) -> None:
    web.sign_in(getattr(busy, who))
    found = {href for address in LISTS for href in web.page(address).links().values()}
    one_of_each = {re.sub("[0-9a-f]{32}", "…", href): href for href in found if href.startswith("/staff/")}
    leading = [href for href in one_of_each.values() if href not in LISTS]
    for href in leading:
        shown = checked(web.client.get(href, follow_redirects=True))
        assert "Name of" not in shown.title + href
    assert leading


def test_what_does_not_exist_is_the_same_404_for_every_route(web: Web, place: Place, world: World) -> None:
    web.sign_in(world.holder)
    bodies = set()
    for rule in place.app.url_map.iter_rules():
        if (
            not rule.endpoint.startswith("staff.")
            or "GET" not in (rule.methods or ())
            or not _ID.search(rule.rule)
        ):
            continue
        address = _ID.sub(lambda _: new_id(), rule.rule).replace("<code:slug>", "case")
        shown = web.page(address, status=404)
        bodies.add(shown.h1)
    assert bodies == {"Page not found"}


def test_nobody_but_staff_comes_in(web: Web, world: World) -> None:
    web.sign_in(world.meadow.police_governance)
    for address in LISTS:
        # An officer comes in to one: what is referred to her she decides there.
        web.page(address, status=200 if address == "/staff/authorisations" else 403)
