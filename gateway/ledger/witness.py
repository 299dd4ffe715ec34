"""The gateway and its witnesses: it asks them to cosign, and takes no entries when they hold another history.

A witness holds the only thing that shows a lost tail or a restored backup: a checkpoint that is not in our database.
One that shows such a checkpoint, which only the log's own key can have signed, stops the log. One that only says so
doesn't, or whoever runs a single witness could keep withdrawals and walls from being recorded; unless so many say so
that the others are no quorum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from threading import Event, Thread

import sqlalchemy as sa
import structlog
from gateway_verify.checkpoint import AHEAD, Checkpoint, check_signature
from gateway_verify.errors import Unverified
from gateway_verify.note import Note, SignatureLine, VerifierKey, encode, parse_signatures
from gateway_verify.policy import Witness
from sqlmodel import col

from gateway.errors import GatewayError, NotConfirmed, NotFound
from gateway.ledger.changes import keep_cosignature
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.lives import origin_of_life, present_life
from gateway.ledger.models import LedgerCheckpoint, LedgerCosignature, LedgerEpoch
from gateway.ledger.publish import consistency, current_epoch, newest_checkpoint
from gateway.ledger.tree import stored_root
from gateway.ledger.witness_client import add_checkpoint, latest_note, size_in
from gateway.store.unit_of_work import Store, Unit

EVERY_SECONDS = 60.0
_MOST_LIVES = 100
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Round:
    """What one round of asking gave: who cosigned, and what was wrong with the others, in words."""

    size: int
    cosigned: Sequence[str]
    problems: Sequence[str]


class Diverged(Exception):
    """A witness shows a longer or another history of this log than the database holds."""


class Claimed(Exception):
    """A witness says that it holds another history, and shows no checkpoint of it that the log signed."""


class _Overtaken(Exception):
    """Another worker has shown the witness a newer checkpoint of this database meanwhile."""


def disputed(journal: Journal) -> str | None:
    """Give what a witness holds against this log, in words, or None: its silence is no dispute."""
    return None if journal.stopped in (None, _NOBODY_ANSWERS) else journal.stopped


def ask_witnesses(store: Store, journal: Journal) -> Round:
    """Send the newest checkpoint to every witness with an address, and keep their cosignatures.

    A witness that holds another history stops the journal: nothing more is recorded until people have looked.
    """
    try:
        with store.reading() as unit:
            epoch = current_epoch(unit)
            note = newest_checkpoint(unit, epoch)
    except NotFound:
        return Round(0, (), ())
    checkpoint = Checkpoint.parse(note.text)
    cosigned: dict[str, SignatureLine] = {}
    problems: list[str] = []
    claimed: dict[str, Claimed] = {}
    for witness in _asked(journal):
        try:
            cosigned[witness.name] = _ask(store, epoch, note, witness)
        except _Overtaken:
            continue  # that worker keeps its line
        except Diverged as error:
            problems.append(f"{witness.name}: {error}")
            _stop(store, journal, witness.name, error)
        except Claimed as error:
            problems.append(f"{witness.name}: {error}")
            claimed[witness.name] = error
        except (Unverified, OSError, GatewayError) as error:
            problems.append(f"{witness.name}: {error}")
            _log.warning("witness_did_not_cosign", witness=witness.name, error=type(error).__name__)
    _weigh(store, journal, claimed)
    if cosigned:
        _keep(store, epoch, checkpoint, cosigned, journal)
    return Round(checkpoint.size, tuple(cosigned), tuple(problems))


def _asked(journal: Journal) -> list[Witness]:
    return [one for one in journal.policy.witnesses.values() if one.url] if journal.policy else []


def _stop(store: Store, journal: Journal, name: str, error: Exception) -> None:
    if disputed(journal) is None:
        journal.stopped_at = store.clock.now()
    journal.stopped = f"the witness {name} holds another history: {error}"
    _log.critical("ledger_stopped", witness=name, code="another_history")


def _weigh(store: Store, journal: Journal, claimed: Mapping[str, Claimed]) -> None:
    """Stop when the witnesses that say nothing against the log are too few for a quorum."""
    for name in claimed:
        _log.critical("witness_disputes", witness=name)
    policy = journal.policy
    if claimed and policy and not policy.met_by(policy.witnesses.keys() - claimed.keys()):
        _stop(store, journal, *next(iter(claimed.items())))


def _ask(store: Store, epoch: int, note: Note, witness: Witness) -> SignatureLine:
    checkpoint = Checkpoint.parse(note.text)
    old = 0
    for _ in range(3):  # the size it last saw, and once more if another worker was faster
        status, body = add_checkpoint(witness, _request(store, epoch, old, note))
        if status == HTTPStatus.OK:
            return _line(note, body, witness, store.clock.now())
        if status != HTTPStatus.CONFLICT:
            break
        old = size_in(body)
        if old > checkpoint.size:
            _check_overtaken(store, epoch, old, witness)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise _disputed(store, witness, body.strip()[:200])
    raise Unverified(f"it answered {status}: {body.strip()[:200]}")


def _check_overtaken(store: Store, epoch: int, seen: int, witness: Witness) -> None:
    with store.reading() as unit:
        held = _size_of(unit, epoch)
    if seen <= held:
        raise _Overtaken
    raise _disputed(store, witness, f"it has seen {seen} entries, and the database holds {held}")


def _disputed(store: Store, witness: Witness, says: str) -> Claimed | Diverged:
    """Give what a witness that holds something against the log has to show for it."""
    try:
        _compare(store, witness)
    except (Diverged, Claimed) as error:
        return error
    except (Unverified, OSError):
        pass  # what it serves is no evidence either
    return Claimed(f"{says}; but it shows no such checkpoint that this log signed")


def _request(store: Store, epoch: int, old: int, note: Note) -> bytes:
    lines = [f"old {old}"]
    size = Checkpoint.parse(note.text).size
    if 0 < old < size:
        with store.reading() as unit:
            lines += [encode(one) for one in consistency(unit, epoch, old, size)]
    return ("\n".join(lines) + "\n\n" + str(note)).encode()


def _line(note: Note, body: str, witness: Witness, now: datetime) -> SignatureLine:
    answered = Note(note.text, parse_signatures(body))
    signed, line = check_signature(answered, witness.key), answered.by(witness.key)
    if signed is None or line is None:
        raise Unverified("it did not cosign with the key that the policy names")
    if signed.at is not None and signed.at > now + AHEAD:
        raise Unverified("it dates what it signs in the future: its clock is ahead of this one")
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

    Stops the journal when a witness shows a longer or another history (a restored backup, a rewritten log), and when
    there are witnesses and none of them answers: whoever cannot be compared with may know better. A later call lifts
    the second. With no witnesses it does nothing.
    """
    asked = _asked(journal)
    answered, problems, claimed = 0, [], {}
    for witness in asked:
        try:
            _compare(store, witness)
            answered += 1
        except Diverged as error:
            _stop(store, journal, witness.name, error)
            return [f"{witness.name}: {error}"]
        except Claimed as error:
            problems.append(f"{witness.name}: {error}")
            claimed[witness.name] = error
        except (Unverified, OSError) as error:
            problems.append(f"{witness.name}: {error}")
    _weigh(store, journal, claimed)
    answered += len(claimed)
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
    if any(check_signature(one, witness.key) is None for one in (*filter(None, [note]), *later)):
        raise Unverified("what it serves does not carry its own signature")
    with store.reading() as unit:
        if note is not None and not _is_of_this_log(unit, note):
            raise Unverified("what it serves does not carry this log's signature")
        known = all(_is_of_this_log(unit, one) for one in later)
    # Read after the witness has answered: other workers go on recording, and it may have seen what they added.
    with store.reading() as unit:
        if later and _present_life(unit)[0] < number + len(later):
            begun = Checkpoint.parse(later[-1].text)
            says = f"it has seen a later life of this log, {begun.origin}, of {begun.size} entries"
            raise Diverged(says) if known else Claimed(f"{says}, signed with a key that isn't known here")
        if note is None:
            return  # it never saw this log
        seen, size = Checkpoint.parse(note.text), _size_of(unit, number)
        if seen.size > size:
            raise Diverged(f"it has seen {seen.size} entries, and the database holds {size}")
        if stored_root(unit.session.connection(), number, seen.size) != seen.root:
            raise Diverged(f"its first {seen.size} entries are not the ones in the database")


def _is_of_this_log(unit: Unit, note: Note) -> bool:
    """Tell whether a checkpoint carries the signature of this log's key, as the database or this process has it."""
    origin = Checkpoint.parse(note.text).origin
    stored = sa.select(col(LedgerEpoch.log_key)).where(col(LedgerEpoch.origin) == origin)
    keys = [VerifierKey.parse(key) for key in unit.session.execute(stored).scalars()]
    with suppress(NotConfirmed):  # a token without a key for that life
        keys.append(journal_of(unit).keys.public(origin)[0])
    return any(check_signature(note, key) is not None for key in keys)


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


def _present_life(unit: Unit) -> tuple[int, str, str]:
    """Give the number and the name of the last life that the database holds, and the log's own name."""
    epoch, named = present_life(unit), journal_of(unit).origin
    return (epoch.number, epoch.origin, named) if epoch else (1, named, named)


def _later_lives(witness: Witness, named: str, number: int) -> list[Note]:
    """Give what a witness serves of the lives after that: an older backup than the last restore's lost them whole."""
    found: list[Note] = []
    while note := latest_note(witness, origin_of_life(named, number + len(found) + 1)):
        found.append(note)
        if len(found) > _MOST_LIVES:
            raise Unverified("it serves more lives of this log than there can be")
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
