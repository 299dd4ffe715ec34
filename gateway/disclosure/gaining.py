"""Who gains by a request: nobody loosens anything for themselves, whatever post they hold (DESIGN 3.3, 3.9)."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.disclosure.models import Request, RequestRecipient
from gateway.disclosure.papers import recipients_of
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit


def those_who_gain(
    unit: Unit, request: Request, recipients: Sequence[RequestRecipient] | None = None
) -> frozenset[str]:
    """The people who asked for it, would receive it, or would read it to deliver it.

    `recipients` are those that count; all of the request's where none are given.
    """
    rows = recipients_of(unit, request.id) if recipients is None else recipients
    named = [post_id for row in rows for post_id in (row.post_id, row.delivering_post_id) if post_id]
    return frozenset(person_of(unit, post_id) for post_id in (request.requester_post_id, *named))


def person_of(unit: Unit, post_id: str) -> str:
    """The person who holds a post: two posts of one person are not two people."""
    return unit.session.get_one(Post, post_id).person_id
