"""A browser, and the small partnership with its story and the victim's mandate to her advocate."""

from __future__ import annotations

import pytest

from gateway.assembly import Gateway
from tests.meadow import Meadow, make_meadow
from tests.review.story import Story, give_mandate, tell
from tests.web.fixtures import app, web  # noqa: F401


@pytest.fixture
def meadow(sqlite_gateway: Gateway) -> Meadow:
    """The partnership, with the mandate."""
    made = make_meadow(sqlite_gateway.store)
    give_mandate(sqlite_gateway.store, made)
    return made


@pytest.fixture
def story(sqlite_gateway: Gateway, meadow: Meadow) -> Story:
    """What happened in it."""
    return tell(sqlite_gateway.store, meadow)
