"""The face's own two tables: browsers' sessions and failed attempts to sign in."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from gateway.store.tables import Row, UtcDateTime


class WebSession(SQLModel, table=True):
    """A browser's session under the SHA-256 of its cookie; `partnership_id` is empty until somebody signs in."""

    __tablename__ = "web_session"
    id: str = Field(primary_key=True, max_length=64)
    partnership_id: str = Field(default="", index=True, max_length=32)
    person_id: str | None = Field(default=None, index=True, max_length=32)
    post_id: str | None = Field(default=None, index=True, max_length=32)
    started: datetime = Field(sa_type=UtcDateTime)
    last_seen: datetime = Field(index=True, sa_type=UtcDateTime)
    data: str


class SignInAttempt(Row, table=True):
    """A failed sign-in, counted under a keyed token of where it came from, never under the address itself."""

    __tablename__ = "web_sign_in_attempt"
    source: str = Field(index=True)
    at: datetime = Field(index=True, sa_type=UtcDateTime)
