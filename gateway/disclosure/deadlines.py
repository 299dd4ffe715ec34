"""By when somebody answers: in working days of the partnership's nation, or in minutes where life is in danger."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from gateway.clock import add_working_days, end_of_local_day
from gateway.registry.agencies import today
from gateway.registry.models import Partnership
from gateway.store.unit_of_work import Unit

# A threat to life waits minutes for a person, not days (DESIGN 5, emergency).
ON_CALL_WITHIN = timedelta(minutes=30)


def working_day(unit: Unit, partnership_id: str, count: int) -> date:
    """The local day that is so many working days from today."""
    nation = unit.session.get_one(Partnership, partnership_id).nation
    return add_working_days(today(unit, partnership_id), count, nation)


def within_working_days(unit: Unit, partnership_id: str, count: int) -> datetime:
    """The end of the day that is so many working days from today, in UTC."""
    return end_of_local_day(working_day(unit, partnership_id, count))
