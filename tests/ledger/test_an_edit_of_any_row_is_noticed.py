"""The ledger's own check sees an edit of any column of any row, and raises no alarm on an honest log."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway.ledger import sequencer
from gateway.ledger.entries import EntryKind
from gateway.ledger.journal import Journal
from gateway.ledger.verify import Verdict, verify_store
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store
from tests.ledger.made import JANE, another, edit, recorded

TABLES = ("record", "subject", "leaf", "checkpoint")
CHANGED = {"salt": b"\x01" + b"x" * 60, "words": b"\x01" + b"x" * 60, "leaf": b"\x01" + b"x" * 32}


def verdict(store: Store) -> Verdict:
    with store.reading() as unit:
        return verify_store(unit)


def columns() -> Iterator[tuple[str, str]]:
    import gateway.ledger.models  # noqa: F401

    for table in TABLES:
        for column in SQLModel.metadata.tables[f"ledger_{table}"].c:
            if (table, column.name) != ("checkpoint", "at"):  # a convenience: the signed note holds no time
                yield table, column.name


def test_an_honest_log_verifies_and_says_how_far(store: Store, journal: Journal) -> None:
    recorded(store, 5)

    found = verdict(store)

    assert found.verified
    assert found.sentence.startswith("The log verifies: all 5 entries are as they were recorded")


def test_an_empty_log_says_so(store: Store, journal: Journal) -> None:
    assert verdict(store).verified
    assert "empty" in verdict(store).sentence


@pytest.mark.parametrize(("table", "column"), list(columns()))
def test_editing_one_column_of_one_row_is_noticed(
    sqlite_store: Store, sqlite_journal: Journal, table: str, column: str
) -> None:
    store = sqlite_store
    ids = recorded(store, 3, request_id="9" * 32)
    assert verdict(store).verified

    where = {"leaf": "position = 1", "checkpoint": "size = 2"}.get(table, f"entry_id = '{ids[1]}'")
    old = sa.text(f"SELECT {column} FROM ledger_{table} WHERE {where}")
    with store.engine.connect() as connection:
        before = connection.execute(old).scalar()
    changed: object = CHANGED.get(column) or {"epoch": 7, "position": 17, "size": 17}.get(column)
    if changed is None:
        changed = "2020-01-01 00:00:00.000000" if column == "at" else another(before)
    edit(store, f"UPDATE ledger_{table} SET {column} = :changed WHERE {where}", changed=changed)

    found = verdict(store)

    assert not found.verified
    assert found.sentence.startswith("The log does not verify: ")


@pytest.mark.parametrize("table", TABLES)
def test_deleting_one_row_is_noticed(sqlite_store: Store, sqlite_journal: Journal, table: str) -> None:
    ids = recorded(sqlite_store, 3)
    where = {"leaf": "position = 1", "checkpoint": "size = 3"}.get(table, f"entry_id = '{ids[1]}'")

    edit(sqlite_store, f"DELETE FROM ledger_{table} WHERE {where}")

    assert not verdict(sqlite_store).verified


def test_a_row_slipped_in_beside_the_tree_is_noticed(sqlite_store: Store, sqlite_journal: Journal) -> None:
    recorded(sqlite_store, 2)

    edit(
        sqlite_store,
        "INSERT INTO ledger_record (entry_id, partnership_id, kind, at, controller_agency_id, record)"
        " VALUES ('0', 'p', 'request.made', '2026-01-01 00:00:00.000000', 'a', '{}')",
    )

    assert "belong to no entry" in verdict(sqlite_store).sentence


def test_a_forged_entry_that_claims_to_wait_for_its_place_is_noticed(
    sqlite_store: Store, sqlite_journal: Journal
) -> None:
    recorded(sqlite_store, 2)
    names = [
        column.name for column in SQLModel.metadata.tables["ledger_record"].c if column.name != "entry_id"
    ]
    copied = ", ".join(names)
    edit(
        sqlite_store,
        f"INSERT INTO ledger_record (entry_id, {copied}) SELECT '{'9' * 32}', {copied} FROM ledger_record LIMIT 1",
    )
    edit(sqlite_store, f"INSERT INTO ledger_pending VALUES (1, '{'9' * 32}', x'01')")

    assert "an entry that waits for its place was changed" in verdict(sqlite_store).sentence
    edit(sqlite_store, f"DELETE FROM ledger_record WHERE entry_id = '{'9' * 32}'")
    assert "an entry that waits for its place has no record" in verdict(sqlite_store).sentence


def test_an_honest_entry_that_waits_for_its_place_is_no_alarm(
    postgresql_store: Store, journal_on_postgresql: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(postgresql_store, 2)
    monkeypatch.setattr(sequencer, "wait_for", lambda *_: None)
    recorded(postgresql_store, 3)

    found = verdict(postgresql_store)

    assert (found.verified, found.waiting) == (True, 3)
    with writing(postgresql_store.engine).begin() as connection:
        connection.execute(
            sa.text("DELETE FROM ledger_pending WHERE number = (SELECT min(number) FROM ledger_pending)")
        )
    assert not verdict(postgresql_store).verified


def test_a_hidden_person_is_noticed(sqlite_store: Store, sqlite_journal: Journal) -> None:
    ids = recorded(sqlite_store, 2)

    edit(
        sqlite_store,
        "DELETE FROM ledger_subject WHERE entry_id = :id AND subject_id = :who",
        id=ids[0],
        who=JANE,
    )

    assert verdict(sqlite_store).sentence == (
        "The log does not verify: entry 1 is filed under other persons than those recorded."
    )


def test_tiles_are_checked_once_the_log_is_longer_than_one(
    sqlite_store: Store, sqlite_journal: Journal
) -> None:
    from gateway.ledger.append import record
    from tests.ledger.made import entry

    with sqlite_store.writing() as unit:
        for _ in range(300):
            record(unit, entry(words={}))
    assert verdict(sqlite_store).verified

    edit(sqlite_store, "UPDATE ledger_tile SET over = :changed", changed=b"x" * 32)

    assert "tile over entries 1 to 256" in verdict(sqlite_store).sentence


def test_a_public_entry_is_checked_too(store: Store, journal: Journal) -> None:
    recorded(store, 1, kind=EntryKind.KEY_ENROLLED, public=True, subject_ids=(), case_id=None, words={})

    assert verdict(store).verified
