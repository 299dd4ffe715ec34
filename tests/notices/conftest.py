"""A browser for the notices page."""

from tests.web.fixtures import app, web

__all__ = ["app", "web"]
