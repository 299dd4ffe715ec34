"""Asking and offering: a task list, one question to a page, check the answers, send."""

from __future__ import annotations

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import ask, drafts, onward
from gateway.disclosure.ask import Asked
from gateway.disclosure.models import RequestKind
from gateway.errors import Invalid
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.staff import journey as journeys
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.forms import CheckForm, StartForm
from gateway.web.staff.journey import Journey
from gateway.web.staff.questions import BY_SLUG, BasisForm


@blueprint.route("/ask", methods=["GET", "POST"])
@allow(Face.STAFF)
def start() -> ResponseReturnValue:
    """Begin a request or an offer, or take up a draft."""
    form = StartForm()
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            draft_id = journeys.begin(unit, current_actor(), RequestKind(form.kind.data))
        return redirect(url_for(".task_list", draft_id=draft_id))
    with current_gateway().store.reading() as unit:
        kept = drafts.mine(unit, current_actor(), journeys.DRAFT)
    return page("staff/ask/start.html", form=form, drafts=kept)


@blueprint.get("/ask/<id:draft_id>")
@allow(Face.STAFF)
def task_list(draft_id: str) -> ResponseReturnValue:
    """What is answered and what is left."""
    return page("staff/ask/task_list.html", journey=_journey(draft_id))


@blueprint.route("/ask/<id:draft_id>/<code:slug>", methods=["GET", "POST"])
@allow(Face.STAFF)
def question(draft_id: str, slug: str) -> ResponseReturnValue:
    """One question; its answer is saved before the next is asked."""
    journey = _journey(draft_id)
    asked = BY_SLUG.get(slug)
    if asked is None or asked not in journey.questions or not journey.may_start(asked):
        abort(404)
    form = journey.form(asked)
    if "add" in request.form and form.add_another():
        return page(asked.template, form=form, question=asked, journey=journey)
    if not form.validate_on_submit():
        if isinstance(form, BasisForm) and request.method == "GET":
            form.suggest(journey)
        return page(asked.template, form=form, question=asked, journey=journey)
    with current_gateway().store.writing() as unit:
        answered = journey.with_answer(asked, form)
        journeys.save(unit, answered)
    return redirect(_after(_journey(draft_id)))


@blueprint.route("/ask/<id:draft_id>/check", methods=["GET", "POST"])
@allow(Face.STAFF)
def check(draft_id: str) -> ResponseReturnValue:
    """All answers, with a way to change each, and the button that sends."""
    journey = _journey(draft_id)
    form = CheckForm()
    if not journey.is_complete:
        return redirect(url_for(".task_list", draft_id=draft_id))
    if form.validate_on_submit():
        try:
            return _sent(journey, str(form.once.data))
        except Invalid as error:
            form.refuse_answers(error, lambda name: _href(journey, name))
    return page("staff/ask/check.html", form=form, journey=journey)


@blueprint.route("/ask/<id:draft_id>/discard", methods=["GET", "POST"])
@allow(Face.STAFF)
def discard(draft_id: str) -> ResponseReturnValue:
    """Throw a draft away, after asking."""
    journey, form = _journey(draft_id), StaffForm()
    if not form.validate_on_submit():
        return page("staff/ask/discard.html", form=form, journey=journey)
    with current_gateway().store.writing() as unit:
        drafts.discard(unit, current_actor(), draft_id)
    flash("The draft was thrown away.", "done")
    return redirect(url_for(".start"))


def _journey(draft_id: str) -> Journey:
    with current_gateway().store.reading() as unit:
        return journeys.load(unit, current_actor(), draft_id)


def _after(journey: Journey) -> str:
    following = journey.next_question()
    if following is None:
        return url_for(".check", draft_id=journey.draft_id)
    return url_for(".question", draft_id=journey.draft_id, slug=following.slug)


def _sent(journey: Journey, once: str) -> ResponseReturnValue:
    with current_gateway().store.writing() as unit:
        asked = _put(unit, journey, once)
    # In a transaction of its own: a retry after "not confirmed" must still find the draft (promise 1).
    with current_gateway().store.writing() as unit:
        drafts.discard(unit, journey.actor, journey.draft_id)
    return redirect(url_for(".decision" if asked.shown else ".received", request_id=asked.request_id))


def _put(unit: Unit, journey: Journey, once: str) -> Asked:
    asking = journey.asking()
    if journey.parcel_id is not None:
        return onward.ask_onward(unit, journey.actor, journey.parcel_id, asking, idempotency_key=once)
    if journey.replaces_id is not None:
        return ask.amend(unit, journey.actor, journey.replaces_id, asking, idempotency_key=once)
    return ask.ask(unit, journey.actor, asking, idempotency_key=once)


def _href(journey: Journey, name: str) -> str:
    """Where the answer to a field of the asking is changed."""
    asked = journeys.question_of_field(name)
    return (
        url_for(".question", draft_id=journey.draft_id, slug=asked.slug) if asked in journey.questions else ""
    )
