"""The log as a folder: what a static web server can serve and anyone can check without a connection (tlog-tiles).

The folder holds nothing about anyone: leaves are commitments, except key and policy events, which are public.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import Note
from gateway_verify.tiles import WIDTH, levels, pack_entries, tile_path, widths

from gateway.errors import Conflict
from gateway.ledger.journal import journal_of
from gateway.ledger.lives import lives
from gateway.ledger.models import LedgerEpoch
from gateway.ledger.publish import newest_checkpoint, policy_text, published_checkpoint
from gateway.ledger.tree import stored_leaves, stored_root, stored_tile
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Exported:
    """What was written: how many entries, and how many files were new."""

    entries: int
    files: int


def export(unit: Unit, folder: Path, *, newest: bool = False) -> Exported:
    """Write the log to `folder`; what a former export left there is kept and added to.

    The checkpoint is the newest that the witnesses' quorum cosigned, or with `newest` the very last one. Earlier lives
    of the log go to `epoch-1`, `epoch-2` and so on; of one that the folder holds more of than the database, nothing is
    touched. A starting policy is written to `policy.txt`. Raises NotFound for an empty log, Conflict when the folder
    holds a longer or another history of the log's present life.
    """
    every = lives(unit)
    _make_room(folder, every)
    entries = files = 0
    for epoch in every:
        last = epoch is every[-1]
        note = newest_checkpoint(unit, epoch.number) if newest else published_checkpoint(unit, epoch.number)
        below = folder if last else folder / f"epoch-{epoch.number}"
        if _continues(unit, epoch, below, must=last):
            files += _write_epoch(unit, epoch.number, note, below)
        entries += Checkpoint.parse(note.text).size
    _write(folder / "policy.txt", policy_text(journal_of(unit), every).encode())
    return Exported(entries, files)


def _make_room(folder: Path, every: Sequence[LedgerEpoch]) -> None:
    """Move what the folder holds of an earlier life to where earlier lives lie: a restore began a new one since."""
    held = _held(folder)
    if held is None or not every or held.origin == every[-1].origin:
        return
    number = next((epoch.number for epoch in every if epoch.origin == held.origin), None)
    below = folder / f"epoch-{number}"
    if number is None or (below / "checkpoint").exists():
        raise Conflict(
            f"The folder holds the log {held.origin}, not this one.", next_step="Use another folder."
        )
    below.mkdir(exist_ok=True)
    for name in ("tile", "checkpoint"):
        if (folder / name).exists():
            (folder / name).rename(below / name)


def _held(folder: Path) -> Checkpoint | None:
    """Give the checkpoint that a former export left in the folder."""
    try:
        return read_checkpoint((folder / "checkpoint").read_bytes())[1]
    except FileNotFoundError:
        return None
    except Unverified as error:
        raise Conflict(
            f"The folder's checkpoint can't be read: {error}.", next_step="Use another folder."
        ) from error


def _continues(unit: Unit, epoch: LedgerEpoch, folder: Path, *, must: bool) -> bool:
    """Tell whether the database continues what the folder holds; raise Conflict if it doesn't and must."""
    held = _held(folder)
    if held is None:
        return True
    size = Checkpoint.parse(newest_checkpoint(unit, epoch.number).text).size
    if held.size <= size and stored_root(unit.session.connection(), epoch.number, held.size) == held.root:
        return True
    if must:
        raise Conflict(
            f"The folder holds {held.size} entries of this log that the database, with {size}, does not continue.",
            next_step="Keep the folder as it is: a backup was restored, or the log was rewritten.",
        )
    return False


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
