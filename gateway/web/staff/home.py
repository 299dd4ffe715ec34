"""Where staff begin: what is due, in counts, and the way to each list."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from gateway.disclosure import authorise, drafts, reading, withdraw
from gateway.disclosure import open as opening
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.staff import hearing_journey, journey
from gateway.web.staff.blueprint import blueprint


@blueprint.get("/")
@allow(Face.STAFF)
def home() -> ResponseReturnValue:
    """What is due."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        return page(
            "staff/home.html",
            to_answer=reading.inbox(unit, actor, "to_release"),
            overdue_here=reading.inbox(unit, actor, "overdue"),
            to_authorise=reading.to_authorise(unit, actor),
            tasks=authorise.tasks_of(unit, actor),
            parcels=[found for found in opening.parcels_for(unit, actor) if not found.opened],
            recalls=withdraw.recalls_for(unit, actor),
            needs_more=reading.my_requests(unit, actor, "needs_more"),
            waiting=reading.my_requests(unit, actor, "waiting"),
            overdue=reading.my_requests(unit, actor, "overdue"),
            drafts=drafts.mine(unit, actor, journey.DRAFT),
            conversations=hearing_journey.unfinished(unit, actor),
            now=unit.now,
        )
