"""No release and no opening commits after a withdrawal that was acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.consent import wordings
from gateway.consent.models import Answer, HowTaken
from gateway.consent.taking import Reach, Taking
from gateway.disclosure import judge, release, withdraw
from gateway.disclosure import open as opening
from gateway.disclosure.content import Content, prepare
from gateway.disclosure.models import Line, LineState
from gateway.errors import Conflict
from gateway.registry.actors import Actor
from gateway.registry.models import Case, Subject
from gateway.review import hearing
from gateway.sealing.models import CopyOf, Parcel, ParcelState
from gateway.store.unit_of_work import Unit
from tests.conftest import Finds
from tests.told import AGREED, PERMITTED

_CONTENT = Content(text="Flat 0, Nowhere Court.")


def _agreed(stage: Stage) -> tuple[str, str]:
    """Consent is given and a line rests on it: their ids."""
    consent_id = demo_heard.consent_to_housing(stage)
    return consent_id, stage.ask(AGREED)["address_current"]


def _withdraw(stage: Stage, consent_id: str) -> None:
    stage.by(
        "lantern-idva",
        lambda unit, actor: withdraw.withdraw_consent(unit, actor, consent_id, by_subject=True),
    )


def _release(stage: Stage, line_id: str) -> object:
    prepared = prepare(_CONTENT, "address_current")
    about = stage.about("Alarm; housing officer")
    return stage.by(
        "lantern-idva",
        lambda unit, actor: release.release(unit, actor, line_id, prepared, about, accepts_findings=True),
    )


def _parcels(stage: Stage, line_id: str) -> list[Parcel]:
    return stage.do(lambda unit: list(unit.session.exec(select(Parcel).where(Parcel.line_id == line_id))))


def test_the_control_is_released_while_consent_stands(stage: Stage) -> None:
    _consent_id, line_id = _agreed(stage)
    assert isinstance(_release(stage, line_id), release.Released)


def test_what_was_permitted_is_not_released_after_a_withdrawal(stage: Stage) -> None:
    consent_id, line_id = _agreed(stage)
    _withdraw(stage, consent_id)
    assert isinstance(_release(stage, line_id), release.NotReleased)
    assert _parcels(stage, line_id) == []


def test_a_decision_that_is_not_made_again_would_leak(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: with the old decision reused, the release above goes through."""
    consent_id, line_id = _agreed(stage)
    _withdraw(stage, consent_id)

    def reuse(unit, request, lines, step, **_kwargs):  # type: ignore[no-untyped-def]
        return {line.id: judge.decision_of(unit, line) for line in lines}

    monkeypatch.setattr(judge, "judge", reuse)
    assert isinstance(_release(stage, line_id), release.Released)


def test_sealed_parcels_freeze_at_once_and_do_not_open(stage: Stage) -> None:
    consent_id, line_id = _agreed(stage)
    _release(stage, line_id)
    _withdraw(stage, consent_id)
    assert {row.state for row in _parcels(stage, line_id)} == {ParcelState.FROZEN}
    parcel_id = next(row.id for row in _parcels(stage, line_id) if row.copy_of == CopyOf.RECIPIENT)
    with pytest.raises(Conflict):
        stage.by(
            "housing-officer",
            lambda unit, actor: opening.open_parcel(
                unit, actor, parcel_id, accepts=_all(unit, actor, parcel_id)
            ),
        )


def test_an_opening_recorded_before_the_withdrawal_hands_nothing_over_after_it(stage: Stage) -> None:
    consent_id, line_id = _agreed(stage)
    _release(stage, line_id)
    parcel_id = next(row.id for row in _parcels(stage, line_id) if row.copy_of == CopyOf.RECIPIENT)
    opened = stage.by(
        "housing-officer",
        lambda unit, actor: opening.open_parcel(unit, actor, parcel_id, accepts=_all(unit, actor, parcel_id)),
    )
    assert isinstance(opened, opening.Opened)
    _withdraw(stage, consent_id)
    with pytest.raises(Conflict):
        stage.by("housing-officer", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))


def _refuse(unit: Unit, actor: Actor) -> None:
    """She is asked again and says no: whoever takes that down is told that it is recorded."""
    alex = unit.session.exec(select(Subject).where(Subject.code == "s-alex")).one().id
    case_id = unit.session.exec(select(Case).where(Case.reference == "R-0931")).one().id
    taking = Taking(
        how=HowTaken.PHONE,
        alone=True,
        taken_at=unit.now,
        wording_version=wordings.current("consent").version,
        words="No, not any more.",
    )
    who = hearing.heard(unit, actor, alex, case_id)
    hearing.record_consent(unit, actor, who, Answer.REFUSED, Reach(), taking, under_duress=False)


def test_a_no_after_a_yes_freezes_at_once_what_is_in_its_reach(stage: Stage) -> None:
    _consent_id, line_id = _agreed(stage)
    _release(stage, line_id)
    stage.by("lantern-idva", _refuse)
    assert {row.state for row in _parcels(stage, line_id)} == {ParcelState.FROZEN}


def test_a_no_where_no_yes_was_given_freezes_nothing(stage: Stage) -> None:
    """The control: what rests on law was decided without her consent and goes on."""
    [line_id] = stage.ask(PERMITTED).values()
    stage.release("police-ppu", line_id, Content(text="Two convictions."), "Plan; Nadia Sample")
    stage.by("lantern-idva", _refuse)
    assert {row.state for row in _parcels(stage, line_id)} == {ParcelState.SEALED}


def test_a_refusal_recorded_after_an_opening_hands_nothing_over(stage: Stage) -> None:
    _consent_id, line_id = _agreed(stage)
    _release(stage, line_id)
    parcel_id = next(row.id for row in _parcels(stage, line_id) if row.copy_of == CopyOf.RECIPIENT)
    opened = stage.by(
        "housing-officer",
        lambda unit, actor: opening.open_parcel(unit, actor, parcel_id, accepts=_all(unit, actor, parcel_id)),
    )
    assert isinstance(opened, opening.Opened)
    stage.clock.advance(timedelta(minutes=1))
    stage.by("housing-officer", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))
    stage.by("lantern-idva", _refuse)
    with pytest.raises(Conflict):
        stage.by("housing-officer", lambda unit, actor: opening.collect(unit, actor, opened.opening_id))


def _all(unit: Unit, actor: Actor, parcel_id: str) -> frozenset[str]:
    return frozenset(opening.parcel_for(unit, actor, parcel_id).undertakings)


def _race(stage: Stage) -> bool:
    """One withdrawal against one release, started together; whether something is left that could still be opened."""
    stage.later(hours=1)
    consent_id, line_id = _agreed(stage)
    start = threading.Barrier(2)

    def together(act: Callable[[], object]) -> object:
        start.wait()
        return act()

    with ThreadPoolExecutor(2) as pool:
        racers = [
            pool.submit(together, lambda: _withdraw(stage, consent_id)),
            pool.submit(together, lambda: _release(stage, line_id)),
        ]
        for racer in racers:
            racer.result()
    states = {row.state for row in _parcels(stage, line_id)}
    # Either the release came first and was frozen, or the withdrawal came first and nothing was released.
    return ParcelState.SEALED in states


def test_no_race_leaves_something_sealed_after_the_withdrawal(stage: Stage) -> None:
    assert [_race(stage) for _ in range(6)].count(True) == 0


@pytest.mark.assure
def test_no_race_of_many_leaves_something_sealed_after_the_withdrawal(stage: Stage, finds: Finds) -> None:
    left = [_race(stage) for _ in range(500)].count(True)
    assert left == 0
    finds(f"500 withdrawals against 500 releases: {left} left something that could be opened")


def test_the_subject_row_is_locked_before_a_decision(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.registry import subjects

    locked: list[str] = []
    real = subjects.lock

    def noting(unit, subject_id):  # type: ignore[no-untyped-def]
        locked.append(subject_id)
        real(unit, subject_id)

    monkeypatch.setattr(subjects, "lock", noting)
    consent_id, line_id = _agreed(stage)
    _release(stage, line_id)
    _withdraw(stage, consent_id)
    alex = stage.do(lambda unit: unit.session.exec(select(Subject).where(Subject.code == "s-alex")).one().id)
    assert set(locked) == {alex}
    assert len(locked) >= 3
    assert stage.do(lambda unit: unit.session.get_one(Line, line_id).state) == LineState.RELEASED
