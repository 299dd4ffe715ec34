"""The process in which files are washed: it gives up memory, time, files and the network before it looks at one."""

from __future__ import annotations

import codecs
import json
import resource
from collections.abc import Callable
from typing import BinaryIO

from gateway.sealing.washing.washed import Unwashable, Washed

_REFUSED = 3
_ENCODINGS = (
    "ascii",
    "latin-1",
    "cp1252",
    "cp437",
    "utf-16",
    "utf-16-be",
    "utf-16-le",
    "charmap",
    "mac-roman",
)


def main(arguments: list[str], source: BinaryIO, sink: BinaryIO) -> int:
    """Wash what comes in on `source` and write one line of JSON and the clean bytes to `sink`.

    `arguments`: the kind of file, seconds of processor time, bytes of memory. Gives the exit code.
    """
    kind, seconds, memory = arguments[0], int(arguments[1]), int(arguments[2])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_AS, memory)
    wash = _washer(kind)
    # From here on nothing can be opened: no file, no socket, no module that a hostile file might call for.
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    try:
        washed = wash(source.read())
    except Unwashable as refusal:
        _answer(sink, {"because": refusal.because, "instead": refusal.instead}, b"")
        return _REFUSED
    _answer(sink, {"removed": washed.removed, "look_at": washed.look_at, "text": washed.text}, washed.data)
    return 0


def _washer(kind: str) -> Callable[[bytes], Washed]:
    """Load what this kind needs, and let it wash something of our own so that what loads late is loaded too."""
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)
    if kind == "pdf":
        from gateway.sealing.washing import pdf

        pdf.warm_up()
        return pdf.wash_pdf
    from gateway.sealing.washing import picture

    picture.warm_up()
    if kind == "docx":
        from gateway.sealing.washing import docx

        docx.warm_up()
        return docx.wash_docx
    return {"jpeg": picture.wash_jpeg, "png": picture.wash_png}[kind]


def _limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (bounded, bounded))


def _answer(sink: BinaryIO, said: dict[str, object], data: bytes) -> None:
    sink.write(json.dumps(said).encode() + b"\n" + data)
    sink.flush()
