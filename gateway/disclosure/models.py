"""Tables of the flow: requests and lines, decisions and authorisations, what left, was opened and passed on."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class RequestKind(StrEnum):
    """Asked for, or offered by the holder."""

    ASK = "ask"
    OFFER = "offer"


class RequestState(StrEnum):
    """Where the whole request stands; what happens to each kind of information is the line's state."""

    RECEIVED = "received"  # nobody on the case asked: the same answer to all (DESIGN 3.8)
    OPEN = "open"
    NEEDS_MORE = "needs_more"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class LineState(StrEnum):
    """Where one line stands."""

    REFERRED = "referred"
    TO_RELEASE = "to_release"
    RELEASED = "released"
    DECLINED = "declined"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Draft(Row, table=True):
    """Answers given so far in a form, sealed; saved at each step so that a timeout loses one page."""

    __tablename__ = "draft"
    post_id: str = Field(foreign_key="post.id", index=True)
    kind: str
    answers: bytes
    updated_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class Request(Row, table=True):
    """One request or offer: who, of whom, for what and by what right; its words are sealed."""

    __tablename__ = "request"
    __table_args__ = (UniqueConstraint("partnership_id", "reference"),)
    reference: str
    kind: str
    state: str = Field(index=True)
    arrangement_id: str | None = Field(default=None, foreign_key="arrangement.id", index=True)
    case_id: str | None = Field(default=None, foreign_key="case.id", index=True)
    requester_post_id: str = Field(foreign_key="post.id", index=True)
    requester_agency_id: str = Field(foreign_key="agency.id", index=True)
    holder_agency_id: str = Field(foreign_key="agency.id", index=True)
    holder_post_id: str | None = Field(default=None, foreign_key="post.id")
    purpose: str
    powers: list[str] = Field(default_factory=list, sa_type=JSON)
    dp_regime: str
    dp_condition: str
    confidence_basis: str
    categories: list[str] = Field(default_factory=list, sa_type=JSON)
    person: bytes | None = Field(
        default=None, description="who is meant, in the words of someone not on the case"
    )
    why: bytes = Field(description="sealed under the case's key, or the partnership's where no case is known")
    urgent: bool = False
    needed_by: date | None = None
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    outcome: str | None = None
    policy_version: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    onward_of_parcel_id: str | None = Field(default=None, foreign_key="parcel.id")
    replaces_request_id: str | None = Field(default=None, foreign_key="request.id")
    chased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    escalated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def from_outside(self) -> bool:
        """Whether someone not on the case made it: what the holder makes of it never shows to them (DESIGN 3.8)."""
        return self.person is not None


class RequestRecipient(Row, table=True):
    """A named recipient: a post, or someone outside served by a delivering officer."""

    __tablename__ = "request_recipient"
    request_id: str = Field(foreign_key="request.id", index=True)
    post_id: str | None = Field(default=None, foreign_key="post.id")
    agency_type: str
    role: str
    described: bytes | None = Field(default=None, description="who, where the recipient has no account")
    delivering_post_id: str | None = Field(default=None, foreign_key="post.id")


class Line(Row, table=True):
    """One subject, one data category, one recipient."""

    __tablename__ = "line"
    request_id: str = Field(foreign_key="request.id", index=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    category: str
    recipient_id: str = Field(foreign_key="request_recipient.id", index=True)
    controller_agency_id: str = Field(foreign_key="agency.id", index=True)
    state: str = Field(index=True)
    refer_to: list[str] = Field(default_factory=list, sa_type=JSON)
    refer_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    latest_decision_id: str | None = None


class LineDecision(Row, table=True):
    """One evaluation of one line: facts as codes, the policy that judged them, and why (DESIGN 3.10)."""

    __tablename__ = "line_decision"
    request_id: str = Field(foreign_key="request.id", index=True)
    line_id: str = Field(foreign_key="line.id", index=True)
    at_step: str = Field(description="asked, authorised, releasing, opening, again")
    policy_version: str
    outcome: str
    stage: str | None = None
    reason_code: str
    deciding_rule_id: str | None = None
    may_lift: list[str] = Field(default_factory=list, sa_type=JSON)
    rule_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    obligations: list[dict[str, object]] = Field(default_factory=list, sa_type=JSON)
    refer_to: list[str] = Field(default_factory=list, sa_type=JSON)
    facts: dict[str, object] = Field(default_factory=dict, sa_type=JSON)
    requester_text: str
    officer_text: str
    alternative: str = ""


class Declaration(Row, table=True):
    """A circumstance a named person asserts, in words; one that loosens never comes from the requester (DESIGN 3.3)."""

    __tablename__ = "declaration"
    request_id: str = Field(foreign_key="request.id", index=True)
    circumstance: str
    declared_by_post_id: str = Field(foreign_key="post.id")
    words: bytes


class Authorisation(Row, table=True):
    """A person's decision on a referred line: a dated fact that lifts the rule that referred it."""

    __tablename__ = "authorisation"
    request_id: str = Field(foreign_key="request.id", index=True)
    line_id: str = Field(foreign_key="line.id", index=True)
    role_code: str
    given_by_post_id: str = Field(foreign_key="post.id")
    seconded_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    seconded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    needs_second: bool = False
    grants: bool
    lifts: list[str] = Field(default_factory=list, sa_type=JSON)
    reasons: bytes
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Release(Row, table=True):
    """The holder's act: an answer to a line was sealed to its recipient.

    That nothing is held is an answer like any other, sealed alike, so the row doesn't tell which it was.
    """

    __tablename__ = "release"
    request_id: str = Field(foreign_key="request.id", index=True)
    line_id: str = Field(foreign_key="line.id", index=True)
    released_by_post_id: str = Field(foreign_key="post.id")
    data_as_of: date
    verified: bool
    fact_or_opinion: str
    action: bytes | None = Field(default=None, description="the action this share supports, in words")
    entry_id: str | None = Field(default=None, index=True)
    retain_until: date


class Undertaking(Row, table=True):
    """A recipient's acceptance of an obligation."""

    __tablename__ = "undertaking"
    line_id: str = Field(foreign_key="line.id", index=True)
    post_id: str = Field(foreign_key="post.id")
    obligations: list[str] = Field(default_factory=list, sa_type=JSON)


class Task(Row, table=True):
    """An obligation or review that a person must do by a date."""

    __tablename__ = "task"
    request_id: str | None = Field(default=None, foreign_key="request.id", index=True)
    line_id: str | None = Field(default=None, foreign_key="line.id")
    kind: str = Field(description="an obligation code, or emergency_review, wall_review, reconfirm")
    owner_agency_id: str = Field(foreign_key="agency.id", index=True)
    owner_post_id: str | None = Field(default=None, foreign_key="post.id")
    not_post_id: str | None = Field(default=None, foreign_key="post.id", description="who may not do it")
    due_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    outcome: bytes | None = None


class Opening(Row, table=True):
    """A recipient opened a parcel, or a delivering officer handed it over."""

    __tablename__ = "opening"
    parcel_id: str = Field(foreign_key="parcel.id", index=True)
    line_id: str = Field(foreign_key="line.id", index=True)
    post_id: str = Field(foreign_key="post.id")
    entry_id: str | None = None
    delivered_in_person: bool = False


class Message(Row, table=True):
    """What the holder still needs to know, and the answer."""

    __tablename__ = "message"
    request_id: str = Field(foreign_key="request.id", index=True)
    from_post_id: str = Field(foreign_key="post.id")
    words: bytes


class Recall(Row, table=True):
    """A signed notice to those who hold copies that they may no longer use them."""

    __tablename__ = "recall"
    subject_id: str = Field(foreign_key="subject.id", index=True)
    parcel_id: str = Field(foreign_key="parcel.id", index=True)
    reason: str
    asked_by_post_id: str = Field(foreign_key="post.id")
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Approach(Row, table=True):
    """What went round the gateway: a relative who asked, or something said aloud. Recording must be easy."""

    __tablename__ = "approach"
    kind: str = Field(description="approach or spoken")
    case_id: str | None = Field(default=None, foreign_key="case.id", index=True)
    subject_id: str | None = Field(default=None, foreign_key="subject.id", index=True)
    categories: list[str] = Field(default_factory=list, sa_type=JSON)
    recorded_by_post_id: str = Field(foreign_key="post.id")
    happened_at: datetime = Field(sa_type=UtcDateTime)
    words: bytes
    told: bool = Field(description="whether anything was disclosed")


class IdempotentAnswer(Row, table=True):
    """What an idempotency key was answered, so that 'not confirmed' can be asked again (DESIGN 3.1)."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (UniqueConstraint("post_id", "key"),)
    post_id: str = Field(foreign_key="post.id")
    key: str
    request_digest: str
    result_kind: str
    result_id: str
    expires_at: datetime = Field(sa_type=UtcDateTime)
