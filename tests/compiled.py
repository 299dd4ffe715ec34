"""Statements compiled once for all the engines of a run: each test makes its own, and would compile them anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

from gateway.store import engine as engines

_SIZE = 4000


def share() -> None:
    """Give the engines of each kind one dialect and one cache of compiled statements."""
    for make in ("_sqlite", "_postgresql"):
        setattr(engines, make, _sharing(getattr(engines, make)))


def _sharing(make: Callable[..., Engine]) -> Callable[..., Engine]:
    cache: LRUCache[Any, Any] = LRUCache(_SIZE)
    shared: list[Dialect] = []

    def made(*arguments: Any) -> Engine:
        engine = make(*arguments)
        engine._compiled_cache = cache
        # A dialect learns what it speaks to at its first connection: one that has learnt it serves the others too.
        if shared and shared[0].server_version_info:
            engine.dialect = shared[0]
        else:
            shared[:] = [engine.dialect]
        return engine

    return made
