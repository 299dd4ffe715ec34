"""What was referred to a role that nobody can exercise is seen by who asked, and by officers who can name somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Stage
from gateway.clock import local_day
from gateway.disclosure import oversight, reading
from gateway.disclosure.models import Line, Request
from gateway.disclosure.oversight import Undecidable
from gateway.errors import NotFound
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.notices.who import to_tell
from gateway.registry import authorities, lending, people, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Case, Post, WallKind
from gateway.store.unit_of_work import Unit
from tests.disclosure.test_a_role_decides_for_its_own_agency import give, referred
from tests.web.fixtures import shared_app
from tests.web.pages import Web

EVERYBODY = (
    "office-ig",
    "office-ig-2",
    "police-ig",
    "probation-ig",
    "mappa-chair",
    "police-ppu",
    "probation-om",
)
HOLDERS = "caldicott_guardian"  # a role that speaks for the holder, and that nobody of Meadowshire has


def left(stage: Stage, line_id: str, *, asker: str = "probation-om") -> bool:
    """Whether the one who asked reads that nobody can decide it."""
    request = stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)
    [line] = stage.by(asker, lambda unit, actor: reading.request_for(unit, actor, request)).lines
    return line.left


def listed(stage: Stage, officer: str) -> list[Undecidable]:
    return stage.by(officer, oversight.undecidable)


def told(stage: Stage, kind: EntryKind) -> set[str]:
    """The codes of the posts that the newest entry of a kind is told to."""

    def find(unit: Unit) -> set[str]:
        entries = read.entries_in_partnership(unit, stage.partnership_id(unit)).entries
        newest = max((one for one in entries if one.kind == kind), key=lambda one: (one.at, one.number or 0))
        codes = {stage.post_id(unit, code): code for code in EVERYBODY}
        return {codes.get(one, one) for one in to_tell(unit, newest)}

    return stage.do(find)


def grant(stage: Stage, code: str, role: str) -> None:
    """Two officers give a post an authority."""

    def ask(unit: Unit, actor: Actor) -> str:
        until = local_day(unit.now) + timedelta(days=30)
        post = stage.post_id(unit, code)
        return authorities.grant_authority(
            unit, actor, post, role_code=role, arrangement_id=None, ends_on=until
        )

    given = stage.by("office-ig", ask)
    stage.by("office-ig-2", lambda unit, actor: authorities.approve_authority(unit, actor, given))


def test_the_asker_and_the_officers_see_it_until_a_post_has_the_role(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, HOLDERS)
    assert left(quick_stage, line_id)
    for officer in ("police-ig", "office-ig"):
        [found] = listed(quick_stage, officer)
        assert (found.line_id, found.roles, found.agencies) == (
            line_id,
            (HOLDERS,),
            ("Meadowshire Police",),
        )
    assert listed(quick_stage, "probation-ig") == []
    assert told(quick_stage, EntryKind.DECISION_MADE) == {"police-ig", "office-ig", "office-ig-2"}

    grant(quick_stage, "police-ig", HOLDERS)
    assert not left(quick_stage, line_id)
    assert listed(quick_stage, "office-ig") == listed(quick_stage, "police-ig") == []
    assert told(quick_stage, EntryKind.POST_CHANGED) == {"police-ig"}  # who decides it now
    assert line_id in [one.line_id for one in quick_stage.by("police-ig", reading.to_authorise)]
    assert told(quick_stage, EntryKind.DECISION_MADE) == {"police-ig"}


def test_another_agencys_holder_of_the_role_does_not_resolve_it(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, HOLDERS)
    grant(quick_stage, "probation-ig", HOLDERS)
    assert left(quick_stage, line_id)
    assert told(quick_stage, EntryKind.POST_CHANGED) == set()


def test_nobody_but_an_officer_has_the_list_and_it_names_no_person(quick_stage: Stage) -> None:
    referred(quick_stage, HOLDERS)
    for code in ("probation-om", "mappa-chair"):
        with pytest.raises(NotFound):
            listed(quick_stage, code)
    [found] = listed(quick_stage, "police-ig")
    subject = quick_stage.do(lambda unit: quick_stage.subject_id(unit, "s-robin"))
    said = str(found)
    assert not any(part in said for part in (subject, "minutes", "Robin", "health"))


def test_away_without_cover_leaves_it_and_cover_that_lends_resolves_it(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, "mappa_chair")
    assert not left(quick_stage, line_id)  # the control: Moira is there
    until = quick_stage.do(lambda unit: local_day(unit.now)) + timedelta(days=2)
    quick_stage.by(
        "mappa-chair",
        lambda unit, actor: people.cover(
            unit, actor, actor.post_id, by_post_id=quick_stage.post_id(unit, "police-ppu"), until=until
        ),
    )
    assert left(quick_stage, line_id)
    assert {"police-ig", "office-ig"} <= told(quick_stage, EntryKind.POST_CHANGED)
    chair = quick_stage.do(lambda unit: quick_stage.post_id(unit, "mappa-chair"))
    quick_stage.by("police-ig", lambda unit, actor: lending.agree(unit, actor, chair))
    assert not left(quick_stage, line_id)
    assert told(quick_stage, EntryKind.POST_CHANGED) == {"police-ppu"}


def test_a_leaver_leaves_it_and_the_officers_are_told(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, HOLDERS)
    grant(quick_stage, "police-ig", HOLDERS)
    post = quick_stage.do(lambda unit: quick_stage.post_id(unit, "police-ig"))
    quick_stage.by(
        "office-ig", lambda unit, actor: people.end_post(unit, actor, post, "She left the force today.")
    )
    assert left(quick_stage, line_id)
    assert told(quick_stage, EntryKind.POST_ENDED) == {"office-ig-2"}


def test_whoever_asked_does_not_count_as_somebody_who_can(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, "gateway_manager")
    give(quick_stage, "probation-om", "gateway_manager")
    assert left(quick_stage, line_id)
    give(quick_stage, "probation-ig", "gateway_manager")
    assert not left(quick_stage, line_id)


def test_that_a_wall_keeps_the_only_one_out_is_for_the_officers_alone(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, HOLDERS)
    give(quick_stage, "police-ppu", HOLDERS)

    def wall(unit: Unit, actor: Actor) -> None:
        post = unit.session.get_one(Post, quick_stage.post_id(unit, "police-ppu"))
        walls.place(
            unit,
            actor,
            quick_stage.subject_id(unit, "s-robin"),
            kind=WallKind.EXCLUDE,
            reason="They are brothers, and it is known.",
            person_ids=[post.person_id],
        )

    quick_stage.by("probation-om", wall)
    assert not left(quick_stage, line_id)
    assert [one.line_id for one in listed(quick_stage, "police-ig")] == [line_id]


def test_what_was_asked_from_outside_never_reaches_the_askers_agency(quick_stage: Stage) -> None:
    """That it was decided would say that the person is known (promise 8)."""
    line_id = referred(quick_stage, "gateway_manager")
    assert [one.line_id for one in listed(quick_stage, "probation-ig")] == [line_id]  # the control

    def from_outside(unit: Unit) -> None:
        request_id = unit.session.get_one(Line, line_id).request_id
        unit.session.get_one(Request, request_id).person = b"somebody"

    quick_stage.do(from_outside)
    assert listed(quick_stage, "probation-ig") == []
    assert [one.line_id for one in listed(quick_stage, "police-ig")] == [line_id]
    assert "probation-ig" not in told(quick_stage, EntryKind.DECISION_MADE)


def test_without_a_lead_agency_the_partnerships_officers_have_it(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, "lead_agency_manager")

    def lead_by_nobody(unit: Unit) -> None:
        unit.session.get_one(Case, quick_stage.case_id(unit, "M2-0417")).lead_agency_id = None

    quick_stage.do(lead_by_nobody)
    assert [one.line_id for one in listed(quick_stage, "office-ig")] == [line_id]


def test_the_pages_say_what_happens_next(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, HOLDERS)
    request = quick_stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)
    web = Web(shared_app(quick_stage.gateway), quick_stage.gateway)

    def page(code: str, url: str) -> str:
        web.sign_in(quick_stage.do(lambda unit: quick_stage.post_id(unit, code)))
        return web.page(url).text

    said = "Nobody can decide this at the moment"
    assert said in page("probation-om", f"/staff/requests/{request}")
    assert said in page("probation-om", f"/staff/requests/{request}/decision")
    assert "Decisions that nobody can make until you name a post or cover" in page(
        "police-ig", "/governance/"
    )
    assert "Caldicott Guardian" in page("police-ig", "/governance/undecidable")
    grant(quick_stage, "police-ig", HOLDERS)
    assert said not in page("probation-om", f"/staff/requests/{request}")
    assert "Somebody can decide all that was referred" in page("police-ig", "/governance/undecidable")
