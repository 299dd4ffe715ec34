"""What went round the gateway: somebody who came asking, or something said aloud. Two minutes, one form."""

from __future__ import annotations

from datetime import UTC, datetime, time

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.clock import LONDON
from gateway.disclosure import approach
from gateway.disclosure.approach import ApproachKind, Happened
from gateway.errors import Invalid
from gateway.registry import caseload, subjects
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.forms import page
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.forms import ApproachForm


@blueprint.get("/approaches")
@allow(Face.STAFF)
def approaches() -> ResponseReturnValue:
    """What I recorded."""
    with current_gateway().store.reading() as unit:
        recorded = approach.mine(unit, current_actor())
    return page("staff/approaches/list.html", recorded=recorded)


@blueprint.route("/approaches/new", methods=["GET", "POST"])
@allow(Face.STAFF)
def record_approach() -> ResponseReturnValue:
    """Record one."""
    form = _form()
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                approach.record_approach(unit, current_actor(), _happened(form))
            flash("It was recorded.", "done")
            return redirect(url_for(".approaches"))
    return page("staff/approaches/new.html", form=form)


def _form() -> ApproachForm:
    form = ApproachForm()
    with current_gateway().store.reading() as unit:
        form.about.choices = [
            (
                f"{case.case_id}.{found.subject_id}",
                f"{found.reference}, {label(found.role, 'subject_role').lower()}",
            )
            for case in caseload.my_cases(unit, current_actor())
            for found in subjects.subjects_of(unit, case.case_id)
        ]
    return form


def _happened(form: ApproachForm) -> Happened:
    case_id, subject_id = str(form.about.data).split(".")
    return Happened(
        kind=ApproachKind(form.kind.data),
        case_id=case_id,
        subject_id=subject_id,
        categories=tuple(form.categories.data or ()),
        happened_at=_instant(form),
        told=form.told.data == "yes",
        words=form.words.data or "",
    )


def _instant(form: ApproachForm) -> datetime:
    try:
        at = time.fromisoformat(str(form.happened_time.data))
    except ValueError as error:
        fields = {"happened_time": "Enter the time in hours and minutes, such as 14:30"}
        raise Invalid("The time can't be read.", fields=fields) from error
    return datetime.combine(form.happened_on.data, at.replace(tzinfo=None), tzinfo=LONDON).astimezone(UTC)
