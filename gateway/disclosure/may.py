"""“May I?”, answered without asking for anything: the facts and decision of a request, and no request is kept.

Whoever asks names people, kinds of information, purpose and powers; agency, standing, views, sensitivity and walls come
from our records. To someone not on the case every answer is the same refusal (promise 8). Each question is an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.decision.facts import LineDecision
from gateway.disclosure import judge, papers
from gateway.disclosure.asking import Basis
from gateway.disclosure.models import Line, Request, RequestKind, RequestState
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry import cases, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Agency, Case, Post
from gateway.store.tables import new_id, new_reference
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Outcome, vocabulary


@dataclass(frozen=True)
class Question:
    """Whether a post may have a kind of information about a subject of a case, from a holder, for a purpose."""

    post_id: str
    case_id: str
    subject_id: str
    holder_agency_id: str
    category: str
    purpose: str
    basis: Basis


def may(
    unit: Unit, actor: Actor, questions: Sequence[Question], *, searched_by: Actor | None = None
) -> list[LineDecision | None]:
    """Answer each question; None where the asker may not even be told why, or the question can't be read.

    Where somebody searches what a colleague would be permitted, `searched_by` is who the entry says asked.

    What was asked about one person of one holder is one entry, so that each advocate finds it in her client's log; what
    leads to nobody is one more, about nobody.
    """
    answers = [_answer(unit, actor, question) for question in questions]
    asked: dict[tuple[str, str, str] | None, list[str]] = {}
    for question, found in zip(questions, answers, strict=True):
        about = (question.holder_agency_id, question.case_id, question.subject_id) if found else None
        asked.setdefault(about, []).append(found.outcome.value if found else Outcome.DENY.value)
    for about, outcomes in asked.items():
        _record(unit, searched_by or actor, about, outcomes)
    return answers


def _record(unit: Unit, actor: Actor, about: tuple[str, str, str] | None, outcomes: Sequence[str]) -> None:
    holder_id, case_id, subject_id = about or (actor.agency_id, None, None)
    append.record(
        unit,
        Entry(
            kind=EntryKind.DECISION_MADE,
            partnership_id=actor.partnership_id,
            controller_agency_id=holder_id,
            actor_post_id=actor.post_id,
            actor_agency_id=actor.agency_id,
            subject_ids=(subject_id,) if subject_id else (),
            case_id=case_id,
            codes={"step": "may", "outcomes": tuple(outcomes), "asked": len(outcomes)},
        ),
    )


def _answer(unit: Unit, actor: Actor, question: Question) -> LineDecision | None:
    if not _in_vocabulary(question) or not _may_be_told(unit, actor, question):
        return None
    with unit.session.begin_nested() as question_alone:
        request, line = _as_rows(unit, actor, question)
        found = judge.as_things_stand(unit, request, line)
        question_alone.rollback()
    return found


def _in_vocabulary(question: Question) -> bool:
    words = vocabulary()
    named = (
        ("category", (question.category,)),
        ("purpose", (question.purpose,)),
        ("power", question.basis.powers),
        ("dp_regime", (question.basis.dp_regime,)),
        ("dp_condition", (question.basis.dp_condition,)),
        ("confidence_basis", (question.basis.confidence_basis,)),
    )
    return bool(question.basis.powers) and all(
        code in words.terms(table) for table, codes in named for code in codes
    )


def _may_be_told(unit: Unit, actor: Actor, question: Question) -> bool:
    """Whether the post is the actor's own or a colleague's, on the case, of a subject of it that no wall hides."""
    post = unit.session.get(Post, question.post_id)
    if post is None or post.partnership_id != actor.partnership_id or post.agency_id != actor.agency_id:
        return False
    case = unit.session.get(Case, question.case_id)
    holder = unit.session.get(Agency, question.holder_agency_id)
    if case is None or case.partnership_id != actor.partnership_id:
        return False
    if holder is None or holder.partnership_id != actor.partnership_id:
        return False
    if not cases.is_on_case(unit, case.id, actor.post_id) or not cases.is_on_case(unit, case.id, post.id):
        return False
    if question.subject_id not in {view.subject_id for view in subjects.subjects_of(unit, case.id)}:
        return False
    people = ((actor.person_id, actor.agency_id), (post.person_id, post.agency_id))
    return not any(walls.walled(unit, question.subject_id, person, agency) for person, agency in people)


def _as_rows(unit: Unit, actor: Actor, question: Question) -> tuple[Request, Line]:
    """The question as a request would be kept, for the gathering of facts alone: the caller rolls it back."""
    case = unit.session.get_one(Case, question.case_id)
    request = Request(
        id=new_id(),
        partnership_id=actor.partnership_id,
        reference=new_reference(),
        kind=RequestKind.ASK,
        state=RequestState.OPEN,
        arrangement_id=case.arrangement_id,
        case_id=case.id,
        requester_post_id=actor.post_id,
        requester_agency_id=actor.agency_id,
        holder_agency_id=question.holder_agency_id,
        purpose=question.purpose,
        powers=list(question.basis.powers),
        dp_regime=question.basis.dp_regime,
        dp_condition=question.basis.dp_condition,
        confidence_basis=question.basis.confidence_basis,
        categories=[Category(question.category).value],
        why=b"",
        due_at=unit.now,
    )
    unit.session.add(request)
    unit.session.flush()
    recipient = papers.post_as_recipient(unit, request, question.post_id)
    unit.session.add(recipient)
    [line] = papers.make_lines(unit, request, (question.subject_id,), [recipient])
    return request, line
