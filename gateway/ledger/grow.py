"""The tree grows.

Leaves get their places, full tiles are stored, one checkpoint is signed; all in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from gateway_verify.checkpoint import Checkpoint, read_checkpoint, sign
from gateway_verify.errors import Unverified
from gateway_verify.merkle import EMPTY_ROOT, leaf_hash
from gateway_verify.note import Note
from sqlmodel import Session, SQLModel

import gateway.ledger.models  # noqa: F401
from gateway.errors import NotConfirmed
from gateway.ledger.journal import Journal, open_journal
from gateway.ledger.tree import Edge, stored_edge, stored_leaves
from gateway.store.unit_of_work import Unit

_INSERT_LEAVES, _INSERT_TILES, _INSERT_CHECKPOINT = (
    SQLModel.metadata.tables[f"ledger_{name}"].insert() for name in ("leaf", "tile", "checkpoint")
)
_EPOCH = SQLModel.metadata.tables["ledger_epoch"]
HEAD = """
    SELECT number, origin, log_key, (
      SELECT note FROM ledger_checkpoint WHERE epoch = ledger_epoch.number ORDER BY size DESC LIMIT 1
    ) AS note FROM ledger_epoch ORDER BY number DESC LIMIT 1
"""
# On PostgreSQL each statement is a round trip, during which no one else can place anything.
_INSERT_AT_ONCE = """
    WITH leaves AS (
      INSERT INTO ledger_leaf (epoch, position, entry_id, leaf)
      SELECT %(epoch)s, %(start)s + nth - 1, entry_id, leaf
      FROM unnest(%(entry_ids)s::text[], %(leaves)s::bytea[]) WITH ORDINALITY AS placed (entry_id, leaf, nth)
    )
    INSERT INTO ledger_checkpoint (epoch, size, note, at) VALUES (%(epoch)s, %(size)s, %(note)s, %(at)s)
"""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Leaf:
    """An entry that has no place in the tree yet."""

    entry_id: str
    leaf: bytes


@dataclass(frozen=True)
class Head:
    """The newest checkpoint: which life of the log, and what was signed."""

    epoch: int
    checkpoint: Checkpoint


def integrate(unit: Unit, leaves: Sequence[Leaf], *, read: Any = None) -> None:
    """Give the leaves their places, in order, under one new checkpoint.

    Only one transaction at a time may do this: on SQLite it holds the write lock, on PostgreSQL the advisory lock of
    `sequencer`, which may already have `read` the row that `HEAD` gives. Raises NotConfirmed when the stored tree does
    not add up to its last checkpoint: nothing is built on a damaged tree.
    """
    journal = open_journal(unit)
    head = _head(read, journal) if read else current_head(unit, journal)
    edge = _edge_at(unit.session, journal, head)
    grown, full = edge.grown([leaf_hash(one.leaf) for one in leaves])
    checkpoint = Checkpoint(head.checkpoint.origin, grown.size, grown.root())
    note = Note(checkpoint.text, (sign(checkpoint, checkpoint.origin, journal.keys.first),))
    signed = {"epoch": head.epoch, "size": grown.size, "note": str(note), "at": unit.now}
    connection = unit.session.connection()
    if full:
        connection.execute(_INSERT_TILES, [{"epoch": head.epoch, **vars(one)} for one in full])
    if unit.dialect == "postgresql":
        placed = {"entry_ids": [one.entry_id for one in leaves], "leaves": [one.leaf for one in leaves]}
        connection.exec_driver_sql(_INSERT_AT_ONCE, {**signed, **placed, "start": edge.size})
    else:
        rows = [
            {"epoch": head.epoch, "position": edge.size + offset, "entry_id": one.entry_id, "leaf": one.leaf}
            for offset, one in enumerate(leaves)
        ]
        connection.execute(_INSERT_LEAVES, rows)
        connection.execute(_INSERT_CHECKPOINT, signed)
    unit.after_commit(lambda _unit: journal.remember(grown))


def current_head(unit: Unit, journal: Journal) -> Head:
    """Give the newest checkpoint, or that of an empty log.

    Raises NotConfirmed when the log's key isn't this journal's.
    """
    found = unit.session.connection().exec_driver_sql(HEAD).one_or_none()
    return _head(found or _first_epoch(unit, journal), journal)


def _head(epoch: Any, journal: Journal) -> Head:
    if epoch.log_key != journal.vkey(epoch.origin):
        raise NotConfirmed(
            "The ledger's key is not the one this log was begun with.",
            next_step="Start the gateway with the ledger key that belongs to this database.",
        )
    if epoch.note is None:
        return Head(epoch.number, Checkpoint(epoch.origin, 0, EMPTY_ROOT))
    return Head(epoch.number, read_checkpoint(epoch.note)[1])


def _first_epoch(unit: Unit, journal: Journal) -> Any:
    first, second = journal.keys.public(journal.origin)
    row = {
        "number": 1,
        "origin": journal.origin,
        "begun_at": unit.now,
        "log_key": str(first),
        "second_key": str(second),
    }
    connection = unit.session.connection()
    connection.execute(_EPOCH.insert(), row)
    return connection.exec_driver_sql(HEAD).one()


def _edge_at(session: Session, journal: Journal, head: Head) -> Edge:
    """Give the right edge under the newest checkpoint.

    From memory, caught up if others wrote, else from the database.
    """
    size, root = head.checkpoint.size, head.checkpoint.root
    edge = journal.edge() or Edge()
    if edge.size < size:
        newer = stored_leaves(session, head.epoch, edge.size, size) if size - edge.size <= _CATCH_UP else []
        edge = edge.grown(leaf_hash(leaf) for leaf in newer)[0]
    if (edge.size, edge.root()) == (size, root):
        return edge
    try:
        edge = stored_edge(session, head.epoch, size)
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
