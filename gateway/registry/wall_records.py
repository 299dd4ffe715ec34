"""The officer's view of walls: which stand, which wait for her, and why each was raised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, select

from gateway.registry.actors import Actor
from gateway.registry.agencies import not_found, today
from gateway.registry.models import Subject, SubjectState, Wall, WallKind
from gateway.registry.subject_records import keeps
from gateway.registry.subjects import known_as
from gateway.registry.walls import open_words, whom_of
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class WallView:
    """A wall with its state, for the officer who keeps the subject's record."""

    wall_id: str
    subject_id: str
    subject_reference: str
    kind: WallKind
    whom: str
    reason: str
    placed_by_post_id: str
    placed_at: datetime
    waiting: bool
    review_by: date
    reviewed: bool
    overdue: bool
    lift_asked_by_post_id: str | None
    lift_reason: str


def walls(unit: Unit, actor: Actor, subject_id: str | None = None) -> list[WallView]:
    """Give the walls, standing and waiting, of the subjects an officer keeps; what needs doing comes first."""
    query = (
        select(Wall, Subject)
        .join(Subject, col(Wall.subject_id) == col(Subject.id))
        .where(
            Wall.partnership_id == actor.partnership_id,
            col(Wall.lifted_at).is_(None),
            Subject.state != SubjectState.ERASED,
        )
    )
    if subject_id is not None:
        query = query.where(col(Wall.subject_id).in_(known_as(unit, subject_id)))
    day = today(unit, actor.partnership_id)
    found = [
        _view(unit, row, subject, day) for row, subject in unit.session.exec(query) if keeps(actor, subject)
    ]
    return sorted(
        found, key=lambda one: (not needs_doing(one), one.review_by, one.subject_reference, one.whom)
    )


def wall(unit: Unit, actor: Actor, wall_id: str) -> WallView:
    """Give one wall to an officer who keeps the subject's record. Raises NotFound."""
    row = unit.session.get(Wall, wall_id)
    subject = unit.session.get(Subject, row.subject_id) if row else None
    if (
        row is None
        or subject is None
        or row.partnership_id != actor.partnership_id
        or not keeps(actor, subject)
    ):
        raise not_found("wall")
    return _view(unit, row, subject, today(unit, actor.partnership_id))


def needs_doing(view: WallView) -> bool:
    """Tell whether a wall waits for an officer: to be reviewed, lifted, kept, or opened to one more."""
    return view.waiting or view.lift_asked_by_post_id is not None or not view.reviewed


def _view(unit: Unit, row: Wall, subject: Subject, day: date) -> WallView:
    return WallView(
        wall_id=row.id,
        subject_id=subject.id,
        subject_reference=subject.reference,
        kind=WallKind(row.kind),
        whom=whom_of(unit, row),
        reason=open_words(unit, row, "reason") if row.reason else "",
        placed_by_post_id=row.placed_by_post_id,
        placed_at=row.created_at,
        waiting=row.counts_from is None,
        review_by=row.review_by,
        reviewed=row.reviewed_at is not None,
        overdue=row.reviewed_at is None and row.review_by < day,
        lift_asked_by_post_id=row.lift_asked_by_post_id,
        lift_reason=open_words(unit, row, "lift_reason") if row.lift_reason else "",
    )
