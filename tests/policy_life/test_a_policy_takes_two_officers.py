"""A change of policy is drafted, checked, signed, approved by another officer, active, and undone by a new one."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from sqlmodel import col, select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import policies, policy_drafts
from gateway.disclosure.models import Line, LineDecision
from gateway.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.policy import lifecycle
from gateway.policy.models import Kind, PolicyActivation, PolicyDraft, PolicySigner
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.policy_life.changing import (
    AUTHOR,
    FILE,
    OTHER,
    PERMIT,
    SECOND,
    STOP,
    activated,
    checked,
    drafted,
    signed,
)
from tests.told import PERMITTED


def _outcome(stage: Stage) -> tuple[str, str]:
    line_id = stage.ask(PERMITTED)["convictions"]
    found = stage.do(
        lambda unit: unit.session.get_one(
            LineDecision, unit.session.get_one(Line, line_id).latest_decision_id
        )
    )
    return found.outcome, found.reason_code


def _version(stage: Stage) -> str | None:
    policy = stage.do(lambda unit: lifecycle.active(unit, stage.partnership_id(unit)))
    return policy.version if policy else None


def _latest(unit: Unit) -> PolicyActivation:
    rows = select(PolicyActivation).order_by(col(PolicyActivation.sequence).desc())
    row = unit.session.exec(rows).first()
    assert row is not None
    return row


def test_a_change_decides_from_its_approval_and_is_undone_by_a_new_activation(quick_stage: Stage) -> None:
    first = _version(quick_stage)
    assert _outcome(quick_stage)[0] == Outcome.PERMIT
    change = activated(quick_stage, STOP)
    assert (change.sequence, change.previous, change.kind) == (2, first, Kind.CHANGE)
    assert _outcome(quick_stage)[0] == Outcome.DENY
    back = quick_stage.by(
        AUTHOR, lambda unit, actor: policy_drafts.roll_back(unit, actor, 1, "It was wrong.").id
    )
    quick_stage.by(AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, back))
    quick_stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, back))
    quick_stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, back, "Agreed."))
    assert _version(quick_stage) == first
    assert quick_stage.do(_latest).sequence == 3
    assert _outcome(quick_stage)[0] == Outcome.PERMIT


def test_nobody_approves_her_own_and_only_what_was_signed_is_approved(quick_stage: Stage) -> None:
    draft_id = checked(quick_stage, PERMIT)
    with pytest.raises(Conflict):
        quick_stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    quick_stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft_id))
    with pytest.raises(Forbidden):
        quick_stage.by(AUTHOR, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    with pytest.raises(NotFound):
        quick_stage.by("probation-om", lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    assert quick_stage.do(_latest).sequence == 1


def test_who_gains_by_it_does_not_approve_it(quick_stage: Stage) -> None:
    widened = {**PERMIT, "when": {**PERMIT["when"], "recipient_type": ["la_housing", "police"]}}
    draft_id = signed(quick_stage, widened)
    with pytest.raises(Forbidden, match="would receive more"):
        quick_stage.by(OTHER, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    quick_stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))


def test_an_agencys_own_officer_signs_no_change_of_the_partnerships_rules(quick_stage: Stage) -> None:
    draft_id = checked(quick_stage, STOP, author=OTHER)
    with pytest.raises(Forbidden):
        quick_stage.by(OTHER, lambda unit, actor: policies.sign(unit, actor, draft_id))


def test_what_only_tightens_acts_at_once_and_is_reviewed_by_another(quick_stage: Stage) -> None:
    draft_id = checked(quick_stage, STOP)
    row = quick_stage.by(AUTHOR, lambda unit, actor: policies.act_now(unit, actor, draft_id))
    assert row.review_by is not None
    assert [quick_stage.by(who, policies.waiting) for who in (AUTHOR, SECOND)] == [0, 1]
    assert _outcome(quick_stage)[0] == Outcome.DENY
    with pytest.raises(Forbidden):
        quick_stage.by(AUTHOR, lambda unit, actor: policies.review(unit, actor, row.sequence, "Mine."))
    quick_stage.by(SECOND, lambda unit, actor: policies.review(unit, actor, row.sequence, "Right."))
    assert quick_stage.do(_latest).reviewed_at is not None


def test_what_opens_something_never_acts_at_once(quick_stage: Stage) -> None:
    draft_id = checked(quick_stage, PERMIT)
    with pytest.raises(Conflict, match="second officer"):
        quick_stage.by(AUTHOR, lambda unit, actor: policies.act_now(unit, actor, draft_id))


def test_a_change_waits_for_its_time(quick_stage: Stage) -> None:
    draft_id = checked(quick_stage, STOP)
    later = quick_stage.clock.now() + timedelta(days=2)
    quick_stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft_id, later))
    quick_stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    assert _outcome(quick_stage)[0] == Outcome.PERMIT
    quick_stage.later(days=2)
    assert _outcome(quick_stage)[0] == Outcome.DENY


def test_a_draft_on_an_older_policy_is_stale(quick_stage: Stage) -> None:
    draft_id = signed(quick_stage, PERMIT)
    activated(quick_stage, STOP)
    with pytest.raises(Conflict, match="came into force since"):
        quick_stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))


def test_a_pack_is_not_switched_on_before_its_local_settings_are_made(quick_stage: Stage) -> None:
    draft_id = drafted(quick_stage, None)
    quick_stage.by(
        AUTHOR, lambda unit, actor: policy_drafts.switch_pack(unit, actor, draft_id, "channel", on=True)
    )
    found = quick_stage.by(AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, draft_id))
    assert "local settings" in {one.check for one in found.findings}
    with pytest.raises(Conflict):
        quick_stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft_id))


def test_the_core_is_not_edited(quick_stage: Stage) -> None:
    draft_id = drafted(quick_stage, None)
    with pytest.raises(Invalid):
        quick_stage.by(
            AUTHOR,
            lambda unit, actor: policy_drafts.drop_rule(
                unit, actor, draft_id, "core.toml", "core-a-recipient-walled"
            ),
        )


@pytest.mark.parametrize(
    "forgery",
    [
        "unsigned",
        "one signature",
        "swapped",
        "replayed",
        "other content",
        "own signer",
        "earlier time",
        "same twice",
    ],
)
def test_what_is_not_signed_in_its_place_decides_nothing(quick_stage: Stage, forgery: str) -> None:
    activated(quick_stage, STOP)

    def forge(unit: Unit) -> None:
        row = _latest(unit)
        signatures = [dict(one) for one in row.signatures]
        if forgery == "unsigned":
            row.signatures = []
        elif forgery == "one signature":
            row.signatures = signatures[:1]
        elif forgery == "swapped":
            signatures[0]["signature"], signatures[1]["signature"] = (
                signatures[1]["signature"],
                signatures[0]["signature"],
            )
            row.signatures = signatures
        elif forgery == "same twice":
            row.signatures = [signatures[0], {**signatures[0], "role": "approver"}]
        elif forgery == "replayed":
            copied = row.model_dump(exclude={"id", "sequence", "previous", "created_at"})
            again = PolicyActivation(**copied, sequence=3, previous=row.version)
            unit.session.add(again)
        elif forgery == "other content":
            first = unit.session.exec(select(PolicyActivation).where(PolicyActivation.sequence == 1)).one()
            row.version = first.version
        elif forgery == "earlier time":
            row.activates_at = row.activates_at - timedelta(days=1)
        else:
            for signer in unit.session.exec(select(PolicySigner)):
                signer.certificate = "0" * 64
                unit.session.add(signer)
        unit.session.add(row)

    quick_stage.do(forge)
    assert _version(quick_stage) is None
    assert _outcome(quick_stage) == (Outcome.DENY, "no_policy")


def test_a_signed_draft_that_was_altered_is_not_activated(quick_stage: Stage) -> None:
    draft_id = signed(quick_stage, PERMIT)

    def alter(unit: Unit) -> None:
        row = unit.session.get_one(PolicyDraft, draft_id)
        row.files = {
            **row.files,
            FILE: row.files[FILE].replace('["la_housing"]', '["la_housing", "employer"]'),
        }
        unit.session.add(row)

    quick_stage.do(alter)
    with pytest.raises(GatewayError):
        quick_stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    assert quick_stage.do(_latest).sequence == 1


def test_no_worker_decides_on_the_old_policy_after_the_commit(quick_stage: Stage) -> None:
    """Two workers with caches of their own: the other one sees the change in its next transaction."""
    from gateway.assembly import assemble

    other = assemble(quick_stage.gateway.settings, clock=quick_stage.clock)
    second = Stage(other, quick_stage.clock)
    assert _outcome(second)[0] == Outcome.PERMIT
    activated(quick_stage, STOP)
    assert _outcome(second)[0] == Outcome.DENY
    other.store.close()


def test_what_would_change_is_told_of_past_decisions(quick_stage: Stage) -> None:
    from gateway.disclosure.impact import explain, impact

    _outcome(quick_stage)
    draft_id = checked(quick_stage, STOP)

    def told(unit: Unit) -> tuple[str, int]:
        partnership = quick_stage.partnership_id(unit)
        policy = lifecycle.compiled(
            unit.session.get_one(PolicyDraft, draft_id).files,
            unit.session.get_one(PolicyDraft, draft_id).enabled,
        )
        old = lifecycle.active(unit, partnership)
        found = impact(unit, partnership, old, policy)
        same = impact(unit, partnership, old, old) if old else found
        assert not same.changed
        [one] = found.changed
        explained = explain(unit, partnership, one.reference)
        assert explained[0].outcome == Outcome.PERMIT
        assert explained[0].obligations
        assert dataclasses.asdict(one)["rule_would_be"] == STOP["id"]
        return found.sentence, found.fewer_permitted

    sentence, fewer = quick_stage.do(told)
    assert sentence == "1 of 1 decisions of the last 90 days would change: 0 more permitted, 1 fewer."
    assert fewer == 1
