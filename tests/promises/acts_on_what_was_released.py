"""What becomes of a line that may be released, each act with the kind of entry that it leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlmodel import select

from gateway.disclosure import (
    ask,
    authorise,
    desk,
    keyring,
    onward,
    release,
    reseal,
    stop,
    trusting,
    withdraw,
)
from gateway.disclosure import open as opening
from gateway.disclosure.asking import NamedRecipient
from gateway.disclosure.content import Content, prepare
from gateway.disclosure.models import Line
from gateway.ledger import publish
from gateway.ledger.entries import EntryKind
from gateway.ledger.journal import journal_of
from gateway.registry import authorities, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Wall
from gateway.sealing import jwe
from gateway.sealing.envelope import Envelope, Item, pack
from gateway.sealing.models import ParcelState
from gateway.sealing.public_key import check_public_jwk
from gateway.store.unit_of_work import Unit
from tests.promises.acts import ANEW, Act, Does, Scene, about_alex, about_robin, asked, leaves
from tests.told import PERMITTED

_TEXT = Content(text="Two convictions.")


@leaves(EntryKind.RELEASE_MADE)
def releases(scene: Scene) -> Act:
    line, request = asked(scene)
    prepared, about = prepare(_TEXT, "convictions"), scene.about("Plan; offender manager")
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: release.release(unit, actor, line, prepared, about, accepts_findings=True),
        request,
    )


@leaves(EntryKind.RELEASE_DECLINED)
def declines(scene: Scene) -> Act:
    line, request = asked(scene)
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: desk.decline(unit, actor, line, "not_relevant", "It is thirty years old."),
        request,
    )


def _opens(scene: Scene) -> Act:
    sealed = scene.parcel("probation-om", "risk_assessment")

    def does(unit: Unit, actor: Actor) -> None:
        owed = frozenset(opening.parcel_for(unit, actor, sealed.id).undertakings)
        opening.open_parcel(unit, actor, sealed.id, accepts=owed)

    return about_robin(scene, "probation-om", does, sealed.request_id)


@leaves(EntryKind.DECISION_REPEATED)
def is_decided_again_at_opening(scene: Scene) -> Act:
    return _opens(scene)


@leaves(EntryKind.PARCEL_OPENED)
def opens(scene: Scene) -> Act:
    return _opens(scene)


@leaves(EntryKind.PARCEL_OPENING_FAILED)
def fails_to_open(scene: Scene) -> Act:
    sealed = scene.parcel("probation-om", "risk_assessment")
    return about_robin(
        scene,
        "probation-om",
        lambda unit, actor: opening.failed_opening(unit, actor, sealed.id, "no_key"),
        sealed.request_id,
    )


@leaves(EntryKind.LOG_CONFIRMED)
def trusts_another_log_than_she_knew(scene: Scene) -> Act:
    vkey = scene.do(lambda unit: journal_of(unit).keys.public(publish.present_origin(unit))[0])
    change = trusting.read_change(
        {
            "former_key": "0" * 64,
            "shown_key": vkey.digest.hex(),
            "because": ["key", "origin"],
            "declared": True,
            "asked": "officer",
        }
    )
    return scene.act(
        "probation-om",
        lambda unit, actor: trusting.confirm_log(unit, actor, change),
    )


@leaves(EntryKind.PARCEL_FROZEN)
def stops_what_was_sealed(scene: Scene) -> Act:
    sealed = scene.parcel("probation-om", "convictions")
    return about_robin(scene, "police-ppu", _keeps_nadia_out(scene), sealed.request_id, times=3)


def _keeps_nadia_out(scene: Scene) -> Does:
    robin, nadia = scene.subject("s-robin"), scene.person("probation-om")
    return lambda unit, actor: stop.raise_wall(
        unit, actor, robin, kind="exclude", reason="They are related.", person_ids=[nadia]
    )


@leaves(EntryKind.PARCEL_THAWED)
def lets_it_leave_again(scene: Scene) -> Act:
    robin = scene.subject("s-robin")
    scene.by("police-ppu", _keeps_nadia_out(scene))
    wall = scene.do(lambda unit: unit.session.exec(select(Wall.id).where(Wall.subject_id == robin)).one())
    scene.by("office-ig", lambda unit, actor: walls.ask_lift(unit, actor, wall, "They are not related."))
    scene.by("office-ig-2", lambda unit, actor: walls.lift(unit, actor, wall))
    sealed = scene.parcel("probation-om", "convictions")
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: withdraw.reconsider(unit, actor, sealed.line_id),
        sealed.request_id,
    )


@leaves(EntryKind.PARCEL_DESTROYED)
def destroys_what_was_frozen(scene: Scene) -> Act:
    sealed = scene.parcel("housing-officer", "address_current")
    assert sealed.state == ParcelState.FROZEN
    return about_alex(
        scene,
        "lantern-idva",
        lambda unit, actor: withdraw.destroy(unit, actor, sealed.line_id),
        sealed.request_id,
        times=2,  # hers, and the agency's own copy
    )


def _recall(scene: Scene) -> tuple[str, str]:
    sealed = scene.parcel("probation-om", "convictions")
    notice = scene.by(
        "police-ppu", lambda unit, actor: withdraw.recall(unit, actor, sealed.id, "inaccurate").id
    )
    return notice, sealed.request_id


@leaves(EntryKind.RECALL_SENT)
def recalls(scene: Scene) -> Act:
    sealed = scene.parcel("probation-om", "convictions")
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: withdraw.recall(unit, actor, sealed.id, "inaccurate"),
        sealed.request_id,
    )


@leaves(EntryKind.RECALL_CONFIRMED)
def confirms_a_recall(scene: Scene) -> Act:
    notice, request = _recall(scene)
    return about_robin(
        scene, "probation-om", lambda unit, actor: withdraw.confirm_recall(unit, actor, notice), request
    )


@leaves(EntryKind.ONWARD_ASKED)
def asks_to_pass_it_on(scene: Scene) -> Act:
    sealed = scene.parcel("probation-om", "convictions")

    def does(unit: Unit, actor: Actor) -> None:
        to = (NamedRecipient(post_id=scene.post_id(unit, "housing-officer")),)
        onward.ask_onward(unit, actor, sealed.id, replace(scene.asking(unit, PERMITTED), recipients=to))

    return about_robin(scene, "probation-om", does, ANEW)


@leaves(EntryKind.PARCEL_DELIVERED)
def tells_somebody_outside(scene: Scene) -> Act:
    def asks_for_her(unit: Unit, actor: Actor) -> str:
        outside = NamedRecipient(
            described="Ms Hill, who employs him",
            agency_type="employer",
            role="employer",
            delivering_post_id=actor.post_id,
        )
        asking = replace(
            scene.asking(unit, PERMITTED),
            purpose="protective_third_party_disclosure",
            recipients=(outside,),
        )
        return ask.ask(unit, actor, asking).request_id

    request = scene.by("probation-om", asks_for_her)
    line = scene.do(lambda unit: unit.session.exec(select(Line.id).where(Line.request_id == request)).one())
    _let_decide(scene, "mappa-chair", "police_senior_officer")
    given = scene.by(
        "mappa-chair",
        lambda unit, actor: authorise.authorise(unit, actor, line, grants=True, reasons="He must know."),
    )
    assert not given.needs_second
    scene.release("police-ppu", line, _TEXT, "Rota by Friday")
    scene.open("probation-om", line)
    sealed = scene.parcel("probation-om", "convictions")
    return about_robin(
        scene,
        "probation-om",
        lambda unit, actor: opening.record_delivery(unit, actor, sealed.id, "Told in his office."),
        request,
    )


def _let_decide(scene: Scene, who: str, role: str) -> None:
    """Give a post an authority that it lacks, as two officers."""
    post, until = scene.post(who), scene.clock.now().date() + timedelta(days=30)
    given = scene.by(
        "office-ig",
        lambda unit, actor: authorities.grant_authority(
            unit, actor, post, role_code=role, arrangement_id=None, ends_on=until
        ),
    )
    scene.by("office-ig-2", lambda unit, actor: authorities.approve_authority(unit, actor, given))


def _lose_keys(unit: Unit, actor: Actor) -> None:
    for key in keyring.mine(unit, actor):
        if key.not_before is not None:
            keyring.revoke(unit, actor, key.id, "lost")


@leaves(EntryKind.PARCEL_RESEALED)
def seals_it_again(scene: Scene) -> Act:
    sealed = scene.parcel("probation-om", "convictions")
    scene.by("probation-om", _lose_keys)
    scene.make_keys("probation-om", approver="office-ig")
    begun = scene.by("police-ppu", lambda unit, actor: reseal.begin(unit, actor, sealed.line_id))
    assert isinstance(begun, opening.Opened)
    _, to = scene.by("police-ppu", lambda unit, actor: reseal.collect(unit, actor, begun.opening_id))
    packed = pack(Envelope(to.parcel_id, to.line_id, (Item("text/plain", "t.txt", b"Two.", ""),), ()))
    again = jwe.seal(check_public_jwk(to.jwk), packed)
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: reseal.take(unit, actor, begun.opening_id, again),
        sealed.request_id,
    )


@leaves(EntryKind.REQUEST_REASSIGNED)
def names_a_successor(scene: Scene) -> Act:
    sealed, successor = scene.parcel("probation-om", "convictions"), scene.post("probation-om-2")
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: reseal.name_successor(unit, actor, sealed.line_id, successor),
        sealed.request_id,
    )
