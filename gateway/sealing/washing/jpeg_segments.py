"""JPEG and JPEG 2000 as they lie inside a PDF: what isn't picture is cut out, the picture itself isn't decoded."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sealing.washing.washed import Unwashable

_MARKER = 0xFF
_START_OF_SCAN = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF})
# APP0 (JFIF) and APP14 (Adobe: how colours are stored) are needed to draw it; EXIF, XMP and comments are not.
_JFIF, _ADOBE = 0xE0, 0xEE
_DROPPED = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_START = b"\xff\xd8"
_END = b"\xff\xd9"
_DAMAGED = "A picture in this document is damaged."
_BOX_HEADER = 8
_LONG_BOX_HEADER = 16
_JP2_KEPT = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})


def strip_jpeg(data: bytes) -> bytes:
    """Give the JPEG without EXIF, XMP, comments, thumbnails and what follows its end.

    Raises Unwashable when it isn't one, or is damaged: what can't be read can't be cut out.
    """
    if data[:2] != _START:
        raise Unwashable(_DAMAGED)
    kept, at = [_START], 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        marker = data[at + 1] if data[at : at + 1] == b"\xff" and at + 1 < len(data) else 0
        if marker == _END[1] or marker == _START_OF_SCAN:
            break
        segment = data[at : at + 2] if marker in _STANDALONE else _segment(data, at)
        kept.append(_drawn_by(marker, segment))
        at += len(segment)
    # What follows the first end mark is a second picture, as cameras put there, or anything else.
    return b"".join(kept) + data[at : _end_of_scans(data, at)]


def _segment(data: bytes, at: int) -> bytes:
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    segment = data[at : at + 2 + length]
    if length < 2 or len(segment) != 2 + length:
        raise Unwashable(_DAMAGED)
    return segment


def _drawn_by(marker: int, segment: bytes) -> bytes:
    """Give what of a segment is needed to draw the picture."""
    if marker in _DROPPED or marker in _STANDALONE:
        return b""
    if marker == _JFIF:
        return _jfif(segment)
    if marker == _ADOBE:
        return b"\xff\xee\x00\x0e" + segment[4:16] if segment[4:9] == b"Adobe" and len(segment) >= 16 else b""
    is_whole_frame = marker in _FRAMES and len(segment) >= 10 and len(segment) == 10 + 3 * segment[9]
    if not is_whole_frame and marker not in _TABLES:
        raise Unwashable(_DAMAGED)
    return segment


def _jfif(segment: bytes) -> bytes:
    """Give the JFIF header without its thumbnail; nothing of what else an APP0 may hold."""
    if segment[4:9] != b"JFIF\0" or len(segment) < 18:
        return b""
    return b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0"


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
        if kind != _START_OF_SCAN and kind not in _TABLES:
            raise Unwashable(_DAMAGED)
        at = mark + len(_segment(data, mark))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _BOX_HEADER <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + _BOX_HEADER : at + _LONG_BOX_HEADER], "big")
        if length == 0:
            length = len(data) - at
        if length < _BOX_HEADER:
            raise Unwashable(_DAMAGED)
        yield data[at + 4 : at + 8], data[at : at + length]
        at += length
