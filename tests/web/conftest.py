"""Fixtures of the shell's tests: a small register with a post for every face."""

from tests.web.fixtures import app, web
from tests.web.register import register

__all__ = ["app", "register", "web"]
