"""The published Merkle vectors of transparency-dev/merkle, every one; degenerate cases are refused."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gateway_verify.errors import Unverified
from gateway_verify.merkle import (
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)

from tests.shared import shared_path

# The vectors let an empty subtree pass as consistent with any tree, whatever its root. It proves nothing, so it is
# refused here.
REFUSED_HERE = "subtree is empty"


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def accepted(kind: str, vector: dict[str, Any]) -> bool:
    proof = [decoded(one) for one in vector["proof"] or []]
    try:
        match kind:
            case "inclusion":
                leaf, root = decoded(vector["leafHash"]), decoded(vector["root"])
                verify_inclusion(vector["leafIdx"], vector["treeSize"], leaf, proof, root)
            case "consistency":
                first, second = decoded(vector["root1"]), decoded(vector["root2"])
                verify_consistency(vector["size1"], vector["size2"], proof, first, second)
            case "subtreeinclusion":
                leaf, root = decoded(vector["leafHash"]), decoded(vector["root"])
                verify_subtree_inclusion(vector["leafIdx"], vector["start"], vector["end"], leaf, proof, root)
            case "subtreeconsistency":
                first, second = decoded(vector["root1"]), decoded(vector["root2"])
                start, end, size = vector["start"], vector["end"], vector["size"]
                verify_subtree_consistency(start, end, size, proof, first, second)
    except Unverified:
        return False
    return True


@pytest.fixture(scope="module")
def vectors() -> list[tuple[str, Path, dict[str, Any]]]:
    folder = shared_path("vectors/merkle/testdata")
    return [
        (path.relative_to(folder).parts[0], path, json.loads(path.read_text()))
        for path in sorted(folder.rglob("*.json"))
    ]


def test_every_vector_is_judged_as_published(vectors: list[tuple[str, Path, dict[str, Any]]]) -> None:
    counted: Counter[str] = Counter()
    for kind, path, vector in vectors:
        expected = not vector["wantErr"] and not vector["desc"].startswith(REFUSED_HERE)
        assert accepted(kind, vector) == expected, path
        counted[kind] += 1

    assert counted["inclusion"] == 98
    assert counted["consistency"] == 98
    assert sum(counted.values()) == 518


def test_a_verifier_that_accepts_everything_would_be_caught(
    vectors: list[tuple[str, Path, dict[str, Any]]],
) -> None:
    assert sum(vector["wantErr"] for _kind, _path, vector in vectors) > 400
