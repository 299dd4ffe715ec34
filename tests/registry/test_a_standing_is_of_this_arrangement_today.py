"""Duty to co-operate is worked out for this arrangement, on this local day; what has lapsed counts for nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import FixedClock
from gateway.errors import Forbidden, Invalid
from gateway.registry import memberships, models
from gateway.vocabulary import Duty
from tests.registry.sample import Sample

FIRST, LAST = date(2024, 5, 1), date(2027, 4, 30)


@pytest.mark.parametrize(
    ("day", "member"),
    [(date(2024, 4, 30), False), (FIRST, True), (LAST, True), (date(2027, 5, 1), False)],
)
def test_first_and_last_day_count_whole(either: Sample, day: date, member: bool) -> None:
    sample = either
    with sample.reading() as unit:
        standing = memberships.membership_standing(
            unit, sample.id("arrangement", "mappa"), sample.id("agency", "harbour"), day
        )
    assert standing.member is member
    assert standing.standing is (Duty.ASSOCIATE if member else Duty.NONE)
    assert ("s325" in standing.authority) is member


def test_the_day_is_the_partnerships_own(either: Sample, clock: FixedClock) -> None:
    sample = either
    # Half past midnight in summer is still yesterday in UTC, and already the first day after the last here.
    clock.advance(datetime(2027, 4, 30, 22, 59, tzinfo=UTC) - clock.now())
    ids = sample.id("arrangement", "mappa"), sample.id("agency", "harbour")
    with sample.reading() as unit:
        assert memberships.standing_of(unit, *ids).member
    clock.advance(timedelta(minutes=1))
    with sample.reading() as unit:
        assert not memberships.standing_of(unit, *ids).member


def test_an_agency_outside_the_arrangement_has_no_standing(sample: Sample) -> None:
    with sample.reading() as unit:
        standing = memberships.standing_of(
            unit, sample.id("arrangement", "mappa"), sample.id("agency", "office")
        )
        assert standing == memberships.NO_STANDING
        assert (
            memberships.standing_of(unit, "0" * 32, sample.id("agency", "police")) == memberships.NO_STANDING
        )


@pytest.mark.parametrize("spoil", ["membership", "agency", "arrangement"])
def test_what_has_ended_counts_for_nothing(sample: Sample, spoil: str) -> None:
    ids = sample.id("arrangement", "mappa"), sample.id("agency", "police")
    with sample.writing() as unit:
        assert memberships.standing_of(unit, *ids).standing is Duty.RESPONSIBLE_AUTHORITY
        if spoil == "membership":
            held = memberships.members(unit, sample.partnership_id, ids[0])
            police = next(view for view in held if view.agency_id == ids[1])
            officer = sample.actor(unit, "office-ig-1")
            memberships.end_membership(unit, officer, police.membership_id, "The force withdrew.")
        if spoil == "agency":
            unit.session.get_one(models.Agency, ids[1]).closed_on = date(2026, 11, 21)
        if spoil == "arrangement":
            unit.session.get_one(models.Arrangement, ids[0]).ends_on = date(2026, 11, 21)
        unit.session.flush()
        assert memberships.standing_of(unit, *ids) == memberships.NO_STANDING


def test_an_unknown_standing_counts_for_nothing(sample: Sample) -> None:
    with sample.writing() as unit:
        unit.session.add(
            models.Membership(
                partnership_id=sample.partnership_id,
                arrangement_id=sample.id("arrangement", "mappa"),
                agency_id=sample.id("agency", "office"),
                standing="honorary",
                authority="none",
                starts_on=FIRST,
            )
        )
        unit.session.flush()
        standing = memberships.standing_of(
            unit, sample.id("arrangement", "mappa"), sample.id("agency", "office")
        )
    assert standing == memberships.NO_STANDING


def test_nobody_admits_her_own_agency(sample: Sample) -> None:
    terms: dict[str, Any] = {
        "standing": "duty_to_cooperate",
        "authority": "CJA 2003 s325(6)",
        "signatory": True,
        "starts_on": date(2026, 11, 22),
        "ends_on": None,
    }
    arrangement = sample.id("arrangement", "mappa")
    with sample.writing() as unit:
        officer, local = sample.actor(unit, "office-ig-1"), sample.actor(unit, "police-ig-1")
        agency = sample.id("agency", "harbour")
        with pytest.raises(Forbidden):
            memberships.admission(unit, officer, arrangement, officer.agency_id, **terms)
        with pytest.raises(Forbidden):
            memberships.admission(unit, local, arrangement, agency, **terms)
        with pytest.raises(Invalid):
            memberships.admission(unit, officer, arrangement, agency, **{**terms, "authority": " "})


def test_an_arrangement_says_which_local_settings_it_lacks(sample: Sample) -> None:
    with sample.writing() as unit:
        row = unit.session.get_one(models.Arrangement, sample.id("arrangement", "mappa"))
        assert memberships.arrangement(unit, sample.partnership_id, row.id).missing == ()
        row.dpia_reference = None
        unit.session.get_one(models.Post, sample.id("post", "probation-chair")).ends_on = date(2026, 11, 1)
        unit.session.flush()
        missing = memberships.arrangement(unit, sample.partnership_id, row.id).missing
    assert missing == ("chair_post_id", "dpia_reference")


@given(days=st.integers(-2000, 2000))
def test_a_membership_counts_exactly_between_its_days(days: int) -> None:
    from gateway.registry.memberships import _counts

    day = FIRST + timedelta(days=days)
    row = models.Membership(
        partnership_id="p",
        arrangement_id="a",
        agency_id="b",
        standing="associate",
        authority="x",
        starts_on=FIRST,
        ends_on=LAST,
    )
    assert _counts(row, day) is (FIRST <= day <= LAST)
