"""Walking a list page by page gives all of it once, whatever is asked or cancelled on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.cli.demo_stage import Stage
from tests.api.client import System
from tests.api.conftest import connected
from tests.api.test_a_disclosure_goes_whole_between_systems import asking

_LISTS = ["/requests?tab=waiting", "/inbox?tab=to_release"]


@pytest.fixture
def both(stage: Stage) -> tuple[System, System]:
    """Probation's system and that of police."""
    return connected(stage, "probation-om"), connected(stage, "police-ppu")


def _ask(both: tuple[System, System], number: int) -> str:
    body = asking(*both, why=f"For plan {number}.")
    found: str = both[0].post("/requests", body, once=f"walk-0000{number}", expect=202)["request_id"]
    return found


def _asked(both: tuple[System, System]) -> list[str]:
    """Seven requests, some made and due in the same instant."""
    made = []
    for number in range(7):
        if number % 3 == 0:
            both[0].stage.later(days=1)
            both[0].token = both[1].token = ""
        made.append(_ask(both, number))
    return made


def _pages(system: System, path: str, limit: int) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = system.get(f"{path}&limit={limit}" + (f"&token={token}" if token else ""))
        yield page
        token = page["page"]["next_token"]
        if not token:
            return


def _ids(page: dict[str, Any]) -> list[str]:
    return [one["request_id"] for one in page["requests"]]


@pytest.mark.parametrize("path", _LISTS)
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_the_pages_together_are_the_whole_in_its_order(
    both: tuple[System, System], path: str, limit: int
) -> None:
    made = _asked(both)
    system = both[_LISTS.index(path)]
    whole = _ids(system.get(path))
    assert sorted(whole) == sorted(made)
    pages = list(_pages(system, path, limit))
    assert [one for page in pages for one in _ids(page)] == whole
    assert [page["page"]["count"] for page in pages] == [len(page["requests"]) for page in pages]
    assert {page["page"]["total"] for page in pages} == {7}
    assert len(pages) == -(-7 // limit)


@pytest.mark.parametrize("path", _LISTS)
def test_what_comes_and_goes_on_the_way_hides_nothing_and_repeats_nothing(
    both: tuple[System, System], path: str
) -> None:
    made = _asked(both)
    system = both[_LISTS.index(path)]
    steps: list[Callable[[], object]] = [
        lambda: _ask(both, 8),
        lambda: both[0].post(f"/requests/{seen[0]}/cancellation", None, expect=204),
        lambda: None,
    ]
    seen: list[str] = []
    for page, step in zip(_pages(system, path, 3), steps, strict=False):
        seen += _ids(page)
        step()
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


@pytest.mark.parametrize("path", _LISTS)
@pytest.mark.parametrize(
    "asked",
    ["limit=0", "limit=101", "limit=x", "token=", "token=1", "token=1." + "Z" * 32, "token=-1." + "0" * 32],
)
def test_what_is_no_page_is_named(police: System, path: str, asked: str) -> None:
    answer = police.call("GET", f"{path}&{asked}")
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["fields"]] == [asked.partition("=")[0]]


def test_a_token_shows_nobody_elses_requests(both: tuple[System, System]) -> None:
    """A token is a place in a list, and the list is whoever's who asks."""
    _asked(both)
    token = both[1].get("/inbox?tab=to_release&limit=1")["page"]["next_token"]
    assert token
    assert both[1].get(f"/requests?tab=waiting&token={token}")["requests"] == []
