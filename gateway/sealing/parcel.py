"""A parcel: one line's content for one recipient, readable by her alone, frozen or destroyed on a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from gateway.errors import Conflict, Erased, Invalid
from gateway.sealing import jwe
from gateway.sealing.envelope import BUCKETS, Envelope, Item, pack
from gateway.sealing.keys import public_key
from gateway.sealing.models import CopyOf, KeyState, Parcel, ParcelState, RecipientKey
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_CAN_BECOME = {
    ParcelState.SEALED: {ParcelState.FROZEN, ParcelState.RECALLED, ParcelState.DESTROYED},
    ParcelState.FROZEN: {ParcelState.SEALED, ParcelState.RECALLED, ParcelState.DESTROYED},
    ParcelState.RECALLED: {ParcelState.DESTROYED},
    ParcelState.DESTROYED: set[ParcelState](),
}


@dataclass(frozen=True)
class Label:
    """What is written on a parcel: what it answers, whose it is, for whom, on what it rests and until when."""

    partnership_id: str
    controller_agency_id: str
    request_id: str
    line_id: str
    release_id: str
    copy_of: CopyOf
    expires_at: datetime
    recipient_post_id: str | None = None
    recipient_system: str | None = None
    outside_recipient_id: str | None = None
    rests_on_consent: bool = False


def seal_parcel(
    unit: Unit, label: Label, key: RecipientKey, items: Sequence[Item], marks: Sequence[str] = ()
) -> Parcel:
    """Seal cleaned items to `key` (from `keys.sealing_key`) and store the parcel; give its row.

    `marks` are the handling words the recipient reads above the content. Raises Invalid when it is too large,
    Conflict when the key isn't active or was altered.
    """
    parcel_id = new_id()
    envelope = Envelope(parcel_id, label.line_id, tuple(items), tuple(marks))
    return _store(unit, label, key, parcel_id, jwe.seal(public_key(key), pack(envelope)))


def take_sealed(
    unit: Unit,
    label: Label,
    key: RecipientKey,
    parcel_id: str,
    sealed: str,
    *,
    resealed_from: Parcel | None = None,
) -> Parcel:
    """Store what an agency's own client sealed: from the start, or again from its own copy to a new key or successor.

    `parcel_id` is the id the client put inside the envelope (given out by the caller beforehand). Raises
    Invalid when the JWE isn't for `key`, isn't of our one algorithm or isn't padded to one of the eight
    sizes.
    """
    length = jwe.check_sealed(sealed, public_key(key))
    if length not in BUCKETS:
        raise Invalid("The content isn't padded.", next_step="Seal it with the gateway's page or tool.")
    if resealed_from is not None and resealed_from.line_id != label.line_id:
        raise Invalid("A parcel is sealed again for the same line only.")
    return _store(unit, label, key, parcel_id, sealed, resealed_from=resealed_from)


def hand_over(unit: Unit, parcel: Parcel) -> str:
    """Give the JWE of a parcel that may leave; the caller has decided again and recorded the opening.

    Raises Conflict when it is frozen, recalled, expired, sealed to a revoked key or was altered in the store; Erased
    when it was destroyed.
    """
    if parcel.state == ParcelState.DESTROYED or parcel.jwe is None:
        raise Erased("This parcel was destroyed.", next_step="Ask the agency that released it.")
    if parcel.state != ParcelState.SEALED:
        raise Conflict(f"This parcel is {parcel.state}.", next_step="Ask the agency that released it.")
    if unit.now >= parcel.expires_at:
        raise Conflict(
            "This parcel has expired.", next_step="Ask for the information again if it is still needed."
        )
    must_be_sealed_to_a_living_key(unit, parcel)
    sealed = unit.vault.open(unit.session, Scope.PARCEL, parcel.id, parcel.jwe, where=_where(parcel.id))
    if jwe.digest(sealed) != parcel.digest:
        raise Conflict(
            "This parcel was altered in the store.", next_step="Tell the operator; nothing was handed over."
        )
    return sealed


def freeze(unit: Unit, line_ids: Iterable[str]) -> list[Parcel]:
    """Stop the parcels of these lines from leaving, at once and reversibly; give those that changed."""
    return _move_all(unit, line_ids, ParcelState.SEALED, ParcelState.FROZEN)


def thaw(unit: Unit, line_ids: Iterable[str]) -> list[Parcel]:
    """Let frozen parcels leave again, after a fresh decision; give those that changed."""
    return _move_all(unit, line_ids, ParcelState.FROZEN, ParcelState.SEALED)


def recall(unit: Unit, parcel: Parcel) -> None:
    """Mark a parcel recalled: it doesn't leave again; whoever opened it is told by the flow."""
    _move(unit, parcel, ParcelState.RECALLED)


def destroy(unit: Unit, parcel: Parcel) -> None:
    """Destroy a parcel's content and its key for ever; its row and digest stay. Raises Conflict the second time."""
    _move(unit, parcel, ParcelState.DESTROYED)
    parcel.jwe = None
    unit.vault.destroy(unit.session, Scope.PARCEL, parcel.id)


def of_lines(unit: Unit, line_ids: Iterable[str], *, copy_of: CopyOf | None = None) -> list[Parcel]:
    """Give the parcels of these lines, oldest first."""
    chosen = select(Parcel).where(col(Parcel.line_id).in_(list(line_ids)))
    if copy_of is not None:
        chosen = chosen.where(Parcel.copy_of == copy_of)
    return list(unit.session.exec(chosen.order_by(col(Parcel.created_at), col(Parcel.id))))


def must_be_sealed_to_a_living_key(unit: Unit, parcel: Parcel) -> None:
    """Raise Conflict when the key that opens a parcel was revoked: whoever stole it may be the one who asks."""
    if unit.session.get_one(RecipientKey, parcel.key_id).state == KeyState.REVOKED:
        raise Conflict(
            "The key that opens this was withdrawn.",
            next_step="Set up new keys and ask the agency that released it to seal it again.",
        )


def sealed_to(unit: Unit, key: RecipientKey) -> list[Parcel]:
    """Give the parcels that still lie here sealed to a key: after its revocation they need sealing again."""
    living = [ParcelState.SEALED, ParcelState.FROZEN]
    return list(
        unit.session.exec(select(Parcel).where(Parcel.key_id == key.id, col(Parcel.state).in_(living)))
    )


def expired(unit: Unit, limit: int = 500) -> list[Parcel]:
    """Give parcels whose time is over and whose content still lies here: the retention run destroys them."""
    chosen = select(Parcel).where(col(Parcel.expires_at) <= unit.now, Parcel.state != ParcelState.DESTROYED)
    return list(unit.session.exec(chosen.order_by(col(Parcel.expires_at)).limit(limit)))


def _store(
    unit: Unit,
    label: Label,
    key: RecipientKey,
    parcel_id: str,
    sealed: str,
    *,
    resealed_from: Parcel | None = None,
) -> Parcel:
    if key.state != KeyState.ACTIVE:
        raise Conflict(f"This key is {key.state}; nothing is sealed to it.")
    parcel = Parcel(
        **vars(label),
        id=parcel_id,
        key_id=key.id,
        kid=key.kid,
        bucket=_content_length(sealed),
        digest=jwe.digest(sealed),
        jwe=unit.vault.seal(unit.session, Scope.PARCEL, parcel_id, sealed, where=_where(parcel_id)),
        state_since=unit.now,
        resealed_from_id=resealed_from.id if resealed_from else None,
    )
    unit.session.add(parcel)
    return parcel


def _content_length(sealed: str) -> int:
    return len(sealed.split(".")[3]) * 3 // 4


def _move_all(unit: Unit, line_ids: Iterable[str], state: ParcelState, to: ParcelState) -> list[Parcel]:
    moved = [parcel for parcel in of_lines(unit, line_ids) if parcel.state == state]
    for parcel in moved:
        _move(unit, parcel, to)
    return moved


def _move(unit: Unit, parcel: Parcel, to: ParcelState) -> None:
    if to not in _CAN_BECOME[ParcelState(parcel.state)]:
        raise Conflict(f"This parcel is {parcel.state} and can't become {to}.")
    parcel.state, parcel.state_since = to, unit.now
    unit.session.add(parcel)


def _where(parcel_id: str) -> str:
    return f"parcel|jwe|{parcel_id}"
