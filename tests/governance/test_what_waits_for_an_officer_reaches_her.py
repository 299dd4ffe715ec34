"""The officer finds on her first page what waits for her: mandates, escalations, and what a mended record owes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.consent import mandates
from gateway.consent.models import Mandate
from gateway.disclosure import desk, stop
from gateway.disclosure.content import Content
from gateway.disclosure.models import Line, Request, Task
from gateway.registry import subject_changes
from gateway.registry.subjects import Identity
from gateway.sealing import parcel
from gateway.sealing.models import ParcelState
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED
from tests.web.fixtures import shared_app
from tests.web.pages import Web


@pytest.fixture
def web(quick_stage: Stage) -> Web:
    """A browser on Meadowshire."""
    return Web(shared_app(quick_stage.gateway), quick_stage.gateway)


def become(web: Web, stage: Stage, code: str) -> None:
    web.sign_in(stage.do(lambda unit: stage.post_id(unit, code)))


def given(stage: Stage) -> str:
    """A mandate that Lantern recorded for its own advocate."""
    return demo_heard.mandate_of(stage, "s-jess")


def counts(stage: Stage, mandate_id: str) -> bool:
    return stage.do(lambda unit: mandates.counts(unit.session.get_one(Mandate, mandate_id), unit))


def test_a_second_agencys_officer_confirms_a_mandate(web: Web, quick_stage: Stage) -> None:
    mandate_id = given(quick_stage)
    become(web, quick_stage, "probation-ig")
    assert "Mandates to confirm" in web.page("/governance/").text
    listed = web.page("/governance/mandates")
    [href] = [address for address in listed.links().values() if mandate_id in address]
    assert "Choose what the person said" in web.submit(web.page(href), {}, status=422).text
    assert not counts(quick_stage, mandate_id)
    assert "No mandate waits for your agency" in web.submit(web.page(href), {"said": "yes"}).text
    assert counts(quick_stage, mandate_id)


def test_what_the_person_knows_nothing_of_ends(web: Web, quick_stage: Stage) -> None:
    mandate_id = given(quick_stage)
    become(web, quick_stage, "office-ig")
    web.submit(web.page(f"/governance/mandates/{mandate_id}"), {"said": "no"})
    ended = quick_stage.do(lambda unit: unit.session.get_one(Mandate, mandate_id).revoked_at)
    assert ended is not None
    assert not counts(quick_stage, mandate_id)


def test_no_officer_confirms_for_the_agency_that_recorded_it_nor_beside_the_case(
    web: Web, quick_stage: Stage
) -> None:
    """The control: her agency recorded it, or works no case of the person's."""

    def by_probation(unit: Unit) -> None:
        row = unit.session.get_one(Mandate, mandate_id)
        row.recorded_agency_id = quick_stage.agency_id(unit, "probation")
        unit.session.add(row)

    mandate_id = given(quick_stage)
    quick_stage.do(by_probation)
    become(web, quick_stage, "probation-ig")
    web.page(f"/governance/mandates/{mandate_id}", status=404)
    elsewhere = demo_heard.mandate_of(quick_stage, "s-alex")
    web.page(f"/governance/mandates/{elsewhere}", status=404)


def test_an_escalated_request_reaches_the_holders_officer_alone(web: Web, quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    reference = quick_stage.do(lambda unit: _request_of(unit, line_id).reference)
    become(web, quick_stage, "police-ig")
    assert reference not in web.page("/governance/escalated").text
    quick_stage.clock.advance(timedelta(days=10))
    request_id = quick_stage.do(lambda unit: _request_of(unit, line_id).id)
    quick_stage.by("probation-om", lambda unit, actor: desk.chase(unit, actor, request_id))
    quick_stage.by("probation-om", lambda unit, actor: desk.escalate(unit, actor, request_id))
    become(web, quick_stage, "police-ig")
    assert "Requests escalated to you" in web.page("/governance/").text
    shown = web.page("/governance/escalated")
    assert reference in shown.text
    assert "Meadowshire Probation" in shown.text
    become(web, quick_stage, "office-ig")
    assert reference in web.page("/governance/escalated").text
    become(web, quick_stage, "probation-ig")
    assert reference not in web.page("/governance/escalated").text
    quick_stage.release("police-ppu", line_id, Content(text="Two convictions."), "Plan")
    become(web, quick_stage, "police-ig")
    assert reference not in web.page("/governance/escalated").text


def test_a_split_owes_a_recall_of_what_was_told_about_the_wrong_person(web: Web, quick_stage: Stage) -> None:
    line_id = _released(quick_stage, "convictions")
    case_id = quick_stage.do(lambda unit: quick_stage.case_id(unit, PERMITTED.case))
    changed = quick_stage.by(
        "probation-ig",
        lambda unit, actor: subject_changes.ask_split(
            unit,
            actor,
            quick_stage.subject_id(unit, "s-robin"),
            Identity(name="Robyn Invented"),
            (case_id,),
            "Two people of one name.",
        ),
    )
    quick_stage.by("office-ig", lambda unit, actor: stop.approve_change(unit, actor, changed))
    assert stop.WRONG_PERSON in _owed(quick_stage, line_id, "police")
    states = quick_stage.do(lambda unit: {row.state for row in parcel.of_lines(unit, [line_id])})
    assert ParcelState.FROZEN in states
    become(web, quick_stage, "police-ig")
    tasks = web.page("/governance/tasks")
    assert stop.FOLLOW_UP[stop.WRONG_PERSON] in tasks.text


def test_a_correction_owes_word_of_it_to_whoever_was_told_who_she_is(quick_stage: Stage) -> None:
    other, told = _released(quick_stage, "convictions"), _released(quick_stage, "identity")
    changed = quick_stage.by(
        "probation-ig",
        lambda unit, actor: subject_changes.ask_correct(
            unit,
            actor,
            quick_stage.subject_id(unit, "s-robin"),
            Identity(name="Robyn Invented"),
            "Her name was misspelt.",
        ),
    )
    quick_stage.by("office-ig", lambda unit, actor: stop.approve_change(unit, actor, changed))
    assert _owed(quick_stage, told, "police") == [stop.CORRECTED]
    assert _owed(quick_stage, other, "police") == []


def _request_of(unit: Unit, line_id: str) -> Request:
    return unit.session.get_one(Request, unit.session.get_one(Line, line_id).request_id)


def _released(stage: Stage, category: str) -> str:
    line_id = stage.ask(replace(PERMITTED, categories=(category,)))[category]
    stage.release("police-ppu", line_id, Content(text="As we hold it."), "Plan; Nadia Sample")
    return line_id


def _owed(stage: Stage, line_id: str, agency: str) -> list[str]:
    def find(unit: Unit) -> list[str]:
        owner = stage.agency_id(unit, agency)
        chosen = select(Task.kind).where(Task.line_id == line_id, Task.owner_agency_id == owner)
        ours = set(stop.FOLLOW_UP)
        return [kind for kind in unit.session.exec(chosen) if kind in ours]

    return stage.do(find)
