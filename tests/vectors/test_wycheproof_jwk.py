"""Wycheproof's vectors for keys: none of them, sound or broken, is a key that parcels are sealed to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.errors import Invalid
from gateway.sealing.public_key import check_public_jwk
from tests.shared import shared_path


def keys() -> Iterator[tuple[str, dict[str, Any]]]:
    found = json.loads(shared_path("vectors/wycheproof/json_web_key_test.json").read_text())
    for group in found["testGroups"]:
        for half in ("private", "public"):
            for key in group.get(half, {}).get("keys", []):
                yield f"{group['comment']} {half}", key


def test_no_key_made_for_something_else_is_accepted() -> None:
    listed = list(keys())
    assert len(listed) > 30
    for _, key in listed:
        with pytest.raises(Invalid):
            check_public_jwk(key)
