"""Erasure takes what an entry says and leaves its place; a held entry is counted now and revealed later."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from gateway_verify.cli import main

from gateway.errors import Conflict, Erased, Invalid, NotFound
from gateway.ledger.append import record
from gateway.ledger.entries import EntryKind
from gateway.ledger.erase import erase
from gateway.ledger.export import export
from gateway.ledger.hold import held, hold, keep_holding, reveal
from gateway.ledger.journal import Journal
from gateway.ledger.publish import opening_of
from gateway.ledger.read import entries_for_subject, entry, words_of
from gateway.ledger.verify import verify_store
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store
from gateway.store.vault import Scope
from tests.ledger.made import CASE, JANE, OFFICER, PARTNERSHIP, edit, recorded
from tests.ledger.made import entry as made

LATER = date(2027, 2, 1)


def test_an_erased_entry_is_gone_and_the_log_still_verifies(
    store: Store, journal: Journal, tmp_path: Path
) -> None:
    ids = recorded(store, 3)
    with store.writing() as unit:
        erase(unit, [ids[1]], made(words={"why": "Retention has run out"}))

    with store.reading() as unit:
        found = verify_store(unit)
        assert found.verified
        assert found.erased == 1
        assert "1 of them were erased by a recorded decision" in found.sentence
        with pytest.raises(Erased):
            entry(unit, ids[1])
        with pytest.raises(Erased):
            opening_of(unit, ids[1])
        assert [one.entry_id for one in entries_for_subject(unit, JANE).entries[-2:]] != [ids[1]]
        export(unit, tmp_path / "log")
    assert main([str(tmp_path / "log"), "--policy", str(tmp_path / "log/policy.txt")]) == 0


def test_an_erasure_that_nobody_recorded_is_noticed(sqlite_store: Store, sqlite_journal: Journal) -> None:
    ids = recorded(sqlite_store, 3)
    with writing(sqlite_store.engine).begin() as connection:
        connection.execute(
            sa.text("INSERT INTO ledger_erasure VALUES (:id, :p, :by, '2026-11-22 10:00:00.000000')"),
            {"id": ids[1], "p": PARTNERSHIP, "by": ids[0]},
        )
        connection.execute(sa.text("DELETE FROM ledger_subject WHERE entry_id = :id"), {"id": ids[1]})
        connection.execute(sa.text("DELETE FROM ledger_record WHERE entry_id = :id"), {"id": ids[1]})

    with sqlite_store.reading() as unit:
        assert (
            "entry 2 is marked as erased by an entry that says something else" in verify_store(unit).sentence
        )


def test_an_erasure_needs_reasons_and_spares_what_accounts_for_others(store: Store, journal: Journal) -> None:
    ids = recorded(store, 1)
    public = recorded(
        store, 1, kind=EntryKind.KEY_REVOKED, public=True, subject_ids=(), case_id=None, words={}
    )
    with pytest.raises(Invalid), store.writing() as unit:
        erase(unit, ids, made(words={}))
    with pytest.raises(Conflict), store.writing() as unit:
        erase(unit, public, made())
    with pytest.raises(NotFound), store.writing() as unit:
        erase(unit, ["0" * 32], made())
    with store.writing() as unit:
        by = erase(unit, ids, made())
    with pytest.raises(Conflict), store.writing() as unit:
        erase(unit, [by], made())


def test_words_go_with_the_persons_key_and_the_record_stays(store: Store, journal: Journal) -> None:
    ids = recorded(store, 2)
    with store.reading() as unit:
        assert words_of(unit, ids[0])["by"] == "PC Ann Example"
    with store.writing() as unit:
        unit.vault.destroy(unit.session, Scope.SUBJECT, JANE)
        said = record(unit, made(EntryKind.SUBJECT_ERASED, case_id=None))

    with store.reading() as unit:
        with pytest.raises(Erased):
            words_of(unit, ids[0])
        assert entry(unit, ids[0]).codes["outcome"] == "permit"
        assert verify_store(unit).verified
    with pytest.raises(Conflict), store.writing() as unit:
        erase(unit, [said], made())


@pytest.mark.parametrize(
    ("scope", "kind", "codes"),
    [(Scope.SUBJECT, EntryKind.SUBJECT_ERASED, {}), (Scope.CASE, EntryKind.CASE_CLOSED, {"step": "erased"})],
)
def test_words_whose_key_was_destroyed_without_a_recorded_decision_are_missed(
    sqlite_store: Store, sqlite_journal: Journal, scope: Scope, kind: EntryKind, codes: dict[str, str]
) -> None:
    store = sqlite_store
    about: dict[str, Any] = {} if scope is Scope.SUBJECT else {"subject_ids": ()}
    recorded(store, 2, **about)
    owner = JANE if scope is Scope.SUBJECT else CASE
    with store.reading() as unit:
        assert verify_store(unit).verified  # and remembered
    gone = "UPDATE vault_key SET wrapped = NULL, destroyed_at = '2026-11-22 10:00:00.000000'"
    edit(store, f"{gone} WHERE scope = '{scope}' AND owner_id = '{owner}'")
    with store.reading() as unit:
        assert "no recorded decision erased whose it was" in " ".join(verify_store(unit).problems)

    recorded(store, 1, kind=EntryKind.CASE_CLOSED, codes={"step": "closed"}, **about)
    with store.reading() as unit:
        assert not verify_store(unit).verified, "closed is not erased"
    recorded(store, 1, kind=kind, codes=codes, **about)
    with store.reading() as unit:
        assert verify_store(unit).verified


def test_a_key_that_is_gone_is_missed_though_its_entries_were_checked(
    sqlite_store: Store, sqlite_journal: Journal
) -> None:
    store = sqlite_store
    recorded(store, 2)
    with store.reading() as unit:
        assert verify_store(unit).verified
    edit(store, "DELETE FROM vault_key WHERE scope = 'subject' AND owner_id = :jane", jane=JANE)
    with store.reading() as unit:
        assert "has words whose key is missing" in " ".join(verify_store(unit).problems)


def test_a_held_entry_is_counted_and_says_nothing_until_revealed(store: Store, journal: Journal) -> None:
    ids = recorded(store, 2)
    with store.writing() as unit:
        hold(unit, ids[0], made(subject_ids=()), reviewer_post_id=OFFICER, review_on=LATER)

    with store.reading() as unit:
        found = entries_for_subject(unit, JANE)
        assert [one.entry_id for one in found.entries] == [ids[1]]
        assert [(one.number, one.review_on) for one in found.held] == [(1, LATER)]
        with pytest.raises(NotFound):
            entry(unit, ids[0])
        assert entry(unit, ids[0], reviewing=True).entry_id == ids[0]
        assert [one.entry_id for one in held(unit, PARTNERSHIP, LATER)] == [ids[0]]
        assert verify_store(unit).verified
    with store.writing() as unit:
        keep_holding(unit, ids[0], made(subject_ids=()), reviewer_post_id=OFFICER, review_on=date(2027, 6, 1))
    with store.writing() as unit:
        reveal(unit, ids[0], made(subject_ids=()))
    with store.reading() as unit:
        assert len(entries_for_subject(unit, JANE).entries) == 2
        assert verify_store(unit).verified


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_hold",
        "UPDATE ledger_hold SET review_on = '2030-01-01'",
        "UPDATE ledger_hold SET reviewer_post_id = 'x'",
        "UPDATE ledger_hold SET revealed_by_entry_id = by_entry_id",
        """INSERT INTO ledger_hold SELECT entry_id, partnership_id, by_entry_id, reviewer_post_id, review_on, NULL
        FROM (SELECT r.entry_id, h.partnership_id, h.by_entry_id, h.reviewer_post_id, h.review_on
        FROM ledger_record r, ledger_hold h WHERE r.entry_id NOT IN (SELECT entry_id FROM ledger_hold) LIMIT 1)""",
    ],
)
def test_hiding_or_showing_an_entry_without_a_decision_is_noticed(
    sqlite_store: Store, sqlite_journal: Journal, statement: str
) -> None:
    ids = recorded(sqlite_store, 2)
    with sqlite_store.writing() as unit:
        hold(unit, ids[0], made(), reviewer_post_id=OFFICER, review_on=LATER)
    edit(sqlite_store, statement)

    with sqlite_store.reading() as unit:
        assert "held or shown otherwise than was decided" in verify_store(unit).sentence
