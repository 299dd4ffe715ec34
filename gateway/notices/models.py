"""The outbox of notices: who has something to read because of which entry, and whether the mail went out."""

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.store.tables import Row, UtcDateTime


class Notice(Row, table=True):
    """One post has something to read. What it is, about whom and from whom isn't said here."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("post_id", "entry_id"),)
    post_id: str = Field(foreign_key="post.id", index=True)
    entry_id: str = Field(index=True, max_length=32)
    mailed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class NoticeCursor(SQLModel, table=True):
    """How far the ledger was read for notices in each of its lives, by place and not by time: none is skipped."""

    __tablename__ = "notice_cursor"
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(sa_type=BigInteger)
