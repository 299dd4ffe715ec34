"""What the person said (views), what she agreed to where that is the ground (consent), and who reads for her."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.store.tables import Row, UtcDateTime


class Wish(StrEnum):
    """What the person said she wants, when she was asked. Not answering is `unsure`, never `agrees`."""

    AGREES = "agrees"
    OBJECTS = "objects"
    UNSURE = "unsure"
    NOT_ABLE = "not_able"


class Answer(StrEnum):
    """What was said when consent was asked for; `requested` is a question still without an answer."""

    GIVEN = "given"
    REFUSED = "refused"
    UNABLE = "unable"
    NOT_SOUGHT = "not_sought"
    REQUESTED = "requested"


class HowTaken(StrEnum):
    """How the person was asked."""

    FACE_TO_FACE = "face_to_face"
    PHONE = "phone"
    VIDEO = "video"
    IN_WRITING = "in_writing"
    BY_HERSELF = "by_herself"


class Present(StrEnum):
    """Who else was there."""

    ADVOCATE = "advocate"
    PROFESSIONAL = "professional"
    SUPPORTER = "supporter"
    CHILD = "child"
    PERPETRATOR_OR_RELATIVE = "perpetrator_or_relative"


class Interpreter(StrEnum):
    """Who interpreted. A relative who interprets speaks for himself: such an answer doesn't count as free."""

    NONE = "none"
    PROFESSIONAL = "professional"
    RELATIVE = "relative"


class Heard(SQLModel):
    """How, when, by whom and in whose company the person was asked, and what her answer reaches.

    `wording_version` and `wording_sha256` name the exact text she was shown or read.
    """

    purposes: list[str] = Field(default_factory=list, sa_type=JSON)
    categories: list[str] = Field(default_factory=list, sa_type=JSON)
    agency_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    how_taken: str
    alone: bool | None = None
    present: list[str] = Field(default_factory=list, sa_type=JSON)
    interpreter: str = Interpreter.NONE
    language: str = "en"
    taken_by_post_id: str = Field(foreign_key="post.id")
    taken_at: datetime = Field(sa_type=UtcDateTime)
    wording_version: str
    wording_sha256: str
    expires_on: date | None = Field(default=None, description="counts until the end of this local day")


class Views(Row, Heard, table=True):
    """What the subject wants, sought and heard. Weighed in every decision, never a switch (DESIGN 5).

    An empty list in the reach means any.
    """

    __tablename__ = "views"
    subject_id: str = Field(foreign_key="subject.id", index=True)
    case_id: str | None = Field(default=None, foreign_key="case.id", index=True)
    controller_agency_id: str = Field(foreign_key="agency.id")
    wish: str = Field(description="a Wish")
    words: bytes | None = None


class Consent(Row, Heard, table=True):
    """Consent within UK GDPR art 4(11): its state is computed whenever it is asked for, never read as stored.

    Consent is specific, so in a `given` row an empty list reaches nothing; in every other row it means any.
    """

    __tablename__ = "consent"
    subject_id: str = Field(foreign_key="subject.id", index=True)
    case_id: str | None = Field(default=None, foreign_key="case.id", index=True)
    controller_agency_id: str = Field(foreign_key="agency.id")
    answer: str = Field(description="an Answer")
    under_duress: bool = False
    words: bytes | None = None
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by_subject: bool | None = None
    withdrawn_by_post_id: str | None = Field(default=None, foreign_key="post.id")


class Mandate(Row, table=True):
    """The subject's authority to an advocate to read her log; a second agency confirms it before it counts.

    An empty `case_ids` means every case.
    """

    __tablename__ = "mandate"
    __table_args__ = (UniqueConstraint("partnership_id", "reference"),)
    reference: str
    subject_id: str = Field(foreign_key="subject.id", index=True)
    advocate_post_id: str = Field(foreign_key="post.id", index=True)
    advocate_agency_id: str = Field(foreign_key="agency.id")
    controller_agency_id: str = Field(foreign_key="agency.id")
    case_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    how_given: str = Field(description="a HowTaken")
    alone: bool | None = None
    wording_version: str
    wording_sha256: str
    given_on: date
    expires_on: date
    recorded_by_post_id: str = Field(foreign_key="post.id")
    recorded_agency_id: str = Field(foreign_key="agency.id")
    confirmed_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    confirmed_agency_id: str | None = Field(default=None, foreign_key="agency.id")
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_by_post_id: str | None = Field(default=None, foreign_key="post.id")
