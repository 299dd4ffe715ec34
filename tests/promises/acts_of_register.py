"""What changes in the register, each act with the kind of entry that it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlmodel import select

from gateway.clock import local_day
from gateway.disclosure import erase, stop
from gateway.ledger.entries import EntryKind
from gateway.registry import (
    agencies,
    cases,
    memberships,
    offers,
    people,
    proposals,
    subject_changes,
    subjects,
    walls,
)
from gateway.registry.actors import Actor
from gateway.registry.exporting import export_register
from gateway.registry.models import Wall
from gateway.registry.subjects import Identity
from gateway.store.unit_of_work import Unit
from tests.promises.acts import ANEW, Act, Does, Scene, leaves

_NEW_POST = """
  [[people.posts]]
  key = "housing-ig"
  agency = "housing"
  role = "ig_officer"
  face = "governance"
  orientation = "neutral"
  starts_on = 2026-01-01
"""
_NEW_CASE = """
[[cases]]
reference = "R-0999"
arrangement = "marac"
lead_agency = "police"
jurisdiction = "EW"
opened_on = 2026-01-01
"""


def _register(scene: Scene) -> str:
    return scene.do(lambda unit: export_register(unit, "meadowshire"))


def _proposed(scene: Scene, text: str) -> str:
    """A register file that waits for a second person; its proposal."""
    offered = offers.offer_import(scene.gateway.store, text)
    assert offered.proposal is not None
    return offered.proposal.proposal_id


def _admits(scene: Scene) -> Does:
    lantern = scene.agency("lantern")

    def does(unit: Unit, actor: Actor) -> str:
        [first, *_] = memberships.arrangements(unit, actor.partnership_id)
        return offers.offer_admission(
            unit,
            actor,
            first.arrangement_id,
            lantern,
            standing="associate",
            authority="Agreement of 1 December 2026",
            signatory=True,
            starts_on=local_day(unit.now),
            ends_on=None,
        )

    return does


@leaves(EntryKind.REGISTER_PROPOSED)
def hands_in_a_file(scene: Scene) -> Act:
    text = _register(scene) + _NEW_CASE
    return Act(lambda: _proposed(scene, text), None, None, scene.agency("office"))


@leaves(EntryKind.REGISTER_APPROVED)
def approves(scene: Scene) -> Act:
    proposal = scene.by("office-ig", _admits(scene))
    return scene.act("office-ig-2", lambda unit, actor: proposals.approve(unit, actor, str(proposal)))


@leaves(EntryKind.REGISTER_REFUSED)
def turns_down(scene: Scene) -> Act:
    proposal = scene.by("office-ig", _admits(scene))
    return scene.act("office-ig-2", lambda unit, actor: proposals.refuse(unit, actor, str(proposal)))


@leaves(EntryKind.REGISTER_REVIEWED)
def looks_at_what_acted(scene: Scene) -> Act:
    shorter = re.sub(r"(?<=trained_until = )\S+", "2026-12-24", _register(scene), count=1)
    proposal = _proposed(scene, shorter)
    return scene.act("office-ig", lambda unit, actor: proposals.review(unit, actor, proposal))


@leaves(EntryKind.POST_GIVEN)
def gives_a_post(scene: Scene) -> Act:
    text = _register(scene)
    at = text.index("[[people.posts]]", text.index('key = "p-hana"'))
    proposal = _proposed(scene, text[:at] + _NEW_POST + text[at:])
    return scene.act(
        "office-ig", lambda unit, actor: proposals.approve(unit, actor, proposal), controller="housing"
    )


@leaves(EntryKind.CASE_OPENED)
def opens_a_case(scene: Scene) -> Act:
    proposal = _proposed(scene, _register(scene) + _NEW_CASE)
    return scene.act(
        "office-ig",
        lambda unit, actor: proposals.approve(unit, actor, proposal),
        controller="police",
        case=ANEW,
    )


@leaves(EntryKind.CASE_CHANGED)
def puts_somebody_on_a_case(scene: Scene) -> Act:
    case, post = scene.case("R-0931"), scene.post("health-lead")
    return scene.act(
        "office-ig",
        lambda unit, actor: cases.assign(unit, actor, case, post),
        controller="health",
        case="R-0931",
    )


@leaves(EntryKind.CASE_CLOSED)
def closes_a_case(scene: Scene) -> Act:
    case = scene.case("M2-0417")
    return scene.act(
        "probation-ig",
        lambda unit, actor: erase.close_case(unit, actor, case, "His licence has ended."),
        about=["s-robin", "s-jess"],
        case="M2-0417",
    )


@leaves(EntryKind.POST_CHANGED)
def goes_off_duty(scene: Scene) -> Act:
    away, by = scene.post("probation-om"), scene.post("probation-om-2")
    until = local_day(scene.clock.now()) + timedelta(days=3)
    return scene.act(
        "probation-om", lambda unit, actor: people.cover(unit, actor, away, by_post_id=by, until=until)
    )


@leaves(EntryKind.POST_ENDED)
def ends_a_post(scene: Scene) -> Act:
    post = scene.post("probation-om-2")
    return scene.act(
        "office-ig",
        lambda unit, actor: people.end_post(unit, actor, post, "She has left."),
        controller="probation",
    )


@leaves(EntryKind.AGENCY_CHANGED)
def changes_an_agency(scene: Scene) -> Act:
    police = scene.agency("police")
    return scene.act(
        "office-ig",
        lambda unit, actor: agencies.set_answer_time(unit, actor, police, 5),
        controller="police",
    )


@leaves(EntryKind.MEMBERSHIP_CHANGED)
def ends_a_membership(scene: Scene) -> Act:
    def of_police(unit: Unit) -> str:
        [first, *_] = memberships.arrangements(unit, scene.partnership_id(unit))
        members = memberships.members(unit, scene.partnership_id(unit), first.arrangement_id)
        return next(one.membership_id for one in members if one.agency_id == scene.agency_id(unit, "police"))

    membership = scene.do(of_police)
    return scene.act(
        "office-ig",
        lambda unit, actor: memberships.end_membership(unit, actor, membership, "They left."),
        controller="police",
    )


@leaves(EntryKind.SUBJECT_ADDED)
def adds_a_person(scene: Scene) -> Act:
    police = scene.agency("police")
    return scene.act(
        "office-ig",
        lambda unit, actor: subjects.create(
            unit, actor, identity=Identity(name="Kim Invented"), controller_agency_id=police
        ),
        controller="police",
        about=[ANEW],
    )


def _twin(scene: Scene, name: str) -> str:
    return scene.by(
        "police-ig",
        lambda unit, actor: subjects.create(
            unit, actor, identity=Identity(name=name), controller_agency_id=actor.agency_id
        ),
    )


def _changes(scene: Scene, asks: Callable[[Unit, Actor], str], about: Sequence[str]) -> Act:
    """One officer asks for a change of who is who, and another approves it."""
    change = scene.by("police-ig", asks)
    return scene.act(
        "office-ig",
        lambda unit, actor: stop.approve_change(unit, actor, change),
        controller="police",
        about=about,
    )


@leaves(EntryKind.SUBJECT_CORRECTED)
def corrects_a_name(scene: Scene) -> Act:
    sam, right = scene.subject("s-sam"), Identity(name="Samuel Madeup")
    return _changes(
        scene,
        lambda unit, actor: subject_changes.ask_correct(unit, actor, sam, right, "His name is longer."),
        about=["s-sam"],
    )


@leaves(EntryKind.SUBJECT_MERGED)
def merges_two_records(scene: Scene) -> Act:
    one, other = _twin(scene, "Kim Invented"), _twin(scene, "Kimberley Invented")
    return _changes(
        scene,
        lambda unit, actor: subject_changes.ask_merge(unit, actor, one, other, "They are the same."),
        about=[one, other],
    )


@leaves(EntryKind.SUBJECT_SPLIT)
def parts_one_record(scene: Scene) -> Act:
    sam, case = scene.subject("s-sam"), scene.case("R-0931")
    return _changes(
        scene,
        lambda unit, actor: subject_changes.ask_split(
            unit, actor, sam, Identity(name="Sam Otherwise"), (case,), "They are two men."
        ),
        about=["s-sam", ANEW],
    )


@leaves(EntryKind.SUBJECT_ERASED)
def erases_a_person(scene: Scene) -> Act:
    sam = scene.subject("s-sam")
    return scene.act(
        "police-ig",
        lambda unit, actor: erase.erase_subject(unit, actor, sam, "He was entered by mistake."),
        about=["s-sam"],
    )


@leaves(EntryKind.WALL_RAISED)
def raises_a_wall(scene: Scene) -> Act:
    sam, health = scene.subject("s-sam"), scene.agency("health")
    return scene.act(
        "police-ppu",
        lambda unit, actor: stop.raise_wall(
            unit, actor, sam, kind="exclude", reason="He has family there.", agency_ids=[health]
        ),
        about=["s-sam"],
    )


def _wall_of_jess(scene: Scene) -> str:
    jess = scene.subject("s-jess")
    return scene.do(lambda unit: unit.session.exec(select(Wall.id).where(Wall.subject_id == jess)).one())


@leaves(EntryKind.WALL_REVIEWED)
def reviews_a_wall(scene: Scene) -> Act:
    wall = _wall_of_jess(scene)
    return scene.act(
        "office-ig",
        lambda unit, actor: walls.review(unit, actor, wall),
        controller="lantern",
        about=["s-jess"],
    )


@leaves(EntryKind.WALL_LIFTED)
def lifts_a_wall(scene: Scene) -> Act:
    wall = _wall_of_jess(scene)
    scene.by("office-ig", lambda unit, actor: walls.ask_lift(unit, actor, wall, "He works elsewhere."))
    return scene.act(
        "office-ig-2",
        lambda unit, actor: walls.lift(unit, actor, wall),
        controller="lantern",
        about=["s-jess"],
    )
