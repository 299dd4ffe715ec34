"""Holding still what a decision rests on: posts, memberships and assignments, until the transaction ends."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from gateway.registry.models import Case, CaseAssignment, Membership, Post
from gateway.store.unit_of_work import Unit


def hold(unit: Unit, case_id: str | None, post_ids: Sequence[str]) -> None:
    """Let nobody end these posts, their agencies' memberships or assignments to the case before this unit commits.

    An end that was acknowledged came before and is seen; one that comes now waits (promise 4). On SQLite a writing
    unit already holds the only write lock.
    """
    if unit.dialect != "postgresql":
        return
    held = select(Post.agency_id).where(col(Post.id).in_(post_ids)).with_for_update(read=True)
    agency_ids = list(unit.session.exec(held))
    case = unit.session.get(Case, case_id) if case_id else None
    if case is not None:
        belongs = select(Membership.id).where(
            Membership.arrangement_id == case.arrangement_id, col(Membership.agency_id).in_(agency_ids)
        )
        works = select(CaseAssignment.id).where(CaseAssignment.case_id == case.id)
        for rows in (belongs, works):
            unit.session.exec(rows.with_for_update(read=True)).all()
    unit.session.expire_all()
