"""Fixtures for tests of pages: `pytest_plugins` can't stand in a folder's conftest, so import these names there.

from tests.web.fixtures import app, web  # noqa: F401
"""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.assembly import Gateway
from gateway.web.app import create_app
from tests.web.pages import Web


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application over a new gateway on SQLite."""
    return create_app(sqlite_gateway)


@pytest.fixture
def web(app: Flask, sqlite_gateway: Gateway) -> Web:
    """A browser on that application."""
    return Web(app, sqlite_gateway)
