"""Bodies made from the API's own description: a right one for each operation, and every way to get it wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openapi_schema_validator import OAS31Validator

from gateway.api.openapi import document

Place = tuple[str | int, ...]
MISSING = object()
DEEP: Any = "x"
for _ in range(25):
    DEEP = [DEEP]
WRONG: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "a truth": True,
    "a huge number": 10**400,
    "a negative number": -1,
    "a fraction": 0.5,
    "empty": "",
    "too long": "x" * 30_000,
    "an unknown term": "no_such_term",
    "a wrong id": "f" * 32,
    "NUL": "a\x00b",
    "half a character": "a\ud800b",
    "nothing in a list": [],
    "nothing in an object": {},
    "an unknown field": {"a": 1},
    "too many": ["x"] * 60,
    "too deep": DEEP,
}
NEVER_TEXT = {"NUL", "half a character", "too deep"}
# Not JSON, or not one object of it: the same for every operation.
RAW: dict[str, str | bytes] = {
    "not a number": '{"why": NaN}',
    "beyond a double": '{"why": 1e999}',
    "twice the same name": '{"a": 1, "a": 2}',
    "nested without end": "[" * 90_000,
    "nothing": "",
    "half a word": "nul",
    "a list": "[]",
    "a text": '"text"',
    "no UTF-8": b"\xff\xfe",
    "an empty object": "{}",
}


@dataclass(frozen=True)
class Taking:
    """An operation that takes a body: its name, method and address, and the schema of its body."""

    name: str
    method: str
    path: str
    schema: Mapping[str, Any]

    def accepts(self, body: Any) -> bool:
        """Whether the description allows this body."""
        whole = {**self.schema, "components": document()["components"]}
        return bool(OAS31Validator(whole).is_valid(body))


@dataclass(frozen=True)
class Bad:
    """A body with one thing wrong: where, what, and whether the description alone shows it."""

    at: Place
    what: str
    body: Any
    shown: bool

    @property
    def field(self) -> str:
        """The field as a problem names it."""
        return ".".join(map(str, self.at))

    @property
    def sent(self) -> str:
        """The body as it travels."""
        return json.dumps(self.body)


def taking() -> list[Taking]:
    """Every operation that takes a body, as the description lists them."""
    return [
        Taking(
            one["operationId"],
            method.upper(),
            path,
            one["requestBody"]["content"]["application/json"]["schema"],
        )
        for path, methods in document()["paths"].items()
        for method, one in methods.items()
        if "requestBody" in one
    ]


def example(schema: Mapping[str, Any], known: Mapping[str, Any], name: str = "") -> Any:
    """A body that a schema allows: what is known by a field's name, else whatever the schema asks for."""
    schema = resolved(schema)
    if name in known:
        return copy.deepcopy(known[name])
    if "anyOf" in schema:
        return example(schema["anyOf"][0], known, name)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {inner: example(one, known, inner) for inner, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], known, name) for _ in range(max(1, schema.get("minItems", 1)))]
    if kind == "boolean":
        return True
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    return _text(schema)


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date":
        return "2026-11-19"
    return "0" * 32 if "[0-9a-f]{32}" in schema.get("pattern", "") else "words"


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema behind a reference."""
    found = schema
    while "$ref" in found:
        found = document()["components"]["schemas"][found["$ref"].rsplit("/", maxsplit=1)[1]]
    return found


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Where each value of a body stands, outermost first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*at, name)
        yield from places(one, (*at, name))


def changed(body: Any, at: Place, value: Any) -> Any:
    """A body with one value replaced, or left out."""
    made = copy.deepcopy(body)
    parent = made
    for name in at[:-1]:
        parent = parent[name]
    if value is MISSING:
        del parent[at[-1]]
    else:
        parent[at[-1]] = value
    return made


def bad_bodies(one: Taking, body: Any) -> list[Bad]:
    """Everything that can be wrong with a body; first what its description already refuses."""
    found = []
    for at in places(body):
        for what, value in WRONG.items():
            made = changed(body, at, value)
            if made != body:
                found.append(Bad(at, what, made, what in NEVER_TEXT or not one.accepts(made)))
    for at in [(), *(at for at in places(body) if isinstance(_at(body, at), dict))]:
        for name in ("extra", "a\x00b", "x" * 300):
            made = changed(body, (*at, name), 1)
            found.append(Bad((*at, name) if name == "extra" else at, "an unknown name", made, True))
    return sorted(found, key=lambda bad: not bad.shown)


def _at(body: Any, at: Place) -> Any:
    for name in at:
        body = body[name]
    return body
