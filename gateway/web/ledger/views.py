"""Read-only addresses that hold hashes and commitments alone; anyone may watch that nothing is changed or left out."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request
from flask.blueprints import BlueprintSetupState
from gateway_verify.tiles import parse_tile_number
from werkzeug.routing import BaseConverter, IntegerConverter, ValidationError

from gateway.ledger import served
from gateway.web.access import current_gateway, public

_BECAUSE = "whoever watches the ledger must need no permission of ours; it holds nothing about anyone"
_SECONDS = "public, max-age=2"
# The address of one life of the log. Under /ledger/ itself a restore puts another log in its place, so there what was
# kept is asked for again.
_FOR_EVER = "public, max-age=31536000, immutable"
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"


class TileConverter(BaseConverter):
    """A tile's place as tlog-tiles writes it: groups of three digits, and a width for a partial tile."""

    regex = r"(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/[0-9]{1,3})?"
    part_isolating = False

    def to_python(self, value: str) -> tuple[int, int]:
        """Give place and width."""
        try:
            return parse_tile_number(value)
        except ValueError as error:
            raise ValidationError from error


class NumberConverter(IntegerConverter):
    """A number without leading zeros: one address for one tile."""

    regex = "(?:0|[1-9][0-9]{0,8})"


blueprint = Blueprint("ledger", __name__, url_prefix="/ledger")


@blueprint.record_once
def _know_tiles(state: BlueprintSetupState) -> None:
    state.app.url_map.converters.update(tile=TileConverter, number=NumberConverter)


@blueprint.get("/checkpoint", defaults={"epoch": None})
@blueprint.get("/epoch-<number:epoch>/checkpoint")
@public(_BECAUSE)
def checkpoint(epoch: int | None) -> Response:
    """The newest checkpoint that the witnesses' quorum cosigned."""
    with current_gateway().store.reading() as unit:
        return _answer(served.checkpoint(unit, epoch), _TEXT, _SECONDS)


@blueprint.get("/tile/entries/<tile:at>", defaults={"epoch": None})
@blueprint.get("/epoch-<number:epoch>/tile/entries/<tile:at>")
@public(_BECAUSE)
def entries(at: tuple[int, int], epoch: int | None) -> Response:
    """One bundle of entries."""
    with current_gateway().store.reading() as unit:
        return _answer(served.entries(unit, epoch, *at), _BYTES, _kept(epoch))


@blueprint.get("/tile/<number:level>/<tile:at>", defaults={"epoch": None})
@blueprint.get("/epoch-<number:epoch>/tile/<number:level>/<tile:at>")
@public(_BECAUSE)
def tile(level: int, at: tuple[int, int], epoch: int | None) -> Response:
    """One tile of hashes."""
    with current_gateway().store.reading() as unit:
        return _answer(served.tile(unit, epoch, level, *at), _BYTES, _kept(epoch))


@blueprint.get("/policy.txt")
@public(_BECAUSE)
def policy() -> Response:
    """The log's keys and witnesses, as a start: whoever checks compares them with what others were given."""
    with current_gateway().store.reading() as unit:
        return _answer(served.policy(unit), _TEXT, _SECONDS)


def _kept(epoch: int | None) -> str:
    return _SECONDS if epoch is None else _FOR_EVER


def _answer(data: bytes, content_type: str, caching: str) -> Response:
    response = make_response(data)
    response.headers["Content-Type"] = content_type
    response.headers["Cache-Control"] = caching
    response.add_etag()
    response.make_conditional(request)
    return response
