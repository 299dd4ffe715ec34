"""A wall stands at once on one word; loosening it takes two, neither of whom it lets in."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from gateway.errors import Conflict, Forbidden, NotFound
from gateway.registry import models, subject_changes, wall_records, walls
from gateway.store.unit_of_work import Unit
from tests.registry.sample import Sample

REASON = "He is her former partner's cousin."


def walled(unit: Unit, sample: Sample, subject: str, person: str, agency: str) -> bool:
    return walls.walled(
        unit, sample.id("subject", subject), sample.id("person", person), sample.id("agency", agency)
    )


def test_an_exclude_wall_keeps_the_person_out_whichever_post_she_acts_in(either: Sample) -> None:
    sample = either
    with sample.reading() as unit:
        assert walled(unit, sample, "s-2002", "p-102", "probation")
        assert walled(unit, sample, "s-2002", "p-102", "police")
        assert not walled(unit, sample, "s-2002", "p-101", "police")
        assert not walled(unit, sample, "s-2001", "p-102", "probation")
        assert walls.described(unit, sample.id("subject", "s-2002")) == [
            "her sister-in-law, who works for a contractor of the council"
        ]


def test_staff_on_the_case_raise_a_wall_at_once_and_others_cannot(sample: Sample) -> None:
    subject = sample.id("subject", "s-2002")
    with sample.writing() as unit:
        actor = sample.actor(unit, "harbour-idva-1")
        walls.place(
            unit, actor, subject, kind="exclude", reason=REASON, agency_ids=[sample.id("agency", "police")]
        )
        assert walled(unit, sample, "s-2002", "p-101", "police")
        stranger = sample.actor(unit, "police-ig-1")
        with pytest.raises(NotFound):
            walls.place(
                unit, stranger, subject, kind="exclude", reason=REASON, described="anyone else at all"
            )


def test_an_allow_only_list_keeps_everybody_else_out(sample: Sample) -> None:
    subject = sample.id("subject", "s-2001")
    with sample.writing() as unit:
        walls.place(
            unit,
            sample.actor(unit, "probation-om-1"),
            subject,
            kind="allow_only",
            reason=REASON,
            person_ids=[sample.id("person", "p-101")],
            agency_ids=[sample.id("agency", "probation")],
        )
        assert not walled(unit, sample, "s-2001", "p-101", "police")
        assert not walled(unit, sample, "s-2001", "p-102", "probation")
        assert walled(unit, sample, "s-2001", "p-103", "harbour")


def test_adding_to_an_allow_only_list_takes_two(sample: Sample) -> None:
    subject = sample.id("subject", "s-2001")
    with sample.writing() as unit:
        staff = sample.actor(unit, "police-ppu-1")
        officer = sample.actor(unit, "office-ig-1")
        police = [sample.id("agency", "police")]
        walls.place(unit, staff, subject, kind="allow_only", reason=REASON, agency_ids=police)
        with pytest.raises(Conflict):
            walls.place(
                unit,
                staff,
                subject,
                kind="allow_only",
                reason=REASON,
                agency_ids=[sample.id("agency", "harbour")],
            )
        wall = walls.ask_allow(unit, staff, subject, reason=REASON, person_id=sample.id("person", "p-103"))
        assert walled(unit, sample, "s-2001", "p-103", "harbour")
        with pytest.raises(Forbidden):
            walls.ask_allow(unit, officer, subject, reason=REASON, agency_id=officer.agency_id)
        walls.allow(unit, officer, wall)
        assert not walled(unit, sample, "s-2001", "p-103", "harbour")


def test_lifting_takes_two_and_neither_is_the_one_it_keeps_out(either: Sample) -> None:
    sample = either
    with sample.writing() as unit:
        wall = next(
            row.id
            for row in unit.session.exec(select(models.Wall))
            if row.person_id == sample.id("person", "p-102")
        )
        kept_out, idva = sample.actor(unit, "probation-om-1"), sample.actor(unit, "harbour-idva-1")
        officer = sample.actor(unit, "office-ig-1")
        with pytest.raises(Forbidden):
            walls.ask_lift(unit, kept_out, wall, "I would like to see it.")
        with pytest.raises(Conflict):
            walls.lift(unit, officer, wall)
        walls.ask_lift(unit, officer, wall, "They no longer know each other.")
        with pytest.raises(Forbidden):
            walls.lift(unit, officer, wall)
        with pytest.raises(Forbidden):
            walls.lift(unit, idva, wall)
        assert walled(unit, sample, "s-2002", "p-102", "probation")
        walls.keep(unit, officer, wall)
        walls.ask_lift(unit, idva, wall, "They no longer know each other.")
        walls.lift(unit, officer, wall)
        assert not walled(unit, sample, "s-2002", "p-102", "probation")


def test_a_wall_waits_for_a_review_by_somebody_else(sample: Sample) -> None:
    subject = sample.id("subject", "s-2002")
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        (mine,) = walls.place(
            unit, officer, subject, kind="exclude", reason=REASON, described="her brother's friend"
        )
        with pytest.raises(Forbidden):
            walls.review(unit, officer, mine)
        theirs = next(view for view in wall_records.walls(unit, officer) if view.wall_id != mine)
        assert not theirs.reviewed
        walls.review(unit, officer, theirs.wall_id)
        assert wall_records.wall(unit, officer, theirs.wall_id).reviewed


def test_the_walls_of_two_merged_records_both_stand(either: Sample) -> None:
    sample = either
    first, second = sample.id("subject", "s-2001"), sample.id("subject", "s-2002")
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        probation, police = sample.id("agency", "probation"), sample.id("agency", "police")
        walls.place(unit, officer, first, kind="allow_only", reason=REASON, agency_ids=[police, probation])
        walls.place(unit, officer, second, kind="allow_only", reason=REASON, agency_ids=[police])
        source = unit.session.get_one(models.Subject, second)
        source.state, source.merged_into_id = models.SubjectState.MERGED, first
        unit.session.flush()
        for subject in ("s-2001", "s-2002"):
            assert not walled(unit, sample, subject, "p-101", "police")
            assert walled(unit, sample, subject, "p-102", "probation")
            assert walled(unit, sample, subject, "p-105", "probation")
            assert walled(unit, sample, subject, "p-103", "harbour")


def test_a_split_leaves_each_wall_around_both(sample: Sample) -> None:
    from gateway.registry.subjects import Identity

    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        change = subject_changes.ask_split(
            unit,
            officer,
            sample.id("subject", "s-2002"),
            Identity(name="Mirela Halle"),
            (sample.id("case", "M2-0417"),),
            "Two women of nearly the same name.",
        )
        row = unit.session.get_one(models.SubjectChange, change)
        row.made_by_post_id = sample.id("post", "police-ig-1")
        subject_changes.approve_change(unit, officer, change)
        made = row.to_subject_id
        assert made is not None
        assert walls.walled(unit, made, sample.id("person", "p-102"), sample.id("agency", "probation"))
        assert len(walls.described(unit, made)) == 1


NAMES = st.sampled_from(["x", "y", "z"])


@given(
    excluded=st.sets(NAMES),
    lists=st.lists(st.sets(NAMES, min_size=1), max_size=3),
    person=NAMES,
    agency=NAMES,
)
def test_a_wall_more_never_lets_anybody_in(
    excluded: set[str], lists: list[set[str]], person: str, agency: str
) -> None:
    rows = [_wall("s", "exclude", person_id=one) for one in excluded]
    rows += [
        _wall(f"s{number}", "allow_only", agency_id=one)
        for number, names in enumerate(lists)
        for one in names
    ]
    out = walls.keeps_out(rows, person, agency)
    assert out == (person in excluded or any(agency not in names for names in lists))
    more = [*rows, _wall("another", "allow_only", person_id="nobody")]
    assert walls.keeps_out(more, person, agency)
    assert not out or walls.keeps_out([*rows, _wall("s", "exclude", person_id="q")], person, agency)


def _wall(
    subject_id: str, kind: str, *, person_id: str | None = None, agency_id: str | None = None
) -> models.Wall:
    return models.Wall(
        partnership_id="p",
        subject_id=subject_id,
        kind=kind,
        person_id=person_id,
        agency_id=agency_id,
        placed_by_post_id="o",
        review_by=date(2026, 12, 1),
    )
