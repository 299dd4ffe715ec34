"""Fixtures for tests of pages; import them in a folder's conftest.

from tests.web.fixtures import app, web  # noqa: F401
"""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask

from gateway.assembly import Gateway
from gateway.web.app import create_app, stand_on
from tests.web.pages import Web

_made: dict[tuple[str, ...], Flask] = {}


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application over a new gateway on SQLite."""
    return shared_app(sqlite_gateway)


@pytest.fixture
def web(app: Flask, sqlite_gateway: Gateway) -> Web:
    """A browser on that application."""
    return Web(app, sqlite_gateway)


def shared_app(gateway: Gateway, *more: Blueprint) -> Flask:
    """The one application of this process, with `more` blueprints, standing on the gateway of the present test.

    Laying out two hundred routes takes longer than most tests. What depends on other settings than the gateway's
    store, keys and sessions (a demonstration, providers) needs `create_app`.
    """
    key = tuple(blueprint.name for blueprint in more)
    if key not in _made:
        _made[key] = create_app(gateway)
        for blueprint in more:
            _made[key].register_blueprint(blueprint)
    stand_on(_made[key], gateway)
    return _made[key]
