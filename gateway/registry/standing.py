"""Holding still what a decision rests on until its transaction ends: posts, memberships, assignments, the policy."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from gateway.registry.cases import hold_assignments, row_of
from gateway.registry.memberships import hold_memberships
from gateway.registry.models import Partnership, Post
from gateway.store.unit_of_work import Unit


def hold(unit: Unit, case_id: str | None, post_ids: Sequence[str]) -> None:
    """Let nobody end these posts, their agencies' memberships or assignments to the case before this unit commits.

    An end that was acknowledged came before and is seen: what is held is read again as it is held. One that comes now
    waits (promise 4). On SQLite a writing unit already holds the only write lock.
    """
    if unit.dialect == "sqlite":
        return
    # The partnership's own row stands for what has no row to hold yet: its next policy, a fact not recorded so far.
    posts = (
        select(Post, Partnership)
        .join(Partnership, col(Partnership.id) == col(Post.partnership_id))
        .where(col(Post.id).in_(post_ids))
        .with_for_update(read=True)
    )
    rows = unit.session.exec(posts.execution_options(populate_existing=True)).all()
    held = [post for post, _partnership in rows]
    case = row_of(unit, case_id) if case_id else None
    if case is None:
        return
    hold_memberships(unit, case.arrangement_id, {post.agency_id for post in held})
    hold_assignments(unit, case.id)


def wait_for_decisions(unit: Unit, partnership_id: str) -> None:
    """Let decisions at work commit before what every one of them reads is tightened; those to come wait for this unit.

    For a policy, a key and a recorded fact: acknowledged, they bind whatever is released or opened from then on.
    """
    if unit.dialect == "sqlite":
        return
    partnership = select(Partnership.id).where(Partnership.id == partnership_id)
    unit.session.exec(partnership.with_for_update(key_share=True)).all()
