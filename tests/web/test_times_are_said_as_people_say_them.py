"""Dates and times on pages are local and plainly said; lists say where one is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask

from gateway.web import formats
from gateway.web.paging import Paging, asked_page, offset_of


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 20, 9, 32, tzinfo=UTC), "20 November 2026 at 9:32am"),
        (datetime(2026, 7, 1, 8, 32, tzinfo=UTC), "1 July 2026 at 9:32am"),
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), "2 July 2026 at 12:30am"),
        (datetime(2026, 1, 1, 12, 0, tzinfo=UTC), "1 January 2026 at midday"),
        (datetime(2026, 1, 1, 0, 0, tzinfo=UTC), "1 January 2026 at midnight"),
        (datetime(2026, 1, 1, 12, 5, tzinfo=UTC), "1 January 2026 at 12:05pm"),
        (None, ""),
    ],
)
def test_an_instant_is_said_in_local_time(at: datetime | None, said: str) -> None:
    """Also across the clock change and midnight."""
    assert formats.when(at) == said


def test_a_naive_time_is_refused() -> None:
    """A time without a zone would be a guess."""
    with pytest.raises(ValueError, match="zone"):
        formats.when(datetime(2026, 1, 1))  # noqa: DTZ001


def test_machines_read_the_same_instant() -> None:
    """The element carries it in UTC."""
    tag = formats.when_tag(datetime(2026, 7, 1, 8, 32, tzinfo=UTC))
    assert tag == '<time datetime="2026-07-01T08:32:00+00:00">1 July 2026 at 9:32am</time>'


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (date(2026, 11, 20), "today"),
        (date(2026, 11, 21), "tomorrow"),
        (date(2026, 11, 23), "in 3 days"),
        (date(2026, 11, 19), "1 day overdue"),
        (date(2026, 11, 10), "10 days overdue"),
        (datetime(2026, 11, 20, 23, 59, tzinfo=UTC), "today"),
    ],
)
def test_a_due_date_says_how_far_off_it_is(on: date | datetime, said: str) -> None:
    """Overdue is said as such."""
    assert formats.due(on, date(2026, 11, 20)) == said


def test_a_count_agrees_with_its_noun() -> None:
    """One and many."""
    assert [formats.count(1, "entry", "entries"), formats.count(1204, "entry", "entries")] == [
        "1 entry",
        "1,204 entries",
    ]


def test_a_code_is_said_in_the_vocabularys_words() -> None:
    """And an unknown one as it stands."""
    assert formats.label("offender_manager", "role") == "Offender manager"
    assert formats.label("no_such_thing", "role") == "no such thing"


@pytest.mark.parametrize(
    ("asked", "page"), [("", 1), ("3", 3), ("0", 1), ("-1", 1), ("9" * 30, 1), ("٣", 1), ("x", 1)]
)
def test_nonsense_is_the_first_page(asked: str, page: int) -> None:
    """A list never breaks on its address."""
    with Flask(__name__).test_request_context(f"/?page={asked}"):
        assert asked_page() == page


def test_pages_keep_the_filters() -> None:
    """Every link holds what was filtered, and only the page changes."""
    paging = Paging(range(25), 5, 240)
    with Flask(__name__).test_request_context("/log?kind=release&kind=refusal&page=5"):
        assert paging.href(6) == "/log?kind=release&kind=refusal&page=6"
    assert list(paging.numbers()) == [1, None, 4, 5, 6, None, 10]
    assert (paging.first, paging.last, paging.pages, offset_of(5)) == (101, 125, 10, 100)


def test_an_empty_list_has_one_page() -> None:
    """And nothing from nowhere to nowhere."""
    empty = Paging[int]([], 1, 0)
    assert (empty.first, empty.last, empty.pages, list(empty.numbers())) == (0, 0, 1, [1])
