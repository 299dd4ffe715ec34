"""Concerns that this officer answers for: the list by due date, one concern with the entry it is about, the answer."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.errors import Invalid
from gateway.review import concerns as review
from gateway.review import report
from gateway.review.concerns import ANSWER_IN_WORDS, KIND_IN_WORDS, LONGEST, ConcernDetail
from gateway.review.models import AnswerKind
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import LongAnswer, OneOf, page, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.staff.answers import StaffForm


class AnswerForm(StaffForm):
    """The officer's finding and its reasons."""

    kind = OneOf(
        "What did you find?", [required("Choose what you found")], choices=list(ANSWER_IN_WORDS.items())
    )
    words = LongAnswer(
        "What do you tell the person?",
        [required("Say what you found and what was done")],
        longest=LONGEST,
        description="The advocate reads these words with her. Leave out addresses, and what concerns other people.",
    )


@blueprint.get("/concerns")
@allow(Face.GOVERNANCE)
def concerns() -> ResponseReturnValue:
    """The concerns this officer answers for, unanswered and due first."""
    with current_gateway().store.reading() as unit:
        raised = review.to_answer(unit, current_actor())
    return page("governance/concerns.html", raised=raised, kinds=KIND_IN_WORDS, answers=ANSWER_IN_WORDS)


@blueprint.get("/concerns/<id:concern_id>")
@allow(Face.GOVERNANCE)
def concern(concern_id: str) -> ResponseReturnValue:
    """One concern with the entry it is about; reading it is an entry."""
    return _shown(_detail(concern_id), AnswerForm())


@blueprint.post("/concerns/<id:concern_id>")
@allow(Face.GOVERNANCE)
def answer_concern(concern_id: str) -> ResponseReturnValue:
    """Answer it."""
    detail, form = _detail(concern_id), AnswerForm()
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                kind = AnswerKind(form.kind.data)
                review.answer(unit, current_actor(), concern_id, kind, form.words.data or "")
            flash("Answer sent", "done")
            return redirect(url_for("governance.concern", concern_id=concern_id))
    return _shown(detail, form)


@blueprint.get("/concerns/counts")
@allow(Face.GOVERNANCE)
def concern_counts() -> ResponseReturnValue:
    """Counts across cases for a quarter that is over; fewer than ten people are never counted."""
    with current_gateway().store.reading() as unit:
        quarters = report.quarters(unit, current_actor())
        chosen = _chosen(quarters)
        rows = report.counts(unit, current_actor(), chosen)
    return page(
        "governance/concerns_counts.html",
        quarters=quarters,
        chosen=chosen,
        rows=rows,
        counted=list(report.COUNTED),
    )


def _chosen(quarters: list[report.Quarter]) -> report.Quarter:
    try:
        asked = report.quarter(request.args.get("quarter", ""))
    except Invalid:
        return quarters[0]
    return asked if asked in quarters else quarters[0]


def _detail(concern_id: str) -> ConcernDetail:
    with current_gateway().store.writing() as unit:
        return review.concern_for_officer(unit, current_actor(), concern_id)


def _shown(detail: ConcernDetail, form: AnswerForm) -> ResponseReturnValue:
    return page(
        "governance/concerns_one.html", form=form, detail=detail, kinds=KIND_IN_WORDS, answers=ANSWER_IN_WORDS
    )
