"""One endpoint of the API: what it takes and gives is declared, checked on the way in and exact on the way out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import Invalid
from gateway.web.access import machine
from gateway.web.security import takes_upload

_DEEPEST = 20
_LONGEST_NAME = 60
_LAYOUT = "\t\n\r"
View = TypeVar("View", bound=Callable[..., BaseModel | None])

# What to do about each kind of mistake; where none is said here, pydantic's own sentence stands.
_REMEDIES = {
    "missing": "This field is needed.",
    "extra_forbidden": "No such field; leave it out.",
    "model_type": "Send a JSON object.",
    "dict_type": "Send a JSON object.",
    "list_type": "Send a JSON array.",
    "string_type": "Send a text.",
    "string_unicode": "Send a text of valid Unicode characters.",
    "bool_type": "Send true or false.",
}
_PATTERNS = {
    "^[0-9a-f]{32}$": "Send an id of 32 hexadecimal digits, as the API gave it.",
    "^[A-Za-z][A-Za-z0-9_-]{0,47}$": "Send a code of the vocabulary.",
}


class Wire(BaseModel):
    """A body: only declared fields come in or go out, and a mistake never repeats what was sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


@dataclass(frozen=True)
class Query:
    """A parameter of an address: the pattern it follows, and what to send, in words."""

    pattern: str
    remedy: str


@dataclass(frozen=True)
class Operation:
    """What OpenAPI says of one endpoint."""

    name: str
    method: str
    path: str
    summary: str
    takes: type[Wire] | None
    gives: type[Wire] | None
    status: int
    query: Mapping[str, Query]
    idempotent_by_key: bool
    problems: tuple[int, ...]


OPERATIONS: list[Operation] = []


def operation(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    summary: str,
    takes: type[Wire] | None = None,
    gives: type[Wire] | None = None,
    status: int = 200,
    query: Mapping[str, Query] | None = None,
    idempotent_by_key: bool = False,
    largest: int | None = None,
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Declare an endpoint for machines; the view gets the parsed `body` and must return exactly `gives`.

    `largest` is how many bytes the body may have, where that is more than usual.
    """

    def declare(view: View) -> View:
        declared, asked = tuple(sorted({*_always(path, takes), *problems})), dict(query or {})
        OPERATIONS.append(
            Operation(
                view.__name__, method, path, summary, takes, gives, status, asked, idempotent_by_key, declared
            )
        )

        def wrapped(**path_values: str) -> Response:
            _check_query(asked)
            body = {"body": read_body(takes)} if takes else {}
            return _answer(view(**path_values, **body), gives, status)

        wrapped.__name__ = view.__name__
        marked = machine("api")(wrapped)
        if largest is not None:
            marked = takes_upload(largest)(marked)
        blueprint.add_url_rule(path, view.__name__, marked, methods=[method])
        return view

    return declare


def _always(path: str, takes: type[Wire] | None) -> set[int]:
    """The problems any endpoint of this shape may answer with."""
    found = {401, 422, 503}
    if "<" in path:
        found.add(404)
    if takes is not None:
        found.add(413)
    return found


def read_body(model: type[Wire]) -> Any:
    """Read the JSON body as one strict reader for the whole API: no duplicate names, no NaN, not too deep.

    Raises:
        Invalid: names each field and what is wrong, never what was sent.
    """
    if request.mimetype != "application/json":
        raise Invalid(
            "The body isn't said to be JSON.", fields={"Content-Type": "Send the header application/json."}
        )
    try:
        read = json.loads(
            request.get_data(),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        depth = depth_of(read)
    except (ValueError, RecursionError) as error:
        remedy = "Send one JSON object in UTF-8: each name once, no NaN, no number beyond a double's range."
        raise Invalid("The body can't be read as JSON.", fields={"body": remedy}) from error
    if depth > _DEEPEST:
        raise Invalid("The body is nested too deeply.", fields={"body": f"Use at most {_DEEPEST} levels."})
    fields: dict[str, str] = {}
    _check_texts(read, "", fields)
    if not fields:
        try:
            # Read strictly and as JSON, where a day is written as a text; from what this reader understood, so that
            # two readers can't understand two things.
            return model.model_validate_json(json.dumps(read), strict=True)
        except ValidationError as error:
            fields = dict(_mistakes(error))
    raise Invalid("Some fields need correcting.", fields=fields)


def _mistakes(error: ValidationError) -> list[tuple[str, str]]:
    found = error.errors(include_input=False, include_context=True, include_url=False)
    said = []
    for one in found:
        pattern = str(one.get("ctx", {}).get("pattern", ""))
        remedy = _PATTERNS.get(pattern) or _REMEDIES.get(one["type"]) or f"{one['msg']}."
        path = ".".join(_shown(str(part)) for part in one["loc"] if part != "[key]")
        said.append((path or "body", remedy))
    return said


def _shown(name: str) -> str:
    """A field's name as it may be repeated: a name that isn't one could carry anything."""
    plain = all(one.isascii() and (one.isalnum() or one in "_-") for one in name)
    return name if plain and 0 < len(name) <= _LONGEST_NAME else "(unreadable name)"


def _check_texts(value: Any, path: str, fields: dict[str, str]) -> None:
    """Find texts that no store and no reader takes: control characters and halves of characters."""
    if isinstance(value, str):
        if any(_unwelcome(one) for one in value):
            fields[path or "body"] = "Leave out control characters; line breaks and tabs may stay."
    elif isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{_shown(name)}".lstrip(".")
            if any(_unwelcome(one) for one in name):
                fields[here] = "Leave out control characters; line breaks and tabs may stay."
            _check_texts(inner, here, fields)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_texts(inner, f"{path}.{number}".lstrip("."), fields)


def _unwelcome(one: str) -> bool:
    code = ord(one)
    return (code < 0x20 and one not in _LAYOUT) or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000


def _check_query(known: Mapping[str, Query]) -> None:
    """Refuse what the endpoint doesn't take: a misspelt parameter must not be passed over in silence."""
    fields = {}
    for name, values in request.args.lists():
        if name not in known:
            fields[_shown(name)] = (
                f"No such parameter; there is {', '.join(known)}." if known else "Leave it out."
            )
        elif len(values) > 1:
            fields[name] = "Give it once."
        elif re.fullmatch(known[name].pattern, values[0]) is None:
            fields[name] = known[name].remedy
    if fields:
        raise Invalid("The address needs correcting.", fields=fields)


def _answer(result: BaseModel | None, gives: type[Wire] | None, status: int) -> Response:
    if gives is None:
        return Response(status=status)
    if type(result) is not gives:
        raise TypeError(f"the view promised {gives.__name__}")
    return Response(result.model_dump_json(), status=status, mimetype="application/json")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number


def depth_of(value: Any) -> int:
    """Give how many lists and objects of a JSON value stand in each other at the most."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, depth)
            waiting += [(inner, depth + 1) for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest
