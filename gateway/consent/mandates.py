"""The subject's authority to an advocate: it counts once a second agency confirmed it, until she ends it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import col, select

from gateway.clock import local_day
from gateway.consent import wordings
from gateway.consent.models import HowTaken, Mandate
from gateway.consent.taking import By, is_over, note
from gateway.errors import Conflict, Invalid, NotFound, Refused
from gateway.ledger import read
from gateway.ledger.entries import Code, EntryKind
from gateway.ledger.epoch import frozen_before
from gateway.ledger.read import MOST_AT_ONCE, Filter
from gateway.store.tables import new_reference
from gateway.store.unit_of_work import Unit

LONGEST = timedelta(days=366)
_GIVEN = Filter(kinds=(EntryKind.MANDATE_GIVEN,), limit=MOST_AT_ONCE)


@dataclass(frozen=True)
class NewMandate:
    """What is recorded: whom she trusts, for which of her cases (none named means all), and until when."""

    subject_id: str
    advocate_post_id: str
    advocate_agency_id: str
    controller_agency_id: str
    how_given: HowTaken
    alone: bool | None
    wording_version: str
    given_on: date
    expires_on: date
    case_ids: frozenset[str] = frozenset()


def record(unit: Unit, by: By, new: NewMandate) -> Mandate:
    """Record that the subject gave a mandate, and its entry; another agency must confirm it before it counts.

    Raises Invalid when it begins in the future, has ended, or would last longer than a year.
    """
    check(new, unit)
    row = Mandate(
        partnership_id=by.partnership_id,
        reference=new_reference(),
        subject_id=new.subject_id,
        advocate_post_id=new.advocate_post_id,
        advocate_agency_id=new.advocate_agency_id,
        controller_agency_id=new.controller_agency_id,
        case_ids=sorted(new.case_ids),
        how_given=new.how_given.value,
        alone=new.alone,
        wording_version=new.wording_version,
        wording_sha256=wordings.by_version(new.wording_version).sha256,
        given_on=new.given_on,
        expires_on=new.expires_on,
        recorded_by_post_id=by.post_id,
        recorded_agency_id=by.agency_id,
    )
    unit.session.add(row)
    said: dict[str, Code] = {
        "mandate": row.reference,
        "how_given": row.how_given,
        "wording_version": row.wording_version,
        "wording_sha256": row.wording_sha256,
        "given_on": row.given_on.isoformat(),
        "expires_on": row.expires_on.isoformat(),
        "cases": tuple(row.case_ids),
    }
    note(unit, EntryKind.MANDATE_GIVEN, row, by, {"mandate": row.id}, said)
    return row


def confirm(unit: Unit, by: By, mandate_id: str) -> Mandate:
    """Confirm a mandate for a second agency, which asked the subject herself; from now on it counts.

    Raises NotFound for a mandate that isn't in this partnership, Refused when the confirming agency is the
    advocate's own or the one that recorded it (promise 9), Conflict when it was confirmed, revoked or is over.
    """
    row = _locked(unit, by, mandate_id)
    if by.agency_id in {row.advocate_agency_id, row.recorded_agency_id}:
        raise Refused(
            "A second agency confirms a mandate: not the advocate's own, nor the one that recorded it.",
            next_step="Ask another agency of the case to speak to the person and confirm it.",
            reason="mandate_needs_second_agency",
        )
    if is_confirmed(row, unit) or row.revoked_at is not None or is_over(row.expires_on, unit.now):
        raise Conflict(
            "This mandate isn't waiting for confirmation.", next_step="Record a new one if it is wanted."
        )
    row.confirmed_by_post_id = by.post_id
    row.confirmed_agency_id = by.agency_id
    row.confirmed_at = unit.now
    unit.session.add(row)
    note(unit, EntryKind.MANDATE_CONFIRMED, row, by, {"mandate": row.id}, {})
    return row


def revoke(unit: Unit, by: By, mandate_id: str, *, by_subject: bool) -> Mandate:
    """End a mandate at once, and record it; ending it again changes nothing.

    Raises NotFound for a mandate that isn't in this partnership.
    """
    row = _locked(unit, by, mandate_id)
    if row.revoked_at is not None:
        return row
    row.revoked_at = unit.now
    row.revoked_by_post_id = by.post_id
    unit.session.add(row)
    note(unit, EntryKind.MANDATE_ENDED, row, by, {"mandate": row.id}, {"by_subject": by_subject})
    return row


def counts(row: Mandate, unit: Unit) -> bool:
    """Tell whether a mandate counts at `unit.now`: confirmed, not revoked, begun, not past its last day."""
    if not is_confirmed(row, unit) or row.revoked_at is not None:
        return False
    return row.given_on <= local_day(unit.now) and not is_over(row.expires_on, unit.now)


def is_confirmed(row: Mandate, unit: Unit) -> bool:
    """Tell whether a second agency confirmed a mandate, since the last declared restore if there was one (DESIGN 7)."""
    restored_at = frozen_before(unit)
    if row.confirmed_at is None or row.confirmed_at > unit.now:
        return False
    return restored_at is None or row.confirmed_at >= restored_at


def current(unit: Unit, advocate_post_id: str) -> list[Mandate]:
    """Give the mandates that count now for an advocate's post, the soonest to end first."""
    chosen = (
        select(Mandate).where(Mandate.advocate_post_id == advocate_post_id).order_by(col(Mandate.expires_on))
    )
    rows = unit.session.exec(chosen.execution_options(populate_existing=True))
    return [row for row in rows if counts(row, unit)]


def require(unit: Unit, advocate_post_id: str, subject_id: str, also: Collection[str] = ()) -> list[Mandate]:
    """Give the mandates by which an advocate may read a subject's log (at least one).

    `also` are the other ids under which this person was recorded before a merge.
    Raises NotFound, the same as for a subject who doesn't exist (promise 8).
    """
    held = [row for row in current(unit, advocate_post_id) if row.subject_id in {subject_id, *also}]
    if not held:
        raise missing()
    return held


def cases_open(held: list[Mandate]) -> frozenset[str] | None:
    """Give the cases that mandates open, or None for every case."""
    if any(not row.case_ids for row in held):
        return None
    return frozenset(case_id for row in held for case_id in row.case_ids)


def opens_other_cases(unit: Unit, known_as: Collection[str]) -> bool:
    """Tell whether a mandate of this person opens other cases here than the log says she opened by it.

    `known_as` are all her ids. An entry that is held back or was erased says nothing, and then nothing is told.
    """
    said = {
        entry.codes["mandate"]: tuple(entry.codes["cases"])
        for one in known_as
        for entry in read.entries_for_subject(unit, one, _GIVEN).entries
    }
    rows = (row for one in known_as for row in of_subject(unit, one))
    return any(tuple(row.case_ids) != said.get(row.reference, tuple(row.case_ids)) for row in rows)


def of_subject(unit: Unit, subject_id: str, also: Collection[str] = ()) -> list[Mandate]:
    """Give every mandate of a subject, newest first."""
    chosen = select(Mandate).where(col(Mandate.subject_id).in_({subject_id, *also}))
    return list(unit.session.exec(chosen.order_by(col(Mandate.created_at).desc())))


def waiting(unit: Unit, subject_ids: Collection[str]) -> list[Mandate]:
    """Give the mandates of these people that wait for a second agency, oldest first."""
    chosen = select(Mandate).where(
        col(Mandate.subject_id).in_(subject_ids),
        col(Mandate.revoked_at).is_(None),
    )
    rows = unit.session.exec(chosen.order_by(col(Mandate.created_at)))
    return [row for row in rows if not is_confirmed(row, unit) and not is_over(row.expires_on, unit.now)]


def get(unit: Unit, partnership_id: str, mandate_id: str) -> Mandate:
    """Give one mandate of a partnership; raise NotFound when it isn't there."""
    row = unit.session.get(Mandate, mandate_id)
    if row is None or row.partnership_id != partnership_id:
        raise missing()
    return row


def missing() -> NotFound:
    """Give the one answer for what doesn't exist and for what isn't this reader's."""
    return NotFound("This page isn't here.", next_step="Go back to your list and choose from it.")


def _locked(unit: Unit, by: By, mandate_id: str) -> Mandate:
    row = unit.session.get(Mandate, mandate_id, with_for_update=True, populate_existing=True)
    if row is None or row.partnership_id != by.partnership_id:
        raise missing()
    return row


def check(new: NewMandate, unit: Unit) -> None:
    """Raise Invalid, naming the field, when a mandate can't be recorded as told."""
    wrong, today = {}, local_day(unit.now)
    if new.given_on > today:
        wrong["given_on"] = "The day it was given must be today or in the past."
    if new.expires_on < today:
        wrong["expires_on"] = "The last day must be today or later."
    if new.expires_on - new.given_on > LONGEST:
        wrong["expires_on"] = "A mandate lasts a year at most: then it is asked for again."
    if wordings.by_version(new.wording_version).kind != "mandate":
        wrong["wording_version"] = "These words are for another question."
    if wrong:
        raise Invalid("This can't be recorded as it stands.", fields=wrong)
