"""The example register of docs/registry.md: imported afresh into each kind of store, or copied where that is enough."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.assembly import Gateway, assemble
from gateway.clock import FixedClock
from gateway.ledger.journal import create_log_keys
from gateway.registry.importing import import_register
from gateway.settings import Environment, Settings, load
from tests.registry.sample import Sample

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
    from tests.conftest import NOW

    folder = tmp_path_factory.mktemp("register")
    shutil.copyfile(_sqlite_template, folder / "gateway.sqlite3")
    create_log_keys(folder / "ledger.key")
    settings = load(
        env=Environment.TEST,
        overrides={
            "store": {"url": f"sqlite:///{folder / 'gateway.sqlite3'}"},
            "keys": {
                "root_provider": "file",
                "root_file": str(root_file),
                "ledger_key_file": str(folder / "ledger.key"),
            },
            "paths": {"var": str(folder), "backups": str(folder / "backups")},
        },
    )
    gateway = assemble(settings, clock=FixedClock(NOW))
    with gateway.store.writing() as unit:
        import_register(unit, example)
    gateway.store.close()
    return folder


@pytest.fixture
def registered(
    make_settings: Callable[[str], Settings], tmp_path: Path, _filled: Path, clock: FixedClock
) -> Iterator[Gateway]:
    """A gateway on SQLite that holds the example register."""
    for name in ("gateway.sqlite3", "ledger.key"):
        shutil.copyfile(_filled / name, tmp_path / name)
        (tmp_path / name).chmod(0o600)
    gateway = assemble(make_settings(f"sqlite:///{tmp_path / 'gateway.sqlite3'}"), clock=clock)
    yield gateway
    gateway.store.close()


@pytest.fixture
def sample(registered: Gateway) -> Sample:
    """The example register on SQLite, for tests to which the store does not matter."""
    return Sample(registered)


@pytest.fixture
def either(gateway: Gateway, example: str) -> Sample:
    """The example register on SQLite and on PostgreSQL."""
    with gateway.store.writing() as unit:
        import_register(unit, example)
    return Sample(gateway)
