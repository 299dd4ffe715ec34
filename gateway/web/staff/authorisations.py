"""What waits for a person: referred lines, second opinions, emergency reviews, and tasks with a date."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import authorise, reading, withdraw
from gateway.disclosure.covering import RESEAL_FOR_COVER
from gateway.disclosure.models import Task
from gateway.disclosure.reading import LineDetail
from gateway.disclosure.tasks import EMERGENCY_REVIEW, complete_task, review_emergency, tasks_of
from gateway.disclosure.withdraw import RECONSIDER
from gateway.errors import NotFound
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Obligation, Outcome
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.staff.acts import confirm
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.decisions import explain, task_label
from gateway.web.staff.forms import AuthoriseForm, ReviewForm, SecondForm, TaskDoneForm

_SAFELY = (
    "Reach the person only in a way they said is safe: it is on their page under “Wishes and consent”.",
    "If you see none there, let somebody do it who works with them, or their advocate. Leave no message.",
)
_HOW: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            Obligation.INFORM_SUBJECT,
            Obligation.INFORM_SUBJECT_WHEN_SAFE,
            Obligation.SEEK_SUBJECT_VIEWS,
            Obligation.NOTICE_TO_VICTIM,
            Obligation.OFFER_SUPPORT,
        ),
        _SAFELY,
    ),
    RESEAL_FOR_COVER: (
        "A recipient is off duty, and a colleague stands in.",
        "Go to the request on your desk and name the colleague as successor, who gets it after a fresh decision.",
        "If you decide not to, say why here.",
    ),
}


@blueprint.get("/authorisations")
@allow(Face.STAFF, Face.GOVERNANCE)
def to_authorise() -> ResponseReturnValue:
    """The decisions that wait for a role I hold."""
    with current_gateway().store.reading() as unit:
        lines = [explain(line) for line in reading.to_authorise(unit, current_actor())]
    return page("staff/authorisations/list.html", lines=lines)


@blueprint.route("/authorisations/<id:line_id>", methods=["GET", "POST"])
@allow(Face.STAFF, Face.GOVERNANCE)
def authorise_line(line_id: str) -> ResponseReturnValue:
    """Decide a referred line, or second a colleague's decision where it takes two."""
    with current_gateway().store.reading() as unit:
        detail, line = reading.line_to_authorise(unit, current_actor(), line_id)
    form = SecondForm() if line.awaiting_second else AuthoriseForm()
    return confirm(
        form,
        lambda unit: _decide(unit, line, form),
        done="Your decision was recorded.",
        back=url_for(".to_authorise"),
        template="staff/authorisations/line.html",
        detail=detail,
        row=explain(line),
    )


@blueprint.get("/tasks")
@allow(Face.STAFF)
def my_tasks() -> ResponseReturnValue:
    """What my agency still has to do, and by when."""
    with current_gateway().store.reading() as unit:
        tasks = tasks_of(unit, current_actor())
        now = unit.now
    return page("staff/authorisations/tasks.html", tasks=tasks, now=now)


@blueprint.route("/tasks/<id:task_id>", methods=["GET", "POST"])
@allow(Face.STAFF)
def task(task_id: str) -> ResponseReturnValue:
    """Record that an obligation was carried out."""
    found = task_of(task_id)
    if found.kind == EMERGENCY_REVIEW:
        return redirect(url_for(".review", task_id=task_id))
    if found.kind == RECONSIDER:
        return redirect(url_for(".reconsider", task_id=task_id))
    form = TaskDoneForm()
    return confirm(
        form,
        lambda unit: complete_task(unit, current_actor(), task_id, form.words.data or ""),
        done="The task was recorded as done.",
        back=url_for(".my_tasks"),
        heading="Record that this was done",
        says=[task_label(found.kind), *_HOW.get(found.kind, ())],
        button="Record",
    )


@blueprint.route("/tasks/<id:task_id>/review", methods=["GET", "POST"])
@allow(Face.STAFF)
def review(task_id: str) -> ResponseReturnValue:
    """An emergency, looked at the next working day by somebody else than the one who claimed it."""
    found, form = task_of(task_id, EMERGENCY_REVIEW), ReviewForm()
    with current_gateway().store.reading() as unit:
        detail = reading.request_for(unit, current_actor(), str(found.request_id))
    return confirm(
        form,
        lambda unit: review_emergency(
            unit, current_actor(), task_id, upheld=form.upheld.data == "yes", words=form.words.data or ""
        ),
        done="Your review was recorded.",
        back=url_for(".my_tasks"),
        template="staff/authorisations/review.html",
        detail=detail,
        lines=[explain(line) for line in detail.lines],
    )


@blueprint.route("/tasks/<id:task_id>/reconsider", methods=["GET", "POST"])
@allow(Face.STAFF)
def reconsider(task_id: str) -> ResponseReturnValue:
    """What was sealed froze at a withdrawal: decide it afresh, or destroy it."""
    found, form = task_of(task_id, RECONSIDER), StaffForm()
    if not form.validate_on_submit():
        return page("staff/authorisations/reconsider.html", form=form, task=found)
    with current_gateway().store.writing() as unit:
        outcome = withdraw.reconsider(unit, current_actor(), str(found.line_id))
    if outcome is not Outcome.PERMIT:
        return page("staff/authorisations/reconsider.html", form=form, task=found, refused=True)
    flash("It was decided afresh and may be opened again.", "done")
    return redirect(url_for(".my_tasks"))


@blueprint.route("/tasks/<id:task_id>/destroy", methods=["GET", "POST"])
@allow(Face.STAFF)
def destroy(task_id: str) -> ResponseReturnValue:
    """Destroy what was sealed, after asking."""
    found = task_of(task_id, RECONSIDER)
    return confirm(
        StaffForm(),
        lambda unit: withdraw.destroy(unit, current_actor(), str(found.line_id)),
        done="It was destroyed. Nobody can open it again.",
        back=url_for(".my_tasks"),
        heading="Destroy what was sealed?",
        says=[
            "Nobody will be able to open it again, not even your own agency. The log still shows that it was sent."
        ],
        button="Destroy it",
        warning=True,
    )


def task_of(task_id: str, kind: str = "") -> Task:
    """A task of my agency that I may do; anything else is not there."""
    with current_gateway().store.reading() as unit:
        tasks = tasks_of(unit, current_actor())
    found = next((one for one in tasks if one.id == task_id and kind in {"", one.kind}), None)
    if found is None:
        raise NotFound("There is no such task.", next_step="Go back to your tasks.")
    return found


def _decide(unit: Unit, line: LineDetail, form: AuthoriseForm) -> None:
    """The first decision on a line, or the second opinion that a colleague's decision waits for."""
    reasons = form.reasons.data or ""
    if line.awaiting_second is None:
        authorise.authorise(unit, current_actor(), line.line_id, grants=form.granted, reasons=reasons)
        return
    authorise.second(unit, current_actor(), line.awaiting_second, agrees=form.granted, reasons=reasons)
