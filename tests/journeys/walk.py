"""Finding an address of every page: from each persona's front page along the links, as a visitor would."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect

_HREF = re.compile(r'href="(/[^"#]*)')
_ASKS = re.compile(r"<(?:textarea|select)|<input[^>]*type=.(?:text|radio|checkbox|file|password|number)")
# How many pages of a kind one person looks at: one wall may be waiting for her, another not.
_EACH = 4


@dataclass(frozen=True)
class Found:
    """A page: what it is, where it is, as whom it was seen, and whether it asks for something in a form."""

    name: str
    path: str
    post_id: str
    asks: bool = False


@dataclass
class Walk:
    """What was found so far, and what is still looked for: every page of `wanted`, a set of endpoints."""

    app: Flask
    wanted: Collection[str]
    pages: dict[str, Found] = field(default_factory=dict)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def missing(self) -> list[str]:
        """The endpoints of which no page was found."""
        return sorted(set(self.wanted) - set(self.pages))

    def take(self, client: FlaskClient, post_id: str, starts: Collection[str]) -> None:
        """Follow links from these addresses, the kinds of page seen least first, until nothing new is left."""
        adapter = self.app.url_map.bind("127.0.0.1")
        waiting = {path: self._endpoint(adapter, path) for path in starts}
        known = set(waiting)
        while waiting and self.missing:
            path = min(
                waiting, key=lambda one: (waiting[one] in self.pages, self.seen[post_id, waiting[one]])
            )
            endpoint = waiting.pop(path)
            if not endpoint or self.seen[post_id, endpoint] >= _EACH:
                continue
            self.seen[post_id, endpoint] += 1
            for link in self._links(client, Found(endpoint, path, post_id)):
                if link not in known:
                    known.add(link)
                    waiting[link] = self._endpoint(adapter, link)

    def _links(self, client: FlaskClient, page: Found) -> list[str]:
        answer = client.get(page.path)
        if answer.status_code == 302:
            return [answer.location]
        if answer.mimetype != "text/html":
            return []
        assert answer.status_code < 500, page
        if answer.status_code == 200:
            self.pages.setdefault(page.name, replace(page, asks=bool(_ASKS.search(answer.text))))
        return [html.unescape(href) for href in _HREF.findall(answer.text)]

    def _endpoint(self, adapter: MapAdapter, path: str) -> str:
        try:
            endpoint, _values = adapter.match(path.split("?", maxsplit=1)[0], method="GET")
        except (HTTPException, RequestRedirect):
            return ""
        return str(endpoint) if endpoint in self.wanted else ""
