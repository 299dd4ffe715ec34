"""Meadowshire for tests: the demonstration's register and keys, acted through the demonstration's own stage."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.assembly import Gateway, assemble
from gateway.cli.demo import ENABLED
from gateway.cli.demo_stage import Ask, Stage
from gateway.clock import FixedClock
from gateway.ledger.log_keys import create_log_keys
from gateway.policy import lifecycle
from gateway.registry.importing import import_register
from gateway.settings import Environment, Settings, load
from tests.postgres import Postgres

KEYS = ("probation-om", "police-ppu", "lantern-idva", "housing-officer")

PERMITTED = Ask(
    who="probation-om",
    holder="police",
    case="M2-0417",
    subject="s-robin",
    categories=("convictions",),
    purpose="public_protection",
    powers=("cja2003_s325",),
    recipients=("probation-om",),
    why="For the plan.",
)
REFUSED = Ask(
    who="probation-om",
    holder="lantern",
    case="M2-0417",
    subject="s-jess",
    categories=("address_current",),
    purpose="victim_safety",
    powers=("cja2003_s325",),
    recipients=("probation-om",),
    why="To draw the zone.",
    regime="uk_gdpr",
    condition="sch1_para18_safeguarding",
)
AGREED = Ask(
    who="housing-officer",
    holder="lantern",
    case="R-0931",
    subject="s-alex",
    categories=("address_current",),
    purpose="victim_safety",
    powers=("consent",),
    recipients=("housing-officer",),
    why="To fit the alarm.",
    regime="uk_gdpr",
    condition="art6_1_a_consent",
    confidence="agreement",
)


def found(gateway: Gateway, clock: FixedClock, *, keys: tuple[str, ...] = ()) -> Stage:
    """The register of Meadowshire, its policy active, and keys for the posts that need them."""
    stage = Stage(gateway, clock)
    text = (stage.folder / "register.toml").read_text(encoding="utf-8")
    stage.do(lambda unit: import_register(unit, text))
    stage.do(
        lambda unit: lifecycle.activate_shipped(
            unit,
            partnership_id=stage.partnership_id(unit),
            agency_id=stage.agency_id(unit, "office"),
            enabled=ENABLED,
        )
    )
    for code in keys:
        stage.make_keys(code, approver="office-ig")
    return stage


@dataclass(frozen=True)
class Copies:
    """Meadowshire made once: where its store lies, and the ledger's key that belongs to it."""

    url: str
    ledger_key: Path


def store_settings(url: str, folder: Path, root_file: Path, ledger_key: Path) -> Settings:
    keys = {
        "root_provider": "file",
        "root_file": str(root_file),
        "ledger_key_file": str(ledger_key),
    }
    paths = {"var": str(folder), "backups": str(folder / "backups")}
    store = {"url": url, "pool_size": 4}
    return load(env=Environment.TEST, overrides={"store": store, "keys": keys, "paths": paths})


def _make_once(url: str, folder: Path, root_file: Path) -> Copies:
    from tests.conftest import NOW

    ledger_key = folder / "ledger.key"
    create_log_keys(ledger_key)
    clock = FixedClock(NOW)
    gateway = assemble(store_settings(url, folder, root_file, ledger_key), clock=clock)
    found(gateway, clock, keys=KEYS)
    gateway.store.scrub()
    gateway.store.close()
    return Copies(url, ledger_key)


@pytest.fixture(scope="session")
def _meadowshire_on_sqlite(
    tmp_path_factory: pytest.TempPathFactory, root_file: Path, _sqlite_template: Path
) -> Copies:
    folder = tmp_path_factory.mktemp("meadowshire")
    file = folder / "gateway.sqlite3"
    shutil.copyfile(_sqlite_template, file)
    file.chmod(0o600)
    return _make_once(f"sqlite:///{file}", folder, root_file)


@pytest.fixture(scope="session")
def _meadowshire_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, root_file: Path, _postgres: Callable[[], Postgres]
) -> Copies:
    from tests.conftest import create_tables

    folder = tmp_path_factory.mktemp("meadowshire")
    return _make_once(_postgres().fresh(create_tables), folder, root_file)


def _stage(url: str, made: Copies, tmp_path: Path, root_file: Path, clock: FixedClock) -> Iterator[Stage]:
    gateway = assemble(store_settings(url, tmp_path, root_file, made.ledger_key), clock=clock)
    yield Stage(gateway, clock)
    gateway.store.close()


@pytest.fixture
def quick_stage(
    _meadowshire_on_sqlite: Copies, tmp_path: Path, root_file: Path, clock: FixedClock
) -> Iterator[Stage]:
    """Meadowshire on SQLite alone, for what the store doesn't matter to: four posts hold keys."""
    file = tmp_path / "gateway.sqlite3"
    shutil.copyfile(_meadowshire_on_sqlite.url.removeprefix("sqlite:///"), file)
    file.chmod(0o600)
    yield from _stage(f"sqlite:///{file}", _meadowshire_on_sqlite, tmp_path, root_file, clock)


@pytest.fixture
def postgresql_stage(
    _meadowshire_on_postgresql: Copies,
    postgres: Postgres,
    tmp_path: Path,
    root_file: Path,
    clock: FixedClock,
) -> Iterator[Stage]:
    """Meadowshire on PostgreSQL alone."""
    url = postgres.copy(_meadowshire_on_postgresql.url)
    yield from _stage(url, _meadowshire_on_postgresql, tmp_path, root_file, clock)
    postgres.drop(url)


@pytest.fixture(params=["quick_stage", "postgresql_stage"], ids=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Meadowshire with four posts that hold keys, on SQLite and on PostgreSQL."""
    made: Stage = request.getfixturevalue(request.param)
    return made
