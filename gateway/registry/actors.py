"""Who is acting: one person in one current post, as the register knows it at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from gateway.clock import local_day
from gateway.errors import Unauthenticated
from gateway.registry.models import Agency, Face, Partnership, Person, Post, PostAuthority
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Actor:
    """A person in a post.

    `authorises` holds the role codes that may decide what no rule may; `governs` marks an officer of the whole
    partnership, where another officer answers for her own agency alone.
    """

    person_id: str
    post_id: str
    agency_id: str
    partnership_id: str
    face: Face
    role: str
    orientation: str
    agency_type: str
    name: str
    agency_name: str
    authorises: frozenset[str]
    governs: bool = False

    @property
    def in_words(self) -> str:
        """Who acted, as the words of an entry say it at this moment."""
        return f"{self.name}, {self.role} at {self.agency_name}"

    def answers_for(self, partnership_id: str, agency_id: str) -> bool:
        """Whether she is an officer of this agency, or governs its partnership."""
        if self.face is not Face.GOVERNANCE or self.partnership_id != partnership_id:
            return False
        return self.governs or self.agency_id == agency_id


def actor_for_post(unit: Unit, post_id: str) -> Actor:
    """The actor a post makes today.

    Raises:
        Unauthenticated: the post isn't known, hasn't begun or has ended; leavers are cut at once.
    """
    query = (
        select(Post, Agency, Person, Partnership)
        .join(Agency, col(Post.agency_id) == col(Agency.id))
        .join(Person, col(Post.person_id) == col(Person.id))
        .join(Partnership, col(Post.partnership_id) == col(Partnership.id))
        .where(Post.id == post_id)
    )
    found = unit.session.exec(query).first()
    if found is None:
        raise Unauthenticated("Your post isn't known here.", next_step="Sign in again.")
    post, agency, person, partnership = found
    today = local_day(unit.now, partnership.nation)
    if not post_is_current(post, today):
        raise Unauthenticated(
            "Your post has ended.", next_step="Ask your agency's information-governance officer."
        )
    return Actor(
        person_id=person.id,
        post_id=post.id,
        agency_id=agency.id,
        partnership_id=post.partnership_id,
        face=Face(post.face),
        role=post.role,
        orientation=post.orientation,
        agency_type=agency.agency_type,
        name=person.name,
        agency_name=agency.name,
        authorises=authorities_of(unit, post.id, today),
        governs=post.governs and post.face == Face.GOVERNANCE,
    )


def post_is_current(post: Post, today: date) -> bool:
    """Whether a post counts on a local day: begun, not past its last day, not ended early."""
    if post.ended_at is not None or post.starts_on > today:
        return False
    return post.ends_on is None or post.ends_on >= today


def authority_counts(today: date) -> tuple[ColumnElement[bool], ...]:
    """What an authority must be to count on a local day: approved by a second person, within its dates, not ended."""
    return (
        col(PostAuthority.approved_by_post_id).is_not(None),
        col(PostAuthority.ended_at).is_(None),
        col(PostAuthority.starts_on) <= today,
        or_(col(PostAuthority.ends_on).is_(None), col(PostAuthority.ends_on) >= today),
    )


def authorities_of(
    unit: Unit,
    post_id: str,
    today: date,
    arrangement_id: str | None = None,
    *,
    lent_to_post_id: str | None = None,
) -> frozenset[str]:
    """Role codes a post may decide for, in any arrangement or in the one named; granted by one, approved by another.

    With `lent_to_post_id`, those alone that a second person agreed to lend to that post.
    """
    rows = select(PostAuthority.role_code).where(PostAuthority.post_id == post_id, *authority_counts(today))
    if arrangement_id is not None:
        in_scope = or_(
            col(PostAuthority.arrangement_id).is_(None), PostAuthority.arrangement_id == arrangement_id
        )
        rows = rows.where(in_scope)
    if lent_to_post_id is not None:
        rows = rows.where(PostAuthority.lent_to_post_id == lent_to_post_id)
    return frozenset(unit.session.exec(rows))
