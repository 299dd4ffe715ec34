"""What the invented people of Meadowshire said to the service that supports them: views, consent and mandates."""

from __future__ import annotations

from datetime import timedelta

from gateway.cli.demo_stage import Stage
from gateway.clock import local_day
from gateway.consent import consents, mandates, views, wordings
from gateway.consent.models import Answer, HowTaken, Wish
from gateway.consent.taking import Reach, Taking
from gateway.registry.actors import Actor
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit

HEARD_BY = "lantern-idva"
CONFIRMED_BY = "marac-coordinator"
COUNTS_FOR = timedelta(days=180)


def views_of(stage: Stage, subject: str, wish: Wish, words: str) -> str:
    """She says what she wants in all of her cases; gives the id of her views."""

    def record(unit: Unit, actor: Actor) -> str:
        return views.record(
            unit,
            actor,
            subject_id=stage.subject_id(unit, subject),
            case_id=None,
            controller_agency_id=actor.agency_id,
            wish=wish,
            reach=Reach(),
            taking=_taking(stage, "views", words),
        ).id

    return stage.by(HEARD_BY, record)


def consent_to_housing(stage: Stage) -> str:
    """Alex agrees that the housing officer learns where she lives; gives the consent's id."""

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
            answer=Answer.GIVEN,
            reach=reach,
            taking=_taking(stage, "consent", "Yes, for the locks and the alarm, and only housing."),
        ).id

    return stage.by(HEARD_BY, record)


def mandate_of(stage: Stage, subject: str) -> str:
    """She lets Lantern's advocate read her log; gives the mandate's id, which a second agency is still to confirm."""

    def record(unit: Unit, actor: Actor) -> str:
        advocate = unit.session.get_one(Post, stage.post_id(unit, "lantern-advocate"))
        today = local_day(unit.now)
        new = mandates.NewMandate(
            subject_id=stage.subject_id(unit, subject),
            advocate_post_id=advocate.id,
            advocate_agency_id=advocate.agency_id,
            controller_agency_id=actor.agency_id,
            how_given=HowTaken.FACE_TO_FACE,
            alone=True,
            wording_version=wordings.current("mandate").version,
            given_on=today,
            expires_on=today + COUNTS_FOR,
        )
        return mandates.record(unit, actor, new).id

    return stage.by(HEARD_BY, record)


def confirm_mandate(stage: Stage, mandate_id: str) -> None:
    """Confirm a mandate for a second agency."""
    stage.by(CONFIRMED_BY, lambda unit, actor: mandates.confirm(unit, actor, mandate_id).id)


def _taking(stage: Stage, kind: str, words: str) -> Taking:
    now = stage.clock.now()
    return Taking(
        how=HowTaken.FACE_TO_FACE,
        alone=True,
        taken_at=now,
        wording_version=wordings.current(kind).version,
        expires_on=local_day(now) + COUNTS_FOR,
        words=words,
    )
