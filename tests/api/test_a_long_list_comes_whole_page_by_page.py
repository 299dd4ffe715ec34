"""Walking a list page by page gives all of it once, whatever comes and goes on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from gateway.cli.demo_stage import Stage
from gateway.registry.models import Case, CaseAssignment
from gateway.store.unit_of_work import Unit
from tests.api.client import System
from tests.api.conftest import connected
from tests.api.test_a_disclosure_goes_whole_between_systems import asking, enrol, released

_LISTS = ["/requests?tab=waiting", "/inbox?tab=to_release"]
_ALL_LISTS = [*_LISTS, "/parcels?", "/cases?"]
_IDS = {"requests": "request_id", "parcels": "parcel_id", "cases": "case_id"}


@pytest.fixture
def both(stage: Stage) -> tuple[System, System]:
    """Probation's system and that of police."""
    return connected(stage, "probation-om"), connected(stage, "police-ppu")


def _ask(both: tuple[System, System], number: int) -> str:
    body = asking(*both, why=f"For plan {number}.")
    found: str = both[0].post("/requests", body, once=f"walk-0000{number}", expect=202)["request_id"]
    return found


def _send(both: tuple[System, System], number: int) -> str:
    found: str = released(*both, once=f"walk-0000{number}")["parcel_id"]
    return found


def _open_case(both: tuple[System, System], number: int) -> str:
    """One more case of MAPPA that probation's officer works."""
    stage = both[0].stage

    def add(unit: Unit) -> str:
        begun = date(2026, 1, 5)
        like = unit.session.get_one(Case, stage.case_id(unit, "M2-0417"))
        case = Case(
            partnership_id=like.partnership_id,
            arrangement_id=like.arrangement_id,
            reference=f"M9-{number}",
            jurisdiction="EW",
            opened_on=begun,
        )
        unit.session.add(case)
        unit.session.flush()
        post = stage.post_id(unit, "probation-om")
        unit.session.add(
            CaseAssignment(partnership_id=like.partnership_id, case_id=case.id, post_id=post, starts_on=begun)
        )
        return case.id

    return stage.do(add)


def _close_case(both: tuple[System, System], case_id: str) -> None:
    def close(unit: Unit) -> None:
        unit.session.get_one(Case, case_id).closed_on = unit.now.date()

    both[0].stage.do(close)


def _seven(both: tuple[System, System], make: Callable[[tuple[System, System], int], str]) -> list[str]:
    """Seven rows, some made (and due) in the same instant."""
    made = []
    for number in range(7):
        if number % 3 == 0:
            both[0].stage.later(days=1)
            both[0].token = both[1].token = ""
        made.append(make(both, number))
    return made


def _made(both: tuple[System, System], path: str) -> list[str]:
    """Seven rows of a list, and whatever else the demonstration's register has in it."""
    if path == "/cases?":
        made = _seven(both, _open_case)
        return [*made, *(one for one in _ids(both[0].get("/cases")) if one not in made)]
    if path == "/parcels?":
        enrol(both[0])
        return _seven(both, _send)
    return _seven(both, _ask)


def _reader(both: tuple[System, System], path: str) -> System:
    return both[path == "/inbox?tab=to_release"]


def _pages(system: System, path: str, limit: int) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = system.get(f"{path}&limit={limit}" + (f"&token={token}" if token else ""))
        yield page
        token = page["page"]["next_token"]
        if not token:
            return


def _ids(page: dict[str, Any]) -> list[str]:
    return [one[key] for name, key in _IDS.items() for one in page.get(name, ())]


@pytest.mark.parametrize("path", _ALL_LISTS)
def test_the_pages_together_are_the_whole_in_its_order(both: tuple[System, System], path: str) -> None:
    made = _made(both, path)
    system = _reader(both, path)
    whole = _ids(system.get(path))
    assert sorted(whole) == sorted(made)
    for limit in (1, 3, len(made)):
        pages = list(_pages(system, path, limit))
        assert [one for page in pages for one in _ids(page)] == whole
        assert [page["page"]["count"] for page in pages] == [len(_ids(page)) for page in pages]
        assert {page["page"]["total"] for page in pages} == {len(made)}
        assert len(pages) == -(-len(made) // limit)


@pytest.mark.parametrize("path", _LISTS)
def test_what_comes_and_goes_on_the_way_hides_nothing_and_repeats_nothing(
    both: tuple[System, System], path: str
) -> None:
    made = _made(both, path)
    steps: list[Callable[[], object]] = [
        lambda: _ask(both, 8),
        lambda: both[0].post(f"/requests/{seen[0]}/cancellation", None, expect=204),
        lambda: None,
    ]
    seen: list[str] = []
    for page, step in zip(_pages(_reader(both, path), path, 3), steps, strict=False):
        seen += _ids(page)
        step()
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


def test_a_case_that_opens_or_closes_on_the_way_hides_no_other(both: tuple[System, System]) -> None:
    made = _made(both, "/cases?")
    seen: list[str] = []
    for page in _pages(both[0], "/cases?", 3):
        if seen:
            # The one a token names is closed before the next page is asked for.
            _open_case(both, len(seen) + 7)
        seen += _ids(page)
        _close_case(both, seen[-1])
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


@pytest.mark.parametrize("path", _ALL_LISTS)
@pytest.mark.parametrize(
    "asked",
    ["limit=0", "limit=101", "limit=x", "token=", "token=1", "token=1." + "Z" * 32, "token=-1." + "0" * 32],
)
def test_what_is_no_page_is_named(police: System, path: str, asked: str) -> None:
    answer = police.call("GET", f"{path}&{asked}")
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["fields"]] == [asked.partition("=")[0]]


def test_a_token_shows_nobody_elses_rows(both: tuple[System, System]) -> None:
    """A token is a place in a list, and the list is whoever's who asks."""
    _made(both, "/requests?tab=waiting")
    token = both[1].get("/inbox?tab=to_release&limit=1")["page"]["next_token"]
    assert token
    assert both[1].get(f"/requests?tab=waiting&token={token}")["requests"] == []
    enrol(both[0])
    _send(both, 8)
    _send(both, 9)
    token = both[0].get("/parcels?limit=1")["page"]["next_token"]
    assert token
    assert both[1].get(f"/parcels?token={token}")["parcels"] == []
