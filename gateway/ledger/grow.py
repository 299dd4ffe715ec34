"""The tree grows.

Leaves get their places, full tiles are stored, one checkpoint is signed; all in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
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
_CHECKPOINT = SQLModel.metadata.tables["ledger_checkpoint"]
# Statements are built once: building one costs more than running it.
_NEWEST_NOTE = (
    sa.select(_CHECKPOINT.c.note)
    .where(_CHECKPOINT.c.epoch == _EPOCH.c.number)
    .order_by(_CHECKPOINT.c.size.desc())
    .limit(1)
    .correlate(_EPOCH)
    .scalar_subquery()
)
_HEAD = sa.select(_EPOCH, _NEWEST_NOTE.label("note")).order_by(_EPOCH.c.number.desc()).limit(1)
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


def integrate(unit: Unit, leaves: Sequence[Leaf]) -> None:
    """Give the leaves their places, in order, under one new checkpoint.

    Only one transaction at a time may do this: on SQLite it holds the write lock, on PostgreSQL the advisory lock of
    `sequencer`. Raises NotConfirmed when the stored tree does not add up to its last checkpoint: nothing is built on a
    damaged tree.
    """
    journal = open_journal(unit)
    head = current_head(unit, journal)
    edge = _edge_at(unit.session, journal, head)
    hashes = [leaf_hash(one.leaf) for one in leaves]
    grown, full = edge.grown(hashes)
    connection = unit.session.connection()
    rows = [
        {"epoch": head.epoch, "position": edge.size + offset, "entry_id": one.entry_id, "leaf": one.leaf}
        for offset, one in enumerate(leaves)
    ]
    connection.execute(_INSERT_LEAVES, rows)
    if full:
        tiles = [
            {
                "epoch": head.epoch,
                "level": one.level,
                "place": one.place,
                "hashes": one.hashes,
                "over": one.over,
            }
            for one in full
        ]
        connection.execute(_INSERT_TILES, tiles)
    checkpoint = Checkpoint(head.checkpoint.origin, grown.size, grown.root())
    note = Note(checkpoint.text, (sign(checkpoint, checkpoint.origin, journal.keys.first),))
    connection.execute(
        _INSERT_CHECKPOINT, {"epoch": head.epoch, "size": grown.size, "note": str(note), "at": unit.now}
    )
    unit.after_commit(lambda _unit: journal.remember(grown))


def current_head(unit: Unit, journal: Journal) -> Head:
    """Give the newest checkpoint, or that of an empty log.

    Raises NotConfirmed when the log's key isn't this journal's.
    """
    connection = unit.session.connection()
    epoch = connection.execute(_HEAD).one_or_none() or _first_epoch(unit, journal)
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
    return connection.execute(_HEAD).one()


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
