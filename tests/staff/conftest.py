"""Fixtures of the staff pages: the real application over the Meadow partnership at work.

Making it takes a second or two, so it is made once: tests share one (`web`, `world`), and those that move the clock
have a copy of their own (`later`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask

from gateway.assembly import Gateway, assemble
from gateway.clock import FixedClock
from gateway.ledger.log_keys import create_log_keys
from gateway.settings import Environment, load
from gateway.web.app import create_app
from tests.conftest import NOW
from tests.staff.world import World, make_world
from tests.web.fixtures import shared_app
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


FILES = ("staff.sqlite3", "ledger.key")


def gateway_in(folder: Path, root_file: Path, clock: FixedClock) -> Gateway:
    """The gateway whose files lie in a folder."""
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
    return assemble(settings, clock=clock)


@pytest.fixture(scope="session")
def _made(
    tmp_path_factory: pytest.TempPathFactory, root_file: Path, _sqlite_template: Path
) -> tuple[Path, World]:
    folder = tmp_path_factory.mktemp("staff")
    shutil.copyfile(_sqlite_template, folder / "staff.sqlite3")
    create_log_keys(folder / "ledger.key")
    gateway = gateway_in(folder, root_file, FixedClock(NOW))
    world = make_world(gateway)
    gateway.store.scrub()
    gateway.store.close()
    return folder, world


@contextmanager
def copied(
    made: tuple[Path, World], folder: Path, root_file: Path, app_of: Callable[[Gateway], Flask]
) -> Iterator[Place]:
    """A place of its own in a folder: the same people and ids, another store."""
    source, world = made
    for name in FILES:
        shutil.copyfile(source / name, folder / name)
        (folder / name).chmod(0o600)
    clock = FixedClock(NOW)
    gateway = gateway_in(folder, root_file, clock)
    own = replace(world, meadow=replace(world.meadow), officers=dict(world.officers), keys=dict(world.keys))
    yield Place(gateway, app_of(gateway), own, clock)
    gateway.store.close()


@pytest.fixture(scope="session")
def place(
    _made: tuple[Path, World], tmp_path_factory: pytest.TempPathFactory, root_file: Path
) -> Iterator[Place]:
    """The place that tests share."""
    with copied(_made, tmp_path_factory.mktemp("place"), root_file, create_app) as found:
        yield found


@pytest.fixture
def later(_made: tuple[Path, World], tmp_path: Path, root_file: Path) -> Iterator[Place]:
    """A place of one's own, whose clock may be moved."""
    with copied(_made, tmp_path, root_file, shared_app) as found:
        yield found


@pytest.fixture
def web(place: Place) -> Web:
    """A browser on the shared place."""
    return place.web()


@pytest.fixture
def world(place: Place) -> World:
    """Who and what is there."""
    return place.world
