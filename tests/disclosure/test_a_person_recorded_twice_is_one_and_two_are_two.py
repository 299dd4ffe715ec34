"""Merged records share consents, walls and lines; a person parted from a case or erased is told of no more."""

from __future__ import annotations

from dataclasses import replace

from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.disclosure import open as opening
from gateway.disclosure import withdraw
from gateway.registry import subject_changes
from gateway.registry.actors import Actor
from gateway.registry.models import CaseSubject
from gateway.registry.subjects import Identity
from gateway.sealing.models import ParcelState
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.disclosure.conftest import Sent, latest, open_it, state_of
from tests.told import AGREED, PERMITTED

_AGAIN = Identity(name="Robin Invented the Second")


def _merge_into(stage: Stage, code: str, controller: str, officers: tuple[str, str]) -> str:
    """A second record of the same person; the one of the register is merged into it. Gives its id."""

    def add(unit: Unit, actor: Actor) -> str:
        from gateway.registry import subjects

        return subjects.create(
            unit, actor, identity=_AGAIN, controller_agency_id=stage.agency_id(unit, controller)
        )

    into = stage.by(officers[0], add)
    change_id = stage.by(
        officers[0],
        lambda unit, actor: subject_changes.ask_merge(
            unit, actor, stage.subject_id(unit, code), into, "One person."
        ),
    )
    stage.by(officers[1], lambda unit, actor: subject_changes.approve_change(unit, actor, change_id))
    return into


def test_what_was_sent_about_a_merged_person_still_opens(quick_stage: Stage, sent: Sent) -> None:
    _merge_into(quick_stage, "s-robin", "probation", ("office-ig", "office-ig-2"))
    assert isinstance(open_it(quick_stage, "probation-om", sent.parcel_id), opening.Opened)


def test_a_line_asked_under_the_old_record_is_decided_as_before(quick_stage: Stage) -> None:
    _merge_into(quick_stage, "s-robin", "probation", ("office-ig", "office-ig-2"))
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    assert latest(quick_stage, line_id).outcome == Outcome.PERMIT


def test_a_consent_and_its_withdrawal_count_for_every_record_of_hers(quick_stage: Stage) -> None:
    consent_id = demo_heard.consent_to_housing(quick_stage)
    into = _merge_into(quick_stage, "s-alex", "lantern", ("office-ig", "office-ig-2"))
    asked = replace(AGREED, subject="s-alex")
    assert latest(quick_stage, quick_stage.ask(asked)["address_current"]).outcome == Outcome.PERMIT
    quick_stage.by(
        "lantern-idva",
        lambda unit, actor: withdraw.withdraw_consent(unit, actor, consent_id, by_subject=True),
    )
    line_id = quick_stage.ask(asked)["address_current"]
    assert latest(quick_stage, line_id).outcome != Outcome.PERMIT
    assert latest(quick_stage, line_id).facts["consent"] == "withdrawn"
    assert into


def test_nothing_opens_about_somebody_who_left_the_case(quick_stage: Stage, sent: Sent) -> None:
    def leave(unit: Unit) -> None:
        robin = quick_stage.subject_id(unit, "s-robin")
        from sqlmodel import select

        for row in unit.session.exec(select(CaseSubject).where(CaseSubject.subject_id == robin)):
            unit.session.delete(row)

    quick_stage.do(leave)
    assert isinstance(open_it(quick_stage, "probation-om", sent.parcel_id), opening.NotOpened)
    assert latest(quick_stage, sent.line_id).outcome == Outcome.DENY
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.FROZEN
