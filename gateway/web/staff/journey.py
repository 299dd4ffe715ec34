"""A request being put together: which questions it has, what was answered, and the asking that comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from gateway.disclosure import drafts
from gateway.disclosure.asked import asked
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.models import RequestKind
from gateway.disclosure.open import parcel_for
from gateway.errors import Invalid, NotFound
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import DefaultBasis, vocabulary
from gateway.web.staff.answers import QuestionForm, restored
from gateway.web.staff.choices import Choices, choices
from gateway.web.staff.questions import (
    BY_SLUG,
    NOT_ON,
    QUESTIONS,
    Question,
    words_name,
)
from gateway.web.staff.recipients import recipients_kept, recipients_named

DRAFT = "request"
# An answer that others were chosen under: when it changes, they are asked again.
_RESTS_ON = {
    "case": ("holder", "people", "person", "basis", "recipients"),
    "holder": ("basis",),
}
_QUESTION_OF_FIELD = {name: question for question in QUESTIONS for name in question.fields}


class Said(NamedTuple):
    """One row of the answers to check."""

    key: str
    lines: list[str]


@dataclass(frozen=True)
class Journey:
    """One draft as it stands, with what its person may choose."""

    draft_id: str
    kind: RequestKind
    kept: dict[str, dict[str, Any]]
    choices: Choices
    actor: Actor
    parcel_id: str | None = None
    replaces_id: str | None = None
    within: str | None = None

    @property
    def is_offer(self) -> bool:
        """Whether the holder begins."""
        return self.kind is RequestKind.OFFER

    @property
    def is_onward(self) -> bool:
        """Whether something received is passed on."""
        return self.parcel_id is not None

    @property
    def case_id(self) -> str | None:
        """The case, if this person is on it."""
        chosen = self.answer("case", "case_id")
        return None if chosen in {None, NOT_ON} else chosen

    @property
    def is_off_case(self) -> bool:
        """Whether its maker said that she isn't on the case."""
        return bool(self.answer("case", "case_id") == NOT_ON)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The questions that this request has."""
        return tuple(question for question in QUESTIONS if question.asked(self))

    def answer(self, slug: str, name: str) -> Any:
        """One answer, or None when it wasn't given."""
        return self.kept.get(slug, {}).get(name)

    def is_answered(self, question: Question) -> bool:
        """Whether a question has an answer."""
        return question.slug in self.kept

    def may_start(self, question: Question) -> bool:
        """Whether a question can be asked yet: who and what can be chosen depends on the case."""
        return not question.needs_case or "case" in self.kept

    @property
    def answered(self) -> int:
        """How many of its questions have an answer."""
        return sum(self.is_answered(question) for question in self.questions)

    @property
    def sections(self) -> list[tuple[str, list[Question]]]:
        """The questions by section, in the order they are asked."""
        names = dict.fromkeys(question.section for question in self.questions)
        return [
            (name, [question for question in self.questions if question.section == name]) for name in names
        ]

    def said(self, question: Question) -> list[Said]:
        """The rows that sum up a question; one left empty says so."""
        said = self.form(question).said()
        if not said:
            return [Said(question.row, ["None"])]
        if len(said) == 1:
            return [Said(question.row, said[0][1])]
        return [Said(*row) for row in said]

    @property
    def is_complete(self) -> bool:
        """Whether every question has an answer."""
        return all(self.is_answered(question) for question in self.questions)

    def next_question(self) -> Question | None:
        """The first question without an answer."""
        return next((question for question in self.questions if not self.is_answered(question)), None)

    def form(self, question: Question) -> QuestionForm:
        """The form of a question with what was answered before, or what was sent with this request."""
        form = question.form(data=restored(question.form, self.kept.get(question.slug)))
        form.offer(self)
        return form

    def with_answer(self, question: Question, form: QuestionForm) -> Journey:
        """The journey with one more answer; answers that rested on another one are dropped."""
        answers = form.kept()
        kept = dict(self.kept)
        if kept.get(question.slug) not in (None, answers):
            kept = {
                slug: value for slug, value in kept.items() if slug not in _RESTS_ON.get(question.slug, ())
            }
        return replace(self, kept={**kept, question.slug: answers})

    @property
    def suggested_basis(self) -> DefaultBasis | None:
        """The sourced default for who discloses in this arrangement; None where the law has no usual one."""
        holder = self.holder_id
        kinds = {agency.agency_id: agency.agency_type for agency in self.choices.holders}
        power = self.choices.suggested_power
        return vocabulary().default_basis(kinds[holder], power) if power and holder in kinds else None

    def stored(self) -> dict[str, Any]:
        """The draft as it is saved."""
        return {
            "kind": self.kind,
            "parcel_id": self.parcel_id,
            "replaces_id": self.replaces_id,
            "within": self.within,
            "kept": self.kept,
        }

    def asking(self) -> Asking:
        """What is asked for.

        Raises:
            Invalid: a question is still open.
        """
        missing = self.next_question()
        if missing is not None:
            raise Invalid("Answer every question first.", fields={missing.fields[0]: f"{missing.task} first"})
        return Asking(
            kind=self.kind,
            case_id=self.case_id,
            case_reference=None if self.case_id else self.answer("case", "case_reference"),
            person=None if self.case_id else self.answer("person", "person"),
            holder_agency_id=self.holder_id,
            subject_ids=tuple(self.answer("people", "subject_ids") or ()),
            categories=tuple(self.answer("information", "categories") or ()),
            purpose=self.answer("purpose", "purpose"),
            basis=self._basis(),
            why=self.answer("why", "why"),
            recipients=tuple(self._recipients()),
            needed_by=restored(BY_SLUG["needed-by"].form, self.kept["needed-by"])["needed_by"],
            declarations=self._declarations(),
            onward_of_parcel_id=self.parcel_id,
            replaces_request_id=self.replaces_id,
        )

    @property
    def holder_id(self) -> str:
        """The agency that holds the information: one's own, for an offer."""
        if self.is_offer:
            return self.actor.agency_id
        return str(self.answer("holder", "holder_agency_id") or "")

    def _basis(self) -> Basis:
        answered = self.kept["basis"]
        return Basis(
            powers=tuple(answered["powers"]),
            dp_regime=answered["dp_regime"],
            dp_condition=answered["dp_condition"],
            confidence_basis=answered["confidence_basis"],
        )

    def _recipients(self) -> Iterable[NamedRecipient]:
        answered = self.kept.get("recipients")
        if answered is None:
            yield NamedRecipient(post_id=self.actor.post_id)
            return
        yield from recipients_named(answered)

    def _declarations(self) -> dict[str, str]:
        answered = self.kept["circumstances"]
        return {code: answered[words_name(code)] for code in answered["declarations"] or ()}


def begin(unit: Unit, actor: Actor, kind: RequestKind, **given: Any) -> str:
    """Start a draft, empty or from a request or parcel; gives its id."""
    stored = {"kind": kind, "parcel_id": None, "replaces_id": None, "within": None, "kept": {}, **given}
    return drafts.save(unit, actor, DRAFT, stored)


def begin_again(unit: Unit, actor: Actor, request_id: str) -> str:
    """Start a draft from a request of one's own, with every answer as it was given.

    Raises:
        NotFound: not this person's request.
    """
    asking = asked(unit, actor, request_id)
    parcel_id = asking.onward_of_parcel_id
    return begin(
        unit,
        actor,
        asking.kind,
        replaces_id=request_id,
        parcel_id=parcel_id,
        within=parcel_for(unit, actor, parcel_id).purpose if parcel_id else None,
        kept=_kept(asking),
    )


def _kept(asking: Asking) -> dict[str, dict[str, Any]]:
    """The answers that this asking came from, by question."""
    declared = {words_name(code): words for code, words in asking.declarations.items()}
    kept: dict[str, dict[str, Any]] = {
        "case": {"case_id": asking.case_id or NOT_ON, "case_reference": asking.case_reference or ""},
        "holder": {"holder_agency_id": asking.holder_agency_id},
        "purpose": {"purpose": asking.purpose},
        "basis": {**asdict(asking.basis), "powers": list(asking.basis.powers)},
        "information": {"categories": list(asking.categories)},
        "why": {"why": asking.why, "keep_findings": True},
        "recipients": recipients_kept(asking.recipients),
        "needed-by": {"needed_by": asking.needed_by.isoformat() if asking.needed_by else None},
        "circumstances": {"declarations": list(asking.declarations), **declared},
    }
    if asking.case_id is None:
        return {**kept, "person": {"person": asking.person or ""}}
    return {**kept, "people": {"subject_ids": list(asking.subject_ids)}}


def begin_onward(unit: Unit, actor: Actor, parcel_id: str) -> str:
    """Start a draft that passes on what a parcel held: person, kind and originator are given (DESIGN 5).

    Raises:
        NotFound: not this person's parcel.
    """
    detail = parcel_for(unit, actor, parcel_id)
    kept = {"case": {"case_id": detail.case_id}, "holder": {"holder_agency_id": detail.controller_agency_id}}
    return begin(unit, actor, RequestKind.ASK, parcel_id=parcel_id, within=detail.purpose, kept=kept)


def load(unit: Unit, actor: Actor, draft_id: str) -> Journey:
    """A draft of this person.

    Raises:
        NotFound: no such draft, or somebody else's.
    """
    stored = drafts.load(unit, actor, DRAFT, draft_id)
    chosen = stored["kept"].get("case", {}).get("case_id")
    return Journey(
        draft_id=draft_id,
        kind=RequestKind(stored["kind"]),
        kept=stored["kept"],
        choices=_choices(unit, actor, None if chosen == NOT_ON else chosen, stored["parcel_id"]),
        actor=actor,
        parcel_id=stored["parcel_id"],
        replaces_id=stored["replaces_id"],
        within=stored["within"],
    )


def _choices(unit: Unit, actor: Actor, case_id: str | None, parcel_id: str | None) -> Choices:
    try:
        return choices(unit, actor, case_id)
    except NotFound:
        # What was received may be passed on by somebody who isn't on the case; she then names somebody outside it.
        if parcel_id is None:
            raise
        return choices(unit, actor, None)


def save(unit: Unit, journey: Journey) -> None:
    """Keep the draft as it stands."""
    drafts.save(unit, journey.actor, DRAFT, journey.stored(), journey.draft_id)


def question_of_field(name: str) -> Question | None:
    """The question whose answer a field of an asking comes from."""
    return _QUESTION_OF_FIELD.get(name)
