"""What two officers sign when a backup was restored and the log begins again, and how anyone checks it.

The first public entry of the new life carries both signatures: the first officer's over what was declared, the
second's over that and the first's signature. Their keys are Ed25519, one to a person; a key that signed before has an
entry of its own in the former life.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway_verify.audit import audit, entries
from gateway_verify.checkpoint import Checkpoint
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.note import decode
from gateway_verify.opening import PUBLIC, parse_object
from gateway_verify.policy import Policy
from gateway_verify.source import Below, Source

BEGUN, KEY_ACTIVATED = "epoch.begun", "key.activated"
_LIFE = "/epoch-"
_PURPOSE = "disclosure-gateway/restore/v1"


@dataclass(frozen=True)
class Declared:
    """What is declared: which log ended where, what its witnesses had seen, what the store still holds, and by whom.

    `number` is which life begins: more than one further where later lives were lost whole. `reasons` is a salted digest
    of the words; times are RFC 3339.
    """

    partnership: str
    former_origin: str
    former_key: str
    witnessed_size: int
    witnessed_root: str
    held: int
    number: int
    reasons: str
    first_officer: str
    declared_at: str

    def signed_bytes(self) -> bytes:
        """Give what the first officer signs: RFC 8785 canonical JSON."""
        return _canonical({"purpose": _PURPOSE, "role": "declares", **vars(self)})


@dataclass(frozen=True)
class Signature:
    """A public key and what it signed, both base64."""

    key: str
    signature: str

    def check(self, message: bytes) -> None:
        """Raise Unverified unless the signature holds over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(decode(self.key)).verify(decode(self.signature), message)
        except (InvalidSignature, ValueError) as error:
            raise Unverified("an officer's signature does not fit what was declared") from error


@dataclass(frozen=True)
class Agreed:
    """What was declared, and that a second officer agreed to it."""

    declared: Declared
    first: Signature
    second_officer: str
    agreed_at: str

    def signed_bytes(self) -> bytes:
        """Give what the second officer signs: RFC 8785 canonical JSON."""
        said = {**vars(self.declared), "first_signature": self.first.signature}
        said |= {"second_officer": self.second_officer, "agreed_at": self.agreed_at}
        return _canonical({"purpose": _PURPOSE, "role": "agrees", **said})

    def check(self, second: Signature) -> None:
        """Raise Unverified unless two officers with two keys signed it."""
        if self.declared.first_officer == self.second_officer or self.first.key == second.key:
            raise Unverified("the restore was declared and agreed to by one officer")
        self.first.check(self.declared.signed_bytes())
        second.check(self.signed_bytes())


@dataclass(frozen=True)
class Begun:
    """A restore as a log's first entry tells it; `keys` are those of both officers, none before they signed."""

    at: str
    former_origin: str
    witnessed: int
    held: int
    lost_lives: tuple[str, ...]
    officers: tuple[str, str]
    keys: tuple[str, ...]


def begun(leaf: bytes) -> Begun | None:
    """Read a log's first leaf: the restore with which it began, or None where it began without one.

    Raises Unverified when its officers' signatures don't hold. In logs begun before officers signed there are none.
    """
    fields = _public(leaf)
    if fields is None or fields.get("kind") != BEGUN:
        return None
    try:
        return _read(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise Unverified("the log began again, and its first entry does not say how") from error


def told(log: Source, checkpoint: Checkpoint, policy: Policy) -> str:
    """Say of a log that was checked how it began after a restore and who signed that; nothing where it didn't.

    Raises Unverified when its officers' signatures don't hold.
    """
    first = next(entries(log, checkpoint.size), b"")
    found = begun(first)
    if found is None:
        return ""
    said = (
        f"; it began again on {found.at[:10]} after a restore: witnesses had seen {found.witnessed} entries of"
        f" {found.former_origin}, and {found.held} were left; "
    )
    if found.lost_lives:
        said += f"of its later lives nothing was left ({', '.join(found.lost_lives)}); "
    if not found.keys:
        return f"{said}two officers are named, who did not sign it"
    said += f"the officers in the posts {' and '.join(found.officers)} signed that, "
    return said + _known(log, found, policy)


def _known(log: Source, found: Begun, policy: Policy) -> str:
    """Say whether the former log, which lies below this one, knew the officers' keys."""
    _, life, number = found.former_origin.rpartition(_LIFE)
    former = Below(log, f"epoch-{number if life and number.isdigit() else 1}/")
    try:
        size = audit(former, policy).checkpoint.size
        known = keys_of(entries(former, size))
    except (Unverified, Uncheckable):
        return "and whether the former log knew their keys could not be checked"
    new = len(set(found.keys) - known)
    if not new:
        return "with keys that the former log knew"
    which = "their keys" if new > 1 else "one of their keys"
    return f"and the former log did not know {which}: ask them whether they did"


def keys_of(leaves: Iterable[bytes]) -> frozenset[str]:
    """Give the officers' public keys that these entries announce, base64."""
    said = [
        fields.get("codes") for leaf in leaves if (fields := _public(leaf) or {}).get("kind") == KEY_ACTIVATED
    ]
    named = [codes for codes in said if isinstance(codes, dict) and codes.get("use") == "policy"]
    return frozenset(str(codes.get("public")) for codes in named)


def _read(fields: Mapping[str, Any]) -> Begun:
    refs, codes = fields["refs"], fields["codes"]
    told = (
        _plain(fields["at"]),
        _plain(codes["former_origin"]),
        int(codes["witnessed_size"]),
        int(codes["held"]),
        tuple(_plain(one) for one in codes.get("lost_lives", ())),
    )
    officers = _plain(refs["first_officer"]), _plain(refs["second_officer"])
    if "first_signature" not in codes:
        return Begun(*told, officers, ())
    first, second = (Signature(codes[f"{who}_key"], codes[f"{who}_signature"]) for who in ("first", "second"))
    named = (
        "former_origin",
        "former_key",
        "witnessed_size",
        "witnessed_root",
        "held",
        "number",
        "reasons",
        "declared_at",
    )
    declared = Declared(
        partnership=fields["partnership"],
        first_officer=officers[0],
        **{name: codes[name] for name in named},
    )
    Agreed(declared, first, officers[1], codes["agreed_at"]).check(second)
    return Begun(*told, officers, (first.key, second.key))


def _plain(value: Any) -> str:
    """Give text that can be shown as it is. Raises TypeError for anything else."""
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError
    return value


def _public(leaf: bytes) -> dict[str, Any] | None:
    """Give what a public leaf says, None for a private one."""
    if leaf[:1] != bytes([PUBLIC]):
        return None
    try:
        return parse_object(leaf[1:].decode())
    except UnicodeDecodeError as error:
        raise Unverified("a public entry is not text") from error


def _canonical(fields: Mapping[str, Any]) -> bytes:
    # All values are ASCII text and whole numbers: of these the standard encoder writes RFC 8785's form.
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
