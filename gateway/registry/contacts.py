"""Safe contact: the only way to reach someone who may be watched. It counts while it was lately confirmed."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.clock import local_day
from gateway.errors import Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import act
from gateway.registry.agencies import today
from gateway.registry.models import Partnership, SafeContact, Subject
from gateway.registry.subjects import known_as, lock
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_ALL = (
    select(SafeContact)
    .where(col(SafeContact.subject_id).in_(bindparam("ids", expanding=True)))
    .order_by(col(SafeContact.confirmed_on).desc(), col(SafeContact.created_at).desc())
)
CONFIRM_EVERY = timedelta(days=90)


class Details(BaseModel):
    """How to reach her: never with a voicemail or a letter, nor saying who calls, unless she said so."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    method: str
    value: str = ""
    when: str = ""
    who_may_answer: str = ""
    code_word: str = ""
    voicemail_ok: bool = False
    letters_ok: bool = False
    may_say_who_calls: bool = False


def on_file(unit: Unit, subject_id: str) -> bool:
    """Tell whether a safe contact confirmed within the last 90 days is on file, and wasn't withdrawn."""
    rows = that_count(unit, subject_id)
    return bool(rows) and not has_lapsed(unit, rows[0])


def has_lapsed(unit: Unit, row: SafeContact) -> bool:
    """Tell whether it was last confirmed more than 90 days ago."""
    return row.confirmed_on + CONFIRM_EVERY < today(unit, row.partnership_id)


def that_count(unit: Unit, subject_id: str) -> list[SafeContact]:
    """Give the safe contacts that weren't withdrawn, the newest first.

    A withdrawal ends every older one, whichever agency's and however it comes in later: what was found is found.
    """
    if unit.session.get(Subject, subject_id) is None:
        return []
    ids = list(known_as(unit, subject_id))

    def read() -> list[SafeContact]:
        return list(unit.session.exec(_ALL, params={"ids": ids}))

    rows = unit.once("registry", ("safe contact", subject_id), read)
    ended = [row.withdrawn_at for row in rows if row.withdrawn_at is not None]
    if not ended:
        return rows
    nation = unit.session.get_one(Partnership, rows[0].partnership_id).nation
    since = local_day(max(ended), nation)
    return [row for row in rows if row.withdrawn_at is None and row.confirmed_on >= since]


def record_contact(
    unit: Unit, actor: Actor, subject_id: str, details: Details, *, case_id: str | None = None
) -> str:
    """Record a safe contact, confirmed today by the actor for her agency; give its id.

    Who may is the caller's to check. Raises Invalid without a way.
    """
    if not details.method.strip():
        raise Invalid("A way to reach her is needed.", fields={"method": "Choose how she may be reached."})
    lock(unit, subject_id)
    day = today(unit, actor.partnership_id)
    row = keep_contact(
        unit,
        actor.partnership_id,
        subject_id,
        actor.agency_id,
        details,
        day,
        confirmed_by_post_id=actor.post_id,
    )
    refs = {"contact": row.id}
    note(unit, actor, EntryKind.CONTACT_RECORDED, subject_id, actor.agency_id, case_id=case_id, refs=refs)
    return row.id


def withdraw_contacts(unit: Unit, actor: Actor, subject_id: str, *, case_id: str | None = None) -> None:
    """End every safe contact of a person at once, whichever agency's: tightening takes one (promise 9).

    It is done and recorded alike where there is none, so that nobody learns by it what others hold. Who may is the
    caller's to check.
    """
    lock(unit, subject_id)
    rows = that_count(unit, subject_id)
    for row in rows:
        row.withdrawn_at = unit.now
        unit.session.add(row)
    for agency_id in sorted({actor.agency_id, *(row.controller_agency_id for row in rows)}):
        note(unit, actor, EntryKind.CONTACT_WITHDRAWN, subject_id, agency_id, case_id=case_id)


def keep_contact(
    unit: Unit,
    partnership_id: str,
    subject_id: str,
    controller_agency_id: str,
    details: Details,
    confirmed_on: date,
    *,
    confirmed_by_post_id: str | None = None,
) -> SafeContact:
    """Write a safe contact sealed under the subject's key, without an entry: the caller records one."""
    row = SafeContact(
        partnership_id=partnership_id,
        subject_id=subject_id,
        controller_agency_id=controller_agency_id,
        details=b"",
        confirmed_on=confirmed_on,
        confirmed_by_post_id=confirmed_by_post_id,
    )
    row.details = unit.vault.seal(
        unit.session,
        Scope.SUBJECT,
        subject_id,
        details.model_dump_json(),
        where=f"safe_contact|details|{row.id}",
    )
    unit.session.add(row)
    return row


def details_of(unit: Unit, row: SafeContact) -> Details:
    """Open a safe contact; who may read it is the caller's to check. Raises Erased with the subject's key."""
    text = unit.vault.open(
        unit.session, Scope.SUBJECT, row.subject_id, row.details, where=f"safe_contact|details|{row.id}"
    )
    return Details.model_validate_json(text)


def contact_of(unit: Unit, subject_id: str) -> Details | None:
    """Give the newest safe contact that counts; who may read it is the caller's to check. Raises Erased."""
    rows = that_count(unit, subject_id)
    return details_of(unit, rows[0]) if rows else None


def note(
    unit: Unit,
    actor: Actor,
    kind: EntryKind,
    subject_id: str,
    controller_agency_id: str,
    *,
    case_id: str | None = None,
    refs: dict[str, str] | None = None,
) -> None:
    """Record what was done about a person's safe contact: nothing of it is in the entry, not even the kind of way."""
    act(
        unit,
        actor,
        kind,
        controller_agency_id=controller_agency_id,
        subject_ids=sorted(known_as(unit, subject_id)),
        case_id=case_id,
        refs=refs,
    )
