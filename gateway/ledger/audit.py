"""What this process may say of its ledger at any moment, however long that is, and the check of the whole behind it.

A small log is checked whole each time somebody asks. Of a larger one what concerns a person is checked each time, and
what was added since the whole was last checked; the whole is checked again and again in the background. Each process
knows only what it has checked itself since it started.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import Event, Lock, Thread
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import structlog
from gateway_verify.errors import Unverified
from gateway_verify.merkle import Node, inclusion_proof, leaf_hash, verify_inclusion
from sqlmodel import SQLModel

from gateway.ledger.alarm import damage, raise_alarm, take_back
from gateway.ledger.journal import journal_at
from gateway.ledger.lag import moment
from gateway.ledger.life import Life, Tally
from gateway.ledger.rows import Rows
from gateway.ledger.tree import stored_root, stored_tree
from gateway.ledger.verify import Verdict, Whole, check_at_once, erased_in_words, verdict_of
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Store, Unit

_LEAF, _SUBJECT, _PENDING, _ERASURE = (
    SQLModel.metadata.tables[f"ledger_{name}"] for name in ("leaf", "subject", "pending", "erasure")
)
_MOST_NEW = 1024  # so many of the newest are checked while somebody waits for the answer
# The background check works a quarter of the time. A lower priority for its thread would do the opposite of what is
# meant: others would wait for the interpreter's lock while it waits for a processor.
_REST = 3.0
_AGAIN = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Known:
    """A whole check that found nothing wrong, and when it began."""

    whole: Whole
    at: datetime


class Audit:
    """What one process knows of the ledger in one store."""

    def __init__(self) -> None:
        self.wanted = Event()
        self._worker = new_id()
        self._found_at: datetime | None = None
        self._known: _Known | None = None
        self._lock = Lock()

    def verdict(self, store: Store, subject_ids: Collection[str] = ()) -> Verdict:
        """Say whether the ledger verifies; what concerns these persons is checked now, however long the log is."""
        journal = journal_at(store)
        with store.reading() as unit:
            with self._lock:  # the snapshot begins in here, so it is never older than what is known
                begun = Whole()
                stored, known = begun.stored(unit), self._known
            if stored <= journal.small:
                whole = check_at_once(unit)
                _compare(unit, known, whole)
                self._learn(whole, unit.now)
                said, complete = None, True
            else:
                whole = _newest_checked(unit, known) if known else begun
                hers = _check_hers(unit, whole, subject_ids)
                said, complete = _in_words(known, whole, stored, hers), whole.entries == stored
            if not journal.damaged and (whole.tally.problems or (known and not complete)):
                self.wanted.set()
            return verdict_of(unit, whole, said, complete=complete, damage=damage(unit))

    def check_whole(self, store: Store, rest: float = 0.0) -> Sequence[str]:
        """Check the whole ledger in short steps, resting after each for `rest` times as long as it took.

        Gives what is wrong. If anything is, every answer says so from then on, of this process and of all others on
        this store, and nothing is released, until a later check of this process finds nothing wrong.
        """
        self.wanted.clear()
        at = store.clock.now()
        whole = Whole()
        whole.check(lambda: _step(store, rest))
        with self._lock, store.reading() as unit:
            whole.end(unit)
            _compare(unit, self._known, whole)
            if not whole.tally.problems:
                self._known = _Known(whole, at)
        if whole.tally.problems:
            self._alarm(store, whole, at)
        else:
            self._mended(store, whole)
        return tuple(whole.tally.problems)

    def _alarm(self, store: Store, whole: Whole, at: datetime) -> None:
        journal = journal_at(store)
        if self._found_at is None:
            self._found_at = at
            _log.critical("ledger_damaged", code="whole_check", size=whole.entries, count=whole.tally.count)
        journal.damaged = f"{whole.tally.problems[0]} (found at {moment(self._found_at)})"
        every = max(journal.check_every, store.clock.now() - at)
        raise_alarm(store, self._worker, journal.damaged, self._found_at, every)

    def _mended(self, store: Store, whole: Whole) -> None:
        if self._found_at is not None:
            self._found_at = journal_at(store).damaged = None
            _log.warning("ledger_mended", size=whole.entries)
        take_back(store, self._worker)

    def _learn(self, whole: Whole, at: datetime) -> None:
        with self._lock:
            if not whole.tally.problems and (self._known is None or self._known.at <= at):
                self._known = _Known(whole, at)


_audits: WeakKeyDictionary[Store, Audit] = WeakKeyDictionary()


def audit_of(store: Store) -> Audit:
    """Give what this process knows of the ledger in a store."""
    return _audits.setdefault(store, Audit())


@contextmanager
def _step(store: Store, rest: float) -> Iterator[Unit]:
    start = time.monotonic()
    with store.reading() as unit:
        yield unit
    if rest:
        time.sleep(rest * (time.monotonic() - start))


def _compare(unit: Unit, known: _Known | None, whole: Whole) -> None:
    """Find out whether the tree goes on from the one that this process knew before."""
    now = {life.number: life for life in whole.lives}
    for before in known.whole.lives if known else ():
        life = now.get(before.number)
        if life is None or life.size < before.size:
            _missing(whole.tally, life.size if life else 0, before.size)
        elif before.size and _root(unit, life, before.size) != before.root():
            whole.tally.wrong(f"the first {before.size} entries are not those that were checked before")


def _missing(tally: Tally, left: int, known: int) -> None:
    tally.wrong(f"entries {left + 1} to {known} are missing from the end")


def _root(unit: Unit, life: Life, size: int) -> bytes | None:
    try:
        return stored_root(unit.session.connection(), life.number, size)
    except Unverified:
        return None


def _newest_checked(unit: Unit, known: _Known) -> Whole:
    """Go on from what is known: check what was added since, if it isn't too much, up to the newest checkpoints."""
    whole = known.whole.copy()
    for life in whole.lives:
        stored = life.stored(unit)
        if stored < life.size:
            _missing(whole.tally, stored, life.size)
    while whole.entries - known.whole.entries < _MOST_NEW:
        if whole.advance(unit) == 0:
            whole.check_ends(unit)
            break
    return whole


def _check_hers(unit: Unit, whole: Whole, subject_ids: Collection[str]) -> int:
    """Check every entry filed under these persons, and its place under the newest checkpoint; give how many.

    Those that were known to be about them and are no longer filed so are checked as well.
    """
    hers = Rows.about(unit, subject_ids)
    lost = whole.about(subject_ids) - hers.entry_ids
    leaves: list[Any] = []
    for rows in (hers, *_read_again(unit, lost, whole.tally)):
        rows.prepare_keys(unit)
        for leaf in rows.leaves:
            for problem in rows.problems(unit, leaf):
                whole.tally.wrong(f"entry {leaf.position + 1} {problem}")
        leaves += rows.leaves
    for life in whole.lives:
        _check_places(unit, life, [leaf for leaf in leaves if leaf.epoch == life.number], whole.tally)
    if _unplaced(unit, _SUBJECT, _SUBJECT.c.subject_id.in_(subject_ids)):
        whole.tally.wrong("an entry about this person has no place in the log")
    return len(hers.leaves)


def _read_again(unit: Unit, lost: Collection[str], tally: Tally) -> Sequence[Rows]:
    """Read what was about somebody when it was checked and is filed so no more, with the decisions that erased it."""
    gone = list(Rows.named(unit, lost))
    if sum(len(rows.leaves) for rows in gone) < len(lost):
        tally.wrong("an entry about this person has lost its place in the log")
    decisions = {erasure.by_entry_id for rows in gone for erasure in rows.erasures.values()}
    if decisions and _unplaced(unit, _ERASURE, _ERASURE.c.by_entry_id.in_(decisions), "by_entry_id"):
        tally.wrong("what erased an entry about this person has no place in the log")
    return [*gone, *Rows.named(unit, decisions)]


def _unplaced(unit: Unit, table: sa.Table, which: sa.ColumnElement[bool], name: str = "entry_id") -> bool:
    """Tell whether any of these rows belongs to an entry that is neither in the log nor waits for its place in it."""
    entry_id = table.c[name]
    nowhere = (~sa.exists().where(place.c.entry_id == entry_id) for place in (_LEAF, _PENDING))
    found = sa.select(sa.literal(1)).select_from(table).where(which, *nowhere)
    return unit.session.execute(found.limit(1)).scalar() is not None


def _check_places(unit: Unit, life: Life, leaves: Sequence[Any], tally: Tally) -> None:
    newest = life.newest(unit)
    if newest is None:
        if leaves:
            tally.wrong("there is no checkpoint over the log")
        return
    try:
        root = life.check_signed(newest, life.root() if newest.size == life.size else None)
    except Unverified as error:
        tally.wrong(f"the checkpoint over {newest.size} entries does not hold: {error}")
        return
    tree = stored_tree(unit.session.connection(), life.number, newest.size)
    node = cache(tree.node)
    for leaf in leaves:
        if life.size == newest.size:  # the tree whose root was signed is the one that was checked
            placed = life.hash_at(leaf.position) == leaf_hash(leaf.leaf)
        else:
            placed = _is_included(leaf, tree.size, node, root)
        if not placed:
            tally.wrong(f"entry {leaf.position + 1} is not in the tree whose root was signed")


def _is_included(leaf: Any, size: int, node: Node, root: bytes) -> bool:
    try:
        path = inclusion_proof(leaf.position, size, node)
        verify_inclusion(leaf.position, size, leaf_hash(leaf.leaf), path, root)
    except (Unverified, ValueError):
        return False
    return True


def _in_words(known: _Known | None, whole: Whole, stored: int, hers: int) -> str:
    if known is None:
        return (
            f"{_hers(hers)}Whether the whole log of {stored:,} entries verifies is not known yet"
            f"{', nor whether another one is missing' if hers else ''}: its check has not ended."
        )
    size = known.whole.entries
    added, left = whole.entries - size, stored - whole.entries
    now = [f"those about your client ({hers:,})"] if hers else []
    now += [f"those added since ({added:,})"] if added else []
    just = " and ".join(now)
    return (
        f"{'All' if left else 'The log verifies: all'} {size:,} entries were as they were recorded when they were"
        f" checked at {moment(known.at)}.{erased_in_words(known.whole)}"
        + (f" {just[0].upper()}{just[1:]} were checked just now." if just else "")
        + (f" {left:,} newer ones have not been checked yet." if left else "")
    )


def _hers(count: int) -> str:
    if not count:
        return ""
    if count == 1:
        return "The one entry about your client was checked just now and is as it was recorded. "
    return f"The {count:,} entries about your client were checked just now and are as they were recorded. "


class Checks:
    """Checks the whole ledger in the background of a process, again and again, one check at a time."""

    def __init__(self, store: Store) -> None:
        self._store, self._audit = store, audit_of(store)
        self._ended = Event()
        self._thread = Thread(target=self._run, name="ledger-check", daemon=True)

    def start(self) -> Checks:
        """Begin with the first check."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End after the check that is under way."""
        self._ended.set()
        self._audit.wanted.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._audit.check_whole(self._store, _REST)
            except Exception:  # noqa: BLE001 - the next round tries again; pages say when the last one succeeded
                _log.exception("whole_check_failed")
            self._audit.wanted.wait(self.pause().total_seconds())

    def pause(self) -> timedelta:
        """Give how long to wait for the next check: what is damaged is looked at again soon."""
        journal = journal_at(self._store)
        return min(journal.check_every, _AGAIN) if journal.damaged else journal.check_every
