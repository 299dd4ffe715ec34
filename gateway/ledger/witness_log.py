"""A witness: remembers the last checkpoint it saw of each log, and cosigns only what continues it.

This is the whole program an agency or a charity runs (`gateway witness`): one key, one SQLite file, the protocol of
c2sp.org/tlog-witness. It knows nothing of the gateway's database and needs none of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify.checkpoint import Checkpoint, check_signature, cosign, cosigner_key, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import EMPTY_ROOT, MOST_PROOF_HASHES, is_contradiction, verify_consistency
from gateway_verify.note import Note, SignatureLine, VerifierKey, check_name, decode, encode, number

from gateway.errors import Misconfigured
from gateway.store.key_files import read_key_file, write_key_file

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
_MARK = "gateway-witness-1"
_TABLES = """
CREATE TABLE IF NOT EXISTS log (vkey TEXT PRIMARY KEY, origin TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
  origin TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS alarm (
  number INTEGER PRIMARY KEY, at TEXT NOT NULL, origin TEXT NOT NULL, what TEXT NOT NULL, had TEXT, got TEXT,
  UNIQUE (origin, what, got)
);
"""
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """What the witness says over HTTP."""

    status: int
    body: str
    content_type: str = TEXT


@dataclass(frozen=True)
class Alarm:
    """A log was caught showing two histories; both signed checkpoints are the proof."""

    at: str
    origin: str
    what: str
    had: str | None
    got: str | None


class _Refusal(Exception):
    def __init__(self, status: int, body: str = "", content_type: str = TEXT) -> None:
        self.answer = Answer(status, body, content_type)


class WitnessLog:
    """A witness's memory and keys, in a folder of its own."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the witness that `create` made. Raises Misconfigured when there is none."""
        self.name, self._first, self._second = _load(folder / "witness.key")
        self._path = folder / "witness.sqlite3"
        self._now = now
        with self._database() as database:
            database.executescript(_TABLES)

    def keys(self) -> tuple[VerifierKey, VerifierKey]:
        """Give the public keys, Ed25519 and ML-DSA-44, under which this witness cosigns."""
        return cosigner_key(self.name, self._first), cosigner_key(self.name, self._second)

    def trust(self, vkey: str) -> str:
        """Begin to watch the log with this public key; give its origin. Raises Unverified for what is no key."""
        key = VerifierKey.parse(vkey)
        with self._database() as database:
            database.execute("INSERT OR REPLACE INTO log VALUES (?, ?)", (str(key), key.name))
        return key.name

    def latest(self, origin_hash: str) -> str | None:
        """Give the last checkpoint cosigned of the log whose origin has this SHA-256 in hexadecimal digits."""
        with self._database() as database:
            row = database.execute("SELECT note FROM seen WHERE hash = ?", (origin_hash,)).fetchone()
        return row[0] if row else None

    def watched(self) -> list[str]:
        """Give the logs that are watched, in words: name, how many entries were cosigned, fingerprint of the key."""
        with self._database() as database:
            rows = database.execute(
                "SELECT log.vkey, log.origin, COALESCE(size, 0) FROM log LEFT JOIN seen USING (origin) ORDER BY 2, 1"
            )
            return [
                f"{origin}: {size} entries cosigned; fingerprint {VerifierKey.parse(vkey).fingerprint}"
                for vkey, origin, size in rows
            ]

    def alarms(self) -> list[Alarm]:
        """Give every alarm, the newest first."""
        with self._database() as database:
            rows = database.execute("SELECT at, origin, what, had, got FROM alarm ORDER BY number DESC")
            return [Alarm(*row) for row in rows]

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer an `add-checkpoint` request: cosignature lines, or why not (c2sp.org/tlog-witness)."""
        try:
            return self._add(body)
        except _Refusal as refusal:
            return refusal.answer

    def _add(self, body: bytes) -> Answer:
        old, proof, note, checkpoint = _read(body)
        signed = self._signed(note, checkpoint)
        if old > checkpoint.size:
            raise _Refusal(400, "the old size is larger than the checkpoint\n")
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            self._check_continues(database, old, proof, Note(note.text, signed), checkpoint)
            lines = self._cosign(checkpoint)
            kept = Note(note.text, (*signed, *lines))
            row = (
                checkpoint.origin,
                origin_hash(checkpoint.origin),
                checkpoint.size,
                checkpoint.root,
                str(kept),
            )
            database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", row)
        return Answer(200, "".join(str(line) for line in lines))

    def _signed(self, note: Note, checkpoint: Checkpoint) -> tuple[SignatureLine, ...]:
        """Give the log's lines that hold: they alone are kept, not what others claim to have signed."""
        with self._database() as database:
            rows = database.execute("SELECT vkey FROM log WHERE origin = ?", (checkpoint.origin,)).fetchall()
        if not rows:
            raise _Refusal(404, "this log is not watched here\n")
        keys = [VerifierKey.parse(vkey) for (vkey,) in rows]
        try:
            lines = [note.by(key) for key in keys if check_signature(note, key)]
        except Unverified as error:
            raise _Refusal(403, f"{error}\n") from error
        if not lines:
            raise _Refusal(403, "no known key of this log signed the checkpoint\n")
        return tuple(line for line in lines if line)

    def _check_continues(
        self, database: sqlite3.Connection, old: int, proof: list[bytes], note: Note, checkpoint: Checkpoint
    ) -> None:
        seen = database.execute(
            "SELECT size, root, note FROM seen WHERE origin = ?", (checkpoint.origin,)
        ).fetchone()
        size, root, had = seen or (0, EMPTY_ROOT, None)
        if checkpoint.size == size and checkpoint.root != root:
            self._shout(
                database, "two checkpoints of the same size with different roots", had, note, checkpoint
            )
            raise _Refusal(422 if old == size else 409, *_conflict(old, size))
        if old != size:
            raise _Refusal(409, f"{size}\n", SIZE)
        if size == 0:
            if proof or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
                raise _Refusal(422, "the first checkpoint needs no proof\n")
            return
        try:
            verify_consistency(size, checkpoint.size, proof, root, checkpoint.root)
        except Unverified as error:
            # Anyone may send a public checkpoint with a proof of his own making: that accuses nobody.
            if is_contradiction(size, checkpoint.size, proof, root, checkpoint.root):
                what = f"a checkpoint that does not continue the last one: {error}"
                self._shout(database, what, had, note, checkpoint)
            raise _Refusal(422, f"{error}\n") from error

    def _shout(
        self, database: sqlite3.Connection, what: str, had: str | None, got: Note, checkpoint: Checkpoint
    ) -> None:
        """Keep both signed checkpoints as proof and say it as loudly as a log line can."""
        at = self._now().isoformat()
        row = (at, checkpoint.origin, what, had, str(got))
        database.execute(
            "INSERT OR IGNORE INTO alarm (at, origin, what, had, got) VALUES (?, ?, ?, ?, ?)", row
        )
        database.execute("COMMIT")
        _logger.critical("witness_alarm", origin=checkpoint.origin, size=checkpoint.size, what=what)

    def _cosign(self, checkpoint: Checkpoint) -> tuple[SignatureLine, ...]:
        at = self._now()
        return tuple(cosign(checkpoint, self.name, key, at) for key in (self._first, self._second))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path, isolation_level=None, timeout=10)
        try:
            database.execute("PRAGMA synchronous = FULL")
            yield database
            if database.in_transaction:
                database.execute("COMMIT")
        finally:
            database.close()


def origin_hash(origin: str) -> str:
    """Give the name under which a witness serves a log's checkpoint."""
    return sha256(origin.encode()).hexdigest()


def create(folder: Path, name: str) -> None:
    """Make a witness with new keys in `folder`. Raises FileExistsError rather than replace one."""
    check_name(name)
    seeds = [key.generate().private_bytes_raw() for key in (Ed25519PrivateKey, MLDSA44PrivateKey)]
    write_key_file(folder / "witness.key", _MARK, name, *map(encode, seeds))


def _load(path: Path) -> tuple[str, Ed25519PrivateKey, MLDSA44PrivateKey]:
    text = read_key_file(path, "witness's key", "Make a witness with `gateway witness init`.")
    try:
        mark, name, *seeds = text.split()
        if mark != _MARK:
            raise Unverified("it is of another kind")
        first, second = map(decode, seeds)
        return name, Ed25519PrivateKey.from_private_bytes(first), MLDSA44PrivateKey.from_seed_bytes(second)
    except (ValueError, Unverified) as error:
        raise Misconfigured(
            f"The file {path} holds no witness's key.", next_step="Restore it from its backup."
        ) from error


def _read(body: bytes) -> tuple[int, list[bytes], Note, Checkpoint]:
    try:
        head, separator, rest = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        if not separator or not first.startswith("old "):
            raise Unverified("the first line must be the old size")
        size = number(first.removeprefix("old "), "the old size")
        if len(lines) > MOST_PROOF_HASHES:
            raise Unverified("the proof is longer than any honest one")
        note, checkpoint = read_checkpoint(rest)
        return size, [decode(line) for line in lines], note, checkpoint
    except (Unverified, UnicodeDecodeError) as error:
        raise _Refusal(400, f"{error}\n") from error


def _conflict(old: int, size: int) -> tuple[str, str]:
    if old == size:
        return "two histories of the same size have different roots\n", TEXT
    return f"{size}\n", SIZE
