"""The officer's forms. What a rule of the register refuses comes back beside the field it is about."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import BooleanField, IntegerField

from gateway.registry.models import WallKind
from gateway.vocabulary import vocabulary
from gateway.web.forms import Answer, GatewayForm, LongAnswer, OneOf, Pick, SomeOf, ThreePartDate, required

Choices = Sequence[tuple[str, str]]
NOT_CHOSEN = ("", "Choose one")


def pick(choices: Choices) -> list[tuple[str, str]]:
    """The items of a select, with nothing chosen at first."""
    return [NOT_CHOSEN, *choices]


class PlainForm(GatewayForm):
    """A button alone."""


class ReasonForm(GatewayForm):
    """Why, in a sentence."""

    reason = LongAnswer("Why?", [required("Give the reason")], longest=2000)


class AnswerTimeForm(GatewayForm):
    """Within how many working days an agency answers."""

    answers_within_days = IntegerField("Working days to answer", [required("Enter a number of days")])


class CoverForm(GatewayForm):
    """Who stands in, and until when."""

    by_post_id = Pick("Who stands in?", [required("Choose who stands in")])
    until = ThreePartDate("Last day off duty", [required("Enter the last day")])


class TrainingForm(GatewayForm):
    """Until when training and vetting hold."""

    trained_until = ThreePartDate("Data-protection training holds until")
    vetted_until = ThreePartDate("Vetting holds until")


class AuthorityForm(GatewayForm):
    """A role that may decide."""

    role_code = Pick("May decide as", [required("Choose a role")])
    arrangement_id = Pick("In which arrangement?")
    ends_on = ThreePartDate("Last day", [required("Enter the last day")])


class SettingsForm(GatewayForm):
    """The local settings of an arrangement."""

    protocol_reference = Answer("Protocol", [required("Enter the reference of the protocol")])
    chair_post_id = Pick("Chair", [required("Choose the chair")])
    retention_days = IntegerField("Days that records are kept", [required("Enter a number of days")])
    dpia_reference = Answer("Impact assessment (DPIA)", [required("Enter the reference of the assessment")])
    review_on = ThreePartDate("Review by", [required("Enter the day of the next review")])


class MembershipForm(GatewayForm):
    """An agency's standing in an arrangement."""

    agency_id = Pick("Agency", [required("Choose an agency")])
    standing = OneOf("Standing", [required("Choose a standing")])
    authority = Answer("Act and section, or protocol", [required("Enter the authority")])
    signatory = BooleanField("It has signed the arrangement")
    starts_on = ThreePartDate("First day", [required("Enter the first day")])
    ends_on = ThreePartDate("Last day, if it is known")

    def offer(self, agencies: Choices) -> None:
        """Fill the choices."""
        self.agency_id.choices = pick(agencies)
        self.standing.choices = vocabulary().choices("duty")


class CaseForm(GatewayForm):
    """A case's lead agency, level, category and review."""

    lead_agency_id = Pick("Lead agency")
    level = Pick("MAPPA level, if it has one")
    category = Pick("MAPPA category, if it has one")
    review_on = ThreePartDate("Review by")


class AssignForm(GatewayForm):
    """Somebody who is to work a case."""

    post_id = Pick("Who?", [required("Choose a post")], choose="Choose a current post")
    orientation = Pick("Works with, where it differs on this case")
    ends_on = ThreePartDate("Last day, if it is known")


class FactForm(GatewayForm):
    """A circumstance of a case."""

    circumstance = Pick("What is known?", [required("Choose what is known")])
    subject_id = Pick("About whom, if it is about one person")
    agency_id = Pick("Which agency, if it is about one")
    post_id = Pick("Which member of staff, if it is about one")
    reason = LongAnswer("How is it known?", [required("Say how it is known")], longest=2000)


class WallForm(GatewayForm):
    """Who must never see, or who alone may."""

    kind = OneOf(
        "What should the wall do?",
        [required("Choose what the wall should do")],
        choices=[
            (WallKind.EXCLUDE, "Keep those named out"),
            (WallKind.ALLOW_ONLY, "Let only those named in"),
        ],
    )
    person_id = Pick("A member of staff")
    agency_id = Pick("A whole agency")
    described = Answer("Somebody without an account, in words")
    reason = LongAnswer("Why?", [required("Give the reason")], longest=2000)


class AllowForm(GatewayForm):
    """Somebody to add to an allow-only list."""

    person_id = Pick("A member of staff")
    agency_id = Pick("A whole agency")
    reason = LongAnswer("Why?", [required("Give the reason")], longest=2000)


class MergeForm(GatewayForm):
    """The record of the same person."""

    into_id = Pick("The record that stays", [required("Choose a record")])
    reason = LongAnswer(
        "How do you know that they are one person?", [required("Give the reason")], longest=2000
    )


class IdentityForm(GatewayForm):
    """Who a person is."""

    name = Answer("Name", [required("Enter a name")])
    other_names = Answer("Other names, separated by semicolons")
    born_on = ThreePartDate("Date of birth")
    postcode = Answer("Postcode", longest=10)
    phones = Answer("Telephone numbers, separated by semicolons")
    emails = Answer("E-mail addresses, separated by semicolons")
    nhs_number = Answer("NHS number")
    pnc_id = Answer("PNC ID")
    cro_number = Answer("CRO number")
    prison_number = Answer("Prison number")
    crn = Answer("Case reference number (CRN)")
    reason = LongAnswer("Why is this changed?", [required("Give the reason")], longest=2000)


class SplitForm(IdentityForm):
    """The second person that a record holds."""

    case_ids = SomeOf("Cases of the second person", [required("Choose at least one case")])
