"""What an advocate fills in: the log's filter, a concern, a mandate."""

from __future__ import annotations

from datetime import date

from wtforms import Form, HiddenField, SelectField

from gateway.consent.models import HowTaken
from gateway.review.concerns import KIND_IN_WORDS, LONGEST
from gateway.review.log import Chosen, LogPage
from gateway.review.matters import IN_WORDS, Matter
from gateway.vocabulary import Outcome
from gateway.web.forms import YES_OR_NO, Answer, LongAnswer, OneOf, ThreePartDate, required
from gateway.web.staff.answers import StaffForm

HOW = {
    HowTaken.FACE_TO_FACE: "Face to face",
    HowTaken.PHONE: "On the telephone",
    HowTaken.VIDEO: "In a video call",
    HowTaken.IN_WRITING: "In writing",
    HowTaken.BY_HERSELF: "They answered by themselves on this page",
}
_OUTCOMES = {
    Outcome.PERMIT: "Something was allowed",
    Outcome.REFER: "A person had to decide",
    Outcome.DENY: "Something was refused",
}


class FilterForm(Form):  # type: ignore[misc]
    """The log's filter; it travels in the address, so it holds codes and days only."""

    matter = SelectField("What happened", validate_choice=False)
    agency = SelectField("Agency", validate_choice=False)
    category = SelectField("Kind of information", validate_choice=False)
    outcome = SelectField("Outcome", validate_choice=False)
    since = ThreePartDate("From")
    until = ThreePartDate("To")

    def offer(self, found: LogPage) -> None:
        """Fill the lists from what there is."""
        self.matter.choices = [
            ("", "Everything but who read this log"),
            *((m.value, IN_WORDS[m]) for m in Matter),
        ]
        self.agency.choices = [("", "Any agency"), *found.agencies]
        self.category.choices = [("", "Any kind"), *found.categories]
        self.outcome.choices = [("", "Any outcome"), *((o.value, text) for o, text in _OUTCOMES.items())]

    def chosen(self) -> Chosen:
        """What was chosen; what isn't a code or a day is left out, because nonsense isn't an error in a filter."""
        return Chosen(
            matter=Matter(self.matter.data) if self.matter.data in set(Matter) else None,
            agency_id=_code(self.agency.data),
            category=_code(self.category.data),
            outcome=self.outcome.data if self.outcome.data in set(Outcome) else None,
            since=self.since.data,
            until=self.until.data,
        )

    def described(self) -> list[tuple[str, str]]:
        """The filters that were chosen as (name of the field, words)."""
        listed = []
        for name in ("matter", "agency", "category", "outcome"):
            words = dict(self[name].choices).get(self[name].data) if self[name].data else None
            if words:
                listed.append((name, str(words)))
        return listed + [(name, _day(self[name].data)) for name in ("since", "until") if self[name].data]


class ConcernForm(StaffForm):
    """What worries the client about one entry."""

    kind = OneOf(
        "What worries you?", [required("Choose what worries you")], choices=list(KIND_IN_WORDS.items())
    )
    words = LongAnswer(
        "What happened, as far as you know?",
        [required("Say what happened")],
        longest=LONGEST,
        description="Leave out addresses and telephone numbers, and who told you if that could put them at risk.",
    )
    act = OneOf(
        "Should we stop it before we ask the agency?",
        [required("Choose yes or no")],
        choices=YES_OR_NO,
        hints={
            "yes": "What it shared can't be opened until it is decided again. An answer is due the next working day.",
            "no": "The agency is asked first.",
        },
    )
    safe_contact = Answer(
        "How can you be reached safely about this? (optional)",
        description="For example: through me, on weekdays before 3pm.",
    )
    step = HiddenField(default="check")


class MandateForm(StaffForm):
    """A mandate the client gave this advocate."""

    reference = Answer(
        "The person's reference",
        [required("Enter the person's reference")],
        longest=20,
        description="Eight letters and digits, such as K7Q2-M4XD. The agency that holds the case has it.",
    )
    how = OneOf("How did they say so?", [required("Choose how they said so")], choices=list(HOW.items()))
    alone = OneOf(
        "Were they alone with you?", [required("Choose whether they were alone")], choices=YES_OR_NO
    )
    given_on = ThreePartDate("When did they say so?", [required("Enter the day they said so")])
    expires_on = ThreePartDate(
        "Until when may you read the log?", [required("Enter the last day")], description="A year at most."
    )


class EndMandateForm(StaffForm):
    """Who wanted a mandate to end."""

    by_subject = OneOf(
        "Who wants it to end?", [required("Choose who")], choices=(("yes", "The person"), ("no", "I do"))
    )


def _code(value: str | None) -> str | None:
    return value if value and value.isascii() and value.replace("_", "").isalnum() else None


def _day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"
