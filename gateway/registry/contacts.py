"""Safe contact: the only way to reach someone who may be watched. It counts while it was lately confirmed."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.errors import Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import act
from gateway.registry.agencies import not_found, today
from gateway.registry.cases import case_for
from gateway.registry.models import SafeContact, Subject
from gateway.registry.subjects import is_in_case, known_as
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_NEWEST = (
    select(SafeContact)
    .where(col(SafeContact.subject_id).in_(bindparam("ids", expanding=True)))
    .order_by(col(SafeContact.confirmed_on).desc(), col(SafeContact.created_at).desc())
    .limit(1)
)
CONFIRM_EVERY = timedelta(days=90)


class Details(BaseModel):
    """How to reach her: never with a voicemail or a letter unless she said so."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    method: str
    value: str = ""
    when: str = ""
    who_may_answer: str = ""
    code_word: str = ""
    voicemail_ok: bool = False
    letters_ok: bool = False


def on_file(unit: Unit, subject_id: str) -> bool:
    """Tell whether a safe contact confirmed within the last 90 days is on file."""
    row = _latest(unit, subject_id)
    return row is not None and row.confirmed_on + CONFIRM_EVERY >= today(unit, row.partnership_id)


def record_contact(unit: Unit, actor: Actor, *, case_id: str, subject_id: str, details: Details) -> str:
    """Record a safe contact, confirmed today, by somebody on the case; give its id. Raises NotFound, Invalid."""
    case_for(unit, actor, case_id)
    if not is_in_case(unit, case_id, subject_id):
        raise not_found("person")
    if not details.method.strip():
        raise Invalid("A way to reach her is needed.", fields={"method": "Choose how she may be reached."})
    row = keep_contact(
        unit, actor.partnership_id, subject_id, actor.agency_id, details, today(unit, actor.partnership_id)
    )
    act(
        unit,
        actor,
        EntryKind.CASE_CHANGED,
        subject_ids=[subject_id],
        case_id=case_id,
        refs={"contact": row.id},
        codes={"change": "safe_contact"},
    )
    return row.id


def keep_contact(
    unit: Unit,
    partnership_id: str,
    subject_id: str,
    controller_agency_id: str,
    details: Details,
    confirmed_on: date,
) -> SafeContact:
    """Write a safe contact sealed under the subject's key, without an entry: the caller records one."""
    row = SafeContact(
        partnership_id=partnership_id,
        subject_id=subject_id,
        controller_agency_id=controller_agency_id,
        details=b"",
        confirmed_on=confirmed_on,
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


def contact_of(unit: Unit, subject_id: str) -> Details | None:
    """Give the newest safe contact for the holder's own use; who may read it is the caller's to check.

    Raises Erased once the subject's key was destroyed.
    """
    row = _latest(unit, subject_id)
    if row is None:
        return None
    text = unit.vault.open(
        unit.session, Scope.SUBJECT, row.subject_id, row.details, where=f"safe_contact|details|{row.id}"
    )
    return Details.model_validate_json(text)


def _latest(unit: Unit, subject_id: str) -> SafeContact | None:
    if unit.session.get(Subject, subject_id) is None:
        return None
    ids = list(known_as(unit, subject_id))
    return unit.once(
        "registry",
        ("safe contact", subject_id),
        lambda: unit.session.exec(_NEWEST, params={"ids": ids}).first(),
    )
