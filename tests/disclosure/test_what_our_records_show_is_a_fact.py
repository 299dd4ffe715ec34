"""Facts that the gateway's own records show are in the decision, whoever asks and whatever they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure.models import Authorisation, Line
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.disclosure.conftest import latest
from tests.told import PERMITTED

_MINUTES = replace(PERMITTED, categories=("minutes",))


def _facts(stage: Stage, line_id: str) -> set[str]:
    kept: dict[str, Any] = dict(latest(stage, line_id).facts)
    of_the_data: dict[str, list[str]] = kept["data"]
    return {*kept["circumstances"], *(one for found in of_the_data.values() for one in found)}


def test_minutes_are_a_whole_document_and_the_chairs(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(_MINUTES)["minutes"]
    assert {"whole_document", "outside_agency_no_chair_agreement"} <= _facts(quick_stage, line_id)
    assert latest(quick_stage, line_id).outcome != Outcome.PERMIT
    control = quick_stage.ask(PERMITTED)["convictions"]
    assert not {"whole_document", "internal_to_attendee_agency"} & _facts(quick_stage, control)


@pytest.mark.parametrize("hour", [3, 12])
def test_the_hour_is_the_partnerships_own(quick_stage: Stage, hour: int) -> None:
    now = quick_stage.clock.now()
    quick_stage.clock.advance(timedelta(days=(7 - now.weekday()) % 7 or 7, hours=hour - now.hour))
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    assert ("out_of_hours" in _facts(quick_stage, line_id)) is (hour == 3)


def test_who_stands_in_for_somebody_off_duty_is_on_the_case(quick_stage: Stage) -> None:
    asked = replace(PERMITTED, who="probation-ig", recipients=("probation-ig",))
    assert quick_stage.ask(asked) == {}

    def off_duty(unit: Unit) -> None:
        post = unit.session.get_one(Post, quick_stage.post_id(unit, "probation-om"))
        post.off_duty_from, post.off_duty_until = unit.now, unit.now + timedelta(days=2)
        post.cover_post_id = quick_stage.post_id(unit, "probation-ig")
        unit.session.add(post)

    quick_stage.do(off_duty)
    line_id = quick_stage.ask(replace(asked, why="For the plan, in her place."))["convictions"]
    assert latest(quick_stage, line_id).facts["requester"]["on_case"] is True  # type: ignore[index]


def test_an_authorisation_by_the_requester_is_self_approval(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]

    def grant(unit: Unit) -> None:
        line = unit.session.get_one(Line, line_id)
        unit.session.add(
            Authorisation(
                partnership_id=line.partnership_id,
                request_id=line.request_id,
                line_id=line.id,
                role_code="mappa_chair",
                given_by_post_id=quick_stage.post_id(unit, "probation-om"),
                grants=True,
                reasons=b"",
            )
        )

    quick_stage.do(grant)

    def again(unit: Unit) -> None:
        from gateway.disclosure import judge
        from gateway.disclosure.models import Request

        line = unit.session.get_one(Line, line_id)
        request = unit.session.get_one(Request, line.request_id)
        judge.judge(unit, request, [line], judge.Step.DECLARED, acting_post_id=None)

    quick_stage.later(hours=1)
    quick_stage.do(again)
    assert "self_approval" in _facts(quick_stage, line_id)
    assert latest(quick_stage, line_id).outcome == Outcome.DENY
