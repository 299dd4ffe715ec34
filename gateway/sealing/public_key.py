"""The public half of a recipient's key: checked to be what it claims before anything is sealed to it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Never

from cryptography.hazmat.primitives.asymmetric import ec, x25519

from gateway.errors import Invalid

KEY_ALGORITHM = "ECDH-ES+A256KW"
CONTENT_ALGORITHM = "A256GCM"

_X25519_PRIME = 2**255 - 19
# Unpadded base64url of 32 bytes; the last character carries four bits, so that there is only one spelling.
_COORDINATE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops", "ext"})
_DERIVING = ("deriveKey", "deriveBits")
_FINGERPRINT_GROUPS = 6
_MAKE_ANOTHER = "Make a new key pair and send its public half only."


class Suite(StrEnum):
    """The kinds of key that parcels are sealed to (RFC 7518 section 4.6, RFC 8037)."""

    P256 = "jwe-p256"
    X25519 = "jwe-x25519"


_CURVES = {("EC", "P-256"): Suite.P256, ("OKP", "X25519"): Suite.X25519}


@dataclass(frozen=True)
class PublicKey:
    """A checked public key; `kid` is its RFC 7638 thumbprint, so the name of a key can't be chosen."""

    suite: Suite
    x: str
    y: str | None
    kid: str

    def jwk(self) -> dict[str, str]:
        """Give the required members of the JWK, in the order of RFC 7638."""
        return _required_members(self.suite, self.x, self.y)

    @property
    def fingerprint(self) -> str:
        """Give six groups of five digits (99 bits) to be read aloud over a second channel."""
        return fingerprint(self.kid)


def check_public_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """Give the key in `jwk`; P-256 and X25519 are accepted.

    Raises Invalid for private members, another curve or algorithm, coordinates of the wrong length or
    spelling, a point off the curve (RFC 7518 6.2.1), a point of low order (RFC 7748 6.1) and members that
    nobody asked for.
    """
    if _PRIVATE_MEMBERS & set(jwk):
        _refuse("This holds a private key. Treat that key as lost: never use it again.")
    if set(jwk) - _PUBLIC_MEMBERS:
        _refuse("This holds members that a public key for sealing doesn't have.")
    suite = _CURVES.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    if suite is None:
        _refuse("Only keys on the curves P-256 and X25519 are accepted.")
    _check_use(jwk)
    x = _coordinate(jwk.get("x"))
    y = _coordinate(jwk.get("y")) if suite is Suite.P256 else None
    if suite is Suite.X25519 and "y" in jwk:
        _refuse("An X25519 key has no y.")
    public_point(suite, x, y)
    return PublicKey(suite=suite, x=x, y=y, kid=thumbprint(suite, x, y))


def public_point(suite: Suite, x: str, y: str | None) -> ec.EllipticCurvePublicKey | x25519.X25519PublicKey:
    """Give the point; raise Invalid when it isn't on the curve or is of low order."""
    if suite is Suite.P256:
        return _p256_point(x, y or "")
    return _x25519_point(x)


def thumbprint(suite: Suite, x: str, y: str | None) -> str:
    """Give the RFC 7638 thumbprint (SHA-256, base64url)."""
    canonical = json.dumps(_required_members(suite, x, y), separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def fingerprint(kid: str) -> str:
    """Give a thumbprint as six groups of five digits; the browser computes the same from the key it holds."""
    digest = base64.urlsafe_b64decode(kid + "=")
    groups = (int.from_bytes(digest[i * 5 : i * 5 + 5], "big") % 100_000 for i in range(_FINGERPRINT_GROUPS))
    return " ".join(f"{group:05}" for group in groups)


def _required_members(suite: Suite, x: str, y: str | None) -> dict[str, str]:
    if suite is Suite.P256:
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y or ""}
    return {"crv": "X25519", "kty": "OKP", "x": x}


def _check_use(jwk: Mapping[str, object]) -> None:
    if jwk.get("alg", KEY_ALGORITHM) != KEY_ALGORITHM:
        _refuse(f"The key is for another algorithm; {KEY_ALGORITHM} is the one in use.")
    if jwk.get("use", "enc") != "enc":
        _refuse("The key is for signing; one for encryption is needed.")
    operations = jwk.get("key_ops", [])
    if not isinstance(operations, list) or any(operation not in _DERIVING for operation in operations):
        _refuse("The key is for other operations than agreeing on a key.")


def _coordinate(value: object) -> str:
    if not isinstance(value, str) or not _COORDINATE.fullmatch(value):
        _refuse("A coordinate of the key isn't 32 bytes in base64url.")
    return value


def _decode(coordinate: str) -> bytes:
    return base64.urlsafe_b64decode(coordinate + "=")


def _p256_point(x: str, y: str) -> ec.EllipticCurvePublicKey:
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(_decode(x), "big"), int.from_bytes(_decode(y), "big"), ec.SECP256R1()
    )
    try:
        return numbers.public_key()
    except ValueError:
        _refuse("The key isn't a point on its curve.")


def _x25519_point(x: str) -> x25519.X25519PublicKey:
    raw = _decode(x)
    if int.from_bytes(raw, "little") >= _X25519_PRIME:
        _refuse("The key is written in a form that has a second spelling.")
    point = x25519.X25519PublicKey.from_public_bytes(raw)
    try:
        # An all-zero secret is what a point of low order gives with any private key.
        x25519.X25519PrivateKey.generate().exchange(point)
    except ValueError:
        _refuse("The key is a point of low order: anyone could open what is sealed to it.")
    return point


def _refuse(sentence: str) -> Never:
    raise Invalid(sentence, next_step=_MAKE_ANOTHER, fields={"jwk": sentence})
