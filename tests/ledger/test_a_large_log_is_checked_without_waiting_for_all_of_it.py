"""A log too large to be checked at each view: hers is checked at once, the rest soon; no more is said than is so."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from threading import Event

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel
from structlog.testing import capture_logs

from gateway.clock import FixedClock
from gateway.ledger import audit
from gateway.ledger.append import record
from gateway.ledger.audit import Audit, Checks, audit_of
from gateway.ledger.entries import EntryKind
from gateway.ledger.erase import erase
from gateway.ledger.hold import hold
from gateway.ledger.journal import Journal
from gateway.ledger.lag import releases_allowed
from gateway.ledger.verify import Verdict, verify_store
from gateway.store.unit_of_work import Store, Unit
from tests.ledger.made import CASE, JANE, OFFICER, another, edit, entry, recorded

ROBIN = "7" * 32
CHANGED = {"salt": b"\x01" + b"x" * 60, "words": b"\x01" + b"x" * 60, "at": "2020-01-01 00:00:00.000000"}


@pytest.fixture
def large(journal: Journal) -> Journal:
    """The journal of a log that counts as too large to be checked whole at a view, however short it is."""
    journal.small = 0
    return journal


@pytest.fixture
def large_on_sqlite(sqlite_journal: Journal) -> Journal:
    """The same on SQLite, for rows that are edited behind the gateway's back."""
    sqlite_journal.small = 0
    return sqlite_journal


def hers(store: Store) -> Verdict:
    """What the page about Jane says."""
    return audit_of(store).verdict(store, [JANE])


def of_the_whole(store: Store) -> Verdict:
    """What `gateway ledger verify` says."""
    with store.reading() as unit:
        return verify_store(unit)


def two_of_hers_among_others(store: Store) -> list[str]:
    """Five entries: the second and the fourth are about Jane, the others about Robin."""
    return [recorded(store, 1, subject_ids=(JANE if n in (1, 3) else ROBIN,))[0] for n in range(5)]


def test_before_the_whole_was_checked_nothing_says_that_it_verifies(store: Store, large: Journal) -> None:
    two_of_hers_among_others(store)

    found = hers(store)

    assert not found.verified
    assert found.problems == ()
    assert found.sentence == (
        "The 2 entries about your client were checked just now and are as they were recorded."
        " Whether the whole log of 5 entries verifies is not known yet, nor whether another one is missing:"
        " its check has not ended."
    )
    about_nobody = audit_of(store).verdict(store).sentence
    assert about_nobody.startswith("Whether the whole log of 5 entries verifies is not known yet: its check")


def test_the_line_says_when_the_whole_was_checked_and_what_just_now(
    store: Store, large: Journal, clock: FixedClock
) -> None:
    two_of_hers_among_others(store)
    asked = clock.now()
    assert audit_of(store).check_whole(store) == ()
    clock.advance(timedelta(minutes=7))
    recorded(store, 3, subject_ids=(ROBIN,))

    found = hers(store)

    assert found.verified
    assert found.sentence == (
        "The log verifies: all 5 entries were as they were recorded when they were checked at"
        f" {asked:%H:%M} UTC on {asked.day} {asked:%B %Y}."
        " Those about your client (2) and those added since (3) were checked just now."
    )
    assert "your client" not in audit_of(store).verdict(store).sentence


@pytest.mark.parametrize(
    "column",
    [
        column.name
        for column in SQLModel.metadata.tables["ledger_record"].c
        if column.name not in ("entry_id", "request_id")
    ],
)
def test_an_edited_row_of_her_client_is_seen_at_once(
    sqlite_store: Store, large_on_sqlite: Journal, column: str
) -> None:
    ids = two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)
    assert hers(sqlite_store).verified

    with sqlite_store.engine.connect() as connection:
        before = connection.execute(
            sa.text(f"SELECT {column} FROM ledger_record WHERE entry_id = '{ids[3]}'")
        ).scalar()
    changed = CHANGED.get(column) or another(before)
    edit(
        sqlite_store,
        f"UPDATE ledger_record SET {column} = :changed WHERE entry_id = '{ids[3]}'",
        changed=changed,
    )

    found = hers(sqlite_store)
    assert not found.verified
    assert found.sentence.startswith("The log does not verify: entry 4 ")


OF_HERS = {
    "its record is deleted": "DELETE FROM ledger_record WHERE entry_id = '{1}'",
    "its leaf is another": "UPDATE ledger_leaf SET leaf = x'01' WHERE entry_id = '{1}'",
    "its leaf is deleted": "DELETE FROM ledger_leaf WHERE entry_id = '{1}'",
    "another person is added to it": "INSERT INTO ledger_subject VALUES ('9', '{1}', 'x')",
    "it changes places with another's": (
        "UPDATE ledger_leaf SET position = -1 WHERE position = 1;"
        "UPDATE ledger_leaf SET position = 1 WHERE position = 2;"
        "UPDATE ledger_leaf SET position = 2 WHERE position = -1"
    ),
    "its words lie under another's key": "UPDATE ledger_record SET words_owner_id = 'x' WHERE entry_id = '{1}'",
    "the newest checkpoint is another": "UPDATE ledger_checkpoint SET note = replace(note, '5', '6') WHERE size = 5",
    "an entry is slipped in": "INSERT INTO ledger_subject VALUES ('" + JANE + "', 'none', 'x')",
}


@pytest.mark.parametrize("known", [True, False], ids=["after a whole check", "before one"])
@pytest.mark.parametrize("fault", OF_HERS)
def test_whatever_else_is_done_to_her_entries_is_seen_at_once(
    sqlite_store: Store, large_on_sqlite: Journal, fault: str, known: bool
) -> None:
    ids = two_of_hers_among_others(sqlite_store)
    if known:
        audit_of(sqlite_store).check_whole(sqlite_store)

    for statement in OF_HERS[fault].format(*ids).split(";"):
        edit(sqlite_store, statement)

    assert hers(sqlite_store).problems


_TAKEN_OUT = "DELETE FROM ledger_subject WHERE entry_id = '{1}'"
_SAID_TO_BE_ERASED = "INSERT INTO ledger_erasure VALUES ('{1}', 'p', '%s', '2026-11-22 10:00:00.000000')"
_SLIPPED_IN_AS_A_COPY = (
    "INSERT INTO ledger_record (entry_id, partnership_id, kind, at, controller_agency_id, record) SELECT '-',"
    " partnership_id, kind, at, controller_agency_id, replace(record, '{2}', '{1}') FROM ledger_record"
    " WHERE entry_id = '{5}'"
)
OUT_OF_HER_LOG = {
    "its link to her is deleted": [_TAKEN_OUT],
    "it is filed under another": [
        "UPDATE ledger_subject SET subject_id = '" + ROBIN + "' WHERE entry_id = '{1}'"
    ],
    "link and record are deleted": [_TAKEN_OUT, "DELETE FROM ledger_record WHERE entry_id = '{1}'"],
    "link and leaf are deleted": [_TAKEN_OUT, "DELETE FROM ledger_leaf WHERE entry_id = '{1}'"],
    "it changes its name with that of an entry that was erased": [
        _TAKEN_OUT,
        "DELETE FROM ledger_record WHERE entry_id = '{1}'",
        "UPDATE ledger_leaf SET entry_id = '-' WHERE entry_id = '{1}'",
        "UPDATE ledger_leaf SET entry_id = '{1}' WHERE entry_id = '{2}'",
        "UPDATE ledger_leaf SET entry_id = '{2}' WHERE entry_id = '-'",
    ],
    "it is said to be erased by what erased another": [
        _TAKEN_OUT,
        "DELETE FROM ledger_record WHERE entry_id = '{1}'",
        _SAID_TO_BE_ERASED % "{5}",
    ],
    "it is said to be erased by what was slipped in": [
        _TAKEN_OUT,
        "DELETE FROM ledger_record WHERE entry_id = '{1}'",
        _SLIPPED_IN_AS_A_COPY,
        _SAID_TO_BE_ERASED % "-",
    ],
    "what erased another is rewritten to say it erased this": [
        _TAKEN_OUT,
        "DELETE FROM ledger_record WHERE entry_id = '{1}'",
        "UPDATE ledger_record SET record = replace(record, '{2}', '{1}') WHERE entry_id = '{5}'",
        _SAID_TO_BE_ERASED % "{5}",
    ],
}


def and_one_that_was_erased(store: Store) -> list[str]:
    """Those five, the third of them erased by a sixth."""
    ids = two_of_hers_among_others(store)
    with store.writing() as unit:
        return [*ids, erase(unit, [ids[2]], entry(subject_ids=(), words={"reasons": "A court ordered it"}))]


@pytest.mark.parametrize("fault", OUT_OF_HER_LOG)
def test_an_entry_taken_out_of_her_log_is_missed_at_once(
    sqlite_store: Store, large_on_sqlite: Journal, fault: str
) -> None:
    ids = and_one_that_was_erased(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)
    assert hers(sqlite_store).verified

    for statement in OUT_OF_HER_LOG[fault]:
        edit(sqlite_store, statement.format(*ids))

    found = hers(sqlite_store)
    assert not found.verified
    assert found.problems
    assert audit_of(sqlite_store).wanted.is_set()


def test_an_entry_taken_out_of_what_was_added_since_is_missed_at_once_too(
    sqlite_store: Store, large_on_sqlite: Journal
) -> None:
    two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)
    [added] = recorded(sqlite_store, 1)

    edit(sqlite_store, f"DELETE FROM ledger_subject WHERE entry_id = '{added}'")

    assert hers(sqlite_store).sentence.startswith(
        "The log does not verify: entry 6 is filed under other persons"
    )


def test_an_entry_of_hers_that_two_officers_erased_is_not_missed(store: Store, large: Journal) -> None:
    ids = two_of_hers_among_others(store)
    audit_of(store).check_whole(store)
    with store.writing() as unit:
        erase(unit, [ids[1]], entry(subject_ids=(), words={"reasons": "A court ordered it"}))

    assert hers(store).problems == ()
    assert audit_of(store).check_whole(store) == ()
    assert hers(store).verified


_SLIPPED_IN = (
    "INSERT INTO ledger_record (entry_id, partnership_id, kind, at, controller_agency_id, record)"
    " VALUES ('0', 'p', 'request.made', '2026-01-01 00:00:00.000000', 'a', '')"
)
ELSEWHERE = {
    "a record is edited": [
        "UPDATE ledger_record SET record = replace(record, 'permit', 'deny') WHERE entry_id = '{0}'"
    ],
    "a record is deleted": ["DELETE FROM ledger_record WHERE entry_id = '{0}'"],
    "a link to a person is deleted": ["DELETE FROM ledger_subject WHERE entry_id = '{0}'"],
    "a leaf is edited": ["UPDATE ledger_leaf SET leaf = x'01' WHERE position = 0"],
    "a leaf is deleted": ["DELETE FROM ledger_leaf WHERE position = 0"],
    "two entries change places": [
        "UPDATE ledger_leaf SET position = -1 WHERE position = 0",
        "UPDATE ledger_leaf SET position = 0 WHERE position = 2",
        "UPDATE ledger_leaf SET position = 2 WHERE position = -1",
    ],
    "two records are swapped": [
        "UPDATE ledger_record SET entry_id = '-' WHERE entry_id = '{0}'",
        "UPDATE ledger_record SET entry_id = '{0}' WHERE entry_id = '{2}'",
        "UPDATE ledger_record SET entry_id = '{2}' WHERE entry_id = '-'",
    ],
    "a checkpoint is edited": ["UPDATE ledger_checkpoint SET note = replace(note, 'l', 'm') WHERE size = 2"],
    "a record is slipped in": [_SLIPPED_IN],
}


@pytest.mark.parametrize("fault", ELSEWHERE)
def test_a_fault_elsewhere_is_found_by_the_next_whole_check_and_said_from_then_on(
    sqlite_store: Store, large_on_sqlite: Journal, fault: str
) -> None:
    store, journal = sqlite_store, large_on_sqlite
    ids = two_of_hers_among_others(store)
    assert audit_of(store).check_whole(store) == ()

    for statement in ELSEWHERE[fault]:
        edit(store, statement.format(*ids))

    assert not of_the_whole(store).verified
    with store.reading() as unit:
        assert releases_allowed(unit) is None
    with capture_logs() as logs:
        assert audit_of(store).check_whole(store)
        audit_of(store).check_whole(store)
    alerts = [(line["event"], line["code"]) for line in logs if line["log_level"] == "critical"]
    assert alerts == [("ledger_damaged", "whole_check")]
    assert hers(store).sentence == f"The log does not verify: {journal.damaged}."
    assert "(found at " in str(journal.damaged)
    with store.reading() as unit:
        assert "Nothing is released" in str(releases_allowed(unit))


def test_a_view_that_finds_a_fault_asks_for_the_whole_check(
    sqlite_store: Store, large_on_sqlite: Journal
) -> None:
    ids = two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)
    hers(sqlite_store)
    assert not audit_of(sqlite_store).wanted.is_set()

    edit(sqlite_store, f"UPDATE ledger_record SET case_id = 'x' WHERE entry_id = '{ids[1]}'")
    hers(sqlite_store)

    assert audit_of(sqlite_store).wanted.is_set()


@pytest.mark.parametrize("small", [0, 100], ids=["large", "small"])
def test_a_truncated_log_is_seen_at_once_by_whoever_knew_more(
    sqlite_store: Store, sqlite_journal: Journal, small: int
) -> None:
    sqlite_journal.small = small
    two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)

    for table in ("record", "subject"):
        last = "SELECT entry_id FROM ledger_leaf WHERE position = 4"
        edit(sqlite_store, f"DELETE FROM ledger_{table} WHERE entry_id IN ({last})")
    edit(sqlite_store, "DELETE FROM ledger_leaf WHERE position = 4")
    edit(sqlite_store, "DELETE FROM ledger_checkpoint WHERE size = 5")

    assert of_the_whole(sqlite_store).verified  # whole in itself: only who knew more can tell
    assert hers(sqlite_store).sentence == "The log does not verify: entries 5 to 5 are missing from the end."
    assert audit_of(sqlite_store).check_whole(sqlite_store) == ("entries 5 to 5 are missing from the end",)


def test_a_log_written_anew_with_its_own_key_is_seen_by_whoever_knew_the_other(
    sqlite_store: Store, large_on_sqlite: Journal
) -> None:
    two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)
    for table in ("record", "subject", "leaf", "checkpoint"):
        edit(sqlite_store, f"DELETE FROM ledger_{table}")
    anew = Journal(large_on_sqlite.origin, large_on_sqlite.keys, small=0).attach(sqlite_store)
    two_of_hers_among_others(sqlite_store)
    recorded(sqlite_store)

    assert of_the_whole(sqlite_store).verified
    assert hers(sqlite_store).problems
    assert audit_of(sqlite_store).check_whole(sqlite_store) == (
        "the first 5 entries are not those that were checked before",
    )
    assert anew.damaged


def test_what_was_added_since_the_last_check_is_checked_whoever_it_is_about(
    sqlite_store: Store, large_on_sqlite: Journal
) -> None:
    two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)
    added = recorded(sqlite_store, 1, subject_ids=(ROBIN,))[0]
    assert hers(sqlite_store).verified

    edit(sqlite_store, f"UPDATE ledger_record SET case_id = 'x' WHERE entry_id = '{added}'")

    assert hers(sqlite_store).sentence.startswith("The log does not verify: entry 6 is filed under")


def test_a_leaf_added_without_a_signature_is_seen_at_once(
    sqlite_store: Store, large_on_sqlite: Journal
) -> None:
    two_of_hers_among_others(sqlite_store)
    audit_of(sqlite_store).check_whole(sqlite_store)

    edit(sqlite_store, "INSERT INTO ledger_leaf (epoch, position, entry_id, leaf) VALUES (1, 5, '0', x'01')")

    assert hers(sqlite_store).problems


def test_what_is_too_new_and_too_much_is_said_to_be_unchecked(
    store: Store, large: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_of_hers_among_others(store)
    audit_of(store).check_whole(store)
    recorded(store, 2, subject_ids=(ROBIN,))
    monkeypatch.setattr(audit, "_MOST_NEW", 0)

    found = hers(store)

    assert not found.verified
    assert found.sentence.startswith("All 5 entries were as they were recorded when")
    assert found.sentence.endswith("(2) were checked just now. 2 newer ones have not been checked yet.")
    assert audit_of(store).wanted.is_set()


@pytest.mark.parametrize("table", ["record", "leaf", "checkpoint", "subject"])
def test_any_edit_of_a_small_log_is_seen_at_the_next_view(
    sqlite_store: Store, sqlite_journal: Journal, table: str
) -> None:
    ids = two_of_hers_among_others(sqlite_store)
    assert hers(sqlite_store).sentence.startswith("The log verifies: all 5 entries are as they were recorded")

    edit(
        sqlite_store,
        {
            "record": f"UPDATE ledger_record SET case_id = 'x' WHERE entry_id = '{ids[0]}'",
            "leaf": "UPDATE ledger_leaf SET leaf = x'01' WHERE position = 0",
            "checkpoint": "UPDATE ledger_checkpoint SET note = 'x' WHERE size = 3",
            "subject": f"DELETE FROM ledger_subject WHERE entry_id = '{ids[0]}'",
        }[table],
    )

    assert hers(sqlite_store).sentence.startswith("The log does not verify: ")


def test_what_is_wrong_beyond_the_first_few_is_not_forgotten_once_those_are_mended(
    sqlite_store: Store, large_on_sqlite: Journal
) -> None:
    with sqlite_store.writing() as unit:
        for _ in range(300):
            record(unit, entry(words={}))
    first = (
        "UPDATE ledger_record SET case_id = {} WHERE entry_id IN (SELECT entry_id FROM ledger_leaf WHERE {})"
    )
    many, last = "position < 40", "position = 299"
    for which in (many, last):
        edit(sqlite_store, first.format("'x'", which))
    assert audit_of(sqlite_store).check_whole(sqlite_store)

    edit(sqlite_store, first.format(f"'{CASE}'", many))
    left = audit_of(sqlite_store).check_whole(sqlite_store)
    assert left == ("entry 300 is filed under something other than what was recorded",)


def test_the_whole_check_lets_others_write_and_what_they_add_is_no_fault(
    store: Store, large: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.writing() as unit:
        ids = [record(unit, entry(words={})) for _ in range(600)]
    steps: list[int] = []

    @contextmanager
    def step(store: Store, _rest: float) -> Iterator[Unit]:
        with store.reading() as unit:
            yield unit
        steps.append(len(steps))
        with store.writing() as unit:  # nobody holds a transaction open, so this doesn't wait
            decided = entry(EntryKind.ENTRY_HELD, words={"reasons": "It would tip somebody off"})
            held = ids[len(steps)]
            hold(unit, held, decided, reviewer_post_id=OFFICER, review_on=date(2030, 1, 1))

    monkeypatch.setattr(audit, "_step", step)

    assert hers(store).problems == ()  # by the proofs of all 600
    assert audit_of(store).check_whole(store) == ()
    assert hers(store).verified
    assert len(steps) >= 3 + 4
    assert of_the_whole(store).verified


def test_the_check_goes_on_in_the_background_and_is_made_at_once_when_wanted(
    store: Store, large: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(store, 2)
    checked = Event()
    check: Callable[..., object] = Audit.check_whole

    def noted(self: Audit, *given: object) -> object:
        found = check(self, *given)
        checked.set()
        return found

    monkeypatch.setattr(Audit, "check_whole", noted)
    checks = Checks(store).start()
    try:
        assert checked.wait(20)
        assert hers(store).verified
        checked.clear()
        audit_of(store).wanted.set()
        assert checked.wait(20)
    finally:
        checks.stop()
        checks._thread.join(20)
    assert not checks._thread.is_alive()
