"""A long list a page at a time; `limit` and `token` in, `next_token`, `count` and `total` out, as a search answers.

A token says after which request the next page begins, so a walk from page to page leaves out nothing that was in the
list all along and shows nothing twice, whatever comes and goes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from flask import request

from gateway.api.bodies import PageOut, Summaries
from gateway.api.operations import Query
from gateway.api.shown import summary_of
from gateway.disclosure.lists import After, Page, RequestSummary

MOST = 100
PAGED = {
    "limit": Query("[1-9][0-9]?|100", f"Give how many to a page, 1 to {MOST}."),
    "token": Query("[0-9]{1,17}[.][0-9a-f]{32}", "Give the next_token of the page before, or leave it out."),
}
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def page_asked() -> Page:
    """The part of the list that this call asks for, and one more, which tells whether another page follows."""
    limit, token = int(request.args.get("limit", MOST)), request.args.get("token")
    return Page(size=limit + 1, after=_after(token) if token else None)


def paged(
    found: Sequence[RequestSummary], asked: Page, total: int, by: Callable[[RequestSummary], datetime]
) -> Summaries:
    """What was found, without the one more, and where the next page begins; `by` is the time the list is ordered by."""
    shown = found[: asked.size - 1]
    token = _token(by(shown[-1]), shown[-1].request_id) if len(found) > len(shown) else ""
    page = PageOut(next_token=token, count=len(shown), total=total)
    return Summaries(requests=[summary_of(one) for one in shown], page=page)


def _token(at: datetime, request_id: str) -> str:
    return f"{(at - _BEGINNING) // _MICROSECOND}.{request_id}"


def _after(token: str) -> After:
    micros, _, request_id = token.partition(".")
    return After(_BEGINNING + int(micros) * _MICROSECOND, request_id)
