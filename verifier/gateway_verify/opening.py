"""Openings: what an entry says, shown to those entitled, and how it is bound to its leaf.

A private leaf is one type byte and HMAC-SHA-256(salt, purpose || record): it says nothing to anyone without
the salt, and nothing at all once the salt is destroyed. The record holds codes and references; words lie in a
reasons document that carries its own salt and is bound by its digest in the record. Both are kept as the
exact bytes that were committed (RFC 8785 canonical JSON), so that nobody needs to canonicalise anything to
check them.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from gateway_verify.errors import Unverified
from gateway_verify.note import decode, encode

PURPOSE = b"disclosure-gateway/entry/v1\x00"
PRIVATE = 0x01
PUBLIC = 0x10
SALT_SIZE = 32


def commitment(salt: bytes, record: bytes) -> bytes:
    """Give the leaf of a private entry: 33 bytes, whatever it says."""
    if len(salt) != SALT_SIZE:
        raise ValueError("a salt is 32 bytes")
    return bytes([PRIVATE]) + hmac.digest(salt, PURPOSE + record, "sha256")


def public_leaf(record: bytes) -> bytes:
    """Give the leaf of a key or policy event: its record in the clear."""
    return bytes([PUBLIC]) + record


def words_digest(document: bytes) -> str:
    """Give what the record holds of its reasons document."""
    return "sha256:" + sha256(document).hexdigest()


@dataclass(frozen=True)
class Opening:
    """A record with what is needed to tie it to its leaf; no salt means a public entry."""

    record: str
    salt: bytes | None
    words: str | None = None

    def leaf(self) -> bytes:
        """Give the leaf that this record has in the log.

        Raises Unverified when the words are not the ones recorded.
        """
        self.said()
        record = self.record.encode()
        return public_leaf(record) if self.salt is None else commitment(self.salt, record)

    def fields(self) -> dict[str, Any]:
        """Give the record's fields. Raises Unverified when it isn't a record."""
        return parse_object(self.record)

    def erased(self) -> tuple[str, ...]:
        """Give the ids of the entries that this one says were erased."""
        fields = self.fields()
        codes = fields.get("codes")
        listed = (
            codes.get("entries") if fields.get("kind") == "entry.erased" and isinstance(codes, dict) else ()
        )
        return tuple(map(str, listed)) if isinstance(listed, list) else ()

    def said(self) -> Mapping[str, Any]:
        """Give the reasons document's words, empty when none were kept or shown.

        Raises Unverified when altered.
        """
        if self.words is None:
            return {}
        if self.fields().get("words") != words_digest(self.words.encode()):
            raise Unverified("the words shown are not the words that were recorded")
        said = parse_object(self.words).get("words", {})
        if not isinstance(said, dict):
            raise Unverified("the reasons document is not of this kind")
        return said

    def to_bytes(self) -> bytes:
        """For a proof file's `extra` line."""
        content = {
            "record": self.record,
            "salt": encode(self.salt) if self.salt else None,
            "words": self.words,
        }
        return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Opening:
        """Read a proof file's `extra`. Raises Unverified."""
        try:
            content = parse_object(data.decode())
        except UnicodeDecodeError as error:
            raise Unverified("the opening is not text") from error
        record, salt, words = content.get("record"), content.get("salt"), content.get("words")
        if (
            not isinstance(record, str)
            or not isinstance(words, str | None)
            or not isinstance(salt, str | None)
        ):
            raise Unverified("the opening is not of this kind")
        if salt is not None and len(decode(salt)) != SALT_SIZE:
            raise Unverified("the opening's salt has the wrong length")
        return cls(record, decode(salt) if salt is not None else None, words)


def parse_object(text: str) -> dict[str, Any]:
    """Give a JSON object, read strictly: no duplicate members, no half of a character. Raises Unverified."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        if "\\u" in text:  # only an escape can spell half a character, which has no bytes to hash or to show
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unverified("something that should be a JSON object is not") from error
    if not isinstance(value, dict):
        raise Unverified("something that should be a JSON object is not")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("the same member twice")
    return members


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
