"""How a person may safely be reached: seen by who works with her, ended at once. Each look is logged."""

from __future__ import annotations

from flask import Blueprint, flash, redirect
from flask.typing import ResponseReturnValue

from gateway.review import reaching
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.hearing_forms import ReachForm
from gateway.web.staff.views_and_consent import address

blueprint = Blueprint("reach", __name__, url_prefix="/views", template_folder="templates")


@blueprint.get("/people/<id:subject_id>/reach")
@blueprint.get("/cases/<id:case_id>/people/<id:subject_id>/reach")
@allow(Face.STAFF, Face.ADVOCACY)
def seen(subject_id: str, case_id: str | None = None) -> ResponseReturnValue:
    """The way to reach a person, how old that is and who says so; looking at it is an entry."""
    with current_gateway().store.writing() as unit:
        who, way = reaching.see(unit, current_actor(), subject_id, case_id)
    return page(
        "staff/hearing/reach.html",
        who=who,
        way=way,
        back_href=address(who, "consents.person"),
        record_address=address(who, ".record"),
        confirm_address=address(who, ".confirm"),
        end_address=address(who, ".end"),
    )


@blueprint.route("/people/<id:subject_id>/reach/record", methods=["GET", "POST"])
@blueprint.route("/cases/<id:case_id>/people/<id:subject_id>/reach/record", methods=["GET", "POST"])
@allow(Face.STAFF, Face.ADVOCACY)
def record(subject_id: str, case_id: str | None = None) -> ResponseReturnValue:
    """Record a safe way in place of the one on file."""
    form = ReachForm()
    with current_gateway().store.reading() as unit:
        who = reaching.somebody_to_reach(unit, current_actor(), subject_id, case_id)
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                reaching.record(
                    unit,
                    current_actor(),
                    subject_id,
                    case_id,
                    form.details(),
                    nobody_else_sees=form.alone.data == "yes",
                )
            flash("Recorded. It counts for 90 days", "done")
            return redirect(address(who, "consents.person"))
    return page("staff/hearing/reach_record.html", form=form, who=who, back_href=address(who, ".seen"))


@blueprint.post("/people/<id:subject_id>/reach/confirm")
@blueprint.post("/cases/<id:case_id>/people/<id:subject_id>/reach/confirm")
@allow(Face.STAFF, Face.ADVOCACY)
def confirm(subject_id: str, case_id: str | None = None) -> ResponseReturnValue:
    """The person said today that the way on file is still safe."""
    with current_gateway().store.writing() as unit:
        reaching.confirm(unit, current_actor(), subject_id, case_id)
        who = reaching.somebody_to_reach(unit, current_actor(), subject_id, case_id)
    flash("Confirmed. It counts for 90 days more", "done")
    return redirect(address(who, "consents.person"))


@blueprint.route("/people/<id:subject_id>/reach/end", methods=["GET", "POST"])
@blueprint.route("/cases/<id:case_id>/people/<id:subject_id>/reach/end", methods=["GET", "POST"])
@allow(Face.STAFF, Face.ADVOCACY)
def end(subject_id: str, case_id: str | None = None) -> ResponseReturnValue:
    """End every way to reach a person at once."""
    form = StaffForm()
    with current_gateway().store.reading() as unit:
        who = reaching.somebody_to_reach(unit, current_actor(), subject_id, case_id)
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            reaching.withdraw(unit, current_actor(), subject_id, case_id)
        flash("Ended at once", "done")
        return redirect(address(who, "consents.person"))
    return page("staff/hearing/reach_end.html", form=form, who=who, back_href=address(who, ".seen"))
