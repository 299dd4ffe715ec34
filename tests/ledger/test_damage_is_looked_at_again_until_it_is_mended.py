"""What one worker finds damaged stops all of them, is looked at again, and goes on by itself once it is mended."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from gateway.clock import FixedClock
from gateway.ledger.alarm import damage, raise_alarm, take_back
from gateway.ledger.audit import Checks, audit_of
from gateway.ledger.journal import Journal, journal_at
from gateway.ledger.lag import releases_allowed
from gateway.ledger.log_keys import LogKeys
from gateway.ledger.models import LedgerAlarm
from gateway.ledger.verify import verify_store
from gateway.store.unit_of_work import Store
from tests.ledger.made import CASE, JANE, ORIGIN, edit, recorded

DAMAGE = "UPDATE ledger_record SET case_id = 'x'"
MEND = f"UPDATE ledger_record SET case_id = '{CASE}'"


def worker(store: Store, keys: LogKeys) -> Store:
    """One more worker on the same database, for which every log is too large to be checked at a view."""
    other = Store(store.engine, store.clock, store.vault)
    Journal(ORIGIN, keys, small=0).attach(other)
    return other


@pytest.fixture
def workers(sqlite_store: Store, log_keys: LogKeys) -> tuple[Store, Store]:
    """Two workers that know three entries and found nothing wrong."""
    first, second = worker(sqlite_store, log_keys), worker(sqlite_store, log_keys)
    recorded(first, 3)
    for one in (first, second):
        assert audit_of(one).check_whole(one) == ()
    return first, second


def stopped(store: Store) -> bool:
    """Whether nothing is released by this worker; what it says of the log is the same."""
    with store.reading() as unit:
        reason = releases_allowed(unit)
    said = audit_of(store).verdict(store)
    assert said.verified == (reason is None)
    assert reason is None or said.problems[0] in reason
    return reason is not None


def test_what_one_worker_finds_stops_the_others_at_once(workers: tuple[Store, Store]) -> None:
    first, second = workers
    edit(first, DAMAGE)
    assert audit_of(first).check_whole(first)

    assert journal_at(second).damaged is None
    assert stopped(first)
    assert stopped(second)


def test_it_goes_on_by_itself_once_it_is_mended_and_not_before(
    workers: tuple[Store, Store], clock: FixedClock
) -> None:
    first, second = workers
    edit(first, DAMAGE)
    for _ in range(3):  # it is looked at again, and still so
        assert audit_of(first).check_whole(first)
        clock.advance(timedelta(minutes=20))
        assert stopped(first)
        assert stopped(second)

    edit(first, MEND)
    assert stopped(first)  # nobody has looked yet
    with capture_logs() as logs:
        assert audit_of(first).check_whole(first) == ()

    assert not stopped(first)
    assert not stopped(second)
    assert [line["event"] for line in logs] == ["ledger_mended"]
    with first.reading() as unit:
        assert unit.session.exec(select(LedgerAlarm)).all() == []


def test_one_worker_that_finds_nothing_wrong_does_not_outvote_one_that_does(
    workers: tuple[Store, Store], log_keys: LogKeys
) -> None:
    """A log cut off at its end is whole in itself: only who knew more can tell."""
    first, _ = workers
    for table in ("record", "subject"):
        last = "SELECT entry_id FROM ledger_leaf WHERE position = 2"
        edit(first, f"DELETE FROM ledger_{table} WHERE entry_id IN ({last})")
    edit(first, "DELETE FROM ledger_leaf WHERE position = 2")
    edit(first, "DELETE FROM ledger_checkpoint WHERE size = 3")
    assert audit_of(first).check_whole(first)

    new = worker(first, log_keys)
    assert audit_of(new).check_whole(new) == ()
    assert stopped(new)
    assert stopped(first)
    with new.reading() as unit:
        assert verify_store(unit).verified  # the command says what it finds itself


def test_the_word_of_a_worker_that_is_gone_counts_for_three_of_its_checks(
    workers: tuple[Store, Store], clock: FixedClock
) -> None:
    first, second = workers
    edit(first, DAMAGE)
    audit_of(first).check_whole(first)
    edit(first, MEND)
    del first

    clock.advance(timedelta(minutes=29))
    assert audit_of(second).check_whole(second) == ()
    assert stopped(second)
    clock.advance(timedelta(minutes=2))
    assert not stopped(second)
    audit_of(second).check_whole(second)
    with second.reading() as unit:
        assert unit.session.exec(select(LedgerAlarm)).all() == []


def test_what_is_damaged_is_looked_at_again_within_a_minute(workers: tuple[Store, Store]) -> None:
    first, _ = workers
    checks = Checks(first)
    assert checks.pause() == timedelta(minutes=10)
    edit(first, DAMAGE)
    audit_of(first).check_whole(first)
    assert checks.pause() == timedelta(minutes=1)


def test_an_alarm_is_told_again_and_taken_back(store: Store, journal: Journal, clock: FixedClock) -> None:
    every = timedelta(minutes=10)
    for problem in ("entry 1 was changed", "entry 2 was changed"):
        raise_alarm(store, "1" * 32, problem, clock.now(), every)
    raise_alarm(store, "2" * 32, "entry 3 was changed", clock.now() - every, every)

    def said() -> str | None:
        with store.reading() as unit:
            return damage(unit)

    assert said() == "entry 2 was changed"
    take_back(store, "1" * 32)
    assert said() == "entry 3 was changed"
    take_back(store, "2" * 32)
    assert said() is None


def test_nobody_is_named_in_what_is_told(workers: tuple[Store, Store]) -> None:
    first, _ = workers
    edit(first, f"DELETE FROM ledger_subject WHERE subject_id = '{JANE}'")
    audit_of(first).check_whole(first)
    with first.reading() as unit:
        [told] = unit.session.exec(select(LedgerAlarm.problem)).all()
    assert told.startswith("entry 1 is filed under other persons than those recorded (found at ")
