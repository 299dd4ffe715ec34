"""Counts across cases stand only where they are about ten people or more, for quarters that are over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.errors import Forbidden, Invalid
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.review import report
from gateway.review.report import COUNTED, Quarter
from gateway.store.tables import new_id
from tests.meadow import Meadow

THIS_QUARTER = Quarter(2026, 4)


def happen(gateway: Gateway, meadow: Meadow, kind: EntryKind, people: int, each: int = 1) -> None:
    with gateway.store.writing() as unit:
        for subject_id in [new_id() for _ in range(people)]:
            for _ in range(each):
                record(
                    unit,
                    Entry(
                        kind=kind,
                        partnership_id=meadow.partnership_id,
                        controller_agency_id=meadow.police,
                        actor_post_id=meadow.officer,
                        actor_agency_id=meadow.police,
                        subject_ids=(subject_id,),
                    ),
                )


def counted(gateway: Gateway, meadow: Meadow, name: str, who: str = "police_governance") -> int | None:
    with gateway.store.reading() as unit:
        rows = report.counts(unit, meadow.actor(unit, who), THIS_QUARTER)
    return rows[0].counts[list(COUNTED).index(name)]


def test_ten_people_are_counted_and_nine_are_not(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, clock: FixedClock
) -> None:
    happen(sqlite_gateway, sqlite_meadow, EntryKind.RELEASE_MADE, people=10, each=2)
    happen(sqlite_gateway, sqlite_meadow, EntryKind.RELEASE_DECLINED, people=9, each=3)
    clock.advance(timedelta(days=45))
    assert counted(sqlite_gateway, sqlite_meadow, "Releases") == 20
    assert counted(sqlite_gateway, sqlite_meadow, "Refusals by the holder") is None
    assert counted(sqlite_gateway, sqlite_meadow, "Recalls") is None
    assert counted(sqlite_gateway, sqlite_meadow, "Releases", "housing_governance") is None


def test_only_quarters_that_are_over_and_only_for_officers(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow
) -> None:
    with sqlite_gateway.store.reading() as unit:
        officer = sqlite_meadow.actor(unit, "police_governance")
        with pytest.raises(Invalid):
            report.counts(unit, officer, THIS_QUARTER)
        with pytest.raises(Forbidden):
            report.counts(unit, sqlite_meadow.actor(unit, "advocate"), THIS_QUARTER.previous)
        assert [one.code for one in report.quarters(unit, officer, 4)] == [
            "2026-3",
            "2026-2",
            "2026-1",
            "2025-4",
        ]


@pytest.mark.parametrize("code", ["", "2026", "2026-0", "2026-5", "20x6-1", "2026-1-1"])
def test_nonsense_is_no_quarter(code: str) -> None:
    with pytest.raises(Invalid):
        report.quarter(code)
