"""What a browser may load and send: the page's policy, the headers, the limits and the shape of ids in paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from ipaddress import ip_address
from typing import IO, Any, TypeVar, cast

from flask import Flask, Request, Response, current_app, g, request
from werkzeug.exceptions import Forbidden
from werkzeug.routing import BaseConverter

from gateway.errors import Unavailable

View = TypeVar("View", bound=Callable[..., Any])

# The one inline script of the page template; tests/web recomputes it from the rendered page.
INLINE_SCRIPT = "sha256-GUQ5ad8JK5KmEWmROf3LZd9ge94daqNvd8xy9YS1iDw="
_POLICY = (
    f"default-src 'none'; script-src 'self' '{INLINE_SCRIPT}'; style-src 'self'; img-src 'self'{{blob}}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'{workers}"
)
POLICY = _POLICY.format(blob="", workers="")
# A page that opens a parcel shows pictures it made itself and decrypts in a worker; nothing else may.
OPENING_POLICY = _POLICY.format(blob=" blob:", workers="; worker-src 'self'")

HEADERS = {
    # Not no-referrer: the check of the Referer on HTTPS would refuse every form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
MAX_BODY = 256 * 1024
MAX_PARTS = 500
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_OPENS = "gateway_opens_content"
_UPLOADS = "gateway_takes_upload"
_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


class GatewayRequest(Request):
    """A request whose uploads stay in memory: Werkzeug's own spills large ones onto the disk (promise 5)."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()


class IdConverter(BaseConverter):
    """A row's id in a path: 32 hexadecimal digits, so nothing else (a name least of all) can stand there."""

    regex = "[0-9a-f]{32}"


class CodeConverter(BaseConverter):
    """A vocabulary code or a rule's id in a path: lower-case words joined by underscores or hyphens."""

    regex = "[a-z0-9][a-z0-9_-]{0,79}"


class DigestConverter(BaseConverter):
    """A SHA-256 in a path, such as a policy version."""

    regex = "[0-9a-f]{64}"


CONVERTERS: dict[str, type[BaseConverter]] = {
    "id": IdConverter,
    "code": CodeConverter,
    "digest": DigestConverter,
}


def opens_content(view: View) -> View:
    """Mark a view whose page decrypts and shows what was sealed: blob pictures and our own worker are allowed there."""
    setattr(view, _OPENS, True)
    return view


def takes_upload(max_bytes: int) -> Callable[[View], View]:
    """Let a view take a body of up to `max_bytes`; all others stop at MAX_BODY."""

    def decorate(view: View) -> View:
        setattr(view, _UPLOADS, max_bytes)
        return view

    return decorate


def guard(app: Flask, hosts: list[str]) -> None:
    """Set limits and converters, and register the checks before and the headers after every request."""
    app.request_class = GatewayRequest
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=MAX_PARTS,
        TRUSTED_HOSTS=hosts,
    )
    app.url_map.converters.update(CONVERTERS)
    app.before_request(_check_request)
    app.after_request(_add_headers)


def from_loopback(current: Request) -> bool:
    """Whether a request was made on this machine itself, by address and by name, and through no proxy.

    A proxy on the same machine also connects from loopback; its forwarding headers or the Host give it away.
    """
    if any(name in current.headers for name in _FORWARDING):
        return False
    return _is_loopback(current.remote_addr or "") and _is_loopback(_host_name(current.host))


def _check_request() -> None:
    unavailable = request.environ.get("gateway.unavailable")
    if isinstance(unavailable, Unavailable):
        raise unavailable
    limit = _mark_of(_UPLOADS)
    if limit:
        request.max_content_length = cast("int", limit)
    # The browser itself says where a request comes from; one too old to say is left to the form's token.
    site = request.headers.get("Sec-Fetch-Site")
    if request.method not in _SAFE_METHODS and site not in {None, "same-origin", "none"}:
        raise Forbidden("This was sent from another site.")


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Content-Security-Policy"] = OPENING_POLICY if _mark_of(_OPENS) else POLICY
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return response


def _mark_of(name: str) -> object:
    view = current_app.view_functions.get(request.endpoint or "")
    return None if g.get("failed") else getattr(view, name, None)


def _host_name(host: str) -> str:
    return re.sub(r":\d+$", "", host).strip("[]")


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
