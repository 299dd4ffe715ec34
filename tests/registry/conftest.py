"""The example register of docs/registry.md, imported into each kind of store."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.assembly import Gateway
from gateway.registry.importing import import_register
from tests.registry.sample import Sample

DOCUMENT = Path(__file__).parents[2] / "docs" / "registry.md"


@pytest.fixture(scope="session")
def example() -> str:
    """The example as an operator would copy it from the document."""
    found = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def sample(gateway: Gateway, example: str) -> Sample:
    """The example register on SQLite and on PostgreSQL, its rows by their keys."""
    with gateway.store.writing() as unit:
        import_register(unit, example)
    return Sample(gateway)


@pytest.fixture
def sqlite_sample(sqlite_gateway: Gateway, example: str) -> Sample:
    """The example register on SQLite alone."""
    with sqlite_gateway.store.writing() as unit:
        import_register(unit, example)
    return Sample(sqlite_gateway)
