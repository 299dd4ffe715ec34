"""The machine API, version 1: the same verbs as the pages, in the post the client acts for."""

from __future__ import annotations

from flask import Response, jsonify, request

from gateway.api import answering, asking, receiving, tokens
from gateway.api.blueprint import blueprint
from gateway.api.bodies import Token, TokenRequest
from gateway.api.operations import read_body
from gateway.api.tokens import admit
from gateway.web.access import public

__all__ = ["ROOMS", "admit", "blueprint"]

# Each declares its endpoints as it is loaded.
ROOMS = (asking, answering, receiving)


@blueprint.post("/token")
@public("a client signs in here; the assertion and the proof are its credentials")
def token() -> Response:
    """Sign a client in."""
    body: TokenRequest = read_body(TokenRequest)
    granted = tokens.grant(body.client_assertion, request.headers.get("DPoP", ""))
    given = Token(access_token=granted.token, token_type="DPoP", expires_in=granted.expires_in)  # noqa: S106
    return Response(given.model_dump_json(), mimetype="application/json")


@blueprint.get("/openapi.json")
@public("the description of the API says nothing about anyone")
def description() -> Response:
    """The OpenAPI 3.1 description."""
    from gateway.api.openapi import document

    return jsonify(document())
