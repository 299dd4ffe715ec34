"""The lives of the log: each restore begins another one, numbered, with a name and keys of its own."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col

from gateway.ledger.models import LedgerEpoch, LedgerLeaf
from gateway.store.unit_of_work import Unit

_LIFE = "/epoch-"


def origin_of_life(named: str, number: int) -> str:
    """Give the name of a life of the log that is named so."""
    return named if number == 1 else f"{named}{_LIFE}{number}"


def number_of_life(named: str, origin: str) -> int:
    """Give which life of the log that is `named` so goes by this name, 0 for none after the first."""
    number = origin.removeprefix(named + _LIFE)
    return int(number) if number != origin and number.isascii() and number.isdigit() else 0


def lives(unit: Unit) -> Sequence[LedgerEpoch]:
    """Give the log's lives, the first one first."""
    return unit.session.execute(sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number))).scalars().all()


def present_life(unit: Unit) -> LedgerEpoch | None:
    """Give the log's last life that is stored, None before the first entry."""
    newest = sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number).desc()).limit(1)
    epoch: LedgerEpoch | None = unit.session.execute(newest).scalar_one_or_none()
    return epoch


def first_leaf(unit: Unit, number: int) -> bytes:
    """Give the first leaf of the log's life of that number, empty where there is none."""
    first = sa.select(col(LedgerLeaf.leaf)).where(
        col(LedgerLeaf.epoch) == number, col(LedgerLeaf.position) == 0
    )
    return unit.session.execute(first).scalar() or b""
