"""One life of the log as it is checked, from its first entry on: it can be left anywhere and gone on with later.

Work already done in this process is not repeated for rows whose every byte is the same; as the rows are read again
each time and compared by their digest, no edit can hide behind that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

import sqlalchemy as sa
from gateway_verify.checkpoint import check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import HASH_SIZE, Frontier, leaf_hash
from gateway_verify.note import VerifierKey
from gateway_verify.opening import parse_object
from gateway_verify.tiles import FULL, WIDTH, hashes_of, tile_root
from sqlmodel import SQLModel

from gateway.ledger.entries import EntryKind
from gateway.ledger.filed import Filed
from gateway.ledger.models import LedgerEpoch
from gateway.ledger.rows import Rows
from gateway.store.unit_of_work import Unit

_LEAF, _TILE, _CHECKPOINT = (
    SQLModel.metadata.tables[f"ledger_{name}"] for name in ("leaf", "tile", "checkpoint")
)
_MOST_PROBLEMS = 20
_MOST_CHUNKS = 8192
ABOUT_HOLDS = (EntryKind.ENTRY_HELD, EntryKind.ENTRY_REVIEWED, EntryKind.ENTRY_REVEALED)

Decisions = tuple[tuple[str, dict[str, Any]], ...]


@dataclass
class Tally:
    """What was found to be wrong: how much, and the first few of it in words."""

    problems: list[str] = field(default_factory=list)
    count: int = 0

    def wrong(self, what: str) -> None:
        """Note a problem."""
        self.count += 1
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(what)


@dataclass(frozen=True)
class _Checked:
    """What is remembered of neighbouring entries that held: hashes, how many were erased, what they say of holds."""

    hashes: bytes
    erased: int
    decisions: Decisions


class Memory:
    """Digests of rows that were checked in this process."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: bytes) -> _Checked | None:
        """Give what is remembered of rows with this digest, or None."""
        with self._lock:
            known = self._known.get(digest)
            if known is not None:
                self._known.move_to_end(digest)
            return known

    def keep(self, digest: bytes, checked: _Checked) -> None:
        """Remember rows that held."""
        with self._lock:
            self._known[digest] = checked
            while len(self._known) > _MOST_CHUNKS:
                self._known.popitem(last=False)


_memory = Memory()


class Life:
    """How far one life of the log was checked, and the tree over what was."""

    def __init__(self, epoch: LedgerEpoch) -> None:
        self.number, self.origin = epoch.number, epoch.origin
        self.key = VerifierKey.parse(epoch.log_key)
        self.size = 0
        self.signed = 0
        self.signed_at: datetime | None = None
        self.erased = 0
        self.decisions: Decisions = ()
        self._tiles = Frontier()
        self._full: list[bytes] = []
        self._overs: list[bytes] = []
        self._edge: list[bytes] = []
        self._filed = Filed()

    def copy(self) -> Life:
        """Give one that is gone on with by itself."""
        other = copy(self)
        other._tiles, other._full = self._tiles.copy(), list(self._full)
        other._overs, other._edge = list(self._overs), list(self._edge)
        other._filed = self._filed.copy()
        return other

    def about(self, subject_ids: Collection[str]) -> set[str]:
        """Give the ids of the entries that were checked and are about any of these persons."""
        return self._filed.under(subject_ids)

    def root(self) -> bytes:
        """Give the root over what was checked."""
        return self._tiles.root(_frontier(self._edge).root() if self._edge else None)

    def hash_at(self, position: int) -> bytes | None:
        """Give the hash of an entry that was checked, or None."""
        place, offset = divmod(position, WIDTH)
        if place < len(self._full):
            return self._full[place][offset * HASH_SIZE : (offset + 1) * HASH_SIZE]
        return self._edge[offset] if place == len(self._full) and offset < len(self._edge) else None

    def stored(self, unit: Unit) -> int:
        """Give how far the stored entries reach."""
        last = sa.select(sa.func.max(_LEAF.c.position)).where(_LEAF.c.epoch == self.number)
        position: int | None = unit.session.execute(last).scalar()
        return 0 if position is None else position + 1

    def advance(self, unit: Unit, stored: int, tally: Tally) -> None:
        """Check the entries up to the end of the tile that comes next, or of what is `stored`."""
        start, end = self.size, min((self.size // WIDTH + 1) * WIDTH, stored)
        rows = Rows.read(unit, self.number, start, end)
        around = (self._tiles.root(), b"".join(self._edge), str(self.key), rows.keys(unit))
        digest = rows.digest(*around)
        checked, wrong = _memory.get(digest), tally.count
        if checked is None:
            checked = self._check_rows(unit, rows, tally)
            if tally.count == wrong:
                _memory.keep(digest, checked)
        if tally.count == wrong:
            self._filed.add(rows.about_whom())
        self._take(checked, end)
        if rows.checkpoints:
            self.signed = rows.checkpoints[-1].size
            self.signed_at = rows.leaves[-1].at or rows.checkpoints[-1].at

    def _take(self, checked: _Checked, end: int) -> None:
        self.size = end
        self.erased += checked.erased
        self.decisions += checked.decisions
        self._edge += hashes_of(checked.hashes)
        if end % WIDTH:
            return
        if len(self._edge) == WIDTH:
            self._full.append(checked.hashes if len(checked.hashes) == FULL else b"".join(self._edge))
            self._overs.append(tile_root(self._edge))
            self._tiles.add(self._overs[-1])
        self._edge = []

    def _check_rows(self, unit: Unit, rows: Rows, tally: Tally) -> _Checked:
        rows.prepare_keys(unit)
        edge = _frontier(self._edge)
        hashes: list[bytes] = []
        erased, decisions = 0, []
        signed = {row.size: row for row in rows.checkpoints}
        for offset, leaf in enumerate(rows.leaves):
            number = self.size + offset + 1
            if leaf.position + 1 != number:
                tally.wrong(f"entry {number} is missing")
                break
            found = list(rows.problems(unit, leaf))
            for problem in found:
                tally.wrong(f"entry {number} {problem}")
            erased += leaf.record is None
            if leaf.kind in ABOUT_HOLDS and not found:
                decisions.append((leaf.entry_id, parse_object(leaf.record)))
            hashes.append(leaf_hash(leaf.leaf))
            edge.add(hashes[-1])
            checkpoint = signed.pop(number, None)
            if checkpoint is not None:
                self._check_checkpoint(checkpoint, self._tiles.root(edge.root()), tally)
        for size in signed:
            tally.wrong(f"a checkpoint was signed over {size} entries, and there are fewer")
        self._check_tile(rows.tile, [*self._edge, *hashes], tally)
        return _Checked(b"".join(hashes), erased, tuple(decisions))

    def _check_checkpoint(self, row: Any, root: bytes, tally: Tally) -> None:
        try:
            self.check_signed(row, root)
        except Unverified as error:
            tally.wrong(f"the checkpoint over {row.size} entries does not hold: {error}")

    def check_signed(self, row: Any, root: bytes | None) -> bytes:
        """Give the root that a stored checkpoint signs; raise Unverified unless it is this log's and over `root`."""
        note, checkpoint = read_checkpoint(row.note)
        if (checkpoint.origin, checkpoint.size) != (self.origin, row.size):
            raise Unverified("it is of another log or size")
        if root is not None and checkpoint.root != root:
            raise Unverified("the entries do not add up to what was signed")
        if check_signature(note, self.key) is None:
            raise Unverified("it does not carry the log's signature")
        return checkpoint.root

    def newest(self, unit: Unit) -> Any:
        """Give the newest stored checkpoint's row, or None."""
        newest = sa.select(_CHECKPOINT.c.size, _CHECKPOINT.c.note).where(_CHECKPOINT.c.epoch == self.number)
        return unit.session.execute(newest.order_by(_CHECKPOINT.c.size.desc()).limit(1)).one_or_none()

    def _check_tile(self, tile: Any, hashes: Sequence[bytes], tally: Tally) -> None:
        start = self.size - self.size % WIDTH
        if len(hashes) < WIDTH:
            if tile is not None:
                tally.wrong(f"a tile is stored for entries from {start + 1} on that are not there")
            return
        if tile is None or tile.hashes != b"".join(hashes) or tile.over != tile_root(hashes):
            tally.wrong(f"the tile over entries {start + 1} to {start + WIDTH} was changed or is missing")

    def check_end(self, unit: Unit, tally: Tally) -> None:
        """Compare the end of what was checked with the newest checkpoint."""
        newest = self.newest(unit)
        last = newest.size if newest else 0
        if last > self.size:
            tally.wrong(f"entries {self.size + 1} to {last} are missing from the end")
        elif self.signed < self.size:
            tally.wrong(f"entries {self.signed + 1} to {self.size} were never signed")

    def check_upper_tiles(self, unit: Unit, tally: Tally) -> None:
        """Compare the tiles over tiles with what lies below them."""
        stored = sa.select(_TILE).where(_TILE.c.epoch == self.number, _TILE.c.level > 0)
        found = {(row.level, row.place): row for row in unit.session.execute(stored)}
        below, level = self._overs, 1
        while len(below) >= WIDTH:
            overs = []
            for place in range(len(below) // WIDTH):
                hashes = below[place * WIDTH : (place + 1) * WIDTH]
                overs.append(tile_root(hashes))
                tile = found.pop((level, place), None)
                if tile is None or tile.hashes != b"".join(hashes) or tile.over != overs[-1]:
                    tally.wrong(f"a tile of level {level} was changed or is missing")
            below, level = overs, level + 1
        if found:
            tally.wrong("there are tiles over entries that are not there")
        lowest = sa.select(sa.func.max(_TILE.c.place)).where(_TILE.c.epoch == self.number, _TILE.c.level == 0)
        last = unit.session.execute(lowest).scalar()
        if last is not None and last >= self.size // WIDTH:
            tally.wrong("there are tiles over entries that are not there")


def _frontier(hashes: Sequence[bytes]) -> Frontier:
    frontier = Frontier()
    for one in hashes:
        frontier.add(one)
    return frontier
