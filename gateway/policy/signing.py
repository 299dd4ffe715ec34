"""Officers' signatures: who signs, over what, and when a signature counts. That a policy needs one is a constant here.

A statement binds the version's hash to its partnership, its place in the sequence, what it replaces and its time, so
that an old bundle, another partnership's or the same one at another place isn't signed by the same signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlmodel import col, select

from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.policy.models import Kind, PolicySigner
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_PURPOSE = "disclosure-gateway/policy-activation/v1"
_WHERE = "policy_signer.private"
AUTHOR, APPROVER, INSTALLATION = "author", "approver", "installation"
# Whose signatures each kind of activation needs. Not read from any file: nothing stored can ask for fewer.
_NEEDED: Mapping[str, tuple[str, ...]] = {
    Kind.FOUNDING: (INSTALLATION,),
    Kind.CHANGE: (AUTHOR, APPROVER),
    Kind.ROLLBACK: (AUTHOR, APPROVER),
    Kind.TIGHTENING: (AUTHOR,),
}


@dataclass(frozen=True)
class Statement:
    """What is signed."""

    partnership_id: str
    version: str
    sequence: int
    previous: str | None
    activates_at: datetime
    kind: str

    def signed_bytes(self, role: str) -> bytes:
        """Canonical JSON (RFC 8785) of the statement and of the role in which it is signed."""
        return rfc8785.dumps(
            {
                "purpose": _PURPOSE,
                "role": role,
                "partnership": self.partnership_id,
                "policy": self.version,
                "sequence": self.sequence,
                "previous": self.previous,
                "activates_at": self.activates_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "kind": str(self.kind),
            }
        )


def sign(
    unit: Unit, statement: Statement, role: str, person_id: str | None, agency_id: str
) -> dict[str, str]:
    """Sign as this officer (or as the installation, with no person); her key is made at first use and logged."""
    signer = _signer(unit, statement.partnership_id, person_id) or _make(
        unit, statement.partnership_id, person_id
    )
    announce(unit, signer, agency_id)
    signature = _signed(unit, signer, statement.signed_bytes(role))
    return {"role": role, "kid": signer.kid, "signature": signature}


def sign_restore(unit: Unit, partnership_id: str, person_id: str, message: bytes) -> tuple[str, str]:
    """Sign as this officer while nothing can be recorded; give her public key and the signature, both base64.

    A key made for it is announced once the log goes on: `announce`.
    """
    signer = _signer(unit, partnership_id, person_id) or _make(unit, partnership_id, person_id)
    return signer.public, _signed(unit, signer, message)


def signer_with(unit: Unit, partnership_id: str, public: str) -> PolicySigner | None:
    """The officer's key of these base64 bytes, or None: not hers, or its row was written past the gateway."""
    rows = select(PolicySigner).where(
        PolicySigner.public == public,
        PolicySigner.partnership_id == partnership_id,
        col(PolicySigner.ended_at).is_(None),
    )
    signer = unit.session.exec(rows).first()
    if signer is None or not hmac.compare_digest(signer.certificate, _certificate(unit, signer)):
        return None
    return signer


def announce(unit: Unit, signer: PolicySigner, agency_id: str) -> None:
    """Write the public entry of a key that has none yet."""
    if signer.waits_since is None:
        return
    signer.waits_since = None
    unit.session.add(signer)
    append.record(
        unit,
        Entry(
            kind=EntryKind.KEY_ACTIVATED,
            partnership_id=signer.partnership_id,
            controller_agency_id=agency_id,
            actor_post_id=None,
            actor_agency_id=None,
            codes={"key": signer.kid, "use": "policy", "public": signer.public},
            public=True,
        ),
    )


def holds(unit: Unit, statement: Statement, signatures: Sequence[Mapping[str, str]]) -> bool:
    """Whether the signatures this kind of activation needs are there and good, each by a different person."""
    needed = _NEEDED.get(statement.kind)
    if needed is None or [one.get("role") for one in signatures] != list(needed):
        return False
    signers = [_verified(unit, statement, one) for one in signatures]
    people = [signer.person_id for signer in signers if signer is not None]
    if len(people) != len(needed) or len(set(people)) != len(people):
        return False
    return (None in people) == (statement.kind == Kind.FOUNDING)


def _verified(unit: Unit, statement: Statement, one: Mapping[str, str]) -> PolicySigner | None:
    rows = select(PolicySigner).where(
        PolicySigner.kid == one.get("kid"), PolicySigner.partnership_id == statement.partnership_id
    )
    signer = unit.session.exec(rows).first()
    if signer is None or not hmac.compare_digest(signer.certificate, _certificate(unit, signer)):
        return None
    message = statement.signed_bytes(one["role"])
    return signer if _good(signer.public, one.get("signature", ""), message) else None


@lru_cache(maxsize=256)
def _good(public: str, signature: str, message: bytes) -> bool:
    """Whether a signature holds: a fact about these bytes alone, so it is worked out once."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signer(unit: Unit, partnership_id: str, person_id: str | None) -> PolicySigner | None:
    rows = select(PolicySigner).where(
        PolicySigner.partnership_id == partnership_id,
        PolicySigner.person_id == person_id,
        col(PolicySigner.ended_at).is_(None),
    )
    return unit.session.exec(rows).first()


def _make(unit: Unit, partnership_id: str, person_id: str | None) -> PolicySigner:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    row_id = new_id()
    row = PolicySigner(
        id=row_id,
        partnership_id=partnership_id,
        person_id=person_id,
        kid=hashlib.sha256(public).hexdigest()[:32],
        public=base64.b64encode(public).decode(),
        private=unit.vault.seal(
            unit.session,
            Scope.PARTNERSHIP,
            partnership_id,
            private.private_bytes_raw(),
            where=_where(row_id),
        ),
        certificate="",
        waits_since=unit.now,
    )
    row.certificate = _certificate(unit, row)
    unit.session.add(row)
    unit.session.flush()
    return row


def _signed(unit: Unit, signer: PolicySigner, message: bytes) -> str:
    private = unit.vault.open_bytes(
        unit.session, Scope.PARTNERSHIP, signer.partnership_id, signer.private, where=_where(signer.id)
    )
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(private).sign(message)).decode()


def _certificate(unit: Unit, signer: PolicySigner) -> str:
    bound = f"{signer.person_id or 'installation'}/{base64.b64decode(signer.public).hex()}"
    return unit.vault.token("policy_signer", bound, signer.partnership_id)


def _where(row_id: str) -> str:
    return f"{_WHERE}|{row_id}"
