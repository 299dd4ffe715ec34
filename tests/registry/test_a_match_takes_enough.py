"""A match takes one national number or two identifiers that fit one person; anything less is for the holder to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from gateway.errors import Conflict, Erased, Forbidden, Invalid, NotFound
from gateway.registry import caseload, cases, models, subject_changes, subjects
from gateway.registry.actors import Actor
from gateway.registry.subjects import Identity, Match, Uncertain, match
from gateway.store.unit_of_work import Unit
from tests.registry.sample import Sample

REASON = "Both agencies compared what they hold."
HIM = {"name": "Corin Hale", "date_of_birth": "1984-03-19"}


def test_a_national_number_is_enough_and_spelling_does_not_matter(either: Sample) -> None:
    sample = either
    with sample.reading() as unit:
        found = match(unit, sample.partnership_id, {"prison_number": "a 1234-bc"})
        assert found == Match(sample.id("subject", "s-2001"), ("prison_number",))
        two = match(unit, sample.partnership_id, {"name": " CORIN  hâle", "date_of_birth": "1984-03-19"})
        assert two == Match(sample.id("subject", "s-2001"), ("date_of_birth", "name"))


@pytest.mark.parametrize(
    "given_",
    [
        {"name": "Corin Hale"},
        {"date_of_birth": "1984-03-19"},
        {"name": "Corin Hale", "date_of_birth": "1989-07-02"},
        {"name": "Mirela Hale", "prison_number": "A1234BC"},
        {**HIM, "prison_number": "Z9999ZZ"},
        {"name": "Corin Hale", "postcode": "BV4 2QT"},
        {"phone": "01632 960001"},
    ],
)
def test_less_or_what_contradicts_is_asked_of_the_holder(sample: Sample, given_: dict[str, str]) -> None:
    with sample.reading() as unit:
        assert isinstance(match(unit, sample.partnership_id, given_), Uncertain)


def test_another_partnership_never_matches(sample: Sample) -> None:
    with sample.reading() as unit:
        assert match(unit, "0" * 32, {"prison_number": "A1234BC"}) == Uncertain()


def test_an_unknown_kind_of_identifier_is_refused(sample: Sample) -> None:
    with sample.reading() as unit, pytest.raises(Invalid):
        match(unit, sample.partnership_id, {"shoe_size": "9"})


def test_no_identifier_is_stored_in_the_clear(sample: Sample) -> None:
    with sample.reading() as unit:
        rows = [*unit.session.exec(select(models.Subject)), *unit.session.exec(select(models.SubjectToken))]
    stored = repr([row.model_dump() for row in rows])
    for word in ("Corin", "Hale", "1984", "A1234BC", "BV4"):
        assert word not in stored


PEOPLE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Ann Low", "Bo Low", "Cy Rae"]),
        "born": st.integers(1, 3),
        "postcode": st.integers(1, 2),
    }
)


KINDS = st.sets(st.sampled_from(["name", "date_of_birth", "postcode"]))


@given(held=st.lists(PEOPLE, min_size=1, max_size=4), asked=PEOPLE, kinds=KINDS)
def test_a_match_is_the_only_one_who_fits_all_that_was_given(
    held: list[dict[str, object]], asked: dict[str, object], kinds: set[str]
) -> None:
    from gateway.registry.subjects import judge

    def values(one: dict[str, object]) -> dict[str, str]:
        born, postcode = f"1990-01-0{one['born']}", f"AA{one['postcode']}"
        return {"name": str(one["name"]), "date_of_birth": born, "postcode": postcode}

    wanted = {kind: value for kind, value in values(asked).items() if kind in kinds}
    on_file = {
        str(number): {kind: {value} for kind, value in values(one).items()} for number, one in enumerate(held)
    }
    found = judge(on_file, wanted)
    fitting = [
        key for key, tokens in on_file.items() if sum(wanted[kind] in tokens[kind] for kind in wanted) >= 2
    ]
    if isinstance(found, Match):
        assert fitting == [found.subject_id]
        assert len(found.by) >= 2
        firm = {kind for kind in wanted if kind != "postcode"}
        assert all(wanted[kind] in on_file[found.subject_id][kind] for kind in firm)
    elif len(fitting) == 1 and all(wanted[kind] in on_file[fitting[0]][kind] for kind in wanted):
        raise AssertionError("somebody who fits in everything was not matched")


def test_two_records_of_one_person_are_merged_by_two_and_parted_again(either: Sample) -> None:
    sample = either
    first, second = sample.id("subject", "s-2001"), sample.id("subject", "s-2002")
    case = sample.id("case", "M2-0417")
    with sample.writing() as unit:
        author, approver = _officers(sample, unit)
        change = subject_changes.ask_merge(unit, author, second, first, REASON)
        assert len(subjects.subjects_of(unit, case)) == 2
        with pytest.raises(Forbidden):
            subject_changes.approve_change(unit, author, change)
        with pytest.raises(Conflict):
            subject_changes.ask_merge(unit, author, second, first, REASON)
        subject_changes.approve_change(unit, approver, change)
        (one,) = subjects.subjects_of(unit, case)
        assert (one.subject_id, one.role_disputed) == (first, True)
        assert subjects.known_as(unit, second) == {first, second}
        back = subject_changes.ask_unmerge(unit, author, second, REASON)
        subject_changes.approve_change(unit, approver, back)
        assert len(subjects.subjects_of(unit, case)) == 2


def test_merging_in_a_circle_is_refused(sample: Sample) -> None:
    first, second = sample.id("subject", "s-2001"), sample.id("subject", "s-2002")
    with sample.writing() as unit:
        author, approver = _officers(sample, unit)
        there = subject_changes.ask_merge(unit, author, first, second, REASON)
        back = subject_changes.ask_merge(unit, author, second, first, REASON)
        subject_changes.approve_change(unit, approver, there)
        with pytest.raises(Conflict):
            subject_changes.approve_change(unit, approver, back)


def test_one_record_of_two_people_is_split_with_its_cases(sample: Sample) -> None:
    case, subject = sample.id("case", "M2-0417"), sample.id("subject", "s-2002")
    with sample.writing() as unit:
        author, approver = _officers(sample, unit)
        with pytest.raises(Invalid):
            subject_changes.ask_split(unit, author, subject, Identity(name="Mirela Halle"), (), REASON)
        change = subject_changes.ask_split(
            unit, author, subject, Identity(name="Mirela Halle"), (case,), REASON
        )
        subject_changes.approve_change(unit, approver, change)
        new = next(view for view in subjects.subjects_of(unit, case) if view.role == "victim")
        assert new.subject_id != subject
        assert subjects.identity_of(unit, new.subject_id).name == "Mirela Halle"
        assert subjects.identity_of(unit, subject).name == "Mirela Hale"


def test_a_corrected_identity_matches_by_what_is_right(sample: Sample) -> None:
    subject = sample.id("subject", "s-2001")
    right = Identity(name="Corin Hale", born_on=date(1985, 3, 19), numbers={"prison_number": "A1234BD"})
    with sample.writing() as unit:
        author, approver = _officers(sample, unit)
        change = subject_changes.ask_correct(unit, author, subject, right, REASON)
        assert isinstance(match(unit, sample.partnership_id, {"prison_number": "A1234BD"}), Uncertain)
        subject_changes.approve_change(unit, approver, change)
        assert isinstance(match(unit, sample.partnership_id, {"prison_number": "A1234BD"}), Match)
        assert isinstance(match(unit, sample.partnership_id, {"prison_number": "A1234BC"}), Uncertain)


def test_the_erased_are_read_and_matched_by_nobody(either: Sample) -> None:
    sample = either
    subject = sample.id("subject", "s-2002")
    with sample.writing() as unit:
        subject_changes.erase(unit, sample.actor(unit, "office-ig-1"), subject, REASON)
    with sample.writing() as unit:
        with pytest.raises(Erased):
            subjects.identity_of(unit, subject)
        known = {"name": "Mirela Hale", "date_of_birth": "1989-07-02"}
        assert isinstance(match(unit, sample.partnership_id, known), Uncertain)
        assert subject not in {
            view.subject_id for view in subjects.subjects_of(unit, sample.id("case", "M2-0417"))
        }
        assert unit.session.exec(select(models.SafeContact)).all() == []
        with pytest.raises(Conflict):
            subject_changes.erase(unit, sample.actor(unit, "office-ig-1"), subject, REASON)


def test_a_case_is_the_same_404_for_all_who_are_not_on_it(sample: Sample) -> None:
    case = sample.id("case", "M2-0417")
    told = set()
    with sample.writing() as unit:
        on_it = sample.actor(unit, "harbour-idva-1")
        assert cases.case_for(unit, on_it, case).reference == "M2-0417"
        assert [view.case_id for view in caseload.my_cases(unit, on_it)] == [case]
        for post, wanted in (("probation-chair", case), ("harbour-idva-1", "0" * 32)):
            with pytest.raises(NotFound) as refused:
                cases.case_for(unit, sample.actor(unit, post), wanted)
            told.add((refused.value.message, refused.value.next_step))
        unit.session.get_one(models.Case, case).closed_on = date(2026, 11, 22)
        with pytest.raises(NotFound) as refused:
            cases.case_for(unit, on_it, case)
        told.add((refused.value.message, refused.value.next_step))
        assert caseload.my_cases(unit, on_it) == []
    assert len(told) == 1


def test_an_age_is_counted_in_whole_years_to_today_or_to_the_day_of_death(sample: Sample) -> None:
    with sample.writing() as unit:
        row = unit.session.get_one(models.Subject, sample.id("subject", "s-2001"))
        case = sample.id("case", "M2-0417")
        assert {view.age for view in subjects.subjects_of(unit, case)} == {42, 37}
        row.deceased_on = date(2026, 3, 18)
        unit.session.flush()
        dead = next(view for view in subjects.subjects_of(unit, case) if view.subject_id == row.id)
        assert (dead.deceased, dead.age) == (True, 41)


def _officers(sample: Sample, unit: Unit) -> tuple[Actor, Actor]:
    """The officer of the partnership, and a second one."""
    person = models.Person(partnership_id=sample.partnership_id, code="p-900", name="Owain Tester")
    unit.session.add(person)
    unit.session.flush()
    first = sample.actor(unit, "office-ig-1")
    return first, replace(first, person_id=person.id, post_id=sample.id("post", "police-ig-1"))
