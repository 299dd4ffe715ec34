"""One endpoint of the API: what it takes and gives is declared, checked on the way in and exact on the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import Invalid
from gateway.web.access import machine

_DEEPEST = 20
View = TypeVar("View", bound=Callable[..., BaseModel | None])


class Wire(BaseModel):
    """A body: only declared fields come in or go out, and a mistake never repeats what was sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


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
    query: tuple[str, ...]
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
    query: tuple[str, ...] = (),
    idempotent_by_key: bool = False,
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Declare an endpoint for machines; the view gets the parsed `body` and must return exactly `gives`."""

    def declare(view: View) -> View:
        always = (401, 404, 503) + ((415, 422) if takes else ())
        declared = tuple(sorted({*always, *problems}))
        OPERATIONS.append(
            Operation(
                view.__name__, method, path, summary, takes, gives, status, query, idempotent_by_key, declared
            )
        )

        def wrapped(**path_values: str) -> Response:
            body = {"body": read_body(takes)} if takes else {}
            return _answer(view(**path_values, **body), gives, status)

        wrapped.__name__ = view.__name__
        blueprint.add_url_rule(path, view.__name__, machine("api")(wrapped), methods=[method])
        return view

    return declare


def read_body(model: type[Wire]) -> Any:
    """Read the JSON body as one strict reader for the whole API: no duplicate names, no NaN, not too deep.

    Raises:
        Invalid: names each field and what is wrong, never what was sent.
    """
    if request.mimetype != "application/json":
        raise Invalid("The body isn't JSON.", next_step="Send it with Content-Type: application/json.")
    try:
        read = json.loads(request.get_data(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body can't be read as JSON.", next_step="Send one JSON object.") from error
    if _depth(read) > _DEEPEST:
        raise Invalid("The body is nested too deeply.", next_step=f"Use at most {_DEEPEST} levels.")
    try:
        return model.model_validate(read, strict=False)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        fields = {".".join(str(part) for part in one["loc"]) or "body": one["msg"] for one in found}
        raise Invalid("Some fields need correcting.", fields=fields) from error


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


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, depth)
            waiting += [(inner, depth + 1) for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest
