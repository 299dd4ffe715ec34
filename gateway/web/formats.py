"""How dates, times and counts are written on pages: in the partnership's local time, the way people say them."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask
from markupsafe import Markup

from gateway.clock import LONDON, local_day, require_utc
from gateway.vocabulary import vocabulary
from gateway.web.access import current_gateway

_NOON = 12


def day(value: date | datetime | None) -> str:
    """`20 November 2026`; an instant is first taken to its local day; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = _local(value).date()
    return f"{value.day} {value:%B %Y}"


def clock_time(value: datetime | None) -> str:
    """`9:32am`, or midday and midnight in words, in local time."""
    if value is None:
        return ""
    at = _local(value)
    if at.minute == 0 and at.hour in {0, _NOON}:
        return "midnight" if at.hour == 0 else "midday"
    return f"{at.hour % _NOON or _NOON}:{at:%M}{'am' if at.hour < _NOON else 'pm'}"


def when(value: datetime | None) -> str:
    """`20 November 2026 at 9:32am`, in local time; nothing for None."""
    return f"{day(value)} at {clock_time(value)}" if value is not None else ""


def when_tag(value: datetime | None) -> Markup:
    """The same as a `time` element, which machines and assistive technology can read."""
    if value is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(
        require_utc(value).isoformat(timespec="seconds"), when(value)
    )


def due(value: date | datetime, today: date) -> str:
    """How far off a due date is: `today`, `tomorrow`, `in 3 days`, `2 days overdue`."""
    on = _local(value).date() if isinstance(value, datetime) else value
    left = (on - today).days
    if left < 0:
        return f"{count(-left, 'day')} overdue"
    return {0: "today", 1: "tomorrow"}.get(left, f"in {count(left, 'day')}")


def count(number: int, one: str, many: str = "") -> str:
    """`1 request`, `1,204 requests`; `many` for words that don't just take an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def grouped(value: str, size: int = 4) -> str:
    """A digest in groups, for comparing it by eye."""
    return " ".join(value[start : start + size] for start in range(0, len(value), size))


def label(code: str, attribute: str) -> str:
    """The words for a vocabulary code, such as `label("role_code", "role")`; the code itself when it has none."""
    words = vocabulary()
    return words.label(attribute, code) if words.knows(attribute, code) else code.replace("_", " ")


def register(app: Flask) -> None:
    """Make these filters of the templates, and `count` a function of theirs."""
    env = app.jinja_env
    env.filters.update(
        day=day,
        when=when,
        when_tag=when_tag,
        clock_time=clock_time,
        due=due_today,
        grouped=grouped,
        label=label,
    )
    env.globals.update(count=count)


def due_today(value: date | datetime) -> str:
    """`due`, counted from the present of the gateway's own clock."""
    return due(value, local_day(current_gateway().clock.now()))


def _local(value: datetime) -> datetime:
    # All four nations keep London's time (Interpretation Act 1978 s9, Summer Time Act 1972).
    return require_utc(value).astimezone(LONDON)
