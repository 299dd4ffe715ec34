"""Cleaning: what is released is rebuilt from what can be seen, in memory, in a process that can do nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import BoundedSemaphore
from typing import Never

from gateway.errors import Invalid, Unavailable
from gateway.sealing.washing.text import wash_text
from gateway.sealing.washing.washed import Unwashable, Washed

_ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from gateway.sealing.washing.child import main; "
    "sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer))"
)
_AT_ONCE = 4
_SEND_INSTEAD = "Send plain text, PDF, a Word document (.docx), JPEG or PNG."


class FileKind(StrEnum):
    """The kinds of file that can be cleaned."""

    TEXT = "text"
    PDF = "pdf"
    DOCX = "docx"
    JPEG = "jpeg"
    PNG = "png"


# What a kind is called on the wire, and the name it gets: a file's own name may hold the name of a person or a street.
_MEDIA = {
    FileKind.TEXT: ("text/plain; charset=utf-8", "text.txt"),
    FileKind.PDF: ("application/pdf", "document.pdf"),
    FileKind.DOCX: (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document.docx",
    ),
    FileKind.JPEG: ("image/jpeg", "picture.jpg"),
    FileKind.PNG: ("image/png", "picture.png"),
}
_BEGINS = {
    FileKind.PDF: b"%PDF-",
    FileKind.DOCX: b"PK\x03\x04",
    FileKind.JPEG: b"\xff\xd8\xff",
    FileKind.PNG: b"\x89PNG\r\n\x1a\n",
}
_ENDINGS = {
    "txt": FileKind.TEXT,
    "pdf": FileKind.PDF,
    "docx": FileKind.DOCX,
    "jpg": FileKind.JPEG,
    "jpeg": FileKind.JPEG,
    "png": FileKind.PNG,
}


@dataclass(frozen=True)
class Limits:
    """What cleaning one file may take."""

    file_bytes: int = 10 * 1024 * 1024
    seconds: int = 20
    memory_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Cleaned:
    """A clean file: bytes, media type, neutral name, what was taken out, what to look at, and the text in it."""

    data: bytes
    media_type: str
    name: str
    removed: tuple[str, ...]
    look_at: tuple[str, ...]
    text: str


_DEFAULT = Limits()
_places = BoundedSemaphore(_AT_ONCE)


def clean(data: bytes, declared_name: str, limits: Limits = _DEFAULT) -> Cleaned:
    """Give the clean form of a file; only the ending of its name is looked at, and the name is not kept.

    Nothing is written to disk: the bytes go through pipes to a process with no files, no network, and the limits given.
    Raises Invalid, saying what to send instead, when the file is too large, of another kind, or can't be cleaned.
    """
    if len(data) > limits.file_bytes:
        megabytes = limits.file_bytes // (1024 * 1024)
        _refuse(
            f"This file is too large: {megabytes} MB is the most.", "Send fewer pages or a smaller picture."
        )
    kind = _kind_of(data, declared_name)
    try:
        washed = wash_text(data) if kind is FileKind.TEXT else _washed_apart(kind, data, limits)
    except Unwashable as refusal:
        _refuse(refusal.because, refusal.instead, refusal)
    media_type, name = _MEDIA[kind]
    return Cleaned(washed.data, media_type, name, washed.removed, washed.look_at, washed.text)


def _kind_of(data: bytes, declared_name: str) -> FileKind:
    if not data:
        _refuse("This file is empty.", _SEND_INSTEAD)
    declared = _ENDINGS.get(declared_name.rpartition(".")[2].lower())
    if declared is None:
        _refuse("This kind of file can't be cleaned.", _SEND_INSTEAD)
    found = next((kind for kind, start in _BEGINS.items() if data.startswith(start)), FileKind.TEXT)
    # A file that is one thing by its name and another by its first bytes means to be both to different programs.
    if found is not declared:
        _refuse(
            "This file isn't what its name says.",
            "Open it, save it again under the right kind, and send that.",
        )
    return declared


def _washed_apart(kind: FileKind, data: bytes, limits: Limits) -> Washed:
    arguments = [str(_ROOT), kind.value, str(limits.seconds), str(limits.memory_bytes)]
    if not _places.acquire(timeout=limits.seconds):
        raise Unavailable("Too many files are being cleaned at once.", next_step="Try again in a minute.")
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module, and nothing of the caller's among its arguments
            [sys.executable, "-I", "-B", "-c", _START, *arguments],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds,
            env={"LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unwashable("Cleaning this file takes too long.") from error
    finally:
        _places.release()
    return _answered(done.stdout)


def _answered(answer: bytes) -> Washed:
    first_line, _, data = answer.partition(b"\n")
    try:
        said = json.loads(first_line)
    except ValueError as error:
        # The process was stopped by one of its limits, or by a file that breaks its reader.
        raise Unwashable(
            "This file can't be cleaned: it is damaged, or asks for more than cleaning may take."
        ) from error
    if "because" in said:
        raise Unwashable(said["because"], said["instead"])
    return Washed(data, tuple(said["removed"]), tuple(said["look_at"]), said["text"])


def _refuse(because: str, instead: str, cause: Exception | None = None) -> Never:
    raise Invalid(because, next_step=instead, fields={"file": f"{because} {instead}"}) from cause
