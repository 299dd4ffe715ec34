"""A withdrawal acts at once: what was sealed is frozen in the same transaction, and looked at afresh on a clock.

What rested on consent is destroyed once the holder confirms; what rests on law waits for a fresh decision (DESIGN 6).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import col, select

from gateway.consent import consents
from gateway.consent.models import Consent
from gateway.disclosure import desk, judge, record, tasks
from gateway.disclosure.facts import DataFacts
from gateway.disclosure.models import Line, LineState, Opening, Recall, Release, Request, Task
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import subjects
from gateway.registry.actors import Actor
from gateway.sealing import parcel as parcels
from gateway.sealing.models import CopyOf, Parcel, ParcelState
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome

RECONSIDER = tasks.RECONSIDER
RECONSIDER_WITHIN_WORKING_DAYS = 2


def withdraw_consent(unit: Unit, actor: Actor, consent_id: str, *, by_subject: bool) -> int:
    """Withdraw a consent and freeze every parcel about the person within its reach; gives how many were frozen.

    The subject's lock comes first: a release or opening that is under way either came before, or waits and then sees
    the withdrawal (DESIGN 3.4).

    Raises:
        NotFound: no such consent in this partnership.
        Conflict: the answer gave no consent.
    """
    given = unit.session.get(Consent, consent_id)
    if given is None or given.partnership_id != actor.partnership_id:
        raise NotFound("There is no such consent.", next_step="Go back to the person's consents.")
    subjects.lock(unit, given.subject_id)
    row = consents.withdraw(unit, actor, consent_id, by_subject=by_subject)
    return freeze_about(unit, actor, row.subject_id, because="consent_withdrawn")


def freeze_about(unit: Unit, actor: Actor, subject_id: str, *, because: str) -> int:
    """Freeze every sealed parcel about a person and owe a fresh decision on each; gives how many."""
    known = subjects.known_as(unit, subject_id)
    lines = select(Line).where(col(Line.subject_id).in_(known), Line.state == LineState.RELEASED)
    return freeze_lines(unit, actor, unit.session.exec(lines).all(), because=because)


def freeze_lines(unit: Unit, actor: Actor, lines: Iterable[Line], *, because: str) -> int:
    """Freeze the sealed parcels of these lines and owe a fresh decision on each; gives how many."""
    frozen = 0
    for line in lines:
        moved = parcels.freeze(unit, [line.id])
        if not moved:
            continue
        frozen += len(moved)
        request = unit.session.get_one(Request, line.request_id)
        refs = {"parcel": next(row.id for row in moved)}
        codes = {"because": because}
        record.act(
            unit, request, EntryKind.PARCEL_FROZEN, actor.post_id, lines=[line], refs=refs, codes=codes
        )
        tasks.owe(unit, request, RECONSIDER, within_working_days=RECONSIDER_WITHIN_WORKING_DAYS, line=line)
    return frozen


def reconsider(unit: Unit, actor: Actor, line_id: str) -> Outcome:
    """Decide a frozen line afresh: permitted, it may leave again; otherwise what rested on consent can be destroyed.

    Raises:
        NotFound: not a line of this agency.
        Conflict: nothing of it is frozen.
    """
    request, line = _held(unit, actor, line_id)
    _must_be_frozen(unit, line)
    sent = unit.session.exec(select(Release).where(Release.line_id == line.id)).first()
    data = DataFacts(sent.data_as_of, sent.verified) if sent else None
    decided = judge.judge(
        unit, request, [line], judge.Step.RECONSIDERED, acting_post_id=actor.post_id, data=data
    )[line.id]
    if decided.outcome == Outcome.PERMIT:
        thawed = parcels.thaw(unit, [line.id])
        record.act(
            unit, request, EntryKind.PARCEL_THAWED, actor.post_id, lines=[line], refs={"parcel": thawed[0].id}
        )
        _settle_task(unit, actor, line)
    return Outcome(decided.outcome)


def destroy(unit: Unit, actor: Actor, line_id: str) -> None:
    """Destroy the frozen parcels of a line for ever, as the agency that released it; whoever read one is told.

    Raises:
        NotFound: not a line of this agency.
        Conflict: nothing of it is frozen.
    """
    request, line = _held(unit, actor, line_id)
    _must_be_frozen(unit, line)
    for row in parcels.of_lines(unit, [line.id]):
        if row.state == ParcelState.FROZEN:
            _call_back_what_was_read(unit, actor, request, line, row)
            parcels.destroy(unit, row)
            record.act(
                unit,
                request,
                EntryKind.PARCEL_DESTROYED,
                actor.post_id,
                lines=[line],
                refs={"parcel": row.id},
            )
    _settle_task(unit, actor, line)


def recall(unit: Unit, actor: Actor, parcel_id: str, reason: str) -> Recall:
    """Recall a parcel: it doesn't leave again, and its recipient is told to stop using what was opened.

    Raises:
        NotFound: not a parcel this agency released.
        Invalid: no reason code.
        Conflict: it was recalled or destroyed already.
    """
    if reason not in RECALL_REASONS:
        raise Invalid("Choose why it is recalled.", fields={"reason": "Choose a reason from the list."})
    row = unit.session.get(Parcel, parcel_id)
    if row is None or row.controller_agency_id != actor.agency_id or row.copy_of != CopyOf.RECIPIENT:
        raise NotFound("There is no such parcel.", next_step="Go back to the request.")
    request, line = _held(unit, actor, row.line_id)
    parcels.recall(unit, row)
    return _notify(unit, actor, request, line, row, reason)


def _call_back_what_was_read(unit: Unit, actor: Actor, request: Request, line: Line, row: Parcel) -> None:
    """Destroying here reaches no copy that was opened there, so its recipient is asked to stop using it."""
    opened = unit.session.exec(select(Opening).where(Opening.parcel_id == row.id)).first()
    if row.copy_of == CopyOf.RECIPIENT and opened is not None:
        _notify(unit, actor, request, line, row, "withdrawn")


def _notify(unit: Unit, actor: Actor, request: Request, line: Line, row: Parcel, reason: str) -> Recall:
    notice = Recall(
        partnership_id=row.partnership_id,
        subject_id=line.subject_id,
        parcel_id=row.id,
        reason=reason,
        asked_by_post_id=actor.post_id,
    )
    unit.session.add(notice)
    record.act(
        unit,
        request,
        EntryKind.RECALL_SENT,
        actor.post_id,
        lines=[line],
        refs={"parcel": row.id, "recall": notice.id},
        codes={"because": reason},
    )
    return notice


RECALL_REASONS = {
    "wrong_person": "It is about the wrong person",
    "wrong_recipient": "It went to the wrong recipient",
    "inaccurate": "It turned out to be wrong",
    "withdrawn": "The person withdrew and no other ground holds",
    "unsafe": "It puts someone at risk",
}


def recalls_for(unit: Unit, actor: Actor) -> list[tuple[Recall, Parcel]]:
    """Recalls this post has still to confirm."""
    rows = (
        select(Recall, Parcel)
        .join(Parcel, col(Parcel.id) == col(Recall.parcel_id))
        .where(Parcel.recipient_post_id == actor.post_id, col(Recall.confirmed_at).is_(None))
    )
    return [(notice, parcel) for notice, parcel in unit.session.exec(rows)]


def confirm_recall(unit: Unit, actor: Actor, recall_id: str) -> None:
    """Confirm, as the recipient, that what was opened is no longer used and copies are gone.

    Raises:
        NotFound: no such recall waits for this post.
    """
    notice = next((row for row, _parcel in recalls_for(unit, actor) if row.id == recall_id), None)
    if notice is None:
        raise NotFound("There is no such recall.", next_step="Go back to what was sent to you.")
    notice.confirmed_at = unit.now
    unit.session.add(notice)
    parcel = unit.session.get_one(Parcel, notice.parcel_id)
    request = unit.session.get_one(Request, parcel.request_id)
    line = unit.session.get_one(Line, parcel.line_id)
    record.act(
        unit,
        request,
        EntryKind.RECALL_CONFIRMED,
        actor.post_id,
        lines=[line],
        refs={"parcel": parcel.id, "recall": notice.id},
    )


def holders_of(unit: Unit, subject_id: str) -> list[tuple[Parcel, int]]:
    """Who holds copies about a person now: each parcel that isn't destroyed, with how often it was opened."""
    rows = (
        select(Parcel)
        .join(Line, col(Line.id) == col(Parcel.line_id))
        .where(
            Line.subject_id == subject_id,
            Parcel.copy_of == CopyOf.RECIPIENT,
        )
        .order_by(col(Parcel.created_at))
    )
    found = []
    for row in unit.session.exec(rows):
        opened = len(unit.session.exec(select(Opening).where(Opening.parcel_id == row.id)).all())
        if row.state != ParcelState.DESTROYED or opened:
            found.append((row, opened))
    return found


def _held(unit: Unit, actor: Actor, line_id: str) -> tuple[Request, Line]:
    line = unit.session.get(Line, line_id)
    if line is None or line.controller_agency_id != actor.agency_id:
        raise NotFound("There is no such line.", next_step="Go back to your agency's inbox.")
    subjects.lock(unit, line.subject_id)
    request = unit.session.get_one(Request, line.request_id)
    if desk.is_hidden_from(unit, actor, request):
        raise NotFound("There is no such line.", next_step="Go back to your agency's inbox.")
    return request, line


def _must_be_frozen(unit: Unit, line: Line) -> None:
    if not any(row.state == ParcelState.FROZEN for row in parcels.of_lines(unit, [line.id])):
        raise Conflict("Nothing of this is frozen.", next_step="Go back to the request.")


def _settle_task(unit: Unit, actor: Actor, line: Line) -> None:
    rows = select(Task).where(Task.line_id == line.id, Task.kind == RECONSIDER, col(Task.done_at).is_(None))
    for task in unit.session.exec(rows):
        task.done_at, task.done_by_post_id = unit.now, actor.post_id
        unit.session.add(task)
