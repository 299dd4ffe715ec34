"""The example register behind the application, and a browser."""

from __future__ import annotations

import pytest

from gateway.assembly import Gateway
from gateway.registry.importing import import_register
from tests.registry.conftest import example
from tests.registry.sample import Sample
from tests.web.fixtures import app, web

__all__ = ["app", "example", "web"]


@pytest.fixture
def sample(sqlite_gateway: Gateway, example: str) -> Sample:
    """The example register on the store of the application."""
    with sqlite_gateway.store.writing() as unit:
        import_register(unit, example)
    return Sample(sqlite_gateway)
