"""Tables of the policy's life: every version as it was written, drafts, signing keys, and what came into force when."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class DraftState(StrEnum):
    """Where a draft stands; only what was checked can be signed, only what was signed approved."""

    DRAFT = "draft"
    CHECKED = "checked"
    SIGNED = "signed"
    ACTIVATED = "activated"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Kind(StrEnum):
    """Why a version came into force; it says whose signatures it needs."""

    FOUNDING = "founding"  # the shipped rules, first of all: signed by the installation
    CHANGE = "change"  # author and second officer
    ROLLBACK = "rollback"  # an earlier version again: author and second officer
    TIGHTENING = "tightening"  # only takes away: the author alone, reviewed afterwards


class PolicyVersion(Row, table=True):
    """One policy as it was written: the files by name, and which packs are enabled; `version` is its SHA-256."""

    __tablename__ = "policy_version"
    __table_args__ = (UniqueConstraint("partnership_id", "version"),)
    version: str = Field(index=True)
    files: dict[str, str] = Field(sa_type=JSON)
    enabled: list[str] = Field(default_factory=list, sa_type=JSON)


class PolicySigner(Row, table=True):
    """A key that signs policies and restores: an officer's own; the installation's (no person) for the founding alone.

    The private half is sealed; `certificate` ties the public half to its person by a key that isn't in the database,
    so that a row written past the gateway is no signer.
    """

    __tablename__ = "policy_signer"
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True)
    kid: str = Field(unique=True)
    public: str = Field(description="Ed25519 public key, base64")
    private: bytes
    certificate: str
    waits_since: datetime | None = Field(
        default=None, sa_type=UtcDateTime, description="it was made then, and the log has no entry of it yet"
    )
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PolicyDraft(Row, table=True):
    """A change under way: the whole policy as it would be, against the activation it was drafted on."""

    __tablename__ = "policy_draft"
    author_post_id: str = Field(foreign_key="post.id", index=True)
    author_person_id: str = Field(foreign_key="person.id")
    title: str
    reason: str
    kind: str
    state: str = Field(index=True)
    files: dict[str, str] = Field(sa_type=JSON)
    enabled: list[str] = Field(default_factory=list, sa_type=JSON)
    base_sequence: int
    version: str | None = None
    activates_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    signed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    signature: dict[str, str] | None = Field(default=None, sa_type=JSON)
    answered_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer: str | None = None


class PolicyActivation(Row, table=True):
    """A version came or comes into force; the highest sequence whose time has come is the one that decides.

    `signatures` are over partnership, version, sequence, previous and activation time: {role, kid, signature}.
    """

    __tablename__ = "policy_activation"
    __table_args__ = (UniqueConstraint("partnership_id", "sequence"),)
    sequence: int
    version: str
    previous: str | None = None
    activates_at: datetime = Field(sa_type=UtcDateTime)
    kind: str
    reason: str
    draft_id: str | None = Field(default=None, foreign_key="policy_draft.id")
    signatures: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    review_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reviewed_by_post_id: str | None = Field(default=None, foreign_key="post.id")
