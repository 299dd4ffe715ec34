"""What the gateway asks a witness over HTTP (c2sp.org/tlog-witness)."""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from gateway_verify.checkpoint import read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import MOST_BYTES, Note, number
from gateway_verify.policy import Witness
from gateway_verify.source import NoRedirects

from gateway.ledger.witness_log import origin_hash

_PATIENCE_SECONDS = 10
_opener = build_opener(NoRedirects())


def latest_note(witness: Witness, origin: str) -> Note | None:
    """Give the last checkpoint of a log that a witness serves, None if it never saw it.

    Raises Unverified for an answer that is none, OSError for silence.
    """
    status, body = _open(witness, f"{origin_hash(origin)}/checkpoint")
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
    return _open(witness, "add-checkpoint", body)


def _open(witness: Witness, path: str, body: bytes | None = None) -> tuple[int, str]:
    address = witness.url or ""
    if not address.lower().startswith(("https://", "http://")):
        raise Unverified("its address in the policy is neither http nor https")
    try:
        request = Request(f"{address.rstrip('/')}/{path}", data=body)  # noqa: S310 - only http and https come this far
        with _opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
            return answer.status, answer.read(MOST_BYTES).decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(MOST_BYTES).decode("utf-8", "replace")
    except (URLError, HTTPException, ValueError) as error:  # silence, no HTTP, or no address
        raise OSError("it does not answer") from error


def size_in(body: str) -> int:
    """Give the size that a refusal names. Raises Unverified when it names none."""
    try:
        return number(body.removesuffix("\n"), "what it has seen")
    except Unverified as error:
        raise Unverified("it refused and did not say what it has seen") from error
