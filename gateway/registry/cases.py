"""Cases and who works them. Being on a case is a fact of the register, never a claim of the one who asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor, post_is_current
from gateway.registry.acts import act, must_differ, must_govern
from gateway.registry.agencies import not_found, today
from gateway.registry.models import (
    Agency,
    Arrangement,
    Case,
    CaseAssignment,
    CaseSubject,
    Face,
    Partnership,
    Person,
    Post,
)
from gateway.registry.people import PostView, covers, in_words, view_of
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Orientation

_CASE = (
    select(Case, Arrangement, Partnership)
    .join(Arrangement, col(Case.arrangement_id) == col(Arrangement.id))
    .join(Partnership, col(Case.partnership_id) == col(Partnership.id))
    .where(Case.id == bindparam("case"))
)
# With the person and the agency of each post, so that none of them has to be read by itself.
_ASSIGNED = (
    select(CaseAssignment, Post, Person, Agency)
    .join(Post, col(CaseAssignment.post_id) == col(Post.id))
    .join(Person, col(Post.person_id) == col(Person.id))
    .join(Agency, col(Post.agency_id) == col(Agency.id))
    .where(CaseAssignment.case_id == bindparam("case"), col(CaseAssignment.ended_at).is_(None))
)
_ASSIGNED_HELD = _ASSIGNED.with_for_update(read=True, of=CaseAssignment).execution_options(
    populate_existing=True
)
HIGHEST_LEVEL = 3
HIGHEST_CATEGORY = 4


@dataclass(frozen=True)
class CaseView:
    """A case as its workers and a decision need it: codes, dates and a reference, no name."""

    case_id: str
    reference: str
    arrangement_id: str
    arrangement_kind: str
    arrangement_name: str
    jurisdiction: str
    lead_agency_id: str | None
    lead_agency_name: str | None
    level: int | None
    category: int | None
    opened_on: date
    closed_on: date | None
    review_on: date | None
    open: bool
    registered_at: datetime


@dataclass(frozen=True)
class AssignmentView:
    """A post's place on a case with its dates."""

    assignment_id: str
    case_id: str
    post: PostView
    starts_on: date
    ends_on: date | None


def row_of(unit: Unit, case_id: str) -> Case | None:
    """Give the row of a case, having read its arrangement and its partnership with it; None when it isn't there."""

    def read() -> Case | None:
        found = unit.session.exec(_CASE, params={"case": case_id}).first()
        return found[0] if found else None

    return unit.once("registry", ("case", case_id), read)


def case_for(unit: Unit, actor: Actor, case_id: str) -> CaseView:
    """Give a case to somebody who is on it.

    Raises NotFound, always the same, for a case that is foreign, missing, closed or not this person's (promise 8).
    """
    row = unit.session.get(Case, case_id)
    on_it = (
        row is not None
        and row.partnership_id == actor.partnership_id
        and is_on_case(unit, case_id, actor.post_id)
    )
    if row is None or not on_it:
        raise not_found("case")
    return case_view(unit, row)


def is_on_case(unit: Unit, case_id: str, post_id: str) -> bool:
    """Tell whether a post works an open case today, by itself or as the stand-in of one who is off duty."""
    row = row_of(unit, case_id)
    if row is None:
        return False
    day = today(unit, row.partnership_id)
    if not _is_open(row, day):
        return False
    counted = {assignment.post_id for assignment, _ in _current(unit, case_id, day)}
    if post_id in counted:
        return True
    return bool(counted & covers(unit, post_id))


def posts_on(unit: Unit, case_id: str) -> list[tuple[Post, str]]:
    """Give the posts that work a case today, each with the orientation it has on this case, in no order."""
    row = row_of(unit, case_id)
    if row is None:
        return []
    current = _current(unit, case_id, today(unit, row.partnership_id))
    return [(post, assignment.orientation or post.orientation) for assignment, post in current]


def assigned_posts(unit: Unit, case_id: str) -> list[PostView]:
    """Give the posts that work a case today, each with the orientation it has on this case, by agency and name."""
    views = [replace(view_of(unit, post), orientation=there) for post, there in posts_on(unit, case_id)]
    return sorted(views, key=lambda view: (view.agency_name, view.name, view.role))


def agencies_on(unit: Unit, case_id: str) -> frozenset[str]:
    """Give the agencies involved in a case today: its lead agency and those with somebody on it."""
    row = row_of(unit, case_id)
    if row is None:
        return frozenset()
    at_work = {post.agency_id for _, post in _current(unit, case_id, today(unit, row.partnership_id))}
    return frozenset(at_work | ({row.lead_agency_id} if row.lead_agency_id else set()))


def kept_cases(unit: Unit, actor: Actor) -> list[CaseView]:
    """Give the cases an officer keeps: the partnership's, or those of her agency. Raises Forbidden."""
    must_govern(actor, actor.agency_id)
    rows = unit.session.exec(
        select(Case).where(Case.partnership_id == actor.partnership_id).order_by(Case.reference)
    ).all()
    return [
        case_view(unit, row) for row in rows if actor.governs or actor.agency_id in agencies_on(unit, row.id)
    ]


def kept_case(unit: Unit, actor: Actor, case_id: str, *, lock: bool = False) -> CaseView:
    """Give one case to an officer who keeps it; raise NotFound otherwise."""
    query = select(Case).where(Case.id == case_id, Case.partnership_id == actor.partnership_id)
    row = unit.session.exec(query.with_for_update() if lock else query).first()
    officer = actor.face is Face.GOVERNANCE
    if row is None or not officer or not (actor.governs or actor.agency_id in agencies_on(unit, case_id)):
        raise not_found("case")
    return case_view(unit, row)


def assignments(unit: Unit, actor: Actor, case_id: str) -> list[AssignmentView]:
    """Give who is on a case, with dates, to an officer who keeps it. Raises NotFound."""
    view = kept_case(unit, actor, case_id)
    current = _current(unit, case_id, today(unit, actor.partnership_id))
    listed = [
        AssignmentView(
            assignment.id,
            case_id,
            replace(view_of(unit, post), orientation=assignment.orientation or post.orientation),
            assignment.starts_on,
            assignment.ends_on,
        )
        for assignment, post in current
    ]
    first = view.lead_agency_id
    return sorted(listed, key=lambda one: (one.post.agency_id != first, one.post.agency_name, one.post.name))


def assignment(unit: Unit, actor: Actor, case_id: str, assignment_id: str) -> AssignmentView:
    """Give one place on a case to an officer who keeps it; raise NotFound otherwise."""
    found = [one for one in assignments(unit, actor, case_id) if one.assignment_id == assignment_id]
    if not found:
        raise not_found("case")
    return found[0]


def assign(
    unit: Unit,
    actor: Actor,
    case_id: str,
    post_id: str,
    *,
    orientation: str | None = None,
    ends_on: date | None = None,
) -> str:
    """Put a post on a case from today; give the assignment's id. Nobody puts herself on a case (promise 3).

    Raises NotFound, Forbidden, Invalid, Conflict when she is on it already.
    """
    case = kept_case(unit, actor, case_id, lock=True)
    post = unit.session.get(Post, post_id)
    day = today(unit, actor.partnership_id)
    if post is None or post.partnership_id != actor.partnership_id or not post_is_current(post, day):
        raise Invalid(
            "This post can't be chosen.", fields={"post_id": "Choose a current post from the list."}
        )
    must_differ(actor, post.person_id)
    _must_be_hers_to_say(actor, post, orientation)
    if ends_on is not None and ends_on < day:
        raise Invalid("The last day isn't usable.", fields={"ends_on": "Enter a day that isn't past."})
    if any(held.post_id == post_id for held, _ in _current(unit, case_id, day)):
        raise Conflict("This post is already on the case.", next_step="Look at the case again.")
    made = CaseAssignment(
        partnership_id=actor.partnership_id,
        case_id=case.case_id,
        post_id=post_id,
        orientation=orientation,
        starts_on=day,
        ends_on=ends_on,
    )
    unit.session.add(made)
    act(
        unit,
        actor,
        EntryKind.CASE_CHANGED,
        controller_agency_id=post.agency_id,
        case_id=case_id,
        refs={"post": post_id, "assignment": made.id},
        codes={"change": "post_on", "orientation": orientation or post.orientation},
        words={"post": in_words(view_of(unit, post))},
    )
    return made.id


def _must_be_hers_to_say(actor: Actor, post: Post, orientation: str | None) -> None:
    """Let pass what an officer may say of whom somebody works with on a case; raise Invalid and Forbidden."""
    if orientation is not None and orientation not in set(Orientation):
        raise Invalid("This isn't known.", fields={"orientation": "Choose whom this person works with."})
    if _loosens(post.orientation, orientation) and actor.agency_id == post.agency_id:
        raise Forbidden(
            "Your own colleague works with the perpetrator; that this is otherwise here isn't yours to say.",
            next_step="Ask the partnership's officer, or one of another agency on the case.",
        )


def _loosens(by_post: str, on_case: str | None) -> bool:
    """Whether an assignment says of somebody who works with the perpetrator that she doesn't on this case."""
    facing = {Orientation.PERPETRATOR_FACING.value, Orientation.BOTH.value}
    return on_case is not None and by_post in facing and on_case not in facing


def unassign(unit: Unit, actor: Actor, assignment_id: str) -> str:
    """Take a post off a case at once; give the case's id. Raises NotFound, Conflict when she is off it already."""
    query = select(CaseAssignment).where(CaseAssignment.id == assignment_id).with_for_update()
    row = unit.session.exec(query).first()
    if row is None or row.partnership_id != actor.partnership_id:
        raise not_found("case")
    kept_case(unit, actor, row.case_id)
    if row.ended_at is not None:
        raise Conflict("This post is already off the case.", next_step="Look at the case again.")
    row.ended_at = unit.now
    unit.session.add(row)
    post = unit.session.get_one(Post, row.post_id)
    act(
        unit,
        actor,
        EntryKind.CASE_CHANGED,
        controller_agency_id=post.agency_id,
        case_id=row.case_id,
        refs={"post": row.post_id, "assignment": row.id},
        codes={"change": "post_off"},
        words={"post": in_words(view_of(unit, post))},
    )
    return row.case_id


def settle(
    unit: Unit,
    actor: Actor,
    case_id: str,
    *,
    lead_agency_id: str | None,
    level: int | None,
    category: int | None,
    review_on: date | None,
) -> None:
    """Write a case's lead agency, MAPPA level and category, and review date.

    Raises NotFound, Invalid: the lead agency must be of the partnership, level 1 to 3, category 1 to 4.
    """
    kept_case(unit, actor, case_id, lock=True)
    row = unit.session.get_one(Case, case_id)
    lead = unit.session.get(Agency, lead_agency_id) if lead_agency_id else None
    faults: dict[str, str] = {}
    if lead_agency_id and (lead is None or lead.partnership_id != actor.partnership_id):
        faults["lead_agency_id"] = "Choose an agency from the list."
    if level is not None and not 1 <= level <= HIGHEST_LEVEL:
        faults["level"] = f"Enter a level from 1 to {HIGHEST_LEVEL}."
    if category is not None and not 1 <= category <= HIGHEST_CATEGORY:
        faults["category"] = f"Enter a category from 1 to {HIGHEST_CATEGORY}."
    if faults:
        raise Invalid("Some answers aren't usable.", fields=faults)
    row.lead_agency_id, row.level, row.category, row.review_on = (
        lead_agency_id or None,
        level,
        category,
        review_on,
    )
    unit.session.add(row)
    subject_ids = unit.session.exec(
        select(CaseSubject.subject_id).where(CaseSubject.case_id == case_id)
    ).all()
    act(
        unit,
        actor,
        EntryKind.CASE_CHANGED,
        controller_agency_id=lead_agency_id or actor.agency_id,
        subject_ids=subject_ids,
        case_id=case_id,
        codes={
            "change": "settled",
            "level": level or 0,
            "category": category or 0,
            "lead_agency": lead_agency_id or "",
        },
    )


def hold_assignments(unit: Unit, case_id: str) -> None:
    """Let nobody take a post off this case before the unit commits (promise 4)."""
    _assigned(unit, case_id, hold=True)


def _assigned(unit: Unit, case_id: str, *, hold: bool = False) -> list[tuple[CaseAssignment, Post]]:
    def read() -> list[tuple[CaseAssignment, Post]]:
        rows = unit.session.exec(_ASSIGNED_HELD if hold else _ASSIGNED, params={"case": case_id})
        return [(held, post) for held, post, _, _ in rows]

    return unit.once("registry", ("assigned", case_id), read, afresh=hold)


def _current(unit: Unit, case_id: str, day: date) -> list[tuple[CaseAssignment, Post]]:
    return [
        (held, post)
        for held, post in _assigned(unit, case_id)
        if _counts(held, day) and post_is_current(post, day)
    ]


def _counts(row: CaseAssignment, day: date) -> bool:
    return row.starts_on <= day and (row.ends_on is None or row.ends_on >= day)


def _is_open(row: Case, day: date) -> bool:
    return row.opened_on <= day and (row.closed_on is None or row.closed_on > day)


def case_view(unit: Unit, row: Case) -> CaseView:
    """Give a row as a view."""
    arrangement = unit.session.get_one(Arrangement, row.arrangement_id)
    lead = unit.session.get(Agency, row.lead_agency_id) if row.lead_agency_id else None
    return CaseView(
        case_id=row.id,
        reference=row.reference,
        arrangement_id=arrangement.id,
        arrangement_kind=arrangement.kind,
        arrangement_name=arrangement.name,
        jurisdiction=row.jurisdiction,
        lead_agency_id=lead.id if lead else None,
        lead_agency_name=lead.name if lead else None,
        level=row.level,
        category=row.category,
        opened_on=row.opened_on,
        closed_on=row.closed_on,
        review_on=row.review_on,
        open=_is_open(row, today(unit, row.partnership_id)),
        registered_at=row.created_at,
    )
