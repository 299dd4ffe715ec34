"""What people and machines are told when something isn't done: a plain sentence, the next step, never an inside."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import structlog
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from gateway.errors import GatewayError, Invalid

_log = structlog.get_logger(__name__)
_RETRY_SECONDS = "5"
_UNAVAILABLE = 503
_MACHINE_READABLE = {"application/json", "application/problem+json"}
_TOO_MANY = 429


@dataclass(frozen=True)
class Failure:
    """One answer to something that wasn't done."""

    status: int
    heading: str
    message: str
    next_step: str
    code: str
    fields: tuple[tuple[str, str], ...] = ()


# Status: heading, sentence, next step. A 404 is the same whether a thing is foreign, missing or locked (promise 8).
PAGES: dict[int, tuple[str, str, str]] = {
    400: (
        "This could not be read",
        "Something in what was sent was not as the gateway expects. Nothing was changed.",
        "Go back, load the page again and repeat your last step.",
    ),
    401: (
        "You are signed out",
        "Nobody is signed in here any more. What you were sending was not received.",
        "Sign in and repeat your last step.",
    ),
    403: (
        "You cannot do this",
        "This is not open to the post you are signed in with. Nothing was changed.",
        "If you need it for your work, ask your agency's information-governance officer.",
    ),
    404: (
        "Page not found",
        "There is nothing here that you can see. It may have been mistyped, moved, or belong to another agency.",
        "Check the address, or start again from the front page.",
    ),
    405: (
        "This cannot be done that way",
        "The page exists, but not for this kind of action. Nothing was changed.",
        "Go back and use the buttons and links on the page.",
    ),
    409: (
        "This has changed meanwhile",
        "Somebody else acted on it first, or it is no longer open. Nothing was changed by you.",
        "Load the page again to see how it stands now.",
    ),
    410: (
        "This has been erased",
        "The key to it was destroyed on purpose, and nobody can read it again.",
        "The log still shows that it existed and why it was erased.",
    ),
    413: (
        "This is too large",
        "What was sent is larger than this page takes. Nothing was changed.",
        "Send fewer or smaller files, or split the text.",
    ),
    422: (
        "Something needs correcting",
        "What was sent cannot be accepted as it stands. Nothing was changed.",
        "Go back, correct it and send it again.",
    ),
    429: (
        "Too many attempts",
        "This was tried too often in a short time.",
        "Wait 15 minutes, then try again. If it is urgent, telephone the agency you need.",
    ),
    500: (
        "Something went wrong",
        "The gateway made a mistake. Nothing was released.",
        "Try again in a minute. If it happens again, tell your operator the time it happened.",
    ),
    503: (
        "This is not confirmed",
        "The gateway could not confirm that this was recorded, so nothing was released.",
        "Try again in a minute: the same attempt is never counted twice.",
    ),
}


def handle_errors(app: Flask) -> None:
    """Give every error, expected or not, its page or its problem document."""
    app.register_error_handler(GatewayError, _gateway_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _gateway_error(error: GatewayError) -> ResponseReturnValue:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request.failed", code=error.code, status=error.status)
    heading, message, next_step = PAGES.get(error.status, PAGES[500])
    fields = tuple(error.fields.items()) if isinstance(error, Invalid) else ()
    if error.status == HTTPStatus.NOT_FOUND:
        return _answer(Failure(404, heading, message, next_step, error.code))
    said = (error.message or message, error.next_step or next_step)
    return _answer(Failure(error.status, heading, *said, code=error.code, fields=fields))


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, InternalServerError):
        return _unexpected(error.original_exception or error)
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()
    heading, message, next_step = PAGES.get(error.code, PAGES[400])
    if isinstance(error, CSRFError):
        message = "The page was open for too long, or was opened before you signed in. Nothing was changed."
    status = error.code if error.code in PAGES else HTTPStatus.BAD_REQUEST
    code = HTTPStatus(status).name.lower()
    response = make_response(_answer(Failure(status, heading, message, next_step, code)))
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _unexpected(error: BaseException) -> ResponseReturnValue:
    if isinstance(error, GatewayError):
        return _gateway_error(error)
    # Logged as its class and place: an exception's text may carry what somebody typed.
    _log.error("request.broke", exc_info=error)
    return _answer(Failure(500, *PAGES[500], code="error"))


def _answer(failure: Failure) -> ResponseReturnValue:
    g.failed = True
    if request.path.startswith("/ledger/"):
        response = _line(failure)
    else:
        response = _problem(failure) if _wants_problem() else _page(failure)
    response.status_code = failure.status
    if failure.status in {_UNAVAILABLE, _TOO_MANY}:
        response.headers["Retry-After"] = _RETRY_SECONDS if failure.status == _UNAVAILABLE else "900"
    return response


def _line(failure: Failure) -> Response:
    """One line for whoever reads the log's files: programs of others, to whom a page means nothing."""
    missing = failure.status == HTTPStatus.NOT_FOUND
    said = "The log has no such file." if missing else failure.message
    return Response(f"{said}\n", content_type="text/plain; charset=utf-8")


def _wants_problem() -> bool:
    # The scripts that hold a key ask for plain JSON; browsers' page loads never do.
    return (
        request.path.startswith(("/api/", "/access/")) or request.accept_mimetypes.best in _MACHINE_READABLE
    )


def _problem(failure: Failure) -> Response:
    """RFC 9457; `fields` lists what to correct without repeating what was sent."""
    body: dict[str, object] = {
        "type": f"/problems/{failure.code}",
        "title": failure.heading,
        "status": failure.status,
        "detail": failure.message,
        "code": failure.code,
        "next_step": failure.next_step,
    }
    if failure.fields:
        body["fields"] = [{"field": name, "message": message} for name, message in failure.fields]
    response = jsonify(body)
    response.mimetype = "application/problem+json"
    return response


def _page(failure: Failure) -> Response:
    if request_ctx.url_adapter is None:
        # The host isn't ours, so no address on it can be built, and no page.
        return Response(f"{failure.heading}. {failure.next_step}\n", mimetype="text/plain")
    return make_response(render_template("components/error.html", failure=failure))
