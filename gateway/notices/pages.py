"""The notices page: how many things there are to read, and nothing about what they are."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.notices.outbox import mark_seen, unseen
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page

blueprint = Blueprint("notices", __name__, url_prefix="/notices", template_folder="templates")


@blueprint.get("/")
@allow(*Face)
def home() -> ResponseReturnValue:
    """How many notices wait, and since when."""
    with current_gateway().store.reading() as unit:
        waiting = unseen(unit, current_actor().post_id)
    newest = waiting[0].created_at if waiting else None
    return page("notices/notices.html", number=len(waiting), newest=newest)


@blueprint.post("/seen")
@allow(*Face)
def seen() -> ResponseReturnValue:
    """Mark all as read."""
    with current_gateway().store.writing() as unit:
        mark_seen(unit, current_actor().post_id)
    return redirect(url_for(".home"))
