"""What the register knows is worked out or recorded by a named person; what loosens takes another, who doesn't gain."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from gateway.errors import Forbidden, Invalid, NotFound
from gateway.registry import cases, circumstances, contacts, facts, models, risks
from gateway.registry.actors import Actor
from gateway.registry.importing import import_register
from gateway.store.unit_of_work import Unit
from tests.registry.sample import Sample

REASON = "We checked it with the people concerned."


def holding(sample: Sample, unit: Unit, recipient: str = "police-ppu-1", **changed: object) -> frozenset[str]:
    """The circumstances of one line: the police officer asks about the victim, for a recipient."""
    posts = [sample.id("post", "police-ppu-1"), sample.id("post", recipient)]
    bodies = [unit.session.get_one(models.Post, one).agency_id for one in posts]
    asked: dict[str, object] = {
        "case_id": sample.id("case", "M2-0417"),
        "subject_id": sample.id("subject", "s-2002"),
        "agency_ids": bodies,
        "post_ids": posts,
        "categories": ["risk_assessment"],
        "recipient_post_ids": posts[1:],
    }
    return circumstances.of_line(unit, **{**asked, **changed})  # type: ignore[arg-type]


def test_a_good_line_has_only_what_is_true_of_it(either: Sample) -> None:
    sample = either
    with sample.reading() as unit:
        assert holding(sample, unit) == {"safe_contact_on_file", "health_record_online_access"}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("lead", "lead_agency_missing"),
        ("disputed", "role_disputed"),
        ("training", "training_lapsed"),
        ("no_training", "training_lapsed"),
        ("signature", "not_signatory"),
        ("membership", "not_signatory"),
    ],
)
def test_what_the_register_shows_is_worked_out(sample: Sample, spoil: str, found: str) -> None:
    with sample.writing() as unit:
        assert found not in holding(sample, unit)
        session = unit.session
        police = sample.id("agency", "police")
        held = next(row for row in session.exec(_all(models.Membership)) if row.agency_id == police)
        role = next(
            row
            for row in session.exec(_all(models.CaseSubject))
            if row.subject_id == sample.id("subject", "s-2002")
        )
        person = session.get_one(models.Person, sample.id("person", "p-101"))
        match spoil:
            case "lead":
                session.get_one(models.Case, sample.id("case", "M2-0417")).lead_agency_id = None
            case "disputed":
                role.role_disputed = True
            case "training":
                person.trained_until = date(2026, 11, 21)
            case "no_training":
                person.trained_until = None
            case "signature":
                held.signatory = False
            case "membership":
                held.ends_on = date(2026, 11, 21)
        session.flush()
        assert found in holding(sample, unit)


def test_a_recipient_is_seen_as_she_stands_on_this_case(sample: Sample) -> None:
    with sample.reading() as unit:
        assert "recipient_perpetrator_facing" in holding(sample, unit, "probation-om-1")
        assert "recipient_perpetrator_facing" not in holding(sample, unit, "harbour-idva-1")
        assert "agency_not_involved_in_case" in holding(sample, unit, "office-ig-1")
        assert "training_lapsed" in holding(sample, unit, post_ids=["0" * 32])


def test_only_records_under_national_vetting_ask_for_it(sample: Sample) -> None:
    with sample.reading() as unit:
        assert "vetting_missing" not in holding(sample, unit, "harbour-idva-1")
        assert "vetting_missing" in holding(sample, unit, "harbour-idva-1", categories=["visor_record"])
        assert "vetting_missing" not in holding(sample, unit, categories=["visor_record"])


def test_a_conflict_follows_the_person_into_every_post(sample: Sample) -> None:
    with sample.writing() as unit:
        actor = sample.actor(unit, "probation-om-1")
        facts.record(unit, actor, circumstance="conflict_declared", reason=REASON, post_id=actor.post_id)
        assert "conflict_declared" in holding(sample, unit, "probation-chair")
        assert "conflict_declared" not in holding(sample, unit)


def test_what_loosens_counts_after_a_second_approved_and_only_for_whom_it_names(either: Sample) -> None:
    sample = either
    police = sample.id("agency", "police")
    with sample.writing() as unit:
        author, local = sample.actor(unit, "office-ig-1"), sample.actor(unit, "police-ig-1")
        scope: dict[str, Any] = {"case_id": sample.id("case", "M2-0417"), "agency_id": police}
        fact = facts.record(unit, author, circumstance="originator_agreed", reason=REASON, **scope)
        assert "originator_agreed" not in holding(sample, unit)
        for nobody in (author, local):
            with pytest.raises(Forbidden):
                facts.approve(unit, nobody, fact)
        facts.approve(unit, _other(sample, unit), fact)
        assert "originator_agreed" in holding(sample, unit)
        assert "originator_agreed" not in holding(sample, unit, "harbour-idva-1")
        assert facts.end(unit, author, fact, REASON)
        assert "originator_agreed" not in holding(sample, unit)


def test_ending_what_tightens_takes_two(sample: Sample) -> None:
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        fact = facts.facts_of(unit, officer, case_id=sample.id("case", "M2-0417"))[0].fact_id
        assert not facts.end(unit, officer, fact, REASON)
        with pytest.raises(Forbidden):
            facts.end(unit, officer, fact, REASON)
        assert "health_record_online_access" in holding(sample, unit)
        assert facts.end(unit, _other(sample, unit), fact, REASON)
        assert "health_record_online_access" not in holding(sample, unit)


@pytest.mark.parametrize("order", ["last", "first"])
def test_an_originators_caveat_ends_with_a_word_of_the_originator(sample: Sample, order: str) -> None:
    with sample.writing() as unit:
        theirs, case = sample.actor(unit, "police-ig-1"), sample.id("case", "M2-0417")
        fact = facts.record(unit, theirs, circumstance="originator_caveat", reason=REASON, case_id=case)
        outside = sample.actor(unit, "office-ig-1")
        second = replace(outside, person_id=sample.actor(unit, "harbour-idva-1").person_id)
        first, last = (outside, theirs) if order == "last" else (theirs, outside)
        assert not facts.end(unit, first, fact, REASON)
        if order == "last":
            with pytest.raises(Forbidden):
                facts.end(unit, second, fact, REASON)
        assert "originator_caveat" in holding(sample, unit)
        assert facts.end(unit, last, fact, REASON)
        assert "originator_caveat" not in holding(sample, unit)


@pytest.mark.parametrize("circumstance", ["training_lapsed", "court_order_made", "data_stale", "nonsense"])
def test_what_is_worked_out_or_declared_elsewhere_cannot_be_recorded(
    sample: Sample, circumstance: str
) -> None:
    case = sample.id("case", "M2-0417")
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        with pytest.raises(Invalid):
            facts.record(unit, officer, circumstance=circumstance, reason=REASON, case_id=case)


def test_a_row_that_no_one_could_have_recorded_counts_for_nothing(sample: Sample) -> None:
    with sample.writing() as unit:
        for circumstance in ("court_order_made", "nonsense", "originator_agreed"):
            unit.session.add(
                models.RegisteredFact(
                    partnership_id=sample.partnership_id,
                    circumstance=circumstance,
                    case_id=sample.id("case", "M2-0417"),
                    recorded_by_post_id=sample.id("post", "police-ppu-1"),
                    starts_at=unit.now,
                )
            )
        unit.session.flush()
        assert not {"court_order_made", "nonsense", "originator_agreed"} & holding(sample, unit)


def test_staff_record_only_about_cases_they_are_on_or_themselves(sample: Sample) -> None:
    with sample.writing() as unit:
        stranger = sample.actor(unit, "probation-chair")
        with pytest.raises(NotFound):
            facts.record(
                unit,
                stranger,
                circumstance="conflict_suspected",
                reason=REASON,
                case_id=sample.id("case", "M2-0417"),
            )


def test_nobody_puts_herself_on_a_case(sample: Sample) -> None:
    with sample.writing() as unit:
        officer = sample.actor(unit, "office-ig-1")
        with pytest.raises(Forbidden):
            cases.assign(unit, officer, sample.id("case", "M2-0417"), officer.post_id)


def test_a_safe_contact_counts_for_ninety_days(sample: Sample) -> None:
    subject = sample.id("subject", "s-2002")
    with sample.writing() as unit:
        row = unit.session.exec(_all(models.SafeContact)).one()
        for day, counts in ((date(2026, 8, 24), True), (date(2026, 8, 23), False)):
            row.confirmed_on = day
            unit.session.flush()
            assert contacts.on_file(unit, subject) is counts
        details = contacts.contact_of(unit, subject)
        assert details is not None
        assert (details.value, details.voicemail_ok) == ("Harbour duty line", False)


def test_a_file_never_revives_a_safe_contact_that_ended(sample: Sample, example: str) -> None:
    subject = sample.id("subject", "s-2002")
    with sample.writing() as unit:
        contacts.withdraw_contacts(unit, sample.actor(unit, "harbour-idva-1"), subject)
    for text in (example, example.replace("confirmed_on = 2026-11-02", "confirmed_on = 2026-11-03")):
        with sample.writing() as unit:
            import_register(unit, text)
        with sample.reading() as unit:
            assert not contacts.on_file(unit, subject)
    with sample.writing() as unit:
        import_register(unit, example.replace("confirmed_on = 2026-11-02", "confirmed_on = 2026-11-22"))
        assert contacts.on_file(unit, subject)  # the control: what was confirmed since


def test_the_newest_rating_counts(either: Sample) -> None:
    sample = either
    case, subject = sample.id("case", "M2-0417"), sample.id("subject", "s-2001")
    with sample.writing() as unit:
        before = risks.latest_risk(unit, case, subject)
        assert before is not None
        assert before.level == "high"
        actor = sample.actor(unit, "police-ppu-1")
        rating: dict[str, Any] = {
            "case_id": case,
            "subject_id": subject,
            "tool": "ARMS",
            "basis": "judgement",
        }
        risks.rate(unit, actor, level="very_high", assessed_on=date(2026, 11, 22), **rating)
        risks.rate(unit, actor, level="medium", assessed_on=date(2026, 10, 1), **rating)
        after = risks.latest_risk(unit, case, subject)
        assert after is not None
        assert after.level == "very_high"
        with pytest.raises(Invalid):
            risks.rate(unit, actor, level="very_high", assessed_on=date(2026, 11, 23), **rating)
        stranger = sample.actor(unit, "office-ig-1")
        with pytest.raises(NotFound):
            risks.rate(unit, stranger, level="very_high", assessed_on=date(2026, 11, 22), **rating)


def _all(table: Any) -> Any:
    return select(table)


def _other(sample: Sample, unit: Unit) -> Actor:
    """An officer of the partnership who is another person, of an agency that gains nothing."""
    return replace(
        sample.actor(unit, "office-ig-1"),
        person_id=sample.id("person", "p-104"),
        post_id=sample.id("post", "police-ig-1"),
    )
