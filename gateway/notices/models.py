"""The outbox of notices: who has something to read because of which entry, and whether the mail went out."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from gateway.store.tables import Row, UtcDateTime


class Cause(StrEnum):
    """Why a post has something to read: an entry, or that what it asks for is due, or late."""

    ENTRY = "entry"
    DUE = "due"
    LATE = "late"


class Notice(Row, table=True):
    """One post has something to read. What it is, about whom and from whom isn't said here."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("post_id", "entry_id", "cause"),)
    post_id: str = Field(foreign_key="post.id", index=True)
    entry_id: str = Field(index=True, max_length=32)
    cause: str = Field(default=Cause.ENTRY, description="a Cause")
    mailed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class NoticeCursor(Row, table=True):
    """How far a partnership's entries were read for notices, by place and not by time: none is skipped."""

    __tablename__ = "notice_cursor"
    __table_args__ = (UniqueConstraint("partnership_id", "epoch"),)
    epoch: int
    position: int = Field(sa_type=BigInteger)
