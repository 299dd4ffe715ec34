"""Everything that is stored, searched for words that must not lie there in the clear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway.store.unit_of_work import Store
from tests.sealing.search import holds


def where_found(store: Store, words: str) -> list[str]:
    """Which tables and files hold the words, in any spelling and inside packed values too."""
    return sorted({where for where, data in _stored(store) if holds(data, words)})


def _stored(store: Store) -> Iterator[tuple[str, bytes]]:
    """Every row's every value; on SQLite the files themselves too, with their WAL."""
    with store.engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                yield from ((table.name, _bytes(value)) for value in row if value is not None)
    file = store.engine.url.database
    if store.dialect == "sqlite" and file:
        for path in Path(file).parent.glob(Path(file).name + "*"):
            yield path.name, path.read_bytes()


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
