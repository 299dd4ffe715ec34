"""Where staff begin: what is due, in counts, and the way to each list."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from gateway.disclosure import covering, drafts, lists, reading, withdraw
from gateway.disclosure import open as opening
from gateway.disclosure.tasks import tasks_of
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
            to_answer=lists.how_many_on_desk(unit, actor, "to_release"),
            overdue_here=lists.how_many_on_desk(unit, actor, "overdue"),
            to_authorise=reading.to_authorise(unit, actor),
            tasks=tasks_of(unit, actor),
            parcels=[found for found in opening.parcels_for(unit, actor) if not found.opened],
            covered=[
                one
                for one in covering.parcels_covered(unit, actor)
                if one.state == "sealed" and not one.asked
            ],
            standing_in=covering.colleagues(unit, actor),
            not_lent=covering.not_lent_yet(unit, actor),
            recalls=withdraw.recalls_for(unit, actor),
            needs_more=lists.how_many_of_mine(unit, actor, "needs_more"),
            waiting=lists.how_many_of_mine(unit, actor, "waiting"),
            overdue=lists.how_many_of_mine(unit, actor, "overdue"),
            drafts=drafts.mine(unit, actor, journey.DRAFT),
            conversations=hearing_journey.unfinished(unit, actor),
            now=unit.now,
        )
