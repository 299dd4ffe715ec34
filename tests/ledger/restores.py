"""Two officers who sign a restore for the ledger's tests, each with a key of her own."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_verify.note import encode
from gateway_verify.restore import Agreed, Declared, Signature

from gateway.ledger.epoch import Gap, begin_epoch, gap
from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import LogKeys
from gateway.ledger.witness import last_seen
from gateway.store.unit_of_work import Store, Unit
from tests.ledger.made import OFFICER, PARTNERSHIP, POLICE

SECOND = "9" * 32
FIRST_KEY, SECOND_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def signature(key: Ed25519PrivateKey, message: bytes) -> Signature:
    """What an officer signs with her key."""
    return Signature(encode(key.public_key().public_bytes_raw()), encode(key.sign(message)))


def agreed(found: Gap, *, second_officer: str = SECOND, key: Ed25519PrivateKey = FIRST_KEY) -> Agreed:
    """A restore as the first officer declares it and the second would sign it."""
    declared = Declared(
        partnership=PARTNERSHIP,
        former_origin=found.former_origin,
        former_key=found.former_key,
        witnessed_size=found.checkpoint.size,
        witnessed_root=found.root,
        held=found.held,
        number=found.number,
        reasons="sha256:" + "0" * 64,
        first_officer=OFFICER,
        declared_at="2026-11-22T10:00:00.000000Z",
    )
    first = signature(key, declared.signed_bytes())
    return Agreed(declared, first, second_officer, "2026-11-22T10:05:00.000000Z")


def begun(unit: Unit, keys: LogKeys, seen: list[str]) -> str:
    """Begin the log anew, as two officers declared; gives the id of its first entry."""
    found = gap(unit, seen)
    both = agreed(found)
    second = signature(SECOND_KEY, both.signed_bytes())
    return begin_epoch(unit, keys, found, both, second, controller_agency_id=POLICE)


def seen_by_witnesses(store: Store, journal: Journal) -> list[str]:
    """What the witnesses serve."""
    return list(last_seen(store, journal)[0])
