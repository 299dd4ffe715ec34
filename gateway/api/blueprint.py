"""Where the endpoints of version 1 hang, and what is true of each of their answers."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response
from flask.sansio.blueprints import BlueprintSetupState

from gateway.api import tokens

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


@blueprint.record_once
def _without_form_tokens(setup: BlueprintSetupState) -> None:
    """A machine brings no cookie, so there is nothing that another site could use in its name."""
    setup.app.extensions["csrf"].exempt(blueprint)


@blueprint.after_request
def _name_the_scheme(response: Response) -> Response:
    """A refusal says how to sign in (RFC 9110 section 11.6.1, RFC 9449 section 7.1)."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = f'DPoP algs="{" ".join(tokens.ALGORITHMS)}"'
    return response
