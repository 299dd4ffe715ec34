"""Reference material that isn't part of the project: tests that want it skip, and say so, where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def shared_path(name: str) -> Path:
    """Give the path of `name` in the shared reference folder, or skip the test with the reason."""
    named = os.environ.get("GATEWAY_SHARED", "")
    folder = Path(named) if named else CHECKOUT.parent / "shared"
    path = folder / name
    if not path.exists():
        pytest.skip(f"the reference file {name} is not here (set GATEWAY_SHARED to the folder that holds it)")
    return path
