"""What the person wants: sought and heard in every case, weighed in every decision, the ground of none."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import bindparam
from sqlmodel import col, or_, select

from gateway.consent.models import Views, Wish
from gateway.consent.taking import (
    By,
    Reach,
    Taking,
    check,
    codes,
    columns,
    covers,
    is_over,
    note,
    open_words,
    seal_words,
)
from gateway.ledger.entries import EntryKind
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit

_OF_CASE = (
    select(Views)
    .where(
        col(Views.subject_id).in_(bindparam("subjects", expanding=True)),
        or_(col(Views.case_id).is_(None), Views.case_id == bindparam("case")),
    )
    .order_by(col(Views.taken_at).desc())
    .execution_options(populate_existing=True)
)
# Where two answers were taken in the same instant, the one that holds back counts.
_WEIGHT = {Wish.AGREES: 0, Wish.NOT_ABLE: 1, Wish.UNSURE: 2, Wish.OBJECTS: 3}


def record(
    unit: Unit,
    by: By,
    *,
    subject_id: str,
    case_id: str | None,
    controller_agency_id: str,
    wish: Wish,
    reach: Reach,
    taking: Taking,
) -> Views:
    """Record what the person said she wants, and its entry; give the row. An empty reach means everything.

    Raises Invalid, naming the field, when it can't have happened as told.
    """
    check(taking, reach, "views", unit.now)
    views_id = new_id()
    row = Views(
        id=views_id,
        partnership_id=by.partnership_id,
        subject_id=subject_id,
        case_id=case_id,
        controller_agency_id=controller_agency_id,
        wish=wish.value,
        words=seal_words(unit, "views", views_id, subject_id, taking.words),
        **columns(taking, reach, by),
    )
    unit.session.add(row)
    note(unit, EntryKind.VIEWS_RECORDED, row, by, {"views": row.id}, {"wish": row.wish, **codes(row)})
    return row


def latest(
    unit: Unit,
    subject_id: str,
    case_id: str | None,
    *,
    purpose: str | None = None,
    category: str | None = None,
    agency_id: str | None = None,
    also: Collection[str] = (),
    counts: Callable[[Views], bool] | None = None,
) -> Views | None:
    """Give the newest views that still count at `unit.now` and reach what is asked, or None.

    What isn't given isn't asked: then views about any purpose, kind of information or agency count. `also` are the
    other ids under which this person was recorded before a merge; a row that `counts` refuses is left out.
    """
    counting = [
        row
        for row in of_subject(unit, subject_id, case_id, also)
        if (counts is None or counts(row))
        and row.taken_at <= unit.now
        and not is_over(row.expires_on, unit.now)
        and covers(
            row,
            purpose if purpose is not None else _first(row.purposes),
            category if category is not None else _first(row.categories),
            agency_id if agency_id is not None else _first(row.agency_ids),
            empty_means_any=True,
        )
    ]
    return max(counting, key=lambda row: (row.taken_at, _WEIGHT[Wish(row.wish)]), default=None)


def of_subject(unit: Unit, subject_id: str, case_id: str | None, also: Collection[str] = ()) -> list[Views]:
    """Give the views taken in one case, or in none, newest first."""
    subjects = {subject_id, *also}
    chosen = {"subjects": list(subjects), "case": case_id}
    key = ("views", frozenset(subjects), case_id)
    return unit.once("consent", key, lambda: list(unit.session.exec(_OF_CASE, params=chosen)))


def words_of(unit: Unit, row: Views) -> str:
    """Give what the person said, or an empty text; raises Erased when her key was destroyed."""
    return open_words(unit, "views", row.id, row.subject_id, row.words)


def _first(listed: list[str]) -> str:
    return listed[0] if listed else ""
