"""A long list a page at a time; `limit` and `token` in, `next_token`, `count` and `total` out, as a search answers.

A token says after which row the next page begins, so a walk from page to page leaves out nothing that was in the list
all along and shows nothing twice, whatever comes and goes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from flask import request

from gateway.api.bodies import PageOut, Summaries
from gateway.api.operations import Query
from gateway.api.shown import summary_of
from gateway.disclosure.lists import RequestSummary
from gateway.registry.paging import After, Page

MOST = 100
PAGED = {
    "limit": Query("[1-9][0-9]?|100", f"Give how many to a page, 1 to {MOST}."),
    "token": Query("[0-9]{1,17}[.][0-9a-f]{32}", "Give the next_token of the page before, or leave it out."),
}
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Row = TypeVar("Row")


def page_asked() -> Page:
    """The part of the list that this call asks for, and one more, which tells whether another page follows."""
    limit, token = int(request.args.get("limit", MOST)), request.args.get("token")
    return Page(size=limit + 1, after=_after(token) if token else None)


def paged(
    found: Sequence[Row], asked: Page, total: int, place: Callable[[Row], After]
) -> tuple[Sequence[Row], PageOut]:
    """What was found, without the one more, and where the next page begins; `place` is a row's in the list's order."""
    shown = found[: asked.size - 1]
    token = _token(place(shown[-1])) if len(found) > len(shown) else ""
    return shown, PageOut(next_token=token, count=len(shown), total=total)


def summaries(
    found: Sequence[RequestSummary], asked: Page, total: int, by: Callable[[RequestSummary], datetime]
) -> Summaries:
    """A page of requests; `by` is the time the list is ordered by."""
    shown, page = paged(found, asked, total, lambda one: After(by(one), one.request_id))
    return Summaries(requests=[summary_of(one) for one in shown], page=page)


def _token(place: After) -> str:
    return f"{(place.at - _BEGINNING) // _MICROSECOND}.{place.row_id}"


def _after(token: str) -> After:
    micros, _, row_id = token.partition(".")
    return After(_BEGINNING + int(micros) * _MICROSECOND, row_id)
