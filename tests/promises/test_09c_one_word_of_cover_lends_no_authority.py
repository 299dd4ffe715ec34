"""Going off duty lends the desk's work at once, and what only the absent one may decide once a second person agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Stage
from gateway.clock import local_day
from gateway.disclosure import ask as asking
from gateway.disclosure import authorise, covering, judge, reading
from gateway.errors import Forbidden, NotFound
from gateway.registry import actors, cases, lending, people
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from gateway.web.app import create_app
from tests.told import PERMITTED
from tests.web.pages import Web


@pytest.fixture
def referred(quick_stage: Stage) -> str:
    """A line that the MAPPA chair decides, who is off duty; a colleague at the police stands in."""

    def ask(unit: Unit, actor: Actor) -> str:
        asked = replace(PERMITTED, categories=("minutes",), recipients=("health-lead",))
        return judge.lines_of(unit, asking.ask(unit, actor, quick_stage.asking(unit, asked)).request_id)[0].id

    line_id = quick_stage.by("probation-om", ask)

    def away(unit: Unit, actor: Actor) -> None:
        until = local_day(unit.now) + timedelta(days=3)
        people.cover(
            unit, actor, actor.post_id, by_post_id=quick_stage.post_id(unit, "police-ppu"), until=until
        )

    quick_stage.by("mappa-chair", away)
    return line_id


def _grant(stage: Stage, line_id: str) -> None:
    stage.by(
        "police-ppu",
        lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons="It protects."),
    )


def _agree(stage: Stage, officer: str = "police-ig") -> None:
    stage.by(officer, lambda unit, actor: lending.agree(unit, actor, stage.post_id(unit, "mappa-chair")))


def test_a_stand_in_decides_nothing_of_the_others_until_a_second_person_agreed(
    quick_stage: Stage, referred: str
) -> None:
    mine = quick_stage.by("police-ppu", reading.to_authorise)
    assert mine == []
    with pytest.raises(NotFound):
        _grant(quick_stage, referred)
    with pytest.raises(Forbidden):
        _agree(quick_stage, "mappa-chair")
    _agree(quick_stage)
    assert [one.line_id for one in quick_stage.by("police-ppu", reading.to_authorise)] == [referred]
    _grant(quick_stage, referred)


def test_the_work_on_the_cases_is_hers_at_once(quick_stage: Stage, referred: str) -> None:
    def on_case(unit: Unit, actor: Actor) -> bool:
        chaired = cases.assigned_posts(unit, quick_stage.case_id(unit, "M2-0417"))
        return bool({one.post_id for one in chaired} & {actor.post_id, *people.covers(unit, actor.post_id)})

    assert quick_stage.by("police-ppu", on_case)


def test_coming_back_ends_it_at_once(quick_stage: Stage, referred: str) -> None:
    _agree(quick_stage)
    quick_stage.by("mappa-chair", lambda unit, actor: people.back_on_duty(unit, actor, actor.post_id))
    with pytest.raises(NotFound):
        _grant(quick_stage, referred)


def test_the_desk_says_what_does_not_count_yet_and_the_officer_is_asked(
    quick_stage: Stage, referred: str
) -> None:
    web = Web(create_app(quick_stage.gateway), quick_stage.gateway)

    def become(code: str) -> None:
        web.sign_in(quick_stage.do(lambda unit: quick_stage.post_id(unit, code)))

    become("police-ppu")
    assert "is not yours to decide yet" in web.page("/staff/").text
    become("police-ig")
    assert "Authorities lent to a stand-in" in web.page("/governance/").text
    listed = web.page("/governance/authorities")
    [href] = [href for href in listed.links().values() if href.endswith("/cover/agree")]
    after = web.submit(web.page(href))
    assert "The stand-in may decide from now" in after.text
    assert "Authorities lent to a stand-in" not in web.page("/governance/").text
    become("police-ppu")
    home = web.page("/staff/").text
    assert "is not yours to decide yet" not in home
    assert "You stand in for" in home
    assert quick_stage.by("police-ppu", covering.not_lent_yet) == []


def test_the_control_authority_lent_on_one_word_is_found(
    quick_stage: Stage, referred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = actors.authorities_of

    def lent_anyway(
        unit: Unit, post_id: str, today: object, arrangement_id: object = None, **_: object
    ) -> frozenset[str]:
        return whole(unit, post_id, today, arrangement_id)  # type: ignore[arg-type]

    monkeypatch.setattr(authorise, "authorities_of", lent_anyway)
    _grant(quick_stage, referred)
