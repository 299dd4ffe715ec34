"""The register's tables: who the partnership is, who works in it, which cases and people it holds.

Words about people are sealed under their own key; what remains in the clear is codes, dates and random ids.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class Face(StrEnum):
    """Which audience's pages a post opens."""

    STAFF = "staff"
    GOVERNANCE = "governance"
    ADVOCACY = "advocacy"


class WallKind(StrEnum):
    """Two lists, because naming who must never see is not the same as naming who alone may."""

    EXCLUDE = "exclude"
    ALLOW_ONLY = "allow_only"


class SubjectState(StrEnum):
    """Whether a record stands for somebody, points at another, or has been erased."""

    ACTIVE = "active"
    MERGED = "merged"
    ERASED = "erased"


class ChangeKind(StrEnum):
    """How the register of subjects is mended when two were one, one was two, or something was written wrongly."""

    MERGE = "merge"
    SPLIT = "split"
    CORRECT = "correct"


class ProposalKind(StrEnum):
    """What waits for its second person: a whole register file, or one agency's admission."""

    IMPORT = "import"
    ADMISSION = "admission"


class ProposalState(StrEnum):
    """Where a proposed change of the register stands; one that only tightened acted at once and is looked at after."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    TO_REVIEW = "to_review"
    REVIEWED = "reviewed"


class Partnership(Row, table=True):
    """The bodies that share one agreement. Its own id is its partnership id."""

    __tablename__ = "partnership"
    code: str = Field(unique=True)
    name: str
    nation: str = Field(description="jurisdiction code whose bank holidays and local days count")
    timezone: str = "Europe/London"


class Agency(Row, table=True):
    """A controller."""

    __tablename__ = "agency"
    __table_args__ = (UniqueConstraint("partnership_id", "code"),)
    code: str
    name: str
    agency_type: str
    answers_within_days: int = 5
    closed_on: date | None = None


class IdentityProvider(Row, table=True):
    """The one OIDC provider whose word the gateway takes for an agency's staff."""

    __tablename__ = "identity_provider"
    agency_id: str = Field(foreign_key="agency.id", index=True)
    issuer: str = Field(unique=True)
    client_id: str
    client_key_name: str = Field(description="names the private key in the key directory, never the key")
    required_acr: str | None = None


class Person(Row, table=True):
    """A member of staff; what the person may do comes from posts, never from here."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("partnership_id", "code"),)
    code: str | None = Field(default=None, description="the key of the register file")
    name: str
    contact: bytes | None = None
    trained_until: date | None = None
    vetted_until: date | None = None


class SignInIdentity(Row, table=True):
    """(issuer, sub), kept apart from the person so that a changed provider doesn't make a new one."""

    __tablename__ = "sign_in_identity"
    __table_args__ = (UniqueConstraint("issuer", "sub"),)
    person_id: str = Field(foreign_key="person.id", index=True)
    issuer: str
    sub: str


class Post(Row, table=True):
    """A person in an agency, in a role, between dates."""

    __tablename__ = "post"
    __table_args__ = (UniqueConstraint("partnership_id", "code"),)
    code: str | None = Field(default=None, description="the key of the register file")
    person_id: str = Field(foreign_key="person.id", index=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    role: str
    face: str
    orientation: str
    governs: bool = Field(default=False, description="an officer of the partnership, not of her agency alone")
    starts_on: date
    ends_on: date | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    off_duty_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    off_duty_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cover_post_id: str | None = Field(default=None, foreign_key="post.id")
    cover_asked_by_post_id: str | None = Field(default=None, foreign_key="post.id")


class PostAuthority(Row, table=True):
    """A role that may decide what no rule may, held by a post; it counts once a second person approved it."""

    __tablename__ = "post_authority"
    post_id: str = Field(foreign_key="post.id", index=True)
    role_code: str = Field(index=True)
    arrangement_id: str | None = Field(default=None, foreign_key="arrangement.id")
    starts_on: date
    ends_on: date | None = None
    granted_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    approved_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    lent_to_post_id: str | None = Field(
        default=None, foreign_key="post.id", description="the stand-in for whom a second person agreed"
    )
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Arrangement(Row, table=True):
    """MAPPA, MARAC and the like, in an area; without its local settings its rules aren't enabled."""

    __tablename__ = "arrangement"
    __table_args__ = (UniqueConstraint("partnership_id", "code"),)
    code: str
    kind: str
    name: str
    area: str
    jurisdiction: str
    protocol_reference: str | None = None
    chair_post_id: str | None = Field(default=None, foreign_key="post.id")
    retention_days: int | None = None
    dpia_reference: str | None = None
    review_on: date | None = None
    ends_on: date | None = None


class Membership(Row, table=True):
    """An agency's standing in one arrangement, with the authority it rests on and its dates."""

    __tablename__ = "membership"
    arrangement_id: str = Field(foreign_key="arrangement.id", index=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    standing: str
    authority: str
    area: str | None = None
    signatory: bool = True
    starts_on: date
    ends_on: date | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Case(Row, table=True):
    """A matter worked on in one arrangement; `reference` is the partnership's own and says nothing of anybody."""

    __tablename__ = "case"
    __table_args__ = (UniqueConstraint("partnership_id", "reference"),)
    arrangement_id: str = Field(foreign_key="arrangement.id", index=True)
    reference: str
    lead_agency_id: str | None = Field(default=None, foreign_key="agency.id")
    level: int | None = None
    category: int | None = None
    jurisdiction: str
    opened_on: date
    closed_on: date | None = None
    review_on: date | None = None


class CaseAssignment(Row, table=True):
    """A post that works the case: being on the case is a fact of the register, never a claim."""

    __tablename__ = "case_assignment"
    case_id: str = Field(foreign_key="case.id", index=True)
    post_id: str = Field(foreign_key="post.id", index=True)
    orientation: str | None = Field(default=None, description="where it differs from the post's own")
    starts_on: date
    ends_on: date | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Subject(Row, table=True):
    """A person the information is about; who that is, is sealed under the subject's own key."""

    __tablename__ = "subject"
    __table_args__ = (
        UniqueConstraint("partnership_id", "reference"),
        UniqueConstraint("partnership_id", "code"),
    )
    code: str | None = Field(
        default=None, description="the key of the register file; says nothing of the person"
    )
    reference: str
    controller_agency_id: str = Field(foreign_key="agency.id")
    identity: bytes | None = None
    capacity: str = "not_assessed"
    deceased_on: date | None = None
    state: str = SubjectState.ACTIVE
    merged_into_id: str | None = Field(default=None, foreign_key="subject.id")


class SubjectToken(Row, table=True):
    """One keyed, normalised identifier. A match takes two of these, or one national number."""

    __tablename__ = "subject_token"
    subject_id: str = Field(foreign_key="subject.id", index=True)
    kind: str = Field(index=True)
    token: str = Field(index=True)


class SubjectChange(Row, table=True):
    """A merge, split or correction: the wrong person is the commonest breach, so it can be mended and is kept.

    It counts once a second person approved it; until then `proposal` waits, sealed under the subject's key.
    """

    __tablename__ = "subject_change"
    kind: str
    from_subject_id: str = Field(foreign_key="subject.id", index=True)
    to_subject_id: str | None = Field(default=None, foreign_key="subject.id", index=True)
    made_by_post_id: str = Field(foreign_key="post.id")
    approved_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: bytes
    proposal: bytes | None = Field(default=None, description="the identity as it would be")
    case_ids: list[str] = Field(default_factory=list, sa_type=JSON, description="cases that go with a split")


class CaseSubject(Row, table=True):
    """A subject's role in one case; the same person may be victim in one and perpetrator in another."""

    __tablename__ = "case_subject"
    __table_args__ = (UniqueConstraint("case_id", "subject_id"),)
    case_id: str = Field(foreign_key="case.id", index=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    role: str
    role_disputed: bool = False
    starts_on: date
    ends_on: date | None = None


class SafeContact(Row, table=True):
    """The only way to reach someone who may be watched; once withdrawn it is never used again."""

    __tablename__ = "safe_contact"
    subject_id: str = Field(foreign_key="subject.id", index=True)
    controller_agency_id: str = Field(foreign_key="agency.id")
    details: bytes
    confirmed_on: date
    confirmed_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RiskRating(Row, table=True):
    """An assessment of risk; the newest counts."""

    __tablename__ = "risk_rating"
    case_id: str = Field(foreign_key="case.id", index=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    controller_agency_id: str = Field(foreign_key="agency.id")
    level: str
    tool: str
    dash_ticks: int | None = None
    basis: str
    assessed_on: date
    assessed_by_post_id: str = Field(foreign_key="post.id")


class RegisteredFact(Row, table=True):
    """A circumstance the gateway knows because someone recorded it, for as long as it holds.

    Whichever of case, subject, agency and post are set must all match for the fact to apply. One that loosens
    counts once a second person approved it; ending one that tightens is asked by one and done by another (promise 9).
    """

    __tablename__ = "registered_fact"
    circumstance: str = Field(index=True)
    case_id: str | None = Field(default=None, foreign_key="case.id", index=True)
    subject_id: str | None = Field(default=None, foreign_key="subject.id", index=True)
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    post_id: str | None = Field(default=None, foreign_key="post.id", index=True)
    categories: list[str] = Field(default_factory=list, sa_type=JSON)
    recorded_by_post_id: str = Field(foreign_key="post.id")
    approved_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    end_asked_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    ended_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    reason: bytes | None = None
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Wall(Row, table=True):
    """Who must never see this person's information (exclude), or who alone may (allow only)."""

    __tablename__ = "wall"
    subject_id: str = Field(foreign_key="subject.id", index=True)
    kind: str
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True)
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    described: bytes | None = Field(default=None, description="someone with no account, in words")
    reason: bytes | None = None
    placed_by_post_id: str = Field(foreign_key="post.id")
    counts_from: datetime | None = Field(
        default=None, sa_type=UtcDateTime, description="empty while an addition to an allow-only list waits"
    )
    review_by: date = Field(description="a wall stands at once and is looked at afterwards")
    reviewed_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lift_reason: bytes | None = None
    lift_asked_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    lifted_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RegisterProposal(Row, table=True):
    """A change of the register that waits for its second person, with the difference it makes in words (promise 9).

    Both are sealed, because they name people, and are destroyed once it is answered; digest, dates and posts stay.
    """

    __tablename__ = "register_proposal"
    kind: str
    state: str = Field(index=True)
    digest: str = Field(description="SHA-256 of the content, as the operator can work it out from the file")
    rows: int = Field(description="how many rows it changes")
    content: bytes | None = None
    difference: bytes | None = None
    proposed_by_post_id: str | None = Field(
        default=None, foreign_key="post.id", description="empty: the operator"
    )
    first_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    answered_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
