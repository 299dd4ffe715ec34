"""Handing over: sealed content leaves only with the proofs of what sealed it and of this opening (DESIGN 3.1).

Whoever receives it checks both, under one checkpoint, before reading a word.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway_verify.checkpoint import Checkpoint

from gateway.disclosure import reconfirm
from gateway.disclosure.models import Opening, Release
from gateway.errors import Conflict, NotConfirmed
from gateway.ledger import publish, read, served
from gateway.ledger.entries import EntryKind
from gateway.ledger.journal import journal_of
from gateway.sealing import parcel as parcels
from gateway.sealing.models import Parcel
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Collected:
    """The sealed content with what the recipient checks before reading it.

    `proofs` are C2SP tlog-proofs of the release and of this opening with their openings, under one checkpoint;
    `consistency` leads from the size the recipient last saw to that checkpoint; `log_keys` are the log's vkeys.
    `policy` is the log's own policy file; `cosigned` the newest checkpoint that its witnesses signed, and
    `cosigned_consistency` leads from there to the checkpoint. `begun` are the proofs of the first entries of the lives
    that a restore began, the newest life first: each names the life before it.
    """

    parcel_id: str
    jwe: str
    digest: str
    proofs: tuple[str, ...]
    consistency: tuple[str, ...]
    log_keys: tuple[str, ...]
    policy: str
    cosigned: str
    cosigned_consistency: tuple[str, ...]
    begun: tuple[str, ...]


def size_seen(unit: Unit, seen: Mapping[str, int]) -> int | None:
    """Give how long the log's present life was when somebody last looked, of the sizes she knows by the log's name."""
    return seen.get(publish.present_origin(unit))


def with_proofs(unit: Unit, row: Parcel, opening: Opening, *, seen_size: int | None) -> Collected:
    """Give a parcel's sealed content with the proofs of what sealed it and of this opening.

    `seen_size` is the log's size as the recipient last saw it.

    Raises:
        NotConfirmed: the leaf of either isn't under a stored checkpoint.
        Conflict: the parcel is frozen, recalled, expired or altered, or older than a restore and not confirmed since.
        Erased: it was destroyed.
    """
    entry_ids = [_confirmed(unit, sealed_by(unit, row)), _confirmed(unit, opening.entry_id)]
    cosigned = publish.published_checkpoint(unit)  # first, so that what the proofs lead to is never shorter
    proofs = publish.openings_together(unit, entry_ids)
    size = proofs[0].checkpoint.size
    return Collected(
        parcel_id=row.id,
        jwe=parcels.hand_over(unit, row),
        digest=row.digest,
        proofs=tuple(str(one) for one in proofs),
        consistency=_consistency(unit, seen_size, size),
        log_keys=tuple(str(key) for key in journal_of(unit).keys.public(proofs[0].checkpoint.origin) if key),
        policy=served.policy(unit).decode(),
        cosigned=str(cosigned),
        cosigned_consistency=_consistency(unit, Checkpoint.parse(cosigned.text).size, size),
        begun=tuple(str(one) for one in publish.beginnings(unit, proofs[0].note)),
    )


def sealed_by(unit: Unit, row: Parcel) -> str | None:
    """Give the entry that vouches for a parcel in the log's present life: its release, or that it was sealed again.

    After a declared restore what is older has to be confirmed, and then that entry vouches for it (DESIGN 7).

    Raises:
        Conflict: it is older than a declared restore and nobody has confirmed it yet.
    """
    if reconfirm.is_older(unit, row):
        confirmed = reconfirm.confirmation_of(unit, row)
        if confirmed is None:
            raise Conflict(
                "This is older than a restore of the gateway, and its holder hasn't confirmed it since.",
                next_step="Ask the agency that released it to confirm it.",
            )
        return confirmed
    if row.resealed_from_id is not None:
        return _sealed_again(unit, row)
    return unit.session.get_one(Release, row.release_id).entry_id


def _sealed_again(unit: Unit, row: Parcel) -> str | None:
    chosen = read.Filter(kinds=(EntryKind.PARCEL_RESEALED,), holding=row.id)
    found = read.entries_for_request(unit, row.request_id, chosen).entries
    return next((one.entry_id for one in found if one.refs.get("parcel") == row.id), None)


def _confirmed(unit: Unit, entry_id: str | None) -> str:
    if entry_id is None or not read.is_under_checkpoint(unit, entry_id):
        raise NotConfirmed("This opening isn't confirmed in the log yet.", next_step="Try again in a moment.")
    return entry_id


def _consistency(unit: Unit, before: int | None, size: int) -> tuple[str, ...]:
    if before is None or not 0 < before < size:
        return ()
    path: Sequence[bytes] = publish.consistency(unit, publish.current_epoch(unit), before, size)
    return tuple(base64.b64encode(node).decode() for node in path)
