"""What an operator's tools ask: is the process alive, is it ready, what are its numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.errors import GatewayError, NotFound
from gateway.ledger.lag import lag_seconds
from gateway.ledger.ready import state
from gateway.observe import WITNESS_LAG, bind, count_request, metrics_page
from gateway.store.tables import new_id
from gateway.web.access import current_gateway, public
from gateway.web.security import from_loopback

if TYPE_CHECKING:
    from gateway.assembly import Gateway

blueprint = Blueprint("operations", __name__)

_log = structlog.get_logger(__name__)
_QUIET = {"static", "operations.livez", "operations.readyz", "operations.metrics"}
_CHECKS = "gateway_ready_checks"
_FAILING = "failing"
Check = Callable[[], str | None]  # a part's state in one word, or nothing when it is ok


@blueprint.get("/livez")
@public("A supervisor asks whether the process answers")
def livez() -> Response:
    """Say that this process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@public("A load balancer asks whether to send requests here; the answer is one word per part")
def readyz() -> Response:
    """Say part by part whether requests can be served: database, keys, ledger.

    A ledger that is stopped or damaged is no reason to send nobody here: what is there is read, and officers declare
    on their pages what has to be done. No other worker could do more.
    """
    states = {name: _state(check) for name, check in current_app.extensions[_CHECKS].items()}
    body = "".join(f"{name} {state}\n" for name, state in states.items())
    return Response(body, status=503 if _FAILING in states.values() else 200, mimetype="text/plain")


@blueprint.get("/metrics")
@public(
    "Prometheus reads numbers by endpoint from the networks in observe.metrics_from; all others get a 404"
)
def metrics() -> Response:
    """The counters of all workers in Prometheus's text format."""
    settings = current_gateway().settings.observe
    if not settings.metrics or not _may_read(settings.metrics_from):
        raise NotFound("There is nothing here.")
    WITNESS_LAG.set(_witness_lag())
    return Response(metrics_page(), content_type=CONTENT_TYPE_LATEST)


def _witness_lag() -> float:
    try:
        with current_gateway().store.reading() as unit:
            return lag_seconds(unit)
    except GatewayError:
        return math.nan  # the store doesn't answer, as /readyz says; all other numbers are still worth having


def set_checks(app: Flask, checks: dict[str, Check]) -> None:
    """Say what /readyz asks, by the name it answers with."""
    app.extensions[_CHECKS] = checks


def watch(app: Flask) -> None:
    """Register the routes, and count, time and log every request by endpoint, never by path."""
    app.register_blueprint(blueprint)
    app.before_request(_begin)
    app.after_request(_finish)


def checks_of(gateway: Gateway) -> dict[str, Check]:
    """What readiness means: the database answers, the root key opens its newest epoch, the newest checkpoint is ours.

    The answers hold no version and no count: anybody may ask.
    """

    def database() -> None:
        with gateway.store.reading() as unit:
            unit.session.execute(sa.text("SELECT 1"))

    def keys() -> None:
        with gateway.store.reading() as unit:
            gateway.vault.check(unit.session)

    def ledger() -> str:
        with gateway.store.reading() as unit:
            return state(unit)

    return {"database": database, "keys": keys, "ledger": ledger}


def _begin() -> None:
    g.began = time.perf_counter()
    bind(request_id=new_id(), endpoint=request.endpoint or "none")


def _finish(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    count_request(endpoint, request.method, response.status_code, seconds)
    if endpoint not in _QUIET:
        _log.info(
            "request.done", method=request.method, status=response.status_code, seconds=round(seconds, 4)
        )
    return response


def _state(check: Check) -> str:
    try:
        return check() or "ok"
    except GatewayError as error:
        _log.warning("not_ready", code=error.code)
    except Exception:  # noqa: BLE001  (whatever breaks a check, the answer is "not ready")
        _log.warning("not_ready", exc_info=True)
    return _FAILING


def _may_read(networks: tuple[str, ...]) -> bool:
    """Whether the reader's address is allowed; loopback counts only without a proxy in between."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    if address.is_loopback and not from_loopback(request):
        return False
    return any(address in ip_network(network, strict=False) for network in networks)
