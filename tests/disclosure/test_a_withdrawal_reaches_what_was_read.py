"""Her present word stands at the desk; what was read before she withdrew is called back; her advocate is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select

from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.disclosure import open as opening
from gateway.disclosure import reading, withdraw
from gateway.disclosure.content import Content
from gateway.disclosure.models import Line
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.notices.who import to_tell
from gateway.registry.actors import Actor
from gateway.sealing.models import ParcelState
from gateway.store.unit_of_work import Unit
from tests.disclosure.conftest import open_it, parcel_id_of, state_of
from tests.told import AGREED


@pytest.fixture
def agreed(quick_stage: Stage) -> tuple[str, str]:
    """Her consent, and a line that rests on it and was released."""
    consent_id = demo_heard.consent_to_housing(quick_stage)
    line_id = quick_stage.ask(AGREED)["address_current"]
    quick_stage.release("lantern-idva", line_id, Content(text="Flat 0."), "Alarm; housing officer")
    return consent_id, line_id


def _withdraw(stage: Stage, consent_id: str) -> None:
    stage.by(
        "lantern-idva",
        lambda unit, actor: withdraw.withdraw_consent(unit, actor, consent_id, by_subject=True),
    )


def _recalls(stage: Stage) -> int:
    return len(stage.by("housing-officer", withdraw.recalls_for))


def _seen_by(stage: Stage, who: str, line_id: str) -> str | None:
    def look(unit: Unit, actor: Actor) -> str | None:
        request_id = unit.session.get_one(Line, line_id).request_id
        return reading.request_for(unit, actor, request_id).lines[0].consent

    return stage.by(who, look)


def test_what_was_opened_is_called_back_when_it_is_destroyed(
    quick_stage: Stage, agreed: tuple[str, str]
) -> None:
    consent_id, line_id = agreed
    parcel_id = parcel_id_of(quick_stage, line_id)
    assert isinstance(open_it(quick_stage, "housing-officer", parcel_id), opening.Opened)
    _withdraw(quick_stage, consent_id)
    assert _recalls(quick_stage) == 0
    quick_stage.by("lantern-idva", lambda unit, actor: withdraw.destroy(unit, actor, line_id))
    assert state_of(quick_stage, parcel_id) == ParcelState.DESTROYED
    assert _recalls(quick_stage) == 1
    quick_stage.by(
        "housing-officer",
        lambda unit, actor: withdraw.confirm_recall(unit, actor, withdraw.recalls_for(unit, actor)[0][0].id),
    )
    assert _recalls(quick_stage) == 0


def test_what_nobody_opened_needs_no_recall(quick_stage: Stage, agreed: tuple[str, str]) -> None:
    consent_id, line_id = agreed
    _withdraw(quick_stage, consent_id)
    quick_stage.by("lantern-idva", lambda unit, actor: withdraw.destroy(unit, actor, line_id))
    assert _recalls(quick_stage) == 0


def test_the_desk_shows_her_consent_as_it_stands_and_the_requester_does_not(
    quick_stage: Stage, agreed: tuple[str, str]
) -> None:
    consent_id, line_id = agreed
    assert _seen_by(quick_stage, "lantern-idva", line_id) == "given"
    _withdraw(quick_stage, consent_id)
    assert _seen_by(quick_stage, "lantern-idva", line_id) == "withdrawn"
    assert _seen_by(quick_stage, "housing-officer", line_id) is None


def test_whoever_received_it_is_told_that_it_froze(quick_stage: Stage, agreed: tuple[str, str]) -> None:
    consent_id, line_id = agreed
    _withdraw(quick_stage, consent_id)

    def told(unit: Unit) -> frozenset[str]:
        request_id = unit.session.get_one(Line, line_id).request_id
        frozen = read.Filter(kinds=(EntryKind.PARCEL_FROZEN,))
        return to_tell(unit, read.entries_for_request(unit, request_id, frozen).entries[0])

    assert quick_stage.do(lambda unit: quick_stage.post_id(unit, "housing-officer")) in quick_stage.do(told)


def test_her_advocate_is_told_where_the_decision_says_so(quick_stage: Stage) -> None:
    """An emergency permits at once and obliges to tell the advocate; a request that doesn't oblige tells nobody."""

    mandate_id = demo_heard.mandate_of(quick_stage, "s-alex")
    demo_heard.confirm_mandate(quick_stage, mandate_id)
    urgent = replace(
        AGREED,
        who="police-ppu",
        recipients=("police-ppu",),
        purpose="emergency",
        powers=("vital_interests",),
        condition="art6_1_d_vital_interests",
        confidence="public_interest",
        declared=(("imminent_threat_to_life", "He is on his way to her with a knife."),),
    )
    quick_stage.ask(urgent)

    def owed_and_told(unit: Unit) -> list[tuple[bool, bool]]:
        advocate = quick_stage.post_id(unit, "lantern-advocate")
        rows = read.entries_for_subject(
            unit, quick_stage.subject_id(unit, "s-alex"), read.Filter(kinds=(EntryKind.DECISION_MADE,))
        ).entries
        return [
            ("notify_advocate" in row.codes["obligations"], advocate in to_tell(unit, row)) for row in rows
        ]

    found = quick_stage.do(owed_and_told)
    assert (True, True) in found
    assert (True, False) not in found
    assert quick_stage.do(lambda unit: unit.session.exec(select(Line)).first()) is not None
