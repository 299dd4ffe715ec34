"""A proof file, or a file of openings: each is what was recorded, and the log as it is now still holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway_verify.audit import former_lives, tree, unpack_entries_at
from gateway_verify.checkpoint import Checkpoint
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.merkle import leaf_hash, range_hash
from gateway_verify.opening import Opening, parse_object
from gateway_verify.policy import Policy, judge
from gateway_verify.proof import Proof, parse_proof
from gateway_verify.source import Source
from gateway_verify.tiles import WIDTH


@dataclass(frozen=True)
class Bundle:
    """The proofs in a file, and how many entries it says may not be shown yet."""

    proofs: Sequence[Proof]
    held: int = 0


@dataclass(frozen=True)
class Opened:
    """An opening that is what was recorded, and whether enough witnesses signed the checkpoint it came with."""

    proof: Proof
    opening: Opening
    witnessed: bool


def read_bundle(text: str) -> Bundle:
    """Read a proof file or a file of openings. Raises Uncheckable when it is neither, Unverified when it is broken."""
    if text.startswith("c2sp.org/tlog-proof"):
        return Bundle([parse_proof(text)])
    if not text.lstrip().startswith("{"):
        raise Uncheckable("that is neither a folder nor a proof file nor a file of openings")
    members = parse_object(text)
    found, held = members.get("openings"), members.get("held", 0)
    if members.get("format") != "gateway-openings/v1" or not isinstance(found, list):
        raise Unverified("this is neither a proof file nor a file of openings")
    if type(held) is not int or held < 0 or not all(isinstance(one, str) for one in found):
        raise Unverified("the file of openings was altered or cut short")
    proofs = [parse_proof(one) for one in found]
    _check_once(proofs)
    return Bundle(proofs, held)


def _check_once(proofs: Sequence[Proof]) -> None:
    """Refuse an entry that is there twice: it would be counted for one that was left out."""
    places = set()
    for proof in proofs:
        place = proof.checkpoint.origin, proof.index
        if place in places:
            raise Unverified(
                f"the file of openings was altered: entry {proof.index + 1} is in it more than once"
            )
        places.add(place)


def check_opening(proof: Proof, policy: Policy) -> Opened:
    """Give a proof's opening, once the log's signature, the audit path and the commitment hold. Raises Unverified."""
    trust = judge(proof.note, policy)
    if proof.extra is None:
        raise Unverified(
            "the proof file holds no opening: it shows a place in the log, not what was recorded there"
        )
    opening = Opening.from_bytes(proof.extra)
    proof.check(leaf_hash(opening.leaf()))
    return Opened(proof, opening, trust.quorum_met)


def too_new(
    opened: Sequence[Opened], log: Source, now: Checkpoint, policy: Policy, *, is_copy: bool = False
) -> int:
    """Compare openings with the log that was just audited; give how many its witnesses have not reached yet.

    A copy of the log (`is_copy`) may be older than they are. Raises Unverified for one that is not where its proof says
    and for a checkpoint that the log contradicts, Uncheckable for a copy that ends before them.
    """
    lives = {now.origin: (log, now.size)}
    if any(one.proof.checkpoint.origin != now.origin for one in opened):
        lives = former_lives(log, policy) | lives  # none of them stands in for the log that was audited
    waiting = 0
    for one in opened:
        held, size = lives.get(one.proof.checkpoint.origin, (log, 0))
        if one.proof.index >= size and not one.witnessed:
            waiting += 1
        elif one.proof.index >= size and size and is_copy:
            raise Uncheckable(
                f"this copy of the log ends at entry {size}, before entry {one.proof.index + 1} of the openings: get a"
                " newer one, and if this is said to be the newest, entries were taken out of it"
            )
        elif one.proof.index >= size or not _holds(held, size, one):
            raise Unverified(f"entry {one.proof.index + 1} of the openings is not in the log as it is now")
    for checkpoint in {one.proof.checkpoint for one in opened}:
        _check_continued(checkpoint, *lives.get(checkpoint.origin, (log, 0)))
    return waiting


def _check_continued(checkpoint: Checkpoint, log: Source, size: int) -> None:
    """Compare a checkpoint that came with openings with the log: two that differ are two histories, both signed."""
    if not 0 < checkpoint.size <= size:
        return
    if range_hash(0, checkpoint.size, tree(log, size).node) != checkpoint.root:
        raise Unverified(
            f"the openings came with a checkpoint over {checkpoint.size} entries that the log contradicts: two"
            " histories were signed, so keep the file of openings and the log's checkpoint as proof"
        )


def _holds(log: Source, size: int, one: Opened) -> bool:
    n, offset = divmod(one.proof.index, WIDTH)
    width = min(WIDTH, size - n * WIDTH)
    return unpack_entries_at(log, n, width)[offset] == one.opening.leaf()
