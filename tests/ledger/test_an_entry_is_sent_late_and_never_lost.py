"""On PostgreSQL an entry travels with the next statement or the commit of its act; nothing can come between them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from gateway.errors import NotConfirmed
from gateway.ledger import sequencer
from gateway.ledger.append import record
from gateway.ledger.journal import Journal
from gateway.ledger.models import LedgerRecord
from gateway.ledger.read import is_under_checkpoint
from gateway.ledger.verify import verify_store
from gateway.store import engine, migrate
from gateway.store.unit_of_work import Store, Unit
from tests.ledger.made import entry, recorded


def test_the_next_read_of_the_same_act_sees_it(store: Store, journal: Journal) -> None:
    with store.writing() as unit:
        first = record(unit, entry())
        assert unit.session.get(LedgerRecord, first) is not None
        second = record(unit, entry())
        assert second in unit.session.exec(select(LedgerRecord.entry_id)).all()
        third = record(unit, entry())
        found = unit.session.connection().execute(sa.select(sa.func.count()).select_from(LedgerRecord))
        assert found.scalar() == 3
    with store.reading() as unit:
        assert all(is_under_checkpoint(unit, one) for one in (first, second, third))
        assert verify_store(unit).verified


def test_a_savepoint_that_is_rolled_back_takes_only_its_own(store: Store, journal: Journal) -> None:
    with store.writing() as unit:
        before = record(unit, entry())
        with unit.session.begin_nested() as part:
            unit.session.exec(select(LedgerRecord.entry_id)).all()
            part.rollback()
    with store.reading() as unit:
        assert is_under_checkpoint(unit, before)
        assert verify_store(unit).verified


def test_an_entry_that_never_comes_is_waited_for_no_longer_than_that(
    postgresql_store: Store, journal_on_postgresql: Journal
) -> None:
    journal_on_postgresql.patience = 0.2
    with pytest.raises(NotConfirmed):
        sequencer.wait_for(postgresql_store, journal_on_postgresql, ["0" * 32])


def test_an_act_that_fails_after_it_leaves_nothing(store: Store, journal: Journal) -> None:
    def fails() -> None:
        with store.writing() as unit:
            record(unit, entry())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with store.reading() as unit:
        assert unit.session.exec(select(LedgerRecord)).all() == []


def test_the_same_record_twice_is_refused_whole(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.append.new_id", lambda: "9" * 32)
    with store.writing() as unit:
        record(unit, entry())
    with pytest.raises(NotConfirmed), store.writing() as unit:
        record(unit, entry())
    with store.reading() as unit:
        assert verify_store(unit).entries == 1
        assert verify_store(unit).verified


def test_a_store_of_the_version_before_is_not_up_to_date_until_it_has_the_functions(
    postgresql_store: Store, journal_on_postgresql: Journal, tmp_path: Path
) -> None:
    store = postgresql_store
    scripts = shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations")
    for script in (scripts / "versions").glob("*.py"):
        if script.name > "0006":
            script.unlink()  # what these change is in this store already
    recorded(store, 2)
    with store.engine.begin() as connection:
        newest = migrate.current(connection)
        for name in ("ledger_append", "ledger_take", "vault_keys"):
            connection.exec_driver_sql(f"DROP FUNCTION {name}")
        connection.exec_driver_sql(_BEFORE)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    assert migrate.pending(store.engine)[0] == "0005"

    assert migrate.upgrade(store.engine, scripts) == ["0005"]
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})

    assert migrate.pending(store.engine) == []
    recorded(store, 1)
    with store.reading() as unit:
        assert verify_store(unit).entries == 3
        assert verify_store(unit).verified


def test_whoever_swallows_that_an_entry_cant_be_kept_commits_nothing(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    [kept] = recorded(store)

    def swallows(unit: Unit) -> None:
        record(unit, entry())
        with monkeypatch.context() as planted:
            planted.setattr("gateway.ledger.append.new_id", lambda: kept)
            record(unit, entry())
        with suppress(sa.exc.DBAPIError):
            unit.session.exec(select(LedgerRecord)).all()

    with pytest.raises(NotConfirmed), store.writing() as unit:
        swallows(unit)
    with store.reading() as unit:
        assert unit.session.exec(select(LedgerRecord.entry_id)).all() == [kept]


def test_many_entries_of_one_act_cost_no_more_statements_than_one(
    postgresql_store: Store, journal_on_postgresql: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def noted(*given: Any) -> Any:
        sent.extend(statement for statement, _ in given[1])
        return straight_to_postgresql(*given)

    straight_to_postgresql = engine._straight_to_postgresql
    recorded(postgresql_store, 1)
    monkeypatch.setattr(engine, "_straight_to_postgresql", noted)
    recorded(postgresql_store, 1)
    alone = len(sent)
    with postgresql_store.writing() as unit:
        several = [record(unit, entry()) for _ in range(20)]
    assert len(sent) == 2 * alone
    with postgresql_store.reading() as unit:
        assert all(is_under_checkpoint(unit, one) for one in several)


# As the version before had it: what a function gives can't be replaced, only dropped and made anew.
_BEFORE = (
    "CREATE FUNCTION ledger_take(waiting text[], after bigint, most int) "
    "RETURNS TABLE (number bigint, entry_id text, leaf bytea) LANGUAGE sql "
    "AS $$ SELECT number, entry_id, leaf FROM ledger_pending $$"
)
