"""Failed sign-ins are counted in the database, so that every worker counts the same ones."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, func, select

from gateway.store.unit_of_work import Unit
from gateway.web.models import SignInAttempt

WINDOW = timedelta(minutes=15)
ALLOWED = 10


def source_of(unit: Unit, address: str) -> str:
    """Give the keyed token under which attempts from an address are counted; the address itself isn't kept."""
    return unit.vault.token("network_address", address or "none", "")


def too_many(unit: Unit, address: str) -> bool:
    """Tell whether an address failed ten times within the last 15 minutes."""
    recent = (
        select(func.count())
        .select_from(SignInAttempt)
        .where(SignInAttempt.source == source_of(unit, address), SignInAttempt.at > unit.now - WINDOW)
    )
    return unit.session.exec(recent).one() >= ALLOWED


def note_failure(unit: Unit, address: str) -> None:
    """Count one failure and forget those that no longer matter."""
    unit.session.execute(delete(SignInAttempt).where(col(SignInAttempt.at) < unit.now - WINDOW))
    unit.session.add(SignInAttempt(partnership_id="", source=source_of(unit, address), at=unit.now))
