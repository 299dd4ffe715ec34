"""The questions of asking and offering, one to a page, in the order they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wtforms import BooleanField, ValidationError

from gateway.sealing.marks import locating_data
from gateway.vocabulary import Circumstance, vocabulary
from gateway.web.formats import label
from gateway.web.forms import Answer, LongAnswer, OneOf, SomeOf, ThreePartDate, required
from gateway.web.staff.answers import QuestionForm
from gateway.web.staff.choices import declarations, purposes
from gateway.web.staff.recipients import RecipientsForm

if TYPE_CHECKING:
    from gateway.web.staff.journey import Journey

NOT_ON = "not_on"
EMERGENCY = str(Circumstance.IMMINENT_THREAT_TO_LIFE)
_REFERENCE_MAX = 40
_FURTHEST_DAYS = 366


class CaseForm(QuestionForm):
    """A case the asker is on, or the reference of one she is not on."""

    case_id = OneOf(
        "Which case is this about?",
        [required("Choose a case, or say that you are not on it")],
        choose="Choose a case from the list",
    )
    case_reference = Answer("Reference of the case", longest=_REFERENCE_MAX)

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        mine = journey.choices.cases
        self.case_id.choices = [
            *((case.case_id, case.reference) for case in mine),
            (NOT_ON, "A case I am not on"),
        ]
        self.case_id.hints = {case.case_id: case.arrangement_name for case in mine}

    def validate_case_reference(self, field: Answer) -> None:
        """Want the reference of a case one is not on."""
        if self.case_id.data == NOT_ON and not field.data:
            raise ValidationError("Enter the reference of the case you are not on")


class HolderForm(QuestionForm):
    """Which agency holds it."""

    holder_agency_id = OneOf(
        "Who holds the information?",
        [required("Choose who holds the information")],
        choose="Choose an agency from the list",
    )

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        others = (agency for agency in journey.choices.holders if agency.agency_id != journey.actor.agency_id)
        self.holder_agency_id.choices = [(agency.agency_id, agency.name) for agency in others]


class PeopleForm(QuestionForm):
    """Which people of the case."""

    subject_ids = SomeOf(
        "Who is the information about?",
        [required("Choose at least one person")],
        choose="Choose people from the list",
    )

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        listed = journey.choices.people
        self.subject_ids.choices = [
            (subject.subject_id, f"{subject.reference}, {label(subject.role, 'subject_role').lower()}")
            for subject in listed
        ]


class PersonForm(QuestionForm):
    """Somebody who isn't on the case describes the person; nothing here tells whether she is known (promise 8)."""

    person = LongAnswer(
        "Who are you asking about?", [required("Say who you are asking about, with two identifiers")]
    )


class PurposeForm(QuestionForm):
    """What it is for."""

    purpose = OneOf(
        "What is the information for?",
        [required("Choose the purpose")],
        choose="Choose a purpose from the list",
    )

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        self.purpose.choices = purposes(journey.within)


class BasisForm(QuestionForm):
    """The lawful basis in its four parts: naming a power answers only the first test (DESIGN 5)."""

    powers = SomeOf(
        "Power or duty",
        [required("Choose the power or duty you rely on")],
        choose="Choose from the list of powers",
    )
    dp_regime = OneOf("Data-protection regime", [required("Choose the data-protection regime")])
    dp_condition = OneOf("Data-protection condition", [required("Choose the data-protection condition")])
    confidence_basis = OneOf("Why confidence may give way", [required("Choose why confidence may give way")])

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        suggested = journey.choices.suggested_power
        self.powers.choices = sorted(vocabulary().choices("power"), key=lambda choice: choice[0] != suggested)
        for name in ("dp_regime", "dp_condition", "confidence_basis"):
            self[name].choices = vocabulary().choices(name)

    def suggest(self, journey: Journey) -> None:
        """Fill in the sourced default where nothing was answered yet; it is shown, and can be changed."""
        basis = journey.suggested_basis
        if basis is None or journey.is_answered(BY_SLUG["basis"]):
            return
        self.powers.data = [journey.choices.suggested_power]
        self.dp_regime.data, self.dp_condition.data = str(basis.dp_regime), str(basis.dp_condition)
        self.confidence_basis.data = str(basis.confidence_basis)


class InformationForm(QuestionForm):
    """The smallest set of kinds that serves the purpose."""

    categories = SomeOf(
        "What kinds of information?",
        [required("Choose at least one kind of information")],
        choose="Choose kinds from the list",
    )

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        terms = vocabulary().categories
        self.categories.choices = [(str(code), term.label) for code, term in terms.items()]
        self.categories.hints = {str(code): term.handling for code, term in terms.items()}


class WhyForm(QuestionForm):
    """Necessity and proportionality, searched for what could lead somebody to a door."""

    why = LongAnswer(
        "Why is this necessary and proportionate?", [required("Say why it is necessary and proportionate")]
    )
    keep_findings = BooleanField("I have read it again, and each of these is needed here")

    @property
    def findings(self) -> list[Any]:
        """What in the words could tell somebody where a person is."""
        return list(locating_data(self.why.data or ""))

    def validate_why(self, field: LongAnswer) -> None:
        """Hold back what shows where somebody is, until it is confirmed."""
        if self.findings and not self.keep_findings.data:
            raise ValidationError(
                "This may show where somebody is. Take it out, or confirm below that it is needed"
            )


class NeededByForm(QuestionForm):
    """A day, or none."""

    needed_by = ThreePartDate("When is it needed by?")

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        self.today = journey.choices.today

    def validate_needed_by(self, field: ThreePartDate) -> None:
        """Refuse a day that is over, or too far off."""
        if field.data and field.data < self.today:
            raise ValidationError("The day it is needed by must be today or later")
        if field.data and (field.data - self.today).days > _FURTHEST_DAYS:
            raise ValidationError("The day it is needed by must be within a year")


class CircumstancesForm(QuestionForm):
    """What the asker knows and the gateway doesn't: each stands in words under the asker's name (DESIGN 3.3)."""

    declarations = SomeOf("Is there anything you need to declare?", choose="Choose from what you may declare")

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        self.declarations.choices = declarations()
        self.declarations.hints = {EMERGENCY: "Somebody else reviews it on the next working day."}

    def words(self) -> dict[str, str]:
        """The words of each circumstance declared."""
        return {code: self[words_name(code)].data or "" for code in self.declarations.data or ()}

    def validate(self, extra_validators: Any = None) -> bool:
        """Want words with each circumstance declared."""
        right = super().validate(extra_validators=extra_validators)
        for code in self.declarations.data or ():
            field = self._fields.get(words_name(code))
            if field is not None and not field.data and not field.errors:
                field.errors = ["Say in words what you know and how"]
                right = False
        return right

    def said(self) -> list[tuple[str, list[str]]]:
        """Each circumstance with its words, as one answer."""
        labels = dict(self.declarations.choices or ())
        lines = [f"{labels[code]}: {words}" for code, words in self.words().items() if code in labels]
        return [("Declared", lines)] if lines else []


def words_name(code: str) -> str:
    """The name of the field that holds the words of a declared circumstance."""
    return f"words_{code}"


for _code, _ in declarations():
    setattr(CircumstancesForm, words_name(_code), LongAnswer("What you know, and how you know it"))


@dataclass(frozen=True)
class Question:
    """One page of the journey: its place in the task list, its heading, its form, and when it is asked."""

    slug: str
    section: str
    task: str
    row: str
    heading: str
    form: type[QuestionForm]
    fields: tuple[str, ...]
    asked: Callable[[Journey], bool] = lambda _: True
    needs_case: bool = True

    @property
    def template(self) -> str:
        """The page of this question."""
        return f"staff/ask/{self.slug}.html"


def _on_case(journey: Journey) -> bool:
    return not journey.is_off_case


def _free(journey: Journey) -> bool:
    return not journey.is_onward


WHERE, WHY, WHAT, WHEN = "The case", "The reason", "The information", "Timing and circumstances"
QUESTIONS: tuple[Question, ...] = (
    Question(
        "case", WHERE, "Choose the case", "Case", "Which case is this about?",
        CaseForm, ("case_id", "case_reference"), asked=_free, needs_case=False,
    ),
    Question(
        "holder", WHERE, "Say who holds the information", "Held by", "Who holds the information?",
        HolderForm, ("holder_agency_id",), asked=lambda journey: _free(journey) and not journey.is_offer,
    ),
    Question(
        "people", WHERE, "Choose the people it is about", "About", "Who is the information about?",
        PeopleForm, ("subject_ids",), asked=lambda journey: _on_case(journey) and _free(journey),
    ),
    Question(
        "person", WHERE, "Say who you are asking about", "About", "Who are you asking about?",
        PersonForm, ("person",), asked=lambda journey: journey.is_off_case and _free(journey),
    ),
    Question(
        "purpose", WHY, "Give the purpose", "Purpose", "What is the information for?", PurposeForm, ("purpose",),
    ),
    Question(
        "basis", WHY, "Confirm the lawful basis", "Lawful basis", "What is the lawful basis?",
        BasisForm, ("powers", "dp_regime", "dp_condition", "confidence_basis", "basis"),
    ),
    Question(
        "information", WHAT, "Choose the kinds of information", "Kinds of information", "What kinds of information?",
        InformationForm, ("categories",), asked=_free,
    ),
    Question(
        "why", WHAT, "Say why it is necessary", "Why it is necessary and proportionate",
        "Why is this necessary and proportionate?", WhyForm, ("why",),
    ),
    Question(
        "recipients", WHAT, "Name who it is for", "For", "Who is the information for?",
        RecipientsForm, ("recipients",), asked=_on_case,
    ),
    Question(
        "needed-by", WHEN, "Say when it is needed", "Needed by", "When is it needed by?", NeededByForm, ("needed_by",),
    ),
    Question(
        "circumstances", WHEN, "Declare what you know", "Declared", "Is there anything you need to declare?",
        CircumstancesForm, ("declarations",),
    ),
)  # fmt: skip
BY_SLUG = {question.slug: question for question in QUESTIONS}
