"""A mandate's second agency through its officer: she confirms what somebody of her agency heard from the person.

Staff on the case do it where they speak with the person (`hearing`); the officer does it for those who have no account.
"""

from __future__ import annotations

from sqlmodel import col, select

from gateway.consent import mandates
from gateway.consent.models import Mandate
from gateway.registry import cases, walls
from gateway.registry.actors import Actor
from gateway.registry.models import CaseSubject, Face
from gateway.review.hearing import MandateView, view_of
from gateway.store.unit_of_work import Unit


def waiting(unit: Unit, actor: Actor) -> list[MandateView]:
    """Give the mandates that wait for an officer's agency as the second one, oldest first; none for anybody else.

    They are about people of cases that her agency works, or of any case for an officer of the partnership.
    """
    return [view_of(unit, row) for row in _rows(unit, actor)]


def confirm(unit: Unit, actor: Actor, mandate_id: str) -> Mandate:
    """Confirm a mandate for the officer's agency. Raises NotFound for one that doesn't wait for it; see `mandates`."""
    return mandates.confirm(unit, actor, _one(unit, actor, mandate_id).id)


def deny(unit: Unit, actor: Actor, mandate_id: str) -> Mandate:
    """End a mandate which the person, asked again, doesn't know of. Raises NotFound as `confirm` does."""
    return mandates.revoke(unit, actor, _one(unit, actor, mandate_id).id, by_subject=False)


def one_waiting(unit: Unit, actor: Actor, mandate_id: str) -> MandateView:
    """Give one of the mandates that wait. Raises NotFound."""
    return view_of(unit, _one(unit, actor, mandate_id))


def _one(unit: Unit, actor: Actor, mandate_id: str) -> Mandate:
    found = next((row for row in _rows(unit, actor) if row.id == mandate_id), None)
    if found is None:
        raise mandates.missing()
    return found


def _rows(unit: Unit, actor: Actor) -> list[Mandate]:
    if actor.face is not Face.GOVERNANCE:
        return []
    rows = unit.session.exec(
        select(CaseSubject.case_id, CaseSubject.subject_id)
        .join(Mandate, col(Mandate.subject_id) == col(CaseSubject.subject_id))
        .where(
            CaseSubject.partnership_id == actor.partnership_id,
            col(Mandate.revoked_at).is_(None),
        )
        .distinct()
    )
    mine = {
        subject_id
        for case_id, subject_id in rows
        if actor.governs or actor.agency_id in cases.agencies_on(unit, case_id)
    }
    return [
        row
        for row in mandates.waiting(unit, sorted(mine))
        if actor.agency_id not in {row.advocate_agency_id, row.recorded_agency_id}
        and not walls.walled(unit, row.subject_id, actor.person_id, actor.agency_id)
    ]
