"""The questions put to a person about her information: one decision a page, nothing chosen beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.models import Answer, HowTaken, Interpreter, Present, Wish
from gateway.registry.contacts import Details
from gateway.review.reaching import THROUGH_ADVOCATE
from gateway.vocabulary import vocabulary
from gateway.web.forms import YES_OR_NO, LongAnswer, OneOf, SomeOf, ThreePartDate, required
from gateway.web.forms import Answer as ShortAnswer
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.choices import purposes

VIEWS, CONSENT = "views", "consent"
NOBODY = "nobody"
WISHES = (
    (Wish.AGREES.value, "Yes"),
    (Wish.OBJECTS.value, "No"),
    (Wish.UNSURE.value, "I'm not sure, ask me later"),
    (Wish.NOT_ABLE.value, "They are not able to say"),
)
ANSWERS = (
    (Answer.GIVEN.value, "Yes"),
    (Answer.REFUSED.value, "No"),
    (Answer.REQUESTED.value, "I'm not sure, ask me later"),
    (Answer.UNABLE.value, "They are not able to say"),
)
COMPANY = (
    (NOBODY, "Nobody else"),
    (Present.ADVOCATE.value, "An advocate"),
    (Present.PROFESSIONAL.value, "Another worker"),
    (Present.SUPPORTER.value, "Someone they chose to have with them"),
    (Present.CHILD.value, "A child"),
    (Present.PERPETRATOR_OR_RELATIVE.value, "The person they are afraid of, or a relative"),
)
HOW = (
    (HowTaken.FACE_TO_FACE.value, "Face to face"),
    (HowTaken.PHONE.value, "On the telephone"),
    (HowTaken.VIDEO.value, "In a video call"),
    (HowTaken.IN_WRITING.value, "In writing"),
    (HowTaken.BY_HERSELF.value, "They filled this in themselves"),
)
INTERPRETERS = (
    (Interpreter.NONE.value, "No interpreter"),
    (Interpreter.PROFESSIONAL.value, "A professional interpreter"),
    (Interpreter.RELATIVE.value, "A relative or friend"),
)
WAYS = (
    ("call", "Telephone call"),
    ("text", "Text message"),
    ("email", "Email"),
    ("letter", "Letter"),
    ("in_person", "In person"),
    ("advocate", THROUGH_ADVOCATE),
)


class SafeForm(StaffForm):
    """The first question of all."""

    safe = OneOf("Is it safe to talk now?", [required("Choose yes or no")], choices=YES_OR_NO)


class CompanyForm(StaffForm):
    """Who can hear."""

    present = SomeOf("Who else is there?", [required("Choose who is there, or nobody")], choices=COMPANY)


class AboutForm(StaffForm):
    """What this is, before anything is decided."""


class WishForm(StaffForm):
    """What she wants."""

    wish = OneOf("What do you want to happen?", [required("Choose an answer, or stop here")], choices=WISHES)


class PurposesForm(StaffForm):
    """What for."""

    purposes = SomeOf("What would it be for?", [required("Choose what it is for")], choices=purposes())


class CategoriesForm(StaffForm):
    """What."""

    categories = SomeOf(
        "What would they tell each other?",
        [required("Choose at least one kind of information")],
        choices=vocabulary().choices("category"),
    )


class SomeCategoriesForm(StaffForm):
    """What the wish is about, if not everything."""

    categories = SomeOf(
        "Is this about certain things only?",
        choices=vocabulary().choices("category"),
        description="Leave all boxes empty if it is about everything.",
    )


class AgenciesForm(StaffForm):
    """Who with."""

    agency_ids = SomeOf("Who may be told?", [required("Choose who may be told")])


class UntilForm(StaffForm):
    """For how long."""

    expires_on = ThreePartDate("Until when does it count?", [required("Enter the last day it counts")])


class AnswerForm(StaffForm):
    """Yes, no, or later."""

    answer = OneOf("Do you agree to this?", [required("Choose an answer, or stop here")], choices=ANSWERS)


class WordsForm(StaffForm):
    """In her own words."""

    words = LongAnswer("Is there something you want them to know? (optional)", longest=1000)


class NeverForm(StaffForm):
    """Who must never see it."""

    never = LongAnswer(
        "Is there anybody who must never see it? (optional)",
        longest=500,
        description="They are shut out at once. Describe someone who has no account here, such as a relative.",
    )


class HowForm(StaffForm):
    """How it was taken, answered by whoever took it."""

    how = OneOf("How did you speak?", [required("Choose how you spoke")], choices=HOW)
    interpreter = OneOf("Was there an interpreter?", [required("Choose an answer")], choices=INTERPRETERS)
    free = OneOf(
        "Do you think they answered freely?",
        [required("Choose yes or no")],
        choices=YES_OR_NO,
        hints={"no": "It is kept, and does not count as agreement."},
    )


@dataclass(frozen=True)
class Step:
    """One page of the journey: its heading, its form, and whether the person or the worker answers it."""

    slug: str
    heading: str
    form: type[StaffForm]
    by_worker: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields in the order they are asked."""
        return tuple(name for name in _FIELDS if hasattr(self.form, name))


_FIELDS = (
    *(
        "safe",
        "present",
        "wish",
        "purposes",
        "categories",
        "agency_ids",
        "expires_on",
        "answer",
        "words",
        "never",
    ),
    *("how", "interpreter", "free"),
)
_STEPS = (
    Step("safe", "Is it safe to talk now?", SafeForm),
    Step("company", "Who else is there?", CompanyForm),
    Step("about", "What this is", AboutForm),
    Step("wish", "What do you want to happen?", WishForm),
    Step("purposes", "What would it be for?", PurposesForm),
    Step("categories", "What would they tell each other?", CategoriesForm),
    Step("some", "Is this about certain things only?", SomeCategoriesForm),
    Step("agencies", "Who may be told?", AgenciesForm),
    Step("until", "Until when does it count?", UntilForm),
    Step("answer", "Do you agree to this?", AnswerForm),
    Step("words", "Is there something you want them to know? (optional)", WordsForm),
    Step("never", "Is there anybody who must never see it? (optional)", NeverForm),
    Step("how", "How you took this", HowForm, by_worker=True),
)
BY_SLUG: Mapping[str, Step] = {step.slug: step for step in _STEPS}
ORDER: Mapping[str, tuple[str, ...]] = {
    VIEWS: ("safe", "company", "about", "wish", "some", "words", "never", "how"),
    CONSENT: (
        *(
            "safe",
            "company",
            "about",
            "purposes",
            "categories",
            "agencies",
            "until",
            "answer",
            "words",
            "never",
        ),
        "how",
    ),
}


class WithdrawForm(StaffForm):
    """Who takes a consent back."""

    by_subject = OneOf(
        "Who takes it back?",
        [required("Choose who takes it back")],
        choices=(("yes", "The person"), ("no", "Someone with authority over the record")),
    )


class StaffMandateForm(StaffForm):
    """A mandate that a person of the case gave to an advocate."""

    advocate_post_id = OneOf("Which advocate?", [required("Choose an advocate")])
    how_given = OneOf("How did they say so?", [required("Choose how they said so")], choices=HOW)
    alone = OneOf(
        "Were they alone with you?", [required("Choose whether they were alone")], choices=YES_OR_NO
    )
    given_on = ThreePartDate("When did they say so?", [required("Enter the day they said so")])
    expires_on = ThreePartDate(
        "Until when may the advocate read the log?",
        [required("Enter the last day")],
        description="A year at most.",
    )


class ReachForm(StaffForm):
    """How a person may safely be reached, as they say it; nothing chosen beforehand."""

    method = OneOf("How may they be reached?", [required("Choose how they may be reached")], choices=WAYS)
    value = ShortAnswer("Which number or address? (not needed through the advocate)")
    alone = OneOf(
        "Are they sure that nobody else sees or hears it?",
        [required("Choose yes or no")],
        choices=YES_OR_NO,
        description="A telephone, an account or a letter box that is shared is not safe, nor one that he once set up.",
    )
    when = ShortAnswer(
        "When is it safe? (optional)", description="For example, on weekdays from 10am to noon."
    )
    who_may_answer = ShortAnswer("Who else may answer? (optional)", description="Speak to nobody else.")
    code_word = ShortAnswer("A word that shows it is you (optional)")
    voicemail = OneOf("May a voice message be left?", [required("Choose yes or no")], choices=YES_OR_NO)
    letters = OneOf("May a letter be sent?", [required("Choose yes or no")], choices=YES_OR_NO)
    says_who = OneOf(
        "May whoever calls say where they call from?",
        [required("Choose yes or no")],
        choices=(("yes", "Yes"), ("no", "No, do not say")),
    )

    def details(self) -> Details:
        """What was answered."""
        return Details(
            method=dict(WAYS).get(self.method.data or "", ""),
            value=self.value.data or "",
            when=self.when.data or "",
            who_may_answer=self.who_may_answer.data or "",
            code_word=self.code_word.data or "",
            voicemail_ok=self.voicemail.data == "yes",
            letters_ok=self.letters.data == "yes",
            may_say_who_calls=self.says_who.data == "yes",
        )


def answered(kept: Mapping[str, Mapping[str, Any]], slug: str, name: str) -> Any:
    """One answer of a draft, or None."""
    return kept.get(slug, {}).get(name)
