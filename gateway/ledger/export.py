"""The log as a folder: what a static web server can serve and anyone can check without a connection (tlog-tiles).

The folder holds nothing about anyone: leaves are commitments, except key and policy events, which are public.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.note import Note
from gateway_verify.tiles import WIDTH, levels, pack_entries, tile_path, widths
from sqlmodel import col

from gateway.ledger.journal import journal_of
from gateway.ledger.models import LedgerEpoch
from gateway.ledger.publish import newest_checkpoint, policy_text, published_checkpoint
from gateway.ledger.tree import stored_leaves, stored_tile
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Exported:
    """What was written: how many entries, and how many files were new."""

    entries: int
    files: int


def epochs(unit: Unit) -> Sequence[LedgerEpoch]:
    """Give the log's lives, the first one first."""
    return unit.session.execute(sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number))).scalars().all()


def export(unit: Unit, folder: Path, *, newest: bool = False) -> Exported:
    """Write the log to `folder`; what a former export left there is kept and added to.

    The checkpoint is the newest that the witnesses' quorum cosigned, or with `newest` the very last one. Earlier lives
    of the log go to `epoch-1`, `epoch-2` and so on. A starting policy is written to `policy.txt`. Raises NotFound for
    an empty log.
    """
    lives = epochs(unit)
    entries = files = 0
    for epoch in lives:
        last = epoch is lives[-1]
        note = newest_checkpoint(unit, epoch.number) if newest else published_checkpoint(unit, epoch.number)
        below = folder if last else folder / f"epoch-{epoch.number}"
        files += _write_epoch(unit, epoch.number, note, below)
        entries += read_checkpoint(str(note))[1].size
    _write(folder / "policy.txt", policy_text(journal_of(unit), lives).encode())
    return Exported(entries, files)


def _write_epoch(unit: Unit, epoch: int, note: Note, folder: Path) -> int:
    checkpoint = Checkpoint.parse(note.text)
    files = 0
    for n, width in widths(checkpoint.size, 0):
        path = folder / tile_path("entries", n, width)
        if not path.exists():
            _write(path, entry_bundle(unit, epoch, n, width))
            files += 1
    for level in levels(checkpoint.size):
        for n, width in widths(checkpoint.size, level):
            path = folder / tile_path(level, n, width)
            if not path.exists():
                _write(path, stored_tile(unit.session.connection(), epoch, level, n, width))
                files += 1
    _write(
        folder / "checkpoint", str(note).encode()
    )  # last, so that it never promises files that are not there
    return files


def entry_bundle(unit: Unit, epoch: int, n: int, width: int) -> bytes:
    """Give the first `width` entries of a bundle."""
    return pack_entries(stored_leaves(unit.session.connection(), epoch, n * WIDTH, n * WIDTH + width))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.chmod(name, 0o644)
    os.replace(name, path)
