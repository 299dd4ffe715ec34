"""What every test may ask for: a clock that stands still, keys, and a real store of either kind."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlmodel import SQLModel

from gateway.clock import FixedClock
from gateway.ledger.log_keys import create_log_keys
from gateway.settings import Environment, Settings, load
from gateway.store.engine import make_engine, writing
from gateway.store.migrate import MIGRATIONS, apply_guards
from gateway.store.modules import import_models
from gateway.store.root_keys import FileRootKey, create_root_file
from gateway.store.unit_of_work import Store
from gateway.store.vault import Vault
from tests import compiled
from tests.postgres import Postgres

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter
    from playwright.sync_api import Browser

    from gateway.assembly import Gateway

pytest_plugins = ["tests.told", "tests.installation"]

_FOUND = "found"
Finds = Callable[[str], None]
KINDS = ("sqlite", "postgresql")
# Gives the folder of a name, which the function fills when nobody has in this run of the tests.
Once = Callable[[str, Callable[[Path], object]], Path]
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
# A file system in memory; a run leaves a few hundred megabytes in it at most, and takes them away.
_MEMORY = Path("/dev/shm")  # noqa: S108
_MEMORY_NEEDED = 4 << 30

# A change is judged by the same examples each time it is tried; `make assure` draws new ones.
hypothesis_settings.register_profile(
    "quick",
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.register_profile(
    "assure", parent=hypothesis_settings.get_profile("quick"), max_examples=1000, derandomize=False
)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a law is tried with, and keep the caller's own settings out of the tests."""
    chosen = config.option.markexpr or ""
    assuring = "assure" in chosen and "not assure" not in chosen
    hypothesis_settings.load_profile("assure" if assuring else "quick")
    _write_to_memory()
    compiled.share()
    for name in [name for name in os.environ if name.startswith("GATEWAY_") and name != "GATEWAY_SHARED"]:
        del os.environ[name]


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print what tests say that they found, below the dots."""
    found = [
        (report.nodeid.rpartition("/")[2], sentence)
        for report in terminalreporter.getreports("passed")
        for name, sentence in report.user_properties
        if name == _FOUND
    ]
    if found:
        terminalreporter.section("what was found")
    for test, sentence in sorted(found):
        terminalreporter.write_line(f"{sentence}  ({test})")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what waits for a browser first: the workers share the rest, and none is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_collection_finish() -> None:
    """Let the collector of garbage come seldom, and pass over what was imported: it took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _write_to_memory() -> None:
    """Put temporary files where a flush costs nothing, when there is such a place and nobody chose another."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    if os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC or shutil.disk_usage(_MEMORY).free < _MEMORY_NEEDED:
        return
    os.environ["TMPDIR"] = str(_MEMORY)
    tempfile.tempdir = None


@pytest.fixture
def finds(record_property: Callable[[str, object], None]) -> Finds:
    """Say in a sentence what a test found; it is printed when the tests are over."""
    return lambda sentence: record_property(_FOUND, sentence)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 10:00 UTC on 22 November 2026, a Sunday, until a test moves it."""
    return FixedClock(NOW)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What takes long to make is made by the first worker that asks; copy it, for the others read it too."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def root_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a root key."""
    path = tmp_path_factory.mktemp("keys") / "root.key"
    create_root_file(path)
    return path


@pytest.fixture
def vault(root_file: Path) -> Vault:
    """The keys at rest."""
    return Vault(FileRootKey(root_file))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser without a window: one for a worker, for starting one takes longer than most pages."""
    from tests.web.browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Callable[[], Postgres]]:
    running: list[Postgres] = []

    def server() -> Postgres:
        if not running:
            running.append(Postgres())
        return running[0]

    yield server
    for postgres in running:
        postgres.stop()


@pytest.fixture
def postgres(_postgres: Callable[[], Postgres]) -> Postgres:
    """The session's PostgreSQL server, started when first asked for."""
    return _postgres()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "gateway.sqlite3"
    create_tables(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A new SQLite store with every table in it."""
    path = tmp_path / "gateway.sqlite3"
    shutil.copyfile(_sqlite_template, path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgres: Postgres) -> Iterator[str]:
    """A new PostgreSQL database with every table in it."""
    url = postgres.fresh(create_tables)
    yield url
    postgres.drop(url)


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest) -> str:
    """A new store with every table in it: each test runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str, clock: FixedClock, vault: Vault) -> Iterator[Store]:
    """The store, on SQLite and on PostgreSQL."""
    yield from opened(store_url, clock, vault)


@pytest.fixture
def sqlite_store(sqlite_url: str, clock: FixedClock, vault: Vault) -> Iterator[Store]:
    """The store on SQLite alone, for tests to which the store doesn't matter."""
    yield from opened(sqlite_url, clock, vault)


@pytest.fixture
def postgresql_store(postgresql_url: str, clock: FixedClock, vault: Vault) -> Iterator[Store]:
    """The store on PostgreSQL alone, for what only it does."""
    yield from opened(postgresql_url, clock, vault)


@pytest.fixture
def make_settings(tmp_path: Path, root_file: Path) -> Callable[[str], Settings]:
    """Gives settings for a test installation on the store of a URL, with every path in the test's own folder."""

    create_log_keys(tmp_path / "ledger.key")

    def make(url: str) -> Settings:
        keys = {"root_provider": "file", "root_file": str(root_file)}
        return load(
            env=Environment.TEST,
            overrides={
                "store": {"url": url, "pool_size": 4},
                "keys": keys | {"ledger_key_file": str(tmp_path / "ledger.key")},
                "web": {
                    "session_key": "for-tests-only-" + 32 * "0",
                    "trusted_hosts": ["127.0.0.1", "localhost"],
                },
                "ledger": {"origin": "test.disclosure-gateway.invalid/ledger"},
                "paths": {"var": str(tmp_path), "backups": str(tmp_path / "backups")},
            },
        )

    return make


@pytest.fixture
def settings(make_settings: Callable[[str], Settings], store_url: str) -> Settings:
    """The settings of a test installation, on SQLite and on PostgreSQL."""
    return make_settings(store_url)


@pytest.fixture
def gateway(settings: Settings, clock: FixedClock) -> Iterator[Gateway]:
    """The assembled gateway, on SQLite and on PostgreSQL."""
    yield from assembled(settings, clock)


@pytest.fixture
def sqlite_gateway(
    make_settings: Callable[[str], Settings], sqlite_url: str, clock: FixedClock
) -> Iterator[Gateway]:
    """The assembled gateway on SQLite alone, for tests to which the store doesn't matter."""
    yield from assembled(make_settings(sqlite_url), clock)


def create_tables(url: str) -> None:
    """Create every table in the database of `url`."""
    import_models()
    engine = make_engine(url, pool_size=1)
    with writing(engine).begin() as connection:
        SQLModel.metadata.create_all(connection)
        apply_guards(connection)
        MigrationContext.configure(connection).stamp(ScriptDirectory(str(MIGRATIONS)), "head")
    engine.dispose()


def opened(url: str, clock: FixedClock, vault: Vault) -> Iterator[Store]:
    """Open a store for the length of a test."""
    store = Store(make_engine(url, pool_size=4), clock, vault)
    yield store
    store.close()


def assembled(settings: Settings, clock: FixedClock) -> Iterator[Gateway]:
    """Assemble a gateway for the length of a test."""
    from gateway.assembly import assemble

    gateway = assemble(settings, clock=clock)
    yield gateway
    gateway.store.close()
