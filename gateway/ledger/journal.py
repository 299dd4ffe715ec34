"""The log's identity while it runs: its name, the keys it signs with, and the right edge of its tree."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from weakref import WeakKeyDictionary

from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import SignatureLine
from gateway_verify.policy import Policy, parse_policy

from gateway.errors import Misconfigured, NotConfirmed
from gateway.ledger.log_keys import LogKeys, open_log_keys
from gateway.ledger.tree import Edge
from gateway.settings import Environment, Settings
from gateway.store.unit_of_work import Store, Unit

_EVERYWHERE_SECONDS = 1.0
_OUT_OF_ORDER = 1000
_attached: WeakKeyDictionary[Store, Journal] = WeakKeyDictionary()


@dataclass(frozen=True)
class Grown:
    """What a transaction made of the tree: its right edge, and what was signed over it."""

    edge: Edge
    note: str
    checkpoint: Checkpoint


class Waiter:
    """One thread that waits until its entries have their places."""

    def __init__(self, entry_ids: Iterable[str]) -> None:
        self.left = set(entry_ids)
        self.woken = Event()


class Turn:
    """Whose turn it is in this process to give leaves their places (PostgreSQL), and what its threads wait for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_taken = False
        self._waiting: dict[str, Waiter] = {}
        self._highest = 0
        self._looked_everywhere = -_EVERYWHERE_SECONDS

    @contextmanager
    def waiting_for(self, entry_ids: Sequence[str]) -> Iterator[Waiter]:
        """Note that a thread waits for these; gives by what it waits."""
        waiter = Waiter(entry_ids)
        with self._lock:
            self._waiting.update(dict.fromkeys(entry_ids, waiter))
        try:
            yield waiter
        finally:
            with self._lock:
                for entry_id in entry_ids:
                    self._waiting.pop(entry_id, None)
            self._wake_another()

    def taken(self, waiter: Waiter, deadline: float) -> bool:
        """Wait until the waiter's entries are placed (gives False) or the turn is its own (True; it must `pass_on`).

        Raises NotConfirmed when neither comes before the deadline on the monotonic clock.
        """
        while True:
            with self._lock:
                if not waiter.left:
                    return False
                seconds = deadline - time.monotonic()
                if seconds <= 0:
                    raise NotConfirmed
                if not self._is_taken:
                    self._is_taken = True
                    return True
                waiter.woken.clear()
            waiter.woken.wait(seconds)

    def pass_on(self) -> None:
        """Give the turn to whoever still waits."""
        self._is_taken = False
        self._wake_another()

    def _wake_another(self) -> None:
        with self._lock:
            waiter = next(iter(self._waiting.values()), None)
            if waiter is not None and not self._is_taken:
                waiter.woken.set()

    def waiting(self) -> list[str]:
        """Give what is waited for and not known to be placed."""
        with self._lock:
            return list(self._waiting)

    def remember(self, entry_ids: Iterable[str]) -> None:
        """Note which of those waited for have their places, and wake who has nothing left to wait for."""
        with self._lock:
            for entry_id in entry_ids:
                waiter = self._waiting.pop(entry_id, None)
                if waiter is None:
                    continue
                waiter.left.discard(entry_id)
                if not waiter.left:
                    waiter.woken.set()

    def after(self) -> int:
        """Give after which number of the outbox to look.

        What lies long before the highest number seen was placed, and its dead rows take time to pass over. An act may
        commit later than many with higher numbers, so every so often all of it is looked at.
        """
        if time.monotonic() - self._looked_everywhere < _EVERYWHERE_SECONDS:
            return max(self._highest - _OUT_OF_ORDER, 0)
        self._looked_everywhere = time.monotonic()
        return 0

    def look_everywhere(self) -> None:
        """Look at all of the outbox next: something that waits wasn't found."""
        self._looked_everywhere = -_EVERYWHERE_SECONDS

    def saw(self, number: int) -> None:
        """Note a number that was taken from the outbox."""
        self._highest = max(self._highest, number)


class Journal:
    """What recording needs besides the database; one to a process, attached to its store.

    `policy` names the witnesses; without one the installation has none, which production doesn't allow. The log is
    checked as a whole at least `check_every`, and at every question up to `small` entries. While it is `stopped`
    nothing is recorded; once a check found it `damaged` nothing is released.
    """

    def __init__(
        self,
        origin: str,
        keys: LogKeys,
        *,
        policy: Policy | None = None,
        lag: timedelta = timedelta(hours=4),
        patience: float = 10.0,
        check_every: timedelta = timedelta(minutes=10),
        small: int = 3000,
    ) -> None:
        self.origin = origin
        self.keys = keys
        self.policy = policy
        self.lag = lag
        self.patience = patience
        self.check_every = check_every
        self.small = small
        self.stopped: str | None = None
        self.stopped_at: datetime | None = None
        self.damaged: str | None = None
        self.turn = Turn()
        self._edge: Edge | None = None
        self._vkeys: dict[str, tuple[str, bytes]] = {}
        self._newest: Grown | None = None
        self._second: tuple[Checkpoint, SignatureLine] | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Journal:
        """Give the journal of an installation.

        Raises Misconfigured when its key or witness policy can't be read, and in production when the policy asks for no
        witness or for more of them than it gives addresses of.
        """
        chosen = settings.ledger
        policy = read_policy(chosen.witnesses) if chosen.witnesses else None
        if settings.env is Environment.PRODUCTION:
            check_watched(policy)
        return cls(
            chosen.origin,
            open_log_keys(settings),
            policy=policy,
            lag=chosen.witness_lag,
            patience=chosen.sequencer_wait_seconds,
            check_every=timedelta(minutes=chosen.whole_check_minutes),
        )

    @property
    def watched_by(self) -> Policy | None:
        """The policy where it asks for witnesses, else None: nobody has to sign."""
        return self.policy if self.policy and self.policy.quorum != "none" else None

    def attach(self, store: Store) -> Journal:
        """Make this the journal of everything recorded through `store`."""
        _attached[store] = self
        return self

    def vkey(self, origin: str) -> str:
        """Give the log's public Ed25519 key under a name, as a vkey."""
        return self._key(origin)[0]

    def sign(self, checkpoint: Checkpoint) -> SignatureLine:
        """Give the log's Ed25519 signature."""
        key_id = self._key(checkpoint.origin)[1]
        signature = self.keys.sign(checkpoint.origin, checkpoint.text.encode())
        return SignatureLine(checkpoint.origin, key_id, signature)

    def checkpoint_of(self, note: str) -> Checkpoint:
        """Give what a stored note says; the one last written here isn't read again."""
        newest = self._newest
        if newest is not None and newest.note == note:
            return newest.checkpoint
        return read_checkpoint(note)[1]

    def _key(self, origin: str) -> tuple[str, bytes]:
        if origin not in self._vkeys:
            key = self.keys.public(origin)[0]
            self._vkeys[origin] = str(key), key.key_id
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

    def remember(self, grown: Grown) -> None:
        """Keep what was made of the tree by a transaction that has committed."""
        self._edge = grown.edge
        self._newest = grown


def read_policy(path: Path) -> Policy:
    """Read a witness policy file. Raises Misconfigured naming what is wrong with it."""
    try:
        return parse_policy(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, Unverified) as error:
        raise Misconfigured(
            f"The witness policy {path} can't be used: {error}.", next_step="See docs/ledger.md, “Witnesses”."
        ) from error


def check_watched(policy: Policy | None) -> None:
    """Raise Misconfigured unless the policy asks for witnesses and can reach enough of them."""
    if policy is None or policy.quorum == "none":
        raise Misconfigured(
            "The witness policy asks for no witness: nobody watches the ledger.",
            next_step="Name witnesses and a quorum of them: docs/ledger.md, “Witnesses”.",
        )
    if not policy.met_by([one.name for one in policy.witnesses.values() if one.url]):
        raise Misconfigured(
            "The witness policy gives too few addresses: its quorum can never be reached.",
            next_step="Give each witness's address at the end of its line.",
        )


def journal_of(unit: Unit) -> Journal:
    """Give the journal attached to this unit's store. Raises NotConfirmed when none is."""
    return journal_at(unit.store)


def journal_at(store: Store) -> Journal:
    """Give the journal attached to a store. Raises NotConfirmed when none is."""
    journal = _attached.get(store)
    if journal is None:
        raise NotConfirmed("The ledger is not ready, so nothing can be recorded.")
    return journal


def open_journal(unit: Unit) -> Journal:
    """Give the journal to record in. Raises NotConfirmed when there is none, and when it was stopped."""
    journal = journal_of(unit)
    check_open(journal)
    return journal


def check_open(journal: Journal) -> None:
    """Raise NotConfirmed when the journal was stopped."""
    if journal.stopped:
        raise NotConfirmed(
            f"The ledger takes no entries: {journal.stopped}.", next_step="Tell the operator at once."
        )
