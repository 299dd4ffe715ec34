"""A second post, a stand-in, an officer outside or a fact of one's own hand never turns a fact in one's own favour."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Ask, Stage
from gateway.clock import local_day
from gateway.disclosure import ask as asking
from gateway.disclosure import authorise, judge
from gateway.disclosure.asking import NamedRecipient
from gateway.errors import Forbidden, NotFound
from gateway.registry import caseload, cases, facts, lending, people
from gateway.registry.actors import Actor
from gateway.registry.models import CaseAssignment, Person, Post
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED, REFUSED

_CLOSED = "core-c-safety-critical-to-perpetrator-facing"


def _post(stage: Stage, code: str, *, like: str, person: str | None = None) -> None:
    """A neutral post beside `like`, of somebody new or of a person who holds another."""

    def make(unit: Unit) -> None:
        beside = unit.session.get_one(Post, stage.post_id(unit, like))
        day = local_day(unit.now)
        who = unit.session.get_one(Post, stage.post_id(unit, person)).person_id if person else None
        if who is None:
            trained = day + timedelta(days=90)
            made = Person(
                partnership_id=beside.partnership_id,
                code=f"p-{code}",
                name="Noor Stand-In",
                trained_until=trained,
            )
            unit.session.add(made)
            unit.session.flush()
            who = made.id
        unit.session.add(
            Post(
                partnership_id=beside.partnership_id,
                code=code,
                person_id=who,
                agency_id=beside.agency_id,
                role="probation_practitioner",
                orientation="neutral",
                face="staff",
                starts_on=day,
            )
        )

    stage.do(make)


def _stand_in(stage: Stage, who: str, for_post: str, stand_in: str) -> None:
    stage.by(
        who,
        lambda unit, actor: people.cover(
            unit,
            actor,
            stage.post_id(unit, for_post),
            by_post_id=stage.post_id(unit, stand_in),
            until=local_day(unit.now) + timedelta(days=3),
        ),
    )


def _rules(stage: Stage, asked: Ask, *, delivering: str | None = None) -> set[str]:
    """The rules that matched a request, for its only line."""

    def make(unit: Unit, actor: Actor) -> set[str]:
        given = stage.asking(unit, asked)
        if delivering is not None:
            outside = NamedRecipient(
                agency_type="la_housing",
                role="housing_officer",
                described="A landlord",
                delivering_post_id=stage.post_id(unit, delivering),
            )
            given = replace(given, recipients=(outside,))
        [line] = judge.lines_of(unit, asking.ask(unit, actor, given).request_id)
        return set(judge.decision_of(unit, line).rule_ids)

    return stage.by(asked.who, make)


def test_an_officer_names_no_post_of_her_own_as_stand_in(quick_stage: Stage) -> None:
    with pytest.raises(Forbidden):
        _stand_in(quick_stage, "police-ig", "police-ppu", "police-ig")
    mine = quick_stage.by("police-ig", caseload.my_cases)
    assert mine == []
    _stand_in(quick_stage, "police-ig", "police-ppu", "mappa-chair")  # the control: somebody else


def test_a_stand_in_works_with_whom_the_absent_one_works(quick_stage: Stage) -> None:
    _post(quick_stage, "probation-new", like="probation-om")
    asked = replace(REFUSED, who="probation-new", recipients=("probation-new",))
    _stand_in(quick_stage, "probation-om", "probation-om", "probation-new")
    assert _CLOSED in _rules(quick_stage, asked)


def test_a_second_post_on_the_case_hides_nothing_of_the_first(quick_stage: Stage) -> None:
    _post(quick_stage, "probation-second", like="probation-om", person="probation-om")

    def assign(unit: Unit) -> None:
        post = unit.session.get_one(Post, quick_stage.post_id(unit, "probation-second"))
        unit.session.add(
            CaseAssignment(
                partnership_id=post.partnership_id,
                case_id=quick_stage.case_id(unit, "M2-0417"),
                post_id=post.id,
                starts_on=post.starts_on,
            )
        )

    quick_stage.do(assign)
    asked = replace(REFUSED, who="probation-second", recipients=("probation-second",))
    assert _CLOSED in _rules(quick_stage, asked)


def test_who_delivers_to_somebody_outside_reads_it_and_counts(quick_stage: Stage) -> None:
    assert _CLOSED in _rules(quick_stage, REFUSED, delivering="probation-om")
    assert _CLOSED not in _rules(quick_stage, REFUSED, delivering="lantern-idva")  # the control


def _agreed(stage: Stage, recorder: str) -> frozenset[str]:
    """What holds of Nadia's request once `recorder` recorded, and another approved, that the originator agrees."""

    def record(unit: Unit, actor: Actor) -> str:
        return facts.record(
            unit,
            actor,
            circumstance="originator_agreed",
            reason="They told me so on the telephone.",
            case_id=stage.case_id(unit, "M2-0417"),
        )

    fact_id = stage.by(recorder, record)
    stage.by("office-ig", lambda unit, actor: facts.approve(unit, actor, fact_id))
    line_id = stage.ask(PERMITTED)["convictions"]

    def found(unit: Unit) -> frozenset[str]:
        from gateway.disclosure.models import Line

        decided = judge.decision_of(unit, unit.session.get_one(Line, line_id))
        said = decided.facts["circumstances"]
        assert isinstance(said, list)
        return frozenset(said)

    return stage.do(found)


@pytest.mark.parametrize(("recorder", "counts"), [("probation-om", False), ("police-ppu", True)])
def test_a_fact_that_loosens_is_never_of_the_hand_it_favours(
    quick_stage: Stage, recorder: str, *, counts: bool
) -> None:
    assert ("originator_agreed" in _agreed(quick_stage, recorder)) is counts


def test_who_gains_does_not_choose_who_decides_by_naming_a_stand_in(quick_stage: Stage) -> None:
    """The chair would receive it and goes off duty: her authority isn't lent to a colleague for that."""

    def make(unit: Unit, actor: Actor, to: str) -> str:
        asked = replace(PERMITTED, categories=("minutes",), recipients=(to,))
        return judge.lines_of(unit, asking.ask(unit, actor, quick_stage.asking(unit, asked)).request_id)[0].id

    for_herself = quick_stage.by("probation-om", lambda unit, actor: make(unit, actor, "mappa-chair"))
    for_another = quick_stage.by("probation-om", lambda unit, actor: make(unit, actor, "health-lead"))
    _stand_in(quick_stage, "mappa-chair", "mappa-chair", "police-ppu")
    quick_stage.by(
        "police-ig",
        lambda unit, actor: lending.agree(unit, actor, quick_stage.post_id(unit, "mappa-chair")),
    )

    def grant(line_id: str) -> None:
        quick_stage.by(
            "police-ppu",
            lambda unit, actor: authorise.authorise(
                unit, actor, line_id, grants=True, reasons="It protects."
            ),
        )

    with pytest.raises(NotFound):
        grant(for_herself)
    grant(for_another)  # the control


def _as_neutral(stage: Stage, who: str) -> None:
    """Take the offender manager off the case and put her on it again as one who works with nobody in it."""

    def assign(unit: Unit, actor: Actor) -> None:
        case_id, post_id = stage.case_id(unit, "M2-0417"), stage.post_id(unit, "probation-om")
        held = next(one for one in cases.assignments(unit, actor, case_id) if one.post.post_id == post_id)
        cases.unassign(unit, actor, held.assignment_id)
        unit.session.flush()
        cases.assign(unit, actor, case_id, post_id, orientation="neutral")

    stage.by(who, assign)


def test_an_agencys_officer_does_not_unsay_whom_her_colleague_works_with(quick_stage: Stage) -> None:
    with pytest.raises(Forbidden):
        _as_neutral(quick_stage, "probation-ig")
    assert _CLOSED in _rules(quick_stage, REFUSED)
    _as_neutral(quick_stage, "office-ig")  # the control: somebody whose agency gains nothing
