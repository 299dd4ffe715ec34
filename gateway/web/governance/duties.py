"""What an officer does for her agency: tasks and reviews, and answers that are late."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import lists, oversight
from gateway.disclosure.models import Task
from gateway.disclosure.tasks import EMERGENCY_REVIEW, complete_task, review_emergency, tasks_of
from gateway.disclosure.withdraw import RECONSIDER
from gateway.errors import NotFound
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label, when
from gateway.web.forms import YES_OR_NO, GatewayForm, LongAnswer, OneOf, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.parts import Cell, Listing, confirm, link, record
from gateway.web.staff.decisions import deadline, task_label

_BACK = ".home"


class DoneForm(GatewayForm):
    """What was done."""

    words = LongAnswer("What was done?", [required("Say what was done")])


class ReviewForm(GatewayForm):
    """Whether an emergency was one."""

    upheld = OneOf(
        "Was it right to treat this as an emergency?",
        [required("Choose yes or no")],
        choices=YES_OR_NO,
    )
    words = LongAnswer("Why?", [required("Give your reasons")])


@blueprint.get("/tasks")
@allow(Face.GOVERNANCE)
def task_list() -> ResponseReturnValue:
    """What the agency still has to do."""
    with current_gateway().store.reading() as unit:
        found = tasks_of(unit, current_actor())
        now = unit.now
    rows: list[list[Cell]] = [
        [
            link(task_label(one.kind), url_for(".task_page", task_id=one.id), f"due {deadline(one.due_at)}"),
            deadline(one.due_at),
            "Overdue" if one.due_at <= now else "Open",
        ]
        for one in found
    ]
    listing = Listing("Soonest first", ("Task", "Due", "State"), rows, empty="Your agency has nothing to do.")
    return record("Reviews and tasks", back=url_for(_BACK), listings=[listing])


@blueprint.route("/tasks/<id:task_id>", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def task_page(task_id: str) -> ResponseReturnValue:
    """Record that something was done, or review an emergency."""
    actor, found = current_actor(), _task(task_id)
    if found.kind == EMERGENCY_REVIEW:
        return _review(found)
    if found.kind == RECONSIDER:
        return _reconsider(found)
    form = DoneForm()
    return confirm(
        form,
        lambda unit: complete_task(unit, actor, task_id, form.words.data or ""),
        heading="Record that this was done",
        done="The task was recorded as done.",
        back=url_for(".task_list"),
        facts=[
            ("Task", task_label(found.kind)),
            ("Due", deadline(found.due_at)),
            ("Decision", _decision(found)),
        ],
        button="Record",
    )


@blueprint.get("/overdue")
@allow(Face.GOVERNANCE)
def overdue_list() -> ResponseReturnValue:
    """Requests that the agency has not answered in time."""
    with current_gateway().store.reading() as unit:
        found = lists.inbox(unit, current_actor(), "overdue")
    rows: list[list[Cell]] = [
        [
            # What nobody matched to a case yet has no decision to read.
            link(one.reference, url_for(".decision_page", request_id=one.request_id))
            if one.outcome
            else one.reference,
            one.requester_agency,
            label(one.purpose, "purpose"),
            deadline(one.due_at),
        ]
        for one in found
    ]
    head = ("Reference", "Asked by", "Purpose", "Was due")
    listing = Listing("Oldest first", head, rows, empty="Your agency has answered everything in time.")
    return record("Overdue requests", back=url_for(_BACK), listings=[listing])


@blueprint.get("/escalated")
@allow(Face.GOVERNANCE)
def escalated_list() -> ResponseReturnValue:
    """Requests that their makers took to the officer, because chasing brought no answer."""
    with current_gateway().store.reading() as unit:
        found = oversight.escalated(unit, current_actor())
    rows: list[list[Cell]] = [
        [
            link(one.reference, url_for(".decision_page", request_id=one.request_id))
            if one.decided
            else one.reference,
            one.requester_agency,
            one.holder_agency,
            label(one.purpose, "purpose"),
            deadline(one.due_at),
            when(one.escalated_at),
        ]
        for one in found
    ]
    head = ("Reference", "Asked by", "Of", "Purpose", "Was due", "Escalated")
    listing = Listing("Waiting longest first", head, rows, empty="Nobody waits for an answer through you.")
    return record(
        "Escalated requests",
        back=url_for(_BACK),
        listings=[listing],
        texts=[("What to do", "Find out who holds the answer and when it comes, and see that it is given.")],
    )


def _review(found: Task) -> ResponseReturnValue:
    actor, form = current_actor(), ReviewForm()
    return confirm(
        form,
        lambda unit: review_emergency(
            unit, actor, found.id, upheld=form.upheld.data == "yes", words=form.words.data or ""
        ),
        heading=task_label(found.kind),
        done="The review is recorded.",
        back=url_for(".task_list"),
        facts=[
            ("Due", deadline(found.due_at)),
            ("Decision", _decision(found)),
        ],
        button="Record the review",
    )


def _reconsider(found: Task) -> ResponseReturnValue:
    """What froze is for the desk that sent it: here it can be read, not ticked off."""
    return record(
        task_label(found.kind),
        back=url_for(".task_list"),
        facts=[("Due", deadline(found.due_at)), ("Decision", _decision(found))],
        texts=[
            (
                "What to do",
                "The colleague who answers this request decides it afresh or destroys it. Until then it stays frozen.",
            )
        ],
    )


def _task(task_id: str) -> Task:
    with current_gateway().store.reading() as unit:
        found = [one for one in tasks_of(unit, current_actor()) if one.id == task_id]
    if not found:
        raise NotFound("There is no such task.", next_step="Go back to the list of tasks.")
    return found[0]


def _decision(one: Task) -> Cell:
    if one.request_id is None:
        return "None"
    return link("Read the decision", url_for(".decision_page", request_id=one.request_id))
