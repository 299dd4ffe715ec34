"""A new life of the log after a restore: what its witnesses had seen, what was lost, and the two officers who say so.

The restored tree cannot be grown again, because its witnesses hold a longer one. So a new log begins, under a new
name and new keys. Its first entry is public and holds the last witnessed checkpoint, how many entries the restored
database still has, the gap, and the signatures of the officers who declared it. Parcels, consents, mandates, walls and
sessions from before are frozen by the flow until someone confirms them again (`frozen_before`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from gateway_verify.checkpoint import Checkpoint, check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import Note, VerifierKey, encode
from gateway_verify.policy import Policy, cosigners
from gateway_verify.restore import Agreed, Begun, Signature, begun
from sqlmodel import col

from gateway.errors import Conflict, Invalid
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.lives import first_leaf, number_of_life, origin_of_life, present_life
from gateway.ledger.log_keys import LogKeys
from gateway.ledger.models import LedgerCheckpoint, LedgerEpoch
from gateway.ledger.tree import stored_root
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Seen:
    """The last checkpoint of this log that a witness holds, and when it cosigned it."""

    witness: str
    size: int
    at: datetime


@dataclass(frozen=True)
class Gap:
    """What is between the witnesses and the database, and which life of the log would begin.

    `note` is the largest checkpoint that a witness serves and `checkpoint` what it says; `held` how many entries the
    database holds and `held_until` when the last of them was signed. `later` are the last checkpoints of lives that
    began after that one and were lost whole: the backup is older than an earlier restore.
    """

    number: int
    former_origin: str
    former_key: str
    note: str
    checkpoint: Checkpoint
    held: int
    held_until: datetime | None
    seen: tuple[Seen, ...]
    later: tuple[Checkpoint, ...] = ()

    @property
    def lost(self) -> int:
        """How many entries were lost; none where as many are there, and others."""
        return max(self.checkpoint.size - self.held, 0)

    @property
    def root(self) -> str:
        """The root that the witnesses cosigned, base64."""
        return encode(self.checkpoint.root)


def gap(unit: Unit, witnessed: Sequence[str]) -> Gap:
    """Compare the database with the checkpoints that the witnesses serve.

    Witnesses need not have seen the same: the largest of their checkpoints counts. Raises Invalid when they are not
    checkpoints of this log that together a quorum of its witnesses cosigned; Conflict when nothing was lost, so that
    the log can simply go on.
    """
    former = _former(unit)
    notes, later = _witnessed(journal_of(unit), former, witnessed)
    text, checkpoint = max(((str(note), one) for note, one, _ in notes), key=lambda pair: pair[1].size)
    held = _last_signed(unit, former.number)
    size, until = (held.size, held.at) if held is not None else (0, None)
    if not later:
        _check_lost(unit, former, checkpoint, size)
    seen = tuple(
        Seen(name, one.size, at)
        for _, one, cosigned in sorted(notes, key=lambda found: -found[1].size)
        for name, at in cosigned.items()
    )
    number = max(later, default=former.number) + 1
    lives = tuple(later[one] for one in sorted(later))
    return Gap(number, former.origin, former.log_key, text, checkpoint, size, until, seen, lives)


def begin_epoch(
    unit: Unit, keys: LogKeys, found: Gap, agreed: Agreed, second: Signature, *, controller_agency_id: str
) -> str:
    """Begin the log anew with `keys`, on the word of two officers; give the id of its first entry, which is public.

    Raises Invalid when two officers' signatures don't stand under it, Conflict when they signed of another state.
    """
    declared, journal = agreed.declared, journal_of(unit)
    try:
        agreed.check(second)
    except Unverified as error:
        raise Invalid(f"A restore needs the signatures of two officers: {error}.") from error
    stated = (declared.former_origin, declared.former_key, declared.witnessed_size, declared.witnessed_root)
    if (*stated, declared.held, declared.number) != (*_stated(found), found.held, found.number):
        raise Conflict(
            "The officers declared another state than this: the witnesses have seen more since, or the database is "
            "another.",
            next_step="Have it declared again as it is now.",
        )
    origin = origin_of_life(journal.origin, found.number)
    first, beside = keys.public(origin)
    unit.session.add(
        LedgerEpoch(
            number=found.number,
            origin=origin,
            begun_at=unit.now,
            log_key=str(first),
            second_key=str(beside or ""),
        )
    )
    unit.session.flush()
    journal.keys, journal.stopped = keys, None
    return record(unit, _first_entry(found, agreed, second, controller_agency_id))


def last_begun(unit: Unit) -> Begun | None:
    """Give what the present life's first entry says of the restore with which it began, None where it began without.

    Raises Unverified when its officers' signatures don't hold.
    """
    epoch = present_life(unit)
    return begun(first_leaf(unit, epoch.number)) if epoch is not None else None


def frozen_before(unit: Unit) -> datetime | None:
    """Give when the present life of the log began, if it began with a restore: what is older needs confirming."""
    epoch = present_life(unit)
    return epoch.begun_at if epoch is not None and epoch.number > 1 else None


def _stated(found: Gap) -> tuple[str, str, int, str]:
    return found.former_origin, found.former_key, found.checkpoint.size, found.root


def _first_entry(found: Gap, agreed: Agreed, second: Signature, controller_agency_id: str) -> Entry:
    declared = agreed.declared
    officers = {"first_officer": declared.first_officer, "second_officer": agreed.second_officer}
    return Entry(
        EntryKind.EPOCH_BEGUN,
        declared.partnership,
        controller_agency_id,
        None,
        None,
        refs=officers,
        codes={
            "former_origin": found.former_origin,
            "former_key": found.former_key,
            "witnessed_size": found.checkpoint.size,
            "witnessed_root": found.root,
            "witnessed_note": sha256(found.note.encode()).hexdigest(),
            "held": found.held,
            "lost": found.lost,
            "number": found.number,
            "lost_lives": tuple(f"{one.origin}:{one.size}" for one in found.later),
            "reasons": declared.reasons,
            "declared_at": declared.declared_at,
            "first_key": agreed.first.key,
            "first_signature": agreed.first.signature,
            "agreed_at": agreed.agreed_at,
            "second_key": second.key,
            "second_signature": second.signature,
        },
        public=True,
    )


def _former(unit: Unit) -> LedgerEpoch:
    former = present_life(unit)
    if former is None:
        raise Conflict("There is no log yet, so there is nothing to begin again.")
    return former


def _witnessed(
    journal: Journal, former: LedgerEpoch, texts: Sequence[str]
) -> tuple[list[tuple[Note, Checkpoint, dict[str, datetime]]], dict[int, Checkpoint]]:
    """Give the checkpoints of this life with who cosigned each and when, and the largest of each later one.

    The key of a life that was lost is lost with it, so a quorum has to know it: one witness alone invents none.
    """
    found: list[tuple[Note, Checkpoint, dict[str, datetime]]] = []
    later: dict[int, Checkpoint] = {}
    known_to: dict[int, set[str]] = {}
    policy = journal.policy or Policy()
    try:
        key = VerifierKey.parse(former.log_key)
        for text in texts:
            note, checkpoint = read_checkpoint(text)
            cosigned, number = cosigners(note, policy), number_of_life(journal.origin, checkpoint.origin)
            if number > former.number:
                known_to.setdefault(number, set()).update(cosigned)
                later[number] = max(checkpoint, later.get(number, checkpoint), key=lambda one: one.size)
                continue
            if checkpoint.origin != former.origin or not check_signature(note, key):
                raise Unverified("it is not a signed checkpoint of this log")
            found.append((note, checkpoint, cosigned))
        names = {name for _, _, cosigned in found for name in cosigned}
        if not found or not policy.met_by(names):
            asked = policy.in_words() if journal.policy else "a witness"
            raise Unverified(f"it needs what {asked} last cosigned")
    except Unverified as error:
        raise Invalid(
            f"That is not what the witnesses last saw of this log: {error}.",
            next_step="Call those of the witnesses who gave no answer, then try again.",
            fields={"witnessed": f"{error}."},
        ) from error
    return found, {number: one for number, one in later.items() if policy.met_by(known_to[number])}


def _check_lost(unit: Unit, former: LedgerEpoch, seen: Checkpoint, held: int) -> None:
    if seen.size > held:
        return
    if stored_root(unit.session.connection(), former.number, seen.size) == seen.root:
        raise Conflict(
            "Nothing was lost: the log continues what the witnesses saw.", next_step="Just start it."
        )


def _last_signed(unit: Unit, epoch: int) -> LedgerCheckpoint | None:
    chosen = sa.select(LedgerCheckpoint).where(col(LedgerCheckpoint.epoch) == epoch)
    return unit.session.execute(
        chosen.order_by(col(LedgerCheckpoint.size).desc()).limit(1)
    ).scalar_one_or_none()
