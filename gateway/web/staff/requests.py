"""What I asked for or offered: the list, the decision, and what I can still do about it."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import ask, desk, lists, reading
from gateway.disclosure.models import RequestState
from gateway.disclosure.reading import RequestDetail
from gateway.registry.paging import Page
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.paging import Paging, asked_page, offset_of
from gateway.web.staff import journey as journeys
from gateway.web.staff.acts import confirm
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.decisions import explained, in_one_sentence
from gateway.web.staff.forms import AnswerForm

TABS = {"waiting": "Waiting", "needs_more": "Needs more from you", "decided": "Decided", "overdue": "Overdue"}


@blueprint.get("/requests")
@allow(Face.STAFF)
def my_requests() -> ResponseReturnValue:
    """What I asked for or offered, by where it stands."""
    tab = chosen_tab(TABS)
    with current_gateway().store.reading() as unit:
        counts = {name: lists.how_many_of_mine(unit, current_actor(), name) for name in TABS}
        number, part = asked_part(counts[tab])
        listed = lists.my_requests(unit, current_actor(), tab, part)
    paging = Paging(listed, number, counts[tab], lists.SIZE)
    return page("staff/requests/list.html", tabs=TABS, tab=tab, counts=counts, paging=paging)


@blueprint.get("/requests/<id:request_id>")
@allow(Face.STAFF)
def request_page(request_id: str) -> ResponseReturnValue:
    """One request: its answers, what I can do about it, and what happened."""
    detail = my_own(request_id)
    if is_only_received(detail):
        return page("staff/requests/received.html", reference=detail.summary.reference)
    return page("staff/requests/request.html", detail=detail, lines=explained(detail))


@blueprint.get("/requests/<id:request_id>/decision")
@allow(Face.STAFF)
def decision(request_id: str) -> ResponseReturnValue:
    """The decision, right after asking."""
    detail = my_own(request_id)
    if is_only_received(detail):
        return redirect(url_for(".received", request_id=request_id))
    lines = explained(detail)
    return page("staff/requests/decision.html", detail=detail, lines=lines, sentence=in_one_sentence(lines))


@blueprint.get("/requests/<id:request_id>/received")
@allow(Face.STAFF)
def received(request_id: str) -> ResponseReturnValue:
    """The one answer for anyone who isn't on the case, whatever is true of the person they named (promise 8)."""
    return page("staff/requests/received.html", reference=my_own(request_id).summary.reference)


@blueprint.route("/requests/<id:request_id>/cancel", methods=["GET", "POST"])
@allow(Face.STAFF)
def cancel(request_id: str) -> ResponseReturnValue:
    """Cancel a request, after asking."""
    detail = my_own(request_id)
    return confirm(
        StaffForm(),
        lambda unit: ask.cancel(unit, current_actor(), request_id),
        done="The request was cancelled.",
        back=url_for(".request_page", request_id=request_id),
        heading="Cancel this request?",
        reference=detail.summary.reference,
        says=["Nothing more will be released for it. What was released already stays released."],
        button="Cancel request",
        warning=True,
    )


@blueprint.route("/requests/<id:request_id>/answer", methods=["GET", "POST"])
@allow(Face.STAFF)
def answer(request_id: str) -> ResponseReturnValue:
    """Answer what the holder still needs to know."""
    detail, form = my_own(request_id), AnswerForm()
    return confirm(
        form,
        lambda unit: ask.answer(unit, current_actor(), request_id, form.words.data or ""),
        done="Your answer was sent.",
        back=url_for(".request_page", request_id=request_id),
        template="staff/requests/answer.html",
        heading="Answer the holder",
        reference=detail.summary.reference,
        messages=detail.messages,
    )


@blueprint.post("/requests/<id:request_id>/amend")
@allow(Face.STAFF)
def amend(request_id: str) -> ResponseReturnValue:
    """Take a request up again with every answer as it was; sending it replaces the request."""
    with current_gateway().store.writing() as unit:
        draft_id = journeys.begin_again(unit, current_actor(), request_id)
    return redirect(url_for(".check", draft_id=draft_id))


@blueprint.route("/requests/<id:request_id>/chase", methods=["GET", "POST"])
@allow(Face.STAFF)
def chase(request_id: str) -> ResponseReturnValue:
    """Remind the holder of an overdue answer."""
    detail = my_own(request_id)
    return confirm(
        StaffForm(),
        lambda unit: desk.chase(unit, current_actor(), request_id),
        done="The holder was reminded.",
        back=url_for(".request_page", request_id=request_id),
        heading="Chase this answer?",
        reference=detail.summary.reference,
        says=["The holder is told that the answer is overdue. The reminder is recorded."],
        button="Chase",
    )


@blueprint.route("/requests/<id:request_id>/escalate", methods=["GET", "POST"])
@allow(Face.STAFF)
def escalate(request_id: str) -> ResponseReturnValue:
    """Take an answer that stayed out to the holder's information-governance officer."""
    detail = my_own(request_id)
    return confirm(
        StaffForm(),
        lambda unit: desk.escalate(unit, current_actor(), request_id),
        done="The request was escalated.",
        back=url_for(".request_page", request_id=request_id),
        heading="Escalate this request?",
        reference=detail.summary.reference,
        says=[
            "The holder's information-governance officer is told that the answer stayed out after a reminder."
        ],
        button="Escalate",
    )


def asked_part(total: int) -> tuple[int, Page]:
    """The page in the address, its number no larger than there are pages; and which part of the list that is."""
    number = min(asked_page(), max(1, -(-total // lists.SIZE)))
    return number, Page(lists.SIZE, start=offset_of(number, lists.SIZE))


def chosen_tab(tabs: dict[str, str]) -> str:
    """The tab in the address, or the first: nonsense isn't an error in a list."""
    asked = request.args.get("tab", "")
    return asked if asked in tabs else next(iter(tabs))


def my_own(request_id: str) -> RequestDetail:
    """A request this person made; anybody else's is not there."""
    with current_gateway().store.reading() as unit:
        ask.own_request(unit, current_actor(), request_id)
        return reading.request_for(unit, current_actor(), request_id)


def is_only_received(detail: RequestDetail) -> bool:
    """Whether its maker isn't on the case, and so learns that it was received and nothing else."""
    return detail.summary.state == RequestState.RECEIVED
