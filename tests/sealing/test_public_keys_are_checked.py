"""Promise: nothing is sealed to a key that isn't what it claims to be."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.errors import Invalid
from gateway.sealing.public_key import Suite, check_public_jwk, fingerprint

P256 = ECKey.generate_key("P-256")
X25519 = OKPKey.generate_key("X25519")
GOOD: dict[str, Any] = P256.as_dict(private=False)
GOOD_X: dict[str, Any] = X25519.as_dict(private=False)


def spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# RFC 7748 section 6.1 and the orders of curve25519: points that give the same secret with every private key.
LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ((1 << 255) - 20).to_bytes(32, "little"),
    ((1 << 255) - 19).to_bytes(32, "little"),
    ((1 << 255) - 18).to_bytes(32, "little"),
]
REFUSED: dict[str, dict[str, Any]] = {
    "a private key": P256.as_dict(private=True),
    "a private X25519 key": X25519.as_dict(private=True),
    "a symmetric key": {"kty": "oct", "k": "AAAA"},
    "an RSA key": RSAKey.generate_key(2048).as_dict(private=False),
    "another curve": ECKey.generate_key("P-384").as_dict(private=False),
    "a curve of another kind": GOOD | {"crv": "P-384"},
    "X25519 as EC": GOOD_X | {"kty": "EC"},
    "a signing curve": OKPKey.generate_key("Ed25519").as_dict(private=False),
    "X25519 with a y": GOOD_X | {"y": GOOD["y"]},
    "no y": {name: value for name, value in GOOD.items() if name != "y"},
    "another algorithm": GOOD | {"alg": "ECDH-ES"},
    "for signing": GOOD | {"use": "sig"},
    "for other operations": GOOD | {"key_ops": ["sign"]},
    "operations that are no list": GOOD | {"key_ops": "deriveKey"},
    "a certificate": GOOD | {"x5c": ["AAAA"]},
    "an address": GOOD | {"x5u": "https://example.org/"},
    "not on the curve": GOOD | {"y": spelled(bytes(31) + b"\x01")},
    "the point at nowhere": GOOD | {"x": spelled(bytes(32)), "y": spelled(bytes(32))},
    "a short coordinate": GOOD | {"x": GOOD["x"][:-2]},
    "a padded coordinate": GOOD | {"x": GOOD["x"] + "="},
    "a number": GOOD | {"x": 7},
    "nothing": {},
    **{f"low order {n}": GOOD_X | {"x": spelled(raw)} for n, raw in enumerate(LOW_ORDER)},
    "a second spelling": GOOD_X | {"x": spelled(b"\xff" * 32)},
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_key_that_could_be_opened_by_others_is_refused(what: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_public_jwk(REFUSED[what])
    assert refused.value.next_step


def test_the_two_kinds_in_use_are_accepted_under_their_thumbprint() -> None:
    assert check_public_jwk(GOOD).kid == P256.thumbprint()
    assert check_public_jwk(GOOD).suite is Suite.P256
    assert check_public_jwk(GOOD_X).kid == X25519.thumbprint()
    assert check_public_jwk(GOOD_X).suite is Suite.X25519
    exported = GOOD | {"kid": "chosen", "ext": True, "key_ops": [], "use": "enc", "alg": "ECDH-ES+A256KW"}
    assert check_public_jwk(exported) == check_public_jwk(GOOD)


def test_a_coordinate_has_one_spelling() -> None:
    """Base64 leaves bits over: without a check one key could be registered under several ids."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(GOOD["x"][-1])
    for other in range(last & ~3, (last | 3) + 1):
        spelling = GOOD | {"x": GOOD["x"][:-1] + alphabet[other]}
        if other == last:
            assert check_public_jwk(spelling).kid == P256.thumbprint()
            continue
        with pytest.raises(Invalid):
            check_public_jwk(spelling)


def test_a_coordinate_that_begins_with_zeros_is_accepted() -> None:
    """One key in 256 does; a tool that drops the zeros would lock those people out, and is refused instead."""
    while True:
        numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        if numbers.x < 1 << 248:
            break
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": spelled(numbers.x.to_bytes(32, "big")),
        "y": spelled(numbers.y.to_bytes(32, "big")),
    }
    assert check_public_jwk(jwk).jwk() == jwk
    with pytest.raises(Invalid):
        check_public_jwk(jwk | {"x": spelled(numbers.x.to_bytes(31, "big"))})


def test_a_fingerprint_is_read_aloud_in_groups() -> None:
    groups = fingerprint(P256.thumbprint()).split(" ")
    assert [len(group) for group in groups] == [5] * 6
    assert fingerprint(X25519.thumbprint()) != fingerprint(P256.thumbprint())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    changed=st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "alg", "use", "key_ops", "d"]), json_values
    )
)
def test_no_json_breaks_the_check(changed: dict[str, Any]) -> None:
    try:
        checked = check_public_jwk(GOOD | changed)
    except Invalid:
        return
    assert checked.kid == P256.thumbprint()
