"""An agreement permits when somebody who gains nothing by it recorded it; a refusal counts whoever recorded it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Ask, Stage
from gateway.clock import local_day
from gateway.consent import consents, views, wordings
from gateway.consent.models import Answer, HowTaken, Wish
from gateway.consent.taking import Reach, Taking
from gateway.decision.wording import OWN_HAND
from gateway.disclosure import ask as asking
from gateway.disclosure import judge, withdraw
from gateway.disclosure.agreement import About, agreement
from gateway.disclosure.asking import NamedRecipient
from gateway.disclosure.models import LineDecision
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import ConsentStatus
from tests.told import AGREED

_GAINS, _OTHER = "housing-officer", "lantern-idva"


def _taking(stage: Stage, kind: str) -> Taking:
    now = stage.clock.now()
    return Taking(
        how=HowTaken.FACE_TO_FACE,
        alone=True,
        taken_at=now,
        wording_version=wordings.current(kind).version,
        expires_on=local_day(now) + timedelta(days=90),
    )


def _told(stage: Stage, who: str, answer: Answer) -> str:
    """What Alex answered to `who`; each answer is an hour after the one before."""
    stage.later(hours=1)

    def record(unit: Unit, actor: Actor) -> str:
        reach = Reach(
            purposes=frozenset({"victim_safety"}),
            categories=frozenset({"address_current"}),
            agency_ids=frozenset({stage.agency_id(unit, "housing")}),
        )
        return consents.record(
            unit,
            actor,
            subject_id=stage.subject_id(unit, "s-alex"),
            case_id=stage.case_id(unit, "R-0931"),
            controller_agency_id=actor.agency_id,
            answer=answer,
            reach=reach,
            taking=_taking(stage, "consent"),
        ).id

    return stage.by(who, record)


def _said(stage: Stage, who: str, wish: Wish) -> None:
    stage.later(hours=1)
    stage.by(
        who,
        lambda unit, actor: views.record(
            unit,
            actor,
            subject_id=stage.subject_id(unit, "s-alex"),
            case_id=stage.case_id(unit, "R-0931"),
            controller_agency_id=actor.agency_id,
            wish=wish,
            reach=Reach(),
            taking=_taking(stage, "views"),
        ),
    )


def _decided(stage: Stage, asked: Ask = AGREED, *, delivering: str | None = None) -> LineDecision:
    def make(unit: Unit, actor: Actor) -> LineDecision:
        given = stage.asking(unit, asked)
        if delivering is not None:
            outside = NamedRecipient(
                agency_type="la_housing",
                role="housing_officer",
                described="A landlord",
                delivering_post_id=stage.post_id(unit, delivering),
            )
            given = replace(given, recipients=(*given.recipients, outside))
        lines = judge.lines_of(unit, asking.ask(unit, actor, given).request_id)
        inside = {one.id: judge.decision_of(unit, one) for one in lines}
        return next(row for row in inside.values() if row.facts["recipients"][0]["post_id"])  # type: ignore[index]

    return stage.by(asked.who, make)


def _standing(stage: Stage) -> str:
    return str(_decided(stage).facts["consent"])


def test_the_askers_own_record_of_her_consent_permits_nothing(quick_stage: Stage) -> None:
    before = _decided(quick_stage)
    assert before.outcome == "deny"
    _told(quick_stage, _GAINS, Answer.GIVEN)
    own = _decided(quick_stage)
    assert (own.outcome, own.facts["consent"]) == ("deny", "unknown")
    assert OWN_HAND in own.requester_text
    assert OWN_HAND in own.officer_text
    assert OWN_HAND not in before.requester_text + before.officer_text
    _told(quick_stage, _OTHER, Answer.GIVEN)  # the control: a colleague who gains nothing heard her too
    assert _decided(quick_stage).outcome == "permit"


@pytest.mark.parametrize("role", ["requester", "recipient", "delivers"])
def test_no_hand_of_the_request_vouches(quick_stage: Stage, role: str) -> None:
    recorder = {"requester": "marac-coordinator", "recipient": _GAINS, "delivers": "marac-deputy"}[role]
    _told(quick_stage, recorder, Answer.GIVEN)
    asked = replace(AGREED, who="marac-coordinator") if role == "requester" else AGREED
    delivering = recorder if role == "delivers" else None
    assert _decided(quick_stage, asked, delivering=delivering).facts["consent"] == "unknown"
    _told(quick_stage, _OTHER, Answer.GIVEN)
    assert _decided(quick_stage, asked, delivering=delivering).facts["consent"] == "given"


def test_views_she_told_the_asker_alone_permit_nothing(quick_stage: Stage) -> None:
    _said(quick_stage, _GAINS, Wish.AGREES)
    assert _decided(quick_stage).outcome == "deny"
    assert _standing(quick_stage) == "unknown"
    _said(quick_stage, _GAINS, Wish.NOT_ABLE)
    assert _standing(quick_stage) == "unknown"
    _said(quick_stage, _OTHER, Wish.AGREES)
    assert _standing(quick_stage) == "given"  # the control


def test_a_refusal_told_to_anybody_counts(quick_stage: Stage) -> None:
    _told(quick_stage, _OTHER, Answer.GIVEN)
    _told(quick_stage, _GAINS, Answer.REFUSED)
    assert _standing(quick_stage) == "refused"
    for answer in (Answer.GIVEN, Answer.UNABLE, Answer.NOT_SOUGHT):
        _told(quick_stage, _GAINS, answer)  # who gains doesn't talk it away
        assert _standing(quick_stage) == "refused"
    _told(quick_stage, _OTHER, Answer.GIVEN)
    assert _standing(quick_stage) == "given"


def test_an_objection_told_to_anybody_counts(quick_stage: Stage) -> None:
    _said(quick_stage, _GAINS, Wish.OBJECTS)
    assert _standing(quick_stage) == "refused"
    _said(quick_stage, _GAINS, Wish.AGREES)
    assert _standing(quick_stage) == "refused"
    _said(quick_stage, _OTHER, Wish.AGREES)
    assert _standing(quick_stage) == "given"


def test_a_withdrawal_recorded_by_the_asker_counts(quick_stage: Stage) -> None:
    consent_id = _told(quick_stage, _OTHER, Answer.GIVEN)
    quick_stage.later(hours=1)
    quick_stage.by(
        _GAINS,
        lambda unit, actor: withdraw.withdraw_consent(unit, actor, consent_id, by_subject=True),
    )
    assert _standing(quick_stage) == "withdrawn"
    _told(quick_stage, _GAINS, Answer.GIVEN)
    assert _standing(quick_stage) == "withdrawn"


def test_planted_fault_a_gatherer_that_asks_not_who_recorded_it_would_permit(quick_stage: Stage) -> None:
    _told(quick_stage, _GAINS, Answer.GIVEN)

    def status(unit: Unit, *, watches: bool) -> ConsentStatus:
        subject_id = quick_stage.subject_id(unit, "s-alex")
        about = About(
            subject_id,
            frozenset({subject_id}),
            quick_stage.case_id(unit, "R-0931"),
            "victim_safety",
            "address_current",
            quick_stage.agency_id(unit, "housing"),
        )
        own = quick_stage.post_id(unit, _GAINS)
        return agreement(unit, about, lambda row: watches and row.taken_by_post_id == own).status

    assert quick_stage.do(lambda unit: status(unit, watches=True)) is ConsentStatus.UNKNOWN
    assert quick_stage.do(lambda unit: status(unit, watches=False)) is ConsentStatus.GIVEN
