"""A concern raised about an entry and the answer that is owed; why an entry is held back; what waits for a second."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class ConcernKind(StrEnum):
    """What worries the person who raises it."""

    SHARED_TOO_MUCH = "shared_too_much"
    WRONG_PERSON = "wrong_person"
    TOLD_PERPETRATOR_OR_FAMILY = "told_perpetrator_or_family"
    NOT_AGREED = "not_agreed"
    INACCURATE = "inaccurate"
    UNSAFE = "unsafe"
    OTHER = "other"


class AnswerKind(StrEnum):
    """What the answering officer found."""

    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    NOT_UPHELD = "not_upheld"


class HoldGround(StrEnum):
    """Why it would be unlawful to reveal an entry yet."""

    TIPPING_OFF = "tipping_off"
    RISK_TO_SOMEBODY = "risk_to_somebody"
    COURT_ORDER = "court_order"


class ErasureGround(StrEnum):
    """Why what an entry says is to be erased."""

    COURT_ORDER = "court_order"
    WRONG_PERSON = "wrong_person"
    NO_LAWFUL_GROUND = "no_lawful_ground"


class ErasureState(StrEnum):
    """What became of an erasure that was asked for."""

    WAITING = "waiting"
    ERASED = "erased"
    REFUSED = "refused"


class EntryErasure(Row, table=True):
    """An erasure that one officer asked for and a second answers (promise 9).

    Its words are sealed under the key that the entry's own words lie under, and go once it is answered.
    """

    __tablename__ = "entry_erasure"
    entry_id: str = Field(index=True, max_length=32)
    controller_agency_id: str = Field(foreign_key="agency.id")
    state: str = Field(index=True, description="an ErasureState")
    ground: str = Field(description="an ErasureGround")
    words: bytes | None = None
    words_scope: str
    words_owner_id: str = Field(max_length=32)
    asked_by_post_id: str = Field(foreign_key="post.id")
    answered_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RestoreState(StrEnum):
    """What became of a restore that was declared; one that lapsed stays as it is."""

    WAITING = "waiting"
    AGREED = "agreed"
    REFUSED = "refused"
    CARRIED_OUT = "carried_out"


class RestoreDeclaration(Row, table=True):
    """A restore that one officer declares and a second agrees to, of one state of the log, each with a signature.

    While the log is stopped nothing can be recorded: `recorded_at` says when its acts were, in the log's new life.
    """

    __tablename__ = "restore_declaration"
    reference: str = Field(unique=True)
    state: str = Field(index=True, description="a RestoreState")
    former_origin: str
    former_key: str
    witnessed_size: int = Field(sa_type=BigInteger)
    witnessed_root: str
    held: int = Field(sa_type=BigInteger)
    number: int = Field(description="which life of the log would begin")
    reasons: bytes = Field(description="sealed: the salt of their digest and the words")
    reasons_digest: str
    declared_by_post_id: str = Field(foreign_key="post.id")
    declared_at: datetime = Field(sa_type=UtcDateTime)
    first_key: str
    first_signature: str
    agreed_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    agreed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    second_key: str | None = None
    second_signature: str | None = None
    refused_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    refused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recorded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Concern(Row, table=True):
    """A concern; its words, the way to reach her safely and the answer are sealed under her own key."""

    __tablename__ = "concern"
    __table_args__ = (UniqueConstraint("partnership_id", "reference"),)
    reference: str
    subject_id: str = Field(foreign_key="subject.id", index=True)
    about_entry_id: str = Field(index=True)
    controller_agency_id: str = Field(foreign_key="agency.id", index=True)
    raised_by_post_id: str = Field(foreign_key="post.id", index=True)
    kind: str
    words: bytes
    safe_contact: bytes | None = None
    act_before_asking: bool = False
    stopped_parcels: int = 0
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    answer_kind: str | None = Field(default=None, description="an AnswerKind")
    answer: bytes | None = None
