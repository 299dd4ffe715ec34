"""Partnerships and the agencies in them; and which day it is for a partnership."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import select

from gateway.clock import local_day
from gateway.errors import Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import act, must_govern
from gateway.registry.models import Agency, IdentityProvider, Partnership
from gateway.store.unit_of_work import Unit

LONGEST_ANSWER_DAYS = 60


@dataclass(frozen=True)
class AgencyView:
    """An agency as pages and decisions need it; `current` is false after its last day."""

    agency_id: str
    code: str
    name: str
    agency_type: str
    answers_within_days: int
    issuer: str | None
    closed_on: date | None
    current: bool


def not_found(what: str = "page") -> NotFound:
    """Give the one error for what is missing, foreign or not the reader's: all three look the same (promise 8)."""
    return NotFound(f"This {what} isn't here.", next_step="Go back to your list and choose from it.")


def today(unit: Unit, partnership_id: str) -> date:
    """Give the local day of the partnership at the transaction's present."""
    return local_day(unit.now, unit.session.get_one(Partnership, partnership_id).nation)


def agencies(unit: Unit, partnership_id: str) -> list[AgencyView]:
    """Give the partnership's agencies by name."""
    rows = unit.session.exec(
        select(Agency).where(Agency.partnership_id == partnership_id).order_by(Agency.name)
    )
    providers = {
        provider.agency_id: provider.issuer
        for provider in unit.session.exec(
            select(IdentityProvider).where(IdentityProvider.partnership_id == partnership_id)
        )
    }
    day = today(unit, partnership_id)
    return [_view(row, day, providers.get(row.id)) for row in rows]


def names(unit: Unit, partnership_id: str) -> dict[str, str]:
    """Give what the partnership's agencies are called, by id, in the order of their names."""
    rows = select(Agency.id, Agency.name).where(Agency.partnership_id == partnership_id).order_by(Agency.name)
    return dict(unit.session.exec(rows).all())


def agency(unit: Unit, partnership_id: str, agency_id: str) -> AgencyView:
    """Give one agency of the partnership; raise NotFound when it isn't there."""
    row = _row(unit, partnership_id, agency_id)
    provider = unit.session.exec(
        select(IdentityProvider).where(IdentityProvider.agency_id == agency_id)
    ).first()
    return _view(row, today(unit, partnership_id), provider.issuer if provider else None)


def set_answer_time(unit: Unit, actor: Actor, agency_id: str, days: int) -> None:
    """Set within how many working days an agency answers; by its own officer or the partnership's.

    Raises NotFound, Forbidden, Invalid (1 to 60 days).
    """
    row = _row(unit, actor.partnership_id, agency_id)
    must_govern(actor, agency_id)
    if not 1 <= days <= LONGEST_ANSWER_DAYS:
        raise Invalid(
            "The number of days isn't usable.",
            fields={"answers_within_days": f"Enter a number from 1 to {LONGEST_ANSWER_DAYS}."},
        )
    row.answers_within_days = days
    unit.session.add(row)
    act(
        unit,
        actor,
        EntryKind.AGENCY_CHANGED,
        controller_agency_id=agency_id,
        refs={"agency": agency_id},
        codes={"change": "answer_time", "days": days},
    )


def is_open(row: Agency, day: date) -> bool:
    """Tell whether an agency still counts on `day`; its last day counts whole."""
    return row.closed_on is None or row.closed_on >= day


def _row(unit: Unit, partnership_id: str, agency_id: str) -> Agency:
    row = unit.session.get(Agency, agency_id)
    if row is None or row.partnership_id != partnership_id:
        raise not_found("agency")
    return row


def _view(row: Agency, day: date, issuer: str | None) -> AgencyView:
    return AgencyView(
        agency_id=row.id,
        code=row.code,
        name=row.name,
        agency_type=row.agency_type,
        answers_within_days=row.answers_within_days,
        issuer=issuer,
        closed_on=row.closed_on,
        current=is_open(row, day),
    )
