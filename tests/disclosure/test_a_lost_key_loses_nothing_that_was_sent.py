"""What was sent is sealed again to a new key or a successor, after a fresh decision, by whoever can open the copy."""

from __future__ import annotations

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import handing_over, keyring, reseal
from gateway.disclosure import open as opening
from gateway.errors import Conflict, Erased, Invalid, NotFound
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.registry import walls
from gateway.registry.actors import Actor
from gateway.registry.models import WallKind
from gateway.sealing import jwe
from gateway.sealing.envelope import Envelope, Item, pack
from gateway.sealing.models import Parcel, ParcelState
from gateway.sealing.public_key import check_public_jwk
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.disclosure.conftest import Sent, open_it, parcel_id_of, state_of

_ITEMS = (Item("text/plain", "text.txt", b"Two convictions.", ""),)


def _lose_keys(stage: Stage, who: str) -> None:
    def lose(unit: Unit, actor: Actor) -> None:
        for key in keyring.mine(unit, actor):
            keyring.revoke(unit, actor, key.id, "lost")

    stage.by(who, lose)


def _begin(stage: Stage, line_id: str) -> str:
    opened = stage.by("police-ppu", lambda unit, actor: reseal.begin(unit, actor, line_id))
    assert isinstance(opened, opening.Opened)
    return opened.opening_id


def _sealed(target: reseal.Target, *, padded: bool = True) -> str:
    packed = pack(Envelope(target.parcel_id, target.line_id, _ITEMS, ("OFFICIAL",)))
    return jwe.seal(check_public_jwk(target.jwk), packed if padded else b"short")


def _take(stage: Stage, opening_id: str, *, padded: bool = True) -> Parcel | opening.NotOpened:
    _, target = stage.by("police-ppu", lambda unit, actor: reseal.collect(unit, actor, opening_id))
    sealed = _sealed(target, padded=padded)
    return stage.by("police-ppu", lambda unit, actor: reseal.take(unit, actor, opening_id, sealed))


@pytest.fixture
def lost(quick_stage: Stage, sent: Sent) -> Sent:
    """The recipient lost her keys and has new ones."""
    _lose_keys(quick_stage, "probation-om")
    quick_stage.make_keys("probation-om", approver="office-ig")
    return sent


def test_the_new_parcel_opens_and_is_proved_by_its_own_entry(quick_stage: Stage, lost: Sent) -> None:
    made = _take(quick_stage, _begin(quick_stage, lost.line_id))
    assert isinstance(made, Parcel)
    opened = open_it(quick_stage, "probation-om", made.id)
    assert isinstance(opened, opening.Opened)
    collected = quick_stage.by(
        "probation-om", lambda unit, actor: opening.collect(unit, actor, opened.opening_id)
    )
    assert jwe.digest(collected.jwe) == made.digest == collected.digest
    vouched = quick_stage.do(
        lambda unit: read.entry(
            unit, handing_over.sealed_by(unit, unit.session.get_one(Parcel, made.id)) or ""
        )
    )
    assert (vouched.kind, vouched.codes["parcel_digest"]) == (EntryKind.PARCEL_RESEALED, made.digest)
    assert len(collected.proofs) == 2


def test_what_was_sealed_to_the_lost_key_is_destroyed(quick_stage: Stage, lost: Sent) -> None:
    _take(quick_stage, _begin(quick_stage, lost.line_id))
    assert state_of(quick_stage, lost.parcel_id) == ParcelState.DESTROYED
    with pytest.raises((Conflict, Erased)):
        open_it(quick_stage, "probation-om", lost.parcel_id)


def test_nothing_is_sealed_again_to_the_key_it_is_sealed_to(quick_stage: Stage, sent: Sent) -> None:
    with pytest.raises(Conflict):
        _begin(quick_stage, sent.line_id)


@pytest.mark.parametrize("who", ["mappa-chair", "police-ig"])
def test_only_whose_key_opens_the_copy_begins(quick_stage: Stage, lost: Sent, who: str) -> None:
    with pytest.raises(Conflict):
        quick_stage.by(who, lambda unit, actor: reseal.begin(unit, actor, lost.line_id))


@pytest.mark.parametrize("who", ["probation-om", "lantern-idva"])
def test_to_another_agency_the_line_is_not_there(quick_stage: Stage, lost: Sent, who: str) -> None:
    with pytest.raises(NotFound):
        quick_stage.by(who, lambda unit, actor: reseal.begin(unit, actor, lost.line_id))


def test_a_fresh_decision_comes_first(quick_stage: Stage, lost: Sent) -> None:
    """She was walled off meanwhile: the copy isn't opened, and everything of the line is frozen."""
    _wall_off(quick_stage, "probation-om")
    begun = quick_stage.by("police-ppu", lambda unit, actor: reseal.begin(unit, actor, lost.line_id))
    assert isinstance(begun, opening.NotOpened)
    assert state_of(quick_stage, lost.parcel_id) == ParcelState.FROZEN


def test_and_again_when_it_is_handed_in(quick_stage: Stage, lost: Sent) -> None:
    opening_id = _begin(quick_stage, lost.line_id)
    _, target = quick_stage.by("police-ppu", lambda unit, actor: reseal.collect(unit, actor, opening_id))
    _wall_off(quick_stage, "probation-om")
    taken = quick_stage.by(
        "police-ppu", lambda unit, actor: reseal.take(unit, actor, opening_id, _sealed(target))
    )
    assert isinstance(taken, opening.NotOpened)
    assert parcel_id_of(quick_stage, lost.line_id) == lost.parcel_id


def test_one_opening_makes_one_parcel_and_soon(quick_stage: Stage, lost: Sent) -> None:
    opening_id = _begin(quick_stage, lost.line_id)
    _take(quick_stage, opening_id)
    with pytest.raises(Conflict):
        _take(quick_stage, opening_id)


def test_an_old_opening_makes_none(quick_stage: Stage, lost: Sent) -> None:
    opening_id = _begin(quick_stage, lost.line_id)
    quick_stage.later(hours=1)
    with pytest.raises(Conflict):
        _take(quick_stage, opening_id)


def test_what_is_not_sealed_as_the_gateway_seals_is_refused(quick_stage: Stage, lost: Sent) -> None:
    with pytest.raises(Invalid):
        _take(quick_stage, _begin(quick_stage, lost.line_id), padded=False)


def test_a_successor_is_decided_for_herself(quick_stage: Stage, sent: Sent) -> None:
    """Idris isn't on the case, so the recipient stays who she was; a stand-in on the case would be taken."""

    def name(code: str) -> Outcome:
        return quick_stage.by(
            "police-ppu",
            lambda unit, actor: reseal.name_successor(
                unit, actor, sent.line_id, quick_stage.post_id(unit, code)
            ),
        )

    assert name("probation-ig") is not Outcome.PERMIT
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.SEALED
    with pytest.raises(Invalid):
        name("housing-officer")
    with pytest.raises(Invalid):
        name("probation-om")
    _put_on_case(quick_stage, "probation-ig")
    assert name("probation-ig") is Outcome.PERMIT
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.DESTROYED
    quick_stage.make_keys("probation-ig", approver="office-ig")
    made = _take(quick_stage, _begin(quick_stage, sent.line_id))
    assert isinstance(made, Parcel)
    assert isinstance(open_it(quick_stage, "probation-ig", made.id), opening.Opened)


def _wall_off(stage: Stage, code: str) -> None:
    stage.by(
        "office-ig",
        lambda unit, actor: walls.place(
            unit,
            actor,
            stage.subject_id(unit, "s-robin"),
            kind=WallKind.EXCLUDE,
            reason="She is his cousin.",
            person_ids=[_person(stage, unit, code)],
        ),
    )


def _person(stage: Stage, unit: Unit, code: str) -> str:
    from gateway.registry.models import Post

    found: str = unit.session.get_one(Post, stage.post_id(unit, code)).person_id
    return found


def _put_on_case(stage: Stage, code: str) -> None:
    from datetime import date

    from gateway.registry.models import CaseAssignment

    def put(unit: Unit) -> None:
        unit.session.add(
            CaseAssignment(
                partnership_id=stage.partnership_id(unit),
                case_id=stage.case_id(unit, "M2-0417"),
                post_id=stage.post_id(unit, code),
                starts_on=date(2020, 1, 1),
            )
        )

    stage.do(put)
