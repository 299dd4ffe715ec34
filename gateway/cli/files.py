"""Files that commands read and write: what can't be done with one is said in a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.errors import Invalid

_OWNER_ONLY = 0o600


def read_text(file: Path) -> str:
    """Give what a text file says. Raises Invalid when it is none in UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{file.name} isn't text in UTF-8.",
            next_step="See whether it is the file you meant; save it as UTF-8 and try again.",
        ) from error


@contextmanager
def new_file(file: Path) -> Iterator[BinaryIO]:
    """Give a new file that its owner alone may read; it goes again when the block fails. Raises as `writing`."""
    with writing(file):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
        except BaseException:
            file.unlink()
            raise


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Raise Invalid when a file can't be written by the block, or is there already."""
    try:
        yield
    except FileExistsError as error:
        raise Invalid(
            f"{file} is there already.", next_step="Choose another name; nothing is overwritten."
        ) from error
    except OSError as error:
        raise Invalid(
            f"{file} can't be written: {error.strerror}.", next_step="Choose a place where you may write."
        ) from error
