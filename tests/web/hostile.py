"""Every form there is, found by following links as each person, and everything that can be wrong in its fields."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from tests.web.pages import Web, filled

LONG = "x" * 30_000
BAD = {
    "empty": "",
    "long": LONG,
    "control": "a\x00b\x1b",
    "turned": "abc\u202egpj.exe",
    "code": "no_such_code",
    "id": "f" * 32,
    "number": "9" * 400,
}
_APART = ("static", "account.leave", "account.signed_out", "account.sign_in", "account.sign_out")
_EACH = 2
_HREF = re.compile(r'href="(/[^"#]*)"')
_WORDS = {"textarea", "text"}
_OF_THE_PAGE = {"csrf_token", "warned"}


@dataclass(frozen=True)
class Form:
    """A form on a page: who was shown it, where, and what it would send as it stands."""

    endpoint: str
    post_id: str
    page: str
    action: str
    values: Mapping[str, object]
    fields: tuple[tuple[str, str], ...]


def forms(web: Web, post_id: str, start: str, found: dict[str, Form]) -> None:
    """Add every form that this person comes to by following links, one for each route that takes one."""
    web.sign_in(post_id)
    todo, been, often = [start], set(), Counter[str]()
    while todo:
        path = urlsplit(todo.pop(0)).path
        endpoint = endpoint_of(web.app, path, "GET")
        if endpoint is None or path in been or endpoint in _APART or often[endpoint] >= _EACH:
            continue
        been.add(path)
        often[endpoint] += 1
        answer = web.client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        todo += [link.replace("&amp;", "&") for link in _HREF.findall(answer.text)]
        for form in _forms_of(web.app, answer, post_id, path):
            known = found.get(form.endpoint)
            if known is None or len(form.fields) > len(known.fields):
                found[form.endpoint] = form


def try_addresses(web: Web, post_id: str, addresses: Iterable[str], found: dict[str, Form]) -> None:
    """Add the forms on pages that this person may open but that no link showed her first."""
    web.sign_in(post_id)
    for path in addresses:
        endpoint = endpoint_of(web.app, path, "GET")
        if endpoint is None or endpoint in found:
            continue
        answer = web.client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code == 200 and answer.mimetype == "text/html":
            for form in _forms_of(web.app, answer, post_id, path):
                found.setdefault(form.endpoint, form)


def endpoint_of(app: Flask, path: str, method: str) -> str | None:
    """The route that an address leads to."""
    try:
        return str(app.url_map.bind("localhost").match(path, method=method)[0])
    except (HTTPException, RequestRedirect):
        return None


def _forms_of(app: Flask, answer: TestResponse, post_id: str, path: str) -> Iterator[Form]:
    if 'method="post"' not in answer.text:
        return
    tree = html5lib.parse(answer.text, namespaceHTMLElements=False)
    main = next(iter(tree.iter("main")), tree)
    for form in main.iter("form"):
        action = form.get("action") or path
        if form.get("method", "get").lower() != "post":
            continue
        # A button may send the same fields somewhere else.
        for there in (action, *(one.get("formaction") for one in form.iter("button"))):
            endpoint = endpoint_of(app, urlsplit(there).path, "POST") if there else None
            if endpoint and endpoint not in _APART:
                yield Form(endpoint, post_id, path, there, filled(form), tuple(_fields(form)))


def _fields(form: Element) -> Iterator[tuple[str, str]]:
    seen = set()
    for element in form.iter():
        name = element.get("name") or ""
        if name and name not in seen and name != "csrf_token" and element.tag != "button":
            seen.add(name)
            yield name, _kind(element, name)


def _kind(element: Element, name: str) -> str:
    kind = element.get("type", "text") if element.tag == "input" else element.tag
    if name.endswith(("-day", "-month", "-year")):
        return "date"
    return "tick" if kind == "checkbox" and element.get("value") == "y" else kind


def harmless(form: Form) -> dict[str, object]:
    """The form's own values without its words and choices, so that what is sent can't take effect by chance."""
    kinds = dict(form.fields)
    return {
        name: value
        for name, value in form.values.items()
        if kinds.get(name, "hidden") == "hidden" or name.startswith("data_as")
    }


def send(web: Web, form: Form, field: str, kind: str, what: str) -> None:
    """Send a form with one field wrong: a sound page comes back, and what can't be taken is named.

    The page is signed in for and loaded before; its token is in `form.values`.
    """
    data = {**harmless(form), field: BAD[what]}
    answer = web.client.post(form.action, data=data)
    told = f"{form.action}: {field} ({kind}) sent {what}: {answer.status_code}"
    # 410: an earlier send of this form has erased what it is about.
    assert answer.status_code in {200, 302, 400, 403, 404, 409, 410, 413, 422}, told
    if must_be_refused(field, kind, what):
        assert answer.status_code in {422, 403, 404, 409}, told
    if answer.status_code == 422:
        assert "govuk-error-summary" in answer.text, told
        assert "<title>Error: " in answer.text, told
        assert named(answer, field, kind, what), told


def must_be_refused(field: str, kind: str, what: str) -> bool:
    """Whether nothing could be meant by this value in a field of this kind."""
    if field in _OF_THE_PAGE or kind in {"tick", "file", "hidden"}:
        return False
    if kind in {"radio", "checkbox", "select", "date"}:
        return what != "empty"
    return what in {"long", "control", "turned"}


def named(answer: TestResponse, field: str, kind: str, what: str) -> bool:
    """Whether the errors link to this field; where nothing is wrong with it, whether they link to any or say why."""
    summary = answer.text.split("govuk-error-summary", maxsplit=1)[1]
    if kind == "hidden" or not must_be_refused(field, kind, what):
        return True
    own = field.rsplit("-", maxsplit=1)[0] if kind == "date" else field
    return any(one == own or one.startswith(f"{own}-") for one in re.findall(r'href="#([\w-]+)"', summary))
