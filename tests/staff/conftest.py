"""Fixtures of the staff pages: the real application over the Meadow partnership at work.

Making it takes a second or two, so tests share one (`web`, `world`) and only those that move the clock make their own
(`later`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from gateway.assembly import Gateway, assemble
from gateway.clock import FixedClock
from gateway.ledger.journal import create_log_keys
from gateway.settings import Environment, load
from gateway.web.app import create_app
from tests.conftest import NOW
from tests.staff.world import World, make_world
from tests.web.pages import Web


@dataclass(frozen=True)
class Place:
    """An application, what it stands on, and the clock it reads."""

    gateway: Gateway
    app: Flask
    world: World
    clock: FixedClock

    def web(self) -> Web:
        """A browser of its own."""
        return Web(self.app, self.gateway)


@contextmanager
def made(folder: Path, root_file: Path, template: Path) -> Iterator[Place]:
    """Make a place in a folder."""
    shutil.copyfile(template, folder / "staff.sqlite3")
    create_log_keys(folder / "ledger.key")
    keys = {"root_provider": "file", "root_file": str(root_file)}
    settings = load(
        env=Environment.TEST,
        overrides={
            "store": {"url": f"sqlite:///{folder / 'staff.sqlite3'}", "pool_size": 4},
            "keys": keys | {"ledger_key_file": str(folder / "ledger.key")},
            "web": {"session_key": "for-tests-only-" + 32 * "0", "trusted_hosts": ["127.0.0.1", "localhost"]},
            "ledger": {"origin": "test.disclosure-gateway.invalid/staff"},
            "paths": {"var": str(folder), "backups": str(folder / "backups")},
        },
    )
    clock = FixedClock(NOW)
    gateway = assemble(settings, clock=clock)
    yield Place(gateway, create_app(gateway), make_world(gateway), clock)
    gateway.store.close()


@pytest.fixture(scope="session")
def place(
    tmp_path_factory: pytest.TempPathFactory, root_file: Path, _sqlite_template: Path
) -> Iterator[Place]:
    """The place that tests share."""
    with made(tmp_path_factory.mktemp("staff"), root_file, _sqlite_template) as found:
        yield found


@pytest.fixture
def later(tmp_path: Path, root_file: Path, _sqlite_template: Path) -> Iterator[Place]:
    """A place of one's own, whose clock may be moved."""
    with made(tmp_path, root_file, _sqlite_template) as found:
        yield found


@pytest.fixture
def web(place: Place) -> Web:
    """A browser on the shared place."""
    return place.web()


@pytest.fixture
def world(place: Place) -> World:
    """Who and what is there."""
    return place.world
