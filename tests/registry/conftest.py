"""The example register of docs/registry.md, imported once into each kind of store and copied for each test."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.assembly import Gateway, assemble
from gateway.clock import FixedClock
from gateway.ledger.log_keys import create_log_keys
from gateway.registry.importing import import_register
from gateway.settings import Settings
from tests.conftest import KINDS, NOW, assembled, create_tables
from tests.postgres import Postgres
from tests.registry.sample import Sample
from tests.told import store_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "registry.md"


@pytest.fixture(scope="session")
def example() -> str:
    """The example as an operator would copy it from the document."""
    found = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="session")
def _filled(
    tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path, root_file: Path, example: str
) -> Path:
    folder = tmp_path_factory.mktemp("register")
    shutil.copyfile(_sqlite_template, folder / "gateway.sqlite3")
    _fill(f"sqlite:///{folder / 'gateway.sqlite3'}", folder, root_file, example)
    return folder


@pytest.fixture(scope="session")
def _filled_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory,
    root_file: Path,
    example: str,
    _postgres: Callable[[], Postgres],
) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("register")
    url = _postgres().fresh(create_tables)
    _fill(url, folder, root_file, example)
    return folder, url


def _fill(url: str, folder: Path, root_file: Path, example: str) -> None:
    create_log_keys(folder / "ledger.key")
    gateway = assemble(store_settings(url, folder, root_file, folder / "ledger.key"), clock=FixedClock(NOW))
    with gateway.store.writing() as unit:
        import_register(unit, example)
    gateway.store.close()


@pytest.fixture
def registered(
    make_settings: Callable[[str], Settings], tmp_path: Path, _filled: Path, clock: FixedClock
) -> Iterator[Gateway]:
    """A gateway on SQLite that holds the example register."""
    for name in ("gateway.sqlite3", "ledger.key"):
        shutil.copyfile(_filled / name, tmp_path / name)
        (tmp_path / name).chmod(0o600)
    yield from assembled(make_settings(f"sqlite:///{tmp_path / 'gateway.sqlite3'}"), clock)


@pytest.fixture
def sample(registered: Gateway) -> Sample:
    """The example register on SQLite, for tests to which the store does not matter."""
    return Sample(registered)


@pytest.fixture
def registered_on_postgresql(
    make_settings: Callable[[str], Settings],
    tmp_path: Path,
    _filled_on_postgresql: tuple[Path, str],
    postgres: Postgres,
    clock: FixedClock,
) -> Iterator[Gateway]:
    """A gateway on PostgreSQL that holds the example register."""
    folder, source = _filled_on_postgresql
    shutil.copyfile(folder / "ledger.key", tmp_path / "ledger.key")
    url = postgres.copy(source)
    yield from assembled(make_settings(url), clock)
    postgres.drop(url)


@pytest.fixture(params=["registered", "registered_on_postgresql"], ids=KINDS)
def either(request: pytest.FixtureRequest) -> Sample:
    """The example register on SQLite and on PostgreSQL."""
    return Sample(request.getfixturevalue(request.param))
