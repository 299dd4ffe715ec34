"""The open cases a post works, by itself or for somebody it stands in for: all of them, or a page."""

from __future__ import annotations

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.registry.actors import Actor
from gateway.registry.agencies import today
from gateway.registry.cases import CaseView, case_view
from gateway.registry.models import Case, CaseAssignment
from gateway.registry.paging import Page, in_part
from gateway.registry.people import covers, is_current
from gateway.store.unit_of_work import Unit


def my_cases(unit: Unit, actor: Actor) -> list[CaseView]:
    """Give the open cases the actor is on, by herself or for somebody she stands in for, by reference."""
    rows = unit.session.exec(_mine(unit, actor).order_by(Case.reference))
    return [case_view(unit, row) for row in rows]


def newest_of_my_cases(unit: Unit, actor: Actor, page: Page) -> list[CaseView]:
    """Give a page of these cases, the newest in the register first."""
    rows = in_part(_mine(unit, actor), page, col(Case.created_at), col(Case.id))
    return [case_view(unit, row) for row in unit.session.exec(rows)]


def how_many_cases(unit: Unit, actor: Actor) -> int:
    """Give how many of these cases there are."""
    return unit.session.exec(select(func.count()).select_from(_mine(unit, actor).subquery())).one()


def _mine(unit: Unit, actor: Actor) -> SelectOfScalar[Case]:
    """What `cases.is_on_case` says of one case, for all of them at once."""
    day = today(unit, actor.partnership_id)
    posts = {actor.post_id, *covers(unit, actor.post_id)} if is_current(unit, actor.post_id) else set()
    worked = select(CaseAssignment.case_id).where(
        col(CaseAssignment.post_id).in_(posts),
        col(CaseAssignment.ended_at).is_(None),
        CaseAssignment.starts_on <= day,
        or_(col(CaseAssignment.ends_on).is_(None), col(CaseAssignment.ends_on) >= day),
    )
    return select(Case).where(
        Case.partnership_id == actor.partnership_id,
        Case.opened_on <= day,
        or_(col(Case.closed_on).is_(None), col(Case.closed_on) > day),
        col(Case.id).in_(worked),
    )
