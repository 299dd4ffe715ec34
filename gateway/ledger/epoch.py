"""A new life of the log after a restore: two officers declare what the witnesses last saw and what was lost.

The restored tree cannot be grown again, because its witnesses hold a longer one. So a new log begins, under a new
name and new keys. Its first entry is public and holds the last witnessed checkpoint, how many entries the restored
database still has, and the gap. Parcels, consents, mandates, walls and sessions from before are frozen by the flow
until someone confirms them again (`frozen_before`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from gateway_verify.checkpoint import Checkpoint, check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import Frontier, edge_of
from gateway_verify.note import VerifierKey, encode
from gateway_verify.policy import Policy, cosigners
from sqlmodel import col

from gateway.errors import Conflict, Invalid
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.journal import Journal, LogKeys, journal_of
from gateway.ledger.models import LedgerCheckpoint, LedgerEpoch
from gateway.ledger.tree import stored_tree
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Restored:
    """What two officers declare: what each witness last saw, as it served it, and why, in words."""

    witnessed: tuple[str, ...]
    first_officer_post_id: str
    second_officer_post_id: str
    partnership_id: str
    controller_agency_id: str
    reasons: str


def begin_epoch(unit: Unit, keys: LogKeys, restored: Restored) -> str:
    """Begin the log anew with `keys`; give the id of its first entry.

    Witnesses need not have seen the same: the largest of their checkpoints counts. Raises Invalid when the officers are
    one post, no reasons are given or the checkpoints are not ones of this log that together a quorum of its witnesses
    cosigned; Conflict when nothing was lost, so that the log can simply go on.
    """
    journal = journal_of(unit)
    if restored.first_officer_post_id == restored.second_officer_post_id:
        raise Invalid("A restore needs two officers.", fields={"second": "Name a second officer."})
    if not restored.reasons.strip():
        raise Invalid("A restore needs its reasons in words.", fields={"reasons": "Say what happened."})
    former = unit.session.execute(
        sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number).desc()).limit(1)
    ).scalar_one_or_none()
    if former is None:
        raise Conflict("There is no log yet, so there is nothing to begin again.")
    note, seen = _witnessed(journal, former, restored.witnessed)
    held = _size(unit, former.number)
    _check_lost(unit, former, seen, held)
    number = former.number + 1
    origin = f"{journal.origin}/epoch-{number}"
    first, second = keys.public(origin)
    unit.session.add(
        LedgerEpoch(
            number=number, origin=origin, begun_at=unit.now, log_key=str(first), second_key=str(second)
        )
    )
    unit.session.flush()
    journal.keys, journal.stopped = keys, None
    declared = Entry(
        EntryKind.EPOCH_BEGUN,
        restored.partnership_id,
        restored.controller_agency_id,
        None,
        None,
        refs={
            "first_officer": restored.first_officer_post_id,
            "second_officer": restored.second_officer_post_id,
        },
        codes={
            "former_origin": former.origin,
            "former_key": former.log_key,
            "witnessed_size": seen.size,
            "witnessed_root": encode(seen.root),
            "witnessed_note": sha256(note.encode()).hexdigest(),
            "held": held,
            "lost": max(seen.size - held, 0),
        },
        public=True,
    )
    entry_id = record(unit, declared)
    record(unit, replace(declared, public=False, words={"reasons": restored.reasons}))
    return entry_id


def frozen_before(unit: Unit) -> datetime | None:
    """Give when the present life of the log began, if it began with a restore: what is older needs confirming."""
    last = sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number).desc()).limit(1)
    epoch = unit.session.execute(last).scalar_one_or_none()
    return epoch.begun_at if epoch is not None and epoch.number > 1 else None


def _witnessed(journal: Journal, former: LedgerEpoch, texts: Sequence[str]) -> tuple[str, Checkpoint]:
    """Give the largest of the checkpoints, as it was served and as it says."""
    seen: list[tuple[str, Checkpoint]] = []
    names: set[str] = set()
    try:
        for text in texts:
            note, checkpoint = read_checkpoint(text)
            if checkpoint.origin != former.origin or not check_signature(
                note, VerifierKey.parse(former.log_key)
            ):
                raise Unverified("it is not a signed checkpoint of this log")
            seen.append((text, checkpoint))
            names |= set(cosigners(note, journal.policy or Policy()))
        if not seen or (journal.policy is not None and not journal.policy.met_by(names)):
            asked = journal.policy.in_words() if journal.policy else "a witness"
            raise Unverified(f"it needs what {asked} last cosigned")
    except Unverified as error:
        raise Invalid(
            f"That is not what the witnesses last saw of this log: {error}.",
            fields={"witnessed": f"{error}."},
        ) from error
    return max(seen, key=lambda one: one[1].size)


def _check_lost(unit: Unit, former: LedgerEpoch, seen: Checkpoint, held: int) -> None:
    if seen.size > held:
        return
    edge = edge_of(seen.size, stored_tree(unit.session.connection(), former.number, seen.size).node)
    if Frontier(seen.size, edge).root() == seen.root:
        raise Conflict(
            "Nothing was lost: the log continues what the witnesses saw.", next_step="Just start it."
        )


def _size(unit: Unit, epoch: int) -> int:
    largest = sa.select(sa.func.max(LedgerCheckpoint.size)).where(col(LedgerCheckpoint.epoch) == epoch)
    return unit.session.execute(largest).scalar() or 0
