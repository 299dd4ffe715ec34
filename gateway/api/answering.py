"""The holder's desk through the API: the inbox, questions, and each line released or declined."""

from __future__ import annotations

from flask import request

from gateway.api.blueprint import blueprint
from gateway.api.bodies import DeclineIn, ReleasedOut, ReleaseIn, Summaries, WordsIn
from gateway.api.operations import Query, operation
from gateway.api.paging import PAGED, page_asked, summaries
from gateway.disclosure import desk, lists, reading, release
from gateway.disclosure.content import prepare
from gateway.disclosure.release import About, NotReleased
from gateway.errors import Conflict
from gateway.web.access import current_actor, current_gateway

LARGEST_RELEASE = 16 * 1024 * 1024
_DESK = Query("to_release|waiting|done|overdue", "Choose one of to_release, waiting, done and overdue.")


@operation(
    blueprint,
    "GET",
    "/inbox",
    summary="Requests put to this agency",
    gives=Summaries,
    query={"tab": _DESK, **PAGED},
)
def list_inbox() -> Summaries:
    """Requests put to this agency: to_release, waiting, done or overdue; the soonest due first."""
    actor, tab, page = current_actor(), request.args.get("tab", "to_release"), page_asked()
    with current_gateway().store.reading() as unit:
        found = lists.inbox(unit, actor, tab, page)
        total = lists.how_many_on_desk(unit, actor, tab)
    return summaries(found, page, total, by=lambda one: one.due_at)


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/questions",
    summary="Ask the requester for more",
    takes=WordsIn,
    status=204,
    problems=(409,),
)
def question_request(request_id: str, body: WordsIn) -> None:
    """Ask the requester for what is missing."""
    with current_gateway().store.writing() as unit:
        desk.need_more(unit, current_actor(), request_id, body.words)


@operation(
    blueprint,
    "POST",
    "/lines/<id:line_id>/declination",
    summary="Decline a line",
    takes=DeclineIn,
    status=204,
    problems=(409,),
)
def decline_line(line_id: str, body: DeclineIn) -> None:
    """Decline to release a line, with a reason."""
    with current_gateway().store.writing() as unit:
        desk.decline(unit, current_actor(), line_id, body.reason_code, body.words)


@operation(
    blueprint,
    "POST",
    "/lines/<id:line_id>/release",
    summary="Release a line",
    takes=ReleaseIn,
    gives=ReleasedOut,
    status=201,
    largest=LARGEST_RELEASE,
    problems=(409,),
)
def release_line(line_id: str, body: ReleaseIn) -> ReleasedOut:
    """Clean, seal and release the content of one line; 409 when it is decided differently now."""
    with current_gateway().store.reading() as unit:
        _detail, line = reading.line_for_desk(unit, current_actor(), line_id)
    prepared = prepare(body.content(), line.category)
    about = About(body.data_as_of, body.verified, body.fact_or_opinion, body.action)
    with current_gateway().store.writing() as unit:
        done = release.release(
            unit, current_actor(), line_id, prepared, about, accepts_findings=body.accepts_findings
        )
    if isinstance(done, NotReleased):
        raise Conflict("Decided again, this may not be released now.", next_step=done.text)
    return ReleasedOut(release_id=done.release_id, parcel_id=done.parcel_id)
