"""The tree in the database: its right edge grows, full tiles are stored once, hashes are read for proofs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway_verify.merkle import HASH_SIZE, Frontier, edge_of, leaf_hash, range_hash
from gateway_verify.tiles import HEIGHT, WIDTH, TileTree, tile_root
from sqlalchemy.engine import Connection

from gateway.store.engine import straight

_TILE = "SELECT hashes FROM ledger_tile WHERE epoch = ? AND level = ? AND place = ?"
_OVERS = (
    "SELECT over FROM ledger_tile WHERE epoch = ? AND level = ? AND place >= ? AND place < ? ORDER BY place"
)
_LEAVES = "SELECT leaf FROM ledger_leaf WHERE epoch = ? AND position >= ? AND position < ? ORDER BY position"


@dataclass(frozen=True)
class Tile:
    """A tile that has just become full."""

    level: int
    place: int
    hashes: bytes
    over: bytes


class Edge:
    """The right edge of a tree: the hashes of the partial tile at each level.

    It is copied to grow, never changed.
    """

    def __init__(self, levels: Sequence[Sequence[bytes]] = (), frontier: Frontier | None = None) -> None:
        self.levels = [list(level) for level in levels]
        self.frontier = frontier or Frontier()

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self.frontier.size

    def root(self) -> bytes:
        """Give the root over them."""
        return self.frontier.root()

    def grown(self, leaf_hashes: Iterable[bytes]) -> tuple[Edge, list[Tile]]:
        """Give the edge after these leaves, and the tiles that became full."""
        edge = Edge(self.levels, self.frontier.copy())
        full: list[Tile] = []
        for one in leaf_hashes:
            edge.frontier.add(one)
            edge._add(0, one, full)
        return edge, full

    def _add(self, level: int, one: bytes, full: list[Tile]) -> None:
        if level == len(self.levels):
            self.levels.append([])
        hashes = self.levels[level]
        hashes.append(one)
        if len(hashes) < WIDTH:
            return
        over = tile_root(hashes)
        place = (self.size >> HEIGHT * (level + 1)) - 1
        full.append(Tile(level, place, b"".join(hashes), over))
        self.levels[level] = []
        self._add(level + 1, over, full)


def stored_tree(connection: Connection, epoch: int, size: int) -> TileTree:
    """Give the hashes of the tree of `size` leaves, read from the database as they are needed."""
    return TileTree(size, lambda level, place, width: stored_tile(connection, epoch, level, place, width))


def stored_root(connection: Connection, epoch: int, size: int) -> bytes:
    """Give the root over the first `size` leaves in the database. Raises Unverified when hashes are missing."""
    return range_hash(0, size, stored_tree(connection, epoch, size).node)


def stored_tile(connection: Connection, epoch: int, level: int, place: int, width: int) -> bytes:
    """Give the first `width` hashes of a tile: stored if it is full, else worked out from the level below."""
    stored: list[tuple[bytes]] = straight(connection, _TILE, (epoch, level, place))
    if stored:
        return stored[0][0][: width * HASH_SIZE]
    start, end = place * WIDTH, place * WIDTH + width
    if level == 0:
        return b"".join(leaf_hash(leaf) for leaf in stored_leaves(connection, epoch, start, end))
    return b"".join(over for (over,) in straight(connection, _OVERS, (epoch, level - 1, start, end)))


def stored_leaves(connection: Connection, epoch: int, start: int, end: int) -> list[bytes]:
    """Give the leaves from place `start` to `end` - 1."""
    return [leaf for (leaf,) in straight(connection, _LEAVES, (epoch, start, end))]


def stored_edge(connection: Connection, epoch: int, size: int) -> Edge:
    """Give the right edge of the tree of `size` leaves, read from the database.

    Raises Unverified when hashes are missing.
    """
    tree = stored_tree(connection, epoch, size)
    levels = []
    level = 0
    while size >> HEIGHT * level:
        width = (size >> HEIGHT * level) % WIDTH
        place = (size >> HEIGHT * level) // WIDTH
        data = stored_tile(connection, epoch, level, place, width) if width else b""
        levels.append([data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)])
        level += 1
    return Edge(levels, Frontier(size, edge_of(size, tree.node)))
