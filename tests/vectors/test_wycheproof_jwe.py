"""Wycheproof's vectors for encryption: the library refuses what is broken, our own door all but our one suite."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from joserfc import jwe as jose
from joserfc import jwk
from joserfc.errors import JoseError

from gateway.errors import Invalid
from gateway.sealing import jwe
from gateway.sealing.public_key import check_public_jwk
from tests.shared import shared_path

# Direct use of a content key, and compression, which the pinned list leaves out on purpose.
NOT_PINNED = 2


class Vector(NamedTuple):
    number: int
    key: dict[str, Any]
    sealed: str
    plaintext: bytes
    valid: bool


def vectors() -> Iterator[Vector]:
    found = json.loads(shared_path("vectors/wycheproof/json_web_encryption_test.json").read_text())
    for group in found["testGroups"]:
        for test in group["tests"]:
            plaintext = bytes.fromhex(test.get("pt", ""))
            yield Vector(test["tcId"], group["private"], test["jwe"], plaintext, test["result"] == "valid")


def opened(vector: Vector) -> bytes | None:
    """What the library gives when it is held to the key's own algorithm; None when it refuses."""
    try:
        header = json.loads(base64.urlsafe_b64decode(vector.sealed.split(".")[0] + "=="))
        pinned = [vector.key["alg"], header["enc"]]
        return jose.decrypt_compact(vector.sealed, jwk.import_key(vector.key), algorithms=pinned).plaintext
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        return None


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_the_library_opens_what_is_valid_and_nothing_else() -> None:
    wrong = [vector for vector in vectors() if not vector.valid and opened(vector) is not None]
    assert not wrong
    missed = [vector for vector in vectors() if vector.valid and opened(vector) != vector.plaintext]
    assert len(missed) <= NOT_PINNED, [vector.number for vector in missed]


def test_our_door_opens_none_of_them() -> None:
    """None is of our one suite: nothing of another kind gets as far as a private key."""
    for vector in vectors():
        with pytest.raises(Invalid):
            jwe.open_sealed(vector.sealed, vector.key)


def test_the_control_is_opened() -> None:
    key = jwk.ECKey.generate_key("P-256")
    sealed = jwe.seal(check_public_jwk(key.as_dict(private=False)), b"content")
    assert jwe.open_sealed(sealed, key.as_dict(private=True)) == b"content"
