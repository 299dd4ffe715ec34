"""What protected somebody in the time that a restore lost is done again from the copy off this host (DESIGN 7).

The copy holds codes and references, no words: a wall that only describes somebody, and an act on what was itself lost,
can't be done again from it. Those stay for an officer, who is told of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlmodel import select

from gateway.consent import consents, mandates
from gateway.disclosure import erase, keyring, record, stop, withdraw
from gateway.disclosure.models import Line, Request
from gateway.errors import NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import contacts, people
from gateway.registry.actors import Actor
from gateway.registry.acts import must_govern
from gateway.sealing import parcel as parcels
from gateway.sealing.models import Parcel, RecipientKey
from gateway.store.unit_of_work import Unit

REASON = "Done again after a restore, from the copy kept elsewhere."
_WALL, _PERSON, _AGENCY = "wall", "person", "agency"
Record = Mapping[str, Any]


def redo(unit: Unit, actor: Actor, lost: Record) -> None:
    """Do one lost act again, as an officer of the partnership; its entry says that she did it.

    Raises:
        Forbidden: not an officer of the partnership.
        NotFound: it can't be done again from a record, or what it was done to was lost as well.
        Conflict: it holds already.
    """
    must_govern(actor)
    act = _AGAIN.get(EntryKind(lost["kind"]))
    if act is None:
        raise _by_hand("This isn't done again by itself.")
    act(unit, actor, lost)


def _withdraw_consent(unit: Unit, actor: Actor, lost: Record) -> None:
    consent_id = lost["refs"]["consent"]
    row = consents.get(unit, actor.partnership_id, consent_id)
    withdraw.withdraw_consent(unit, actor, row.id, by_subject=bool(lost["codes"].get("by_subject")))


def _end_mandate(unit: Unit, actor: Actor, lost: Record) -> None:
    mandates.revoke(unit, actor, lost["refs"]["mandate"], by_subject=bool(lost["codes"].get("by_subject")))


def _withdraw_contacts(unit: Unit, actor: Actor, lost: Record) -> None:
    contacts.withdraw_contacts(unit, actor, lost["subjects"][0], case_id=lost["case"])


def _raise_wall(unit: Unit, actor: Actor, lost: Record) -> None:
    refs = lost["refs"]
    people_named, bodies = _named(refs, _PERSON), _named(refs, _AGENCY)
    if "kind" not in lost["codes"] or len(people_named) + len(bodies) < len(_named(refs, _WALL)):
        raise _by_hand("This wall describes somebody in words, which the copy doesn't hold.")
    stop.raise_wall(
        unit,
        actor,
        lost["subjects"][0],
        kind=lost["codes"]["kind"],
        reason=REASON,
        person_ids=people_named,
        agency_ids=bodies,
    )


def _named(refs: Mapping[str, str], what: str) -> list[str]:
    return [value for name, value in refs.items() if name.rstrip("0123456789") == what]


def _erase_subject(unit: Unit, actor: Actor, lost: Record) -> None:
    erase.erase_subject(unit, actor, lost["subjects"][0], REASON)


def _close_case(unit: Unit, actor: Actor, lost: Record) -> None:
    act = erase.erase_case if lost["codes"].get("step") == "erased" else erase.close_case
    act(unit, actor, lost["case"], REASON)


def _destroy_parcel(unit: Unit, actor: Actor, lost: Record) -> None:
    row = unit.session.get(Parcel, lost["refs"]["parcel"])
    if row is None or row.partnership_id != actor.partnership_id:
        raise _by_hand("The parcel was sealed in the lost time.")
    parcels.destroy(unit, row)
    request, line = unit.session.get_one(Request, row.request_id), unit.session.get_one(Line, row.line_id)
    refs = {"parcel": row.id}
    record.act(unit, request, EntryKind.PARCEL_DESTROYED, actor.post_id, lines=[line], refs=refs)


def _revoke_key(unit: Unit, actor: Actor, lost: Record) -> None:
    chosen = select(RecipientKey).where(
        RecipientKey.partnership_id == actor.partnership_id, RecipientKey.kid == lost["codes"]["kid"]
    )
    row = unit.session.exec(chosen).first()
    if row is None:
        raise _by_hand("The key was made in the lost time.")
    keyring.revoke(unit, actor, row.id, "lost")


def _end_post(unit: Unit, actor: Actor, lost: Record) -> None:
    people.end_post(unit, actor, lost["refs"]["post"], REASON)


def _by_hand(because: str) -> NotFound:
    return NotFound(because, next_step="An officer looks at it and does what is needed on her pages.")


_AGAIN: Mapping[EntryKind, Callable[[Unit, Actor, Record], None]] = {
    EntryKind.CONSENT_WITHDRAWN: _withdraw_consent,
    EntryKind.CONTACT_WITHDRAWN: _withdraw_contacts,
    EntryKind.WALL_RAISED: _raise_wall,
    EntryKind.MANDATE_ENDED: _end_mandate,
    EntryKind.SUBJECT_ERASED: _erase_subject,
    EntryKind.CASE_CLOSED: _close_case,
    EntryKind.PARCEL_DESTROYED: _destroy_parcel,
    EntryKind.KEY_REVOKED: _revoke_key,
    EntryKind.POST_ENDED: _end_post,
}
