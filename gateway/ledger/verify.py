"""The gateway's own check of its ledger: every stored row is worked out again from the record to the signature.

It tells at once when a row was edited. It cannot tell that the whole database was replaced by an older or a different
one that is whole in itself: only a checkpoint kept elsewhere shows that (`gateway-verify --since`; and the witnesses,
of whom it repeats what they last said).

Work already done in this process is not repeated for rows whose every byte is the same; as the rows are read again
each time and compared by their digest, no edit can hide behind that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from threading import Lock
from typing import Any

import sqlalchemy as sa
from gateway_verify.checkpoint import check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import Frontier, leaf_hash
from gateway_verify.note import Note, VerifierKey, parse_signatures
from gateway_verify.opening import parse_object
from gateway_verify.policy import Policy
from gateway_verify.tiles import WIDTH, tile_root
from sqlmodel import SQLModel, col

from gateway.ledger.entries import EntryKind
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.models import LedgerEpoch
from gateway.ledger.rows import Rows, entry_problems
from gateway.ledger.witness import disputed, in_words, moment
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope, VaultKey

_LEAF, _RECORD, _SUBJECT, _TILE, _CHECKPOINT, _COSIGNATURE, _ERASURE, _PENDING, _HOLD = (
    SQLModel.metadata.tables[f"ledger_{name}"]
    for name in (
        "leaf",
        "record",
        "subject",
        "tile",
        "checkpoint",
        "cosignature",
        "erasure",
        "pending",
        "hold",
    )
)
_MOST_PROBLEMS = 20
_MOST_CHUNKS = 8192


@dataclass(frozen=True)
class Verdict:
    """What the check found. `sentence` is for a page; `problems` name entries by number and nothing personal.

    `watched` says, in words, what those outside who watch the log last said of it.
    """

    verified: bool
    entries: int
    signed_at: datetime | None
    sentence: str
    problems: Sequence[str] = ()
    erased: int = 0
    waiting: int = 0
    watched: str = ""


@dataclass
class _Tally:
    problems: list[str] = field(default_factory=list)
    erased: int = 0

    def wrong(self, what: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(what)


@dataclass(frozen=True)
class _Checked:
    """What is remembered of 256 entries that held: their hashes, and how many of them were erased."""

    hashes: tuple[bytes, ...]
    erased: int


class _Memory:
    """Digests of rows that were checked in this process."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: bytes) -> _Checked | None:
        with self._lock:
            known = self._known.get(digest)
            if known is not None:
                self._known.move_to_end(digest)
            return known

    def keep(self, digest: bytes, checked: _Checked) -> None:
        with self._lock:
            self._known[digest] = checked
            while len(self._known) > _MOST_CHUNKS:
                self._known.popitem(last=False)


_memory = _Memory()


def verify_store(unit: Unit) -> Verdict:
    """Check the whole ledger as it is stored: records, salts, words, links, leaves, tiles, checkpoints, signatures."""
    tally = _Tally()
    dispute = disputed(journal_of(unit))
    if dispute:
        tally.wrong(dispute)
    epochs = unit.session.execute(sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number))).scalars().all()
    journal = journal_of(unit)
    total, signed_at = 0, None
    for epoch in epochs:
        size, signed_at = _Epoch(unit, epoch, journal, tally).check()
        total += size
    _check_keys(unit, epochs, journal, tally)
    _check_holds(unit, tally)
    _check_strays(unit, tally)
    waiting = unit.session.execute(sa.select(sa.func.count()).select_from(_PENDING)).scalar() or 0
    return Verdict(
        verified=not tally.problems,
        entries=total,
        signed_at=signed_at,
        sentence=_sentence(tally, total, signed_at),
        problems=tuple(tally.problems),
        erased=tally.erased,
        waiting=waiting,
        watched=in_words(unit),
    )


def _sentence(tally: _Tally, total: int, signed_at: datetime | None) -> str:
    if tally.problems:
        return f"The log does not verify: {tally.problems[0]}."
    if signed_at is None:
        return "The log is empty, so there is nothing to verify."
    erased = f" {tally.erased} of them were erased by a recorded decision." if tally.erased else ""
    return (
        f"The log verifies: all {total} entries are as they were recorded,"
        f" up to the last at {moment(signed_at)}.{erased}"
    )


def _check_keys(unit: Unit, epochs: Sequence[LedgerEpoch], journal: Journal, tally: _Tally) -> None:
    """Compare the newest key with this process's, and each former one with what the next life's first entry says."""
    if epochs and epochs[-1].log_key != str(journal.keys.public(epochs[-1].origin)[0]):
        tally.wrong("it is signed with a key that is not this gateway's")
    for former, epoch in pairwise(epochs):
        first = sa.select(_LEAF.c.leaf).where(_LEAF.c.epoch == epoch.number, _LEAF.c.position == 0)
        leaf: bytes = unit.session.execute(first).scalar() or b""
        try:
            codes = parse_object(leaf[1:].decode())["codes"]
            honest = (codes["former_origin"], codes["former_key"]) == (former.origin, former.log_key)
        except (Unverified, UnicodeDecodeError, KeyError):
            honest = False
        if not honest:
            tally.wrong(f"the log {epoch.origin} does not begin where {former.origin} ended")


class _Epoch:
    """One life of the log, checked from its first entry to its last."""

    def __init__(self, unit: Unit, epoch: LedgerEpoch, journal: Journal, tally: _Tally) -> None:
        self._unit = unit
        self._number = epoch.number
        self._origin = epoch.origin
        self._key = VerifierKey.parse(epoch.log_key)
        self._policy = journal.policy or Policy()
        self._tally = tally
        self._outer = Frontier()
        self._overs: list[bytes] = []
        self._salt_keys = _salt_keys(unit)

    def check(self) -> tuple[int, datetime | None]:
        """Give how many entries there are and when the last checkpoint was signed."""
        size = self._count()
        signed, signed_at = 0, None
        for n in range((size + WIDTH - 1) // WIDTH):
            signed, signed_at = self._check_chunk(n) or (signed, signed_at)
        self._check_end(size, signed)
        self._check_upper_tiles(size)
        self._check_cosignatures()
        return size, signed_at

    def _count(self) -> int:
        last = sa.select(sa.func.max(_LEAF.c.position)).where(_LEAF.c.epoch == self._number)
        position: int | None = self._unit.session.execute(last).scalar()
        return 0 if position is None else position + 1

    def _check_chunk(self, n: int) -> tuple[int, datetime] | None:
        start, end = n * WIDTH, (n + 1) * WIDTH
        rows = Rows.read(self._unit, self._number, start, end)
        digest = rows.digest(self._outer.root(), str(self._key), self._salt_keys)
        checked = _memory.get(digest)
        if checked is None:
            before = len(self._tally.problems)
            checked = self._check_rows(start, rows)
            if len(self._tally.problems) == before:
                _memory.keep(digest, checked)
        self._tally.erased += checked.erased
        if len(checked.hashes) == WIDTH:
            over = tile_root(checked.hashes)
            self._outer.add(over)
            self._overs.append(over)
        if not rows.checkpoints:
            return None
        last = rows.checkpoints[-1]
        return last.size, rows.leaves[-1].at or last.at

    def _check_rows(self, start: int, rows: Rows) -> _Checked:
        hashes: list[bytes] = []
        erased = 0
        inner = Frontier()
        signed = {row.size: row for row in rows.checkpoints}
        for offset, leaf in enumerate(rows.leaves):
            if leaf.position != start + offset:
                self._tally.wrong(f"entry {start + offset + 1} is missing")
                break
            erased += self._check_entry(rows, leaf)
            hashes.append(leaf_hash(leaf.leaf))
            inner.add(hashes[-1])
            checkpoint = signed.pop(leaf.position + 1, None)
            if checkpoint is not None:
                self._check_checkpoint(checkpoint, self._outer.root(inner.root()))
        for size in signed:
            self._tally.wrong(f"a checkpoint was signed over {size} entries, and there are fewer")
        self._check_first_tile(start, rows.tile, hashes)
        return _Checked(tuple(hashes), erased)

    def _check_entry(self, rows: Rows, leaf: Any) -> int:
        """Give 1 for an entry that was erased by a recorded decision, else 0."""
        number = leaf.position + 1
        if leaf.record is None:
            problem = rows.erasure_problem(self._unit, leaf.entry_id)
            if problem:
                self._tally.wrong(f"entry {number} {problem}")
            return 1
        for problem in entry_problems(self._unit, leaf, rows.subjects.get(leaf.entry_id, ())):
            self._tally.wrong(f"entry {number} {problem}")
        return 0

    def _check_checkpoint(self, row: Any, root: bytes) -> None:
        try:
            note, checkpoint = read_checkpoint(row.note)
            if (checkpoint.origin, checkpoint.size) != (self._origin, row.size):
                raise Unverified("it is of another log or size")
            if checkpoint.root != root:
                raise Unverified("the entries do not add up to what was signed")
            if check_signature(note, self._key) is None:
                raise Unverified("it does not carry the log's signature")
        except Unverified as error:
            self._tally.wrong(f"the checkpoint over {row.size} entries does not hold: {error}")

    def _check_first_tile(self, start: int, tile: Any, hashes: Sequence[bytes]) -> None:
        if len(hashes) < WIDTH:
            if tile is not None:
                self._tally.wrong(f"a tile is stored for entries from {start + 1} on that are not there")
            return
        if tile is None or tile.hashes != b"".join(hashes) or tile.over != tile_root(hashes):
            self._tally.wrong(
                f"the tile over entries {start + 1} to {start + WIDTH} was changed or is missing"
            )

    def _check_end(self, size: int, signed: int) -> None:
        beyond = sa.select(sa.func.max(_CHECKPOINT.c.size)).where(_CHECKPOINT.c.epoch == self._number)
        last = self._unit.session.execute(beyond).scalar() or 0
        if last > size:
            self._tally.wrong(f"entries {size + 1} to {last} are missing from the end")
        elif signed < size:
            self._tally.wrong(f"entries {signed + 1} to {size} were never signed")

    def _check_upper_tiles(self, size: int) -> None:
        stored = sa.select(_TILE).where(_TILE.c.epoch == self._number, _TILE.c.level > 0)
        found = {(row.level, row.place): row for row in self._unit.session.execute(stored)}
        below, level = self._overs, 1
        while len(below) >= WIDTH:
            overs = []
            for place in range(len(below) // WIDTH):
                hashes = below[place * WIDTH : (place + 1) * WIDTH]
                overs.append(tile_root(hashes))
                tile = found.pop((level, place), None)
                if tile is None or tile.hashes != b"".join(hashes) or tile.over != overs[-1]:
                    self._tally.wrong(f"a tile of level {level} was changed or is missing")
            below, level = overs, level + 1
        if found:
            self._tally.wrong("there are tiles over entries that are not there")
        lowest = sa.select(sa.func.max(_TILE.c.place)).where(
            _TILE.c.epoch == self._number, _TILE.c.level == 0
        )
        last = self._unit.session.execute(lowest).scalar()
        if last is not None and last >= size // WIDTH:
            self._tally.wrong("there are tiles over entries that are not there")

    def _check_cosignatures(self) -> None:
        joined = (
            sa.select(_CHECKPOINT.c.note, _COSIGNATURE)
            .select_from(_COSIGNATURE.outerjoin(_CHECKPOINT, _same_checkpoint()))
            .where(_COSIGNATURE.c.epoch == self._number)
        )
        for row in self._unit.session.execute(joined):
            witness = self._policy.witnesses.get(row.witness)
            if witness is None:
                continue  # a witness that left the policy: its old lines say nothing any more
            try:
                note = Note(read_checkpoint(row.note or "")[0].text, parse_signatures(row.line))
                if check_signature(note, witness.key) is None:
                    raise Unverified("it carries another key")
            except Unverified as error:
                self._tally.wrong(f"{row.witness}'s signature over {row.size} entries does not hold: {error}")


def _salt_keys(unit: Unit) -> list[tuple[str, bytes | None]]:
    """Give the wrapped keys of the salts: what rests on them is checked again when one changes."""
    chosen = sa.select(col(VaultKey.owner_id), col(VaultKey.wrapped)).where(col(VaultKey.scope) == Scope.SALT)
    return sorted((owner, wrapped) for owner, wrapped in unit.session.execute(chosen))


def _same_checkpoint() -> sa.ColumnElement[bool]:
    return sa.and_(_CHECKPOINT.c.epoch == _COSIGNATURE.c.epoch, _CHECKPOINT.c.size == _COSIGNATURE.c.size)


def _check_holds(unit: Unit, tally: _Tally) -> None:
    """Compare each hold with the entries that made it: an entry is hidden or shown only by a recorded decision."""
    about_holds = [EntryKind.ENTRY_HELD, EntryKind.ENTRY_REVIEWED, EntryKind.ENTRY_REVEALED]
    chosen = (
        sa.select(_RECORD.c.entry_id, _RECORD.c.record)
        .select_from(_RECORD.outerjoin(_LEAF, _LEAF.c.entry_id == _RECORD.c.entry_id))
        .where(_RECORD.c.kind.in_(about_holds))
        .order_by(_LEAF.c.epoch, _LEAF.c.position)
    )
    said = {entry_id: parse_object(text) for entry_id, text in unit.session.execute(chosen)}
    held = {row.entry_id: row for row in unit.session.execute(sa.select(_HOLD))}
    erased = set(unit.session.execute(sa.select(_ERASURE.c.entry_id)).scalars())
    decided = {fields["refs"].get("entry"): fields["kind"] for fields in said.values()}
    revealed = {about for about, kind in decided.items() if kind == EntryKind.ENTRY_REVEALED}
    honest = set(decided) - erased == set(held) and all(
        _is_as_decided(row, said) and (row.revealed_by_entry_id is not None) == (row.entry_id in revealed)
        for row in held.values()
    )
    if not honest:
        tally.wrong("an entry is held or shown otherwise than was decided")


def _is_as_decided(row: Any, said: dict[str, dict[str, Any]]) -> bool:
    by = said.get(row.by_entry_id)
    last = said.get(row.revealed_by_entry_id or row.by_entry_id)
    if by is None or last is None or last["refs"]["entry"] != row.entry_id:
        return False
    stored = (row.entry_id, row.reviewer_post_id, row.review_on.isoformat())
    return stored == (by["refs"]["entry"], by["refs"].get("reviewer"), by["codes"].get("review_on"))


def _check_strays(unit: Unit, tally: _Tally) -> None:
    """Look for what belongs to no entry of the tree: rows slipped in beside it."""
    placed = sa.select(_LEAF.c.entry_id).union_all(sa.select(_PENDING.c.entry_id))
    for table, what in (
        (_RECORD, "record"),
        (_SUBJECT, "link to a person"),
        (_ERASURE, "erasure"),
        (_HOLD, "hold"),
    ):
        strays = sa.select(sa.func.count()).select_from(table).where(table.c.entry_id.not_in(placed))
        count = unit.session.execute(strays).scalar() or 0
        if count:
            tally.wrong(f"{count} stored {what}{'s' if count > 1 else ''} belong to no entry of the log")
    for table in (_LEAF, _TILE, _CHECKPOINT, _COSIGNATURE):
        elsewhere = sa.select(sa.literal(1)).where(table.c.epoch.not_in(sa.select(col(LedgerEpoch.number))))
        if unit.session.execute(elsewhere.limit(1)).scalar():
            tally.wrong("there are rows of a log that was never begun")
