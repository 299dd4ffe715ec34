"""What every table shares: random ids, the partnership it belongs to, and times that can't be misread."""

import secrets
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from gateway.clock import require_utc

# Constraints need stable names, or a migration can't find them again on either store.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# No vowels, so no words by accident; and nothing that is read out as something else: 0 and O, 1, I and L,
# and the letters that look like 5, 2 and 8 are left out.
REFERENCE_ALPHABET = "CDFGHJKMNPQRTVWXY2346789"
REFERENCE_LENGTH = 8


def new_id() -> str:
    """Give 128 random bits as 32 hexadecimal digits: an id says nothing about its row (promise 7)."""
    return secrets.token_hex(16)


def new_reference() -> str:
    """Give a short random reference for people to read out, such as "K7Q2-M4XD" (36 bits; unique per table)."""
    drawn = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(REFERENCE_LENGTH))
    return f"{drawn[:4]}-{drawn[4:]}"


class UtcDateTime(TypeDecorator[datetime]):
    """A column of instants: aware in, aware UTC out, the same on both stores; a naive time raises ValueError."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Give `timestamptz` on PostgreSQL and plain UTC text on SQLite, which knows no zones."""
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give what is stored for `value`."""
        if value is None:
            return None
        at = require_utc(value)
        return at if dialect.name == "postgresql" else at.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Compare as instants, so that a naive time is refused in queries too."""
        return self


class Row(SQLModel):
    """The columns of every table: a random id, the partnership whose row it is, and when it was made.

    `created_at` is filled from the unit of work's `now` when the row is first written.
    """

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    partnership_id: str = Field(index=True, max_length=32)
    created_at: datetime = Field(default=None, sa_type=UtcDateTime, nullable=False)
