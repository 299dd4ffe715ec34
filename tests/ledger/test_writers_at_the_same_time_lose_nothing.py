"""Several writers at once: every acknowledged entry has its place, in one history without forks or gaps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from gateway_verify.checkpoint import read_checkpoint

from gateway.ledger.journal import Journal
from gateway.ledger.models import LedgerCheckpoint
from gateway.ledger.read import is_under_checkpoint
from gateway.ledger.verify import verify_store
from gateway.store.unit_of_work import Store
from tests.ledger.made import recorded


def test_eight_writers_share_one_history(store: Store, journal: Journal) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = [entry_id for found in pool.map(lambda _: recorded(store, 5), range(8)) for entry_id in found]

    with store.reading() as unit:
        assert len(set(ids)) == 40
        assert all(is_under_checkpoint(unit, entry_id) for entry_id in ids)
        assert verify_store(unit).entries == 40
        assert verify_store(unit).verified


def test_there_is_one_checkpoint_to_a_size(store: Store, journal: Journal) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: recorded(store, 3), range(4)))

    with store.reading() as unit:
        notes = unit.session.execute(sa.select(LedgerCheckpoint)).scalars().all()
        sizes = [read_checkpoint(row.note)[1].size for row in notes]
    assert len(sizes) == len(set(sizes))
    assert max(sizes) == 12
