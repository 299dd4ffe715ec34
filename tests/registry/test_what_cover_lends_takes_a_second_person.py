"""Whoever stands in works the cases at once; she decides in the other's role once a second person agreed to lend it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.clock import FixedClock, local_day
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.registry import cases, lending, models, people
from gateway.registry.actors import authorities_of
from gateway.store.unit_of_work import Unit
from tests.registry.sample import Sample


@pytest.fixture
def covered(sample: Sample) -> Sample:
    """The chair is off duty, and a colleague of hers stands in: by her own word alone."""
    with sample.writing() as unit:
        _colleague(sample, unit, "colleague", "probation", "staff")
        _colleague(sample, unit, "probation-ig", "probation", "governance")
        _cover(sample, unit, "probation-chair")
    return sample


def _colleague(sample: Sample, unit: Unit, code: str, agency: str, face: str) -> None:
    person = models.Person(partnership_id=sample.partnership_id, code=f"p-{code}", name=f"Person of {code}")
    unit.session.add(person)
    unit.session.flush()
    post = models.Post(
        partnership_id=sample.partnership_id,
        code=code,
        person_id=person.id,
        agency_id=sample.id("agency", agency),
        role="ig_officer" if face == "governance" else "offender_manager",
        face=face,
        orientation="neutral",
        starts_on=local_day(unit.now) - timedelta(days=9),
    )
    unit.session.add(post)
    unit.session.flush()
    sample.add("post", code, post.id)


def _cover(sample: Sample, unit: Unit, by: str, stand_in: str = "colleague") -> None:
    people.cover(
        unit,
        sample.actor(unit, by),
        sample.id("post", "probation-chair"),
        by_post_id=sample.id("post", stand_in),
        until=local_day(unit.now) + timedelta(days=5),
    )


def _lent(sample: Sample, stand_in: str = "colleague") -> frozenset[str]:
    """What the stand-in may decide in the chair's place."""
    with sample.reading() as unit:
        chair, by = sample.id("post", "probation-chair"), sample.id("post", stand_in)
        if chair not in people.covers(unit, by):
            return frozenset()
        return authorities_of(unit, chair, local_day(unit.now), lent_to_post_id=by)


def _agree(sample: Sample, by: str) -> None:
    with sample.writing() as unit:
        lending.agree(unit, sample.actor(unit, by), sample.id("post", "probation-chair"))


def _waits_for(sample: Sample, officer: str) -> list[str]:
    with sample.reading() as unit:
        return [one.post.post_id for one in lending.to_agree(unit, sample.actor(unit, officer))]


def test_work_is_hers_at_once_and_authority_once_an_officer_agrees(covered: Sample) -> None:
    with covered.writing() as unit:
        unit.session.add(
            models.CaseAssignment(
                partnership_id=covered.partnership_id,
                case_id=covered.id("case", "M2-0417"),
                post_id=covered.id("post", "probation-chair"),
                starts_on=local_day(unit.now),
            )
        )
    with covered.reading() as unit:
        assert cases.is_on_case(unit, covered.id("case", "M2-0417"), covered.id("post", "colleague"))
    assert _lent(covered) == frozenset()
    for officer in ("probation-ig", "office-ig-1"):
        assert _waits_for(covered, officer) == [covered.id("post", "probation-chair")]
    assert _waits_for(covered, "police-ig-1") == []
    _agree(covered, "probation-ig")
    assert _lent(covered) == {"mappa_chair"}
    assert _waits_for(covered, "office-ig-1") == []
    with pytest.raises(Conflict):
        _agree(covered, "office-ig-1")


def test_neither_who_arranged_it_nor_who_stands_in_agrees(covered: Sample) -> None:
    with covered.writing() as unit:
        _cover(covered, unit, "probation-ig")
    assert _waits_for(covered, "probation-ig") == []
    with pytest.raises(Forbidden):
        _agree(covered, "probation-ig")
    with covered.writing() as unit:
        _cover(covered, unit, "probation-chair", "probation-ig")
    assert _waits_for(covered, "probation-ig") == []
    with pytest.raises(Forbidden):
        _agree(covered, "probation-ig")
    assert _lent(covered, "probation-ig") == frozenset()
    _agree(covered, "office-ig-1")  # the control: somebody else
    assert _lent(covered, "probation-ig") == {"mappa_chair"}


def test_nobody_but_an_officer_who_keeps_the_post_agrees(covered: Sample) -> None:
    with pytest.raises(NotFound):
        _agree(covered, "police-ig-1")
    for staff in ("police-ppu-1", "colleague"):
        with pytest.raises(Forbidden):
            _agree(covered, staff)


def test_the_end_of_cover_ends_what_it_lent_at_once(covered: Sample, clock: FixedClock) -> None:
    _agree(covered, "probation-ig")
    with covered.writing() as unit:
        people.back_on_duty(
            unit, covered.actor(unit, "probation-chair"), covered.id("post", "probation-chair")
        )
    assert _lent(covered) == frozenset()
    with covered.writing() as unit:
        _cover(covered, unit, "probation-chair")
    assert _lent(covered) == frozenset()  # another cover waits anew
    _agree(covered, "probation-ig")
    clock.advance(timedelta(days=7))
    assert _lent(covered) == frozenset()


def test_an_authority_given_later_is_not_lent_with_the_others(covered: Sample) -> None:
    _agree(covered, "probation-ig")
    with covered.writing() as unit:
        unit.session.add(
            models.PostAuthority(
                partnership_id=covered.partnership_id,
                post_id=covered.id("post", "probation-chair"),
                role_code="marac_chair",
                starts_on=local_day(unit.now),
                approved_by_post_id=covered.id("post", "office-ig-1"),
            )
        )
    assert _lent(covered) == {"mappa_chair"}
    _agree(covered, "office-ig-1")
    assert _lent(covered) == {"mappa_chair", "marac_chair"}


def test_cover_older_than_this_rule_lends_nothing_until_it_is_arranged_again(covered: Sample) -> None:
    with covered.writing() as unit:
        post = unit.session.get_one(models.Post, covered.id("post", "probation-chair"))
        post.cover_asked_by_post_id = None
    assert _lent(covered) == frozenset()
    assert _waits_for(covered, "probation-ig") == []
    with pytest.raises(Conflict, match="older than this rule"):
        _agree(covered, "probation-ig")


def test_a_post_that_decides_nothing_asks_nobody(covered: Sample) -> None:
    with covered.writing() as unit:
        for grant in unit.session.exec(select(models.PostAuthority)):
            grant.ended_at = unit.now
    assert _waits_for(covered, "probation-ig") == []


def test_the_control_without_the_second_person_it_would_be_lent(
    covered: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "must_differ", lambda *_: None)
    with covered.writing() as unit:
        _cover(covered, unit, "probation-ig")
    _agree(covered, "probation-ig")
    assert _lent(covered) == {"mappa_chair"}
