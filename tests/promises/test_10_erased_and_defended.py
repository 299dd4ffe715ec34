"""Everything personal can be erased; everything decided can be defended years later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import drafts
from gateway.disclosure.models import IdempotentAnswer, Line, LineDecision
from gateway.errors import Erased, NotFound
from gateway.ledger import read
from gateway.ledger.verify import verify_store
from gateway.policy.models import PolicyVersion
from gateway.registry import subject_changes, subjects
from gateway.registry.models import SubjectToken
from gateway.store.unit_of_work import Unit
from tests.stored import where_found
from tests.told import PERMITTED


def _erase(stage: Stage) -> str:
    subject_id = stage.do(lambda unit: stage.subject_id(unit, "s-robin"))
    stage.by(
        "probation-ig", lambda unit, actor: subject_changes.erase(unit, actor, subject_id, "Court order.")
    )
    return subject_id


def test_an_erased_person_can_be_read_and_found_by_nobody(quick_stage: Stage) -> None:
    quick_stage.ask(PERMITTED)
    subject_id = _erase(quick_stage)
    with pytest.raises(Erased):
        quick_stage.do(lambda unit: subjects.identity_of(unit, subject_id))
    tokens = quick_stage.do(
        lambda unit: unit.session.exec(
            select(SubjectToken).where(SubjectToken.subject_id == subject_id)
        ).all()
    )
    assert tokens == []


def test_what_was_said_of_an_erased_person_is_gone_and_the_ledger_still_verifies(quick_stage: Stage) -> None:
    quick_stage.ask(PERMITTED)
    subject_id = _erase(quick_stage)

    def words_left(unit: Unit) -> list[str]:
        left: list[str] = []
        for entry in read.entries_for_subject(unit, subject_id).entries:
            try:
                if read.words_of(unit, entry.entry_id):
                    left.append(entry.kind)
            except Erased:
                continue
        return left

    assert [kind for kind in quick_stage.do(words_left) if kind != "subject.erased"] == []
    assert quick_stage.do(verify_store).verified


def test_a_decision_keeps_what_defends_it(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.clock.advance(timedelta(days=365 * 6))

    def kept(unit: Unit) -> tuple[LineDecision, PolicyVersion]:
        line = unit.session.get_one(Line, line_id)
        decided = unit.session.get_one(LineDecision, line.latest_decision_id)
        version = unit.session.exec(
            select(PolicyVersion).where(PolicyVersion.version == decided.policy_version)
        ).one()
        return decided, version

    decided, version = quick_stage.do(kept)
    assert (decided.deciding_rule_id or "nothing") in "".join(version.files.values())
    assert {"requester", "recipients", "purpose", "powers", "consent", "risk", "circumstances", "at"} <= set(
        decided.facts
    )
    assert decided.officer_text
    assert decided.requester_text


def test_drafts_are_their_authors_alone_and_end(quick_stage: Stage) -> None:
    draft_id = quick_stage.by(
        "probation-om", lambda unit, actor: drafts.save(unit, actor, "ask", {"why": "x"})
    )
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: drafts.load(unit, actor, "ask", draft_id))
    quick_stage.clock.advance(drafts.KEPT_FOR)
    with pytest.raises(NotFound):
        quick_stage.by("probation-om", lambda unit, actor: drafts.load(unit, actor, "ask", draft_id))
    assert quick_stage.do(drafts.purge_expired) == 1


def test_an_idempotency_row_keeps_no_answer(quick_stage: Stage) -> None:
    from gateway.disclosure import ask as asking

    quick_stage.by(
        "probation-om",
        lambda unit, actor: asking.ask(
            unit, actor, quick_stage.asking(unit, PERMITTED), idempotency_key="a-key-of-mine"
        ),
    )
    row = quick_stage.do(lambda unit: unit.session.exec(select(IdempotentAnswer)).one())
    assert PERMITTED.why not in str(row)
    assert where_found(quick_stage.gateway.store, PERMITTED.why) == []
