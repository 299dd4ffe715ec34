"""A part of a long list: so many rows from a number on, or from a place that stays while rows come and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import Mapped

Rows = TypeVar("Rows", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True)
class After:
    """A place in a list that stays where it is while rows come and go: the time it is ordered by, and the id."""

    at: datetime
    row_id: str


@dataclass(frozen=True)
class Page:
    """Which part of a list: how many to give at the most, after which place, or how many to leave out first."""

    size: int
    start: int = 0
    after: After | None = None


def in_part(
    rows: Rows,
    page: Page | None,
    at: Mapped[datetime],
    row_id: Mapped[str],
    *,
    newest_first: bool = True,
) -> Rows:
    """Give rows in the order of a time, and of their ids where that is the same; all of them where no page is asked."""
    rows = rows.order_by(at.desc() if newest_first else at, row_id)
    if page is None:
        return rows
    if page.after:
        beyond = at < page.after.at if newest_first else at > page.after.at
        rows = rows.where(or_(beyond, and_(at == page.after.at, row_id > page.after.row_id)))
    return rows.offset(page.start).limit(page.size)
