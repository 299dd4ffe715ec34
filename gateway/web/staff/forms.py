"""The forms of authorising, of parcels and keys, and of what staff record: one act to a form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from wtforms import BooleanField, ValidationError

from gateway.errors import Invalid
from gateway.vocabulary import vocabulary
from gateway.web.formats import label
from gateway.web.forms import YES_OR_NO, Answer, LongAnswer, OneOf, SomeOf, ThreePartDate, required
from gateway.web.staff.answers import StaffForm

WORDS_MAX = 2000
_TIME_MAX = 20
_TOOL_MAX = 100


class StartForm(StaffForm):
    """Ask, or offer."""

    kind = OneOf(
        "What do you want to do?",
        [required("Choose whether you want to ask or to offer")],
        choices=[
            ("ask", "Ask another agency for information"),
            ("offer", "Offer information that my agency holds"),
        ],
    )


class CheckForm(StaffForm):
    """The button that sends; what the flow refuses is linked to the question it came from."""

    def refuse_answers(self, error: Invalid, href_of: Callable[[str], str]) -> None:
        """Show each fault the flow found, with the way to its question."""
        faults = error.fields or {"": error.message}
        self.faults = [{"text": message, "href": href_of(name)} for name, message in faults.items()]
        self.form_errors.extend(faults.values())

    def summary(self) -> list[dict[str, str]]:
        """Every fault, linked to where it can be put right."""
        return getattr(self, "faults", None) or super().summary()


class AnswerForm(StaffForm):
    """The answer to the holder's question."""

    words = LongAnswer("Your answer", [required("Write your answer")], longest=WORDS_MAX)


class TaskDoneForm(StaffForm):
    """What became of a task."""

    words = LongAnswer(
        "What was done?", [required("Say what was done, or why it was not")], longest=WORDS_MAX
    )


class AuthoriseForm(StaffForm):
    """A person's decision on what no rule may decide."""

    grants = OneOf(
        "Do you authorise it?",
        [required("Choose whether you authorise it")],
        choices=[("yes", "Yes, it may be shared"), ("no", "No, it may not be shared")],
    )
    reasons = LongAnswer("Your reasons", [required("Give your reasons")], longest=WORDS_MAX)

    @property
    def granted(self) -> bool:
        """Whether the answer is yes."""
        return bool(self.grants.data == "yes")


class SecondForm(AuthoriseForm):
    """A second person's opinion on a colleague's decision."""

    grants = OneOf(
        "Do you agree?",
        [required("Choose whether you agree")],
        choices=[("yes", "Yes, I agree that it may be shared"), ("no", "No, it may not be shared")],
    )


class ReviewForm(StaffForm):
    """The review of an emergency."""

    upheld = OneOf(
        "Was it an emergency?",
        [required("Choose whether it was an emergency")],
        choices=[("yes", "Yes, it was right to share without waiting"), ("no", "No, it should have waited")],
    )
    words = LongAnswer("Your reasons", [required("Give your reasons")], longest=WORDS_MAX)


class AcceptForm(StaffForm):
    """The conditions a recipient promises to keep."""

    accepts = SomeOf("Before you open it", choose="Choose from the list of conditions")

    def require(self, obligations: Iterable[str]) -> None:
        """Name the conditions to accept, by code."""
        self.accepts.choices = [(code, label(code, "obligation")) for code in obligations]

    def validate_accepts(self, field: SomeOf) -> None:
        """Want every condition accepted."""
        if {code for code, _ in field.choices or ()} - set(field.data or ()):
            raise ValidationError("Accept every condition, or leave it closed")


class DeliveryForm(StaffForm):
    """How somebody outside was told."""

    words = LongAnswer(
        "How was it told?", [required("Say when, where and how it was told")], longest=WORDS_MAX
    )
    accepted = BooleanField(
        "The person accepted every condition before I told them",
        [required("Confirm that the person accepted every condition")],
    )


class FailedOpeningForm(StaffForm):
    """Why something could not be opened."""

    reason_code = OneOf(
        "What went wrong?",
        [required("Choose what went wrong")],
        choices=[
            ("no_key", "The key is not in this browser"),
            ("cannot_decrypt", "It could not be opened with my key"),
            ("proof_failed", "The page said that the ledger doesn't prove it"),
            ("log_changed", "The page said that this isn't the ledger my browser trusted"),
            ("log_unwatched", "The page said that nobody outside has confirmed the ledger lately"),
            ("not_shown", "It opened, but was not shown"),
        ],
        choose="Choose from the list",
    )


class WithdrawKeyForm(StaffForm):
    """Why a key ends."""

    because = OneOf(
        "Why does this key end?",
        [required("Choose why the key ends")],
        choices=[
            ("lost", "It is lost"),
            ("stolen", "Somebody else may have it"),
            ("left", "I am leaving this post"),
            ("replaced", "I have a new one"),
            ("mistake", "It was made by mistake"),
        ],
        choose="Choose a reason from the list",
    )


class CoverForm(StaffForm):
    """Who stands in, and until when."""

    by_post_id = OneOf(
        "Who stands in for you?",
        [required("Choose who stands in for you")],
        choose="Choose a colleague from the list",
    )
    until = ThreePartDate("Until the end of which day?", [required("Enter the last day you are away")])


class ApproachForm(StaffForm):
    """What went round the gateway. Short, because a record that is a burden isn't made."""

    called: ClassVar[dict[str, str]] = {"happened_at": "happened_time"}

    kind = OneOf(
        "What happened?",
        [required("Choose what happened")],
        choices=[
            ("approach", "Somebody asked for information"),
            ("spoken", "Something was said aloud or passed on"),
        ],
    )
    about = OneOf(
        "Who was it about?", [required("Choose who it was about")], choose="Choose a person from the list"
    )
    categories = SomeOf(
        "What kinds of information?",
        choices=vocabulary().choices("category"),
        choose="Choose kinds from the list",
    )
    happened_on = ThreePartDate("On which day?", [required("Enter the day it happened")])
    happened_time = Answer("At what time?", [required("Enter the time, such as 14:30")], longest=_TIME_MAX)
    told = OneOf(
        "Was anything disclosed?", [required("Choose whether anything was disclosed")], choices=YES_OR_NO
    )
    words = LongAnswer(
        "What was asked or said, and by whom?", [required("Say what was asked or said")], longest=WORDS_MAX
    )


class RiskForm(StaffForm):
    """A fresh assessment of somebody in a case."""

    about = OneOf(
        "Who was assessed?", [required("Choose who was assessed")], choose="Choose a person from the list"
    )
    level = OneOf(
        "How high is the risk?",
        [required("Choose the level")],
        choices=[found for found in vocabulary().choices("risk_level") if found[0] != "unknown"],
    )
    tool = Answer("Tool", [required("Enter the tool, or professional judgement")], longest=_TOOL_MAX)
    basis = OneOf(
        "What does the level rest on?",
        [required("Choose what the level rests on")],
        choices=[
            ("score", "The score of the tool"),
            ("judgement", "Professional judgement"),
            ("escalation", "Incidents that escalate"),
            ("repeat", "A repeat within twelve months"),
        ],
    )
    dash_ticks = Answer("Ticks, where the tool is DASH (optional)", longest=_TIME_MAX)
    assessed_on = ThreePartDate("On which day?", [required("Enter the day of the assessment")])

    def validate_dash_ticks(self, field: Answer) -> None:
        """A whole number, or nothing."""
        if field.data and not (field.data.isascii() and field.data.isdigit()):
            raise ValidationError("Enter a whole number from 0 to 24, or leave it empty")

    @property
    def ticks(self) -> int | None:
        """How many were ticked, if it was said."""
        return int(self.dash_ticks.data) if self.dash_ticks.data else None


class ConflictForm(StaffForm):
    """Whom one knows, and how."""

    about = OneOf(
        "Whom do you know?", [required("Choose whom you know")], choose="Choose a person from the list"
    )
    reason = LongAnswer(
        "How do you know them?", [required("Say in a sentence how you know them")], longest=WORDS_MAX
    )
