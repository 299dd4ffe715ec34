"""Checkpoints (c2sp.org/tlog-checkpoint).

Signed by a log and cosigned by witnesses (c2sp.org/tlog-cosignature).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from gateway_verify.errors import Unverified
from gateway_verify.merkle import HASH_SIZE
from gateway_verify.note import (
    Note,
    SignatureLine,
    SignatureType,
    VerifierKey,
    decode,
    encode,
    number,
    parse_note,
)

_TIME_SIZE = 8

# By so much a witness's clock may be ahead of ours. A line from further on would count as fresh for as long.
AHEAD = timedelta(minutes=5)


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: this many entries, this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text. Raises Unverified; extension lines are refused, this log writes none."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise Unverified("the checkpoint does not have exactly three lines")
        origin, size, root = lines[0], number(lines[1], "the checkpoint's size"), decode(lines[2])
        if len(root) != HASH_SIZE:
            raise Unverified("the checkpoint's root has the wrong length")
        return cls(origin, size, root)


@dataclass(frozen=True)
class Signed:
    """A signature that held: whose, and for a cosignature when it was made."""

    key: VerifierKey
    at: datetime | None


def read_checkpoint(data: bytes | str) -> tuple[Note, Checkpoint]:
    """Read a signed checkpoint. Raises Unverified; no signature has been checked yet."""
    note = parse_note(data)
    return note, Checkpoint.parse(note.text)


def check_signature(note: Note, key: VerifierKey) -> Signed | None:
    """Give this key's signature on the note, or None when the note carries none.

    Raises Unverified when there is a line with the key's name and id that does not verify: by the signed-note
    rules such a note is malformed as a whole.
    """
    line = note.by(key)
    if line is None:
        return None
    try:
        at = _verify(note, key, line.signature)
    except (InvalidSignature, ValueError) as error:
        raise Unverified(f"the signature of {key.name} does not fit the checkpoint") from error
    return Signed(key, at)


def _verify(note: Note, key: VerifierKey, signature: bytes) -> datetime | None:
    if key.type is SignatureType.ED25519:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, note.text.encode())
        return None
    seconds, signature = int.from_bytes(signature[:_TIME_SIZE], "big"), signature[_TIME_SIZE:]
    if seconds >= 1 << 38:  # past the year 10,000: no clock of ours says so
        raise ValueError("a time beyond all clocks")
    if key.type is SignatureType.COSIGNATURE_ED25519:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, _cosigned_text(seconds, note.text))
    else:
        message = _cosigned_struct(key.name, seconds, Checkpoint.parse(note.text))
        MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
    return datetime.fromtimestamp(seconds, UTC)


def _cosigned_text(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _cosigned_struct(name: str, seconds: int, checkpoint: Checkpoint) -> bytes:
    """Give the `cosigned_message` of c2sp.org/tlog-cosignature over a whole tree."""
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    return b"".join(
        (
            b"subtree/v1\n\x00",
            bytes([len(cosigner)]) + cosigner,
            seconds.to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def sign(checkpoint: Checkpoint, name: str, key: Ed25519PrivateKey) -> SignatureLine:
    """Give a log's own Ed25519 signature."""
    public = VerifierKey(name, SignatureType.ED25519, key.public_key().public_bytes_raw())
    return SignatureLine(name, public.key_id, key.sign(checkpoint.text.encode()))


def cosign(
    checkpoint: Checkpoint, name: str, key: Ed25519PrivateKey | MLDSA44PrivateKey, at: datetime
) -> SignatureLine:
    """Give a timestamped cosignature.

    Of a witness or (ML-DSA-44) of the log itself beside its Ed25519 line.
    """
    seconds = int(at.timestamp())
    public = cosigner_key(name, key)
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(_cosigned_text(seconds, checkpoint.text))
    else:
        signature = key.sign(_cosigned_struct(name, seconds, checkpoint))
    return SignatureLine(name, public.key_id, seconds.to_bytes(_TIME_SIZE, "big") + signature)


def cosigner_key(name: str, key: Ed25519PrivateKey | MLDSA44PrivateKey) -> VerifierKey:
    """Give the public half of a cosigning key, under its name."""
    kind = (
        SignatureType.COSIGNATURE_ED25519
        if isinstance(key, Ed25519PrivateKey)
        else SignatureType.COSIGNATURE_MLDSA44
    )
    return VerifierKey(name, kind, key.public_key().public_bytes_raw())
