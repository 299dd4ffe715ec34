"""Authorities: roles that may decide what no rule may. One officer proposes, another approves, neither benefits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import col, or_, select

from gateway.errors import Conflict, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor, authorities_of, post_is_current
from gateway.registry.acts import act, must_differ, person_of
from gateway.registry.agencies import not_found, today
from gateway.registry.models import Post, PostAuthority
from gateway.registry.people import PostView, in_words, kept_post, post_views, view_of
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import vocabulary

LONGEST_AUTHORITY = timedelta(days=731)


@dataclass(frozen=True)
class AuthorityView:
    """A role that may decide, held by a post; `waiting` until a second person approved it."""

    authority_id: str
    post: PostView
    role_code: str
    arrangement_id: str | None
    starts_on: date
    ends_on: date | None
    granted_by_post_id: str | None
    waiting: bool
    current: bool


def who_may_decide(
    unit: Unit, partnership_id: str, role_code: str, arrangement_id: str, *, agency_id: str | None = None
) -> list[PostView]:
    """Give the current posts that hold an authority in an arrangement: whom a referred line goes to."""
    query = (
        select(Post)
        .join(PostAuthority, col(PostAuthority.post_id) == col(Post.id))
        .where(
            Post.partnership_id == partnership_id,
            PostAuthority.role_code == role_code,
            or_(col(PostAuthority.arrangement_id).is_(None), PostAuthority.arrangement_id == arrangement_id),
        )
        .distinct()
    )
    if agency_id is not None:
        query = query.where(Post.agency_id == agency_id)
    day = today(unit, partnership_id)
    holders = [
        post
        for post in unit.session.exec(query)
        if post_is_current(post, day) and role_code in authorities_of(unit, post.id, day, arrangement_id)
    ]
    return post_views(unit, holders)


def grant_authority(
    unit: Unit,
    actor: Actor,
    post_id: str,
    *,
    role_code: str,
    arrangement_id: str | None,
    ends_on: date,
) -> str:
    """Propose that a post may decide in a role; it counts once another officer approves. Gives the authority's id.

    The author is not the beneficiary (promise 9). Raises NotFound, Forbidden, Invalid.
    """
    row = kept_post(unit, actor, post_id)
    must_differ(actor, row.person_id)
    day = today(unit, actor.partnership_id)
    terms = {code.value: term for code, term in vocabulary().roles.items()}
    if role_code not in terms or not terms[role_code].authorises:
        raise Invalid("This role decides nothing.", fields={"role_code": "Choose a role from the list."})
    if not post_is_current(row, day):
        raise Invalid("This post has ended.", fields={"post_id": "Choose a current post."})
    if not day <= ends_on <= day + LONGEST_AUTHORITY:
        raise Invalid(
            "The last day isn't usable.", fields={"ends_on": "Enter a day within the next two years."}
        )
    grant = PostAuthority(
        partnership_id=actor.partnership_id,
        post_id=post_id,
        role_code=role_code,
        arrangement_id=arrangement_id,
        starts_on=day,
        ends_on=ends_on,
        granted_by_post_id=actor.post_id,
    )
    unit.session.add(grant)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=row.agency_id,
        refs={"post": post_id, "authority": grant.id},
        codes={"change": "authority_asked", "role": role_code, "ends_on": ends_on.isoformat()},
        words={"post": in_words(view_of(unit, row))},
    )
    return grant.id


def approve_authority(unit: Unit, actor: Actor, authority_id: str) -> None:
    """Make a proposed authority count: by an officer who is neither its author nor its beneficiary.

    Raises NotFound, Forbidden, Conflict when it was approved or ended meanwhile.
    """
    grant = _authority(unit, actor, authority_id)
    post = kept_post(unit, actor, grant.post_id)
    must_differ(actor, post.person_id)
    must_differ(actor, person_of(unit, grant.granted_by_post_id))
    if grant.approved_by_post_id is not None or grant.ended_at is not None:
        raise Conflict("This was already answered.", next_step="Look at the list again.")
    grant.approved_by_post_id = actor.post_id
    unit.session.add(grant)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=post.agency_id,
        refs={"post": post.id, "authority": grant.id},
        codes={"change": "authority_approved", "role": grant.role_code},
        words={"post": in_words(view_of(unit, post))},
    )


def end_authority(unit: Unit, actor: Actor, authority_id: str) -> None:
    """End an authority, or refuse a proposed one, at once. Raises NotFound, Forbidden, Conflict."""
    grant = _authority(unit, actor, authority_id)
    post = kept_post(unit, actor, grant.post_id)
    if grant.ended_at is not None:
        raise Conflict("This has already ended.", next_step="Look at the list again.")
    grant.ended_at = unit.now
    unit.session.add(grant)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=post.agency_id,
        refs={"post": post.id, "authority": grant.id},
        codes={"change": "authority_ended", "role": grant.role_code},
    )


def authorities(unit: Unit, actor: Actor) -> list[AuthorityView]:
    """Give the authorities, approved and waiting, of the posts an officer keeps."""
    query = (
        select(PostAuthority, Post)
        .join(Post, col(PostAuthority.post_id) == col(Post.id))
        .where(PostAuthority.partnership_id == actor.partnership_id, col(PostAuthority.ended_at).is_(None))
    )
    if not actor.governs:
        query = query.where(Post.agency_id == actor.agency_id)
    day = today(unit, actor.partnership_id)
    views = [_authority_view(unit, grant, post, day) for grant, post in unit.session.exec(query)]
    return sorted(
        views, key=lambda one: (not one.waiting, one.post.agency_name, one.post.name, one.role_code)
    )


def authority(unit: Unit, actor: Actor, authority_id: str) -> AuthorityView:
    """Give one authority of a post the officer keeps; raise NotFound otherwise."""
    grant = unit.session.get(PostAuthority, authority_id)
    if grant is None or grant.partnership_id != actor.partnership_id or grant.ended_at is not None:
        raise not_found("authority")
    post = kept_post(unit, actor, grant.post_id)
    return _authority_view(unit, grant, post, today(unit, actor.partnership_id))


def _authority_view(unit: Unit, grant: PostAuthority, post: Post, day: date) -> AuthorityView:
    waiting = grant.approved_by_post_id is None
    dated = grant.starts_on <= day and (grant.ends_on is None or grant.ends_on >= day)
    return AuthorityView(
        authority_id=grant.id,
        post=view_of(unit, post),
        role_code=grant.role_code,
        arrangement_id=grant.arrangement_id,
        starts_on=grant.starts_on,
        ends_on=grant.ends_on,
        granted_by_post_id=grant.granted_by_post_id,
        waiting=waiting,
        current=dated and not waiting and post_is_current(post, day),
    )


def _authority(unit: Unit, actor: Actor, authority_id: str) -> PostAuthority:
    query = select(PostAuthority).where(PostAuthority.id == authority_id).with_for_update()
    grant = unit.session.exec(query).first()
    if grant is None or grant.partnership_id != actor.partnership_id:
        raise not_found("authority")
    return grant
