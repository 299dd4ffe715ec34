"""The OpenAPI 3.1 description, built from the operations as they are declared."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from gateway.api import bodies
from gateway.api.operations import OPERATIONS, Operation, Wire

_PATH_VALUE = re.compile(r"<id:(\w+)>")
_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}


@cache
def document() -> dict[str, Any]:
    """The description of version 1."""
    paths: dict[str, dict[str, Any]] = {
        "/token": {"post": _token()},
    }
    for one in OPERATIONS:
        path = _PATH_VALUE.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Disclosure Gateway", "version": version("disclosure-gateway")},
        "servers": [{"url": "/api/v1"}],
        "paths": {**paths, "/openapi.json": {"get": _itself()}},
        "components": {
            "schemas": {**_schemas(), "Problem": _PROBLEM},
            "securitySchemes": {
                "dpop": {"type": "http", "scheme": "dpop", "description": "RFC 9449 token and proof"}
            },
        },
        "security": [{"dpop": []}],
    }


def _schemas() -> dict[str, Any]:
    models = {model for one in OPERATIONS for model in (one.takes, one.gives) if model is not None}
    models |= {bodies.TokenRequest, bodies.Token}
    listed = sorted(models, key=lambda model: model.__name__)
    _map, schema = models_json_schema(
        [(model, "validation") for model in listed], ref_template="#/components/schemas/{model}"
    )
    found: dict[str, Any] = schema["$defs"]
    return found


def _operation(one: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": _parameters(one),
        "responses": {str(one.status): _success(one), **_problems(one.problems)},
    }
    if one.takes is not None:
        described["requestBody"] = _body(one.takes)
    return described


def _token() -> dict[str, Any]:
    return {
        "operationId": "token",
        "summary": "Sign a client in",
        "security": [],
        "parameters": [{"name": "DPoP", "in": "header", "required": True, "schema": {"type": "string"}}],
        "requestBody": _body(bodies.TokenRequest),
        "responses": {"200": _content("A token", bodies.Token), **_problems((401, 413, 422, 503))},
    }


def _itself() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "description",
        "summary": "This description",
        "security": [],
        "responses": {"200": {"description": "OpenAPI 3.1", "content": content}},
    }


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "DPoP", "in": "header", "required": True, "schema": {"type": "string"}}
    ]
    found += [
        {"name": name, "in": "path", "required": True, "schema": _ID}
        for name in _PATH_VALUE.findall(one.path)
    ]
    found += [
        {
            "name": name,
            "in": "query",
            "description": asked.remedy,
            "schema": {"type": "string", "pattern": f"^(?:{asked.pattern})$"},
        }
        for name, asked in one.query.items()
    ]
    if one.idempotent_by_key:
        schema = {"type": "string", "minLength": 8, "maxLength": 100}
        found.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema})
    return found


def _body(model: type[Wire]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _reference(model)}}}


def _success(one: Operation) -> dict[str, Any]:
    if one.gives is None:
        return {"description": "Done"}
    return _content(one.summary, one.gives)


def _content(said: str, model: type[Wire]) -> dict[str, Any]:
    return {"description": said, "content": {"application/json": {"schema": _reference(model)}}}


def _reference(model: type[Wire]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _problems(codes: tuple[int, ...]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(code): {"description": HTTPStatus(code).phrase, "content": problem} for code in codes}


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with the next step and the fields to correct",
    "required": ["type", "title", "status", "detail", "code", "next_step"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "next_step": {"type": "string"},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
