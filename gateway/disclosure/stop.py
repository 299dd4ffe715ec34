"""A wall or a mended record reaches what was sealed before it, in the same transaction (DESIGN 3.4, 3.9).

Opening decides again and would refuse; freezing says so at once, to the recipient, the holder and the advocate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlmodel import col, select

from gateway.disclosure import tasks
from gateway.disclosure.models import Line, LineState, Request, RequestRecipient
from gateway.disclosure.withdraw import freeze_lines
from gateway.registry import subject_changes, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.models import ChangeKind, Post, SubjectChange
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category

WRONG_PERSON = "wrong_person_told"
CORRECTED = "tell_of_correction"
# What the holder's people do, by the kind of task.
FOLLOW_UP = {
    WRONG_PERSON: "Recall what was sent about the wrong person, and tell who received it",
    CORRECTED: "Tell who received the person's identity that it was corrected",
}
# A breach is reported within 72 hours (UK GDPR art 33): who was told has to be known before.
TOLD_WITHIN_WORKING_DAYS = 1


def raise_wall(
    unit: Unit,
    actor: Actor,
    subject_id: str,
    *,
    kind: str,
    reason: str,
    person_ids: Collection[str] = (),
    agency_ids: Collection[str] = (),
    described: str = "",
    mandated: bool = False,
) -> int:
    """Raise a wall and freeze what was sealed to those it keeps out; gives how many parcels were frozen.

    Raises what `walls.place` raises.
    """
    walls.place(
        unit,
        actor,
        subject_id,
        kind=kind,
        reason=reason,
        person_ids=person_ids,
        agency_ids=agency_ids,
        described=described,
        mandated=mandated,
    )
    unit.session.flush()
    return _freeze_for_those_kept_out(unit, actor, subject_id, because="wall_raised")


def approve_change(unit: Unit, actor: Actor, change_id: str) -> int:
    """Do a change of the register's people and freeze what it shows to be wrong; gives how many parcels were.

    A split freezes what was released about one person in the cases that are another's; a merge, what went to
    somebody whom a wall of either record keeps out. After a split the holder owes each of those a recall, and after a
    correction word of it to whoever was told who the person is (UK GDPR arts 19 and 33).

    Raises what `subject_changes.approve_change` raises.
    """
    before = unit.session.get(SubjectChange, change_id)
    known = subjects.known_as(unit, before.from_subject_id) if before else frozenset()
    subject_changes.approve_change(unit, actor, change_id)
    unit.session.flush()
    change = unit.session.get_one(SubjectChange, change_id)
    if change.kind == ChangeKind.SPLIT:
        lines = _released(unit, known)
        moved = set(change.case_ids)
        wrong = [line for line in lines if not moved or _case_of(unit, line) in moved]
        _owe(unit, wrong, WRONG_PERSON)
        return freeze_lines(unit, actor, wrong, because="person_split")
    if change.kind == ChangeKind.CORRECT:
        _owe(unit, [line for line in _released(unit, known) if line.category == Category.IDENTITY], CORRECTED)
        return 0
    if change.kind == ChangeKind.MERGE:
        return _freeze_for_those_kept_out(unit, actor, change.from_subject_id, because="person_merged")
    return 0


def _owe(unit: Unit, lines: Iterable[Line], kind: str) -> None:
    for line in lines:
        request = unit.session.get_one(Request, line.request_id)
        tasks.owe(unit, request, kind, within_working_days=TOLD_WITHIN_WORKING_DAYS, line=line)


def _freeze_for_those_kept_out(unit: Unit, actor: Actor, subject_id: str, *, because: str) -> int:
    lines = _released(unit, subjects.known_as(unit, subject_id))
    kept_out = [line for line in lines if _is_kept_out(unit, line)]
    return freeze_lines(unit, actor, kept_out, because=because)


def _is_kept_out(unit: Unit, line: Line) -> bool:
    recipient = unit.session.get_one(RequestRecipient, line.recipient_id)
    post = unit.session.get_one(Post, recipient.post_id or recipient.delivering_post_id)
    return walls.walled(unit, line.subject_id, post.person_id, post.agency_id)


def _released(unit: Unit, subject_ids: Iterable[str]) -> list[Line]:
    chosen = select(Line).where(col(Line.subject_id).in_(subject_ids), Line.state == LineState.RELEASED)
    return list(unit.session.exec(chosen))


def _case_of(unit: Unit, line: Line) -> str | None:
    return unit.session.get_one(Request, line.request_id).case_id
