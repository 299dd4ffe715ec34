"""What every staff form shares: it is sent as it was shown, and its answers can be kept and summed up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from wtforms import BooleanField, Field, HiddenField

from gateway.errors import Invalid
from gateway.store.tables import new_id
from gateway.web import formats
from gateway.web.forms import GatewayForm, OneOf, SomeOf, ThreePartDate

if TYPE_CHECKING:
    from gateway.web.staff.journey import Journey

_ATTEMPT = re.compile("[0-9a-f]{32}")


class StaffForm(GatewayForm):
    """A form that can sum up what was answered."""

    # Fields of the flow that have another name here.
    called: ClassVar[dict[str, str]] = {}

    def refuse(self, error: Invalid) -> None:
        """Show an error that the flow raised: beside its fields, and above the form what has no field here."""
        fields = {self.called.get(name, name): message for name, message in error.fields.items()}
        for name in [name for name in fields if name not in self._fields]:
            self.form_errors.append(fields.pop(name))
        if fields or not error.fields:
            super().refuse(Invalid(error.message, fields=fields))

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Whether every field is right, and the page was sent as it was shown."""
        right = super().validate(extra_validators=extra_validators)
        if not _ATTEMPT.fullmatch(self.once.data or ""):
            self.once.data = new_id()
            self.form_errors.append("The page was not sent as it was shown. Send it again")
        return right and not self.errors

    def kept(self) -> dict[str, Any]:
        """The answers as a draft keeps them: text, lists of codes, and days in ISO form."""
        return {name: _storable(value) for name, value in self.answers().items()}

    def said(self) -> list[tuple[str, list[str]]]:
        """What was answered, in words: each question and the lines of its answer, but for what was left empty."""
        listed = []
        for field in self:
            if isinstance(field, HiddenField | BooleanField):
                continue
            lines = words_of(field)
            if lines:
                listed.append((str(field.label.text), lines))
        return listed


class QuestionForm(StaffForm):
    """The form of one question; `offer` fills in what may be chosen on this case by this person."""

    def offer(self, journey: Journey) -> None:
        """Set choices, hints and suggestions from the journey so far."""

    def add_another(self) -> bool:
        """Make room for one more of what is asked for; False where there is nothing to add to."""
        return False


def words_of(field: Field) -> list[str]:
    """A field's answer in words: the label of each choice, the day as it is said, or the text itself."""
    if isinstance(field, ThreePartDate):
        return [formats.day(field.data)] if field.data else []
    if isinstance(field, SomeOf):
        labels = {str(value): str(label) for value, label, *_ in field.choices or ()}
        return [labels[value] for value in field.data or () if value in labels]
    if isinstance(field, OneOf) or hasattr(field, "choices"):
        labels = {str(value): str(label) for value, label, *_ in field.choices or ()}
        return [labels[field.data]] if field.data and field.data in labels else []
    return [str(field.data)] if field.data else []


def restored(form_class: type[StaffForm], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Answers of a draft as values for the fields of its form; what no longer fits is dropped."""
    days = {name for name, unbound in vars_of(form_class).items() if unbound.field_class is ThreePartDate}
    return {name: _day(value) if name in days else value for name, value in (kept or {}).items()}


def vars_of(form_class: type[StaffForm]) -> dict[str, Any]:
    """The unbound fields of a form class by name."""
    names = (name for name in dir(form_class) if not name.startswith("_"))
    found = {name: getattr(form_class, name) for name in names}
    return {name: value for name, value in found.items() if hasattr(value, "field_class")}


def _storable(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except (TypeError, ValueError):
        return None
