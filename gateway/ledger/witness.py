"""The gateway and its witnesses: it asks them to cosign, compares itself with them, and stops releases when they lag.

A witness holds the only thing that shows a lost tail or a restored backup: a checkpoint that is not in our database.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from threading import Event, Thread

import sqlalchemy as sa
import structlog
from gateway_verify.checkpoint import Checkpoint, check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.merkle import Frontier, edge_of
from gateway_verify.note import Note, SignatureLine, encode, parse_signatures
from gateway_verify.policy import Policy, Witness
from sqlmodel import col

from gateway.errors import GatewayError, NotFound
from gateway.ledger.alarm import damage
from gateway.ledger.changes import keep_cosignature
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.models import LedgerCheckpoint, LedgerCosignature, LedgerEpoch
from gateway.ledger.publish import consistency, newest_checkpoint
from gateway.ledger.tree import stored_tree
from gateway.ledger.witness_client import add_checkpoint, latest_note, size_in
from gateway.store.unit_of_work import Store, Unit

EVERY_SECONDS = 60.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Round:
    """What one round of asking gave: who cosigned, and what was wrong with the others, in words."""

    size: int
    cosigned: Sequence[str]
    problems: Sequence[str]


class Diverged(Exception):
    """A witness holds a longer or another history of this log than the database."""


class _Overtaken(Exception):
    """Another worker has shown the witness a newer checkpoint of this database meanwhile."""


def releases_allowed(unit: Unit) -> str | None:
    """Give None when information may leave, else the reason in words why it may not for now.

    Needs, no longer ago than the lag limit, a cosignature by each witness of a quorum. Signatures are checked again
    here, so a row slipped into the database opens nothing. Without a witness policy there is nothing to wait for:
    production does not start so, the demo says that nobody watches.
    """
    journal = journal_of(unit)
    if journal.stopped:
        return (
            f"The ledger takes no entries: {journal.stopped}. Nothing is released until people have looked."
        )
    if found := damage(unit):
        return f"The ledger does not verify: {found}. Nothing is released until people have looked."
    policy = journal.policy
    if policy is None or policy.quorum == "none":
        return None
    at = _quorum_at(unit, journal, policy)
    if at is not None and at >= unit.now - journal.lag:
        return None
    hours = f"{journal.lag.total_seconds() / 3600:g}"
    return (
        f"The ledger's witnesses have not confirmed it for {hours} hours, so nothing is released until they do."
        " Everything else goes on."
    )


def disputed(journal: Journal) -> str | None:
    """Give what a witness holds against this log, in words, or None: its silence is no dispute."""
    return None if journal.stopped in (None, _NOBODY_ANSWERS) else journal.stopped


def in_words(unit: Unit) -> str:
    """Say for people who outside watches this log and when they last confirmed it."""
    journal = journal_of(unit)
    if journal.policy is None or journal.policy.quorum == "none":
        return (
            "Nobody outside watches this log: it has no witnesses, who would notice if its end were cut off."
        )
    at = _quorum_at(unit, journal, journal.policy)
    if at is None:
        return "The witnesses outside who watch this log have not confirmed it yet, so nothing is released."
    late = (
        "" if at >= unit.now - journal.lag else " They are late, so nothing is released until they do again."
    )
    return f"The witnesses outside who watch this log last confirmed it at {moment(at)}.{late}"


def moment(at: datetime) -> str:
    """Give a time for people."""
    return f"{at:%H:%M} UTC on {at.day} {at:%B %Y}"


def lag_seconds(unit: Unit) -> float:
    """Give how many seconds ago a quorum of witnesses had cosigned the log: infinite when none ever has.

    Not a number when the installation has no witnesses.
    """
    journal = journal_of(unit)
    if journal.policy is None or journal.policy.quorum == "none":
        return math.nan
    at = _quorum_at(unit, journal, journal.policy)
    return math.inf if at is None else (unit.now - at).total_seconds()


def _quorum_at(unit: Unit, journal: Journal, policy: Policy) -> datetime | None:
    """Give the latest time since which witnesses enough for the quorum have cosigned."""
    cosigned = _cosigned_at(unit, journal)
    for at in sorted(cosigned.values(), reverse=True):
        if policy.met_by([name for name, when in cosigned.items() if when >= at]):
            return at
    return None


def _cosigned_at(unit: Unit, journal: Journal) -> dict[str, datetime]:
    """Give when each witness last cosigned the log's present life, as its own signature says."""
    found: dict[str, datetime] = {}
    epoch = sa.select(sa.func.max(LedgerEpoch.number)).scalar_subquery()
    for name, witness in (journal.policy.witnesses if journal.policy else {}).items():
        row = unit.session.execute(
            sa.select(LedgerCosignature, col(LedgerCheckpoint.note))
            .join(
                LedgerCheckpoint,
                sa.and_(
                    col(LedgerCheckpoint.epoch) == col(LedgerCosignature.epoch),
                    col(LedgerCheckpoint.size) == col(LedgerCosignature.size),
                ),
            )
            .where(col(LedgerCosignature.epoch) == epoch, col(LedgerCosignature.witness) == name)
            .order_by(col(LedgerCosignature.at).desc())
            .limit(1)
        ).one_or_none()
        at = _signed_at(row.note, row.LedgerCosignature.line, witness) if row else None
        if at is not None:
            found[name] = at
    return found


def _signed_at(note: str, line: str, witness: Witness) -> datetime | None:
    try:
        signed = check_signature(Note(read_checkpoint(note)[0].text, parse_signatures(line)), witness.key)
    except Unverified:
        return None
    return signed.at if signed else None


def ask_witnesses(store: Store, journal: Journal) -> Round:
    """Send the newest checkpoint to every witness with an address, and keep their cosignatures.

    A witness that holds another history stops the journal: nothing more is recorded until people have looked.
    """
    try:
        with store.reading() as unit:
            note = newest_checkpoint(unit)
            epoch = unit.session.execute(sa.select(sa.func.max(LedgerEpoch.number))).scalar() or 1
    except NotFound:
        return Round(0, (), ())
    checkpoint = Checkpoint.parse(note.text)
    cosigned: dict[str, SignatureLine] = {}
    problems: list[str] = []
    for witness in _asked(journal):
        try:
            cosigned[witness.name] = _ask(store, epoch, note, witness)
        except _Overtaken:
            continue  # that worker keeps its line
        except Diverged as error:
            problems.append(f"{witness.name}: {error}")
            _stop(store, journal, witness, error)
        except (Unverified, OSError, GatewayError) as error:
            problems.append(f"{witness.name}: {error}")
            _log.warning("witness_did_not_cosign", witness=witness.name, error=type(error).__name__)
    if cosigned:
        _keep(store, epoch, checkpoint, cosigned, journal)
    return Round(checkpoint.size, tuple(cosigned), tuple(problems))


def _asked(journal: Journal) -> list[Witness]:
    return [one for one in journal.policy.witnesses.values() if one.url] if journal.policy else []


def _stop(store: Store, journal: Journal, witness: Witness, error: Diverged) -> None:
    if disputed(journal) is None:
        journal.stopped_at = store.clock.now()
    journal.stopped = f"the witness {witness.name} holds another history: {error}"
    _log.critical("ledger_stopped", witness=witness.name, code="another_history")


def _ask(store: Store, epoch: int, note: Note, witness: Witness) -> SignatureLine:
    checkpoint = Checkpoint.parse(note.text)
    old = 0
    for _ in range(3):  # the size it last saw, and once more if another worker was faster
        status, body = add_checkpoint(witness, _request(store, epoch, old, note))
        if status == HTTPStatus.OK:
            return _line(note, body, witness)
        if status != HTTPStatus.CONFLICT:
            break
        old = size_in(body)
        if old > checkpoint.size:
            _check_overtaken(store, epoch, old)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise Diverged(body.strip()[:200])
    raise Unverified(f"it answered {status}: {body.strip()[:200]}")


def _check_overtaken(store: Store, epoch: int, seen: int) -> None:
    with store.reading() as unit:
        held = _size_of(unit, epoch)
    if seen <= held:
        raise _Overtaken
    raise Diverged(f"it has seen {seen} entries, and the database holds {held}")


def _request(store: Store, epoch: int, old: int, note: Note) -> bytes:
    lines = [f"old {old}"]
    size = Checkpoint.parse(note.text).size
    if 0 < old < size:
        with store.reading() as unit:
            lines += [encode(one) for one in consistency(unit, epoch, old, size)]
    return ("\n".join(lines) + "\n\n" + str(note)).encode()


def _line(note: Note, body: str, witness: Witness) -> SignatureLine:
    answered = Note(note.text, parse_signatures(body))
    if check_signature(answered, witness.key) is None:
        raise Unverified("it did not cosign with the key that the policy names")
    line = answered.by(witness.key)
    if line is None:
        raise Unverified("it did not cosign with the key that the policy names")
    return line


def _keep(
    store: Store, epoch: int, checkpoint: Checkpoint, lines: dict[str, SignatureLine], journal: Journal
) -> None:
    witnesses = journal.policy.witnesses if journal.policy else {}
    with store.writing() as unit:
        for name, line in lines.items():
            signed = check_signature(Note(checkpoint.text, (line,)), witnesses[name].key)
            if signed is None or signed.at is None:
                continue
            row = LedgerCosignature(
                epoch=epoch, size=checkpoint.size, witness=name, line=str(line), at=signed.at
            )
            keep_cosignature(unit, row)


def compare_at_start(store: Store, journal: Journal) -> Sequence[str]:
    """Compare the database with what the witnesses last saw; give what could not be compared, in words.

    Stops the journal when a witness saw a longer or another history (a restored backup, a rewritten log), and when
    there are witnesses and none of them answers: whoever cannot be compared with may know better. A later call lifts
    the second. With no witnesses it does nothing.
    """
    asked = _asked(journal)
    answered, problems = 0, []
    for witness in asked:
        try:
            _compare(store, witness)
            answered += 1
        except Diverged as error:
            _stop(store, journal, witness, error)
            return [f"{witness.name}: {error}"]
        except (Unverified, OSError) as error:
            problems.append(f"{witness.name}: {error}")
    if asked and not answered:
        journal.stopped = _NOBODY_ANSWERS
        _log.critical("no_witness_answers", count=len(asked))
    elif journal.stopped == _NOBODY_ANSWERS:
        journal.stopped = None
    return problems


_NOBODY_ANSWERS = "no witness answers, so nobody can say whether this is the whole log"


def _compare(store: Store, witness: Witness) -> None:
    with store.reading() as unit:
        number, origin, named = _present_life(unit)
    note = latest_note(witness, origin)
    later = _later_lives(witness, named, number)
    for one in (*filter(None, [note]), *later):
        if check_signature(one, witness.key) is None:
            raise Unverified("what it serves does not carry its own signature")
    # Read after the witness has answered: other workers go on recording, and it may have seen what they added.
    with store.reading() as unit:
        if later and _present_life(unit)[0] < number + len(later):
            begun = Checkpoint.parse(later[-1].text)
            raise Diverged(f"it has seen a later life of this log, {begun.origin}, of {begun.size} entries")
        if note is None:
            return  # it never saw this log
        seen, size = Checkpoint.parse(note.text), _size_of(unit, number)
        if seen.size > size:
            raise Diverged(f"it has seen {seen.size} entries, and the database holds {size}")
        edge = edge_of(seen.size, stored_tree(unit.session.connection(), number, seen.size).node)
        if Frontier(seen.size, edge).root() != seen.root:
            raise Diverged(f"its first {seen.size} entries are not the ones in the database")


def last_seen(store: Store, journal: Journal) -> tuple[Sequence[str], Sequence[str]]:
    """Give the checkpoints that each witness serves of this log, with its line, and who gave none, in words.

    They are of the last life that the database holds, and of later ones that it lost whole.
    """
    with store.reading() as unit:
        number, origin, named = _present_life(unit)
    notes, problems = [], []
    for witness in _asked(journal):
        try:
            note = latest_note(witness, origin)
            later = _later_lives(witness, named, number)
        except (Unverified, OSError) as error:
            problems.append(f"{witness.name}: {error}")
            continue
        if note is None:
            problems.append(f"{witness.name}: it never saw this log")
        notes += [str(one) for one in (*filter(None, [note]), *later)]
    return notes, problems


def origin_of_life(named: str, number: int) -> str:
    """Give the name of a life of the log that is named so."""
    return named if number == 1 else f"{named}/epoch-{number}"


def _present_life(unit: Unit) -> tuple[int, str, str]:
    """Give the number and the name of the last life that the database holds, and the log's own name."""
    newest = sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number).desc()).limit(1)
    epoch = unit.session.execute(newest).scalar_one_or_none()
    named = journal_of(unit).origin
    return (epoch.number, epoch.origin, named) if epoch else (1, named, named)


def _later_lives(witness: Witness, named: str, number: int) -> list[Note]:
    """Give what a witness serves of the lives after that: an older backup than the last restore's lost them whole."""
    found: list[Note] = []
    while note := latest_note(witness, origin_of_life(named, number + len(found) + 1)):
        found.append(note)
    return found


def _size_of(unit: Unit, epoch: int) -> int:
    largest = sa.select(sa.func.max(LedgerCheckpoint.size)).where(col(LedgerCheckpoint.epoch) == epoch)
    return unit.session.execute(largest).scalar() or 0


class Watch:
    """Asks the witnesses again and again in the background, and lifts a stop that came of their silence."""

    def __init__(self, store: Store, journal: Journal, every: float = EVERY_SECONDS) -> None:
        self._store, self._journal, self._every = store, journal, every
        self._ended = Event()
        self._thread = Thread(target=self._run, name="witnesses", daemon=True)

    def start(self) -> Watch:
        """Begin; without witnesses there is nothing to do and no thread."""
        if _asked(self._journal):
            self._thread.start()
        return self

    def stop(self) -> None:
        """End after the round that is under way."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                if self._journal.stopped == _NOBODY_ANSWERS:
                    compare_at_start(self._store, self._journal)
                ask_witnesses(self._store, self._journal)
            except Exception:  # noqa: BLE001 - the next round tries again; releases stop by themselves if none works
                _log.exception("witness_round_failed")
            self._ended.wait(self._every)
