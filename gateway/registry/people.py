"""Staff and their posts: who works where today, who stands in, who may decide, and how a leaver is cut at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.clock import end_of_local_day
from gateway.errors import Conflict, Forbidden, Invalid
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry.actors import Actor, post_is_current
from gateway.registry.acts import a_reason, act, must_differ, must_govern
from gateway.registry.agencies import not_found, today
from gateway.registry.models import Agency, CaseAssignment, Partnership, Person, Post, PostAuthority
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import vocabulary

_COVERED = select(Post).where(Post.cover_post_id == bindparam("by"), Post.agency_id == bindparam("agency"))
LONGEST_ABSENCE = timedelta(days=366)


@dataclass(frozen=True)
class PostView:
    """A post as a decision and a page need it; `orientation` is the one that counts where it was asked for."""

    post_id: str
    name: str
    agency_id: str
    agency_name: str
    agency_type: str
    role: str
    orientation: str
    person_id: str = ""


@dataclass(frozen=True)
class PostRecord:
    """A post with its dates, absence and stand-in, for the register's pages."""

    view: PostView
    face: str
    governs: bool
    starts_on: date
    ends_on: date | None
    ended_at: datetime | None
    off_duty_until: datetime | None
    off_duty_now: bool
    cover: PostView | None
    current: bool
    trained_until: date | None
    vetted_until: date | None


def post_view(unit: Unit, partnership_id: str, post_id: str) -> PostView:
    """Give one post of the partnership, current or not; raise NotFound when it isn't there."""
    return view_of(unit, _post(unit, partnership_id, post_id))


def post_views(unit: Unit, posts: Collection[Post]) -> list[PostView]:
    """Give posts as views, by agency and name, in three queries however many they are."""
    people_ids, agency_ids = {post.person_id for post in posts}, {post.agency_id for post in posts}
    people = {row.id: row for row in unit.session.exec(select(Person).where(col(Person.id).in_(people_ids)))}
    bodies = {row.id: row for row in unit.session.exec(select(Agency).where(col(Agency.id).in_(agency_ids)))}
    views = [_compose(post, people[post.person_id], bodies[post.agency_id]) for post in posts]
    return sorted(views, key=lambda view: (view.agency_name, view.name, view.role))


def posts(unit: Unit, actor: Actor, agency_id: str | None = None) -> list[PostRecord]:
    """Give the posts an officer keeps: of the agency named, or of all she may see. Raises Forbidden."""
    must_govern(actor, agency_id or actor.agency_id)
    wanted = agency_id or (None if actor.governs else actor.agency_id)
    query = select(Post).where(Post.partnership_id == actor.partnership_id)
    if wanted is not None:
        query = query.where(Post.agency_id == wanted)
    rows = unit.session.exec(query).all()
    records = [_record(unit, row) for row in rows]
    return sorted(records, key=lambda one: (not one.current, one.view.agency_name, one.view.name))


def post_record(unit: Unit, actor: Actor, post_id: str) -> PostRecord:
    """Give one post with its dates to the officer who keeps it; raise NotFound otherwise."""
    row = kept_post(unit, actor, post_id)
    return _record(unit, row)


def current_posts(unit: Unit, partnership_id: str, *, agency_id: str | None = None) -> list[PostView]:
    """Give every current post of the partnership or of one agency: those who may be named as recipients."""
    query = select(Post).where(Post.partnership_id == partnership_id)
    if agency_id is not None:
        query = query.where(Post.agency_id == agency_id)
    day = today(unit, partnership_id)
    return post_views(unit, [post for post in unit.session.exec(query) if post_is_current(post, day)])


def agencies_of(unit: Unit, person_id: str) -> set[str]:
    """Give the agencies where a person holds a post, or ever held one: by any of them she may gain."""
    return set(unit.session.exec(select(Post.agency_id).where(Post.person_id == person_id)))


def is_current(unit: Unit, post_id: str) -> bool:
    """Tell whether the post exists and counts today."""
    post = unit.session.get(Post, post_id)
    return post is not None and post_is_current(post, today(unit, post.partnership_id))


def off_duty(unit: Unit, post_id: str) -> bool:
    """Tell whether the post's holder is off duty at this moment."""
    return _is_off_duty(unit.session.get_one(Post, post_id), unit.now)


def covers(unit: Unit, post_id: str) -> frozenset[str]:
    """Give the posts whose holders are off duty now and for whom `post_id` stands in.

    Cover stays within one agency, so its controller doesn't change; walls and conflicts are checked for the stand-in.
    """
    post = unit.session.get(Post, post_id)
    if post is None or not post_is_current(post, today(unit, post.partnership_id)):
        return frozenset()
    day = today(unit, post.partnership_id)

    def read() -> list[Post]:
        return list(unit.session.exec(_COVERED, params={"by": post_id, "agency": post.agency_id}))

    rows = unit.once("registry", ("covered by", post_id), read)
    return frozenset(row.id for row in rows if _is_off_duty(row, unit.now) and post_is_current(row, day))


def end_post(unit: Unit, actor: Actor, post_id: str, reason: str) -> None:
    """End a post at once, and with it its authorities, its place on cases and its standing in for others.

    Every request asks anew whether the post counts (`actor_for_post`), so open sessions and keys of machines die with
    it. One officer is enough: tightening takes one. Raises NotFound, Forbidden, Invalid, Conflict when it has ended.
    """
    row = kept_post(unit, actor, post_id, lock=True)
    said = a_reason(reason)
    counted = _end(unit, row, by_post_id=actor.post_id)
    act(
        unit,
        actor,
        EntryKind.POST_ENDED,
        controller_agency_id=row.agency_id,
        refs={"post": post_id},
        codes=counted,
        words={"reason": said, "post": in_words(view_of(unit, row))},
    )


def end_post_as_operator(unit: Unit, partnership_code: str, post_code: str, reason: str) -> PostView:
    """End a post by its key, for an operator who is told of a leaver and finds no officer; gives what was ended.

    Raises NotFound, Invalid, Conflict.
    """
    partnership_id = partnership_of(unit, partnership_code)
    rows = select(Post).where(Post.partnership_id == partnership_id, Post.code == post_code).with_for_update()
    row = unit.session.exec(rows).first()
    if row is None:
        raise not_found("post")
    said = a_reason(reason)
    counted = _end(unit, row, by_post_id=None)
    view = view_of(unit, row)
    record(
        unit,
        Entry(
            kind=EntryKind.POST_ENDED,
            partnership_id=row.partnership_id,
            controller_agency_id=row.agency_id,
            actor_post_id=None,
            actor_agency_id=None,
            refs={"post": row.id},
            codes={**counted, "by": "operator"},
            words={"reason": said, "post": in_words(view)},
        ),
    )
    return view


def partnership_of(unit: Unit, code: str) -> str:
    """Give the id of the partnership with this code. Raises NotFound."""
    found = unit.session.exec(select(Partnership.id).where(Partnership.code == code)).first()
    if found is None:
        raise not_found("partnership")
    return found


def _end(unit: Unit, row: Post, *, by_post_id: str | None) -> dict[str, int]:
    if row.ended_at is not None:
        raise Conflict("This post has already ended.", next_step="Look at the list of posts.")
    row.ended_at, row.ended_by_post_id = unit.now, by_post_id
    unit.session.add(row)
    authorities = unit.session.exec(
        select(PostAuthority).where(PostAuthority.post_id == row.id, col(PostAuthority.ended_at).is_(None))
    ).all()
    assignments = unit.session.exec(
        select(CaseAssignment).where(CaseAssignment.post_id == row.id, col(CaseAssignment.ended_at).is_(None))
    ).all()
    for grant in (*authorities, *assignments):
        grant.ended_at = unit.now
        unit.session.add(grant)
    for covered in unit.session.exec(select(Post).where(Post.cover_post_id == row.id)):
        covered.cover_post_id = None
        unit.session.add(covered)
    return {"authorities": len(authorities), "cases": len(assignments)}


def cover(unit: Unit, actor: Actor, post_id: str, *, by_post_id: str, until: date) -> None:
    """Mark a post off duty from now until the end of a local day, with a colleague of the same agency standing in.

    The holder herself may do it, or her agency's officer, who never names herself (promise 3). The stand-in works the
    cases at once; the authorities wait for a second person (`lending`). Raises NotFound, Forbidden, Invalid.
    """
    row = _post_to_arrange(unit, actor, post_id)
    stand_in = _post(unit, actor.partnership_id, by_post_id)
    day = today(unit, actor.partnership_id)
    if stand_in.agency_id != row.agency_id or stand_in.person_id == row.person_id:
        raise Invalid(
            "This person can't stand in.", fields={"by_post_id": "Choose another person of the same agency."}
        )
    must_differ(actor, stand_in.person_id)
    if not post_is_current(stand_in, day) or not post_is_current(row, day):
        raise Invalid("This post has ended.", fields={"by_post_id": "Choose someone whose post is current."})
    if not day <= until <= day + LONGEST_ABSENCE:
        raise Invalid(
            "The last day isn't usable.", fields={"until": "Enter a day from today to a year from now."}
        )
    row.off_duty_from, row.off_duty_until = unit.now, end_of_local_day(until)
    row.cover_post_id, row.cover_asked_by_post_id = by_post_id, actor.post_id
    unit.session.add(row)
    _lend_nothing(unit, post_id)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=row.agency_id,
        refs={"post": post_id, "cover": by_post_id},
        codes={"change": "off_duty", "until": until.isoformat()},
    )


def _lend_nothing(unit: Unit, post_id: str) -> None:
    lent = select(PostAuthority).where(
        PostAuthority.post_id == post_id, col(PostAuthority.lent_to_post_id).is_not(None)
    )
    for grant in unit.session.exec(lent):
        grant.lent_to_post_id = None
        unit.session.add(grant)


def back_on_duty(unit: Unit, actor: Actor, post_id: str) -> None:
    """End an absence and its cover now. Raises NotFound, Forbidden."""
    row = _post_to_arrange(unit, actor, post_id)
    row.off_duty_from = row.off_duty_until = row.cover_post_id = row.cover_asked_by_post_id = None
    unit.session.add(row)
    _lend_nothing(unit, post_id)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=row.agency_id,
        refs={"post": post_id},
        codes={"change": "on_duty"},
    )


def renew(
    unit: Unit, actor: Actor, post_id: str, *, trained_until: date | None, vetted_until: date | None
) -> None:
    """Write until when a person's training and vetting hold. Nobody does it for herself (promise 3).

    Raises NotFound, Forbidden.
    """
    row = kept_post(unit, actor, post_id)
    if row.person_id == actor.person_id:
        raise Forbidden("Nobody records her own training.", next_step="Ask another officer of your agency.")
    person = unit.session.get_one(Person, row.person_id)
    person.trained_until, person.vetted_until = trained_until, vetted_until
    unit.session.add(person)
    act(
        unit,
        actor,
        EntryKind.POST_CHANGED,
        controller_agency_id=row.agency_id,
        refs={"person": person.id},
        codes={
            "change": "training_and_vetting",
            "trained_until": trained_until.isoformat() if trained_until else "",
            "vetted_until": vetted_until.isoformat() if vetted_until else "",
        },
    )


def _post(unit: Unit, partnership_id: str, post_id: str, *, lock: bool = False) -> Post:
    query = select(Post).where(Post.id == post_id, Post.partnership_id == partnership_id)
    row = unit.session.exec(query.with_for_update() if lock else query).first()
    if row is None:
        raise not_found("post")
    return row


def kept_post(unit: Unit, actor: Actor, post_id: str, *, lock: bool = False) -> Post:
    """Give a post that this officer keeps; another agency's post looks like one that isn't there."""
    row = _post(unit, actor.partnership_id, post_id, lock=lock)
    must_govern(actor, actor.agency_id)
    if not actor.governs and row.agency_id != actor.agency_id:
        raise not_found("post")
    return row


def _post_to_arrange(unit: Unit, actor: Actor, post_id: str) -> Post:
    if actor.post_id == post_id:
        return _post(unit, actor.partnership_id, post_id, lock=True)
    return kept_post(unit, actor, post_id, lock=True)


def _is_off_duty(post: Post, now: datetime) -> bool:
    if post.off_duty_from is None or post.off_duty_from > now:
        return False
    return post.off_duty_until is None or now < post.off_duty_until


def _record(unit: Unit, row: Post) -> PostRecord:
    stand_in = unit.session.get(Post, row.cover_post_id) if row.cover_post_id else None
    person = unit.session.get_one(Person, row.person_id)
    away = _is_off_duty(row, unit.now)
    return PostRecord(
        view=view_of(unit, row),
        face=row.face,
        governs=row.governs,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        ended_at=row.ended_at,
        off_duty_until=row.off_duty_until if away else None,
        off_duty_now=away,
        cover=view_of(unit, stand_in) if stand_in and away else None,
        current=post_is_current(row, today(unit, row.partnership_id)),
        trained_until=person.trained_until,
        vetted_until=person.vetted_until,
    )


def view_of(unit: Unit, post: Post) -> PostView:
    """Give a row as a view."""
    person = unit.session.get_one(Person, post.person_id)
    return _compose(post, person, unit.session.get_one(Agency, post.agency_id))


def _compose(post: Post, person: Person, body: Agency) -> PostView:
    return PostView(
        post_id=post.id,
        name=person.name,
        agency_id=body.id,
        agency_name=body.name,
        agency_type=body.agency_type,
        role=post.role,
        orientation=post.orientation,
        person_id=person.id,
    )


def in_words(view: PostView) -> str:
    """Give a post as an entry says it, at this moment."""
    words = vocabulary()
    role = words.label("role", view.role).lower() if words.knows("role", view.role) else view.role
    return f"{view.name}, {role} at {view.agency_name}"


def post_in_words(unit: Unit, partnership_id: str, post_id: str | None) -> str:
    """Give one post of the partnership as an entry says it, nothing for none. Raises NotFound."""
    return in_words(post_view(unit, partnership_id, post_id)) if post_id else ""


def contact_of(unit: Unit, person_id: str) -> str | None:
    """Give where a person of staff is told that something waits for her, or None."""
    row = unit.session.get(Person, person_id)
    if row is None or row.contact is None:
        return None
    place = f"person|contact|{row.id}"
    return unit.vault.open(unit.session, Scope.PARTNERSHIP, row.partnership_id, row.contact, where=place)
