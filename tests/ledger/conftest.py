"""A store with a journal attached, and entries to record in it."""

from __future__ import annotations

import pytest

from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import FileLogKeys, create_log_keys, load_log_keys
from gateway.store.unit_of_work import Store
from tests.ledger.made import ORIGIN


@pytest.fixture(scope="session")
def log_keys(tmp_path_factory: pytest.TempPathFactory) -> FileLogKeys:
    """The private keys of a log."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.key"
    create_log_keys(path)
    return load_log_keys(path)


@pytest.fixture
def journal(store: Store, log_keys: FileLogKeys) -> Journal:
    """The journal of a log, attached to the store (on SQLite and on PostgreSQL)."""
    return Journal(ORIGIN, log_keys).attach(store)


@pytest.fixture
def sqlite_journal(sqlite_store: Store, log_keys: FileLogKeys) -> Journal:
    """The journal of a log, attached to the SQLite store."""
    return Journal(ORIGIN, log_keys).attach(sqlite_store)


@pytest.fixture
def journal_on_postgresql(postgresql_store: Store, log_keys: FileLogKeys) -> Journal:
    """The journal of a log, attached to the PostgreSQL store."""
    return Journal(ORIGIN, log_keys).attach(postgresql_store)
