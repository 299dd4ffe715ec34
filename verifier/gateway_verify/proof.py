"""Proof files (c2sp.org/tlog-proof): this entry is in that log, checkable with no connection."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import MOST_PROOF_HASHES, verify_inclusion
from gateway_verify.note import Note, decode, encode, number

_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Proof:
    """An entry's place, its audit path and the signed checkpoint it leads to.

    `extra` is what an opening needs.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        """What the log said of itself when the proof was made."""
        return Checkpoint.parse(self.note.text)

    def __str__(self) -> str:
        lines = [_HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(encode(one) for one in self.hashes)
        return "\n".join(lines) + "\n\n" + str(self.note)

    def check(self, leaf_hash: bytes) -> None:
        """Raise Unverified unless the path leads from this leaf hash to the checkpoint's root."""
        checkpoint = self.checkpoint
        verify_inclusion(self.index, checkpoint.size, leaf_hash, self.hashes, checkpoint.root)


def parse_proof(data: bytes | str) -> Proof:
    """Read a proof file. Raises Unverified; nothing has been checked yet."""
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        raise Unverified("the proof file is not text") from error
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != _HEADER:
        raise Unverified("this is not a proof file")
    rest, extra = lines[1:], None
    if rest and rest[0].startswith("extra "):
        extra, rest = decode(rest[0].removeprefix("extra ")), rest[1:]
    if not rest or not rest[0].startswith("index "):
        raise Unverified("the proof file does not say which entry it is about")
    index = number(rest[0].removeprefix("index "), "the proof file's entry number")
    if len(rest) - 1 > MOST_PROOF_HASHES:
        raise Unverified("the proof is longer than any honest one")
    parsed, _ = read_checkpoint(note)
    return Proof(index, tuple(decode(line) for line in rest[1:]), parsed, extra)
