"""The log's identity while it runs: its name, the keys it signs with, and the right edge of its tree."""

from __future__ import annotations

import base64
import binascii
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Condition
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify.checkpoint import Checkpoint, cosigner_key
from gateway_verify.errors import Unverified
from gateway_verify.note import SignatureLine, SignatureType, VerifierKey
from gateway_verify.policy import Policy, parse_policy

from gateway.errors import Misconfigured, NotConfirmed
from gateway.ledger.tree import Edge
from gateway.settings import Settings
from gateway.store.unit_of_work import Store, Unit

_MARK = "gateway-ledger-1"
_SEED = 32
_OWNER_ONLY = 0o600
_attached: WeakKeyDictionary[Store, Journal] = WeakKeyDictionary()


@dataclass(frozen=True)
class LogKeys:
    """The private keys of a log: Ed25519 for every checkpoint, ML-DSA-44 for the line beside it."""

    first: Ed25519PrivateKey
    second: MLDSA44PrivateKey

    def public(self, origin: str) -> tuple[VerifierKey, VerifierKey]:
        """Give the public halves under the log's name."""
        first = VerifierKey(origin, SignatureType.ED25519, self.first.public_key().public_bytes_raw())
        return first, cosigner_key(origin, self.second)


def create_log_keys(path: Path) -> None:
    """Write new log keys to a file of mode 0600. Raises FileExistsError rather than replace one.

    There is no escrow: when the key is lost a new epoch begins, whose first entry is the old log's last
    checkpoint.
    """
    first, second = Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()
    seeds = [base64.b64encode(key.private_bytes_raw()).decode() for key in (first, second)]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write("\n".join([_MARK, *seeds]) + "\n")
        file.flush()
        os.fsync(file.fileno())


def load_log_keys(path: Path) -> LogKeys:
    """Read log keys. Raises Misconfigured when the file is missing, readable by others, or holds none."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        mark, *seeds = path.read_text(encoding="ascii").split()
        first, second = (base64.b64decode(seed, validate=True) for seed in seeds)
    except (OSError, ValueError, binascii.Error) as error:
        raise Misconfigured(
            f"The ledger's key file {path} can't be read.",
            next_step="Run `gateway init`, or name the file that belongs to this ledger.",
        ) from error
    if mode & 0o077:
        raise Misconfigured(
            f"The ledger's key file {path} can be read by others.",
            next_step=f"Run `chmod 600 {path}` and start again.",
        )
    if mark != _MARK or len(first) != _SEED or len(second) != _SEED:
        raise Misconfigured(
            f"The file {path} holds no ledger keys.", next_step="Restore it from its own backup."
        )
    return LogKeys(Ed25519PrivateKey.from_private_bytes(first), MLDSA44PrivateKey.from_seed_bytes(second))


class Turn:
    """Whose turn it is in this process to give leaves their places (PostgreSQL), and what its threads wait for."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._is_taken = False
        self._waiting: dict[str, bool] = {}

    def wait_for(self, entry_ids: Iterable[str]) -> None:
        """Note that a thread waits for these."""
        with self._changed:
            self._waiting.update(dict.fromkeys(entry_ids, False))

    def taken(self, entry_ids: Collection[str], deadline: float) -> bool:
        """Wait until these are placed (gives False) or the turn is the caller's (True; it must `pass_on`).

        Raises NotConfirmed when neither comes before the deadline on the monotonic clock.
        """
        with self._changed:
            while not all(self._waiting[entry_id] for entry_id in entry_ids):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise NotConfirmed
                if not self._is_taken:
                    self._is_taken = True
                    return True
                self._changed.wait(left)
        return False

    def pass_on(self) -> None:
        """Give the turn to whoever still waits."""
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()

    def waiting(self) -> list[str]:
        """Give what is waited for and not known to be placed."""
        with self._changed:
            return [entry_id for entry_id, placed in self._waiting.items() if not placed]

    def remember(self, entry_ids: Iterable[str]) -> None:
        """Note which of those waited for have their places."""
        with self._changed:
            self._waiting.update((entry_id, True) for entry_id in entry_ids if entry_id in self._waiting)

    def forget(self, entry_ids: Iterable[str]) -> None:
        """Note that nobody waits for these any more."""
        with self._changed:
            for entry_id in entry_ids:
                self._waiting.pop(entry_id, None)


class Journal:
    """What recording needs besides the database; one to a process, attached to its store.

    `policy` names the witnesses; without one the installation has none, which production doesn't allow.
    """

    def __init__(
        self,
        origin: str,
        keys: LogKeys,
        *,
        policy: Policy | None = None,
        lag: timedelta = timedelta(hours=4),
        patience: float = 10.0,
    ) -> None:
        self.origin = origin
        self.keys = keys
        self.policy = policy
        self.lag = lag
        self.patience = patience
        self.stopped: str | None = None
        self.turn = Turn()
        self._edge: Edge | None = None
        self._vkeys: dict[str, str] = {}
        self._second: tuple[Checkpoint, SignatureLine] | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Journal:
        """Give the journal of an installation.

        Raises Misconfigured when its key or witness policy can't be read.
        """
        chosen = settings.ledger
        return cls(
            chosen.origin,
            load_log_keys(settings.keys.ledger_key_file),
            policy=read_policy(chosen.witnesses) if chosen.witnesses else None,
            lag=chosen.witness_lag,
            patience=chosen.sequencer_wait_seconds,
        )

    def attach(self, store: Store) -> Journal:
        """Make this the journal of everything recorded through `store`."""
        _attached[store] = self
        return self

    def vkey(self, origin: str) -> str:
        """Give the log's public Ed25519 key under a name, as a vkey."""
        if origin not in self._vkeys:
            self._vkeys[origin] = str(self.keys.public(origin)[0])
        return self._vkeys[origin]

    def edge(self) -> Edge | None:
        """Give the last right edge this process knew; whoever uses it checks it against the stored root."""
        return self._edge

    def second_line(self, checkpoint: Checkpoint, make: Callable[[], SignatureLine]) -> SignatureLine:
        """Give the ML-DSA-44 line under a checkpoint, made once for as long as that checkpoint is the one asked for."""
        kept = self._second
        if kept is None or kept[0] != checkpoint:
            kept = self._second = (checkpoint, make())
        return kept[1]

    def remember(self, edge: Edge) -> None:
        """Keep the right edge of a tree that was committed."""
        self._edge = edge


def read_policy(path: Path) -> Policy:
    """Read a witness policy file. Raises Misconfigured naming what is wrong with it."""
    try:
        return parse_policy(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, Unverified) as error:
        raise Misconfigured(
            f"The witness policy {path} can't be used: {error}.", next_step="See docs/ledger.md, “Witnesses”."
        ) from error


def journal_of(unit: Unit) -> Journal:
    """Give the journal attached to this unit's store. Raises NotConfirmed when none is."""
    journal = _attached.get(unit.store)
    if journal is None:
        raise NotConfirmed("The ledger is not ready, so nothing can be recorded.")
    return journal


def open_journal(unit: Unit) -> Journal:
    """Give the journal to record in. Raises NotConfirmed when there is none, and when it was stopped."""
    journal = journal_of(unit)
    if journal.stopped:
        raise NotConfirmed(
            f"The ledger takes no entries: {journal.stopped}.", next_step="Tell the operator at once."
        )
    return journal
