"""What the gateway asks a witness over HTTP (c2sp.org/tlog-witness)."""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gateway_verify.checkpoint import read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import Note
from gateway_verify.policy import Witness

from gateway.ledger.witness_log import origin_hash

_PATIENCE_SECONDS = 10
_MOST_BYTES = 256 * 1024


class NoRedirects(HTTPRedirectHandler):
    """A witness answers itself; it sends nobody elsewhere."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


_opener = build_opener(NoRedirects())


def latest_note(witness: Witness, origin: str) -> Note | None:
    """Give the last checkpoint of a log that a witness serves, None if it never saw it.

    Raises Unverified for an answer that is none, OSError for silence.
    """
    status, body = _open(Request(_address(witness, f"{origin_hash(origin)}/checkpoint")))  # noqa: S310 - checked there
    if status == HTTPStatus.NOT_FOUND:
        return None
    if status != HTTPStatus.OK:
        raise Unverified(f"it answered {status}")
    note, checkpoint = read_checkpoint(body)
    if checkpoint.origin != origin:
        raise Unverified("what it serves is of another log")
    return note


def add_checkpoint(witness: Witness, body: bytes) -> tuple[int, str]:
    """Ask a witness to cosign; give the status and body of its answer. Raises OSError for silence."""
    return _open(Request(_address(witness, "add-checkpoint"), data=body, method="POST"))  # noqa: S310 - checked there


def _address(witness: Witness, path: str) -> str:
    if urlsplit(witness.url or "").scheme not in ("http", "https"):
        raise Unverified("its address in the policy is neither http nor https")
    return f"{(witness.url or '').rstrip('/')}/{path}"


def _open(request: Request) -> tuple[int, str]:
    try:
        with _opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
            return answer.status, answer.read(_MOST_BYTES).decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(_MOST_BYTES).decode("utf-8", "replace")
    except (URLError, HTTPException) as error:  # silence, or something that is no HTTP
        raise OSError("it does not answer") from error


def size_in(body: str) -> int:
    """Give the size that a refusal names. Raises Unverified when it names none."""
    text = body.removesuffix("\n")
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(2**63)):
        raise Unverified("it refused and did not say what it has seen")
    return int(text)
