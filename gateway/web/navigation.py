"""The service navigation of each face: only what the actor's post opens, with the part she is in marked."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, g, request, url_for

from gateway.registry.models import Face
from gateway.web.access import may_enter

Entry = tuple[str, str]
_KEY = "gateway_navigation"


def set_navigation(app: Flask, face: Face, entries: Sequence[Entry]) -> None:
    """Give a face its navigation: (text, endpoint) pairs in their order."""
    app.extensions.setdefault(_KEY, {})[face] = tuple(entries)


def navigation(app: Flask) -> list[dict[str, object]]:
    """The entries for the present actor, as the service navigation component takes them; none when signed out."""
    actor = g.get("actor")
    if actor is None:
        return []
    entries = app.extensions.get(_KEY, {}).get(actor.face, ())
    open_to_her = [(text, url_for(endpoint)) for text, endpoint in entries if may_enter(endpoint)]
    # What isn't there looks the same wherever it isn't (promise 8), so an error marks no part as the present one.
    path = "" if g.get("failed") else request.path
    here = _closest([href for _, href in open_to_her], path)
    return [
        {"text": text, "href": href, "current": href == path, "active": bool(here) and href == here}
        for text, href in open_to_her
    ]


def _closest(hrefs: list[str], path: str) -> str:
    above = [href for href in hrefs if path == href or path.startswith(href.rstrip("/") + "/")]
    return max(above, key=len, default="")
