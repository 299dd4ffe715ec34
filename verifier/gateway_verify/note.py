"""Signed notes (c2sp.org/signed-note) and the keys that sign and check them."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from gateway_verify.errors import Unverified

MOST_BYTES = 256 * 1024
MOST_SIGNATURES = 64
_MOST_NUMBER = 2**63 - 1  # sizes are signed as eight bytes, and a proof has one hash for each bit of one
_MOST_DIGITS = 20
_PUBLIC_SIZES = {1: 32, 4: 32, 6: 1312}


class SignatureType(IntEnum):
    """The signature types this project uses (c2sp.org/signed-note, "Signature types")."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_MLDSA44 = 0x06


def decode(text: str) -> bytes:
    """Give standard base64, read strictly: one text for one value. Raises Unverified otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unverified("something that should be base64 is not") from error
    if base64.b64encode(data).decode() != text:
        raise Unverified("something that should be base64 is not")
    return data


def number(text: str, what: str) -> int:
    """Give a whole number below 2**63, read strictly: one text for one value. Raises Unverified, with `what` it is."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS or str(int(text)) != text:
        raise Unverified(f"{what} is not a plain number")
    if int(text) > _MOST_NUMBER:
        raise Unverified(f"{what} is larger than any honest one")
    return int(text)


def encode(data: bytes) -> str:
    """Give standard base64."""
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class VerifierKey:
    """A public key with the name it signs under ("vkey")."""

    name: str
    type: SignatureType
    public: bytes

    @property
    def digest(self) -> bytes:
        """The SHA-256 over name, kind and key, of which signed notes show the first four bytes."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell this key's signatures from others."""
        return self.digest[:4]

    @property
    def fingerprint(self) -> str:
        """The digest as six groups of five digits, to be read aloud; a recipient's browser shows the same."""
        groups = (int.from_bytes(self.digest[at : at + 5], "big") % 100_000 for at in range(0, 30, 5))
        return " ".join(f"{group:05}" for group in groups)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([self.type]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read `name+id+key`. Raises Unverified with what is wrong."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise Unverified("a public key must look like name+id+key")
        name, key_id, material = parts
        check_name(name)
        data = decode(material)
        if not data or data[0] not in _PUBLIC_SIZES or len(data) - 1 != _PUBLIC_SIZES[data[0]]:
            raise Unverified(f"the public key of {name} is of a kind or length that is not known here")
        key = cls(name, SignatureType(data[0]), data[1:])
        if key.key_id.hex() != key_id:
            raise Unverified(f"the public key of {name} was copied wrongly: its id does not match")
        return key


@dataclass(frozen=True)
class SignatureLine:
    """One line under a note: who says so, with which key, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"\N{EM DASH} {self.name} {encode(self.key_id + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """A text, ending in a newline, and the signature lines under it."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(str(line) for line in self.signatures)

    def by(self, key: VerifierKey) -> SignatureLine | None:
        """Give the line that carries this key's name and id, if there is one."""
        found = (line for line in self.signatures if (line.name, line.key_id) == (key.name, key.key_id))
        return next(found, None)


def check_name(name: str) -> None:
    """Raise Unverified unless this can name a key: not empty, no spaces, no plus."""
    if not name or "+" in name or any(one.isspace() or unicodedata.category(one) == "Zs" for one in name):
        raise Unverified("the name of a key may hold neither spaces nor a plus sign")


def parse_note(data: bytes | str) -> Note:
    """Read a signed note. Raises Unverified when it isn't one; no signature has been checked yet."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MOST_BYTES:
        raise Unverified("the note is larger than any honest one")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unverified("the note is not UTF-8 text") from error
    if any(one < " " and one != "\n" for one in whole):
        raise Unverified("the note holds control characters")
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise Unverified("the note has no signatures")
    return Note(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[SignatureLine, ...]:
    """Read signature lines, each ending in a newline. Raises Unverified."""
    signatures = tuple(_signature_line(line) for line in lines.removesuffix("\n").split("\n"))
    if len(signatures) > MOST_SIGNATURES:
        raise Unverified("the note has more signatures than any honest one")
    return signatures


def _signature_line(line: str) -> SignatureLine:
    dash, _, rest = line.partition(" ")
    name, _, blob = rest.partition(" ")
    if dash != "\N{EM DASH}":
        raise Unverified("a signature line must begin with a long dash")
    check_name(name)
    data = decode(blob)
    if len(data) < 5:
        raise Unverified("a signature line is too short")
    return SignatureLine(name, data[:4], data[4:])
