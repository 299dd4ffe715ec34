"""The gateway's own check of its ledger: every stored row is worked out again from the record to the signature.

It tells that a row was edited. It cannot tell that the whole database was replaced by an older or a different
one that is whole in itself: only a checkpoint kept elsewhere shows that (`gateway-verify --since`; and the witnesses,
of whom it repeats what they last said).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from gateway_verify.checkpoint import check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import Note, parse_signatures
from gateway_verify.opening import parse_object
from gateway_verify.policy import Policy
from gateway_verify.restore import begun
from sqlmodel import SQLModel, col

from gateway.errors import NotConfirmed
from gateway.ledger.entries import EntryKind, rfc3339
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.lag import in_words, moment
from gateway.ledger.life import ABOUT_HOLDS, Life, Tally
from gateway.ledger.lives import first_leaf, lives
from gateway.ledger.models import LedgerEpoch
from gateway.ledger.rows import entry_problems
from gateway.ledger.witness import disputed
from gateway.store.unit_of_work import Unit

_LEAF, _RECORD, _SUBJECT, _TILE, _CHECKPOINT, _COSIGNATURE, _ERASURE, _PENDING, _HOLD = (
    SQLModel.metadata.tables[f"ledger_{name}"]
    for name in (
        "leaf",
        "record",
        "subject",
        "tile",
        "checkpoint",
        "cosignature",
        "erasure",
        "pending",
        "hold",
    )
)
_AT_ONCE = 256
Reading = Callable[[], AbstractContextManager[Unit]]


@dataclass(frozen=True)
class Verdict:
    """What the check found. `sentence` is for a page; `problems` name entries by number and nothing personal.

    Without problems it is not `verified` either while something is still unchecked. `watched` says, in words, what
    those outside who watch the log last said of it.
    """

    verified: bool
    entries: int
    signed_at: datetime | None
    sentence: str
    problems: Sequence[str] = ()
    erased: int = 0
    waiting: int = 0
    watched: str = ""


def verify_store(unit: Unit) -> Verdict:
    """Check the whole ledger as it is stored: records, salts, words, links, leaves, tiles, checkpoints, signatures."""
    return verdict_of(unit, check_at_once(unit))


def check_at_once(unit: Unit) -> Whole:
    """Check the whole ledger on one snapshot."""
    whole = Whole()
    whole.check(lambda: nullcontext(unit))
    whole.end(unit)
    return whole


def verdict_of(
    unit: Unit, whole: Whole, said: str | None = None, *, complete: bool = True, damage: str | None = None
) -> Verdict:
    """Give what a check found; `said` in these words unless something is wrong. Incomplete, it verifies nothing.

    `damage` is what was found before and hasn't been found mended since.
    """
    known = (problem for problem in (disputed(journal_of(unit)), damage) if problem)
    problems = (*known, *whole.tally.problems)
    return Verdict(
        verified=complete and not problems,
        entries=whole.entries,
        signed_at=whole.signed_at,
        sentence=f"The log does not verify: {problems[0]}." if problems else said or _sentence(whole),
        problems=problems,
        erased=whole.erased,
        waiting=unit.session.execute(sa.select(sa.func.count()).select_from(_PENDING)).scalar() or 0,
        watched=in_words(unit),
    )


def _sentence(whole: Whole) -> str:
    if whole.signed_at is None:
        return "The log is empty, so there is nothing to verify."
    return (
        f"The log verifies: all {whole.entries} entries are as they were recorded,"
        f" up to the last at {moment(whole.signed_at)}.{erased_in_words(whole)}"
    )


def erased_in_words(whole: Whole) -> str:
    """Say how many of the entries were erased, if any were."""
    return f" {whole.erased} of them were erased by a recorded decision." if whole.erased else ""


class Whole:
    """One check of the whole ledger, which may be made in short steps, each on a snapshot of its own.

    Entries are only ever added, so what is found of one on an earlier snapshot holds beside what is found of another on
    a later one.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        self._lives: dict[int, Life] = {}

    @property
    def entries(self) -> int:
        """How many entries were checked."""
        return sum(life.size for life in self._lives.values())

    @property
    def erased(self) -> int:
        """How many of them were erased by a recorded decision."""
        return sum(life.erased for life in self._lives.values())

    @property
    def signed_at(self) -> datetime | None:
        """When the last checkpoint was signed."""
        return next((life.signed_at for life in reversed(self._lives.values()) if life.signed_at), None)

    def stored(self, unit: Unit) -> int:
        """Give how many entries are stored, having taken note of every life of the log."""
        return sum(life.stored(unit) for life in self._begun(unit))

    @property
    def lives(self) -> Sequence[Life]:
        """How far each life of the log was checked, the first one first."""
        return tuple(self._lives.values())

    def about(self, subject_ids: Collection[str]) -> set[str]:
        """Give the ids of the entries that were checked and are about any of these persons."""
        return {entry_id for life in self._lives.values() for entry_id in life.about(subject_ids)}

    def copy(self) -> Whole:
        """Give one that is gone on with by itself, without what was wrong so far."""
        other = Whole()
        other._lives = {number: life.copy() for number, life in self._lives.items()}
        return other

    def check(self, reading: Reading) -> None:
        """Check all but what has to be looked at together with the last entry; `reading` is opened for each step."""
        left = _AT_ONCE
        while (
            left >= _AT_ONCE
        ):  # what is added meanwhile must not keep it going on for ever: `end` checks the last few
            with reading() as unit:
                left = self.advance(unit)
        for table, what in _BESIDE:
            with reading() as unit:
                _check_strays(unit, table, what, self.tally)
        with reading() as unit:
            _check_epochs(unit, self.tally)
        after: tuple[int, int, str] | None = (0, 0, "")
        while after is not None:
            with reading() as unit:
                after = self._check_cosignatures(unit, after)

    def advance(self, unit: Unit) -> int:
        """Check the next few entries; give how many are left."""
        stored = [(life, life.stored(unit)) for life in self._begun(unit)]
        behind = next(((life, end) for life, end in stored if life.size < end), None)
        if behind is not None:
            behind[0].advance(unit, behind[1], self.tally)
        return sum(max(end - life.size, 0) for life, end in stored)

    def _begun(self, unit: Unit) -> list[Life]:
        return [self._lives.setdefault(epoch.number, Life(epoch)) for epoch in lives(unit)]

    def end(self, unit: Unit) -> None:
        """Check what was added meanwhile, and what has to be looked at on one snapshot with the last entry."""
        while self.advance(unit):
            pass
        for life in self._lives.values():
            life.check_upper_tiles(unit, self.tally)
        self.check_ends(unit)

    def check_ends(self, unit: Unit) -> None:
        """Compare the last entries with the newest checkpoints, keys with keys, and holds with what was decided."""
        for life in self._lives.values():
            life.check_end(unit, self.tally)
        epochs = lives(unit)
        checked = [(life.number, life.origin, str(life.key)) for life in self._lives.values()]
        if checked != [(epoch.number, epoch.origin, epoch.log_key) for epoch in epochs]:
            self.tally.wrong("a life of the log has another name or key than its entries were checked with")
        _check_keys(unit, epochs, journal_of(unit), self.tally)
        _check_holds(unit, self._decisions(unit), self.tally)
        _check_waiting(unit, self.tally)

    def _decisions(self, unit: Unit) -> dict[str, dict[str, Any]]:
        """Give what the entries about holds say, in the log's order, those that wait for their place last."""
        waiting = (
            sa.select(_RECORD.c.entry_id, _RECORD.c.record)
            .select_from(_RECORD.join(_PENDING, _PENDING.c.entry_id == _RECORD.c.entry_id))
            .where(_RECORD.c.kind.in_(ABOUT_HOLDS))
            .order_by(_PENDING.c.number)
        )
        placed = {entry_id: said for life in self._lives.values() for entry_id, said in life.decisions}
        return placed | {row.entry_id: parse_object(row.record) for row in unit.session.execute(waiting)}

    def _check_cosignatures(self, unit: Unit, after: tuple[int, int, str]) -> tuple[int, int, str] | None:
        """Check the next few witnesses' lines; give the last one's place, None when there are no more."""
        policy = journal_of(unit).policy or Policy()
        place = sa.tuple_(_COSIGNATURE.c.epoch, _COSIGNATURE.c.size, _COSIGNATURE.c.witness)
        joined = (
            sa.select(_CHECKPOINT.c.note, _COSIGNATURE)
            .select_from(_COSIGNATURE.outerjoin(_CHECKPOINT, _same_checkpoint()))
            .where(place > sa.tuple_(*map(sa.literal, after)))
            .order_by(_COSIGNATURE.c.epoch, _COSIGNATURE.c.size, _COSIGNATURE.c.witness)
            .limit(_AT_ONCE)
        )
        rows = unit.session.execute(joined).all()
        for row in rows:
            witness = policy.witnesses.get(row.witness)
            if witness is None:
                continue  # a witness that left the policy: its old lines say nothing any more
            try:
                note = Note(read_checkpoint(row.note or "")[0].text, parse_signatures(row.line))
                if check_signature(note, witness.key) is None:
                    raise Unverified("it carries another key")
            except Unverified as error:
                self.tally.wrong(f"{row.witness}'s signature over {row.size} entries does not hold: {error}")
        return (rows[-1].epoch, rows[-1].size, rows[-1].witness) if len(rows) == _AT_ONCE else None


def _check_keys(unit: Unit, epochs: Sequence[LedgerEpoch], journal: Journal, tally: Tally) -> None:
    """Compare the newest key with this process's, and each former one with what the next life's first entry says."""
    if epochs and not _is_ours(epochs[-1], journal):
        tally.wrong("it is signed with a key that is not this gateway's")
    for former, epoch in pairwise(epochs):
        leaf = first_leaf(unit, epoch.number)
        try:
            begun(leaf)
        except Unverified as error:
            tally.wrong(f"the log {epoch.origin} began again, and {error}")
        try:
            fields = parse_object(leaf[1:].decode())
            codes = fields["codes"]
            honest = (codes["former_origin"], codes["former_key"]) == (former.origin, former.log_key)
            dated = fields["at"] == rfc3339(epoch.begun_at)
        except (Unverified, UnicodeDecodeError, KeyError):
            honest = dated = False
        if not honest:
            tally.wrong(f"the log {epoch.origin} does not begin where {former.origin} ended")
        if not dated:  # what is older than that waits to be confirmed
            tally.wrong(f"the log {epoch.origin} did not begin at the time that is stored")


def _is_ours(epoch: LedgerEpoch, journal: Journal) -> bool:
    try:
        first, beside = journal.keys.public(epoch.origin)
    except NotConfirmed:  # a token that holds no key for this life of the log
        return False
    return epoch.log_key == str(first) and (beside is None or epoch.second_key in ("", str(beside)))


def _same_checkpoint() -> sa.ColumnElement[bool]:
    return sa.and_(_CHECKPOINT.c.epoch == _COSIGNATURE.c.epoch, _CHECKPOINT.c.size == _COSIGNATURE.c.size)


def _check_holds(unit: Unit, decisions: dict[str, dict[str, Any]], tally: Tally) -> None:
    """Compare each hold with the entries that made it: an entry is hidden or shown only by a recorded decision."""
    held = {row.entry_id: row for row in unit.session.execute(sa.select(_HOLD))}
    erased = set(unit.session.execute(sa.select(_ERASURE.c.entry_id)).scalars())
    said = {entry_id: fields for entry_id, fields in decisions.items() if entry_id not in erased}
    decided = {fields["refs"].get("entry"): fields["kind"] for fields in said.values()}
    revealed = {about for about, kind in decided.items() if kind == EntryKind.ENTRY_REVEALED}
    honest = set(decided) - erased == set(held) and all(
        _is_as_decided(row, said) and (row.revealed_by_entry_id is not None) == (row.entry_id in revealed)
        for row in held.values()
    )
    if not honest:
        tally.wrong("an entry is held or shown otherwise than was decided")


def _check_waiting(unit: Unit, tally: Tally) -> None:
    """Check what waits for its place: it is listed already, so it has to be what was recorded."""
    waiting = sa.select(_PENDING.c.leaf, _RECORD).select_from(
        _PENDING.outerjoin(_RECORD, _RECORD.c.entry_id == _PENDING.c.entry_id)
    )
    for row in unit.session.execute(waiting.order_by(_PENDING.c.number)).all():
        links = sa.select(_SUBJECT.c.subject_id, _SUBJECT.c.partnership_id).where(
            _SUBJECT.c.entry_id == row.entry_id
        )
        persons = unit.session.execute(links.order_by(_SUBJECT.c.subject_id)).all()
        found = entry_problems(unit, row, [f"{one.subject_id} {one.partnership_id}" for one in persons])
        for problem in found if row.record is not None else ("has no record",):
            tally.wrong(f"an entry that waits for its place {problem}")


def _is_as_decided(row: Any, said: dict[str, dict[str, Any]]) -> bool:
    by = said.get(row.by_entry_id)
    last = said.get(row.revealed_by_entry_id or row.by_entry_id)
    if by is None or last is None or last["refs"]["entry"] != row.entry_id:
        return False
    stored = (row.entry_id, row.reviewer_post_id, row.review_on.isoformat())
    return stored == (by["refs"]["entry"], by["refs"].get("reviewer"), by["codes"].get("review_on"))


_BESIDE = ((_RECORD, "record"), (_SUBJECT, "link to a person"), (_ERASURE, "erasure"), (_HOLD, "hold"))


def _check_strays(unit: Unit, table: sa.Table, what: str, tally: Tally) -> None:
    """Look for what belongs to no entry of the tree: rows slipped in beside it."""
    placed = sa.exists().where(_LEAF.c.entry_id == table.c.entry_id)
    waiting = sa.exists().where(_PENDING.c.entry_id == table.c.entry_id)
    strays = sa.select(sa.func.count()).select_from(table).where(~placed, ~waiting)
    count = unit.session.execute(strays).scalar() or 0
    if count:
        tally.wrong(f"{count} stored {what}{'s' if count > 1 else ''} belong to no entry of the log")


def _check_epochs(unit: Unit, tally: Tally) -> None:
    for table in (_LEAF, _TILE, _CHECKPOINT, _COSIGNATURE):
        elsewhere = sa.select(sa.literal(1)).where(table.c.epoch.not_in(sa.select(col(LedgerEpoch.number))))
        if unit.session.execute(elsewhere.limit(1)).scalar():
            tally.wrong("there are rows of a log that was never begun")
