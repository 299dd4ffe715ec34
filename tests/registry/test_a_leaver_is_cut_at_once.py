"""Ending a post cuts at once: no actor, no authority, no place on a case, no standing in for others."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import select

from gateway.clock import FixedClock
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from gateway.registry import authorities, cases, models, people
from tests.registry.sample import Sample

REASON = "She left the service this morning."


def test_an_ended_post_makes_no_actor_and_is_on_no_case(either: Sample) -> None:
    sample = either
    post, case = sample.id("post", "police-ppu-1"), sample.id("case", "M2-0417")
    with sample.writing() as unit:
        assert cases.is_on_case(unit, case, post)
        people.end_post(unit, sample.actor(unit, "police-ig-1"), post, REASON)
    with sample.reading() as unit:
        with pytest.raises(Unauthenticated):
            sample.actor(unit, "police-ppu-1")
        assert not cases.is_on_case(unit, case, post)
        assert post not in {view.post_id for view in cases.assigned_posts(unit, case)}
        assert post not in {view.post_id for view in people.current_posts(unit, sample.partnership_id)}


def test_the_authorities_of_a_leaver_end_with_her_post(either: Sample) -> None:
    sample = either
    arrangement = sample.id("arrangement", "mappa")
    with sample.writing() as unit:
        before = authorities.who_may_decide(unit, sample.partnership_id, "mappa_chair", arrangement)
        people.end_post(unit, sample.actor(unit, "office-ig-1"), sample.id("post", "probation-chair"), REASON)
        after = authorities.who_may_decide(unit, sample.partnership_id, "mappa_chair", arrangement)
    assert [view.name for view in before] == ["Tom Aldous"]
    assert after == []


def test_a_post_counts_on_its_last_day_and_not_on_the_next(sample: Sample, clock: FixedClock) -> None:
    post = sample.id("post", "police-ppu-1")
    with sample.writing() as unit:
        unit.session.get_one(models.Post, post).ends_on = date(2026, 11, 22)
    clock.advance(timedelta(hours=13, minutes=59))
    with sample.reading() as unit:
        assert people.is_current(unit, post)
    clock.advance(timedelta(minutes=1))
    with sample.reading() as unit:
        assert not people.is_current(unit, post)


def test_a_stand_in_is_on_the_case_only_while_the_holder_is_off_duty(
    either: Sample, clock: FixedClock
) -> None:
    sample = either
    holder, stand_in = sample.id("post", "police-ppu-1"), sample.id("post", "police-ig-1")
    case = sample.id("case", "M2-0417")
    with sample.writing() as unit:
        assert not cases.is_on_case(unit, case, stand_in)
        actor = sample.actor(unit, "police-ppu-1")
        people.cover(unit, actor, holder, by_post_id=stand_in, until=date(2026, 11, 23))
        assert people.covers(unit, stand_in) == {holder}
        assert cases.is_on_case(unit, case, stand_in)
    clock.advance(timedelta(days=2))
    with sample.reading() as unit:
        assert people.covers(unit, stand_in) == set()
        assert not cases.is_on_case(unit, case, stand_in)


def test_cover_stays_in_the_agency_and_ends_with_a_leaver(sample: Sample) -> None:
    holder = sample.id("post", "police-ppu-1")
    with sample.writing() as unit:
        actor = sample.actor(unit, "police-ppu-1")
        with pytest.raises(Invalid):
            people.cover(
                unit, actor, holder, by_post_id=sample.id("post", "harbour-idva-1"), until=date(2026, 12, 1)
            )
        people.cover(
            unit, actor, holder, by_post_id=sample.id("post", "police-ig-1"), until=date(2026, 12, 1)
        )
        officer = sample.actor(unit, "office-ig-1")
        people.end_post(unit, officer, sample.id("post", "police-ig-1"), REASON)
        assert people.post_record(unit, officer, holder).cover is None
        assert people.post_record(unit, officer, holder).off_duty_now
        people.back_on_duty(unit, actor, holder)
        assert not people.off_duty(unit, holder)


def test_a_post_ends_once_and_only_by_the_officer_who_keeps_it(sample: Sample) -> None:
    post = sample.id("post", "harbour-idva-1")
    with sample.writing() as unit:
        with pytest.raises(NotFound):
            people.end_post(unit, sample.actor(unit, "police-ig-1"), post, REASON)
        with pytest.raises(Forbidden):
            people.end_post(unit, sample.actor(unit, "probation-om-1"), post, REASON)
        officer = sample.actor(unit, "office-ig-1")
        with pytest.raises(Invalid):
            people.end_post(unit, officer, post, "left")
        people.end_post(unit, officer, post, REASON)
        with pytest.raises(Conflict):
            people.end_post(unit, officer, post, REASON)


def test_an_authority_counts_once_another_officer_approves_it(sample: Sample) -> None:
    arrangement = sample.id("arrangement", "mappa")
    with sample.writing() as unit:
        author, approver = sample.actor(unit, "police-ig-1"), sample.actor(unit, "office-ig-1")
        authority = authorities.grant_authority(
            unit,
            author,
            sample.id("post", "police-ppu-1"),
            role_code="on_call_authoriser",
            arrangement_id=None,
            ends_on=date(2027, 6, 30),
        )
        assert not authorities.who_may_decide(unit, sample.partnership_id, "on_call_authoriser", arrangement)
        assert "on_call_authoriser" not in sample.actor(unit, "police-ppu-1").authorises
        with pytest.raises(Forbidden):
            authorities.approve_authority(unit, author, authority)
        authorities.approve_authority(unit, approver, authority)
        assert "on_call_authoriser" in sample.actor(unit, "police-ppu-1").authorises
        authorities.end_authority(unit, author, authority)
        assert "on_call_authoriser" not in sample.actor(unit, "police-ppu-1").authorises


def test_nobody_grants_herself_an_authority_nor_through_a_second_post(sample: Sample) -> None:
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        own = models.Post(
            partnership_id=sample.partnership_id,
            code="second",
            person_id=officer.person_id,
            agency_id=sample.id("agency", "police"),
            role="public_protection_officer",
            face="staff",
            orientation="neutral",
            starts_on=date(2026, 1, 1),
        )
        unit.session.add(own)
        unit.session.flush()
        for post in (officer.post_id, own.id):
            with pytest.raises(Forbidden):
                authorities.grant_authority(
                    unit,
                    officer,
                    post,
                    role_code="mappa_chair",
                    arrangement_id=None,
                    ends_on=date(2027, 1, 1),
                )
        with pytest.raises(Forbidden):
            people.renew(unit, officer, own.id, trained_until=date(2030, 1, 1), vetted_until=None)


def test_every_change_has_its_entry(sample: Sample) -> None:
    from gateway.ledger.models import LedgerRecord

    with sample.writing() as unit:
        before = len(unit.session.exec(select(LedgerRecord)).all())
        people.end_post(unit, sample.actor(unit, "police-ig-1"), sample.id("post", "police-ppu-1"), REASON)
        rows = unit.session.exec(select(LedgerRecord)).all()
    assert len(rows) == before + 1
    assert REASON not in "".join(row.record for row in rows)
