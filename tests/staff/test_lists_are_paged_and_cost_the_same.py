"""A list shows fifty requests at a time, and takes as many statements for sixty requests as for five."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from gateway.disclosure import lists
from gateway.disclosure.models import Line, Request
from gateway.registry.actors import actor_for_post
from gateway.store.tables import new_id, new_reference
from tests.staff.conftest import Place
from tests.staff.steps import put
from tests.web.pages import Web


@contextmanager
def statements(place: Place) -> Iterator[list[str]]:
    """Every statement that a block sends to the store."""
    seen: list[str] = []

    def note(_c: Any, _k: Any, text: str, *_: Any) -> None:
        seen.append(text)

    sa.event.listen(place.gateway.store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(place.gateway.store.engine, "before_cursor_execute", note)


def copied(place: Place, request_id: str, times: int) -> None:
    """As many requests more, each with its line, as like the first as one row is like another."""
    with place.gateway.store.writing() as unit:
        request = unit.session.get_one(Request, request_id)
        line = unit.session.exec(select(Line).where(Line.request_id == request_id)).one()
        for _ in range(times):
            fields = request.model_dump() | {"id": new_id(), "reference": new_reference()}
            made = Request(**fields)
            unit.session.add(made)
            unit.session.flush()
            unit.session.add(Line(**line.model_dump() | {"id": new_id(), "request_id": made.id}))


def cost(web: Web, place: Place, path: str) -> int:
    """How many statements a page of the lists takes."""
    with statements(place) as seen:
        assert web.client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize("path", ["/staff/requests?tab=waiting", "/staff/desk?tab=to_release", "/staff/"])
def test_sixty_requests_cost_what_five_do(later: Place, path: str) -> None:
    request_id = put(later.gateway, later.world)
    web = later.web()
    web.sign_in(later.world.holder if "desk" in path else later.world.asker)
    copied(later, request_id, 4)
    few = cost(web, later, path)
    copied(later, request_id, 55)
    assert cost(web, later, path) <= few


def test_a_page_has_fifty_and_the_next_the_rest(later: Place) -> None:
    request_id = put(later.gateway, later.world)
    copied(later, request_id, 59)
    web = later.web()
    web.sign_in(later.world.asker)
    first = web.page("/staff/requests?tab=waiting")
    second = web.page("/staff/requests?tab=waiting&page=2")
    assert "Waiting (60)" in first.text
    rows = [len(page.all("tbody")[0].findall("tr")) for page in (first, second)]
    assert rows == [50, 10]
    assert "/staff/requests?tab=waiting&page=2" in first.links().values()
    beyond = web.page("/staff/requests?tab=waiting&page=99")
    assert len(beyond.all("tbody")[0].findall("tr")) == 10


def test_the_search_notices_a_statement_for_each_request(
    later: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_by_one(unit: Any, actor: Any, rows: Any, *, own: bool) -> Any:
        return [found for row in rows for found in real(unit, actor, [row], own=own)]

    real = lists.summaries
    monkeypatch.setattr(lists, "summaries", one_by_one)
    with pytest.raises(AssertionError):
        test_sixty_requests_cost_what_five_do(later, "/staff/requests?tab=waiting")


def test_a_tab_counts_what_its_list_holds(later: Place) -> None:
    request_id = put(later.gateway, later.world)
    copied(later, request_id, 3)
    put(later.gateway, later.world, categories=("visor_record",))
    with later.gateway.store.reading() as unit:
        asker, holder = (actor_for_post(unit, one) for one in (later.world.asker, later.world.holder))
        for tab in ("waiting", "needs_more", "decided", "overdue"):
            assert lists.how_many_of_mine(unit, asker, tab) == len(lists.my_requests(unit, asker, tab))
        for tab in ("to_release", "waiting", "done", "overdue"):
            assert lists.how_many_on_desk(unit, holder, tab) == len(lists.inbox(unit, holder, tab))
        assert lists.how_many_on_desk(unit, holder, "to_release") == 4
