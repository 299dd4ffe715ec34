"""The tables of sealing: recipients' public keys, and the parcels sealed to them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class KeyState(StrEnum):
    """Where a key stands; only an active one is sealed to."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    REVOKED = "revoked"
    EXPIRED = "expired"


class KeyPlace(StrEnum):
    """Which of a holder's keys it is: the browser's, the one kept only in the backup file, or a system's."""

    FIRST = "first"
    SPARE = "spare"
    SYSTEM = "system"


class ParcelState(StrEnum):
    """Whether a parcel may be handed over; destroyed is for ever."""

    SEALED = "sealed"
    FROZEN = "frozen"
    RECALLED = "recalled"
    DESTROYED = "destroyed"


class CopyOf(StrEnum):
    """Whose copy it is: the recipient's, or the releasing agency's own (DESIGN 6)."""

    RECIPIENT = "recipient"
    CONTROLLER = "controller"


class RecipientKey(Row, table=True):
    """One public key of a post or of an agency's system. A private key never reaches this table.

    `holder_number` is random and the same for all keys of one holder: it stands in the public ledger events,
    where a name may not.
    """

    __tablename__ = "recipient_key"
    agency_id: str = Field(index=True, max_length=32)
    post_id: str | None = Field(default=None, index=True, max_length=32)
    system: str | None = Field(
        default=None, description="short name of the agency's system, if no post holds it"
    )
    holder_number: str = Field(index=True)
    place: str
    kid: str = Field(unique=True)
    jwk: dict[str, str] = Field(sa_type=JSON)
    suite: str
    state: str = Field(default=KeyState.PENDING, index=True)
    author_post_id: str = Field(max_length=32)
    author_person_id: str = Field(max_length=32)
    challenge_digest: str | None = None
    challenge_ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    proved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    approved_by_post_id: str | None = Field(default=None, max_length=32)
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by_post_id: str | None = Field(default=None, max_length=32)
    ended_because: str | None = Field(
        default=None, description="a reason code: lost, stolen, left, replaced, mistake"
    )
    event_entry_id: str | None = Field(
        default=None, description="the ledger entry that made it active", max_length=32
    )


class Parcel(Row, table=True):
    """The content of one line, sealed to one recipient; `jwe` is sealed again under the parcel's own key at rest."""

    __tablename__ = "parcel"
    controller_agency_id: str = Field(index=True, max_length=32)
    request_id: str = Field(index=True, max_length=32)
    line_id: str = Field(index=True, max_length=32)
    release_id: str = Field(index=True, max_length=32)
    recipient_post_id: str | None = Field(default=None, index=True, max_length=32)
    recipient_system: str | None = Field(default=None, description="where an agency's system receives it")
    outside_recipient_id: str | None = Field(
        default=None, description="who it is for, where a delivering officer opens it", max_length=32
    )
    copy_of: str
    key_id: str = Field(foreign_key="recipient_key.id", index=True, max_length=32)
    kid: str = Field(index=True)
    bucket: int
    digest: str = Field(description="SHA-256 of the JWE, which the ledger's entry of the release commits to")
    jwe: bytes | None = None
    rests_on_consent: bool = False
    state: str = Field(default=ParcelState.SEALED, index=True)
    state_since: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    resealed_from_id: str | None = Field(default=None, foreign_key="parcel.id", max_length=32)
