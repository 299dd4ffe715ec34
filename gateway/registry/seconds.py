"""Who may be the second person for a change of the register: an officer who governs and gains nothing by it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from gateway.errors import Forbidden
from gateway.registry.actors import Actor
from gateway.registry.acts import must_differ, must_govern, person_of
from gateway.registry.differences import Difference
from gateway.registry.governing import governors, officers
from gateway.registry.models import Face, Post, RegisterProposal
from gateway.registry.people import agencies_of
from gateway.store.unit_of_work import Unit


def governed(unit: Unit) -> set[str]:
    """Give the partnerships where an officer was ever named who governs: from then on nothing loosens by one person.

    That the last one has left opens nothing again: whoever runs the commands can end a post.
    """
    rows = select(Post.partnership_id).where(col(Post.governs).is_(True), Post.face == Face.GOVERNANCE)
    return set(unit.session.exec(rows))


def asked(unit: Unit, partnership_id: str) -> list[Post]:
    """Give the posts that a proposal is put to: those that govern, or every officer's where none does any more."""
    return governors(unit, partnership_id) or officers(unit, partnership_id)


def may_look(unit: Unit, actor: Actor) -> bool:
    """Tell whether an officer sees what waits: she governs, or she keeps an agency and nobody governs any more."""
    return actor.face is Face.GOVERNANCE and (actor.governs or not governors(unit, actor.partnership_id))


def must_be_one(unit: Unit, actor: Actor, row: RegisterProposal, shown: Sequence[Difference]) -> None:
    """Let pass who may approve a proposal; raise Forbidden for its author and for whoever gains by it."""
    must_govern(actor, actor.agency_id)
    for post_id in (row.proposed_by_post_id, row.first_by_post_id):
        must_differ(actor, person_of(unit, post_id))
    if actor.post_id in {post.id for post in free(unit, row, shown)}:
        return
    raise Forbidden(
        "You or an agency of yours gain by this, or your agency has answered it already.",
        next_step="Ask another officer: the page of this change names who can approve it.",
    )


def free(unit: Unit, row: RegisterProposal, shown: Sequence[Difference]) -> list[Post]:
    """Give the posts that may approve: of nobody who proposed it, approved it first or gains by what is `shown`.

    Where nobody governs any more it takes two officers, of two agencies.
    """
    gains = {one for item in shown for one in item.gains}
    said = (row.proposed_by_post_id, row.first_by_post_id)
    apart = {person_of(unit, post_id) for post_id in said}
    first = unit.session.get(Post, row.first_by_post_id) if row.first_by_post_id else None
    govern = governors(unit, row.partnership_id)
    return [
        post
        for post in asked(unit, row.partnership_id)
        if post.person_id not in apart
        and not gains & {post.person_id, *agencies_of(unit, post.person_id)}
        and (govern or first is None or post.agency_id != first.agency_id)
    ]
