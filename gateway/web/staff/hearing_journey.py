"""One conversation with a person about her information, kept as a draft until it was read back to her."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from gateway.consent import wordings
from gateway.consent.models import Answer, HowTaken, Interpreter, Present, Wish
from gateway.consent.taking import Reach, Taking
from gateway.consent.wordings import Wording
from gateway.disclosure import drafts
from gateway.errors import Invalid, NotFound
from gateway.registry import walls
from gateway.registry.actors import Actor
from gateway.registry.models import Face, WallKind
from gateway.review import hearing
from gateway.review.hearing import Heard
from gateway.store.unit_of_work import Unit
from gateway.web.staff.answers import StaffForm, restored, words_of
from gateway.web.staff.hearing_forms import BY_SLUG, CONSENT, NOBODY, ORDER, AgenciesForm, Step, answered

DRAFT = "hearing"
_WALL_REASON = "The person said who must never see it."


@dataclass(frozen=True)
class Conversation:
    """What was answered so far, and about whom."""

    draft_id: str
    what: str
    who: Heard
    kept: dict[str, dict[str, Any]]
    agencies: list[tuple[str, str]]

    @property
    def wording(self) -> Wording:
        """The words that are shown in this conversation."""
        return wordings.current(self.what)

    @property
    def steps(self) -> list[Step]:
        """Its pages, in order."""
        return [BY_SLUG[slug] for slug in ORDER[self.what]]

    def next_after(self, slug: str) -> str | None:
        """The page after this one, or None when everything was asked."""
        order = ORDER[self.what]
        at = order.index(slug)
        return order[at + 1] if at + 1 < len(order) else None

    def first_open(self) -> str | None:
        """The first page without an answer."""
        return next((slug for slug in ORDER[self.what] if slug not in self.kept), None)

    def before(self, slug: str) -> str | None:
        """The page before this one."""
        at = ORDER[self.what].index(slug)
        return ORDER[self.what][at - 1] if at else None

    def form(self, step: Step) -> StaffForm:
        """The form of a page with what was answered before, or what was sent."""
        form = step.form(data=restored(step.form, self.kept.get(step.slug)))
        if isinstance(form, AgenciesForm):
            form.agency_ids.choices = self.agencies
        return form

    def with_answer(self, step: Step, form: StaffForm) -> Conversation:
        """The conversation with one more answer."""
        return replace(self, kept={**self.kept, step.slug: form.kept()})

    def said(self) -> list[tuple[str, str, str]]:
        """What was answered as (question, answer in words, page), for reading back."""
        rows = []
        for step in self.steps:
            form = self.form(step)
            for name in step.fields:
                words = words_of(form[name])
                rows.append((str(form[name].label.text), "; ".join(words) or "Nothing", step.slug))
        return rows

    def answer(self, slug: str, name: str) -> Any:
        """One answer, or None."""
        return answered(self.kept, slug, name)


def begin(unit: Unit, actor: Actor, what: str, subject_id: str, case_id: str | None) -> str:
    """Begin a conversation with someone the actor may hear; give the draft's id. Raises NotFound for anybody else."""
    hearing.heard(unit, actor, subject_id, case_id)
    return drafts.save(
        unit, actor, DRAFT, {"what": what, "subject_id": subject_id, "case_id": case_id, "kept": {}}
    )


def load(unit: Unit, actor: Actor, draft_id: str) -> Conversation:
    """Give a conversation of this person; raise NotFound for another's, and when she may no longer hear the subject."""
    stored = drafts.load(unit, actor, DRAFT, draft_id)
    who = hearing.heard(unit, actor, stored["subject_id"], stored["case_id"])
    return Conversation(draft_id, stored["what"], who, stored["kept"], hearing.agencies_to_name(unit, actor))


def unfinished(unit: Unit, actor: Actor) -> list[Conversation]:
    """Conversations that weren't read back yet, with people whom this post may still hear; newest first."""
    found = []
    for draft in drafts.mine(unit, actor, DRAFT):
        with suppress(NotFound):
            found.append(load(unit, actor, draft.id))
    return found


def save(unit: Unit, actor: Actor, talk: Conversation) -> None:
    """Keep a conversation as it stands."""
    stored = {
        "what": talk.what,
        "subject_id": talk.who.subject_id,
        "case_id": talk.who.case_id,
        "kept": talk.kept,
    }
    drafts.save(unit, actor, DRAFT, stored, talk.draft_id)


def discard(unit: Unit, actor: Actor, draft_id: str) -> None:
    """Forget a conversation: what wasn't read back was never said."""
    drafts.discard(unit, actor, draft_id)


def record(unit: Unit, actor: Actor, talk: Conversation) -> None:
    """Record what was read back, shut out whom she named, and forget the draft. Raises Invalid for an open question."""
    missing = talk.first_open()
    if missing is not None:
        raise Invalid("Every question must be answered, or the conversation stopped.")
    reach = Reach(
        purposes=frozenset(talk.answer("purposes", "purposes") or ()),
        categories=frozenset(
            talk.answer("categories", "categories") or talk.answer("some", "categories") or ()
        ),
        agency_ids=frozenset(talk.answer("agencies", "agency_ids") or ()),
    )
    if talk.what == CONSENT:
        given, pressed = Answer(talk.answer("answer", "answer")), talk.answer("how", "free") != "yes"
        hearing.record_consent(unit, actor, talk.who, given, reach, _taking(unit, talk), under_duress=pressed)
    else:
        hearing.record_views(unit, actor, talk.who, _wish(talk), reach, _taking(unit, talk))
    _shut_out(unit, actor, talk)
    drafts.discard(unit, actor, talk.draft_id)


def _wish(talk: Conversation) -> Wish:
    """Her wish; a yes that wasn't free is kept as unsure, because nobody heard what she wants."""
    wish = Wish(talk.answer("wish", "wish"))
    free = talk.answer("how", "free") == "yes"
    return wish if free or wish is not Wish.AGREES else Wish.UNSURE


def _taking(unit: Unit, talk: Conversation) -> Taking:
    present = [one for one in talk.answer("company", "present") or () if one != NOBODY]
    until = talk.answer("until", "expires_on")
    return Taking(
        how=HowTaken(talk.answer("how", "how")),
        alone=not present,
        taken_at=unit.now,
        wording_version=talk.wording.version,
        present=frozenset(Present(one) for one in present),
        interpreter=Interpreter(talk.answer("how", "interpreter")),
        expires_on=date.fromisoformat(until) if until else None,
        words=talk.answer("words", "words") or "",
    )


def _shut_out(unit: Unit, actor: Actor, talk: Conversation) -> None:
    described = talk.answer("never", "never")
    if described:
        walls.place(
            unit,
            actor,
            talk.who.subject_id,
            kind=WallKind.EXCLUDE,
            reason=_WALL_REASON,
            described=described,
            mandated=actor.face is Face.ADVOCACY,
        )
