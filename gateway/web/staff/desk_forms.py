"""The forms of the holder's desk: what an agency does with what it is asked, one act to a form."""

from __future__ import annotations

from datetime import date
from typing import Self

from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, ValidationError

from gateway.disclosure.content import TEXT_AT_MOST, Content
from gateway.disclosure.desk import DECLINE_REASONS
from gateway.disclosure.release import FACT_OR_OPINION, About
from gateway.disclosure.withdraw import RECALL_REASONS
from gateway.web.forms import YES_OR_NO, LongAnswer, OneOf, SomeOf, ThreePartDate, required
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.forms import WORDS_MAX

_NOTHING_HELD = "Answering that nothing is held"


class NeedMoreForm(StaffForm):
    """The holder's question."""

    words = LongAnswer(
        "What do you need to know?",
        [required("Say what you need to know before you can decide")],
        longest=WORDS_MAX,
    )


class DeclineForm(StaffForm):
    """Why something that may be shared is not."""

    reason_code = OneOf(
        "Why will you not share it?",
        [required("Choose a reason")],
        choices=list(DECLINE_REASONS.items()),
        choose="Choose a reason from the list",
    )
    words = LongAnswer("Explain the reason", [required("Explain the reason")], longest=WORDS_MAX)


class DatedForm(StaffForm):
    """An answer that says how old the information behind it is."""

    day: date
    data_as_of = ThreePartDate("As of which day is it?", [required("Enter the day the information is from")])

    @classmethod
    def on(cls, day: date) -> Self:
        """The form as it is filled in on a local day."""
        form = cls()
        form.day = day
        return form

    def validate_data_as_of(self, field: ThreePartDate) -> None:
        """Refuse a day to come."""
        if field.data and field.data > self.day:
            raise ValidationError("The day must be today or earlier")


class NothingHeldForm(DatedForm):
    """That nothing is held, and when one looked."""

    data_as_of = ThreePartDate("On which day did you look?", [required("Enter the day you looked")])
    sure = BooleanField(
        "I have looked everywhere my agency would hold this",
        [required("Confirm that you have looked everywhere")],
    )

    def about(self) -> About:
        """What is said of the answer."""
        return About(
            self.data_as_of.data,
            verified=True,
            fact_or_opinion="fact",
            action=_NOTHING_HELD,
        )


class ReleaseForm(DatedForm):
    """What is shared for one line, and what a reader must know to use it well."""

    text = LongAnswer("What you share, as text", longest=TEXT_AT_MOST)
    file = FileField("A file, if text is not enough")
    data_as_of = ThreePartDate("As of which day is it?", [required("Enter the day the information is from")])
    verified = OneOf(
        "Has it been verified?", [required("Choose whether it has been verified")], choices=YES_OR_NO
    )
    fact_or_opinion = OneOf(
        "Is it fact or opinion?",
        [required("Choose whether it is fact or opinion")],
        choices=list(FACT_OR_OPINION.items()),
        choose="Choose fact, opinion or both",
    )
    action = LongAnswer(
        "Which action does it support?", [required("Say which action it supports, and whose it is")]
    )
    accepts_findings = BooleanField("I have read it again, and I am content to share it as it is")
    warned = HiddenField()

    def validate_file(self, field: FileField) -> None:
        """Want text, a file or both."""
        if not self.text.data and not self.content().data:
            raise ValidationError("Write text, or choose a file")

    def confirmed(self) -> bool:
        """Whether it was read again; once warned, an empty confirmation is an error beside its box."""
        if self.warned.data and not self.accepts_findings.data:
            self.accepts_findings.errors = ["Confirm that you have read it again, or go back and change it"]
        return bool(self.accepts_findings.data)

    def content(self) -> Content:
        """What is to be shared; the file's bytes never leave memory (promise 5)."""
        sent = self.file.data
        if not getattr(sent, "filename", ""):
            return Content(text=self.text.data)
        sent.stream.seek(0)
        return Content(text=self.text.data, filename=sent.filename, data=sent.stream.read())

    def about(self) -> About:
        """What is said of it."""
        return About(
            self.data_as_of.data,
            self.verified.data == "yes",
            self.fact_or_opinion.data or "",
            self.action.data or "",
        )


class IdentifyForm(StaffForm):
    """Whom a request from outside the case is about."""

    case_id = OneOf("Which case is it?", [required("Choose a case")], choose="Choose a case from the list")
    subject_ids = SomeOf("Who is it about?", choose="Choose people from the list")


class DeclareForm(StaffForm):
    """A circumstance the holder asserts, in words."""

    code = OneOf("What do you declare?", [required("Choose what you declare")])
    words = LongAnswer(
        "What you know, and how you know it", [required("Say what you know, and how")], longest=WORDS_MAX
    )


class RecallForm(StaffForm):
    """Why something is recalled."""

    reason = OneOf(
        "Why is it recalled?",
        [required("Choose why it is recalled")],
        choices=list(RECALL_REASONS.items()),
        choose="Choose a reason from the list",
    )


class SuccessorForm(StaffForm):
    """Who succeeds a recipient."""

    post_id = OneOf(
        "Who receives it instead?",
        [required("Choose who receives it instead")],
        choose="Choose somebody from the list",
        description="Only colleagues in the recipient's agency. They need a key of their own.",
    )
