"""Going off duty: a colleague of the same agency stands in, from now until a day."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.registry import people
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.staff.acts import confirm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.forms import CoverForm


@blueprint.route("/cover", methods=["GET", "POST"])
@allow(Face.STAFF)
def cover() -> ResponseReturnValue:
    """Name who stands in for me, and until when."""
    actor, form = current_actor(), CoverForm()
    with current_gateway().store.reading() as unit:
        away = people.off_duty(unit, actor.post_id)
        colleagues = people.current_posts(unit, actor.partnership_id, agency_id=actor.agency_id)
    others = [one for one in colleagues if one.person_id != actor.person_id]
    form.by_post_id.choices = [(one.post_id, one.name) for one in others]
    form.by_post_id.hints = {one.post_id: label(one.role, "role") for one in others}
    return confirm(
        form,
        lambda unit: people.cover(
            unit, actor, actor.post_id, by_post_id=form.by_post_id.data or "", until=form.until.data
        ),
        done="Your colleague stands in for you from now on.",
        back=url_for(".home"),
        template="staff/cover.html",
        away=away,
        decides=bool(actor.authorises),
    )


@blueprint.post("/cover/end")
@allow(Face.STAFF)
def end_cover() -> ResponseReturnValue:
    """Be back on duty."""
    actor = current_actor()
    with current_gateway().store.writing() as unit:
        people.back_on_duty(unit, actor, actor.post_id)
    flash("You are back on duty.", "done")
    return redirect(url_for(".home"))
