"""Circumstances of the register that hold for a line now: recorded as facts, or worked out from the register itself."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam
from sqlmodel import col, or_, select

from gateway.registry import facts
from gateway.registry.acts import person_of
from gateway.registry.computed import of_case, of_people, of_recipients
from gateway.registry.contacts import on_file
from gateway.registry.models import Case, Post, RegisteredFact, Subject
from gateway.registry.subjects import known_as
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance, Origin, vocabulary

_CURRENT = select(RegisteredFact).where(
    col(RegisteredFact.partnership_id).in_(bindparam("partnerships", expanding=True)),
    or_(col(RegisteredFact.case_id).is_(None), RegisteredFact.case_id == bindparam("case")),
    or_(
        col(RegisteredFact.subject_id).is_(None),
        col(RegisteredFact.subject_id).in_(bindparam("subjects", expanding=True)),
    ),
    col(RegisteredFact.starts_at) <= bindparam("now"),
    or_(col(RegisteredFact.ends_at).is_(None), col(RegisteredFact.ends_at) > bindparam("now")),
)


def of_line(
    unit: Unit,
    *,
    case_id: str | None,
    subject_id: str | None,
    agency_ids: Collection[str],
    post_ids: Collection[str],
    categories: Collection[str],
    recipient_post_ids: Collection[str] = (),
) -> frozenset[str]:
    """Give the registry's circumstances that hold now for one line.

    Takes the agencies and posts that would come to know (requester and recipients, not the holder), the line's
    categories, and which of the posts are recipients. A fact that loosens and names an agency or a post applies only
    when every recipient is of that agency or is that person. `requester_not_on_case` and
    `wrong_jurisdiction_gateway` are the flow's: it alone knows who asks and under which power.
    """
    recorded = _recorded(unit, case_id, subject_id, agency_ids, post_ids, categories, recipient_post_ids)
    computed = (
        *of_people(unit, post_ids, categories),
        *of_recipients(unit, case_id, recipient_post_ids),
        *of_case(unit, case_id, subject_id, agency_ids),
    )
    if subject_id is not None and on_file(unit, subject_id):
        computed = (*computed, Circumstance.SAFE_CONTACT_ON_FILE)
    return frozenset(str(one) for one in (*recorded, *computed))


def _recorded(
    unit: Unit,
    case_id: str | None,
    subject_id: str | None,
    agency_ids: Collection[str],
    post_ids: Collection[str],
    categories: Collection[str],
    recipient_post_ids: Collection[str],
) -> list[str]:
    people, recipients = _people(unit, post_ids), _people(unit, recipient_post_ids or post_ids)
    bodies = set(_agencies(unit, recipient_post_ids)) or set(agency_ids)
    holding = []
    for row in _current(unit, case_id, subject_id):
        if not _is_registry(row.circumstance) or (
            row.categories and not set(row.categories) & set(categories)
        ):
            continue
        if facts.loosens(row.circumstance):
            # Whoever would come to know by it has neither recorded nor approved it (promise 3).
            hands = {person_of(unit, row.recorded_by_post_id), person_of(unit, row.approved_by_post_id)}
            approved = row.approved_by_post_id is not None and not hands & people
            fits = approved and _all_are(unit, row, bodies, recipients)
        else:
            fits = (row.agency_id is None or row.agency_id in agency_ids) and (
                row.post_id is None or person_of(unit, row.post_id) in people
            )
        if fits:
            holding.append(row.circumstance)
    return holding


def _current(unit: Unit, case_id: str | None, subject_id: str | None) -> list[RegisteredFact]:
    subject_ids = known_as(unit, subject_id) if subject_id else frozenset()

    def read() -> list[RegisteredFact]:
        chosen = {
            "partnerships": _partnerships(unit, case_id, subject_id),
            "case": case_id,
            "subjects": list(subject_ids),
            "now": unit.now,
        }
        return list(unit.session.exec(_CURRENT, params=chosen))

    return unit.once("registry", ("facts", case_id, subject_id), read)


def _all_are(unit: Unit, row: RegisteredFact, agency_ids: set[str], person_ids: set[str]) -> bool:
    if row.agency_id is not None and agency_ids != {row.agency_id}:
        return False
    return row.post_id is None or person_ids == {person_of(unit, row.post_id)}


def _people(unit: Unit, post_ids: Collection[str]) -> set[str]:
    return {person for post_id in post_ids if (person := person_of(unit, post_id)) is not None}


def _agencies(unit: Unit, post_ids: Collection[str]) -> list[str]:
    rows = [unit.session.get(Post, post_id) for post_id in post_ids]
    return [row.agency_id if row else "" for row in rows]


def _partnerships(unit: Unit, case_id: str | None, subject_id: str | None) -> list[str]:
    rows = [unit.session.get(Case, case_id) if case_id else None, unit.session.get(Subject, subject_id or "")]
    return [row.partnership_id for row in rows if row is not None]


def _is_registry(circumstance: str) -> bool:
    known = circumstance in set(Circumstance)
    return known and vocabulary().circumstances[Circumstance(circumstance)].origin is Origin.REGISTRY
