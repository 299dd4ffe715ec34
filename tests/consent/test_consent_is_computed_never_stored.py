"""The state of consent is worked out from what happened, at the moment it is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import local_day
from gateway.consent.models import Answer, Consent
from gateway.consent.state import state_at
from gateway.vocabulary import Category, ConsentStatus, Purpose

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
AGENCIES = ("a", "b")
PURPOSES = (Purpose.EARLY_HELP.value, Purpose.HOUSING_ALLOCATION.value)
CATEGORIES = (Category.HOUSING.value, Category.FINANCES.value)
QUESTION = (PURPOSES[0], CATEGORIES[0], AGENCIES[0])

START = datetime(2026, 1, 1, tzinfo=UTC)


def after_start(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


instants = st.integers(0, 2 * 365 * 86_400).map(after_start)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def consent(**changes: Any) -> Consent:
    """A consent given yesterday for the question asked, to the month's end; `changes` replace columns."""
    columns: dict[str, Any] = {
        "partnership_id": "p",
        "subject_id": "s",
        "controller_agency_id": "a",
        "answer": Answer.GIVEN,
        "purposes": [PURPOSES[0]],
        "categories": [CATEGORIES[0]],
        "agency_ids": [AGENCIES[0]],
        "how_taken": "phone",
        "taken_by_post_id": "post",
        "taken_at": NOW - timedelta(days=1),
        "wording_version": "consent-1",
        "wording_sha256": "0" * 64,
        "expires_on": date(2026, 11, 30),
    }
    return Consent(**{**columns, **changes})


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values))


def row(answer: Answer, withdrawn_after: timedelta | None, taken_at: datetime, **columns: Any) -> Consent:
    withdrawn = withdrawn_after is not None and answer is Answer.GIVEN
    withdrawn_at = taken_at + withdrawn_after if withdrawn and withdrawn_after is not None else None
    return consent(answer=answer.value, taken_at=taken_at, withdrawn_at=withdrawn_at, **columns)


several = st.lists(
    st.builds(
        row,
        answer=st.sampled_from(Answer),
        withdrawn_after=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
        taken_at=instants,
        purposes=some(PURPOSES),
        categories=some(CATEGORIES),
        agency_ids=some(AGENCIES),
        under_duress=st.booleans(),
        expires_on=st.none() | days,
    ),
    max_size=4,
)


@given(days, st.timedeltas(timedelta(days=-3), timedelta(days=3)))
def test_a_last_day_counts_whole_and_nothing_after_it(last_day: date, away: timedelta) -> None:
    at = datetime.combine(last_day, datetime.min.time(), LONDON).astimezone(UTC) + timedelta(hours=24) + away
    row = consent(expires_on=last_day, taken_at=at - timedelta(days=1))
    expected = ConsentStatus.GIVEN if local_day(at) <= last_day else ConsentStatus.EXPIRED
    assert state_at([row], at, *QUESTION) is expected


@pytest.mark.parametrize(
    ("last_day", "last_instant"),
    [
        (date(2026, 11, 22), datetime(2026, 11, 22, 23, 59, 59, 999999, tzinfo=UTC)),
        (date(2026, 7, 1), datetime(2026, 7, 1, 22, 59, 59, 999999, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 59, 59, 999999, tzinfo=UTC)),  # a day of 23 hours
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 59, 59, 999999, tzinfo=UTC)),  # a day of 25 hours
    ],
)
def test_the_last_day_ends_at_local_midnight_winter_summer_and_when_clocks_change(
    last_day: date, last_instant: datetime
) -> None:
    row = consent(expires_on=last_day, taken_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert state_at([row], last_instant, *QUESTION) is ConsentStatus.GIVEN
    assert state_at([row], last_instant + timedelta(microseconds=1), *QUESTION) is ConsentStatus.EXPIRED


def test_counting_a_last_day_in_utc_would_be_an_hour_late_in_summer() -> None:
    """The control: a state computed on UTC days says "given" at a local time when the day is over."""
    at = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    row = consent(expires_on=date(2026, 7, 1), taken_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert at.date() <= date(2026, 7, 1)
    assert state_at([row], at, *QUESTION) is ConsentStatus.EXPIRED


@given(several, instants)
def test_given_needs_a_free_unexpired_unwithdrawn_yes_that_names_what_is_asked(
    held: list[Consent], at: datetime
) -> None:
    if state_at(held, at, *QUESTION) is not ConsentStatus.GIVEN:
        return
    assert any(
        row.answer == Answer.GIVEN
        and not row.under_duress
        and row.taken_at <= at
        and (row.withdrawn_at is None or row.withdrawn_at > at)
        and (row.expires_on is None or local_day(at) <= row.expires_on)
        and all(term in listed for listed, term in zip(_reach(row), QUESTION, strict=True))
        for row in held
    )


@given(several, instants)
def test_a_withdrawal_stops_it_whatever_was_given_before(held: list[Consent], at: datetime) -> None:
    before = [
        row for row in held if row.taken_at < at and (row.withdrawn_at is None or row.withdrawn_at < at)
    ]
    withdrawn = consent(taken_at=at - timedelta(days=900), withdrawn_at=at)
    assert state_at([*before, withdrawn], at, *QUESTION) is ConsentStatus.WITHDRAWN


@given(several, instants)
def test_what_happens_later_changes_nothing_now(held: list[Consent], at: datetime) -> None:
    later = [
        consent(taken_at=at + timedelta(seconds=1)),
        consent(answer=Answer.REFUSED, taken_at=at + timedelta(1)),
    ]
    assert state_at([*held, *later], at, *QUESTION) is state_at(held, at, *QUESTION)


@given(several, instants)
def test_the_order_of_rows_changes_nothing(held: list[Consent], at: datetime) -> None:
    assert state_at(reversed(held), at, *QUESTION) is state_at(held, at, *QUESTION)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], ConsentStatus.NOT_SOUGHT),
        ([consent()], ConsentStatus.GIVEN),
        ([consent(answer=Answer.REFUSED)], ConsentStatus.REFUSED),
        ([consent(answer=Answer.REFUSED, purposes=[], categories=[], agency_ids=[])], ConsentStatus.REFUSED),
        ([consent(answer=Answer.UNABLE)], ConsentStatus.UNABLE),
        ([consent(answer=Answer.REQUESTED)], ConsentStatus.UNKNOWN),
        ([consent(answer=Answer.NOT_SOUGHT)], ConsentStatus.NOT_SOUGHT),
        ([consent(under_duress=True)], ConsentStatus.INVALID_DURESS),
        ([consent(categories=[CATEGORIES[1]])], ConsentStatus.OUT_OF_SCOPE),
        ([consent(purposes=[PURPOSES[1]])], ConsentStatus.OUT_OF_SCOPE),
        ([consent(agency_ids=[AGENCIES[1]])], ConsentStatus.OUT_OF_SCOPE),
        ([consent(categories=[])], ConsentStatus.OUT_OF_SCOPE),
        ([consent(answer=Answer.REFUSED, categories=[CATEGORIES[1]])], ConsentStatus.NOT_SOUGHT),
        ([consent(withdrawn_at=NOW)], ConsentStatus.WITHDRAWN),
        (
            [consent(withdrawn_at=NOW - timedelta(1), taken_at=NOW - timedelta(2)), consent(taken_at=NOW)],
            ConsentStatus.GIVEN,
        ),
        ([consent(taken_at=NOW - timedelta(3)), consent(answer=Answer.REFUSED)], ConsentStatus.REFUSED),
        ([consent(), consent(answer=Answer.REFUSED)], ConsentStatus.REFUSED),
    ],
)
def test_each_state(held: list[Consent], expected: ConsentStatus) -> None:
    assert state_at(held, NOW, *QUESTION) is expected


def test_somebody_outside_every_agency_is_reached_by_no_consent() -> None:
    assert state_at([consent()], NOW, PURPOSES[0], CATEGORIES[0], None) is ConsentStatus.OUT_OF_SCOPE
    refused = consent(answer=Answer.REFUSED, agency_ids=[])
    assert state_at([refused], NOW, PURPOSES[0], CATEGORIES[0], None) is ConsentStatus.REFUSED


def _reach(row: Consent) -> tuple[list[str], list[str], list[str]]:
    return row.purposes, row.categories, row.agency_ids
