"""The tree grows.

Leaves get their places, full tiles are stored, one checkpoint is signed; all in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import structlog
from gateway_verify.checkpoint import Checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import EMPTY_ROOT, leaf_hash
from gateway_verify.note import Note
from sqlalchemy.engine import Connection

from gateway.errors import NotConfirmed
from gateway.ledger.journal import Grown, Journal, check_open
from gateway.ledger.tree import Edge, stored_edge, stored_leaves
from gateway.store.engine import Statement, array, straight

_HEAD = """
    SELECT number, origin, log_key, (
      SELECT note FROM ledger_checkpoint WHERE epoch = ledger_epoch.number ORDER BY size DESC LIMIT 1
    ) AS note FROM ledger_epoch ORDER BY number DESC LIMIT 1
"""
_INSERT_EPOCH = (
    "INSERT INTO ledger_epoch (number, origin, begun_at, log_key, second_key) VALUES (?, ?, ?, ?, ?)"
)
_INSERT_TILE = "INSERT INTO ledger_tile (epoch, level, place, hashes, over) VALUES (?, ?, ?, ?, ?)"
_INSERT_LEAF = "INSERT INTO ledger_leaf (epoch, position, entry_id, leaf) VALUES (?, ?, ?, ?)"
_INSERT_CHECKPOINT = "INSERT INTO ledger_checkpoint (epoch, size, note, at) VALUES (?, ?, ?, ?)"
_PLACE = "SELECT ledger_place(?, ?, ?, ?, ?, ?, ?, ?)"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Leaf:
    """An entry that has no place in the tree yet."""

    entry_id: str
    leaf: bytes
    number: int | None = None  # in PostgreSQL's outbox


@dataclass(frozen=True)
class Head:
    """The newest checkpoint: which life of the log, and what was signed."""

    epoch: int
    checkpoint: Checkpoint


def integrate(
    connection: Connection, journal: Journal, leaves: Sequence[Leaf], now: datetime, head: Any = None
) -> tuple[Grown, list[Statement]]:
    """Give the leaves their places, in order, under one new checkpoint; gives the statements that do so.

    Only one transaction at a time may do this: on SQLite it holds the write lock, on PostgreSQL the advisory lock of
    `sequencer`, which has read the `head` with the leaves. Raises NotConfirmed when the stored tree does
    not add up to its last checkpoint: nothing is built on a damaged tree.
    """
    check_open(journal)
    dialect = connection.dialect.name
    newest = _current_head(connection, journal, now, head)
    epoch, edge = newest.epoch, _edge_at(connection, journal, newest)
    grown, full = edge.grown([leaf_hash(one.leaf) for one in leaves])
    checkpoint = Checkpoint(newest.checkpoint.origin, grown.size, grown.root())
    note = str(Note(checkpoint.text, (journal.sign(checkpoint),)))
    tiles: list[Statement] = [
        (_INSERT_TILE, (epoch, tile.level, tile.place, tile.hashes, tile.over)) for tile in full
    ]
    signed = (grown.size, note, stored_time(now, dialect))
    return Grown(grown, note, checkpoint), tiles + _placed(dialect, epoch, edge.size, leaves, signed)


def _placed(
    dialect: str, epoch: int, start: int, leaves: Sequence[Leaf], signed: tuple[int, str, str]
) -> list[Statement]:
    if dialect == "sqlite":
        rows = [(epoch, place, one.entry_id, one.leaf) for place, one in enumerate(leaves, start)]
        return [*((_INSERT_LEAF, row) for row in rows), (_INSERT_CHECKPOINT, (epoch, *signed))]
    numbers = array(one.number for one in leaves if one.number is not None)
    placed = (array(one.entry_id for one in leaves), array(one.leaf for one in leaves))
    return [(_PLACE, (epoch, start, numbers, *placed, *signed))]


@lru_cache(maxsize=64)
def stored_time(at: datetime, dialect: str) -> str:
    """Give a time as the tables of a store hold it."""
    text = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"{text}Z" if dialect == "postgresql" else text


def _current_head(connection: Connection, journal: Journal, now: datetime, read: Any) -> Head:
    found = [read] if read else straight(connection, _HEAD)
    if not found:
        first, second = journal.keys.public(journal.origin)
        begun = (1, journal.origin, stored_time(now, connection.dialect.name), str(first), str(second or ""))
        straight(connection, _INSERT_EPOCH, begun)
        found = straight(connection, _HEAD)
    number, origin, log_key, note = found[0]
    if log_key != journal.vkey(origin):
        raise NotConfirmed(
            "The ledger's key is not the one this log was begun with.",
            next_step="Start the gateway with the ledger key that belongs to this database.",
        )
    if note is None:
        return Head(number, Checkpoint(origin, 0, EMPTY_ROOT))
    return Head(number, journal.checkpoint_of(note))


def _edge_at(connection: Connection, journal: Journal, head: Head) -> Edge:
    """Give the right edge under the newest checkpoint.

    From memory, caught up if others wrote, else from the database.
    """
    size, root = head.checkpoint.size, head.checkpoint.root
    edge = journal.edge() or Edge()
    if edge.size < size and size - edge.size <= _CATCH_UP:
        newer = stored_leaves(connection, head.epoch, edge.size, size)
        edge = edge.grown(leaf_hash(leaf) for leaf in newer)[0]
    if (edge.size, edge.root()) == (size, root):
        return edge
    try:
        edge = stored_edge(connection, head.epoch, size)
    except (Unverified, ValueError) as error:
        raise _damaged(size) from error
    if (edge.size, edge.root()) != (size, root):
        raise _damaged(size)
    return edge


_CATCH_UP = 4096


def _damaged(size: int) -> NotConfirmed:
    _log.critical("ledger_damaged", size=size)
    return NotConfirmed(
        "The ledger does not add up to what was signed, so it takes no entries.",
        next_step="Tell the operator at once; `gateway ledger verify` says where.",
    )
