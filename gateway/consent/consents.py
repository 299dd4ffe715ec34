"""Consent where it is the ground: recorded as an event, computed whenever it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import bindparam
from sqlmodel import col, or_, select

from gateway.consent.models import Answer, Consent
from gateway.consent.state import state_at, state_of
from gateway.consent.taking import (
    By,
    Reach,
    Taking,
    check,
    codes,
    columns,
    note,
    open_words,
    seal_words,
)
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import ConsentStatus

# Built once, for every line is decided on it. A row read earlier in a transaction may be older than a withdrawal
# committed since: it is read again.
_OF_CASE = (
    select(Consent)
    .where(
        col(Consent.subject_id).in_(bindparam("subjects", expanding=True)),
        or_(col(Consent.case_id).is_(None), Consent.case_id == bindparam("case")),
    )
    .execution_options(populate_existing=True)
)


def status(
    unit: Unit,
    subject_id: str,
    case_id: str | None,
    *,
    purpose: str,
    category: str,
    agency_id: str | None,
    also: Collection[str] = (),
    counts: Callable[[Consent], bool] | None = None,
) -> ConsentStatus:
    """Give the state of consent at `unit.now` for one purpose, kind of information and receiving agency.

    Rows without a case count in every case; rows of another case count in none but their own. A recipient outside every
    agency (`agency_id` None) is reached by no consent, since consent names who may be told. `also` are the other ids
    under which this person was recorded before a merge; a row that `counts` refuses is left out.
    """
    rows = _of_case(unit, {subject_id, *also}, case_id)
    told = rows if counts is None else [row for row in rows if counts(row)]
    return state_at(told, unit.now, purpose, category, agency_id)


def record(
    unit: Unit,
    by: By,
    *,
    subject_id: str,
    case_id: str | None,
    controller_agency_id: str,
    answer: Answer,
    reach: Reach,
    taking: Taking,
    under_duress: bool = False,
) -> Consent:
    """Record what the person answered, and its entry; give the row.

    An answer given beside someone she may fear, or through a relative who interprets, is kept as not free.
    Raises Invalid when a `given` answer isn't specific (UK GDPR art 4(11)), has no last day, or can't have
    happened as told.
    """
    check(taking, reach, "consent", unit.now)
    if answer is Answer.GIVEN:
        _require_specific(reach, taking)
    consent_id = new_id()
    row = Consent(
        id=consent_id,
        partnership_id=by.partnership_id,
        subject_id=subject_id,
        case_id=case_id,
        controller_agency_id=controller_agency_id,
        answer=answer.value,
        under_duress=under_duress or not taking.freely,
        words=seal_words(unit, "consent", consent_id, subject_id, taking.words),
        **columns(taking, reach, by),
    )
    unit.session.add(row)
    said = {"answer": row.answer, "under_duress": row.under_duress, **codes(row)}
    free = answer is Answer.GIVEN and not row.under_duress
    kind = EntryKind.CONSENT_GIVEN if free else EntryKind.CONSENT_ANSWERED
    note(unit, kind, row, by, {"consent": row.id}, said)
    return row


def withdraw(unit: Unit, by: By, consent_id: str, *, by_subject: bool) -> Consent:
    """Withdraw a consent at once, and record it; withdrawing it again changes nothing.

    The caller holds the lock on the subject's row and freezes what rested on it in the same transaction
    (promise 4).
    `by_subject` is False when someone with authority over the record revokes it.
    Raises NotFound for a consent that isn't in this partnership, Conflict for an answer that gave nothing.
    """
    row = unit.session.get(Consent, consent_id, with_for_update=True, populate_existing=True)
    if row is None or row.partnership_id != by.partnership_id:
        raise NotFound("There is no such consent.")
    if row.answer != Answer.GIVEN:
        raise Conflict(
            "There is nothing to withdraw: this answer gave no consent.",
            next_step="Record new views instead.",
        )
    if row.withdrawn_at is not None:
        return row
    row.withdrawn_at = unit.now
    row.withdrawn_by_subject = by_subject
    row.withdrawn_by_post_id = by.post_id
    unit.session.add(row)
    note(unit, EntryKind.CONSENT_WITHDRAWN, row, by, {"consent": row.id}, {"by_subject": by_subject})
    return row


def of_subject(unit: Unit, subject_id: str, also: Collection[str] = ()) -> list[Consent]:
    """Give every consent row of a subject, newest first."""
    rows = select(Consent).where(col(Consent.subject_id).in_({subject_id, *also}))
    return list(
        unit.session.exec(rows.order_by(col(Consent.taken_at).desc(), col(Consent.created_at).desc()))
    )


def get(unit: Unit, partnership_id: str, consent_id: str) -> Consent:
    """Give one consent of a partnership; raise NotFound when it isn't there."""
    row = unit.session.get(Consent, consent_id)
    if row is None or row.partnership_id != partnership_id:
        raise NotFound("There is no such consent.")
    return row


def standing(unit: Unit, row: Consent) -> ConsentStatus:
    """Give what one row says by itself at `unit.now`."""
    return state_of(row, unit.now)


def words_of(unit: Unit, row: Consent) -> str:
    """Give what the person said, or an empty text; raises Erased when her key was destroyed."""
    return open_words(unit, "consent", row.id, row.subject_id, row.words)


def _of_case(unit: Unit, subject_ids: Collection[str], case_id: str | None) -> list[Consent]:
    chosen = {"subjects": list(subject_ids), "case": case_id}
    key = ("consents", frozenset(subject_ids), case_id)
    return unit.once("consent", key, lambda: list(unit.session.exec(_OF_CASE, params=chosen)))


def _require_specific(reach: Reach, taking: Taking) -> None:
    wrong = {}
    if not reach.purposes:
        wrong["purposes"] = "Choose what it is for."
    if not reach.categories:
        wrong["categories"] = "Choose at least one kind of information."
    if not reach.agency_ids:
        wrong["agency_ids"] = "Choose who may be told."
    if taking.expires_on is None:
        wrong["expires_on"] = "Enter the last day it counts."
    if wrong:
        raise Invalid("Consent must say what, who with and for how long.", fields=wrong)
