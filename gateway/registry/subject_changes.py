"""Mending the register of subjects: merge, split, correct and erase.

The wrong person is the commonest breach, so every change but erasing is asked by one officer and done by another,
and a merge only points one record at another: what hung on each stays where it was and can be parted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, delete, select

from gateway.errors import Conflict, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry import proposals
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason, act, must_differ, person_of
from gateway.registry.agencies import not_found, today
from gateway.registry.models import (
    CaseSubject,
    ChangeKind,
    SafeContact,
    Subject,
    SubjectChange,
    SubjectState,
    SubjectToken,
    Wall,
    WallKind,
)
from gateway.registry.subject_records import keeps, record_of
from gateway.registry.subjects import Identity, add, known_as, lock, write_identity
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_KIND_OF_ENTRY = {
    ChangeKind.MERGE: EntryKind.SUBJECT_MERGED,
    ChangeKind.SPLIT: EntryKind.SUBJECT_SPLIT,
    ChangeKind.CORRECT: EntryKind.SUBJECT_CORRECTED,
}


@dataclass(frozen=True)
class ChangeView:
    """A change that waits for a second officer, or was done; `proposal` only where the reader may read names."""

    change_id: str
    kind: ChangeKind
    from_subject_id: str
    from_reference: str
    to_subject_id: str | None
    to_reference: str | None
    case_ids: tuple[str, ...]
    reason: str
    proposal: Identity | None
    made_by_post_id: str
    asked_at: datetime
    done_at: datetime | None


def ask_merge(unit: Unit, actor: Actor, from_id: str, into_id: str, reason: str) -> str:
    """Propose that two records are one person: the first will point at the second. Gives the change's id.

    Raises NotFound, Invalid, Conflict when they are one already or something else waits.
    """
    record_of(unit, actor, from_id)
    into = record_of(unit, actor, into_id)
    if into_id in known_as(unit, from_id):
        raise Conflict("These two are already one person.", next_step="Look at the record again.")
    if into.state != SubjectState.ACTIVE:
        raise Invalid("This record can't be chosen.", fields={"into_id": "Choose a record that is in use."})
    return _ask(unit, actor, ChangeKind.MERGE, from_id, reason, to_id=into_id)


def ask_split(
    unit: Unit, actor: Actor, subject_id: str, identity: Identity, case_ids: tuple[str, ...], reason: str
) -> str:
    """Propose that one record holds two people: the second gets her own, with the cases named. Gives the change's id.

    Raises NotFound, Invalid, Conflict.
    """
    record = record_of(unit, actor, subject_id)
    theirs = {case_id for case_id, _, _ in record.roles}
    if not case_ids or not set(case_ids) <= theirs:
        raise Invalid(
            "The cases aren't usable.", fields={"case_ids": "Choose the cases of the second person."}
        )
    return _ask(unit, actor, ChangeKind.SPLIT, subject_id, reason, identity=identity, case_ids=case_ids)


def ask_unmerge(unit: Unit, actor: Actor, merged_id: str, reason: str) -> str:
    """Propose to part a record again from the one it was merged into. Raises NotFound, Conflict."""
    record = record_of(unit, actor, merged_id)
    if record.state != SubjectState.MERGED:
        raise Conflict("This record isn't merged.", next_step="Look at the record again.")
    return _ask(unit, actor, ChangeKind.SPLIT, merged_id, reason)


def ask_correct(unit: Unit, actor: Actor, subject_id: str, identity: Identity, reason: str) -> str:
    """Propose another identity for a subject (UK GDPR art 16). Gives the change's id. Raises NotFound, Conflict."""
    record_of(unit, actor, subject_id)
    return _ask(unit, actor, ChangeKind.CORRECT, subject_id, reason, identity=identity)


def approve_change(unit: Unit, actor: Actor, change_id: str) -> None:
    """Do a proposed change: by an officer who didn't ask for it. Raises NotFound, Forbidden, Conflict."""
    change = _waiting(unit, actor, change_id)
    must_differ(actor, person_of(unit, change.made_by_post_id))
    for one in _of_change(change):
        lock(unit, one)
    did = {ChangeKind.MERGE: _merge, ChangeKind.SPLIT: _split, ChangeKind.CORRECT: _correct}
    did[ChangeKind(change.kind)](unit, change)
    change.approved_by_post_id, change.approved_at, change.proposal = actor.post_id, unit.now, None
    unit.session.add(change)
    _note(unit, actor, change, "done")


def refuse_change(unit: Unit, actor: Actor, change_id: str) -> None:
    """Turn a proposed change down; anyone who keeps the record may. Raises NotFound, Conflict."""
    change = _waiting(unit, actor, change_id)
    change.refused_at, change.proposal = unit.now, None
    unit.session.add(change)
    _note(unit, actor, change, "refused")


def changes(unit: Unit, actor: Actor, *, waiting: bool = True) -> list[ChangeView]:
    """Give the changes, waiting or done, of the records an officer keeps, newest first. Names aren't in it."""
    query = select(SubjectChange).where(SubjectChange.partnership_id == actor.partnership_id)
    query = query.where(col(SubjectChange.refused_at).is_(None))
    done = col(SubjectChange.approved_at)
    query = query.where(done.is_(None) if waiting else done.is_not(None))
    rows = unit.session.exec(query.order_by(col(SubjectChange.created_at).desc())).all()
    return [_view(unit, row, with_names=False) for row in rows if _kept(unit, actor, row)]


def change(unit: Unit, actor: Actor, change_id: str) -> ChangeView:
    """Give one change with the identity it proposes, to an officer of the controller. Raises NotFound."""
    row = unit.session.get(SubjectChange, change_id)
    if row is None or row.partnership_id != actor.partnership_id or not _kept(unit, actor, row):
        raise not_found("change")
    subject = unit.session.get_one(Subject, row.from_subject_id)
    return _view(unit, row, with_names=subject.controller_agency_id == actor.agency_id)


def erase(unit: Unit, actor: Actor, subject_id: str, reason: str) -> None:
    """Erase a subject: destroy the key, delete tokens and safe contacts; entries and the reference stay.

    What was merged into it goes with it. Raises NotFound, Invalid, Conflict when it was erased already.
    """
    record = record_of(unit, actor, subject_id)
    said = a_reason(reason)
    lock(unit, subject_id)
    ids = known_as(unit, subject_id)
    if record.state == SubjectState.ERASED:
        raise Conflict("This was already erased.", next_step="Look at the list again.")
    for one in sorted(ids):
        row = unit.session.get_one(Subject, one)
        row.state, row.identity = SubjectState.ERASED, None
        unit.session.add(row)
        unit.session.flush()
        unit.session.exec(delete(SubjectToken).where(col(SubjectToken.subject_id) == one))
        unit.session.exec(delete(SafeContact).where(col(SafeContact.subject_id) == one))
        unit.vault.destroy(unit.session, Scope.SUBJECT, one)
        proposals.forget(unit, row)
    act(
        unit,
        actor,
        EntryKind.SUBJECT_ERASED,
        controller_agency_id=record.controller_agency_id,
        subject_ids=sorted(ids),
        words={"reason": said},
    )


def _ask(
    unit: Unit,
    actor: Actor,
    kind: ChangeKind,
    from_id: str,
    reason: str,
    *,
    to_id: str | None = None,
    identity: Identity | None = None,
    case_ids: tuple[str, ...] = (),
) -> str:
    said = a_reason(reason)
    subject = unit.session.get_one(Subject, from_id)
    if subject.state == SubjectState.ERASED:
        raise Conflict("This was erased and can't be changed.", next_step="Look at the list again.")
    open_already = select(SubjectChange.id).where(
        SubjectChange.from_subject_id == from_id,
        col(SubjectChange.approved_at).is_(None),
        col(SubjectChange.refused_at).is_(None),
    )
    if unit.session.exec(open_already).first() is not None:
        raise Conflict("A change to this record already waits.", next_step="Answer that one first.")
    row = SubjectChange(
        partnership_id=actor.partnership_id,
        kind=kind,
        from_subject_id=from_id,
        to_subject_id=to_id,
        made_by_post_id=actor.post_id,
        case_ids=list(case_ids),
        reason=b"",
    )
    row.reason = _seal(unit, from_id, said, "reason", row.id)
    if identity is not None:
        row.proposal = _seal(unit, from_id, identity.model_dump_json(), "proposal", row.id)
    unit.session.add(row)
    _note(unit, actor, row, "asked", reason=said)
    return row.id


def _merge(unit: Unit, change: SubjectChange) -> None:
    source = unit.session.get_one(Subject, change.from_subject_id)
    if change.to_subject_id is None or change.from_subject_id in _ancestors(unit, change.to_subject_id):
        raise Conflict(
            "These two can't be merged any more.", next_step="Turn this change down and look again."
        )
    source.state, source.merged_into_id = SubjectState.MERGED, change.to_subject_id
    unit.session.add(source)


def _split(unit: Unit, change: SubjectChange) -> None:
    source = unit.session.get_one(Subject, change.from_subject_id)
    if change.proposal is None:
        # A wall raised while the two were one stands on the record they shared, and is kept for both.
        _copy_walls(unit, known_as(unit, source.id) - {source.id}, source)
        source.state, source.merged_into_id = SubjectState.ACTIVE, None
        unit.session.add(source)
        return
    made = add(
        unit,
        source.partnership_id,
        identity=_proposal(unit, change),
        controller_agency_id=source.controller_agency_id,
        capacity="not_assessed",
    )
    ids = known_as(unit, source.id)
    rows = unit.session.exec(select(CaseSubject).where(col(CaseSubject.subject_id).in_(ids))).all()
    for row in rows:
        if row.case_id in change.case_ids:
            row.subject_id = made.id
            unit.session.add(row)
    _copy_walls(unit, ids, made)
    change.to_subject_id = made.id


def _copy_walls(unit: Unit, ids: frozenset[str], made: Subject) -> None:
    # Nobody knows yet for which of the two each wall was meant, so it stands for both until it is lifted.
    chosen = select(Wall).where(col(Wall.subject_id).in_({*ids, made.id}), col(Wall.lifted_at).is_(None))
    rows = unit.session.exec(chosen.order_by(Wall.subject_id)).all()
    # Two allow-only lists run into one would let in whoever is on either: her own comes first, else one is taken over.
    lists = [row.subject_id for row in rows if row.kind == WallKind.ALLOW_ONLY]
    only = made.id if made.id in lists else next(iter(lists), None)
    for row in rows:
        if row.subject_id == made.id or (row.kind == WallKind.ALLOW_ONLY and row.subject_id != only):
            continue
        copied = Wall(
            partnership_id=made.partnership_id,
            subject_id=made.id,
            kind=row.kind,
            person_id=row.person_id,
            agency_id=row.agency_id,
            placed_by_post_id=row.placed_by_post_id,
            counts_from=row.counts_from,
            review_by=today(unit, made.partnership_id),
        )
        if row.described:
            text = unit.vault.open(
                unit.session, Scope.SUBJECT, row.subject_id, row.described, where=f"wall|described|{row.id}"
            )
            copied.described = unit.vault.seal(
                unit.session, Scope.SUBJECT, made.id, text, where=f"wall|described|{copied.id}"
            )
        unit.session.add(copied)


def _correct(unit: Unit, change: SubjectChange) -> None:
    write_identity(unit, unit.session.get_one(Subject, change.from_subject_id), _proposal(unit, change))


def _proposal(unit: Unit, change: SubjectChange) -> Identity:
    return Identity.model_validate_json(_open(unit, change, change.proposal or b"", "proposal"))


def _ancestors(unit: Unit, subject_id: str) -> set[str]:
    seen: set[str] = set()
    at: str | None = subject_id
    while at is not None and at not in seen:
        seen.add(at)
        at = unit.session.get_one(Subject, at).merged_into_id
    return seen


def _of_change(change: SubjectChange) -> list[str]:
    # Always in the same order, so that two changes of the same pair can't wait for each other.
    return sorted(one for one in (change.from_subject_id, change.to_subject_id) if one)


def _waiting(unit: Unit, actor: Actor, change_id: str) -> SubjectChange:
    row = unit.session.exec(
        select(SubjectChange).where(SubjectChange.id == change_id).with_for_update()
    ).first()
    if row is None or row.partnership_id != actor.partnership_id or not _kept(unit, actor, row):
        raise not_found("change")
    if row.approved_at is not None or row.refused_at is not None:
        raise Conflict("This was already answered.", next_step="Look at the list again.")
    return row


def _kept(unit: Unit, actor: Actor, row: SubjectChange) -> bool:
    return keeps(actor, unit.session.get_one(Subject, row.from_subject_id))


def _view(unit: Unit, row: SubjectChange, *, with_names: bool) -> ChangeView:
    source = unit.session.get_one(Subject, row.from_subject_id)
    target = unit.session.get(Subject, row.to_subject_id) if row.to_subject_id else None
    erased = source.state == SubjectState.ERASED
    return ChangeView(
        change_id=row.id,
        kind=ChangeKind(row.kind),
        from_subject_id=source.id,
        from_reference=source.reference,
        to_subject_id=row.to_subject_id,
        to_reference=target.reference if target else None,
        case_ids=tuple(row.case_ids),
        reason="" if erased else _open(unit, row, row.reason, "reason"),
        proposal=_proposal(unit, row) if with_names and row.proposal and not erased else None,
        made_by_post_id=row.made_by_post_id,
        asked_at=row.created_at,
        done_at=row.approved_at,
    )


def _note(unit: Unit, actor: Actor, row: SubjectChange, step: str, *, reason: str = "") -> None:
    act(
        unit,
        actor,
        _KIND_OF_ENTRY[ChangeKind(row.kind)],
        controller_agency_id=unit.session.get_one(Subject, row.from_subject_id).controller_agency_id,
        subject_ids=_of_change(row),
        refs={"change": row.id},
        codes={"step": step, "cases": len(row.case_ids)},
        words={"reason": reason} if reason else None,
    )


def _seal(unit: Unit, subject_id: str, text: str, column: str, row_id: str) -> bytes:
    return unit.vault.seal(
        unit.session, Scope.SUBJECT, subject_id, text, where=f"subject_change|{column}|{row_id}"
    )


def _open(unit: Unit, row: SubjectChange, sealed: bytes, column: str) -> str:
    return unit.vault.open(
        unit.session, Scope.SUBJECT, row.from_subject_id, sealed, where=f"subject_change|{column}|{row.id}"
    )
