"""What travels: each body of the API, declared field by field."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from gateway.api.operations import Wire
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.content import Content
from gateway.disclosure.models import RequestKind
from gateway.errors import Invalid

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,47}$")]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


class TokenRequest(Wire):
    """A client assertion (RFC 7523) that buys a token."""

    client_assertion: Annotated[str, Field(max_length=8192)]


class Token(Wire):
    """A token for DPoP-bound use."""

    access_token: str
    token_type: str
    expires_in: int


class BasisIn(Wire):
    """The legal basis in its four parts."""

    powers: list[Code] = Field(min_length=1, max_length=10)
    dp_regime: Code
    dp_condition: Code
    confidence_basis: Code

    def basis(self) -> Basis:
        """The same as the flow takes it."""
        return Basis(tuple(self.powers), self.dp_regime, self.dp_condition, self.confidence_basis)


class RecipientIn(Wire):
    """A post, or someone outside with the officer who delivers."""

    post_id: Id | None = None
    agency_type: Code | None = None
    role: Annotated[str, Field(max_length=200)] | None = None
    described: Words | None = None
    delivering_post_id: Id | None = None

    def named(self) -> NamedRecipient:
        """The same as the flow takes it."""
        return NamedRecipient(**self.model_dump())


class RequestIn(Wire):
    """What is asked for or offered."""

    kind: RequestKind = RequestKind.ASK
    case_id: Id | None = None
    subject_ids: list[Id] = Field(default_factory=list, max_length=50)
    case_reference: Annotated[str, Field(max_length=2000)] | None = None
    person: Annotated[str, Field(max_length=2000)] | None = None
    holder_agency_id: Id
    categories: list[Code] = Field(min_length=1, max_length=40)
    purpose: Code
    basis: BasisIn
    why: Annotated[str, Field(min_length=1, max_length=500)]
    recipients: list[RecipientIn] = Field(min_length=1, max_length=10)
    needed_by: date | None = None
    declarations: dict[Code, Words] = Field(default_factory=dict)

    def asking(self) -> Asking:
        """The same as the flow takes it."""
        return Asking(
            kind=self.kind,
            case_id=self.case_id,
            subject_ids=tuple(self.subject_ids),
            case_reference=self.case_reference,
            person=self.person,
            holder_agency_id=self.holder_agency_id,
            categories=tuple(self.categories),
            purpose=self.purpose,
            basis=self.basis.basis(),
            why=self.why,
            recipients=tuple(one.named() for one in self.recipients),
            needed_by=self.needed_by,
            declarations=dict(self.declarations),
        )

    @classmethod
    def of(cls, asking: Asking) -> RequestIn:
        """A request as it was asked."""
        return cls(
            kind=asking.kind,
            case_id=asking.case_id,
            subject_ids=list(asking.subject_ids),
            case_reference=asking.case_reference,
            person=asking.person,
            holder_agency_id=asking.holder_agency_id,
            categories=list(asking.categories),
            purpose=asking.purpose,
            basis=BasisIn(
                powers=list(asking.basis.powers),
                dp_regime=asking.basis.dp_regime,
                dp_condition=asking.basis.dp_condition,
                confidence_basis=asking.basis.confidence_basis,
            ),
            why=asking.why,
            recipients=[RecipientIn(**asdict(one)) for one in asking.recipients],
            needed_by=asking.needed_by,
            declarations=dict(asking.declarations),
        )


class RequestChange(Wire):
    """What changes in a request: what isn't named is kept as it was asked, and null takes away what may be left out."""

    subject_ids: Annotated[list[Id], Field(max_length=50, default_factory=list)]
    case_reference: Annotated[str, Field(max_length=2000)] | None = None
    person: Annotated[str, Field(max_length=2000)] | None = None
    holder_agency_id: Annotated[Id, Field(default_factory=str)]
    categories: Annotated[list[Code], Field(min_length=1, max_length=40, default_factory=list)]
    purpose: Annotated[Code, Field(default_factory=str)]
    basis: Annotated[BasisIn, Field(default_factory=BasisIn.model_construct)]
    why: Annotated[str, Field(min_length=1, max_length=500, default_factory=str)]
    recipients: Annotated[list[RecipientIn], Field(min_length=1, max_length=10, default_factory=list)]
    needed_by: date | None = None
    declarations: Annotated[dict[Code, Words], Field(default_factory=dict)]

    def laid_over(self, asking: Asking) -> Asking:
        """The same request with these changes."""
        said: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for name in {"subject_ids", "categories"} & said.keys():
            said[name] = tuple(said[name])
        if "basis" in said:
            said["basis"] = self.basis.basis()
        if "recipients" in said:
            said["recipients"] = tuple(one.named() for one in self.recipients)
        return replace(asking, **said)


class OnwardIn(Wire):
    """Who should have what was received, and why; person, kind of information and holder are those of the parcel."""

    purpose: Code
    basis: BasisIn
    why: Annotated[str, Field(min_length=1, max_length=500)]
    recipients: list[RecipientIn] = Field(min_length=1, max_length=10)
    needed_by: date | None = None
    declarations: dict[Code, Words] = Field(default_factory=dict)

    def asking(self) -> Asking:
        """The same as the flow takes it; the flow fills in what the parcel decides."""
        return Asking(
            kind=RequestKind.ASK,
            holder_agency_id="",
            categories=(),
            purpose=self.purpose,
            basis=self.basis.basis(),
            why=self.why,
            recipients=tuple(one.named() for one in self.recipients),
            needed_by=self.needed_by,
            declarations=dict(self.declarations),
        )


class Received(Wire):
    """The reference; `decided` tells whether the decision may be read."""

    request_id: str
    reference: str
    decided: bool


class Obligation(Wire):
    """What goes with a line."""

    code: str
    kind: str
    owner: str | None
    days: int | None


class Line(Wire):
    """One subject, one kind of information, one recipient."""

    line_id: str
    subject_reference: str
    category: str
    recipient: str
    state: str
    outcome: str | None
    text: str
    alternative: str
    obligations: list[Obligation]
    refer_to: list[str]
    policy_version: str


class Summary(Wire):
    """A request in a list."""

    request_id: str
    reference: str
    kind: str
    state: str
    outcome: str | None
    purpose: str
    due_at: datetime
    overdue: bool


class PageOut(Wire):
    """Where this page stands in its list."""

    next_token: str = Field(description="the token of the next page; empty on the last")
    count: int = Field(description="how many are on this page")
    total: int = Field(description="how many are in the whole list now")


class Summaries(Wire):
    """A list of requests, a page of it."""

    requests: list[Summary]
    page: PageOut


class Detail(Wire):
    """A request with its lines."""

    request: Summary
    asked: RequestIn | None = Field(description="what was asked, for the post that asked it")
    lines: list[Line]
    may: list[str]


class SubjectOut(Wire):
    """A person a case is about, by reference."""

    subject_id: str
    reference: str
    role: str


class PostOut(Wire):
    """A post on a case."""

    post_id: str
    agency_id: str
    role: str


class CaseOut(Wire):
    """A case of this post, with its subjects and the posts on it."""

    case_id: str
    reference: str
    arrangement: str
    subjects: list[SubjectOut]
    posts: list[PostOut]


class CasesOut(Wire):
    """The cases of this post, a page of them."""

    cases: list[CaseOut]
    page: PageOut


class WordsIn(Wire):
    """Words from a person."""

    words: Words


class DeclineIn(Wire):
    """Why a line is declined."""

    reason_code: Code
    words: Words


class ReleaseIn(Wire):
    """The content of a line and what is said of it."""

    text: Annotated[str, Field(max_length=20_000)] | None = None
    filename: Annotated[str, Field(max_length=200)] | None = None
    data_base64: str | None = None
    data_as_of: date
    verified: bool
    fact_or_opinion: Code
    action: Annotated[str, Field(min_length=1, max_length=500)]
    accepts_findings: bool = False

    def content(self) -> Content:
        """The same as the flow takes it. Raises Invalid when the data isn't base64."""
        try:
            data = base64.b64decode(self.data_base64, validate=True) if self.data_base64 else None
        except binascii.Error as error:
            raise Invalid("The data isn't base64.", fields={"data_base64": "Send base64."}) from error
        return Content(self.text, self.filename, data)


class ReleasedOut(Wire):
    """A line that left, sealed."""

    release_id: str
    parcel_id: str


class ParcelOut(Wire):
    """Something sealed to this post."""

    parcel_id: str
    reference: str
    category: str
    state: str
    sealed_at: datetime
    expires_at: datetime
    opened: int


class ParcelsOut(Wire):
    """What was sealed to this post, a page of it."""

    parcels: list[ParcelOut]
    page: PageOut


class ConditionsOut(Wire):
    """What must be accepted before opening, and the key it is sealed to."""

    parcel: ParcelOut
    kid: str
    undertakings: list[str]
    accepted: bool
    data_as_of: date
    verified: bool


class OpenIn(Wire):
    """The conditions that are accepted, by code."""

    accepts: list[Code] = Field(default_factory=list, max_length=40)


class OpenedOut(Wire):
    """A recorded opening; collect the content with its id."""

    opening_id: str


class CollectedOut(Wire):
    """The sealed content with the log's proofs of its release and of this opening (C2SP tlog-proof).

    `cosigned` is the newest checkpoint that the log's witnesses signed, `cosigned_consistency` leads from it to the
    proofs' own; `begun` proves the first entries of lives of the log that a restore began, the newest first.
    """

    parcel_id: str
    jwe: str
    digest: str
    proofs: list[str]
    consistency: list[str]
    log_keys: list[str]
    cosigned: str
    cosigned_consistency: list[str]
    begun: list[str]
