"""What is inside a parcel: one line of JSON, the items one after the other, and padding that hides their length.

A recipient with no software of ours can take it apart: the first line is the table of contents, `head` and
`tail` do the rest. Padding goes to the next of eight sizes, so that the length of a JWE tells only which.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import Invalid

FORMAT = "disclosure-gateway parcel"
VERSION = 1
BUCKETS: tuple[int, ...] = (1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216)
MAX_CONTENT = BUCKETS[-1]
_MAX_CONTENTS_LINE = 256 * 1024
_MAX_ITEMS = 50


@dataclass(frozen=True)
class Item:
    """One thing in a parcel: its media type, a neutral name, its bytes, and its text where a page can't show it."""

    media_type: str
    name: str
    data: bytes
    text: str = ""

    def file_name(self, number: int) -> str:
        """Give a name for a file: of the sender's own only the ending, so that it stays in its folder."""
        _, _, ending = self.name.rpartition(".")
        safe = "".join(one for one in ending if one.isascii() and one.isalnum())[:8]
        return f"item-{number}.{safe or 'bin'}"


@dataclass(frozen=True)
class Envelope:
    """The content of one parcel: which parcel and line it belongs to, how to handle it, and the items."""

    parcel_id: str
    line_id: str
    items: tuple[Item, ...]
    marks: tuple[str, ...] = ()


def pack(envelope: Envelope) -> bytes:
    """Give the padded bytes; raise Invalid when they pass the largest size (16 MB) or there is nothing in it."""
    if not 0 < len(envelope.items) <= _MAX_ITEMS:
        raise Invalid(
            f"A parcel holds between 1 and {_MAX_ITEMS} items.", fields={"items": "Add text or a file."}
        )
    bodies = [(item, item.data, item.text.encode()) for item in envelope.items]
    contents = {
        "format": FORMAT,
        "v": VERSION,
        "parcel": envelope.parcel_id,
        "line": envelope.line_id,
        "marks": list(envelope.marks),
        "items": [_entry(item, data, text) for item, data, text in bodies],
    }
    first_line = json.dumps(contents, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
    packed = first_line + b"".join(data + text for _, data, text in bodies)
    return packed.ljust(bucket(len(packed)), b"\0")


def unpack(packed: bytes) -> Envelope:
    """Give the envelope in `packed`; raise Invalid when it isn't one, or an item isn't what the first line says."""
    first_line, found, _ = packed[:_MAX_CONTENTS_LINE].partition(b"\n")
    if not found:
        raise Invalid("This isn't the content of a parcel.")
    try:
        contents = json.loads(first_line)
        if (contents["format"], contents["v"]) != (FORMAT, VERSION):
            raise Invalid("This parcel was packed by another version of the gateway.")
        _must_be_text(contents["parcel"], contents["line"], *contents["marks"])
        items = _items(contents["items"], memoryview(packed)[len(first_line) + 1 :])
        return Envelope(contents["parcel"], contents["line"], items, tuple(contents["marks"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Invalid("This isn't the content of a parcel.") from error


def bucket(length: int) -> int:
    """Give the smallest of the eight sizes that holds `length` bytes; raise Invalid above the largest."""
    if length <= MAX_CONTENT:
        return BUCKETS[bisect_left(BUCKETS, length)]
    raise Invalid(
        "This is too large for one parcel: 16 MB is the most.",
        next_step="Send fewer or smaller files, or split them over several releases.",
        fields={"items": "Choose smaller files, 16 MB together."},
    )


def _entry(item: Item, data: bytes, text: bytes) -> dict[str, Any]:
    return {
        "name": item.name,
        "type": item.media_type,
        "length": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "text_length": len(text),
    }


def _must_be_text(*values: object) -> None:
    if not all(isinstance(one, str) for one in values):
        raise TypeError("what a parcel says of itself is text")


def _items(entries: Sequence[dict[str, Any]], body: memoryview) -> tuple[Item, ...]:
    items, at = [], 0
    for entry in entries:
        _must_be_text(entry["name"], entry["type"])
        data, at = bytes(body[at : at + entry["length"]]), at + entry["length"]
        text, at = bytes(body[at : at + entry["text_length"]]), at + entry["text_length"]
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise Invalid("An item of this parcel isn't what its table of contents says.")
        items.append(Item(entry["type"], entry["name"], data, text.decode()))
    return tuple(items)
