"""Compact JWE, one per recipient: everything in the protected header, one algorithm, no compression (RFC 7516, 7518).

joserfc makes and opens them. Above a megabyte the same bytes are assembled here, because base64 in several
copies would take ten times the content's size in memory; the tests hold the two against each other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Never

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from joserfc import jwe, jwk
from joserfc.errors import JoseError

from gateway.errors import Invalid
from gateway.sealing.public_key import (
    CONTENT_ALGORITHM,
    KEY_ALGORITHM,
    PublicKey,
    Suite,
    check_public_jwk,
    public_point,
)

OWN_ASSEMBLY_ABOVE = 1024 * 1024
_ALGORITHMS = [KEY_ALGORITHM, CONTENT_ALGORITHM]
_KEY_BITS = 256
_NONCE_BYTES = 12
_TAG_BYTES = 16
_WRAPPED_KEY_BYTES = 40
_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}")
_MAX_HEADER = 1024
_HEADER_MEMBERS = frozenset({"alg", "enc", "kid", "epk"})


class _Registry(jwe.JWERegistry):
    """joserfc's registry with room for a parcel (it stops at 64 KB of ciphertext by itself)."""

    max_ciphertext_length = 32 * 1024 * 1024


def seal(public: PublicKey, plaintext: bytes) -> str:
    """Give the compact JWE of `plaintext` for the holder of `public`, under a fresh content key."""
    if len(plaintext) > OWN_ASSEMBLY_ABOVE:
        return seal_large(public, plaintext)
    header = {"alg": KEY_ALGORITHM, "enc": CONTENT_ALGORITHM, "kid": public.kid}
    return jwe.encrypt_compact(header, plaintext, jwk.import_key(dict(public.jwk())), algorithms=_ALGORITHMS)


def seal_large(public: PublicKey, plaintext: bytes) -> str:
    """Give the same as `seal` with one copy of the content less; used above a megabyte."""
    epk, secret = _agree(public)
    content_key = secrets.token_bytes(_KEY_BITS // 8)
    wrapped = aes_key_wrap(_key_encryption_key(secret), content_key)
    header = _segment(
        json.dumps(
            {"alg": KEY_ALGORITHM, "enc": CONTENT_ALGORITHM, "kid": public.kid, "epk": epk},
            separators=(",", ":"),
        ).encode()
    )
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = memoryview(AESGCM(content_key).encrypt(nonce, plaintext, header))
    parts = (
        header,
        _segment(wrapped),
        _segment(nonce),
        _segment(sealed[:-_TAG_BYTES]),
        _segment(sealed[-_TAG_BYTES:]),
    )
    return b".".join(parts).decode("ascii")


def open_sealed(sealed: str, private_jwk: Mapping[str, Any]) -> bytes:
    """Give the plaintext of `sealed`: for recipients' own tools and for tests; the gateway holds no private key.

    Raises Invalid when it was sealed to another key, with another algorithm, or was altered.
    """
    check_sealed(sealed, _public_half(private_jwk))
    try:
        opened = jwe.decrypt_compact(
            sealed, jwk.import_key(dict(private_jwk)), registry=_Registry(algorithms=_ALGORITHMS)
        )
    except (JoseError, ValueError) as error:
        raise Invalid("This parcel was altered, or was sealed to another key.") from error
    return opened.plaintext or b""


def check_sealed(sealed: str, public: PublicKey) -> int:
    """Give the length of the content in bytes, of a JWE that someone else sealed to `public` (an agency's own client).

    Reads the header only. Raises Invalid for any other algorithm or key, for compression, an `epk` that isn't
    a good point of the same curve, and for members this gateway doesn't use.
    """
    if not _COMPACT.fullmatch(sealed):
        _refuse("This isn't a compact JWE.")
    parts = sealed.split(".")
    header = _header(parts[0])
    if set(header) != _HEADER_MEMBERS:
        _refuse("The header of this JWE holds other members than alg, enc, kid and epk.")
    if (header["alg"], header["enc"]) != (KEY_ALGORITHM, CONTENT_ALGORITHM):
        _refuse(f"This JWE uses other algorithms than {KEY_ALGORITHM} and {CONTENT_ALGORITHM}.")
    if header["kid"] != public.kid:
        _refuse("This JWE is sealed to another key.")
    if not isinstance(header["epk"], dict) or check_public_jwk(header["epk"]).suite is not public.suite:
        _refuse("The sender's key in this JWE is on another curve.")
    lengths = [len(_decoded(part)) for part in (parts[1], parts[2], parts[4])]
    if lengths != [_WRAPPED_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES]:
        _refuse("A part of this JWE has the wrong length.")
    return len(_decoded(parts[3]))


def key_id(sealed: str) -> str:
    """Give the key id in the header of a JWE; raise Invalid when there is none."""
    kid = _header(sealed.partition(".")[0]).get("kid")
    return kid if isinstance(kid, str) else _refuse("This JWE doesn't say to which key it is sealed.")


def digest(sealed: str) -> str:
    """Give the SHA-256 of the JWE in hexadecimal: what the ledger's entry of the release commits to."""
    return hashlib.sha256(sealed.encode("ascii")).hexdigest()


def _agree(public: PublicKey) -> tuple[dict[str, str], bytes]:
    point = public_point(public.suite, public.x, public.y)
    if isinstance(point, ec.EllipticCurvePublicKey):
        own = ec.generate_private_key(ec.SECP256R1())
        numbers = own.public_key().public_numbers()
        x, y = (_segment(value.to_bytes(32, "big")).decode() for value in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}, own.exchange(ec.ECDH(), point)
    ours = x25519.X25519PrivateKey.generate()
    raw = ours.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "X25519", "x": _segment(raw).decode()}, ours.exchange(point)


def _key_encryption_key(secret: bytes) -> bytes:
    # RFC 7518 section 4.6.2: algorithm id, empty apu and apv, key length in bits; each with its length.
    algorithm = KEY_ALGORITHM.encode()
    info = len(algorithm).to_bytes(4, "big") + algorithm + bytes(4) + bytes(4) + _KEY_BITS.to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), _KEY_BITS // 8, info).derive(secret)


def _segment(data: bytes | memoryview) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        _refuse("A part of this JWE isn't base64url.")


def _header(segment: str) -> dict[str, Any]:
    if len(segment) > _MAX_HEADER:
        _refuse("The header of this JWE is too long.")
    try:
        header = json.loads(_decoded(segment), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):
        _refuse("The header of this JWE isn't JSON.")
    if not isinstance(header, dict):
        _refuse("The header of this JWE isn't a JSON object.")
    return header


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def _public_half(private_jwk: Mapping[str, Any]) -> PublicKey:
    names = ("kty", "crv", "x", "y") if private_jwk.get("crv") != Suite.X25519 else ("kty", "crv", "x")
    return check_public_jwk({name: private_jwk[name] for name in names if name in private_jwk})


def _refuse(sentence: str) -> Never:
    raise Invalid(
        sentence, next_step="Seal it again to the key that the gateway shows.", fields={"jwe": sentence}
    )
