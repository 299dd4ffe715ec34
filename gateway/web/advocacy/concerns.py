"""Raising a concern about an entry, checking it before it is sent, and what became of it."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.review import concerns
from gateway.review import log as logs
from gateway.review.concerns import ANSWER_IN_WORDS, KIND_IN_WORDS, Raising
from gateway.review.models import ConcernKind
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.advocacy.blueprint import blueprint
from gateway.web.advocacy.forms import ConcernForm
from gateway.web.forms import page


@blueprint.route("/clients/<id:subject_id>/log/<id:entry_id>/concern", methods=["GET", "POST"])
@allow(Face.ADVOCACY)
def raise_concern(subject_id: str, entry_id: str) -> ResponseReturnValue:
    """Say what worries the client about an entry; nothing is sent before the answers were checked."""
    form = ConcernForm()
    with current_gateway().store.writing() as unit:
        client, told = logs.entry(unit, current_actor(), subject_id, entry_id)
    if request.method == "POST" and form.step.data != "change" and form.validate_on_submit():
        if form.step.data != "send":
            return page("advocacy/concern_check.html", form=form, said=form.said(), client=client, told=told)
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                row = concerns.raise_concern(unit, current_actor(), subject_id, entry_id, _raising(form))
            flash("Concern sent", "done")
            return redirect(url_for("advocacy.concern", concern_id=row.id))
    form.step.data = "check"
    return page("advocacy/concern.html", form=form, client=client, told=told)


@blueprint.get("/concerns")
@allow(Face.ADVOCACY)
def concern_list() -> ResponseReturnValue:
    """The concerns this advocate raised."""
    with current_gateway().store.reading() as unit:
        raised = concerns.mine(unit, current_actor())
    return page("advocacy/concerns.html", raised=raised, kinds=KIND_IN_WORDS, answers=ANSWER_IN_WORDS)


@blueprint.get("/concerns/<id:concern_id>")
@allow(Face.ADVOCACY)
def concern(concern_id: str) -> ResponseReturnValue:
    """One concern: where it stands, and the answer."""
    with current_gateway().store.reading() as unit:
        detail = concerns.concern_of_client(unit, current_actor(), concern_id)
    return page("advocacy/concern_status.html", detail=detail, kinds=KIND_IN_WORDS, answers=ANSWER_IN_WORDS)


def _raising(form: ConcernForm) -> Raising:
    return Raising(
        kind=ConcernKind(form.kind.data),
        words=form.words.data or "",
        act_before_asking=form.act.data == "yes",
        safe_contact=form.safe_contact.data or "",
    )
