"""JPEG and JPEG 2000 as they lie inside a PDF: what isn't picture is cut out, the picture itself isn't decoded."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sealing.washing.washed import Unwashable

_MARKER = 0xFF
_START_OF_SCAN = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
# APP0 (JFIF) and APP14 (Adobe: how colours are stored) are needed to draw it; EXIF, XMP and comments are not.
_DROPPED = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_START = b"\xff\xd8"
_END = b"\xff\xd9"
_BOX_HEADER = 8
_LONG_BOX_HEADER = 16
_JP2_KEPT = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})


def strip_jpeg(data: bytes) -> bytes:
    """Give the JPEG without EXIF, XMP, comments and what follows its end; raise Unwashable when it isn't one."""
    if data[:2] != _START:
        raise Unwashable("A picture in this document is damaged.")
    kept, at = [_START], 2
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1] if at + 1 < len(data) else 0
        if marker == _MARKER:
            at += 1
            continue
        if marker == _END[1] or marker == _START_OF_SCAN:
            break
        length = 0 if marker in _STANDALONE else int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at : at + 2 + length]
        if marker not in _DROPPED:
            kept.append(segment)
        at += 2 + length
    # What follows the first end mark is a second picture, as cameras put there, or anything else.
    return b"".join(kept) + data[at : _end_of_scans(data, at)]


def strip_jp2(data: bytes) -> bytes:
    """Give the JPEG 2000 file without XML, UUID and other boxes that hold no picture."""
    if data[4:8] != b"jP  ":
        return data
    return b"".join(box for kind, box in _boxes(data) if kind in _JP2_KEPT)


def _end_of_scans(data: bytes, at: int) -> int:
    # In coded data FF is followed by 00 or a restart mark, so the first FF D9 outside a segment is the end.
    while True:
        mark = data.find(b"\xff", at)
        if mark < 0 or mark + 1 >= len(data):
            return len(data)
        kind = data[mark + 1]
        if kind == _END[1]:
            return mark + 2
        if kind == 0 or kind in _STANDALONE or kind == _MARKER:
            at = mark + (1 if kind == _MARKER else 2)
            continue
        at = mark + 2 + int.from_bytes(data[mark + 2 : mark + 4], "big")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _BOX_HEADER <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + _BOX_HEADER : at + _LONG_BOX_HEADER], "big")
        if length == 0:
            length = len(data) - at
        if length < _BOX_HEADER:
            raise Unwashable("A picture in this document is damaged.")
        yield data[at + 4 : at + 8], data[at : at + length]
        at += length
