"""What the log shows the world: checkpoints with all their signatures, proofs, and openings for those entitled."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import groupby

import sqlalchemy as sa
from gateway_verify.checkpoint import Checkpoint, cosign, cosigner_key, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import consistency_proof, inclusion_proof
from gateway_verify.note import Note, SignatureLine, parse_signatures
from gateway_verify.opening import Opening
from gateway_verify.policy import Policy, cosigners
from gateway_verify.proof import Proof
from sqlmodel import col

from gateway.errors import Erased, NotFound, Unavailable
from gateway.ledger.append import SALT
from gateway.ledger.entries import no_such_entry
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.lives import present_life
from gateway.ledger.models import (
    LedgerCheckpoint,
    LedgerCosignature,
    LedgerEpoch,
    LedgerErasure,
    LedgerHold,
    LedgerLeaf,
    LedgerRecord,
)
from gateway.ledger.read import reasons_document
from gateway.ledger.tree import stored_tree
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_AT_ONCE = 500


def current_epoch(unit: Unit) -> int:
    """Give the number of the log's present life. Raises NotFound while nothing was ever recorded."""
    return _present(unit).number


def present_origin(unit: Unit) -> str:
    """Give the name of the log's present life, which a restore changes. Raises NotFound for an empty log."""
    return _present(unit).origin


def _present(unit: Unit) -> LedgerEpoch:
    life = present_life(unit)
    if life is None:
        raise _nothing_recorded()
    return life


def _nothing_recorded() -> NotFound:
    return NotFound("The ledger has no entries yet.", next_step="Come back when something was recorded.")


def newest_checkpoint(unit: Unit, epoch: int | None = None) -> Note:
    """Give the newest checkpoint with every signature it has; raise NotFound for an empty log."""
    epoch = current_epoch(unit) if epoch is None else epoch
    row = unit.session.execute(
        _checkpoints(epoch).order_by(col(LedgerCheckpoint.size).desc()).limit(1)
    ).scalar_one_or_none()
    if row is None:
        raise _nothing_recorded()
    return signed_note(unit, row)


def published_checkpoint(unit: Unit, epoch: int | None = None) -> Note:
    """Give the checkpoint to show: the newest that the witnesses' quorum cosigned, else the newest.

    Raises NotFound for an empty log.
    """
    epoch = current_epoch(unit) if epoch is None else epoch
    policy = journal_of(unit).watched_by
    if policy is not None:
        with closing(_cosigned_by_quorum(unit, epoch, policy)) as sizes:
            for size in sizes:
                note = signed_note(unit, unit.session.get_one(LedgerCheckpoint, (epoch, size)))
                if _is_met(note, policy):
                    return note
    return newest_checkpoint(unit, epoch)


def _is_met(note: Note, policy: Policy) -> bool:
    try:
        return policy.met_by(cosigners(note, policy))
    except Unverified:
        return False  # a line was altered; the check of the stored log says so


def signed_note(unit: Unit, row: LedgerCheckpoint) -> Note:
    """Give a stored checkpoint with the log's ML-DSA-44 line and the witnesses' lines beside its Ed25519 line."""
    note, checkpoint = read_checkpoint(row.note)
    lines = (*note.signatures, *_second_line(unit, row, checkpoint), *_witness_lines(unit, row))
    return Note(note.text, lines)


def _second_line(unit: Unit, row: LedgerCheckpoint, checkpoint: Checkpoint) -> tuple[SignatureLine, ...]:
    """Give the log's ML-DSA-44 line, made when it is asked for.

    It repeats what the stored Ed25519 line says and would double the cost of every entry if it were made with it.
    """
    journal = journal_of(unit)
    epoch, key = unit.session.get(LedgerEpoch, row.epoch), journal.keys.second
    if epoch is None or key is None or epoch.second_key != str(cosigner_key(epoch.origin, key)):
        return ()
    return (journal.second_line(checkpoint, lambda: cosign(checkpoint, epoch.origin, key, row.at)),)


def _witness_lines(unit: Unit, row: LedgerCheckpoint) -> tuple[SignatureLine, ...]:
    lines = unit.session.execute(
        sa.select(col(LedgerCosignature.line))
        .where(col(LedgerCosignature.epoch) == row.epoch, col(LedgerCosignature.size) == row.size)
        .order_by(col(LedgerCosignature.witness))
    ).scalars()
    return tuple(signature for line in lines for signature in parse_signatures(line))


def _checkpoints(epoch: int) -> sa.Select[LedgerCheckpoint]:
    return sa.select(LedgerCheckpoint).where(col(LedgerCheckpoint.epoch) == epoch)


def _cosigned_by_quorum(unit: Unit, epoch: int, policy: Policy) -> Generator[int, None, None]:
    """Give the sizes that enough witnesses have lines under, the newest first, however long ago that was."""
    lines = (
        sa.select(col(LedgerCosignature.size), col(LedgerCosignature.witness))
        .where(col(LedgerCosignature.epoch) == epoch)
        .order_by(col(LedgerCosignature.size).desc())
        .execution_options(yield_per=_AT_ONCE)
    )
    with unit.session.execute(lines) as rows:
        for size, under in groupby(rows, key=lambda row: int(row.size)):
            if policy.met_by({row.witness for row in under}):
                yield size


def proof_of(unit: Unit, entry_id: str, *, extra: bytes | None = None, under: Note | None = None) -> Proof:
    """Give the proof that an entry is in the log, `under` a checkpoint or the published one if it reaches that far.

    Raises NotFound for an unknown entry, Unavailable while it waits for its place.
    """
    leaf = unit.session.execute(
        sa.select(LedgerLeaf).where(col(LedgerLeaf.entry_id) == entry_id)
    ).scalar_one_or_none()
    if leaf is None:
        raise _unplaced(unit, entry_id)
    note = under or published_checkpoint(unit, leaf.epoch)
    if Checkpoint.parse(note.text).size <= leaf.position:
        note = newest_checkpoint(unit, leaf.epoch)
    size = Checkpoint.parse(note.text).size
    path = inclusion_proof(leaf.position, size, stored_tree(unit.session.connection(), leaf.epoch, size).node)
    return Proof(leaf.position, tuple(path), note, extra)


def openings_together(unit: Unit, entry_ids: Sequence[str]) -> list[Proof]:
    """Give the openings of several entries under one checkpoint, the newest, without what people said in them.

    Raises as `opening_of` does.
    """
    note = newest_checkpoint(unit)
    return [opening_of(unit, entry_id, under=note, with_words=False) for entry_id in entry_ids]


def beginnings(unit: Unit, under: Note) -> list[Proof]:
    """Give the first entries of the lives that a restore began, the newest life first; each names the one before it.

    They are public, so what is in the leaf is the record. That of the present life is proved `under` this checkpoint.
    """
    present = current_epoch(unit)
    firsts = (
        sa.select(LedgerLeaf)
        .where(col(LedgerLeaf.position) == 0, col(LedgerLeaf.epoch) > 1)
        .order_by(col(LedgerLeaf.epoch).desc())
    )
    proofs = []
    for leaf in unit.session.execute(firsts).scalars():
        note = under if leaf.epoch == present else newest_checkpoint(unit, leaf.epoch)
        opening = Opening(leaf.leaf[1:].decode(), None, None)
        proofs.append(proof_of(unit, leaf.entry_id, extra=opening.to_bytes(), under=note))
    return proofs


def _unplaced(unit: Unit, entry_id: str) -> NotFound | Unavailable:
    if unit.session.get(LedgerRecord, entry_id) is None:
        return no_such_entry()
    return Unavailable("This entry has no place in the log yet.", next_step="Try again in a few seconds.")


def consistency(unit: Unit, epoch: int, first: int, second: int) -> list[bytes]:
    """Give the proof that the log of `first` entries is a beginning of the log of `second`."""
    return consistency_proof(first, second, stored_tree(unit.session.connection(), epoch, second).node)


def opening_of(
    unit: Unit, entry_id: str, *, reviewing: bool = False, under: Note | None = None, with_words: bool = True
) -> Proof:
    """Give an entry's proof with its record, salt and words: everything a person needs to check it alone.

    Whoever hands it out decides who is entitled and records that it left. Raises NotFound for an unknown entry and,
    unless its reviewer asks, for a held one; Erased when its record was destroyed. Words that were destroyed are left
    out: the record still proves that they were there.
    """
    row = unit.session.get(LedgerRecord, entry_id)
    if row is None:
        if unit.session.get(LedgerErasure, entry_id) is not None:
            raise Erased("This entry was erased; the log says when, by whom and why.")
        raise no_such_entry()
    hold = unit.session.get(LedgerHold, entry_id)
    if hold is not None and hold.revealed_by_entry_id is None and not reviewing:
        raise no_such_entry()
    opening = _opening(unit, row) if with_words else Opening(row.record, salt_of(unit, row), None)
    return proof_of(unit, entry_id, extra=opening.to_bytes(), under=under)


def _opening(unit: Unit, row: LedgerRecord) -> Opening:
    try:
        words = reasons_document(unit, row.entry_id)
    except Erased:
        words = None
    return Opening(row.record, salt_of(unit, row), words)


def salt_of(unit: Unit, row: LedgerRecord) -> bytes | None:
    """Give an entry's salt, None for a public entry; raise Erased when its key was destroyed."""
    if row.salt is None:
        return None
    where = SALT.format(row.entry_id)
    return unit.vault.open_bytes(unit.session, Scope.SALT, row.partnership_id, row.salt, where=where)


def policy_text(journal: Journal, epoch_keys: Sequence[LedgerEpoch]) -> str:
    """Give a starting policy file: this log's keys and its witnesses. Whoever checks should compare it with others."""
    lines = [f"log {key}" for epoch in epoch_keys for key in (epoch.log_key, epoch.second_key) if key]
    policy = journal.policy
    if policy is None:
        return "\n".join([*lines, "quorum none", ""])
    lines += [
        f"witness {one.name} {one.key}" + (f" {one.url}" if one.url else "")
        for one in policy.witnesses.values()
    ]
    lines += [
        f"group {name} {group.threshold} {' '.join(group.members)}" for name, group in policy.groups.items()
    ]
    return "\n".join([*lines, f"quorum {policy.quorum}", ""])
