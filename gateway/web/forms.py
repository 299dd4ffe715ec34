"""Forms as GOV.UK draws them: tokens, dates in three boxes, and errors beside the field they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from flask import make_response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import DateField, Field, HiddenField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectFieldBase
from wtforms.utils import unset_value
from wtforms.validators import Length, StopValidation, ValidationError

from gateway.errors import Invalid
from gateway.store.tables import new_id
from gateway.web.plain_text import UNREADABLE, is_plain, show_readable, texts_of

__all__ = [
    "YES_OR_NO",
    "Answer",
    "GatewayForm",
    "LongAnswer",
    "OneOf",
    "Pick",
    "SomeOf",
    "ThreePartDate",
    "page",
    "required",
]

WORDS_MAX = 500
YES_OR_NO = (("yes", "Yes"), ("no", "No"))
_ONE_LINE_MAX = 200
_OWN_NAMES = {"csrf_token", "once"}


class GatewayForm(FlaskForm):  # type: ignore[misc]
    """The base of every form.

    `once` is a random number made with the page: given to a verb as its idempotency key, it makes a double click
    or a retry after a 503 one act.
    """

    once = HiddenField(default=new_id)

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Whether every field is right; text with control or direction-turning characters is not."""
        right = super().validate(extra_validators=extra_validators)
        for field in self:
            if all(is_plain(text) for text in texts_of(field)):
                continue
            show_readable(field)
            if not isinstance(field, HiddenField):
                field.errors = [UNREADABLE]
        return bool(right) and not self.errors

    @contextmanager
    def showing_errors(self) -> Iterator[None]:
        """Put an Invalid raised inside beside its fields: the page shown after this block says what to correct."""
        try:
            yield
        except Invalid as error:
            self.refuse(error)

    def refuse(self, error: Invalid) -> None:
        """Show an error that the flow raised: beside its fields, or above the form where no field is meant."""
        placed = False
        for name, message in error.fields.items():
            field = self._fields.get(name)
            if field is not None:
                field.errors = [*field.errors, message]
                placed = True
        if not placed:
            self.form_errors.append(error.message)

    def summary(self) -> list[dict[str, str]]:
        """Every error with a link to the input it is about (a date's link goes to its first box)."""
        general = [{"text": str(message)} for message in self.form_errors]
        return general + [
            {"text": str(message), "href": f"#{getattr(field, 'first_input', field.id)}"}
            for field in self
            for message in field.errors
        ]

    def answers(self) -> dict[str, Any]:
        """The fields' values by name, without the token and the number of the attempt."""
        return {name: value for name, value in self.data.items() if name not in _OWN_NAMES}


class Answer(StringField):  # type: ignore[misc]
    """One line of text, stripped; at most 200 characters."""

    def __init__(
        self, label: str, validators: Sequence[Any] = (), *, longest: int = _ONE_LINE_MAX, **kw: Any
    ) -> None:
        limit = Length(max=longest, message=f"Use {longest} characters or fewer")
        super().__init__(label, [*validators, limit], filters=[_strip], **kw)


class LongAnswer(TextAreaField):  # type: ignore[misc]
    """Several lines of text with a character count; `longest` characters (500 unless told)."""

    def __init__(
        self, label: str, validators: Sequence[Any] = (), *, longest: int = WORDS_MAX, **kw: Any
    ) -> None:
        self.longest = longest
        limit = Length(max=longest, message=f"Use {longest:,} characters or fewer")
        super().__init__(label, [*validators, limit], filters=[_strip, _one_kind_of_newline], **kw)


class _FromList(SelectFieldBase):  # type: ignore[misc]
    """What is chosen from a list; `hints` maps a value to the hint under its label, `choose` refuses any other."""

    data: Any
    choose = "Choose from the list"

    def __init__(
        self,
        label: str,
        validators: Sequence[Any] = (),
        *,
        choices: Sequence[tuple[str, str]] = (),
        hints: Mapping[str, str] | None = None,
        choose: str = "",
        **kw: Any,
    ) -> None:
        self.hints = dict(hints or {})
        self.choose = choose or self.choose
        super().__init__(label, validators, validate_choice=False, **kw)
        self.choices = list(choices)

    def is_on_list(self, *values: str) -> bool:
        """Whether each of these values may be chosen."""
        return set(values) <= {str(value) for value, *_ in self.choices or ()}


class OneOf(_FromList, RadioField):  # type: ignore[misc]
    """Radios with nothing preselected."""

    choose = "Choose one from the list"

    def pre_validate(self, form: Any) -> None:
        """Refuse what isn't on the list; nothing chosen is for the validators."""
        if self.data is None or self.data in {"", "None"}:
            self.data = None
            return
        if not self.is_on_list(self.data):
            raise ValidationError(self.choose)


class Pick(OneOf):
    """A drop-down list, for lists too long for radios; its first choice should be ("", "Choose …")."""


class SomeOf(_FromList, SelectMultipleField):  # type: ignore[misc]
    """Checkboxes."""

    def pre_validate(self, form: Any) -> None:
        """Refuse what isn't on the list."""
        if not self.is_on_list(*(self.data or ())):
            raise ValidationError(self.choose)


class ThreePartDate(DateField):  # type: ignore[misc]
    """A date in three boxes, sent as name-day, name-month and name-year."""

    data: Any

    def __init__(self, label: str, validators: Sequence[Any] = (), **kw: Any) -> None:
        super().__init__(label, validators, **kw)
        self.parts: dict[str, str] = {}

    @property
    def first_input(self) -> str:
        """The id an error links to: a box, because the group itself can't take the focus."""
        return f"{self.id}-day"

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Read the three boxes; keep what was typed, so that it can be shown again."""
        super().process(None, data, extra_filters)
        if formdata is None:
            if self.data is not None:
                self.parts = dict(
                    zip(_PARTS, (str(self.data.day), str(self.data.month), str(self.data.year)), strict=True)
                )
            return
        self.parts = {part: formdata.get(f"{self.name}-{part}", "").strip() for part in _PARTS}
        self.data = None
        if not any(self.parts.values()):
            return
        self.data = _date_of(self.parts)
        if self.data is None:
            self.process_errors = [_what_is_wrong(self.parts)]


class Required:
    """Refuses an empty field with the sentence given; leaves a more exact error (a date with no year) in its place."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __call__(self, form: Any, field: Field) -> None:
        if field.process_errors:
            raise StopValidation
        if not field.data:
            raise StopValidation(self.message)


def required(message: str) -> Required:
    """The validator of a field that must be filled in, with the sentence that says what to enter."""
    return Required(message)


def page(
    template: str, *, form: GatewayForm | None = None, status: int | None = None, **context: Any
) -> ResponseReturnValue:
    """Render a page; a form that was refused makes it a 422."""
    refused = form is not None and bool(form.errors)
    response = make_response(render_template(template, form=form, **context))
    response.status_code = status or (422 if refused else 200)
    return response


def field_kind(field: Field) -> str:
    """The name of the GOV.UK component that draws a field."""
    for kind in type(field).__mro__:
        if kind.__name__ in _KINDS:
            return _KINDS[kind.__name__]
    return "input"


_PARTS = ("day", "month", "year")
_KINDS = {
    "ThreePartDate": "date",
    "LongAnswer": "long",
    "TextAreaField": "textarea",
    "SomeOf": "checkboxes",
    "Pick": "select",
    "SelectMultipleField": "checkboxes",
    "OneOf": "radios",
    "RadioField": "radios",
    "SelectField": "select",
    "BooleanField": "tick",
    "MultipleFileField": "files",
    "FileField": "file",
    "HiddenField": "hidden",
    "StringField": "input",
}


def _strip(value: str | None) -> str | None:
    return value.strip() if value else value


def _one_kind_of_newline(value: str | None) -> str | None:
    # Browsers send CRLF; a character count must agree with what the page counted.
    return value.replace("\r\n", "\n") if value else value


def _date_of(parts: Mapping[str, str]) -> date | None:
    if not all(value.isascii() and value.isdigit() and len(value) <= 4 for value in parts.values()):
        return None
    try:
        return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except ValueError:
        return None


def _what_is_wrong(parts: Mapping[str, str]) -> str:
    missing = [name for name in _PARTS if not parts[name]]
    if missing:
        return f"The date must include a {' and a '.join(missing)}"
    return "Enter a real date, such as 27 3 2026"
