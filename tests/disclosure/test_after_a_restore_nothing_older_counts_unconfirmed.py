"""What a withdrawal lost in a restore may have ended doesn't open, bind or let anyone read until it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.consent import mandates
from gateway.consent.models import Mandate
from gateway.disclosure import handing_over, reconfirm
from gateway.disclosure import open as opening
from gateway.errors import Conflict, NotFound
from gateway.ledger import epoch, read
from gateway.ledger.entries import EntryKind
from gateway.registry import walls
from gateway.registry.models import Post, WallKind
from gateway.sealing.models import Parcel, ParcelState
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.disclosure.conftest import Sent, latest, open_it, state_of
from tests.told import AGREED


@pytest.fixture
def restore(quick_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """Begins a new life of the log as a declared restore does."""

    def begin() -> datetime:
        quick_stage.later(hours=1)
        at = quick_stage.clock.now()
        for module in (epoch, mandates):
            monkeypatch.setattr(module, "frozen_before", lambda _unit: at)
        quick_stage.later(hours=1)
        return at

    return begin


def _confirm(stage: Stage, who: str, line_id: str) -> Outcome:
    return stage.by(who, lambda unit, actor: reconfirm.reconfirm(unit, actor, line_id))


def test_a_parcel_opens_once_its_holder_confirmed_it(
    quick_stage: Stage, sent: Sent, restore: Callable[[], datetime]
) -> None:
    opened = open_it(quick_stage, "probation-om", sent.parcel_id)
    assert isinstance(opened, opening.Opened)
    restore()
    with pytest.raises(Conflict):
        open_it(quick_stage, "probation-om", sent.parcel_id)
    waiting = quick_stage.by("police-ppu", reconfirm.waiting)
    assert [line.id for _, line in waiting] == [sent.line_id]
    assert _confirm(quick_stage, "police-ppu", sent.line_id) is Outcome.PERMIT
    assert quick_stage.by("police-ppu", reconfirm.waiting) == []
    again = open_it(quick_stage, "probation-om", sent.parcel_id)
    assert isinstance(again, opening.Opened)
    vouched = quick_stage.do(
        lambda unit: read.entry(
            unit, handing_over.sealed_by(unit, unit.session.get_one(Parcel, sent.parcel_id)) or ""
        )
    )
    assert vouched.kind == EntryKind.EPOCH_RECONFIRMED
    collected = quick_stage.by(
        "probation-om", lambda unit, actor: opening.collect(unit, actor, again.opening_id)
    )
    assert vouched.codes["parcel_digest"] == collected.digest


def test_it_is_decided_afresh_first(quick_stage: Stage, sent: Sent, restore: Callable[[], datetime]) -> None:
    restore()
    quick_stage.by(
        "office-ig",
        lambda unit, actor: walls.place(
            unit,
            actor,
            quick_stage.subject_id(unit, "s-robin"),
            kind=WallKind.EXCLUDE,
            reason="The wall was lost with the disk.",
            person_ids=[unit.session.get_one(Post, quick_stage.post_id(unit, "probation-om")).person_id],
        ),
    )
    assert _confirm(quick_stage, "police-ppu", sent.line_id) is Outcome.DENY
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.FROZEN


def test_a_parcel_that_was_swapped_is_not_confirmed(
    quick_stage: Stage, sent: Sent, restore: Callable[[], datetime]
) -> None:
    restore()

    def swap(unit: Unit) -> None:
        row = unit.session.get_one(Parcel, sent.parcel_id)
        row.digest = "0" * 64
        unit.session.add(row)

    quick_stage.do(swap)
    with pytest.raises(Conflict):
        _confirm(quick_stage, "police-ppu", sent.line_id)


def test_another_agency_confirms_nothing(
    quick_stage: Stage, sent: Sent, restore: Callable[[], datetime]
) -> None:
    restore()
    with pytest.raises(NotFound):
        _confirm(quick_stage, "probation-om", sent.line_id)


def test_consent_is_asked_for_again(quick_stage: Stage, restore: Callable[[], datetime]) -> None:
    demo_heard.consent_to_housing(quick_stage)
    restore()
    before = quick_stage.ask(AGREED)["address_current"]
    assert latest(quick_stage, before).facts["consent"] == "unknown"
    assert latest(quick_stage, before).outcome != Outcome.PERMIT
    demo_heard.consent_to_housing(quick_stage)
    after = quick_stage.ask(replace(AGREED, why="She agreed again."))["address_current"]
    assert latest(quick_stage, after).outcome == Outcome.PERMIT


def test_a_mandate_waits_for_its_second_agency_again(
    quick_stage: Stage, restore: Callable[[], datetime]
) -> None:
    mandate_id = demo_heard.mandate_of(quick_stage, "s-jess")
    demo_heard.confirm_mandate(quick_stage, mandate_id)

    def counts(unit: Unit) -> bool:
        return mandates.counts(unit.session.get_one(Mandate, mandate_id), unit)

    assert quick_stage.do(counts)
    restore()
    assert not quick_stage.do(counts)
    demo_heard.confirm_mandate(quick_stage, mandate_id)
    assert quick_stage.do(counts)
