"""The small partnership with its story, a client of an advocate, on both stores or on SQLite alone."""

from __future__ import annotations

import pytest

from gateway.assembly import Gateway
from tests.meadow import Meadow, make_meadow
from tests.review.story import Story, give_mandate, tell


@pytest.fixture
def meadow(gateway: Gateway) -> Meadow:
    """The partnership, with the victim's mandate to her advocate."""
    made = make_meadow(gateway.store)
    give_mandate(gateway.store, made)
    return made


@pytest.fixture
def story(gateway: Gateway, meadow: Meadow) -> Story:
    """What happened in it."""
    return tell(gateway.store, meadow)


@pytest.fixture
def sqlite_meadow(sqlite_gateway: Gateway) -> Meadow:
    """The partnership with the mandate, for what doesn't depend on the store."""
    made = make_meadow(sqlite_gateway.store)
    give_mandate(sqlite_gateway.store, made)
    return made


@pytest.fixture
def sqlite_story(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> Story:
    """What happened in it."""
    return tell(sqlite_gateway.store, sqlite_meadow)
