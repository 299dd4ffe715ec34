"""What can go wrong, said so that the person in front of it knows what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class GatewayError(Exception):
    """An error a face may show: a sentence, a next step, a code for machines and an HTTP status.

    Takes the sentence and the next step; neither may name a person (they reach pages, problems and logs).
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class Invalid(GatewayError):
    """What was sent can't be accepted; `fields` maps each field to its own sentence."""

    code = "invalid"
    status = 422

    def __init__(self, message: str, *, next_step: str = "", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message, next_step=next_step or "Correct what is named and send it again.")
        self.fields: dict[str, str] = dict(fields or {})


class Unauthenticated(GatewayError):
    """Nobody is signed in, or the session ended."""

    code = "unauthenticated"
    status = 401


class Forbidden(GatewayError):
    """Somebody is signed in, and this is not theirs to do."""

    code = "forbidden"
    status = 403


class NotFound(GatewayError):
    """There is no such thing, or it isn't this agency's: the two look the same (promise 8)."""

    code = "not_found"
    status = 404


class Conflict(GatewayError):
    """The thing changed meanwhile, or its state doesn't allow this act."""

    code = "conflict"
    status = 409


class Refused(GatewayError):
    """The decision or a safety rule says no; `reason` is the code of the rule that said so."""

    code = "refused"
    status = 403

    def __init__(self, message: str, *, next_step: str = "", reason: str = "refused") -> None:
        super().__init__(message, next_step=next_step)
        self.reason = reason


class Erased(GatewayError):
    """The key of what was asked for has been destroyed; nobody can read it again (promise 10)."""

    code = "erased"
    status = 410


class Unavailable(GatewayError):
    """A part the gateway stands on doesn't answer; nothing was changed."""

    code = "unavailable"
    status = 503


class NotConfirmed(Unavailable):
    """The act and its ledger entry were not confirmed as stored, so nothing leaves (promise 1)."""

    code = "not_confirmed"

    def __init__(
        self, message: str = "This could not be confirmed as recorded.", *, next_step: str = ""
    ) -> None:
        super().__init__(
            message, next_step=next_step or "Try again: the same attempt is never counted twice."
        )


class Misconfigured(GatewayError):
    """The settings don't allow a start; the sentence says which one and what to do."""

    code = "misconfigured"
    status = 500
