"""Looks for a sentinel the way a curious person would: as it is, in other spellings, and inside what is packed."""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache

_DEPTH = 3
_FLATE = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_ALIGNMENTS = 3


@lru_cache(maxsize=64)
def spellings(sentinel: str) -> tuple[bytes, ...]:
    """The sentinel in UTF-8, UTF-16, base64 at any alignment, base64url and hexadecimal."""
    return tuple(_spellings(sentinel))


def _spellings(sentinel: str) -> Iterator[bytes]:
    plain = sentinel.encode()
    for form in (plain, sentinel.encode("utf-16-le"), sentinel.encode("utf-16-be")):
        yield form
        for shift in range(_ALIGNMENTS):
            whole = base64.b64encode(b"\0" * shift + form)
            # The first and last characters depend on the neighbours; what is between them doesn't.
            core = whole[(8 * shift + 5) // 6 : len(whole) - 4]
            yield core
            yield core.replace(b"+", b"-").replace(b"/", b"_")
        yield form.hex().encode()
        yield form.hex().upper().encode()


def holds(data: bytes, sentinel: str, depth: int = _DEPTH) -> bool:
    """Whether `data` holds the sentinel in any spelling, also inside zip members and deflated streams."""
    if any(form in data for form in spellings(sentinel)):
        return True
    return depth > 0 and any(holds(inner, sentinel, depth - 1) for inner in _inside(data))


def _inside(data: bytes) -> Iterator[bytes]:
    at = data.find(b"PK\x03\x04")
    if at >= 0 and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename.encode() + member.comment + member.extra
                yield archive.read(member)
            yield archive.comment
    for match in _FLATE.finditer(data):
        try:
            yield zlib.decompressobj().decompress(match.group(1), 1 << 24)
        except zlib.error:
            continue
