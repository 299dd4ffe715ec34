"""The example register behind the application, and a browser."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.assembly import Gateway
from tests.registry.conftest import _filled, example, registered, sample
from tests.web.fixtures import shared_app
from tests.web.pages import Web

__all__ = ["_filled", "example", "registered", "sample"]


@pytest.fixture
def app(registered: Gateway) -> Flask:
    """The application over a gateway that holds the example register."""
    return shared_app(registered)


@pytest.fixture
def web(app: Flask, registered: Gateway) -> Web:
    """A browser on that application."""
    return Web(app, registered)
