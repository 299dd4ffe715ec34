"""A partnership's register as a TOML file: its shape, and what is wrong with one, line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import ValidationInfo as Info
from pydantic_core import ErrorDetails

from gateway.clock import Nation
from gateway.errors import Invalid
from gateway.registry.models import Face, WallKind
from gateway.registry.toml_lines import Path, line_of, read
from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Capacity,
    Category,
    Circumstance,
    Duty,
    Jurisdiction,
    Orientation,
    RiskLevel,
    Role,
    SubjectRole,
)

FORMAT = 1
_RELATIVE = re.compile(r"today(?:([+-])(\d{1,5}))?")


@dataclass(frozen=True)
class Problem:
    """One thing to correct in a register file: where it stands, in what, what is wrong and what to do."""

    line: int
    entity: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.entity}: {self.message} {self.remedy}"


class RegisterRefused(Invalid):
    """A register file with problems; nothing of it was taken."""

    def __init__(self, found: Sequence[Problem]) -> None:
        problems = sorted(found, key=lambda one: (one.line, one.entity))
        super().__init__(
            f"The register file has {len(problems)} problem{'s' if len(problems) > 1 else ''}; nothing was imported.",
            next_step="Correct each line named and run the import again.",
            fields={f"line {one.line}, {one.entity}": f"{one.message} {one.remedy}" for one in problems},
        )
        self.problems = tuple(problems)


def _day(value: Any, info: Info) -> Any:
    # Demonstrations and tests say "today-30"; a real register holds real dates.
    if isinstance(value, datetime):
        raise ValueError("a date without a time is needed")
    found = _RELATIVE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    days = int(found[2] or 0)
    today: date = (info.context or {})["today"]
    return today + timedelta(days=-days if found[1] == "-" else days)


Day = Annotated[date, BeforeValidator(_day)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Words = Annotated[str, StringConstraints(min_length=10, max_length=2000, strip_whitespace=True)]


class _Entity(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SignInEntry(_Entity):
    """The OIDC provider of an agency."""

    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$", max_length=200)]
    client_id: Line
    client_key: Key
    required_acr: Line | None = None


class PartnershipEntry(_Entity):
    """The partnership itself."""

    code: Key
    name: Line
    nation: Nation


class AgencyEntry(_Entity):
    """A controller."""

    code: Key
    name: Line
    type: AgencyType
    answers_within_days: int = Field(default=5, ge=1, le=60)
    closed_on: Day | None = None
    sign_in: SignInEntry | None = None


class IdentityEntry(_Entity):
    """Who a provider says somebody is."""

    issuer: Line
    sub: Line


class AuthorityEntry(_Entity):
    """A role that may decide, with the two who made it so."""

    role: Role
    arrangement: Key | None = None
    starts_on: Day
    ends_on: Day | None = None
    granted_by: Key
    approved_by: Key


class PostEntry(_Entity):
    """A person in an agency and role."""

    key: Key
    agency: Key
    role: Role
    face: Face = Face.STAFF
    orientation: Orientation
    governs: bool = False
    starts_on: Day
    ends_on: Day | None = None
    authorities: tuple[AuthorityEntry, ...] = ()


class PersonEntry(_Entity):
    """A member of staff."""

    key: Key
    name: Line
    email: Line | None = None
    trained_until: Day | None = None
    vetted_until: Day | None = None
    identities: tuple[IdentityEntry, ...] = ()
    posts: tuple[PostEntry, ...] = ()


class MemberEntry(_Entity):
    """An agency's standing in an arrangement."""

    agency: Key
    standing: Duty
    authority: Line
    area: Line | None = None
    signatory: bool = True
    starts_on: Day
    ends_on: Day | None = None


class ArrangementEntry(_Entity):
    """MAPPA, MARAC and the like."""

    key: Key
    kind: Arrangement
    name: Line
    area: Line
    jurisdiction: Jurisdiction
    protocol_reference: Line | None = None
    chair: Key | None = None
    retention_days: int | None = Field(default=None, ge=1, le=40_000)
    dpia_reference: Line | None = None
    review_on: Day | None = None
    ends_on: Day | None = None
    members: tuple[MemberEntry, ...] = ()


class WallEntry(_Entity):
    """Who must never see, or who alone may."""

    kind: WallKind
    person: Key | None = None
    agency: Key | None = None
    described: Line | None = None
    reason: Words | None = None
    placed_by: Key


class ContactEntry(_Entity):
    """The only safe way to reach somebody."""

    method: Line
    value: Line
    when: Line | None = None
    who_may_answer: Line | None = None
    code_word: Line | None = None
    voicemail_ok: bool = False
    letters_ok: bool = False
    confirmed_on: Day
    controller: Key | None = None


class SubjectEntry(_Entity):
    """A person the information is about. The key says nothing of who it is."""

    key: Key
    controller: Key
    name: Line | None = None
    other_names: tuple[Line, ...] = ()
    born_on: Day | None = None
    postcode: Line | None = None
    phones: tuple[Line, ...] = ()
    emails: tuple[Line, ...] = ()
    numbers: dict[Literal["nhs_number", "pnc_id", "cro_number", "prison_number", "crn"], Line] = Field(
        default_factory=dict
    )
    capacity: Capacity = Capacity.NOT_ASSESSED
    deceased_on: Day | None = None
    safe_contact: ContactEntry | None = None
    walls: tuple[WallEntry, ...] = ()


class CaseSubjectEntry(_Entity):
    """What a subject is in a case."""

    subject: Key
    role: SubjectRole
    disputed: bool = False
    starts_on: Day
    ends_on: Day | None = None


class AssignmentEntry(_Entity):
    """A post that works a case."""

    post: Key
    orientation: Orientation | None = None
    starts_on: Day
    ends_on: Day | None = None


class RiskEntry(_Entity):
    """An assessment of risk."""

    subject: Key
    level: RiskLevel
    tool: Line
    dash_ticks: int | None = Field(default=None, ge=0, le=24)
    basis: Literal["score", "judgement", "escalation", "repeat"]
    assessed_on: Day
    assessed_by: Key


class CaseEntry(_Entity):
    """A case in an arrangement."""

    reference: Key
    arrangement: Key
    lead_agency: Key | None = None
    level: int | None = Field(default=None, ge=1, le=3)
    category: int | None = Field(default=None, ge=1, le=4)
    jurisdiction: Jurisdiction
    opened_on: Day
    closed_on: Day | None = None
    review_on: Day | None = None
    subjects: tuple[CaseSubjectEntry, ...] = ()
    assignments: tuple[AssignmentEntry, ...] = ()
    risks: tuple[RiskEntry, ...] = ()


class FactEntry(_Entity):
    """A circumstance that the register knows."""

    circumstance: Circumstance
    case: Key | None = None
    subject: Key | None = None
    agency: Key | None = None
    post: Key | None = None
    categories: tuple[Category, ...] = ()
    recorded_by: Key
    approved_by: Key | None = None
    reason: Words | None = None
    starts_on: Day
    ends_on: Day | None = None


class RegisterFile(_Entity):
    """The whole register of one partnership."""

    format: Literal[1]
    partnership: PartnershipEntry
    agencies: tuple[AgencyEntry, ...] = ()
    people: tuple[PersonEntry, ...] = ()
    arrangements: tuple[ArrangementEntry, ...] = ()
    subjects: tuple[SubjectEntry, ...] = ()
    cases: tuple[CaseEntry, ...] = ()
    facts: tuple[FactEntry, ...] = ()


@dataclass(frozen=True)
class Parsed:
    """A register file that has the right shape, with the line of everything in it."""

    register: RegisterFile
    values: Mapping[str, Any]
    lines: dict[Path, int]

    def problem(self, path: Path, message: str, remedy: str) -> Problem:
        """Give a problem at a path."""
        return Problem(line_of(self.lines, path), entity_at(self.values, path), message, remedy)


def parse(text: str, today: date) -> Parsed:
    """Give a register file's content; raise RegisterRefused with every problem of its shape, each with its line."""
    try:
        values, lines = read(text)
    except Invalid as error:
        raise RegisterRefused([_not_toml(error)]) from error
    try:
        register = RegisterFile.model_validate(values, context={"today": today})
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise RegisterRefused([_problem(values, lines, one) for one in found]) from error
    return Parsed(register, values, lines)


def entity_at(values: Mapping[str, Any], path: Path) -> str:
    """Give what stands at a path in words, such as "people p-101, posts p-101-om"."""
    said: list[str] = []
    here: Any = values
    for step in path:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
            said[-1] = f"{said[-1]} {_name_of(here, step)}"
        else:
            here = here.get(step) if isinstance(here, dict) else None
            said.append(step)
    return ", ".join(said) or "the file"


def _name_of(value: Any, index: int) -> str:
    for name in ("key", "code", "reference", "circumstance", "agency", "subject", "post"):
        if isinstance(value, dict) and isinstance(value.get(name), str):
            return str(value[name])
    return f"number {index + 1}"


def _not_toml(error: Invalid) -> Problem:
    where, message = next(iter(error.fields.items()))
    number = re.search(r"\d+", where)
    return Problem(
        int(number[0]) if number else 1, "the file", f"It isn't TOML: {message}.", "Correct this line."
    )


def _problem(values: Mapping[str, Any], lines: dict[Path, int], found: ErrorDetails) -> Problem:
    path: Path = tuple(found["loc"])
    message, remedy = _said(found, str(path[-1]) if path else "the file")
    return Problem(line_of(lines, path), entity_at(values, path), message, remedy)


def _said(found: ErrorDetails, name: str) -> tuple[str, str]:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "missing":
        return f"{name} is missing.", f"Add {name}."
    if kind == "extra_forbidden":
        return (
            f"{name} isn't known here.",
            "Remove it or correct its spelling; docs/registry.md lists what is known.",
        )
    if kind in {"enum", "literal_error"}:
        return f"{name} has a value that isn't known.", f"Use {context.get('expected', 'a known value')}."
    if kind.startswith("date"):
        return f"{name} isn't a date.", "Write a date as 2026-11-22, without quotation marks."
    if kind == "string_pattern_mismatch":
        return (
            f"{name} can't be written so.",
            "Use letters, digits, full stops, hyphens or underscores; no spaces.",
        )
    if kind == "string_too_short":
        return f"{name} is too short.", f"Use {context.get('min_length')} characters or more."
    if kind == "string_too_long":
        return f"{name} is too long.", f"Use {context.get('max_length')} characters or fewer."
    return f"{name}: {found['msg']}.", "Correct it; docs/registry.md says what is expected."
