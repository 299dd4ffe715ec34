"""A request can't carry registry or derived facts, and what loosens comes from someone else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import desk, judge
from gateway.disclosure.facts import Gatherer
from gateway.disclosure.models import Declaration, Line, Request
from gateway.disclosure.papers import papers_of
from gateway.disclosure.tasks import EMERGENCY_REVIEW
from gateway.errors import Forbidden, Invalid
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, entries_for_request
from gateway.vocabulary import Circumstance, Origin, vocabulary
from tests.told import PERMITTED

_WORDS = "Because I say so."
_NOT_THE_ASKERS = sorted(
    code
    for code, term in vocabulary().circumstances.items()
    if term.origin is not Origin.DECLARED
    or (term.loosens and code is not Circumstance.IMMINENT_THREAT_TO_LIFE)
)


@pytest.mark.parametrize("code", _NOT_THE_ASKERS)
def test_the_asker_cannot_state_it(quick_stage: Stage, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        quick_stage.ask(replace(PERMITTED, declared=((code, _WORDS),)))
    assert "declarations" in caught.value.fields


def test_a_tightening_circumstance_may_be_declared_by_the_asker(quick_stage: Stage) -> None:
    assert quick_stage.ask(replace(PERMITTED, declared=((Circumstance.INFORMING_SUBJECT_UNSAFE, _WORDS),)))


def test_the_asker_cannot_declare_it_afterwards_as_holder(quick_stage: Stage) -> None:
    own = replace(PERMITTED, who="police-ppu", recipients=("police-ppu",))
    line_id = quick_stage.ask(own)["convictions"]
    request_id = quick_stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)
    with pytest.raises(Forbidden):
        quick_stage.by(
            "police-ppu",
            lambda unit, actor: desk.declare(unit, actor, request_id, Circumstance.OTHERS_AT_RISK, _WORDS),
        )


def test_a_loosening_row_written_past_the_form_still_does_not_count(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]

    def counted(unit, actor):  # type: ignore[no-untyped-def]
        line = unit.session.get_one(Line, line_id)
        request = unit.session.get_one(Request, line.request_id)
        unit.session.add(
            Declaration(
                partnership_id=actor.partnership_id,
                request_id=request.id,
                circumstance=Circumstance.OTHERS_AT_RISK,
                declared_by_post_id=actor.post_id,
                words=b"",
            )
        )
        unit.session.flush()
        gathered = Gatherer(unit, request, papers_of(unit, request.id)).gather([line])
        return Circumstance.OTHERS_AT_RISK in gathered[0].ask.circumstances

    assert quick_stage.by("probation-om", counted) is False
    assert quick_stage.by("police-ppu", counted) is True  # the control: someone else's word counts


def test_emergency_is_the_named_exception_and_is_reviewed_by_someone_else(quick_stage: Stage) -> None:
    urgent = replace(
        PERMITTED,
        categories=("identity",),
        powers=("vital_interests",),
        regime="uk_gdpr",
        condition="art6_1_d_vital_interests",
        declared=((Circumstance.IMMINENT_THREAT_TO_LIFE, "He was seen outside her door with a knife."),),
    )
    line_id = quick_stage.ask(urgent)["identity"]

    def owed(unit):  # type: ignore[no-untyped-def]
        from sqlmodel import select

        from gateway.disclosure.models import Task

        line = unit.session.get_one(Line, line_id)
        decided = judge.decision_of(unit, line)
        tasks = unit.session.exec(select(Task).where(Task.request_id == line.request_id)).all()
        used = entries_for_request(unit, line.request_id, Filter(kinds=(EntryKind.EMERGENCY_USED,))).entries
        recorded = [(one.actor_post_id, one.subject_ids == (line.subject_id,)) for one in used]
        return decided.stage, [(task.kind, task.not_post_id) for task in tasks], recorded

    stage_letter, tasks, recorded = quick_stage.do(owed)
    asker = quick_stage.do(lambda unit: quick_stage.post_id(unit, "probation-om"))
    assert stage_letter == "D"
    assert tasks == [(EMERGENCY_REVIEW, asker)]
    assert recorded == [(asker, True)]  # her advocate is alarmed by this entry
