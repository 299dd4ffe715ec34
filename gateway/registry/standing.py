"""Holding still what a decision rests on: posts, memberships and assignments, until the transaction ends."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from gateway.registry.cases import hold_assignments, row_of
from gateway.registry.memberships import hold_memberships
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit


def hold(unit: Unit, case_id: str | None, post_ids: Sequence[str]) -> None:
    """Let nobody end these posts, their agencies' memberships or assignments to the case before this unit commits.

    An end that was acknowledged came before and is seen: what is held is read again as it is held. One that comes now
    waits (promise 4). On SQLite a writing unit already holds the only write lock.
    """
    if unit.dialect == "sqlite":
        return
    posts = select(Post).where(col(Post.id).in_(post_ids)).with_for_update(read=True)
    held = unit.session.exec(posts.execution_options(populate_existing=True)).all()
    case = row_of(unit, case_id) if case_id else None
    if case is None:
        return
    hold_memberships(unit, case.arrangement_id, {post.agency_id for post in held})
    hold_assignments(unit, case.id)
