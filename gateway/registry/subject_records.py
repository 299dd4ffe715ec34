"""The officer's view of subjects: which records she keeps, in which cases they are, and whose names she may read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import act, must_govern
from gateway.registry.agencies import not_found
from gateway.registry.models import Case, CaseSubject, Face, Subject
from gateway.registry.subjects import Identity, identity_of, known_as
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class SubjectRecord:
    """A subject for the register's pages; the name isn't here but in `identity_of`."""

    subject_id: str
    reference: str
    controller_agency_id: str
    state: str
    capacity: str
    deceased_on: date | None
    merged_into_id: str | None
    known_as: frozenset[str]
    roles: tuple[tuple[str, str, str], ...]


def record_of(unit: Unit, actor: Actor, subject_id: str) -> SubjectRecord:
    """Give a subject to an officer who keeps it: her agency is its controller, or she governs. Raises NotFound."""
    row = unit.session.get(Subject, subject_id)
    if row is None or row.partnership_id != actor.partnership_id or not keeps(actor, row):
        raise not_found("person")
    return _record(unit, row)


def read_identity(unit: Unit, actor: Actor, subject_id: str) -> tuple[SubjectRecord, Identity]:
    """Give who a subject is to an officer of the controller, and record that she read it: reading is disclosing.

    Raises NotFound for everybody else, and Erased once the subject's key was destroyed.
    """
    record = record_of(unit, actor, subject_id)
    if not may_read_name(actor, record):
        raise not_found("person")
    identity = identity_of(unit, subject_id)
    act(unit, actor, EntryKind.LOG_VIEWED, subject_ids=[subject_id], codes={"what": "identity"})
    return record, identity


def kept_subjects(unit: Unit, actor: Actor) -> list[SubjectRecord]:
    """Give the subjects an officer keeps, by reference. Raises Forbidden."""
    must_govern(actor, actor.agency_id)
    query = select(Subject).where(Subject.partnership_id == actor.partnership_id).order_by(Subject.reference)
    if not actor.governs:
        query = query.where(Subject.controller_agency_id == actor.agency_id)
    return [_record(unit, row) for row in unit.session.exec(query).all()]


def keeps(actor: Actor, row: Subject) -> bool:
    """Tell whether the actor is an officer who keeps this subject's record."""
    return actor.answers_for(row.partnership_id, row.controller_agency_id)


def may_read_name(actor: Actor, record: SubjectRecord) -> bool:
    """Tell whether an officer may read who a subject is: only the controller's own."""
    return actor.face is Face.GOVERNANCE and record.controller_agency_id == actor.agency_id


def _record(unit: Unit, row: Subject) -> SubjectRecord:
    ids = known_as(unit, row.id)
    found = unit.session.exec(
        select(CaseSubject, Case)
        .join(Case, col(CaseSubject.case_id) == col(Case.id))
        .where(col(CaseSubject.subject_id).in_(ids))
    )
    roles = sorted((case.id, case.reference, held.role) for held, case in found)
    return SubjectRecord(
        subject_id=row.id,
        reference=row.reference,
        controller_agency_id=row.controller_agency_id,
        state=row.state,
        capacity=row.capacity,
        deceased_on=row.deceased_on,
        merged_into_id=row.merged_into_id,
        known_as=ids,
        roles=tuple(roles),
    )
