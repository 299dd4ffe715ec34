"""Who may take down what a person said, give or confirm a mandate; and what changes at once when she objects."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from gateway.assembly import Gateway
from gateway.consent import mandates
from gateway.consent.models import Answer, HowTaken, Wish
from gateway.consent.taking import Reach, Taking
from gateway.errors import Invalid, NotFound, Refused
from gateway.registry import walls
from gateway.registry.models import WallKind
from gateway.review import hearing
from gateway.review.hearing import MandateGiven
from gateway.sealing.models import Parcel, ParcelState
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Purpose
from tests.conftest import NOW
from tests.meadow import Meadow
from tests.review.story import Story


def taking(version: str, minutes_ago: int = 5) -> Taking:
    return Taking(
        how=HowTaken.PHONE,
        alone=True,
        taken_at=NOW - timedelta(minutes=minutes_ago),
        wording_version=version,
        expires_on=date(2026, 12, 31),
    )


def given(meadow: Meadow, advocate: str = "other_advocate") -> MandateGiven:
    return MandateGiven(
        advocate_post_id=getattr(meadow, advocate),
        how_given=HowTaken.PHONE,
        alone=True,
        wording_version="mandate-1",
        given_on=date(2026, 11, 22),
        expires_on=date(2026, 12, 31),
    )


def victim(unit: Unit, meadow: Meadow, who: str = "housing_officer") -> hearing.Heard:
    case_id = None if who == "advocate" else meadow.case
    return hearing.heard(unit, meadow.actor(unit, who), meadow.victim, case_id)


def test_staff_who_face_her_hear_the_people_of_their_cases_but_not_the_perpetrator(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow
) -> None:
    with sqlite_gateway.store.reading() as unit:
        hears = {
            who: [one.subject_id for one in hearing.people_i_hear(unit, sqlite_meadow.actor(unit, who))]
            for who in ("officer", "housing_officer", "offender_manager", "advocate", "other_advocate")
        }
    hers = [sqlite_meadow.victim]
    assert hears == {
        "officer": hers,
        "housing_officer": hers,
        "offender_manager": [],
        "advocate": hers,
        "other_advocate": [],
    }


def test_a_walled_colleague_hears_nobody(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        walls.place(
            unit,
            sqlite_meadow.actor(unit, "housing_officer"),
            sqlite_meadow.victim,
            kind=WallKind.EXCLUDE,
            reason="He knows the family well.",
            person_ids=[sqlite_meadow.people["officer"]],
        )
    with sqlite_gateway.store.reading() as unit, pytest.raises(NotFound):
        victim(unit, sqlite_meadow, "officer")


def test_an_objection_after_agreement_freezes_what_it_reaches(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    with gateway.store.writing() as unit:
        actor, who = meadow.actor(unit, "housing_officer"), victim(unit, meadow)
        _, frozen = hearing.record_views(unit, actor, who, Wish.AGREES, Reach(), taking("views-1", 9))
        assert frozen == 0
        elsewhere = Reach(purposes=frozenset({Purpose.EARLY_HELP}))
        _, frozen = hearing.record_views(unit, actor, who, Wish.OBJECTS, elsewhere, taking("views-1", 8))
        assert frozen == 0
        hearing.record_views(unit, actor, who, Wish.AGREES, Reach(), taking("views-1", 7))
        here = Reach(categories=frozenset({Category.HOUSING}))
        _, frozen = hearing.record_views(unit, actor, who, Wish.OBJECTS, here, taking("views-1", 6))
        assert frozen == 1
    with gateway.store.reading() as unit:
        assert unit.session.get_one(Parcel, story.parcel_id).state == ParcelState.FROZEN


def test_her_advocate_withdraws_for_her_at_once(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    with gateway.store.writing() as unit:
        actor, who = meadow.actor(unit, "housing_officer"), victim(unit, meadow)
        reach = Reach(
            frozenset({Purpose.EARLY_HELP}), frozenset({Category.HOUSING}), frozenset({meadow.housing})
        )
        row, _frozen = hearing.record_consent(
            unit, actor, who, Answer.GIVEN, reach, taking("consent-1"), under_duress=False
        )
    with gateway.store.writing() as unit:
        advocate = meadow.actor(unit, "advocate")
        frozen = hearing.withdraw(unit, advocate, victim(unit, meadow, "advocate"), row.id, by_subject=True)
    assert frozen == 1
    with gateway.store.reading() as unit:
        consents, _views = hearing.said(unit, victim(unit, meadow))
    assert [one.state for one in consents] == ["withdrawn"]


def test_an_agency_that_is_not_of_the_partnership_cannot_be_named(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow
) -> None:
    with sqlite_gateway.store.writing() as unit, pytest.raises(Invalid) as refused:
        hearing.record_views(
            unit,
            sqlite_meadow.actor(unit, "officer"),
            victim(unit, sqlite_meadow, "officer"),
            Wish.AGREES,
            Reach(agency_ids=frozenset({"0" * 32})),
            taking("views-1"),
        )
    assert "agency_ids" in refused.value.fields


def test_staff_record_a_mandate_and_another_agency_on_the_case_confirms_it(
    gateway: Gateway, meadow: Meadow
) -> None:
    with gateway.store.writing() as unit:
        officer = meadow.actor(unit, "officer")
        row = hearing.record_mandate(unit, officer, victim(unit, meadow, "officer"), given(meadow))
        assert not hearing.mandates_to_confirm(unit, officer)
        with pytest.raises(Refused):
            hearing.confirm_mandate(unit, officer, row.id)
        with pytest.raises(NotFound):
            hearing.confirm_mandate(unit, meadow.actor(unit, "offender_manager"), row.id)
        housing = meadow.actor(unit, "housing_officer")
        assert [one.mandate_id for one in hearing.mandates_to_confirm(unit, housing)] == [row.id]
        hearing.confirm_mandate(unit, housing, row.id)
        assert mandates.require(unit, meadow.other_advocate, meadow.victim)
        assert [one.state for one in hearing.mandates_of(unit, victim(unit, meadow))] == ["counts", "counts"]


def test_an_advocate_learns_nothing_from_naming_someone(gateway: Gateway, meadow: Meadow) -> None:
    with gateway.store.writing() as unit:
        other = meadow.actor(unit, "other_advocate")
        known = hearing.record_my_mandate(unit, other, "k7q2-m4xd", given(meadow))
        unknown = hearing.record_my_mandate(unit, other, "NONE-SUCH", given(meadow))
    assert len(known) == len(unknown) == len("K7Q2-M4XD")
    with gateway.store.reading() as unit:
        waiting = mandates.waiting(unit, [meadow.victim])
    assert [row.reference for row in waiting] == [known]


def test_the_advocate_or_whoever_hears_her_ends_a_mandate_at_once(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow
) -> None:
    with sqlite_gateway.store.writing() as unit:
        held = mandates.require(unit, sqlite_meadow.advocate, sqlite_meadow.victim)[0]
        with pytest.raises(NotFound):
            hearing.end_mandate(
                unit, sqlite_meadow.actor(unit, "offender_manager"), held.id, by_subject=False
            )
        hearing.end_mandate(unit, sqlite_meadow.actor(unit, "advocate"), held.id, by_subject=True)
        with pytest.raises(NotFound):
            mandates.require(unit, sqlite_meadow.advocate, sqlite_meadow.victim)
