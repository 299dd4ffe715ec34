"""Circumstances nobody records, because the register itself shows them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from gateway.registry.agencies import today
from gateway.registry.cases import agencies_on, posts_on
from gateway.registry.memberships import standing_of
from gateway.registry.models import Case, Person, Post
from gateway.registry.people import covers
from gateway.registry.subjects import known_as, subjects_of
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Circumstance, Orientation

# Only records held under national vetting need a vetted reader (College of Policing APP on vetting).
VETTED_CATEGORIES = frozenset({Category.VISOR_RECORD, Category.INTELLIGENCE})


def of_people(unit: Unit, post_ids: Collection[str], categories: Collection[str]) -> list[Circumstance]:
    """Give what follows from the training and vetting of those who would come to know."""
    needs_vetting = bool(VETTED_CATEGORIES & set(categories))
    found: set[Circumstance] = set()
    for post_id in post_ids:
        post = unit.session.get(Post, post_id)
        if post is None:
            # Somebody unknown is neither trained nor vetted: unknown never permits (promise 2).
            found |= {Circumstance.TRAINING_LAPSED, Circumstance.VETTING_MISSING}
            continue
        person = unit.session.get_one(Person, post.person_id)
        day = today(unit, post.partnership_id)
        if not _holds(person.trained_until, day):
            found.add(Circumstance.TRAINING_LAPSED)
        if needs_vetting and not _holds(person.vetted_until, day):
            found.add(Circumstance.VETTING_MISSING)
    return sorted(found)


def orientation_on(unit: Unit, case_id: str | None, post_id: str) -> Orientation:
    """Give whom a post works with on a case: as assigned there, else as its own row says.

    Whoever stands in for somebody, or holds a second post on the case, works with the perpetrator if either does.
    """
    post = unit.session.get(Post, post_id)
    if post is None:
        return Orientation.BOTH
    on_case = posts_on(unit, case_id) if case_id else []
    stands_in_for = covers(unit, post_id)
    own = next((there for one, there in on_case if one.id == post_id), post.orientation)
    found = {own} | {
        there for one, there in on_case if one.id in stands_in_for or one.person_id == post.person_id
    }
    facing = found & {Orientation.PERPETRATOR_FACING, Orientation.BOTH}
    return Orientation(min(facing)) if facing else Orientation(own)


def of_recipients(unit: Unit, case_id: str | None, recipient_post_ids: Collection[str]) -> list[Circumstance]:
    """Give what follows from whom the recipients work with and whether their agencies are on the case."""
    if not recipient_post_ids:
        return []
    involved = agencies_on(unit, case_id) if case_id else frozenset()
    found: set[Circumstance] = set()
    for post_id in recipient_post_ids:
        post = unit.session.get(Post, post_id)
        if orientation_on(unit, case_id, post_id) in {Orientation.PERPETRATOR_FACING, Orientation.BOTH}:
            found.add(Circumstance.RECIPIENT_PERPETRATOR_FACING)
        if case_id and (post is None or post.agency_id not in involved):
            found.add(Circumstance.AGENCY_NOT_INVOLVED_IN_CASE)
    return sorted(found)


def of_case(
    unit: Unit, case_id: str | None, subject_id: str | None, agency_ids: Collection[str]
) -> list[Circumstance]:
    """Give what follows from the case: no lead agency, an agency that hasn't signed, a disputed role."""
    case = unit.session.get(Case, case_id) if case_id else None
    if case is None:
        return []
    found = []
    if case.lead_agency_id is None:
        found.append(Circumstance.LEAD_AGENCY_MISSING)
    standings = [standing_of(unit, case.arrangement_id, agency_id) for agency_id in agency_ids]
    if any(not standing.signatory for standing in standings):
        found.append(Circumstance.NOT_SIGNATORY)
    if subject_id is not None:
        ids = known_as(unit, subject_id)
        views = [view for view in subjects_of(unit, case.id) if view.subject_id in ids]
        if any(view.role_disputed for view in views):
            found.append(Circumstance.ROLE_DISPUTED)
    return found


def _holds(until: date | None, day: date) -> bool:
    return until is not None and until >= day
