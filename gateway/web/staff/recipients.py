"""Who information is for: people on the case, and people outside it whom an officer tells in person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wtforms import Field, SelectField

from gateway.disclosure.asking import NamedRecipient
from gateway.vocabulary import vocabulary
from gateway.web.formats import label
from gateway.web.forms import Answer, LongAnswer, SomeOf, required
from gateway.web.staff.answers import QuestionForm

if TYPE_CHECKING:
    from gateway.web.staff.journey import Journey

OUTSIDE = "outside"
# So many people outside can be told of one request; more are asked for in another.
OUTSIDE_AT_MOST = 5
_ROLE_MAX = 40
_WHO_MAX = 200


class RecipientsForm(QuestionForm):
    """Named people only: those on the case, or people outside whom an officer tells in person."""

    recipients = SomeOf(
        "Who is the information for?",
        [required("Choose at least one person")],
        choose="Choose people from the list",
    )

    def offer(self, journey: Journey) -> None:
        """Fill in what may be chosen."""
        at_work = journey.choices.recipients
        posts = [(post.post_id, post.name) for post in at_work if post.agency_id != journey.holder_id]
        self.recipients.choices = [*posts, (OUTSIDE, "Somebody outside, told in person by an officer")]
        self.recipients.hints = {
            post.post_id: f"{label(post.role, 'role')}, {post.agency_name}" for post in at_work
        }
        officers = [(post.post_id, f"{post.name}, {post.agency_name}") for post in at_work]
        for one in self.people_outside():
            one.agency_type.choices = [("", "Choose"), *vocabulary().choices("agency_type")]
            one.told_by.choices = [("", "Choose"), *officers]

    def people_outside(self) -> list[PersonOutside]:
        """The fields of everybody who could be named outside."""
        return [PersonOutside.of(self, number) for number in range(1, OUTSIDE_AT_MOST + 1)]

    @property
    def shown(self) -> list[PersonOutside]:
        """The fields that the page shows: one more than were shown before when another is added."""
        people = self.people_outside()
        known = max([1, *(one.number for one in people if one.was_shown or one.is_begun)])
        return people[: min(known + getattr(self, "_more", 0), OUTSIDE_AT_MOST)]

    def add_another(self) -> bool:
        """Show the fields of one more person outside."""
        self._more = 1
        return True

    @property
    def is_outside(self) -> bool:
        """Whether somebody with no account is among the recipients."""
        return OUTSIDE in (self.recipients.data or ())

    def validate(self, extra_validators: Any = None) -> bool:
        """Want all of each person outside who is named; the first must be, where anybody outside is chosen."""
        right = super().validate(extra_validators=extra_validators)
        for one in self.people_outside():
            if one.is_begun or (self.is_outside and one.number == 1):
                right = one.complain() and right
        return right

    def said(self) -> list[tuple[str, list[str]]]:
        """The answers in words; each person outside is one of them."""
        chosen = set(self.recipients.data or ())
        known = [text for code, text in self.recipients.choices or () if code in chosen and code != OUTSIDE]
        people = [one for one in self.people_outside() if self.is_outside and one.is_begun]
        named = [("For", known)] if known else []
        return named + [(f"For somebody outside{one.nth}", one.said()) for one in people]


@dataclass(frozen=True)
class PersonOutside:
    """The fields of one person outside."""

    number: int
    described: Field
    agency_type: Field
    role: Field
    told_by: Field

    @classmethod
    def of(cls, form: RecipientsForm, number: int) -> PersonOutside:
        """The fields of the `number`th person."""
        return cls(number, *(form[name] for name in names(number)))

    @property
    def nth(self) -> str:
        """What tells this person's fields from another's."""
        return f" ({self.number})" if self.number > 1 else ""

    @property
    def was_shown(self) -> bool:
        """Whether the page that was sent had these fields."""
        return bool(self.described.raw_data)

    @property
    def is_begun(self) -> bool:
        """Whether anything was filled in."""
        return any(field.data for field in (self.described, self.agency_type, self.role, self.told_by))

    def complain(self) -> bool:
        """Put an error beside each field that is missing or wrong; gives whether none is."""
        remedies = {
            self.described: "Say who the person outside is",
            self.role: "Say in what role the person outside receives it, such as parent or head teacher",
            self.agency_type: "Choose what the person outside is to this case",
            self.told_by: "Choose the officer who tells the person outside",
        }
        wrong = [field for field in remedies if not field.errors and not _is_answered(field)]
        for field in wrong:
            field.errors = [remedies[field]]
        return not wrong

    def said(self) -> list[str]:
        """Who it is, and who tells them, in words."""
        bodies, officers = dict(self.agency_type.choices), dict(self.told_by.choices)
        body, officer = bodies.get(self.agency_type.data, ""), officers.get(self.told_by.data, "nobody yet")
        return [f"{self.described.data}, {self.role.data}", body, f"Told in person by {officer}"]


def names(number: int) -> tuple[str, str, str, str]:
    """The names of the fields of one person outside; those of the first have no number."""
    suffix = f"_{number}" if number > 1 else ""
    kinds = ("outside_described", "outside_agency_type", "outside_role", "delivering_post_id")
    described, agency_type, role, told_by = (f"{kind}{suffix}" for kind in kinds)
    return described, agency_type, role, told_by


def recipients_named(answered: Mapping[str, Any]) -> Iterator[NamedRecipient]:
    """The recipients that the answers name."""
    for chosen in answered["recipients"]:
        if chosen != OUTSIDE:
            yield NamedRecipient(post_id=chosen)
            continue
        for number in range(1, OUTSIDE_AT_MOST + 1):
            described, agency_type, role, told_by = (answered.get(name) for name in names(number))
            if any((described, agency_type, role, told_by)):
                yield NamedRecipient(
                    agency_type=agency_type, role=role, described=described, delivering_post_id=told_by
                )


def recipients_kept(named: Sequence[NamedRecipient]) -> dict[str, Any]:
    """The answers that name these recipients."""
    outside = [one for one in named if one.post_id is None]
    kept: dict[str, Any] = {"recipients": [one.post_id for one in named if one.post_id is not None]}
    if outside:
        kept["recipients"].append(OUTSIDE)
    for number, one in enumerate(outside[:OUTSIDE_AT_MOST], start=1):
        values = (one.described, one.agency_type, one.role, one.delivering_post_id)
        kept |= dict(zip(names(number), values, strict=True))
    return kept


def _is_answered(field: Field) -> bool:
    if not isinstance(field, SelectField):
        return bool(field.data)
    return bool(field.data) and field.data in {value for value, _ in field.choices}


for _number in range(1, OUTSIDE_AT_MOST + 1):
    _described, _agency_type, _role, _told_by = names(_number)
    setattr(RecipientsForm, _described, LongAnswer("Who the person outside is", longest=_WHO_MAX))
    setattr(
        RecipientsForm,
        _agency_type,
        SelectField("What the person outside is to this case", validate_choice=False),
    )
    setattr(RecipientsForm, _role, Answer("In what role they receive it", longest=_ROLE_MAX))
    setattr(RecipientsForm, _told_by, SelectField("Who tells the person outside", validate_choice=False))
