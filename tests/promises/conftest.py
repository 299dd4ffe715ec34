"""The promises are tried in Meadowshire (tests/told.py), on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str, Exception], None]:
    """Plants a fault: the named function raises instead of doing its work."""

    def plant(where: object, name: str, error: Exception) -> None:
        def broken(*_args: object, **_kwargs: object) -> None:
            raise error

        monkeypatch.setattr(where, name, broken)

    return plant
