"""The life of a recipient's key: registered by one, proved by its holder, approved by another, ended by either.

Every step that counts gives a `KeyEvent`, which the flow records as a public leaf of the ledger. A key is
sealed to only while the ledger itself, read under a checkpoint, says that it is active: a key swapped or
revived in the database is seen and refused.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlmodel import col, select

from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.sealing import jwe
from gateway.sealing.models import KeyPlace, KeyState, RecipientKey
from gateway.sealing.public_key import PublicKey, Suite, check_public_jwk
from gateway.store.tables import new_reference
from gateway.store.unit_of_work import Unit

__all__ = [
    "Challenge",
    "Hand",
    "Holder",
    "KeyEvent",
    "KeyEventKind",
    "PublicKey",
    "Suite",
    "approve",
    "challenge",
    "check_public_jwk",
    "enrol",
    "expire",
    "keys_of",
    "keys_to_approve",
    "own_key",
    "prove",
    "public_key",
    "revoke",
    "sealing_key",
]

CHALLENGE_LASTS = timedelta(minutes=15)
OVERLAP = timedelta(days=14)
DEFAULT_LIFE = timedelta(days=90)
REVOCATION_REASONS = frozenset({"lost", "stolen", "left", "replaced", "mistake"})
_SECRET_BYTES = 32


class KeyEventKind(StrEnum):
    """What a public leaf says happened to a key."""

    ACTIVATED = "activated"
    RETIRED = "retired"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True)
class KeyEvent:
    """One public event: agency, key id and the holder's random number; no name (DESIGN 3.6)."""

    kind: KeyEventKind
    agency_id: str
    kid: str
    holder_number: str


@dataclass(frozen=True)
class Holder:
    """Whose key it is: a post, or a named system of an agency."""

    partnership_id: str
    agency_id: str
    post_id: str | None = None
    system: str | None = None


@dataclass(frozen=True)
class Hand:
    """Who acts: the post, and the person behind it, because one person may hold several posts."""

    post_id: str
    person_id: str


@dataclass(frozen=True)
class Challenge:
    """What the holder must open to prove that the private key is in her hands."""

    key_id: str
    kid: str
    place: str
    jwe: str


LoggedEvents = Callable[[str], Sequence[KeyEvent]]
"""Takes a key id; gives its events in the ledger that are under a stored checkpoint, oldest first."""


def enrol(unit: Unit, holder: Holder, author: Hand, jwks: Sequence[Mapping[str, object]]) -> list[Challenge]:
    """Register the public keys of a holder as pending and give a challenge for each.

    A post registers two at once, the browser's and the spare (managed desktops wipe what a browser stores); a
    system one. Raises Invalid for a wrong number, a key that isn't acceptable and a key that was ever
    registered before.
    """
    places = _places(holder)
    if len(jwks) != len(places):
        raise Invalid(
            f"{len(places)} public keys are needed.", fields={"keys": f"Send {len(places)} public keys."}
        )
    publics = [check_public_jwk(jwk) for jwk in jwks]
    if len({public.kid for public in publics}) != len(publics) or _registered(unit, publics):
        raise Invalid(
            "This key was registered before.",
            next_step="Make new keys: a key belongs to one holder and is registered once.",
            fields={"keys": "Make new keys."},
        )
    number = _holder_number(unit, holder)
    _drop_unfinished(unit, holder)
    rows = [
        _pending(holder, author, number, place, public) for place, public in zip(places, publics, strict=True)
    ]
    unit.session.add_all(rows)
    unit.session.flush()
    return [challenge(unit, row) for row in rows]


def challenge(unit: Unit, key: RecipientKey) -> Challenge:
    """Give a fresh challenge for a pending key; the one before it no longer counts. It lasts 15 minutes."""
    _must_be(key, KeyState.PENDING)
    secret = secrets.token_hex(_SECRET_BYTES)
    key.challenge_digest = _digest(secret)
    key.challenge_ends_at = unit.now + CHALLENGE_LASTS
    unit.session.add(key)
    return Challenge(key.id, key.kid, key.place, jwe.seal(public_key(key), secret.encode()))


def prove(unit: Unit, key: RecipientKey, answer: str) -> None:
    """Take what the holder read in the challenge as proof that she has the private key.

    Raises Conflict when there is no open challenge, Invalid when the answer is wrong; either way a new
    challenge is needed.
    """
    _must_be(key, KeyState.PENDING)
    expected, ends_at = key.challenge_digest, key.challenge_ends_at
    key.challenge_digest = key.challenge_ends_at = None
    unit.session.add(key)
    if expected is None or ends_at is None or unit.now >= ends_at:
        raise Conflict(
            "There is no open challenge for this key.", next_step="Start the set-up of your keys again."
        )
    if not hmac.compare_digest(expected, _digest(answer)):
        again = "Start the set-up of your keys again."
        raise Invalid("The answer to the challenge is wrong.", next_step=again, fields={"answer": again})
    key.proved_at = unit.now


def approve(
    unit: Unit,
    key: RecipientKey,
    approver: Hand,
    *,
    holder_person_id: str | None,
    life: timedelta = DEFAULT_LIFE,
) -> list[KeyEvent]:
    """Make a proved key active for `life` and retire the one it replaces; give the events to record.

    Raises Conflict before the proof, Forbidden when the approver is the author or the person whose key it is
    (loosening takes two, DESIGN 3.9).
    """
    _must_be(key, KeyState.PENDING)
    if key.proved_at is None:
        raise Conflict("The holder hasn't proved yet that the private key is hers.")
    if approver.person_id in {key.author_person_id, holder_person_id}:
        raise Forbidden(
            "A key is approved by somebody other than its author and its holder.",
            next_step="Ask another information-governance officer of the agency.",
        )
    events = [_retire(unit, older) for older in _same_place(unit, key)]
    key.state = KeyState.ACTIVE
    key.approved_by_post_id, key.approved_at = approver.post_id, unit.now
    key.not_before, key.not_after = unit.now, unit.now + life
    unit.session.add(key)
    return [_event(key, KeyEventKind.ACTIVATED), *events]


def revoke(unit: Unit, key: RecipientKey, by_post_id: str, because: str) -> KeyEvent:
    """End a key at once, with one of REVOCATION_REASONS; tightening takes one (DESIGN 3.9).

    Gives the event to record, also of a key that was turned down before it was active: its enrolment is public too.
    Raises Conflict when it has already ended.
    """
    if because not in REVOCATION_REASONS:
        raise Invalid("Choose why the key ends.", fields={"because": "Choose a reason."})
    if key.state in {KeyState.REVOKED, KeyState.EXPIRED}:
        raise Conflict("This key has already ended.")
    _end(unit, key, KeyState.REVOKED, because, by_post_id)
    return _event(key, KeyEventKind.REVOKED)


def expire(unit: Unit, partnership_id: str) -> list[KeyEvent]:
    """End the keys whose time is over; give the events to record."""
    due = unit.session.exec(
        select(RecipientKey).where(
            RecipientKey.partnership_id == partnership_id,
            col(RecipientKey.state).in_([KeyState.ACTIVE, KeyState.RETIRING]),
            col(RecipientKey.not_after) <= unit.now,
        )
    ).all()
    for key in due:
        _end(unit, key, KeyState.EXPIRED, "replaced" if key.state == KeyState.RETIRING else "expired", None)
    return [_event(key, KeyEventKind.EXPIRED) for key in due]


def sealing_key(unit: Unit, holder: Holder, logged: LoggedEvents) -> RecipientKey:
    """Give the key to which content for `holder` is sealed now: the browser's, or the spare when that one has ended.

    A key counts only when the ledger says the same as the row: same agency, same holder, same key id, and
    nothing after its activation. Raises Conflict when the holder has no such key.
    """
    for key in sorted(_of(unit, holder, KeyState.ACTIVE), key=_order, reverse=True):
        if _in_time(unit, key) and _is_logged(key, logged):
            return key
    raise Conflict(
        "The recipient has no confirmed key, so nothing can be sealed to them.",
        next_step="Ask the recipient to set up their keys and have them approved.",
    )


def public_key(key: RecipientKey) -> PublicKey:
    """Give the row's key, checked again; raise Conflict when the stored key isn't the one its key id names."""
    public = check_public_jwk(key.jwk)
    if public.kid != key.kid:
        raise Conflict(
            "A stored key was altered.", next_step="Tell the operator, and seal nothing to this key."
        )
    return public


def keys_of(unit: Unit, holder: Holder) -> list[RecipientKey]:
    """Give all keys of a holder, newest first, ended ones too."""
    return sorted(_of(unit, holder), key=lambda key: key.created_at, reverse=True)


def keys_to_approve(unit: Unit, agency_id: str) -> list[RecipientKey]:
    """Give the keys of an agency that are proved and wait for approval, oldest first."""
    chosen = select(RecipientKey).where(
        RecipientKey.agency_id == agency_id,
        RecipientKey.state == KeyState.PENDING,
        col(RecipientKey.proved_at).is_not(None),
    )
    return list(unit.session.exec(chosen.order_by(col(RecipientKey.created_at))))


def keys_in_use(unit: Unit, agency_id: str) -> list[RecipientKey]:
    """Give the keys of an agency that were approved and haven't ended, the soonest to end first."""
    chosen = select(RecipientKey).where(
        RecipientKey.agency_id == agency_id,
        col(RecipientKey.state).in_([KeyState.ACTIVE, KeyState.RETIRING]),
    )
    return list(unit.session.exec(chosen.order_by(col(RecipientKey.not_after), col(RecipientKey.created_at))))


def own_key(unit: Unit, key_id: str, holder: Holder) -> RecipientKey:
    """Give one key of this holder; raise NotFound for anybody else's, as for one that doesn't exist."""
    key = unit.session.get(RecipientKey, key_id)
    if key is None or (key.agency_id, key.post_id, key.system) != (
        holder.agency_id,
        holder.post_id,
        holder.system,
    ):
        raise NotFound("There is no such key.")
    return key


def _places(holder: Holder) -> tuple[KeyPlace, ...]:
    if (holder.post_id is None) == (holder.system is None):
        raise Invalid("A key belongs to a post or to a system.", fields={"holder": "Name one of the two."})
    return (KeyPlace.FIRST, KeyPlace.SPARE) if holder.post_id else (KeyPlace.SYSTEM,)


def _registered(unit: Unit, publics: Iterable[PublicKey]) -> bool:
    kids = [public.kid for public in publics]
    return (
        unit.session.exec(select(RecipientKey.id).where(col(RecipientKey.kid).in_(kids))).first() is not None
    )


def _holder_number(unit: Unit, holder: Holder) -> str:
    keys = _of(unit, holder)
    return keys[0].holder_number if keys else new_reference()


def _drop_unfinished(unit: Unit, holder: Holder) -> None:
    # Nothing was ever sealed to a key that wasn't approved, so starting again leaves no trace worth keeping.
    for key in _of(unit, holder, KeyState.PENDING):
        if key.proved_at is None:
            unit.session.delete(key)


def _pending(holder: Holder, author: Hand, number: str, place: KeyPlace, public: PublicKey) -> RecipientKey:
    return RecipientKey(
        partnership_id=holder.partnership_id,
        agency_id=holder.agency_id,
        post_id=holder.post_id,
        system=holder.system,
        holder_number=number,
        place=place,
        kid=public.kid,
        jwk=public.jwk(),
        suite=public.suite,
        author_post_id=author.post_id,
        author_person_id=author.person_id,
    )


def _of(unit: Unit, holder: Holder, state: KeyState | None = None) -> list[RecipientKey]:
    chosen = select(RecipientKey).where(
        RecipientKey.partnership_id == holder.partnership_id,
        RecipientKey.agency_id == holder.agency_id,
        RecipientKey.post_id == holder.post_id,
        RecipientKey.system == holder.system,
    )
    if state is not None:
        chosen = chosen.where(RecipientKey.state == state)
    return list(unit.session.exec(chosen))


def _same_place(unit: Unit, key: RecipientKey) -> list[RecipientKey]:
    holder = Holder(key.partnership_id, key.agency_id, key.post_id, key.system)
    return [older for older in _of(unit, holder, KeyState.ACTIVE) if older.place == key.place]


def _retire(unit: Unit, key: RecipientKey) -> KeyEvent:
    key.state = KeyState.RETIRING
    key.not_after = min(key.not_after or unit.now + OVERLAP, unit.now + OVERLAP)
    unit.session.add(key)
    return _event(key, KeyEventKind.RETIRED)


def _end(unit: Unit, key: RecipientKey, state: KeyState, because: str, by_post_id: str | None) -> None:
    key.state, key.ended_at, key.ended_because, key.ended_by_post_id = state, unit.now, because, by_post_id
    key.challenge_digest = key.challenge_ends_at = None
    unit.session.add(key)


def _event(key: RecipientKey, kind: KeyEventKind) -> KeyEvent:
    return KeyEvent(kind, key.agency_id, key.kid, key.holder_number)


def _order(key: RecipientKey) -> tuple[bool, float]:
    return key.place != KeyPlace.SPARE, key.not_before.timestamp() if key.not_before else 0.0


def _in_time(unit: Unit, key: RecipientKey) -> bool:
    return (
        key.not_before is not None
        and key.not_after is not None
        and key.not_before <= unit.now < key.not_after
    )


def _is_logged(key: RecipientKey, logged: LoggedEvents) -> bool:
    events = logged(public_key(key).kid)
    return bool(events) and events[-1] == _event(key, KeyEventKind.ACTIVATED)


def _must_be(key: RecipientKey, state: KeyState) -> None:
    if key.state != state:
        raise Conflict(
            f"This key is {key.state}.", next_step="Look at the list of keys: something changed meanwhile."
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
