"""Time: instants are UTC and aware, days are local to a nation of the United Kingdom, and the clock is handed in."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.errors import Invalid

LONDON = ZoneInfo("Europe/London")
_HOLIDAYS = Path(__file__).with_name("bank_holidays.toml")
_SATURDAY = 5


class Nation(StrEnum):
    """Whose bank holidays count (Banking and Financial Dealings Act 1971, schedule 1)."""

    ENGLAND_AND_WALES = "england_and_wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern_ireland"


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> datetime:
        """Give the present as an aware UTC datetime."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the present as an aware UTC datetime."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move: for tests, replays and scenarios."""

    def __init__(self, at: datetime) -> None:
        self._at = require_utc(at)

    def now(self) -> datetime:
        """Give the instant the clock stands at."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock by `by`, which may be negative."""
        self._at += by


def require_utc(at: datetime) -> datetime:
    """Give `at` in UTC; raise ValueError when it is naive, because a naive time is a guess."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError("a time without a zone is refused")
    return at.astimezone(UTC)


def nation_of(value: str) -> Nation:
    """Give the nation whose calendar `value` (a nation or a jurisdiction that includes it) follows.

    England, Wales and bodies of the whole Kingdom follow the calendar of England and Wales.
    """
    if value in {"scotland", "S"}:
        return Nation.SCOTLAND
    if value in {"northern_ireland", "NI"}:
        return Nation.NORTHERN_IRELAND
    return Nation.ENGLAND_AND_WALES


def local_day(at: datetime, nation: str = Nation.ENGLAND_AND_WALES) -> date:
    """Give the civil day on which the instant `at` falls in `nation` (all four keep London time)."""
    nation_of(nation)
    return require_utc(at).astimezone(LONDON).date()


def end_of_local_day(day: date) -> datetime:
    """Give the UTC instant at which `day` is over: the next local midnight, whatever the length of the day.

    A permission with only a date lasts as long as `now < end_of_local_day(date)`.
    """
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=LONDON).astimezone(UTC)


def start_of_local_day(day: date) -> datetime:
    """Give the UTC instant at which `day` begins."""
    return datetime.combine(day, time(), tzinfo=LONDON).astimezone(UTC)


def is_working_day(day: date, nation: str = Nation.ENGLAND_AND_WALES) -> bool:
    """Tell whether `day` is neither at a weekend nor a bank holiday of `nation`.

    Raises Invalid outside the years of the dated list: a guessed deadline is worse than none.
    """
    holidays = bank_holidays(nation_of(nation))
    first, last = min(holidays).year, max(holidays).year
    if not first <= day.year <= last:
        raise Invalid(
            f"Bank holidays are known from {first} to {last}.",
            next_step="Choose another date, or ask the operator to update the list of bank holidays.",
        )
    return day.weekday() < _SATURDAY and day not in holidays


def next_working_day(day: date, nation: str = Nation.ENGLAND_AND_WALES) -> date:
    """Give the first working day after `day` in `nation`."""
    following = day + timedelta(days=1)
    while not is_working_day(following, nation):
        following += timedelta(days=1)
    return following


def add_working_days(day: date, count: int, nation: str = Nation.ENGLAND_AND_WALES) -> date:
    """Give the day `count` working days after `day` (count >= 0)."""
    for _ in range(count):
        day = next_working_day(day, nation)
    return day


@cache
def bank_holidays(nation: Nation) -> frozenset[date]:
    """Give the dated bank holidays of `nation`, from `bank_holidays.toml`."""
    listed = tomllib.loads(_HOLIDAYS.read_text(encoding="utf-8"))
    return frozenset(listed[nation]["days"])
