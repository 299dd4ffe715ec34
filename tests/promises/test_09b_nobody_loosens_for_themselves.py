"""What was let through for one, or walled against one, is loosened by nobody who gains by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.clock import local_day
from gateway.disclosure import ask as asking
from gateway.disclosure import desk, facts, may, oversight, reseal, withdraw
from gateway.disclosure.content import Content
from gateway.disclosure.may import Question
from gateway.disclosure.models import Authorisation, Line, LineState
from gateway.errors import Forbidden, NotFound
from gateway.ledger import read
from gateway.registry import subject_changes, walls
from gateway.registry.actors import Actor
from gateway.registry.models import CaseAssignment, Post, Wall
from gateway.store.unit_of_work import Unit
from tests.promises.against_her_wish import asked, grant, second, state
from tests.told import PERMITTED

_REASONS = "It protects, and he knows why."


def _wall(stage: Stage, who: str, subject: str, *, exclude: str = "", only: str = "") -> None:
    def place(unit: Unit, actor: Actor) -> None:
        named = unit.session.get_one(Post, stage.post_id(unit, exclude or only))
        walls.place(
            unit,
            actor,
            stage.subject_id(unit, subject),
            kind="exclude" if exclude else "allow_only",
            reason=_REASONS,
            person_ids=[named.person_id] if exclude else [],
            agency_ids=[named.agency_id] if only else [],
        )

    stage.by(who, place)


def _authorised(stage: Stage) -> str:
    """A released line for the housing officer that the chair and her deputy let through; its id."""
    line_id = asked(stage)
    second(stage, "marac-deputy", grant(stage, "marac-chair", line_id))
    stage.release("lantern-idva", line_id, Content(text="Flat 0, Nowhere Court."), "Alarm; officer")
    assert state(stage, line_id) == LineState.RELEASED
    return line_id


def _colleague(stage: Stage, beside: str, case: str) -> None:
    """A second person beside a post, who works the same case as `successor`."""

    def make(unit: Unit) -> None:
        post = unit.session.get_one(Post, stage.post_id(unit, beside))
        somebody = unit.session.get_one(Post, stage.post_id(unit, "health-lead"))
        kept = post.model_dump(exclude={"id", "code", "person_id", "created_at"})
        made = Post(**kept, code="successor", person_id=somebody.person_id)
        unit.session.add(made)
        unit.session.flush()
        unit.session.add(
            CaseAssignment(
                partnership_id=made.partnership_id,
                case_id=stage.case_id(unit, case),
                post_id=made.id,
                starts_on=local_day(unit.now) - timedelta(days=1),
            )
        )

    stage.do(make)


def _successor(stage: Stage, who: str, line_id: str) -> str:
    return stage.by(
        who,
        lambda unit, actor: reseal.name_successor(unit, actor, line_id, stage.post_id(unit, "successor")),
    )


def test_what_a_person_let_through_for_one_is_not_for_a_successor(quick_stage: Stage) -> None:
    line_id = _authorised(quick_stage)
    _colleague(quick_stage, "housing-officer", "R-0931")
    assert _successor(quick_stage, "lantern-idva", line_id) == "refer"

    def standing(unit: Unit) -> list[bool]:
        rows = unit.session.exec(select(Authorisation).where(Authorisation.line_id == line_id))
        return [facts.is_standing(row, unit) for row in rows]

    assert quick_stage.do(standing) == [True]  # and it stays whole for the one it was for


def test_the_control_a_successor_needs_no_authorisation_where_a_rule_permits(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; officer")
    _colleague(quick_stage, "probation-om", "M2-0417")
    assert _successor(quick_stage, "police-ppu", line_id) == "permit"


def test_a_recipient_at_the_holders_declares_nothing_that_loosens(quick_stage: Stage) -> None:
    asked = replace(PERMITTED, recipients=("mappa-chair",))
    line_id = quick_stage.ask(asked)["convictions"]
    request_id = quick_stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)

    def declare(unit: Unit, actor: Actor) -> None:
        desk.declare(unit, actor, request_id, "others_at_risk", _REASONS)

    with pytest.raises(Forbidden):
        quick_stage.by("mappa-chair", declare)
    quick_stage.by("police-ppu", declare)  # the control: a colleague who gains nothing


def test_who_a_wall_excludes_neither_thaws_nor_opens_the_agencys_copy(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; officer")
    shown = quick_stage.by("police-ppu", lambda unit, actor: reseal.resealable(unit, actor, line_id))
    assert shown.line_id == line_id  # the control: before the wall
    _wall(quick_stage, "probation-ig", "s-robin", exclude="police-ppu")
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: reseal.resealable(unit, actor, line_id))
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: withdraw.reconsider(unit, actor, line_id))


def _wall_id(stage: Stage, kind: str) -> str:
    return stage.do(lambda unit: unit.session.exec(select(Wall.id).where(Wall.kind == kind)).one())


def test_an_allow_only_list_is_lifted_by_nobody_it_keeps_out(quick_stage: Stage) -> None:
    _wall(quick_stage, "probation-ig", "s-robin", only="probation-om")
    wall_id = _wall_id(quick_stage, "allow_only")
    with pytest.raises(Forbidden):
        quick_stage.by("police-ppu", lambda unit, actor: walls.ask_lift(unit, actor, wall_id, _REASONS))
    quick_stage.by("probation-ig", lambda unit, actor: walls.ask_lift(unit, actor, wall_id, _REASONS))
    quick_stage.by(
        "office-ig", lambda unit, actor: walls.lift(unit, actor, wall_id)
    )  # works no case: gains nothing


def test_a_wall_raised_while_two_were_one_stands_for_both(quick_stage: Stage) -> None:
    def ids(unit: Unit) -> tuple[str, str]:
        return quick_stage.subject_id(unit, "s-alex"), quick_stage.subject_id(unit, "s-jess")

    alex, jess = quick_stage.do(ids)

    def change(ask: str, *names: str) -> None:
        def asked(unit: Unit, actor: Actor) -> str:
            made: str = getattr(subject_changes, ask)(unit, actor, *names, _REASONS)
            return made

        change_id = quick_stage.by("office-ig", asked)
        quick_stage.by(
            "office-ig-2", lambda unit, actor: subject_changes.approve_change(unit, actor, change_id)
        )

    change("ask_merge", alex, jess)
    _wall(quick_stage, "office-ig", "s-alex", exclude="housing-officer")
    change("ask_unmerge", alex)

    def kept_out(unit: Unit, subject_id: str) -> bool:
        post = unit.session.get_one(Post, quick_stage.post_id(unit, "housing-officer"))
        return walls.walled(unit, subject_id, post.person_id, post.agency_id)

    assert quick_stage.do(lambda unit: (kept_out(unit, alex), kept_out(unit, jess))) == (True, True)


def test_the_officer_of_the_askers_agency_does_not_learn_what_was_matched(quick_stage: Stage) -> None:
    def ask(unit: Unit, actor: Actor) -> str:
        known = quick_stage.asking(unit, replace(PERMITTED, who="mappa-chair", recipients=("mappa-chair",)))
        holder = quick_stage.agency_id(unit, "probation")
        outside = replace(
            known,
            case_id=None,
            subject_ids=(),
            case_reference="M2-0417",
            person="Robin",
            holder_agency_id=holder,
        )
        return asking.ask(unit, actor, outside).request_id

    request_id = quick_stage.by("mappa-chair", ask)

    def match(unit: Unit, actor: Actor) -> None:
        about = (quick_stage.subject_id(unit, "s-robin"),)
        desk.identify(unit, actor, request_id, quick_stage.case_id(unit, "M2-0417"), about)

    quick_stage.by("probation-om", match)

    def listed(unit: Unit, actor: Actor) -> list[str]:
        return [one.request_id for one in oversight.decided(unit, actor)[0]]

    assert request_id not in quick_stage.by("police-ig", listed)
    assert request_id in quick_stage.by(
        "probation-ig", listed
    )  # the control: the holder's officer answers for it


def test_a_question_about_each_person_is_in_her_own_log(quick_stage: Stage) -> None:
    def ask(unit: Unit, actor: Actor) -> list[str]:
        given = quick_stage.asking(unit, PERMITTED)
        people = [quick_stage.subject_id(unit, code) for code in ("s-robin", "s-jess")]
        questions = [
            Question(
                post_id=actor.post_id,
                case_id=given.case_id or "",
                subject_id=one,
                holder_agency_id=given.holder_agency_id,
                category="convictions",
                purpose=given.purpose,
                basis=given.basis,
            )
            for one in people
        ]
        may.may(unit, actor, questions)
        return people

    people = quick_stage.by("probation-om", ask)
    for one in people:
        found = quick_stage.do(lambda unit, one=one: read.entries_for_subject(unit, one).entries)  # type: ignore[misc]
        assert [entry.subject_ids for entry in found if entry.codes.get("step") == "may"] == [(one,)]
