"""What the log serves to anyone.

The published checkpoint, tiles and entry bundles, and nothing beyond what it signed.
"""

from __future__ import annotations

import sqlalchemy as sa
from gateway_verify.tiles import HEIGHT, WIDTH
from sqlmodel import col

from gateway.errors import NotFound
from gateway.ledger.export import entry_bundle
from gateway.ledger.journal import journal_of
from gateway.ledger.lives import lives
from gateway.ledger.models import LedgerCheckpoint
from gateway.ledger.publish import current_epoch, policy_text, published_checkpoint
from gateway.ledger.tree import stored_tile
from gateway.store.unit_of_work import Unit

_TOP_LEVEL = 63


def checkpoint(unit: Unit, epoch: int | None) -> bytes:
    """Give the checkpoint to show of one life of the log, by default the present one; raise NotFound without any."""
    return str(published_checkpoint(unit, epoch)).encode()


def entries(unit: Unit, epoch: int | None, place: int, width: int) -> bytes:
    """Give an entry bundle; raise NotFound for one that no checkpoint covers."""
    number = current_epoch(unit) if epoch is None else epoch
    _check_covered(unit, number, 0, place, width)
    return entry_bundle(unit, number, place, width)


def tile(unit: Unit, epoch: int | None, level: int, place: int, width: int) -> bytes:
    """Give a tile; raise NotFound for one that no checkpoint covers."""
    number = current_epoch(unit) if epoch is None else epoch
    _check_covered(unit, number, level, place, width)
    return stored_tile(unit.session.connection(), number, level, place, width)


def policy(unit: Unit) -> bytes:
    """Give the starting policy file."""
    return policy_text(journal_of(unit), lives(unit)).encode()


def _check_covered(unit: Unit, epoch: int, level: int, place: int, width: int) -> None:
    largest = sa.select(sa.func.max(LedgerCheckpoint.size)).where(col(LedgerCheckpoint.epoch) == epoch)
    size = unit.session.execute(largest).scalar() or 0
    if level > _TOP_LEVEL or place * WIDTH + width > size >> HEIGHT * level:
        raise NotFound(
            "The log has no such tile.", next_step="Ask for what the checkpoint's size says is there."
        )
