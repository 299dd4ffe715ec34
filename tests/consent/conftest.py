"""The small partnership, on both stores or on SQLite alone."""

from __future__ import annotations

import pytest

from gateway.assembly import Gateway
from tests.meadow import Meadow, make_meadow


@pytest.fixture
def meadow(gateway: Gateway) -> Meadow:
    """The partnership on SQLite and on PostgreSQL."""
    return make_meadow(gateway.store)


@pytest.fixture
def sqlite_meadow(sqlite_gateway: Gateway) -> Meadow:
    """The partnership on SQLite, for what doesn't depend on the store."""
    return make_meadow(sqlite_gateway.store)
