"""What happens and its ledger entry commit together; what isn't under a checkpoint doesn't leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import open as opening
from gateway.disclosure.content import Content
from gateway.disclosure.models import Line, LineState, Opening, Release, Request
from gateway.errors import Conflict, NotConfirmed
from gateway.ledger import append, lag, read, sequencer
from gateway.ledger.entries import EntryKind
from gateway.ledger.log_keys import FileLogKeys
from gateway.sealing.models import CopyOf, Parcel
from tests.told import PERMITTED, REFUSED

Plant = Callable[[object, str, Exception], None]


def _kinds(stage: Stage, line_id: str) -> list[EntryKind]:
    request_id = stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)
    return [one.kind for one in stage.do(lambda unit: read.entries_for_request(unit, request_id)).entries]


def _released(stage: Stage) -> str:
    line_id = stage.ask(PERMITTED)["convictions"]
    stage.release("police-ppu", line_id, Content(text="One conviction in 2019."), "Plan; offender manager")
    return line_id


def _parcel(stage: Stage, line_id: str) -> Parcel:
    rows = select(Parcel).where(Parcel.line_id == line_id, Parcel.copy_of == CopyOf.RECIPIENT)
    return stage.do(lambda unit: unit.session.exec(rows).one())


def test_each_act_of_a_disclosure_has_its_entry(stage: Stage) -> None:
    line_id = _released(stage)
    stage.open("probation-om", line_id)
    assert set(_kinds(stage, line_id)) >= {
        EntryKind.REQUEST_MADE,
        EntryKind.DECISION_MADE,
        EntryKind.DECISION_REPEATED,
        EntryKind.RELEASE_MADE,
        EntryKind.PARCEL_OPENED,
    }


def test_a_refusal_is_an_entry_too(stage: Stage) -> None:
    line_id = stage.ask(REFUSED)["address_current"]
    assert EntryKind.DECISION_MADE in _kinds(stage, line_id)


def _nothing_left(stage: Stage, line_id: str) -> None:
    with stage.gateway.store.reading() as unit:
        assert unit.session.exec(select(Release)).all() == []
        assert unit.session.exec(select(Parcel)).all() == []
        assert unit.session.get_one(Line, line_id).state == LineState.TO_RELEASE


def test_when_the_entry_cannot_be_written_nothing_leaves(stage: Stage, breaking: Plant) -> None:
    line_id = stage.ask(PERMITTED)["convictions"]
    breaking(append, "_statements", NotConfirmed())
    with pytest.raises(NotConfirmed):
        stage.release(
            "police-ppu", line_id, Content(text="One conviction in 2019."), "Plan; offender manager"
        )
    _nothing_left(stage, line_id)


def test_when_the_tree_cannot_grow_on_sqlite_nothing_leaves(quick_stage: Stage, breaking: Plant) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    breaking(sequencer, "integrate", NotConfirmed())
    with pytest.raises(NotConfirmed):
        quick_stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; offender manager")
    _nothing_left(quick_stage, line_id)


def test_while_the_logs_key_does_not_sign_nothing_leaves(stage: Stage, breaking: Plant) -> None:
    """Such as one in a hardware token that was pulled; on PostgreSQL the release then waits for its place."""
    line_id = stage.ask(PERMITTED)["convictions"]
    breaking(FileLogKeys, "sign", NotConfirmed())
    with pytest.raises(NotConfirmed):
        stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; offender manager")
    if stage.gateway.store.dialect == "sqlite":
        _nothing_left(stage, line_id)
        return
    with pytest.raises(NotConfirmed):
        stage.open("probation-om", line_id)
    opening_id = stage.do(lambda unit: unit.session.exec(select(Opening)).one().id)
    with pytest.raises(NotConfirmed):
        stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opening_id))


def test_a_request_whose_entry_fails_was_never_made(stage: Stage, breaking: Plant) -> None:
    breaking(append, "_statements", NotConfirmed())
    with pytest.raises(NotConfirmed):
        stage.ask(PERMITTED)
    with stage.gateway.store.reading() as unit:
        assert unit.session.exec(select(Request)).all() == []


def test_a_parcel_is_not_handed_over_before_both_leaves_are_under_a_checkpoint(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_id = _released(stage)
    stage.open("probation-om", line_id)
    with stage.gateway.store.reading() as unit:
        opening_id = unit.session.exec(select(Opening)).one().id
        release_entry = unit.session.exec(select(Release)).one().entry_id
    for missing in ("release", "opening"):
        hidden = {"release": True, "opening": False}[missing]
        monkeypatch.setattr(
            read, "is_under_checkpoint", lambda _unit, entry_id, h=hidden: (entry_id == release_entry) != h
        )
        with pytest.raises(NotConfirmed):
            stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opening_id))
        monkeypatch.undo()
    got = stage.by("probation-om", lambda unit, actor: opening.collect(unit, actor, opening_id))
    assert len(got.proofs) == 2


def test_releases_stop_while_nobody_watches_and_go_on_by_themselves(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_id = stage.ask(PERMITTED)["convictions"]
    monkeypatch.setattr(lag, "releases_allowed", lambda _unit: "Witnessing lags.")
    with pytest.raises(NotConfirmed):
        stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; offender manager")
    monkeypatch.undo()
    stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; offender manager")
    assert _parcel(stage, line_id).digest


def test_a_key_that_the_ledger_does_not_confirm_is_not_sealed_to(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_id = stage.ask(PERMITTED)["convictions"]
    monkeypatch.setattr(read, "is_under_checkpoint", lambda _unit, _entry: False)
    with pytest.raises(Conflict):
        stage.release("police-ppu", line_id, Content(text="One conviction."), "Plan; offender manager")
