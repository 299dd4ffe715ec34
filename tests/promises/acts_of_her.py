"""What a person says of herself, to the service that supports her, each with the kind of entry that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from gateway.cli import demo_heard
from gateway.clock import local_day
from gateway.consent import wordings
from gateway.consent.models import Answer, HowTaken, Wish
from gateway.consent.taking import Reach, Taking
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.contacts import Details
from gateway.review import hearing, reaching
from gateway.store.unit_of_work import Unit
from tests.promises.acts import Act, Scene, leaves


def _taking(scene: Scene, kind: str) -> Taking:
    now = scene.clock.now()
    return Taking(
        how=HowTaken.FACE_TO_FACE,
        alone=True,
        taken_at=now,
        wording_version=wordings.current(kind).version,
        expires_on=local_day(now) + timedelta(days=90),
        words="She said so.",
    )


def _hears_alex(scene: Scene, does: Callable[[Unit, Actor, hearing.Heard], object]) -> Act:
    """Somebody of the service listens to Alex."""
    alex, case = scene.subject("s-alex"), scene.case("R-0931")
    return scene.act(
        "lantern-idva",
        lambda unit, actor: does(unit, actor, hearing.heard(unit, actor, alex, case)),
        about=["s-alex"],
        case="R-0931",
    )


@leaves(EntryKind.VIEWS_RECORDED)
def says_what_she_wants(scene: Scene) -> Act:
    return _hears_alex(
        scene,
        lambda unit, actor, who: hearing.record_views(
            unit, actor, who, Wish.OBJECTS, Reach(), _taking(scene, "views")
        ),
    )


def _answers(scene: Scene, answer: Answer) -> Act:
    reach = Reach(
        purposes=frozenset({"victim_safety"}),
        categories=frozenset({"identity"}),
        agency_ids=frozenset({scene.agency("health")}),
    )
    return _hears_alex(
        scene,
        lambda unit, actor, who: hearing.record_consent(
            unit, actor, who, answer, reach, _taking(scene, "consent"), under_duress=False
        ),
    )


@leaves(EntryKind.CONSENT_GIVEN)
def says_yes(scene: Scene) -> Act:
    return _answers(scene, Answer.GIVEN)


@leaves(EntryKind.CONSENT_ANSWERED)
def says_no(scene: Scene) -> Act:
    return _answers(scene, Answer.REFUSED)


@leaves(EntryKind.CONSENT_WITHDRAWN)
def takes_it_back(scene: Scene) -> Act:
    consent = demo_heard.consent_to_housing(scene)
    return _hears_alex(
        scene,
        lambda unit, actor, who: hearing.withdraw(unit, actor, who, consent, by_subject=True),
    )


@leaves(EntryKind.MANDATE_GIVEN)
def names_an_advocate(scene: Scene) -> Act:
    today = local_day(scene.clock.now())
    given = hearing.MandateGiven(
        advocate_post_id=scene.post("lantern-advocate"),
        how_given=HowTaken.FACE_TO_FACE,
        alone=True,
        wording_version=wordings.current("mandate").version,
        given_on=today,
        expires_on=today + timedelta(days=90),
    )
    act = _hears_alex(scene, lambda unit, actor, who: hearing.record_mandate(unit, actor, who, given))
    return replace(act, case=None)  # it reaches all of her cases


@leaves(EntryKind.MANDATE_CONFIRMED)
def confirms_a_mandate(scene: Scene) -> Act:
    mandate = demo_heard.mandate_of(scene, "s-alex")
    return scene.act(
        "marac-coordinator",
        lambda unit, actor: hearing.confirm_mandate(unit, actor, mandate),
        controller="lantern",
        about=["s-alex"],
    )


@leaves(EntryKind.MANDATE_ENDED)
def ends_a_mandate(scene: Scene) -> Act:
    alex = scene.subject("s-alex")
    return scene.act(
        "lantern-advocate",
        lambda unit, actor: hearing.end_my_mandates(unit, actor, alex, by_subject=True),
        about=["s-alex"],
    )


def _reaches_alex(scene: Scene, does: Callable[[Unit, Actor, str, str], object]) -> Act:
    """Her worker, on her case, deals with how Alex may be reached."""
    alex, case = scene.subject("s-alex"), scene.case("R-0931")
    return scene.act(
        "lantern-idva",
        lambda unit, actor: does(unit, actor, alex, case),
        about=["s-alex"],
        case="R-0931",
    )


@leaves(EntryKind.CONTACT_RECORDED)
def says_how_to_reach_her(scene: Scene) -> Act:
    way = Details(method="Telephone call", value="0300 000 0000")
    return _reaches_alex(
        scene,
        lambda unit, actor, alex, case: reaching.record(unit, actor, alex, case, way, nobody_else_sees=True),
    )


@leaves(EntryKind.CONTACT_SHOWN)
def looks_how_to_reach_her(scene: Scene) -> Act:
    return _reaches_alex(scene, reaching.see)


@leaves(EntryKind.CONTACT_WITHDRAWN)
def says_that_no_way_is_safe(scene: Scene) -> Act:
    return _reaches_alex(scene, reaching.withdraw)
