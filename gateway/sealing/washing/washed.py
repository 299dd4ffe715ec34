"""What washing gives, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass

AS_PDF = "Open it in the program that made it, save or print it as PDF, and send that."


class Unwashable(Exception):
    """A file that can't be cleaned: why, and what to send instead. Names nothing that is in the file."""

    def __init__(self, because: str, instead: str = AS_PDF) -> None:
        super().__init__(because)
        self.because = because
        self.instead = instead


@dataclass(frozen=True)
class Washed:
    """A rebuilt file: its bytes, what was taken out, what to look at before it is sent, and the text in it."""

    data: bytes
    removed: tuple[str, ...] = ()
    look_at: tuple[str, ...] = ()
    text: str = ""
