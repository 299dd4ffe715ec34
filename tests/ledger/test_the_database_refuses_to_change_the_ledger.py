"""Triggers on both stores refuse to rewrite what the ledger holds."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gateway.ledger.append import record
from gateway.ledger.belt import APPEND_ONLY, ERASABLE
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
