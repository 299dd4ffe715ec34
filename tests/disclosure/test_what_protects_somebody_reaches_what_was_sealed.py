"""A wall, a split and a merge freeze at once what was sealed before; a slow opening hands nothing over."""

from __future__ import annotations

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import open as opening
from gateway.disclosure import stop
from gateway.disclosure.models import Task
from gateway.errors import Conflict
from gateway.registry import subject_changes
from gateway.registry.actors import Actor
from gateway.registry.models import CaseAssignment, Membership, Post, WallKind
from gateway.registry.subjects import Identity
from gateway.sealing.models import ParcelState
from gateway.store.unit_of_work import Unit
from tests.disclosure.conftest import Sent, open_it, state_of


def _wall(stage: Stage, code: str) -> int:
    def place(unit: Unit, actor: Actor) -> int:
        post = unit.session.get_one(Post, stage.post_id(unit, code))
        return stop.raise_wall(
            unit,
            actor,
            stage.subject_id(unit, "s-robin"),
            kind=WallKind.EXCLUDE,
            reason="She is his cousin.",
            person_ids=[post.person_id],
        )

    return stage.by("office-ig", place)


def test_a_wall_freezes_what_was_sealed_to_whom_it_keeps_out(quick_stage: Stage, sent: Sent) -> None:
    opened = open_it(quick_stage, "probation-om", sent.parcel_id)
    assert isinstance(opened, opening.Opened)
    assert _wall(quick_stage, "probation-om") == 2
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.FROZEN
    with pytest.raises(Conflict):
        quick_stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))
    owed = quick_stage.do(lambda unit: [task.kind for task in unit.session.exec(select(Task))])
    assert "reconsider_after_withdrawal" in owed


def test_a_wall_around_others_freezes_nothing(quick_stage: Stage, sent: Sent) -> None:
    assert _wall(quick_stage, "housing-officer") == 0
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.SEALED


def test_a_split_freezes_what_was_released_about_the_wrong_person(quick_stage: Stage, sent: Sent) -> None:
    def ask(unit: Unit, actor: Actor) -> str:
        return subject_changes.ask_split(
            unit,
            actor,
            quick_stage.subject_id(unit, "s-robin"),
            Identity(name="Robin Other"),
            (quick_stage.case_id(unit, "M2-0417"),),
            "Two people of the same name.",
        )

    change_id = quick_stage.by("office-ig", ask)
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.SEALED
    assert quick_stage.by("office-ig-2", lambda unit, actor: stop.approve_change(unit, actor, change_id)) == 2
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.FROZEN


def test_an_opening_that_waits_too_long_hands_nothing_over(quick_stage: Stage, sent: Sent) -> None:
    opened = open_it(quick_stage, "probation-om", sent.parcel_id)
    assert isinstance(opened, opening.Opened)
    quick_stage.clock.advance(opening.COLLECTED_WITHIN)
    quick_stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))
    quick_stage.later(hours=1)
    with pytest.raises(Conflict):
        quick_stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))


def _lapse(stage: Stage, what: str) -> None:
    def lapse(unit: Unit) -> None:
        held: list[Membership | CaseAssignment] = []
        if what == "membership":
            agency_id = stage.agency_id(unit, "probation")
            held += unit.session.exec(select(Membership).where(Membership.agency_id == agency_id)).all()
        else:
            post_id = stage.post_id(unit, "probation-om")
            held += unit.session.exec(select(CaseAssignment).where(CaseAssignment.post_id == post_id)).all()
        for row in held:
            row.ended_at = unit.now
            unit.session.add(row)

    stage.do(lapse)


@pytest.mark.parametrize("what", ["membership", "assignment"])
def test_who_lost_her_standing_after_an_opening_is_handed_nothing(
    quick_stage: Stage, sent: Sent, what: str
) -> None:
    opened = open_it(quick_stage, "probation-om", sent.parcel_id)
    assert isinstance(opened, opening.Opened)
    quick_stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))
    _lapse(quick_stage, what)
    with pytest.raises(Conflict):
        quick_stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))


@pytest.mark.parametrize("what", ["membership", "assignment"])
def test_who_lost_her_standing_opens_nothing(quick_stage: Stage, sent: Sent, what: str) -> None:
    _lapse(quick_stage, what)
    assert isinstance(open_it(quick_stage, "probation-om", sent.parcel_id), opening.NotOpened)
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.FROZEN
