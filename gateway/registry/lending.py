"""Lending authorities to whoever stands in: cover is one person's word, so they count once a second person agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from gateway.errors import Conflict
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor, authority_counts, post_is_current
from gateway.registry.acts import act, must_differ, person_of
from gateway.registry.agencies import today
from gateway.registry.models import Post, PostAuthority
from gateway.registry.people import PostView, in_words, kept_post, off_duty, view_of
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Lending:
    """Cover with the authorities it would lend: those that count already, and those that wait for a second person."""

    post: PostView
    stand_in: PostView
    until: datetime | None
    asked_by: str
    lent: tuple[str, ...]
    waiting: tuple[str, ...]


def lending_of(unit: Unit, post_id: str) -> Lending | None:
    """Give what the cover of a post lends, or None where it lends nothing: on duty, uncovered, or nothing to decide."""
    post = unit.session.get_one(Post, post_id)
    if post.cover_post_id is None or not off_duty(unit, post_id):
        return None
    grants = _authorities(unit, post)
    stand_in = unit.session.get_one(Post, post.cover_post_id)
    if not grants or not post_is_current(stand_in, today(unit, post.partnership_id)):
        return None
    asked_by = unit.session.get(Post, post.cover_asked_by_post_id) if post.cover_asked_by_post_id else None
    return Lending(
        post=view_of(unit, post),
        stand_in=view_of(unit, stand_in),
        until=post.off_duty_until,
        asked_by=in_words(view_of(unit, asked_by)) if asked_by else "",
        lent=tuple(sorted({one.role_code for one in grants if _is_lent(one, post)})),
        waiting=tuple(sorted({one.role_code for one in grants if not _is_lent(one, post)})),
    )


def to_agree(unit: Unit, actor: Actor) -> list[Lending]:
    """Give the cover that waits for an officer: of her agency, or of all if she governs; never her own doing."""
    rows = select(Post).where(
        Post.partnership_id == actor.partnership_id, col(Post.cover_post_id).is_not(None)
    )
    if not actor.governs:
        rows = rows.where(Post.agency_id == actor.agency_id)
    found = [lending_of(unit, post.id) for post in unit.session.exec(rows) if _is_apart(unit, actor, post)]
    return sorted((one for one in found if one and one.waiting), key=lambda one: one.post.name)


def agree(unit: Unit, actor: Actor, post_id: str) -> None:
    """Lend what a post may decide to its stand-in: by an officer who didn't arrange the cover and doesn't gain by it.

    It ends with the cover; an authority given later waits anew. Raises NotFound, Forbidden, Conflict.
    """
    post = kept_post(unit, actor, post_id, lock=True)
    found = lending_of(unit, post_id)
    if found is None or not found.waiting:
        raise Conflict("Nothing waits for your agreement here.", next_step="Look at the post again.")
    if post.cover_asked_by_post_id is None:
        raise Conflict(
            "Who arranged this cover isn't known: it is older than this rule.",
            next_step="Have the cover arranged again, then agree to it.",
        )
    must_differ(actor, found.stand_in.person_id)
    must_differ(actor, person_of(unit, post.cover_asked_by_post_id))
    for grant in _authorities(unit, post):
        grant.lent_to_post_id = post.cover_post_id
        unit.session.add(grant)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=post.agency_id,
        refs={"post": post_id, "cover": found.stand_in.post_id},
        codes={"change": "cover_agreed", "roles": found.waiting},
        words={"post": in_words(found.post), "cover": in_words(found.stand_in)},
    )


def _authorities(unit: Unit, post: Post) -> list[PostAuthority]:
    counts = authority_counts(today(unit, post.partnership_id))
    rows = select(PostAuthority).where(PostAuthority.post_id == post.id, *counts)
    return list(unit.session.exec(rows))


def _is_lent(grant: PostAuthority, post: Post) -> bool:
    return grant.lent_to_post_id is not None and grant.lent_to_post_id == post.cover_post_id


def _is_apart(unit: Unit, actor: Actor, post: Post) -> bool:
    if post.cover_asked_by_post_id is None:
        return False
    others = (post.cover_post_id, post.cover_asked_by_post_id)
    return actor.person_id not in {person_of(unit, one) for one in others}
