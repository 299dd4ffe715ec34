"""Tables of the policy's life: the text of every version that was ever active, and when each became so."""

from datetime import datetime

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class PolicyVersion(Row, table=True):
    """One policy as it was written: the files by name, and which packs are enabled; `version` is its SHA-256."""

    __tablename__ = "policy_version"
    __table_args__ = (UniqueConstraint("partnership_id", "version"),)
    version: str = Field(index=True)
    files: dict[str, str] = Field(sa_type=JSON)
    enabled: list[str] = Field(default_factory=list, sa_type=JSON)


class PolicyActivation(Row, table=True):
    """A version became active; the highest sequence of a partnership is the one that decides."""

    __tablename__ = "policy_activation"
    __table_args__ = (UniqueConstraint("partnership_id", "sequence"),)
    sequence: int
    version: str
    previous: str | None = None
    activates_at: datetime = Field(sa_type=UtcDateTime)
    reason: str
