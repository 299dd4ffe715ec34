"""After an erasure no content and no word of the requests can be read; what was decided stays and the log verifies."""

from __future__ import annotations

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import ask as asking
from gateway.disclosure import desk, drafts, erase, judge, reading
from gateway.disclosure.models import Line, LineState
from gateway.disclosure.record import ERASED
from gateway.errors import Conflict, NotFound
from gateway.ledger.verify import verify_store
from gateway.registry import subject_changes, subjects
from gateway.registry.actors import actor_for_post
from gateway.sealing.models import ParcelState
from gateway.store.unit_of_work import Unit
from tests.disclosure.conftest import Sent, latest, state_of
from tests.told import PERMITTED

_REASON = "A court ordered it."


def _detail(stage: Stage, line_id: str) -> reading.RequestDetail:
    request_id = stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)
    return stage.by("police-ppu", lambda unit, actor: reading.request_for(unit, actor, request_id))


def _ask_more(stage: Stage) -> str:
    line_id = stage.ask(PERMITTED)["convictions"]
    request_id = stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)
    stage.by("police-ppu", lambda unit, actor: desk.need_more(unit, actor, request_id, "Which Robin?"))
    return line_id


def _erase_person(stage: Stage) -> None:
    def act(unit: Unit) -> str:
        return stage.subject_id(unit, "s-robin")

    subject_id = stage.do(act)
    stage.by("probation-ig", lambda unit, actor: erase.erase_subject(unit, actor, subject_id, _REASON))


def _erase_case(stage: Stage) -> None:
    case_id = stage.do(lambda unit: stage.case_id(unit, "M2-0417"))
    stage.by("office-ig", lambda unit, actor: erase.close_case(unit, actor, case_id, _REASON))
    stage.by("office-ig", lambda unit, actor: erase.erase_case(unit, actor, case_id, _REASON))


@pytest.mark.parametrize("erasing", [_erase_person, _erase_case])
def test_parcels_words_and_drafts_are_gone(quick_stage: Stage, sent: Sent, erasing) -> None:  # type: ignore[no-untyped-def]
    waiting = _ask_more(quick_stage)
    subject_id = quick_stage.do(lambda unit: quick_stage.subject_id(unit, "s-robin"))
    case_id = quick_stage.do(lambda unit: quick_stage.case_id(unit, "M2-0417"))
    draft_id = quick_stage.by(
        "probation-om",
        lambda unit, actor: drafts.save(unit, actor, "ask", {"people": [subject_id], "case": case_id}),
    )
    other = quick_stage.by("probation-om", lambda unit, actor: drafts.save(unit, actor, "ask", {"why": "x"}))
    assert _detail(quick_stage, waiting).messages[0].words == "Which Robin?"
    erasing(quick_stage)
    assert state_of(quick_stage, sent.parcel_id) == ParcelState.DESTROYED
    found = _detail(quick_stage, waiting)
    assert (found.why, found.messages[0].words) == (ERASED, ERASED)
    assert quick_stage.do(lambda unit: unit.session.get_one(Line, waiting).state) == LineState.CANCELLED
    with pytest.raises(NotFound):
        quick_stage.by("probation-om", lambda unit, actor: drafts.load(unit, actor, "ask", draft_id))
    assert quick_stage.by("probation-om", lambda unit, actor: drafts.load(unit, actor, "ask", other))
    assert latest(quick_stage, sent.line_id).officer_text
    assert quick_stage.do(verify_store).verified


def test_what_commits_while_it_waits_for_her_lock_is_erased_too(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a request is made in the moment before the lock is granted."""
    real = subjects.lock
    late: list[str] = []

    def granted_later(unit: Unit, subject_id: str) -> None:
        if not late:
            late.append("")
            actor = actor_for_post(unit, quick_stage.post_id(unit, "probation-om"))
            made = asking.ask(unit, actor, quick_stage.asking(unit, PERMITTED))
            late.append(judge.lines_of(unit, made.request_id)[0].id)
        real(unit, subject_id)

    for module in (subjects, subject_changes):
        monkeypatch.setattr(module, "lock", granted_later)
    _erase_person(quick_stage)
    assert quick_stage.do(lambda unit: unit.session.get_one(Line, late[1]).state) == LineState.CANCELLED
    assert _detail(quick_stage, late[1]).why == ERASED


def test_an_open_case_is_not_erased_and_a_closed_one_is_closed(quick_stage: Stage) -> None:
    case_id = quick_stage.do(lambda unit: quick_stage.case_id(unit, "M2-0417"))
    with pytest.raises(Conflict):
        quick_stage.by("office-ig", lambda unit, actor: erase.erase_case(unit, actor, case_id, _REASON))
    quick_stage.by("office-ig", lambda unit, actor: erase.close_case(unit, actor, case_id, _REASON))
    with pytest.raises(Conflict):
        quick_stage.by("office-ig", lambda unit, actor: erase.close_case(unit, actor, case_id, _REASON))
    assert quick_stage.ask(PERMITTED) == {}


def test_only_an_officer_who_keeps_it_closes_a_case(quick_stage: Stage) -> None:
    from gateway.errors import GatewayError

    case_id = quick_stage.do(lambda unit: quick_stage.case_id(unit, "M2-0417"))
    for who in ("probation-om", "lantern-advocate", "police-ppu"):
        with pytest.raises(GatewayError):
            quick_stage.by(who, lambda unit, actor: erase.close_case(unit, actor, case_id, _REASON))
