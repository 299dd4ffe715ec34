"""Triggers on both stores, and on PostgreSQL a role that has nothing to rewrite the ledger with."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gateway.ledger.alarm import raise_alarm, take_back
from gateway.ledger.append import record
from gateway.ledger.belt import APPEND_ONLY, ERASABLE, restricted_role
from gateway.ledger.erase import erase
from gateway.ledger.hold import hold
from gateway.ledger.journal import Journal
from gateway.ledger.models import LedgerCosignature
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store
from tests.ledger.made import entry, recorded

STATEMENTS = (
    "UPDATE ledger_leaf SET position = 9",
    "DELETE FROM ledger_leaf",
    "UPDATE ledger_tile SET level = 9",
    "DELETE FROM ledger_tile",
    "UPDATE ledger_checkpoint SET note = ''",
    "DELETE FROM ledger_checkpoint",
    "UPDATE ledger_epoch SET origin = ''",
    "DELETE FROM ledger_epoch",
    "UPDATE ledger_record SET record = ''",
    "DELETE FROM ledger_record",
    "UPDATE ledger_subject SET subject_id = ''",
    "DELETE FROM ledger_subject",
)


@pytest.fixture
def filled(store: Store, journal: Journal) -> Store:
    with store.writing() as unit:
        for _ in range(257):
            record(unit, entry(words={}))
    return store


def test_no_row_of_the_ledger_can_be_changed_or_deleted(filled: Store) -> None:
    for statement in STATEMENTS:
        with pytest.raises(DBAPIError, match="only added to"), writing(filled.engine).begin() as connection:
            connection.execute(sa.text(statement))


def test_no_row_is_taken_away_by_putting_another_in_its_place(
    sqlite_store: Store, sqlite_journal: Journal
) -> None:
    with sqlite_store.writing() as unit:
        for _ in range(257):
            record(unit, entry())
    engine = writing(sqlite_store.engine)
    for table in (*APPEND_ONLY, *ERASABLE):
        if table == "ledger_erasure":
            continue
        with engine.connect() as connection:
            before = connection.execute(sa.text(f"SELECT * FROM {table}")).all()
        with pytest.raises(DBAPIError, match="only added to"), engine.begin() as connection:
            connection.execute(sa.text(f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"))
        with engine.connect() as connection:
            assert before
            assert connection.execute(sa.text(f"SELECT * FROM {table}")).all() == before
    other = "SELECT epoch, 999, entry_id, leaf FROM ledger_leaf WHERE position = 3"
    with pytest.raises(DBAPIError, match="only added to"), engine.begin() as connection:
        connection.execute(sa.text(f"REPLACE INTO ledger_leaf (epoch, position, entry_id, leaf) {other}"))


def test_what_witnesses_and_officers_left_is_not_deleted(store: Store, journal: Journal) -> None:
    (entry_id,) = recorded(store, 1)
    with store.writing() as unit:
        hold(unit, entry_id, entry(), reviewer_post_id="9" * 32, review_on=date(2027, 2, 1))
        line = LedgerCosignature(epoch=1, size=1, witness="c1", line="x", at=unit.now)
        unit.session.add(line)
    for table in ("ledger_hold", "ledger_cosignature"):
        with pytest.raises(DBAPIError, match="only added to"), writing(store.engine).begin() as connection:
            connection.execute(sa.text(f"DELETE FROM {table}"))


def test_the_restricted_role_can_record_and_nothing_else(
    postgresql_store: Store, journal_on_postgresql: Journal
) -> None:
    store = postgresql_store
    recorded(store, 1)
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS gateway_writer"))
        connection.execute(sa.text("CREATE ROLE gateway_writer"))
        connection.execute(
            sa.text("GRANT SELECT, INSERT, UPDATE ON vault_key, vault_epoch TO gateway_writer")
        )
        for statement in restricted_role("gateway_writer"):
            connection.execute(sa.text(statement))

    @sa.event.listens_for(store.engine, "begin")
    def _become(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL ROLE gateway_writer")

    ids = recorded(store, 2)
    with store.writing() as unit:
        hold(unit, ids[0], entry(), reviewer_post_id="9" * 32, review_on=date(2027, 2, 1))
    with store.writing() as unit:
        erase(unit, [ids[0]], entry())
    raise_alarm(store, "1" * 32, "entry 2 was changed", store.clock.now(), timedelta(minutes=1))
    take_back(store, "1" * 32)
    for statement in STATEMENTS:
        with pytest.raises(DBAPIError), store.engine.begin() as connection:
            connection.execute(sa.text(statement))
    # Without the triggers, which an owner can remove, the role alone refuses: all but what an erasure lets go.
    with store.engine.begin() as connection:
        connection.execute(sa.text("RESET ROLE"))
        for table in (*APPEND_ONLY, *ERASABLE):
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    truncating = [f"TRUNCATE {table}" for table in (*APPEND_ONLY, *ERASABLE)]
    for statement in (*STATEMENTS, *truncating):
        if statement in {f"DELETE FROM {table}" for table in ERASABLE}:
            continue
        with pytest.raises(DBAPIError, match="permission denied"), store.engine.begin() as connection:
            connection.execute(sa.text(statement))
    sa.event.remove(store.engine, "begin", _become)
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP OWNED BY gateway_writer"))
        connection.execute(sa.text("DROP ROLE gateway_writer"))
