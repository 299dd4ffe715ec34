"""Who isn't on the case gets one answer, whatever is true of the person asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import ask as asking
from gateway.disclosure import desk, reading
from gateway.disclosure.ask import Asked
from gateway.disclosure.asking import Asking
from gateway.disclosure.models import Line, Request, RequestState
from gateway.errors import NotFound
from gateway.registry import walls
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED

Making = Callable[[Stage, Unit], Asking]


def _outsider(stage: Stage, unit: Unit) -> Asking:
    known = stage.asking(unit, replace(PERMITTED, who="marac-coordinator", recipients=("marac-coordinator",)))
    return replace(
        known, case_id=None, subject_ids=(), case_reference="M2-0417", person="Robin Invented, born 1985"
    )


def _unknown(stage: Stage, unit: Unit) -> Asking:
    return replace(_outsider(stage, unit), case_reference="M9-9999", person="Nobody Atall, born 1901")


def _guessed_case(stage: Stage, unit: Unit) -> Asking:
    known = stage.asking(unit, replace(PERMITTED, who="marac-coordinator", recipients=("marac-coordinator",)))
    return replace(known, case_reference="M2-0417", person="Robin Invented")


def _guessed_ids(stage: Stage, unit: Unit) -> Asking:
    return replace(_guessed_case(stage, unit), case_id="0" * 32, subject_ids=("1" * 32,))


_ALL: list[Making] = [_outsider, _unknown, _guessed_case, _guessed_ids]


def _ask(stage: Stage, making: Making, who: str = "marac-coordinator") -> Asked:
    return stage.by(who, lambda unit, actor: asking.ask(unit, actor, making(stage, unit)))


@pytest.mark.parametrize("making", _ALL, ids=lambda making: making.__name__.strip("_"))
def test_the_answer_is_a_reference_and_nothing_else(quick_stage: Stage, making: Making) -> None:
    asked = _ask(quick_stage, making)
    assert asked.shown is False
    detail = quick_stage.by(
        "marac-coordinator", lambda unit, actor: reading.request_for(unit, actor, asked.request_id)
    )
    assert (detail.lines, detail.timeline, detail.case_id) == ((), (), None)
    assert (detail.summary.state, detail.summary.outcome) == (RequestState.RECEIVED, None)
    assert (detail.summary.case_reference, detail.summary.arrangement) == (None, None)


def test_a_walled_colleague_on_the_case_gets_the_same(quick_stage: Stage) -> None:
    def wall(unit: Unit, actor: Actor) -> None:
        person = _person_of(quick_stage, unit, "probation-om")
        walls.place(
            unit,
            actor,
            subject_id=quick_stage.subject_id(unit, "s-robin"),
            kind="exclude",
            person_ids=[person],
            reason="A relative.",
        )

    quick_stage.by("probation-ig", wall)
    asked = quick_stage.by(
        "probation-om", lambda unit, actor: asking.ask(unit, actor, _walled(quick_stage, unit))
    )
    assert asked.shown is False


def _walled(stage: Stage, unit: Unit) -> Asking:
    return replace(stage.asking(unit, PERMITTED), case_reference="M2-0417", person="Robin Invented")


def _read(stage: Stage, who: str, request_id: str) -> reading.RequestDetail:
    return stage.by(who, lambda unit, actor: reading.request_for(unit, actor, request_id))


def _person_of(stage: Stage, unit: Unit, code: str) -> str:
    from gateway.registry.models import Post

    return unit.session.get_one(Post, stage.post_id(unit, code)).person_id


def test_the_control_on_the_case_is_shown_the_decision(quick_stage: Stage) -> None:
    asked = quick_stage.by(
        "probation-om",
        lambda unit, actor: asking.ask(unit, actor, quick_stage.asking(unit, PERMITTED)),
    )
    assert asked.shown is True


def test_even_after_the_holder_matched_it_the_asker_learns_nothing(quick_stage: Stage) -> None:
    asked = _ask(quick_stage, _outsider)

    def match(unit: Unit, actor: Actor) -> None:
        case_id = quick_stage.case_id(unit, "M2-0417")
        desk.identify(unit, actor, asked.request_id, case_id, (quick_stage.subject_id(unit, "s-robin"),))

    quick_stage.by("police-ppu", match)
    holder = quick_stage.by(
        "police-ppu", lambda unit, actor: reading.request_for(unit, actor, asked.request_id)
    )
    asker = quick_stage.by(
        "marac-coordinator", lambda unit, actor: reading.request_for(unit, actor, asked.request_id)
    )
    assert [line.outcome for line in holder.lines] == ["deny"]
    assert (asker.lines, asker.summary.outcome, asker.summary.state) == ((), None, RequestState.RECEIVED)


def test_foreign_and_missing_requests_are_the_same_404(quick_stage: Stage) -> None:
    quick_stage.ask(PERMITTED)
    foreign = quick_stage.do(lambda unit: unit.session.exec(select(Request)).one().id)
    line = quick_stage.do(lambda unit: unit.session.exec(select(Line)).one().id)
    answers = set()
    for request_id in (foreign, "0" * 32, line):
        with pytest.raises(NotFound) as caught:
            _read(quick_stage, "health-lead", request_id)
        answers.add((caught.value.message, caught.value.next_step))
    assert len(answers) == 1
