"""What an agency's system collected: it was released as it is here, this opening is recorded, and the log goes on.

It is what a gateway's API answers to whoever collects a parcel. Everything is checked before anything is decrypted, as
a recipient's browser does; whom to believe comes from a policy file of one's own and never from the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from gateway_verify.audit import kept_checkpoint
from gateway_verify.bundle import check_opening
from gateway_verify.checkpoint import AHEAD, Checkpoint, read_checkpoint
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.merkle import verify_consistency
from gateway_verify.note import Note, decode
from gateway_verify.opening import parse_object
from gateway_verify.policy import Policy, Trust, judge
from gateway_verify.proof import Proof, parse_proof

SEALED_BY = ("release.made", "parcel.resealed", "epoch.reconfirmed")
OPENED_BY = ("parcel.opened", "parcel.delivered")
# Which digest stands for which parcel in an entry: the recipient's, and the releasing agency's own copy.
_SEALED_AS = {"parcel": "parcel_digest", "copy": "copy_digest"}
LAG = timedelta(hours=4)  # as long as witnesses may be silent before a gateway stops releasing


@dataclass(frozen=True)
class Collected:
    """An answer as it came; nothing of it has been checked yet."""

    parcel_id: str
    jwe: str
    proofs: Sequence[Proof]
    consistency: Sequence[bytes]
    cosigned: Note
    cosigned_consistency: Sequence[bytes]


@dataclass(frozen=True)
class Checked:
    """What held: the checkpoint to keep for the next time, and who stands behind the log."""

    note: Note
    checkpoint: Checkpoint
    trust: Trust
    grown_by: int | None


def is_collected(text: str) -> bool:
    """Tell whether a file is such an answer."""
    return text.lstrip().startswith("{") and "jwe" in parse_object(text)


def read_collected(text: str) -> Collected:
    """Read an answer. Raises Unverified for what is none."""
    members = parse_object(text)
    one = {name: members.get(name) for name in ("parcel_id", "jwe", "cosigned")}
    several = {name: members.get(name) for name in ("proofs", "consistency", "cosigned_consistency")}
    if not all(isinstance(value, str) for value in one.values()) or not all(
        map(_are_texts, several.values())
    ):
        raise Unverified("this is not what a gateway answers to whoever collects a parcel")
    return Collected(
        members["parcel_id"],
        members["jwe"],
        [parse_proof(proof) for proof in members["proofs"]],
        [decode(line) for line in members["consistency"]],
        read_checkpoint(members["cosigned"])[0],
        [decode(line) for line in members["cosigned_consistency"]],
    )


def check_collected(
    found: Collected,
    policy: Policy,
    kept: str | None,
    *,
    now: datetime,
    lag: timedelta | None = LAG,
    opening_id: str | None = None,
) -> Checked:
    """Check an answer; only then may its content be decrypted.

    Takes the checkpoint, as text, that was kept the last time, the time in UTC, for how long witnesses may be silent
    (None: they were asked, and it doesn't matter), and the opening's id where it is known. Raises Unverified with the
    first thing that is wrong; Uncheckable when the answer doesn't lead from the kept checkpoint, or when too few
    witnesses have signed within that time.
    """
    note, checkpoint = _proved(found, policy, opening_id)
    trust = _watched(found, checkpoint, policy, now, lag)
    grown_by = _since(found, checkpoint, policy, kept) if kept is not None else None
    return Checked(note, checkpoint, trust, grown_by)


def _proved(found: Collected, policy: Policy, opening_id: str | None) -> tuple[Note, Checkpoint]:
    """Give the checkpoint under which both entries lie, once they are about this parcel and this opening."""
    if not found.proofs or any(one.note.text != found.proofs[0].note.text for one in found.proofs):
        raise Unverified("the proofs do not lead to one checkpoint")
    records = [check_opening(one, policy).opening.fields() for one in found.proofs]
    if not any(_seals(one, found) for one in records) or not any(_opens(one, found) for one in records):
        raise Unverified("the entries are not about this parcel")
    if opening_id is not None and not any(_opens(one, found, opening_id) for one in records):
        raise Unverified("the opening that was recorded is not the one you asked for")
    return found.proofs[0].note, found.proofs[0].checkpoint


def _seals(record: Mapping[str, Any], found: Collected) -> bool:
    """Tell whether an entry says that this parcel was sealed with this content: the one beside the other."""
    digest = sha256(found.jwe.encode()).hexdigest()
    refs, codes = _part(record, "refs"), _part(record, "codes")
    return record.get("kind") in SEALED_BY and any(
        refs.get(parcel) == found.parcel_id and codes.get(held) == digest
        for parcel, held in _SEALED_AS.items()
    )


def _opens(record: Mapping[str, Any], found: Collected, opening_id: str | None = None) -> bool:
    refs = _part(record, "refs")
    is_it = record.get("kind") in OPENED_BY and refs.get("parcel") == found.parcel_id
    return is_it and opening_id in (None, refs.get("opening"))


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _watched(
    found: Collected, checkpoint: Checkpoint, policy: Policy, now: datetime, lag: timedelta | None
) -> Trust:
    """Check that what the witnesses signed is a beginning of the log, and that enough of them did so within the lag."""
    trust = judge(found.cosigned, policy)
    signed = Checkpoint.parse(found.cosigned.text)
    if signed.origin != checkpoint.origin or signed.size > checkpoint.size:
        raise Unverified("what the witnesses signed is not the log of the proofs")
    _check_goes_on(
        signed, checkpoint, found.cosigned_consistency, "the log is not the one that its witnesses signed"
    )
    if lag is not None and not policy.met_by(lately(trust, now, lag)):
        hours = f"{lag.total_seconds() / 3600:g}"
        raise Uncheckable(
            f"the witnesses ({policy.in_words()}) have not signed the log within {hours} hours: ask one of them whether"
            " it knows a newer one, and open nothing before"
        )
    return trust


def lately(trust: Trust, now: datetime, lag: timedelta = LAG) -> list[str]:
    """Give which witnesses signed no longer ago than that, and no later than their clocks may be ahead."""
    return [name for name, at in trust.cosigned.items() if now - lag <= at <= now + AHEAD]


def _since(found: Collected, now: Checkpoint, policy: Policy, kept: str) -> int:
    """Check that nothing was lost since the checkpoint that was kept. Gives how many entries came since."""
    then = kept_checkpoint(kept, now, policy)
    if then.size > now.size:
        raise Uncheckable(
            f"the answer shows {now.size} entries and you saw {then.size}: it is an older answer, or the log has lost"
            " entries; collect it again"
        )
    if 0 < then.size < now.size and not found.consistency:
        raise Uncheckable(
            f"the answer does not lead from the log you saw: collect it again with seen_size={then.size}"
        )
    if then.size > 0:
        _check_goes_on(then, now, found.consistency, "history was changed since the checkpoint you kept")
    return now.size - then.size


def _check_goes_on(first: Checkpoint, second: Checkpoint, path: Sequence[bytes], otherwise: str) -> None:
    try:
        verify_consistency(
            first.size, second.size, path if first.size < second.size else (), first.root, second.root
        )
    except Unverified as error:
        raise Unverified(f"{otherwise}: {error}") from error


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
