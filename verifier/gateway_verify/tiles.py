"""Where hashes and entries of a log lie: the tiles and entry bundles of c2sp.org/tlog-tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gateway_verify.errors import Unverified
from gateway_verify.merkle import HASH_SIZE, node_hash

WIDTH = 256
HEIGHT = 8
FULL = WIDTH * HASH_SIZE

FetchTile = Callable[[int, int, int], bytes]


def tile_path(level: int | str, n: int, width: int = WIDTH) -> str:
    """Give the path of a tile below the log's prefix; level "entries" names an entry bundle.

    `n` is the tile's place in its level, `width` how many hashes it holds (a partial tile holds 1 to 255).
    """
    last, rest = f"{n % 1000:03d}", n // 1000
    parts = [last]
    while rest:
        parts.append(f"x{rest % 1000:03d}")
        rest //= 1000
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(parts))}{suffix}"


def parse_tile_number(path: str) -> tuple[int, int]:
    """Give the place and width in the part of a tile's path after its level.

    Raises ValueError if it isn't one.
    """
    width = WIDTH
    if ".p/" in path:
        path, _, partial = path.partition(".p/")
        width = int(partial)
        if not 1 <= width < WIDTH or str(width) != partial:
            raise ValueError("a partial tile holds 1 to 255 hashes")
    *outer, last = path.split("/")
    if any(len(part) != 4 or part[0] != "x" for part in outer) or (outer and outer[0] == "x000"):
        raise ValueError("not a tile")
    digits = [part[1:] for part in outer] + [last]
    if any(len(part) != 3 or not (part.isascii() and part.isdigit()) for part in digits):
        raise ValueError("not a tile")
    return int("".join(digits)), width


def widths(size: int, level: int) -> Iterator[tuple[int, int]]:
    """Each tile of this level in a tree of `size` leaves, as (place, width)."""
    hashes = size >> HEIGHT * level
    for n in range(hashes // WIDTH):
        yield n, WIDTH
    if hashes % WIDTH:
        yield hashes // WIDTH, hashes % WIDTH


def levels(size: int) -> range:
    """Give the tile levels that a tree of `size` leaves has."""
    return range((size.bit_length() + HEIGHT - 1) // HEIGHT)


def hashes_of(tile: bytes) -> list[bytes]:
    """Give the hashes that a tile holds."""
    return [tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """Give the hash over a full tile, or over any power of two of neighbouring hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


class TileTree:
    """The hash over any complete subtree of a tree of `size` leaves, read from its tiles."""

    def __init__(self, size: int, fetch: FetchTile) -> None:
        """`fetch(level, n, width)` gives a tile's bytes; each is asked for once."""
        self.size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, height: int, index: int) -> bytes:
        """Give the hash over the 2**height leaves from leaf `index << height`."""
        level, rest = divmod(height, HEIGHT)
        n, offset = divmod(index << rest, WIDTH)
        row = self._tile(level, n)[offset : offset + (1 << rest)]
        if len(row) != 1 << rest:
            raise Unverified("a tile is shorter than the log's size says")
        return tile_root(row)

    def _tile(self, level: int, n: int) -> list[bytes]:
        if (level, n) not in self._tiles:
            width = min(WIDTH, (self.size >> HEIGHT * level) - n * WIDTH)
            data = self._fetch(level, n, width)
            if len(data) != width * HASH_SIZE:
                raise Unverified(f"tile {tile_path(level, n, width)} has {len(data)} bytes")
            self._tiles[level, n] = hashes_of(data)
        return self._tiles[level, n]


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """Give an entry bundle: each entry behind its length as two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_entries(bundle: bytes, width: int) -> list[bytes]:
    """Give the entries of a bundle of `width`. Raises Unverified when the bundle is cut short or too long."""
    entries, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if len(entry) != length or at + 2 > len(bundle):
            raise Unverified("an entry bundle is cut short")
        entries.append(entry)
        at += 2 + length
    if len(entries) != width:
        raise Unverified(f"an entry bundle holds {len(entries)} entries instead of {width}")
    return entries
