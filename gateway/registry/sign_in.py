"""From a proven identity to the posts its person may act in: (issuer, sub) is the key, never a name or an address."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import col, select

from gateway.registry.actors import post_is_current
from gateway.registry.agencies import today
from gateway.registry.models import IdentityProvider, Person, Post, SignInIdentity
from gateway.registry.people import PostView, post_views
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Candidate:
    """A post somebody may sign in with, and the face it opens."""

    view: PostView
    face: str
    partnership_id: str


def person_of_identity(unit: Unit, issuer: str, sub: str) -> str | None:
    """Give the person whom a provider's word names, or None: an identity nobody registered is nobody."""
    rows = select(SignInIdentity.person_id).where(SignInIdentity.issuer == issuer, SignInIdentity.sub == sub)
    return unit.session.exec(rows).first()


def posts_of_person(unit: Unit, person_id: str) -> list[Candidate]:
    """Give the posts a person holds today, by agency and role; none for a leaver."""
    rows = unit.session.exec(select(Post).where(Post.person_id == person_id)).all()
    return _candidates(unit, list(rows))


def posts_of_identity(unit: Unit, person_id: str, issuer: str, *, for_partnership: bool) -> list[Candidate]:
    """Give the posts that this provider's word opens: those of the agency whose provider it is, and no other's.

    The one the partnership runs for small bodies (`for_partnership`) opens posts of agencies that have none.
    """
    own = {row.agency_id: row.issuer for row in unit.session.exec(select(IdentityProvider))}
    return [
        found
        for found in posts_of_person(unit, person_id)
        if own.get(found.view.agency_id, issuer if for_partnership else None) == issuer
    ]


def personas(unit: Unit) -> list[Candidate]:
    """Give every post that counts today, for the demonstration's list of personas."""
    rows = unit.session.exec(select(Post).join(Person, col(Person.id) == col(Post.person_id))).all()
    return _candidates(unit, list(rows))


def _candidates(unit: Unit, rows: list[Post]) -> list[Candidate]:
    current = {row.id: row for row in rows if post_is_current(row, today(unit, row.partnership_id))}
    return [
        Candidate(view, current[view.post_id].face, current[view.post_id].partnership_id)
        for view in post_views(unit, list(current.values()))
    ]
