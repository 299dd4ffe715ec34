"""Where a log is read from: a folder that was exported, or an address."""

from __future__ import annotations

import gzip
import zlib
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gateway_verify.errors import Uncheckable

MOST_BYTES = 32 * 1024 * 1024
_PATIENCE_SECONDS = 30


class Source(Protocol):
    """Files of a log below its prefix."""

    def read(self, path: str) -> bytes:
        """Give the bytes at this path. Raises Uncheckable when they can't be had."""
        ...


class Folder:
    """An exported log."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        """Give the file's bytes. Raises Uncheckable when it is missing."""
        try:
            return (self._folder / path).read_bytes()
        except OSError as error:
            raise Uncheckable(f"{self._folder / path} cannot be read") from error


class Below:
    """A part of a log's files: what lies below a prefix."""

    def __init__(self, whole: Source, prefix: str) -> None:
        self._whole, self._prefix = whole, prefix

    def read(self, path: str) -> bytes:
        """Give the bytes at this path below the prefix. Raises Uncheckable as the whole does."""
        return self._whole.read(self._prefix + path)


class NoRedirects(HTTPRedirectHandler):
    """Whoever is asked answers itself, and sends nobody elsewhere."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


class Address:
    """A log served at an http or https address; redirects are not followed."""

    def __init__(self, prefix: str) -> None:
        if not prefix.lower().startswith(("https://", "http://")):
            raise Uncheckable(f"{prefix} is not an address that begins with https://")
        self._prefix = prefix.rstrip("/") + "/"
        self._opener = build_opener(NoRedirects())

    def read(self, path: str) -> bytes:
        """Give what is served there. Raises Uncheckable when nothing useful answers."""
        headers = {"Accept-Encoding": "gzip, identity"}
        try:
            request = Request(self._prefix + path, headers=headers)  # noqa: S310 - only http and https come this far
            with self._opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
                data: bytes = answer.read(MOST_BYTES + 1)
                zipped = answer.headers.get("Content-Encoding") == "gzip"
        except HTTPError as error:
            raise Uncheckable(f"{self._prefix + path} answers {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise Uncheckable(f"{self._prefix} does not answer") from error
        data = _unzip(data) if zipped else data
        if len(data) > MOST_BYTES:
            raise Uncheckable(f"{self._prefix + path} is larger than any honest answer")
        return data


def _unzip(data: bytes) -> bytes:
    """Give what was packed, or enough of it to see that it is too much: a few bytes may unpack to more than memory."""
    try:
        with gzip.open(BytesIO(data)) as packed:
            return packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Uncheckable("an answer was cut short") from error


def source(target: str) -> Source:
    """Give the source that this text names: an address when it has a scheme, else a folder."""
    if "://" in target:
        return Address(target)
    folder = Path(target)
    if not folder.is_dir():
        raise Uncheckable(f"{target} is neither a folder nor an address")
    return Folder(folder)
