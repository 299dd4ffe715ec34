"""What was sealed to a colleague off duty: why it can't be opened here, and asking for it to be sealed again."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import covering
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.staff.acts import confirm
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.blueprint import blueprint


@blueprint.route("/parcels/covered/<id:parcel_id>", methods=["GET", "POST"])
@allow(Face.STAFF)
def covered_parcel(parcel_id: str) -> ResponseReturnValue:
    """A parcel of a colleague I stand in for, and asking the agency that released it to seal it to me."""
    with current_gateway().store.reading() as unit:
        found = covering.covered_parcel(unit, current_actor(), parcel_id)
    return confirm(
        StaffForm(),
        lambda unit: covering.ask_to_seal_again(unit, current_actor(), parcel_id),
        done=f"{found.released_by} was asked to seal it to you.",
        back=url_for(".my_parcels"),
        template="staff/parcels/covered.html",
        found=found,
    )
