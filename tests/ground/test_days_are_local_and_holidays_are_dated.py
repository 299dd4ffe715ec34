"""Days are local to a nation, instants are UTC, and bank holidays are data that an independent rule agrees with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import (
    FixedClock,
    Nation,
    SystemClock,
    add_working_days,
    bank_holidays,
    end_of_local_day,
    is_working_day,
    local_day,
    nation_of,
    next_working_day,
    require_utc,
    start_of_local_day,
)
from gateway.errors import Invalid

YEARS = range(2024, 2033)
days = st.dates(min_value=date(2024, 1, 1), max_value=date(2032, 11, 30))
# Proclaimed once, so no rule gives it.
SINGLE = {Nation.SCOTLAND: {date(2026, 6, 15)}}


def test_a_date_lasts_to_the_end_of_its_local_day_in_summer_and_winter() -> None:
    assert end_of_local_day(date(2026, 1, 10)) == datetime(2026, 1, 11, 0, tzinfo=UTC)
    assert end_of_local_day(date(2026, 7, 10)) == datetime(2026, 7, 10, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 22), 24)]
)
def test_the_days_on_which_clocks_change_are_as_long_as_they_are(day: date, hours: int) -> None:
    assert end_of_local_day(day) - start_of_local_day(day) == timedelta(hours=hours)


@given(day=days, nation=st.sampled_from(Nation))
def test_every_instant_of_a_local_day_falls_on_it(day: date, nation: Nation) -> None:
    last = end_of_local_day(day) - timedelta(microseconds=1)
    assert local_day(start_of_local_day(day), nation) == local_day(last, nation) == day
    assert local_day(end_of_local_day(day), nation) == day + timedelta(days=1)


def test_the_evening_before_midnight_in_summer_is_still_that_day() -> None:
    assert local_day(datetime(2026, 7, 10, 22, 59, tzinfo=UTC)) == date(2026, 7, 10)
    assert local_day(datetime(2026, 7, 10, 23, 0, tzinfo=UTC)) == date(2026, 7, 11)


@pytest.mark.parametrize("give", [require_utc, local_day, FixedClock])
def test_a_time_without_a_zone_is_refused(give: object) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        give(datetime(2026, 1, 1))  # type: ignore[operator]  # noqa: DTZ001 - the fault itself


def test_another_zone_is_the_same_instant_in_utc() -> None:
    at = require_utc(datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5))))
    assert (at, at.utcoffset()) == (datetime(2026, 1, 1, 7, tzinfo=UTC), timedelta(0))


@given(day=days, nation=st.sampled_from(Nation))
def test_the_next_working_day_is_later_is_one_and_skips_none(day: date, nation: Nation) -> None:
    following = next_working_day(day, nation)
    assert following > day
    assert is_working_day(following, nation)
    between = [day + timedelta(days=n) for n in range(1, (following - day).days)]
    assert not any(is_working_day(skipped, nation) for skipped in between)


def test_nations_keep_their_own_holidays() -> None:
    christmas_eve, hogmanay = date(2026, 12, 24), date(2026, 12, 31)
    assert next_working_day(christmas_eve) == date(2026, 12, 29)
    assert next_working_day(hogmanay) == date(2027, 1, 4)
    assert next_working_day(hogmanay, Nation.SCOTLAND) == date(2027, 1, 5)
    assert is_working_day(date(2026, 3, 17))
    assert not is_working_day(date(2026, 3, 17), Nation.NORTHERN_IRELAND)
    assert add_working_days(date(2026, 4, 2), 5) == date(2026, 4, 13)
    assert add_working_days(date(2026, 4, 2), 5, Nation.SCOTLAND) == date(2026, 4, 10)


def test_past_the_list_a_day_is_not_guessed() -> None:
    for day in (date(2023, 12, 29), date(2033, 1, 4)):
        with pytest.raises(Invalid, match="from 2024 to 2032"):
            is_working_day(day)


def test_a_jurisdiction_keeps_the_calendar_of_its_nation() -> None:
    assert nation_of("S") is nation_of("scotland") is Nation.SCOTLAND
    assert nation_of("NI") is nation_of("northern_ireland") is Nation.NORTHERN_IRELAND
    assert {nation_of(name) for name in ("EW", "england", "wales", "UK")} == {Nation.ENGLAND_AND_WALES}


@pytest.mark.parametrize("nation", Nation)
def test_the_dated_list_agrees_with_the_rule(nation: Nation) -> None:
    """Banking and Financial Dealings Act 1971, schedule 1, worked out again here."""
    by_rule = {day for year in YEARS for day in ruled(nation, year)}
    assert bank_holidays(nation) == by_rule | SINGLE.get(nation, set())


def test_the_clocks_are_aware_and_move_only_forward_or_as_told() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
    clock = FixedClock(datetime(2026, 11, 22, 10, tzinfo=UTC))
    clock.advance(timedelta(hours=-1))
    assert clock.now() == clock.now() == datetime(2026, 11, 22, 9, tzinfo=UTC)


def ruled(nation: Nation, year: int) -> set[date]:
    easter = easter_sunday(year)
    found = {easter - timedelta(days=2), monday(year, 5, first=True), monday(year, 5, first=False)}
    fixed = [date(year, 12, 25), date(year, 12, 26), date(year, 1, 1)]
    if nation is Nation.SCOTLAND:
        fixed += [date(year, 1, 2), date(year, 11, 30)]
        return found | substituted(fixed) | {monday(year, 8, first=True)}
    if nation is Nation.NORTHERN_IRELAND:
        fixed += [date(year, 3, 17), date(year, 7, 12)]
    return found | substituted(fixed) | {monday(year, 8, first=False), easter + timedelta(days=1)}


def substituted(fixed: list[date]) -> set[date]:
    """Move each holiday that falls at a weekend to the next weekday that is none."""
    kept = {day for day in fixed if day.weekday() < 5}
    for day in sorted(set(fixed) - kept):
        moved = day
        while moved.weekday() > 4 or moved in kept:
            moved += timedelta(days=1)
        kept.add(moved)
    return kept


def monday(year: int, month: int, *, first: bool) -> date:
    found = [date(year, month, day) for day in range(1, 32) if date(year, month, day).weekday() == 0]
    return found[0] if first else found[-1]


def easter_sunday(year: int) -> date:
    """Easter by the tables of the Book of Common Prayer: the Sunday after the full moon on or after 21 March."""
    golden = year % 19 + 1
    century = year // 100 + 1
    correction = 3 * century // 4 - 12
    moon = (8 * century + 5) // 25 - 5
    epact = (11 * golden + 20 + moon - correction) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    full = 44 - epact
    full += 30 if full < 21 else 0
    sunday = 5 * year // 4 - correction - 10
    full += 7 - (sunday + full) % 7
    return date(year, 3, 1) + timedelta(days=full - 1)
