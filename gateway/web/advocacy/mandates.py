"""A mandate the advocate records for herself; another agency confirms it before it counts."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.consent import wordings
from gateway.consent.models import HowTaken
from gateway.review import hearing
from gateway.review.hearing import MandateGiven
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.advocacy.blueprint import blueprint
from gateway.web.advocacy.forms import EndMandateForm, MandateForm
from gateway.web.advocacy.log import client_or_404
from gateway.web.forms import page


@blueprint.route("/mandates/new", methods=["GET", "POST"])
@allow(Face.ADVOCACY)
def new_mandate() -> ResponseReturnValue:
    """Record that a person gave this advocate a mandate; the answer is the same whether there is such a person."""
    form, wording = MandateForm(), wordings.current("mandate")
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                actor = current_actor()
                given = MandateGiven(
                    advocate_post_id=actor.post_id,
                    how_given=HowTaken(form.how.data),
                    alone=form.alone.data == "yes",
                    wording_version=wording.version,
                    given_on=form.given_on.data,
                    expires_on=form.expires_on.data,
                )
                reference = hearing.record_my_mandate(unit, actor, form.reference.data, given)
            flash(f"Received: {reference}", "done")
            return redirect(url_for("advocacy.mandate_received"))
    return page("advocacy/mandate.html", form=form, wording=wording)


@blueprint.get("/mandates/received")
@allow(Face.ADVOCACY)
def mandate_received() -> ResponseReturnValue:
    """What happens next with a mandate."""
    return page("advocacy/mandate_received.html")


@blueprint.route("/clients/<id:subject_id>/end", methods=["GET", "POST"])
@allow(Face.ADVOCACY)
def end_mandate(subject_id: str) -> ResponseReturnValue:
    """Stop reading for a client at once."""
    client, form = client_or_404(subject_id), EndMandateForm()
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            hearing.end_my_mandates(
                unit, current_actor(), subject_id, by_subject=form.by_subject.data == "yes"
            )
        flash("You no longer read this log", "done")
        return redirect(url_for("advocacy.home"))
    return page("advocacy/end.html", form=form, client=client)
