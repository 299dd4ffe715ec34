"""A post as the officer's pages name it."""

from __future__ import annotations

from gateway.registry import people
from gateway.registry.people import PostRecord
from gateway.web.access import current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.governance.parts import Cell


def post_found(post_id: str) -> PostRecord:
    """Give a post that the officer may see. Raises NotFound."""
    with current_gateway().store.reading() as unit:
        return people.post_record(unit, current_actor(), post_id)


def who(found: PostRecord) -> list[tuple[str, Cell]]:
    """Give whose post it is, as facts of a page."""
    view = found.view
    return [("Name", view.name), ("Agency", view.agency_name), ("Role", label(view.role, "role"))]
