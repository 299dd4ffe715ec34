"""The tree grows.

Leaves get their places, full tiles are stored, one checkpoint is signed; all in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from gateway_verify.checkpoint import Checkpoint, read_checkpoint, sign
from gateway_verify.errors import Unverified
from gateway_verify.merkle import EMPTY_ROOT, leaf_hash
from gateway_verify.note import Note
from sqlalchemy import Table
from sqlmodel import Session, SQLModel, col

from gateway.errors import NotConfirmed
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.models import LedgerCheckpoint, LedgerEpoch
from gateway.ledger.tree import Edge, stored_edge, stored_leaves
from gateway.store.unit_of_work import Unit

_LEAVES: Table = SQLModel.metadata.tables["ledger_leaf"]
_TILES: Table = SQLModel.metadata.tables["ledger_tile"]
_CHECKPOINTS: Table = SQLModel.metadata.tables["ledger_checkpoint"]
_WAITING = "ledger_waiting"
_ONE_AT_A_TIME = 0x6C656467  # "ledg": the advisory lock under which the tree grows on PostgreSQL
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


def enqueue(unit: Unit, journal: Journal, leaf: Leaf) -> None:
    """Put the leaf where it will get its place.

    In this transaction's own batch, integrated just before the commit.
    """
    waiting: list[Leaf] = unit.session.info.setdefault(_WAITING, [])
    waiting.append(leaf)
    if len(waiting) == 1:
        unit.before_commit(_integrate_waiting, f"ledger before {leaf.entry_id}")


def _integrate_waiting(unit: Unit) -> None:
    waiting: list[Leaf] = unit.session.info[_WAITING]
    leaves = list(waiting)
    waiting.clear()
    integrate(unit, leaves)


def integrate(unit: Unit, leaves: Sequence[Leaf]) -> None:
    """Give the leaves their places, in order, under one new checkpoint.

    Raises NotConfirmed when the stored tree does not add up to its last checkpoint: nothing is built on a
    damaged tree.
    """
    journal = journal_of(unit)
    if unit.dialect == "postgresql":
        unit.session.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    head = current_head(unit, journal)
    edge = _edge_at(unit.session, journal, head)
    hashes = [leaf_hash(one.leaf) for one in leaves]
    grown, full = edge.grown(hashes)
    connection = unit.session.connection()
    rows = [
        {"epoch": head.epoch, "position": edge.size + offset, "entry_id": one.entry_id, "leaf": one.leaf}
        for offset, one in enumerate(leaves)
    ]
    connection.execute(_LEAVES.insert(), rows)
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
        connection.execute(_TILES.insert(), tiles)
    checkpoint = Checkpoint(head.checkpoint.origin, grown.size, grown.root())
    note = Note(checkpoint.text, (sign(checkpoint, checkpoint.origin, journal.keys.first),))
    connection.execute(
        _CHECKPOINTS.insert(), {"epoch": head.epoch, "size": grown.size, "note": str(note), "at": unit.now}
    )
    unit.after_commit(lambda _unit: journal.remember(grown))


def current_head(unit: Unit, journal: Journal) -> Head:
    """Give the newest checkpoint, or that of an empty log.

    Raises NotConfirmed when the log's key isn't this journal's.
    """
    epoch = unit.session.execute(
        sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number).desc()).limit(1)
    ).scalar_one_or_none()
    if epoch is None:
        epoch = _first_epoch(unit, journal)
    if epoch.log_key != str(journal.keys.public(epoch.origin)[0]):
        raise NotConfirmed(
            "The ledger's key is not the one this log was begun with.",
            next_step="The operator must start the gateway with the ledger key that belongs to this database.",
        )
    note = newest_note(unit.session, epoch.number)
    if note is None:
        return Head(epoch.number, Checkpoint(epoch.origin, 0, EMPTY_ROOT))
    return Head(epoch.number, read_checkpoint(note)[1])


def newest_note(session: Session, epoch: int) -> str | None:
    """Give the newest signed checkpoint of one epoch as it is stored, without witnesses' lines."""
    chosen = (
        sa.select(col(LedgerCheckpoint.note))
        .where(col(LedgerCheckpoint.epoch) == epoch)
        .order_by(col(LedgerCheckpoint.size).desc())
        .limit(1)
    )
    note: str | None = session.execute(chosen).scalar()
    return note


def _first_epoch(unit: Unit, journal: Journal) -> LedgerEpoch:
    first, second = journal.keys.public(journal.origin)
    epoch = LedgerEpoch(
        number=1, origin=journal.origin, begun_at=unit.now, log_key=str(first), second_key=str(second)
    )
    unit.session.add(epoch)
    unit.session.flush()
    return epoch


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
