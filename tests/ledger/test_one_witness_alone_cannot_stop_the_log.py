"""Only what the log's own key signed shows that the log is another; what a witness merely says stops nothing alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import count
from pathlib import Path

import pytest
from gateway_verify.checkpoint import Checkpoint, cosign
from gateway_verify.note import Note, SignatureLine, encode

from gateway.clock import FixedClock
from gateway.errors import NotConfirmed
from gateway.ledger.journal import Journal
from gateway.ledger.lag import releases_allowed
from gateway.ledger.witness import ask_witnesses, compare_at_start
from gateway.ledger.witness_log import Answer, WitnessLog
from gateway.store.unit_of_work import Store
from tests.ledger.made import ORIGIN, recorded
from tests.ledger.witnesses import running

Lie = Callable[[WitnessLog, datetime], None]


def refusing(answer: Answer, note: Callable[[WitnessLog, datetime], str | None]) -> Lie:
    """A witness that answers so, and serves that as the last it saw."""

    def lie(witness: WitnessLog, now: datetime) -> None:
        witness.add_checkpoint = lambda body: answer  # type: ignore[method-assign]
        witness.latest = lambda origin_hash: note(witness, now)  # type: ignore[method-assign]

    return lie


def nothing(_witness: WitnessLog, _now: datetime) -> None:
    """Serve nothing."""


def made_up(witness: WitnessLog, now: datetime, origin: str = ORIGIN) -> str:
    """Serve a checkpoint of the log that carries the witness's own signature and no other."""
    checkpoint = Checkpoint(origin, 999_999, b"\x07" * 32)
    lines = [cosign(checkpoint, witness.name, key, now) for key in (witness._first, witness._second)]
    return str(Note(checkpoint.text, tuple(lines)))


def beyond(witness: WitnessLog, _now: datetime) -> str:
    """Serve a size that is signed as no eight bytes, with what stands for a signature."""
    text = f"{ORIGIN}\n{10**20 - 1}\n{encode(bytes(32))}\n"
    keys = witness.keys()
    return str(Note(text, tuple(SignatureLine(key.name, key.key_id, bytes(72)) for key in keys)))


def later_lives(witness: WitnessLog, now: datetime) -> Iterator[str | None]:
    """Serve first nothing of the log, and then one life after the other that nobody began."""
    yield None
    for number in count(2):
        yield made_up(witness, now, f"{ORIGIN}/epoch-{number}")


LONGER = Answer(HTTPStatus.CONFLICT, "999999\n", "text/x.tlog.size")
OTHER = Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the proof does not hold\n")
LIES = {
    "it says it has seen more": refusing(LONGER, nothing),
    "it says the proof does not hold": refusing(OTHER, nothing),
    "it shows what the log never signed": refusing(LONGER, made_up),
    "it shows what the log never signed and refuses the proof": refusing(OTHER, made_up),
    "it shows a size that nobody can sign": refusing(LONGER, beyond),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_witness_that_shows_nothing_stops_nothing(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path, lie: Lie
) -> None:
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 3)
        lie(witnesses[0], clock.now())

        compare_at_start(store, journal)
        done = ask_witnesses(store, journal)

        assert journal.stopped is None
        assert sorted(done.cosigned) == ["c2", "c3"]
        assert len(done.problems) == 1
        assert "no such checkpoint that this log signed" in done.problems[0]
        recorded(store, 1)
        with store.reading() as unit:
            assert releases_allowed(unit) is None


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_when_the_others_are_no_quorum_the_log_stops(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path, lie: Lie
) -> None:
    with running(tmp_path, sqlite_journal, clock) as witnesses:
        recorded(sqlite_store, 3)
        for one in witnesses[:2]:
            lie(one, clock.now())

        ask_witnesses(sqlite_store, sqlite_journal)

        assert "another history" in str(sqlite_journal.stopped)
        with pytest.raises(NotConfirmed, match="takes no entries"):
            recorded(sqlite_store, 1)


def test_a_witness_that_serves_lives_without_end_is_left_behind(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, sqlite_journal, clock) as witnesses:
        recorded(sqlite_store, 1)
        served = later_lives(witnesses[0], clock.now())
        witnesses[0].latest = lambda origin_hash: next(served)  # type: ignore[method-assign]

        assert "more lives of this log" in compare_at_start(sqlite_store, sqlite_journal)[0]
        assert sqlite_journal.stopped is None


def test_what_a_witness_dates_in_the_future_is_not_fresh_for_longer(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal

    def allowed() -> str | None:
        with store.reading() as unit:
            return releases_allowed(unit)

    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 1)
        ask_witnesses(store, journal)
        for one in witnesses[:2]:
            one._now = lambda: clock.now() + timedelta(days=30)
        done = ask_witnesses(store, journal)

        assert list(done.cosigned) == ["c3"]
        assert "its clock is ahead" in done.problems[0]
        assert allowed() is None, "what they signed before still holds"
        clock.advance(timedelta(hours=5))
        assert "have not confirmed" in str(allowed())


def test_a_stored_line_from_the_future_is_passed_over(
    sqlite_store: Store,
    sqlite_journal: Journal,
    clock: FixedClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 1)
        for one in witnesses:
            one._now = lambda: clock.now() + timedelta(days=30)
        with monkeypatch.context() as before:  # as a version that kept such lines did
            before.setattr("gateway.ledger.witness.AHEAD", timedelta(days=365))
            assert len(ask_witnesses(store, journal).cosigned) == 3
        with store.reading() as unit:
            assert "have not confirmed" in str(releases_allowed(unit))
