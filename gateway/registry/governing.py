"""Information-governance officers of a partnership: who they are today, who governs it, who answers for the whole."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import col, select

from gateway.registry.actors import post_is_current
from gateway.registry.agencies import today
from gateway.registry.models import Agency, Face, Post
from gateway.store.unit_of_work import Unit


def officers(unit: Unit, partnership_id: str, *, apart: Collection[str] = ()) -> list[Post]:
    """Give the posts of the partnership's officers today, but for the persons who are kept `apart`."""
    rows = select(Post).where(Post.partnership_id == partnership_id, Post.face == Face.GOVERNANCE)
    day = today(unit, partnership_id)
    return [
        post for post in unit.session.exec(rows) if post_is_current(post, day) and post.person_id not in apart
    ]


def governors(unit: Unit, partnership_id: str) -> list[Post]:
    """Give the posts that govern the partnership today."""
    return [post for post in officers(unit, partnership_id) if post.governs]


def answering_agency(unit: Unit, partnership_id: str) -> str:
    """Give the agency that answers for an act on the whole partnership: one that governs it, else the oldest."""
    govern = governors(unit, partnership_id)
    if govern:
        return min(govern, key=lambda post: (post.created_at, post.id)).agency_id
    oldest = select(Agency.id).where(Agency.partnership_id == partnership_id).order_by(col(Agency.created_at))
    return unit.session.exec(oldest).first() or ""
