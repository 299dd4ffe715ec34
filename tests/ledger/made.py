"""Invented entries for the ledger's tests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store

ORIGIN = "log.meadowshire.example/ledger"
PARTNERSHIP = "a" * 32
POLICE = "b" * 32
PROBATION = "c" * 32
OFFICER = "d" * 32
JANE = "e" * 32
CASE = "f" * 32


def entry(kind: EntryKind = EntryKind.REQUEST_MADE, **changed: Any) -> Entry:
    """An entry about one person in one case, with reasons in words."""
    fields: dict[str, Any] = {
        "partnership_id": PARTNERSHIP,
        "controller_agency_id": POLICE,
        "actor_post_id": OFFICER,
        "actor_agency_id": PROBATION,
        "subject_ids": (JANE,),
        "case_id": CASE,
        "refs": {"line": "1" * 32},
        "codes": {"purpose": "risk_management", "outcome": "permit", "sizes": ("s", "m")},
        "words": {"why": "She is at risk at the address on file", "by": "PC Ann Example"},
    }
    return Entry(kind, **(fields | changed))


def recorded(store: Store, count: int = 1, **changed: Any) -> list[str]:
    """The ids of `count` entries, each recorded in a transaction of its own."""
    ids = []
    for _ in range(count):
        with store.writing() as unit:
            ids.append(record(unit, entry(**changed)))
    return ids


def edit(store: Store, statement: str, **values: object) -> None:
    """Edit as someone who owns the database: the triggers go first."""
    with writing(store.engine).begin() as connection:
        for name in connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).scalars():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        connection.execute(sa.text(statement), values)


def another(value: object) -> str:
    """Give another text than this value has, as long as it: random ids end in every digit."""
    text = str(value)
    return text[:-1] + ("1" if text.endswith("0") else "0")
