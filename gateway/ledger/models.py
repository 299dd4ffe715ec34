"""The ledger's tables. Leaves, full tiles and checkpoints are only ever added to.

Leaves, tiles and checkpoints belong to the installation and say nothing about anyone, so they carry no
partnership; what says something (record, salt, words, links) is kept apart from them, because it can be
erased.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gateway.ledger.belt import GUARDS
from gateway.store.tables import UtcDateTime

__all__ = ["GUARDS"]

ACTIVATIONS = "kind IN ('policy.activated', 'policy.rolled_back')"


class LedgerRecord(SQLModel, table=True):
    """What an entry says: the committed record, its wrapped salt and its encrypted words.

    The columns beside `record` repeat what it holds so that it can be found; the check compares them with it.
    """

    __tablename__ = "ledger_record"
    __table_args__ = (
        Index("ix_ledger_record_controller_agency_id_at", "controller_agency_id", "at"),
        # Each decision asks for a partnership's latest activation; other entries don't pay for this index.
        Index(
            "ix_ledger_record_activation",
            "partnership_id",
            "at",
            sqlite_where=text(ACTIVATIONS),
            postgresql_where=text(ACTIVATIONS),
        ),
    )
    entry_id: str = Field(primary_key=True, max_length=32)
    partnership_id: str = Field(max_length=32)
    kind: str
    at: datetime = Field(sa_type=UtcDateTime)
    controller_agency_id: str = Field(max_length=32)
    actor_post_id: str | None = Field(default=None, max_length=32, index=True)
    actor_agency_id: str | None = Field(default=None, max_length=32)
    case_id: str | None = Field(default=None, max_length=32, index=True)
    request_id: str | None = Field(default=None, max_length=32, index=True)
    record: str
    salt: bytes | None = Field(
        default=None, sa_type=LargeBinary, description="sealed; none for a public entry"
    )
    words: bytes | None = Field(default=None, sa_type=LargeBinary, description="sealed reasons document")
    words_scope: str | None = None
    words_owner_id: str | None = Field(default=None, max_length=32)


class LedgerSubject(SQLModel, table=True):
    """Which persons an entry concerns, for finding; the record says the same."""

    __tablename__ = "ledger_subject"
    subject_id: str = Field(primary_key=True, max_length=32)
    entry_id: str = Field(primary_key=True, max_length=32, index=True)
    partnership_id: str = Field(max_length=32)


class LedgerLeaf(SQLModel, table=True):
    """An entry's place in the tree: never changed, never deleted."""

    __tablename__ = "ledger_leaf"
    __table_args__ = (UniqueConstraint("entry_id"),)
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    entry_id: str = Field(max_length=32)
    leaf: bytes = Field(sa_type=LargeBinary)


class LedgerTile(SQLModel, table=True):
    """A full tile of 256 hashes and the hash over it.

    Partial tiles are worked out from what lies below them.
    """

    __tablename__ = "ledger_tile"
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    place: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    hashes: bytes = Field(sa_type=LargeBinary)
    over: bytes = Field(sa_type=LargeBinary)


class LedgerCheckpoint(SQLModel, table=True):
    """What the log signed at one size: there is one for a size, ever."""

    __tablename__ = "ledger_checkpoint"
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    note: str
    at: datetime = Field(sa_type=UtcDateTime)


class LedgerPending(SQLModel, table=True):
    """The outbox on PostgreSQL: leaves that committed with their act and wait for their place in the tree."""

    __tablename__ = "ledger_pending"
    number: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    entry_id: str = Field(max_length=32, unique=True)
    leaf: bytes = Field(sa_type=LargeBinary)


class LedgerEpoch(SQLModel, table=True):
    """A life of the log: a new one begins, under a new key, when an older state was restored (DESIGN 7)."""

    __tablename__ = "ledger_epoch"
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    origin: str = Field(unique=True)
    begun_at: datetime = Field(sa_type=UtcDateTime)
    log_key: str = Field(description="the public key that signs, as a vkey")
    second_key: str = Field(description="the ML-DSA-44 key beside it, as a vkey; empty where there is none")


class LedgerErasure(SQLModel, table=True):
    """That an entry's record and salt were destroyed, and which entry says why."""

    __tablename__ = "ledger_erasure"
    entry_id: str = Field(primary_key=True, max_length=32)
    partnership_id: str = Field(max_length=32)
    by_entry_id: str = Field(max_length=32)
    at: datetime = Field(sa_type=UtcDateTime)


class LedgerHold(SQLModel, table=True):
    """An entry that may not be revealed yet: counted now, read by its reviewer, revealed later."""

    __tablename__ = "ledger_hold"
    entry_id: str = Field(primary_key=True, max_length=32)
    partnership_id: str = Field(max_length=32, index=True)
    by_entry_id: str = Field(max_length=32)
    reviewer_post_id: str = Field(max_length=32, index=True)
    review_on: date
    revealed_by_entry_id: str | None = Field(default=None, max_length=32)


class LedgerCosignature(SQLModel, table=True):
    """A witness's line under one checkpoint."""

    __tablename__ = "ledger_cosignature"
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    witness: str = Field(primary_key=True)
    line: str
    at: datetime = Field(sa_type=UtcDateTime, index=True)


class LedgerAlarm(SQLModel, table=True):
    """That a worker found the log damaged: nothing is released by any until it takes that back, or is gone."""

    __tablename__ = "ledger_alarm"
    worker: str = Field(primary_key=True, max_length=32)
    problem: str = Field(description="names entries by number and nothing personal")
    found_at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
