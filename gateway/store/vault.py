"""Encryption at rest: a root key wraps epoch keys, an epoch key wraps one key per subject, case or parcel."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.errors import Conflict, Erased, Invalid
from gateway.store.engine import array, straight
from gateway.store.matching import normalise
from gateway.store.root_keys import KEY_BYTES, NONCE_BYTES, RootKey
from gateway.store.tables import UtcDateTime, new_id

if TYPE_CHECKING:
    from gateway.store.unit_of_work import Unit

_VERSION = 1
_VERSION_BYTE = bytes([_VERSION])
_OF_PARTNERSHIPS = frozenset({"partnership", "salt"})


class Scope(StrEnum):
    """Whose key it is: destroying it makes everything sealed for that owner unreadable for ever."""

    PARTNERSHIP = "partnership"
    SUBJECT = "subject"
    CASE = "case"
    PARCEL = "parcel"
    SALT = "salt"


class VaultEpoch(SQLModel, table=True):
    """A period's key. Epochs belong to the installation, not to a partnership: they wrap, and open no data."""

    __tablename__ = "vault_epoch"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    number: int = Field(unique=True)
    root_name: str = Field(max_length=120)
    wrapped: bytes | None = Field(default=None)
    created_at: datetime = Field(sa_type=UtcDateTime, nullable=False)
    destroyed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class VaultKey(SQLModel, table=True):
    """One owner's wrapped key; empty once it is destroyed, and the row stays so that it can't come back."""

    __tablename__ = "vault_key"
    __table_args__ = (sa.UniqueConstraint("scope", "owner_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    partnership_id: str = Field(default="", index=True, max_length=32)
    scope: str = Field(max_length=16)
    owner_id: str = Field(max_length=64)
    epoch_id: str = Field(foreign_key="vault_epoch.id", index=True, max_length=32)
    wrapped: bytes | None = Field(default=None)
    created_at: datetime = Field(sa_type=UtcDateTime, nullable=False)
    destroyed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


# Keys are read for every act. PostgreSQL plans this once for a connection; planning costs more than running it.
GUARDS: dict[str, tuple[str, ...]] = {
    "postgresql": (
        """CREATE OR REPLACE FUNCTION vault_keys(scopes text[], owners text[])
        RETURNS TABLE (scope text, owner_id text, epoch_id text, wrapped bytea) LANGUAGE plpgsql STABLE
        SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
        #variable_conflict use_column
        BEGIN
          RETURN QUERY SELECT kept.scope::text, kept.owner_id::text, kept.epoch_id::text, kept.wrapped
            FROM unnest($1, $2) AS wanted (scope, owner_id)
            JOIN vault_key AS kept ON kept.scope = wanted.scope AND kept.owner_id = wanted.owner_id;
        END $$""",
    )
}
_KEYS = "SELECT scope, owner_id, epoch_id, wrapped FROM vault_keys(?, ?)"
# Only the act that makes a parcel knows its id. Of everything else several acts may be the first to need the key.
_OF_ONE_ACT = frozenset({"parcel"})


class _Wrapped(NamedTuple):
    scope: str
    owner_id: str
    epoch_id: str
    wrapped: bytes | None


class Vault:
    """Seals and opens what is personal, and makes the tokens by which people are matched.

    Give it the root key. Its methods work inside a unit of work's session; unwrapped owner keys live only as long as
    that session, unwrapped epoch keys as long as the process.
    """

    def __init__(self, root: RootKey) -> None:
        self._root = root
        self._epochs: dict[str, bytes] = {}
        self._token_key = lru_cache(maxsize=256)(self._derive_token_key)

    def seal(self, session: Session, scope: Scope, owner_id: str, text: str | bytes, *, where: str) -> bytes:
        """Give `text` under the owner's key with AES-256-GCM, bound to `where` (table, column and row).

        Makes the owner's key at first use. Raises Erased when that key was destroyed: an owner who was erased gets no
        new data.
        """
        cipher = self._cipher(session, scope, owner_id, create=True)
        data = text.encode() if isinstance(text, str) else text
        nonce = secrets.token_bytes(NONCE_BYTES)
        return _VERSION_BYTE + nonce + cipher.encrypt(nonce, data, _associated(where, scope, owner_id))

    def open(self, session: Session, scope: Scope, owner_id: str, sealed: bytes, *, where: str) -> str:
        """Give the text; raise Erased when its key was destroyed, Conflict when it isn't what was sealed there."""
        return self.open_bytes(session, scope, owner_id, sealed, where=where).decode()

    def open_bytes(
        self, session: Session, scope: Scope, owner_id: str, sealed: bytes, *, where: str
    ) -> bytes:
        """Give the bytes; raises as `open` does."""
        cipher = self._cipher(session, scope, owner_id, create=False)
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION_BYTE:
                raise InvalidTag
            return cipher.decrypt(nonce, body, _associated(where, scope, owner_id))
        except (InvalidTag, ValueError) as error:
            raise Conflict(
                "A stored value was altered or moved, so it can't be opened.",
                next_step="Tell the operator: the ledger shows what was stored.",
            ) from error

    def prepare(self, session: Session, owners: Iterable[tuple[Scope, str]]) -> None:
        """Fetch the keys of many owners in one statement, before much is opened or sealed under them.

        A key that was destroyed, or never made, is left to `open` and `seal`.
        """
        held = _held(session)
        missing = [owner for owner in dict.fromkeys(owners) if owner not in held]
        for row in _rows(session, missing) if missing else ():
            if row.wrapped is not None:
                held[row.scope, row.owner_id] = AESGCM(self._unwrap(session, row))

    def destroy(self, session: Session, scope: Scope, owner_id: str) -> None:
        """Destroy the owner's key for ever, also when it was never made; a second time changes nothing.

        One that was never made is made first, aside: who would seal with it meanwhile finds it, and doesn't wait. A
        copy lives on in backups until the epoch key that wrapped it is destroyed too. After the commit the freed bytes
        are scrubbed from the store's files.
        """
        if not _rows(session, [(scope, owner_id)]):
            self._made(session, scope, owner_id)
        session.execute(
            sa.update(VaultKey)
            .where(
                col(VaultKey.scope) == scope,
                col(VaultKey.owner_id) == owner_id,
                col(VaultKey.wrapped).is_not(None),
            )
            .values(wrapped=None, destroyed_at=session.info["now"])
            .execution_options(synchronize_session="fetch")
        )
        _held(session).pop((scope, owner_id), None)
        session.info["unit"].after_commit(_scrub)

    def place_new_keys(self, session: Session) -> None:
        """Write beside each key made in this session the partnership of its owner, when that was written in it too."""
        placed: dict[str, list[str]] = {}
        for owner_id in session.info.pop("vault_made", ()):
            partnership_id = session.info["partnership_of"].get(owner_id)
            if partnership_id:
                placed.setdefault(partnership_id, []).append(owner_id)
        for partnership_id, owners in placed.items():
            session.execute(
                sa.update(VaultKey)
                .where(col(VaultKey.owner_id).in_(owners), col(VaultKey.partnership_id) == "")
                .values(partnership_id=partnership_id)
                .execution_options(synchronize_session=False)
            )

    def is_destroyed(self, session: Session, scope: Scope, owner_id: str) -> bool:
        """Tell whether the owner's key was destroyed."""
        return any(row.wrapped is None for row in _rows(session, [(scope, owner_id)]))

    def token(self, kind: str, value: str, partnership_id: str) -> str:
        """Give the keyed matching token of `value` within one partnership: 64 hexadecimal digits.

        `kind` (such as "name", "date_of_birth", "nhs_number") says how the value is normalised and keeps kinds apart.
        Raises Invalid when nothing is left to match by.
        """
        normal = normalise(kind, value)
        return hmac.digest(
            self._token_key(partnership_id), f"{kind}\x1f{normal}".encode(), hashlib.sha256
        ).hex()

    def rotate(self, session: Session) -> int:
        """Begin a new epoch for keys made from now on; give its number. Old keys are moved by `rewrap`."""
        return self._new_epoch(session).number

    def rewrap(self, session: Session, *, limit: int = 1000) -> int:
        """Move up to `limit` owner keys into the newest epoch; give how many were moved (0: all are there)."""
        newest = self._newest_epoch(session)
        rows = session.exec(
            select(VaultKey)
            .where(col(VaultKey.epoch_id) != newest.id, col(VaultKey.wrapped).is_not(None))
            .limit(limit)
            .with_for_update()
        ).all()
        for row in rows:
            key = self._unwrap(session, row)
            row.epoch_id, row.wrapped = (
                newest.id,
                self._wrap(session, newest.id, key, row.scope, row.owner_id),
            )
            session.add(row)
        session.flush()
        return len(rows)

    def destroy_epoch(self, session: Session, number: int) -> None:
        """Destroy an old epoch's key, and with it every key that only a backup still holds.

        Raises Conflict for the newest epoch and while a living key still rests on it, Invalid for an unknown number.
        """
        epoch = session.exec(select(VaultEpoch).where(VaultEpoch.number == number).with_for_update()).first()
        if epoch is None:
            raise Invalid(f"There is no key epoch {number}.")
        living = select(VaultKey.id).where(VaultKey.epoch_id == epoch.id, col(VaultKey.wrapped).is_not(None))
        if epoch.id == self._newest_epoch(session).id or session.exec(living.limit(1)).first():
            raise Conflict(
                f"Key epoch {number} is still in use.",
                next_step="Begin a new epoch and move all keys to it first.",
            )
        epoch.wrapped, epoch.destroyed_at = None, epoch.destroyed_at or session.info["now"]
        session.add(epoch)
        session.flush()
        self._epochs.pop(epoch.id, None)
        session.info["unit"].after_commit(_scrub)

    def check(self, session: Session) -> None:
        """Raise Misconfigured when this root key doesn't open the newest epoch (used by /readyz and at start)."""
        epoch = session.exec(_newest()).first()
        if epoch is not None and epoch.wrapped is not None:
            self._root.unwrap(epoch.wrapped, _epoch_context(epoch.number))

    def _cipher(self, session: Session, scope: Scope, owner_id: str, *, create: bool) -> AESGCM:
        held, owner = _held(session), (scope, owner_id)
        if owner not in held:
            rows = _rows(session, [owner]) or (self._made(session, scope, owner_id) if create else [])
            if not rows or rows[0].wrapped is None:
                raise Erased("This was erased and can't be read again.")
            held[owner] = AESGCM(self._unwrap(session, rows[0]))
        return held[owner]

    def _made(self, session: Session, scope: Scope, owner_id: str) -> list[_Wrapped]:
        key = secrets.token_bytes(KEY_BYTES)
        with _aside(session, scope) as making:
            epoch = self._newest_epoch(making)
            wrapped = self._wrap(making, epoch.id, key, scope, owner_id)
            self._insert_if_absent(making, scope, owner_id, wrapped, epoch.id)
        session.info.setdefault("vault_made", []).append(owner_id)
        # Another worker may have made it in the same instant: what is stored is the key, not what was drawn here.
        return _rows(session, [(scope, owner_id)])

    def _insert_if_absent(
        self, session: Session, scope: Scope, owner_id: str, wrapped: bytes, epoch_id: str
    ) -> None:
        row = {
            "id": new_id(),
            "partnership_id": owner_id if scope in _OF_PARTNERSHIPS else "",
            "scope": scope.value,
            "owner_id": owner_id,
            "epoch_id": epoch_id,
            "wrapped": wrapped,
            "created_at": session.info["now"],
        }
        # Looked for first: an insert that meets a row which another act is destroying would wait for that act to end.
        there = sa.exists().where(col(VaultKey.scope) == scope, col(VaultKey.owner_id) == owner_id)
        types = SQLModel.metadata.tables["vault_key"].c
        given = sa.select(*(sa.literal(value, types[name].type) for name, value in row.items())).where(~there)
        insert = _insert(session)(VaultKey).from_select(list(row), given)
        session.execute(insert.on_conflict_do_nothing(index_elements=["scope", "owner_id"]))

    def _wrap(self, session: Session, epoch_id: str, key: bytes, scope: str, owner_id: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = AESGCM(self._epoch_key(session, epoch_id))
        return nonce + cipher.encrypt(nonce, key, _associated(epoch_id, scope, owner_id))

    def _unwrap(self, session: Session, row: Any) -> bytes:
        wrapped = row.wrapped or b""
        cipher = AESGCM(self._epoch_key(session, row.epoch_id))
        bound = _associated(row.epoch_id, row.scope, row.owner_id)
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError) as error:
            raise Conflict("A stored key was altered or moved, so nothing under it can be opened.") from error

    def _epoch_key(self, session: Session, epoch_id: str) -> bytes:
        if epoch_id not in self._epochs:
            epoch = session.get_one(VaultEpoch, epoch_id)
            if epoch.wrapped is None:
                raise Erased("The keys of that time were destroyed.")
            self._epochs[epoch_id] = self._root.unwrap(epoch.wrapped, _epoch_context(epoch.number))
        return self._epochs[epoch_id]

    def _newest_epoch(self, session: Session) -> VaultEpoch:
        return session.exec(_newest()).first() or self._new_epoch(session)

    def _new_epoch(self, session: Session) -> VaultEpoch:
        number = (session.exec(select(sa.func.max(VaultEpoch.number))).one() or 0) + 1
        wrapped = self._root.wrap(secrets.token_bytes(KEY_BYTES), _epoch_context(number))
        row = {
            "id": new_id(),
            "number": number,
            "root_name": self._root.name,
            "wrapped": wrapped,
            "created_at": session.info["now"],
        }
        insert = _insert(session)(VaultEpoch).values(row)
        session.execute(insert.on_conflict_do_nothing(index_elements=["number"]))
        session.info["vault_began_epoch"] = True
        return session.exec(_newest()).one()

    def _derive_token_key(self, partnership_id: str) -> bytes:
        return self._root.digest(b"matching tokens of partnership " + partnership_id.encode())


def _newest() -> SelectOfScalar[VaultEpoch]:
    return select(VaultEpoch).order_by(col(VaultEpoch.number).desc()).limit(1)


def _insert(session: Session) -> Any:
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert


@contextmanager
def _aside(session: Session, scope: Scope) -> Iterator[Session]:
    """Give the session in which a key is made: one of its own, committed at once, where another act may need the key.

    Else two acts that make the same keys in a different order would each wait for the other (PostgreSQL; on SQLite
    only one writes). A key that nothing was sealed with, because its act failed, is as good for the next.
    """
    store = session.info["unit"].store
    if store.dialect == "sqlite" or scope in _OF_ONE_ACT or session.info.get("vault_began_epoch"):
        yield session
        return
    with Session(store.aside) as other:
        other.info["now"] = session.info["now"]
        yield other
        other.commit()


def _held(session: Session) -> dict[tuple[str, str], AESGCM]:
    held: dict[tuple[str, str], AESGCM] = session.info.setdefault("vault_keys", {})
    return held


def _rows(session: Session, owners: Sequence[tuple[str, str]]) -> list[_Wrapped]:
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        scopes, ids = zip(*owners, strict=True)
        return list(map(_Wrapped._make, straight(connection, _KEYS, (array(scopes), array(ids)))))
    pairs = ", ".join(["(?, ?)"] * len(owners))
    wanted = f"SELECT scope, owner_id, epoch_id, wrapped FROM vault_key WHERE (scope, owner_id) IN (VALUES {pairs})"  # noqa: S608
    return list(map(_Wrapped._make, straight(connection, wanted, list(chain(*owners)))))


def _associated(where: str, scope: str, owner_id: str) -> bytes:
    # Each part with its length: no two different triples give the same bytes.
    return _measured(where) + _owned(str(scope), owner_id)


@lru_cache(maxsize=1024)
def _owned(scope: str, owner_id: str) -> bytes:
    return _measured(scope) + _measured(owner_id) + _measured(str(_VERSION))


def _measured(part: str) -> bytes:
    data = part.encode()
    return len(data).to_bytes(4, "big") + data


def _epoch_context(number: int) -> bytes:
    return f"disclosure-gateway epoch {number}".encode()


def _scrub(unit: "Unit") -> None:
    unit.store.scrub()
