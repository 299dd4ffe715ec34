"""A rule on trial is evaluated, logged with the decision and counted; it decides nothing until it is made to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Ask, Stage
from gateway.disclosure import impact, record
from gateway.disclosure.models import Line, LineDecision, Request
from gateway.disclosure.trials import Trial, trials
from gateway.ledger.models import LedgerRecord
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.policy_life.changing import AUTHOR, PERMIT, STOP, activated
from tests.told import PERMITTED, REFUSED
from tests.web.fixtures import shared_app
from tests.web.pages import Web

TRIAL: dict[str, Any] = {**STOP, "status": "trial"}
RULE = str(STOP["id"])


def _decided(stage: Stage, asked: Ask = PERMITTED) -> LineDecision:
    [line_id] = stage.ask(asked).values()

    def kept(unit: Unit) -> LineDecision:
        return unit.session.get_one(LineDecision, unit.session.get_one(Line, line_id).latest_decision_id)

    return stage.do(kept)


def _trials(stage: Stage) -> list[Trial]:
    return stage.do(lambda unit: trials(unit, stage.partnership_id(unit)))


def test_what_it_would_have_done_is_logged_with_the_decision(stage: Stage) -> None:
    activated(stage, TRIAL)
    found = _decided(stage)
    assert (found.outcome, found.deciding_rule_id == RULE) == (Outcome.PERMIT, False)
    assert record.tried(found) == {RULE: Outcome.DENY}

    def logged(unit: Unit) -> list[Any]:
        rows = unit.session.exec(select(LedgerRecord.record).where(LedgerRecord.kind == "decision.made"))
        return [json.loads(row)["codes"].get(record.ON_TRIAL) for row in rows]

    assert stage.do(logged) == [[f"{RULE}:deny"]]


def test_it_counts_what_it_would_have_changed_and_nothing_else(stage: Stage) -> None:
    _decided(stage)
    activated(stage, TRIAL)
    assert [(one.rule.id, one.decisions, len(one.changed)) for one in _trials(stage)] == [(RULE, 0, 0)]
    _decided(stage)
    _decided(stage, REFUSED)
    [found] = _trials(stage)
    assert (found.decisions, found.matched, len(found.changed)) == (2, 1, 1)
    assert found.sentence == "It would have changed 1 of 2 decisions since 22 November 2026."
    assert (found.changed[0].was, found.changed[0].would_be) == (Outcome.PERMIT, Outcome.DENY)


def test_a_rule_that_another_would_have_beaten_changes_nothing(quick_stage: Stage) -> None:
    """A trial permit where a stop decides: it matched, and the line would have come out the same."""
    also = {**STOP, "id": "mappa-convictions-later", "stage": "G", "status": "trial"}
    activated(quick_stage, STOP)
    activated(quick_stage, also)
    assert record.tried(_decided(quick_stage)) == {also["id"]: Outcome.DENY}
    [found] = _trials(quick_stage)
    assert (found.matched, found.changed) == (1, ())


def test_once_it_is_no_trial_any_more_it_decides(quick_stage: Stage) -> None:
    """Control: the same rule without its trial."""
    activated(quick_stage, TRIAL)
    activated(quick_stage, STOP)
    found = _decided(quick_stage)
    assert (found.outcome, found.deciding_rule_id) == (Outcome.DENY, RULE)
    assert record.tried(found) == {}
    assert _trials(quick_stage) == []


def test_a_trial_permit_opens_nothing(quick_stage: Stage) -> None:
    gives = {**PERMIT, "status": "trial", "when": {**PERMIT["when"], "recipient_type": ["probation"]}}
    activated(quick_stage, gives)
    asked = Ask(**{**vars(PERMITTED), "categories": ("finances",)})
    found = _decided(quick_stage, asked)
    assert found.outcome is not Outcome.PERMIT


@pytest.mark.parametrize("path", ["/governance/policies/trials", f"/governance/policies/trials/{RULE}"])
def test_the_officer_reads_it_in_the_decision_and_in_the_trials_own_page(
    quick_stage: Stage, path: str
) -> None:
    activated(quick_stage, TRIAL)
    kept = _decided(quick_stage)
    web = Web(shared_app(quick_stage.gateway), quick_stage.gateway)
    web.sign_in(quick_stage.do(lambda unit: quick_stage.post_id(unit, AUTHOR)))
    assert "rule on trial would have done" in web.page("/governance/policies").text
    assert "It would have changed 1 of 1 decisions since 22 November 2026." in web.page(path).text
    shown = web.page(f"/governance/decisions/{kept.request_id}").text
    assert f"{RULE}: with it, this would be “Refuse”" in shown
    reference = quick_stage.do(lambda unit: unit.session.get_one(Request, kept.request_id).reference)
    told = quick_stage.do(
        lambda unit: impact.explain(unit, quick_stage.partnership_id(unit), reference)[0].tried
    )
    assert told == ((RULE, "deny"),)
