"""Tasks: what a decision, a withdrawal or a mended record leaves a person to do, whose it is, and by when."""

from __future__ import annotations

from sqlmodel import col, select

from gateway.disclosure import deadlines, judge, record
from gateway.disclosure.gaining import person_of
from gateway.disclosure.models import Line, Request, Task
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit

EMERGENCY_REVIEW = "emergency_review"
# Done by deciding what froze afresh or destroying it: ticked off, nothing would lead there any more.
RECONSIDER = "reconsider_after_withdrawal"
WORDS_AT_MOST = 2000


def owe(
    unit: Unit,
    request: Request,
    kind: str,
    *,
    within_working_days: int,
    line: Line | None = None,
    owner_agency_id: str | None = None,
    owner_post_id: str | None = None,
    not_post_id: str | None = None,
) -> None:
    """Leave somebody something to do: the agency that holds the information where no other owner is named.

    `kind` is an obligation's code or one of the flow's own; whoever holds `not_post_id` may not be the one to do it.
    """
    task = Task(
        partnership_id=request.partnership_id,
        request_id=request.id,
        line_id=line.id if line else None,
        kind=kind,
        owner_agency_id=owner_agency_id or request.holder_agency_id,
        owner_post_id=owner_post_id,
        not_post_id=not_post_id,
        due_at=deadlines.within_working_days(unit, request.partnership_id, within_working_days),
    )
    unit.session.add(task)


def tasks_of(unit: Unit, actor: Actor) -> list[Task]:
    """What the actor's agency still has to do, soonest first; emergency reviews never go to the one who claimed it."""
    rows = (
        select(Task)
        .where(Task.owner_agency_id == actor.agency_id, col(Task.done_at).is_(None))
        .order_by(col(Task.due_at))
    )
    return [task for task in unit.session.exec(rows) if not _is_barred(unit, actor, task)]


def complete_task(unit: Unit, actor: Actor, task_id: str, words: str) -> None:
    """Say what was done about an obligation that a person had to carry out.

    Raises:
        NotFound: no such task is this agency's.
        Conflict: an emergency is reviewed, and what froze decided afresh, on pages of their own.
        Invalid: no words.
    """
    task = _task(unit, actor, task_id)
    if task.kind == EMERGENCY_REVIEW:
        raise Conflict("An emergency is reviewed, not ticked off.", next_step="Open the review.")
    if task.kind == RECONSIDER:
        raise Conflict(
            "What froze is decided afresh or destroyed, not ticked off.",
            next_step="Open the task among those of your agency's staff.",
        )
    _finish(unit, actor, task, words)
    request = unit.session.get_one(Request, task.request_id)
    line = unit.session.get(Line, task.line_id) if task.line_id else None
    lines = [line] if line else judge.lines_of(unit, request.id)
    record.act(
        unit,
        request,
        EntryKind.TASK_DONE,
        actor.post_id,
        lines=lines,
        refs={"task": task.id},
        codes={"task": task.kind},
        words={"words": words},
    )


def review_emergency(unit: Unit, actor: Actor, task_id: str, *, upheld: bool, words: str) -> None:
    """Review an emergency disclosure the next working day, by someone other than the one who claimed it.

    Raises:
        NotFound: no such review is this agency's.
        Forbidden: the actor claimed the emergency.
        Invalid: no words.
    """
    task = _task(unit, actor, task_id)
    if task.kind != EMERGENCY_REVIEW:
        raise _missing()
    _finish(unit, actor, task, words)
    request = unit.session.get_one(Request, task.request_id)
    record.act(
        unit,
        request,
        EntryKind.EMERGENCY_REVIEWED,
        actor.post_id,
        lines=judge.lines_of(unit, request.id),
        codes={"upheld": upheld},
        words={"words": words},
    )


def _task(unit: Unit, actor: Actor, task_id: str) -> Task:
    task = unit.session.get(Task, task_id)
    if task is None or task.owner_agency_id != actor.agency_id or task.done_at is not None:
        raise _missing()
    if _is_barred(unit, actor, task):
        raise Forbidden("Someone else has to do this.", next_step="Leave it for a colleague.")
    return task


def _is_barred(unit: Unit, actor: Actor, task: Task) -> bool:
    return task.not_post_id is not None and person_of(unit, task.not_post_id) == actor.person_id


def _finish(unit: Unit, actor: Actor, task: Task, words: str) -> None:
    if not words.strip() or len(words) > WORDS_AT_MOST:
        raise Invalid(
            "Say what was done.", fields={"words": f"Say what was done in up to {WORDS_AT_MOST} characters."}
        )
    request = unit.session.get_one(Request, task.request_id)
    task.done_at = unit.now
    task.done_by_post_id = actor.post_id
    task.outcome = record.seal_words(unit, request, words, f"task.outcome|{task.id}")
    unit.session.add(task)


def _missing() -> NotFound:
    return NotFound("There is no such task for you.", next_step="Go back to your tasks.")
