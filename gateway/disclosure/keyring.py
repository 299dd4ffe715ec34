"""Recipients' keys in the flow: enrolled, proved, approved and ended with a public event in the ledger.

What may be sealed to is what the ledger says, read under a checkpoint; the row in the database alone is not enough
(DESIGN 6), so a swapped key is seen and refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.errors import Conflict, NotFound
from gateway.ledger import append, read
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry import agencies, standing
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Post
from gateway.sealing import keys
from gateway.sealing.keys import Challenge, Hand, Holder, KeyEvent, KeyEventKind
from gateway.sealing.models import RecipientKey
from gateway.store.unit_of_work import Unit

# The system under whose name an agency registers the key for its own copies.
AGENCY_COPIES = "agency-copies"

_KIND = {
    KeyEventKind.ACTIVATED: EntryKind.KEY_ACTIVATED,
    KeyEventKind.RETIRED: EntryKind.KEY_RETIRED,
    KeyEventKind.REVOKED: EntryKind.KEY_REVOKED,
    KeyEventKind.EXPIRED: EntryKind.KEY_EXPIRED,
}
_EVENT = {kind: event for event, kind in _KIND.items()}


def enrol(
    unit: Unit, actor: Actor, jwks: Sequence[Mapping[str, object]], *, system: str | None = None
) -> list[Challenge]:
    """Register one's own two public keys, or one of an agency's system (an IG officer); gives the challenges.

    Raises:
        Invalid: a key isn't acceptable.
        NotFound: a system's key from someone who isn't an IG officer.
    """
    if system is not None and actor.face is not Face.GOVERNANCE:
        raise NotFound("There is no such page.")
    challenges = keys.enrol(unit, _holder(actor, system), _hand(actor), jwks)
    for given in challenges:
        key = unit.session.get_one(RecipientKey, given.key_id)
        entry = _entry(
            actor.partnership_id, actor.agency_id, EntryKind.KEY_ENROLLED, key.kid, key.holder_number
        )
        append.record(unit, entry)
    return challenges


def prove(unit: Unit, actor: Actor, key_id: str, answer: str, *, system: str | None = None) -> None:
    """Take the answer to a challenge as proof of possession.

    Raises:
        NotFound: not a key of this holder.
        Conflict: no open challenge.
        Invalid: the answer is wrong.
    """
    keys.prove(unit, keys.own_key(unit, key_id, _holder(actor, system)), answer)


def mine(unit: Unit, actor: Actor) -> list[RecipientKey]:
    """All keys of this post, newest first."""
    return keys.keys_of(unit, _holder(actor, None))


def to_approve(unit: Unit, actor: Actor) -> list[RecipientKey]:
    """The keys that wait for this IG officer: of her agency, or of every agency of a partnership she governs."""
    return [key for agency_id in _governed(unit, actor) for key in keys.keys_to_approve(unit, agency_id)]


def in_use(unit: Unit, actor: Actor) -> list[RecipientKey]:
    """The keys in use for which this IG officer answers: of her agency, or of every agency of what she governs."""
    return [key for agency_id in _governed(unit, actor) for key in keys.keys_in_use(unit, agency_id)]


def _governed(unit: Unit, actor: Actor) -> Iterable[str]:
    if actor.face is not Face.GOVERNANCE:
        return ()
    governed = agencies.names(unit, actor.partnership_id) if actor.governs else ()
    return dict.fromkeys([actor.agency_id, *governed])


def approve(unit: Unit, actor: Actor, key_id: str) -> None:
    """Make a proved key active, as an IG officer of its agency who is neither author nor holder.

    Raises:
        NotFound: no such key waits in this agency.
        Forbidden: the approver is its author or holder.
    """
    key = next((row for row in to_approve(unit, actor) if row.id == key_id), None)
    if key is None:
        raise NotFound("There is no such key.", next_step="Go back to the keys that wait for approval.")
    holder_person = unit.session.get_one(Post, key.post_id).person_id if key.post_id else None
    entry_id = None
    for event in keys.approve(unit, key, _hand(actor), holder_person_id=holder_person):
        recorded = _record_event(unit, actor, event)
        entry_id = entry_id or recorded
    key.event_entry_id = entry_id
    unit.session.add(key)


def revoke(unit: Unit, actor: Actor, key_id: str, because: str) -> None:
    """End a key at once: one's own, or any of the agency's as its IG officer.

    Raises:
        NotFound: not such a key.
        Conflict: it has ended already.
    """
    standing.wait_for_decisions(unit, actor.partnership_id)
    key = unit.session.get(RecipientKey, key_id)
    own = key is not None and key.post_id == actor.post_id
    governed = key is not None and actor.answers_for(key.partnership_id, key.agency_id)
    if key is None or not (own or governed):
        raise NotFound("There is no such key.", next_step="Go back to the list of keys.")
    _record_event(unit, actor, keys.revoke(unit, key, actor.post_id, because))


def expire(unit: Unit, partnership_id: str) -> int:
    """End every key whose time is over; gives how many."""
    events = keys.expire(unit, partnership_id)
    for event in events:
        entry = _entry(partnership_id, event.agency_id, _KIND[event.kind], event.kid, event.holder_number)
        append.record(unit, entry)
    return len(events)


def key_for(unit: Unit, post: Post) -> RecipientKey:
    """The key to seal to for a post.

    Raises:
        Conflict: the post has no key that the ledger confirms.
    """
    holder = Holder(post.partnership_id, post.agency_id, post_id=post.id)
    return keys.sealing_key(unit, holder, lambda kid: logged_events(unit, post.agency_id, kid))


def agency_copy_key(unit: Unit, actor: Actor) -> RecipientKey:
    """The key for the releasing agency's own copy: the agency's registered one, or the releasing officer's.

    Raises:
        Conflict: neither is confirmed.
    """
    agency = Holder(actor.partnership_id, actor.agency_id, system=AGENCY_COPIES)
    try:
        return keys.sealing_key(unit, agency, lambda kid: logged_events(unit, actor.agency_id, kid))
    except Conflict:
        return _own_confirmed(unit, actor)


def logged_events(unit: Unit, agency_id: str, kid: str) -> list[KeyEvent]:
    """The events of one key that are in the log under a checkpoint, oldest first."""
    found = read.entries_of_agency(
        unit, agency_id, read.Filter(kinds=tuple(_EVENT), holding=kid, limit=read.MOST_AT_ONCE)
    )
    return [
        KeyEvent(
            _EVENT[entry.kind],
            entry.controller_agency_id,
            str(entry.codes["kid"]),
            str(entry.codes["holder"]),
        )
        for entry in reversed(found.entries)
        if entry.codes.get("kid") == kid and read.is_under_checkpoint(unit, entry.entry_id)
    ]


def _own_confirmed(unit: Unit, actor: Actor) -> RecipientKey:
    try:
        return key_for(unit, unit.session.get_one(Post, actor.post_id))
    except Conflict as error:
        raise Conflict(
            "There is no confirmed key for your agency's own copy.",
            next_step="Set up your key, or ask your information-governance officer to register the agency's.",
        ) from error


def _holder(actor: Actor, system: str | None) -> Holder:
    post_id = None if system else actor.post_id
    return Holder(actor.partnership_id, actor.agency_id, post_id=post_id, system=system)


def _hand(actor: Actor) -> Hand:
    return Hand(actor.post_id, actor.person_id)


def _record_event(unit: Unit, actor: Actor, event: KeyEvent) -> str:
    kind = _KIND[event.kind]
    return append.record(
        unit, _entry(actor.partnership_id, event.agency_id, kind, event.kid, event.holder_number)
    )


def _entry(partnership_id: str, agency_id: str, kind: EntryKind, kid: str, holder_number: str) -> Entry:
    """A public leaf: agency, key id and a random number for the holder; who acted stays out of it (DESIGN 3.6)."""
    return Entry(
        kind=kind,
        partnership_id=partnership_id,
        controller_agency_id=agency_id,
        actor_post_id=None,
        actor_agency_id=agency_id,
        codes={"kid": kid, "holder": holder_number},
        public=True,
    )
