"""The whole check of a log.

Signatures, quorum, every entry hashed again, and nothing lost since last time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.merkle import HASH_SIZE, Frontier, consistency_proof, leaf_hash, verify_consistency
from gateway_verify.note import Note
from gateway_verify.policy import Policy, Trust, judge
from gateway_verify.source import Below, Source
from gateway_verify.tiles import (
    WIDTH,
    TileTree,
    hashes_of,
    levels,
    tile_path,
    tile_root,
    unpack_entries,
    widths,
)


@dataclass(frozen=True)
class Audited:
    """A log that verified: its checkpoint, who stands behind it and how many entries are public events."""

    note: Note
    checkpoint: Checkpoint
    trust: Trust
    grown_by: int | None


def audit(log: Source, policy: Policy, kept: str | None = None) -> Audited:
    """Check a log from its first entry to its last.

    `kept` is a checkpoint, as text, that the user kept from an earlier check. Raises Unverified with the
    first thing that is wrong, Uncheckable when a file is missing.
    """
    note, checkpoint = read_checkpoint(log.read("checkpoint"))
    trust = judge(note, policy)
    if not trust.quorum_met:
        raise Unverified(
            f"the checkpoint over {checkpoint.size} entries is not cosigned by the witnesses that the policy asks for"
            f" ({policy.in_words()})"
        )
    grown_by = _since(log, checkpoint, policy, kept) if kept is not None else None
    _rehash(log, checkpoint)
    return Audited(note, checkpoint, trust, grown_by)


def tree(log: Source, size: int) -> TileTree:
    """Give the log's tree as its tiles give it."""
    return TileTree(size, lambda level, n, width: _tile(log, level, n, width))


def former_lives(log: Source, policy: Policy) -> dict[str, tuple[Source, int]]:
    """Check a log's earlier lives (below `epoch-1`, `epoch-2` and so on); give each with its size by its origin.

    Raises Unverified as `audit` does.
    """
    found: dict[str, tuple[Source, int]] = {}
    for number in count(1):
        life = Below(log, f"epoch-{number}/")
        try:
            checkpoint = audit(life, policy).checkpoint
        except Uncheckable:
            break
        if checkpoint.origin in found:
            raise Unverified(f"two earlier lives of the log have the name {checkpoint.origin}")
        found[checkpoint.origin] = (life, checkpoint.size)
    return found


def _tile(log: Source, level: int, n: int, width: int) -> bytes:
    try:
        tile = log.read(tile_path(level, n, width))
    except Uncheckable:
        if width == WIDTH:
            raise
        tile = log.read(tile_path(level, n))[: width * HASH_SIZE]  # gone once it is full (tlog-tiles)
    if len(tile) != width * HASH_SIZE:
        raise Unverified(f"the tile {tile_path(level, n, width)} has {len(tile)} bytes")
    return tile


def kept_checkpoint(kept: str, now: Checkpoint, policy: Policy) -> Checkpoint:
    """Read a checkpoint that the user kept, once it is one that this log signed.

    Raises Uncheckable when it can't be read, Unverified when it is of another log.
    """
    try:
        note, then = read_checkpoint(kept)
    except Unverified as error:
        raise Uncheckable(f"the checkpoint you kept cannot be read: {error}") from error
    try:
        judge(note, policy)
    except Unverified as error:
        raise Unverified(f"of the checkpoint you kept: {error}") from error
    if then.origin != now.origin:
        raise Unverified(
            f"the checkpoint you kept is of the log {then.origin}, this one is {now.origin}; if officers declared a"
            " restore, the former log lies below epoch-1, and what you kept is to be compared with that"
        )
    return then


def _since(log: Source, now: Checkpoint, policy: Policy, kept: str) -> int:
    then = kept_checkpoint(kept, now, policy)
    if then.size > now.size:
        raise Unverified(
            f"the log has lost entries: you kept a checkpoint over {then.size}, it now shows {now.size}"
        )
    if then.size == 0:
        return now.size
    proof = consistency_proof(then.size, now.size, tree(log, now.size).node)
    try:
        verify_consistency(then.size, now.size, proof, then.root, now.root)
    except Unverified as error:
        raise Unverified(f"history was changed since the checkpoint you kept: {error}") from error
    return now.size - then.size


def entries(log: Source, size: int) -> Iterator[bytes]:
    """Every entry of the log in order."""
    for n, width in widths(size, 0):
        bundle = unpack_entries_at(log, n, width)
        yield from bundle


def unpack_entries_at(log: Source, n: int, width: int) -> list[bytes]:
    """Give the first `width` entries of one bundle."""
    try:
        return unpack_entries(log.read(tile_path("entries", n, width)), width)
    except Uncheckable:
        if width == WIDTH:
            raise
        return unpack_entries(log.read(tile_path("entries", n)), WIDTH)[:width]


def _rehash(log: Source, checkpoint: Checkpoint) -> None:
    """Every entry to its hash, every tile to the tile above, the right edge to the signed root."""
    below: list[bytes] = []
    edge: list[bytes] = []
    for level in levels(checkpoint.size):
        above: list[bytes] = []
        for n, width in widths(checkpoint.size, level):
            hashes = hashes_of(_tile(log, level, n, width))
            if level == 0:
                _compare_entries(n, unpack_entries_at(log, n, width), hashes)
            elif hashes != below[n * WIDTH : n * WIDTH + width]:
                raise Unverified(f"the tile {tile_path(level, n, width)} does not fit the tiles below it")
            if width == WIDTH:
                above.append(tile_root(hashes))
            else:
                edge = _complete_subtrees(hashes) + edge
        below = above
    if Frontier(checkpoint.size, edge).root() != checkpoint.root:
        raise Unverified(f"the {checkpoint.size} entries do not add up to the root that was signed")


def _compare_entries(n: int, found: list[bytes], hashes: list[bytes]) -> None:
    for offset, (entry, expected) in enumerate(zip(found, hashes, strict=True)):
        if leaf_hash(entry) != expected:
            raise Unverified(f"entry {n * WIDTH + offset + 1} is not the entry that was hashed into the tree")


def _complete_subtrees(hashes: list[bytes]) -> list[bytes]:
    """Give the edge hashes of a partial tile, from the largest subtree to the smallest."""
    edge, at = [], 0
    for height in reversed(range(8)):
        if len(hashes) >> height & 1:
            edge.append(tile_root(hashes[at : at + (1 << height)]))
            at += 1 << height
    return edge
