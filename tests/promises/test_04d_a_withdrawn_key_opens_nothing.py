"""What is sealed to a key revoked since isn't opened or handed over: whoever stole it may be the one who asks."""

from __future__ import annotations

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import keyring
from gateway.disclosure import open as opening
from gateway.disclosure.content import Content
from gateway.disclosure.handing_over import Collected
from gateway.disclosure.models import Opening
from gateway.errors import Conflict
from gateway.registry.actors import Actor
from gateway.sealing import parcel
from gateway.sealing.models import CopyOf, Parcel
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED


@pytest.fixture
def sent(quick_stage: Stage) -> Parcel:
    """A parcel that waits for its recipient."""
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; officer")
    return quick_stage.do(lambda unit: parcel.of_lines(unit, [line_id], copy_of=CopyOf.RECIPIENT)[0])


def _open(stage: Stage, sent: Parcel) -> str:
    def act(unit: Unit, actor: Actor) -> str:
        accepts = frozenset(opening.parcel_for(unit, actor, sent.id).undertakings)
        done = opening.open_parcel(unit, actor, sent.id, accepts=accepts)
        assert isinstance(done, opening.Opened)
        return done.opening_id

    return stage.by("probation-om", act)


def _collect(stage: Stage, opening_id: str) -> Collected:
    return stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opening_id))


def _revoke(stage: Stage, sent: Parcel) -> None:
    stage.by("probation-ig", lambda unit, actor: keyring.revoke(unit, actor, sent.key_id, "stolen"))


def test_it_is_not_opened(quick_stage: Stage, sent: Parcel) -> None:
    _revoke(quick_stage, sent)
    with pytest.raises(Conflict):
        _open(quick_stage, sent)
    assert quick_stage.do(lambda unit: unit.session.exec(select(Opening)).all()) == []


def test_it_is_not_handed_over_when_the_key_goes_between_opening_and_collecting(
    quick_stage: Stage, sent: Parcel
) -> None:
    opening_id = _open(quick_stage, sent)
    _revoke(quick_stage, sent)
    with pytest.raises(Conflict):
        _collect(quick_stage, opening_id)


def test_the_control_is_handed_over(quick_stage: Stage, sent: Parcel) -> None:
    assert _collect(quick_stage, _open(quick_stage, sent)).digest == sent.digest
