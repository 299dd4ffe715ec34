"""After a restore a new log begins with what the witnesses last saw; the old one stays checkable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from gateway_verify.cli import main
from gateway_verify.opening import Opening

from gateway.clock import FixedClock
from gateway.errors import Conflict, Invalid, NotConfirmed
from gateway.ledger.epoch import Restored, begin_epoch, frozen_before
from gateway.ledger.export import export
from gateway.ledger.journal import Journal, create_log_keys, load_log_keys
from gateway.ledger.publish import opening_of
from gateway.ledger.verify import verify_store
from gateway.ledger.witness import ask_witnesses, compare_at_start
from gateway.ledger.witness_log import WitnessLog, origin_hash
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store
from tests.conftest import NOW
from tests.ledger.made import OFFICER, ORIGIN, PARTNERSHIP, POLICE, recorded
from tests.ledger.test_witnesses_see_what_the_database_can_hide import cut_tail
from tests.ledger.witnesses import running

RESTORED = Restored(
    "", OFFICER, "9" * 32, PARTNERSHIP, POLICE, "The disk failed; the backup of Friday was restored"
)


def test_the_drill(sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path) -> None:
    store, journal = sqlite_store, sqlite_journal
    create_log_keys(tmp_path / "new.key")
    keys = load_log_keys(tmp_path / "new.key")
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 5)
        ask_witnesses(store, journal)
        cut_tail(store, 3)
        compare_at_start(store, journal)
        with pytest.raises(NotConfirmed):
            recorded(store, 1)
        seen = gathered(witnesses)
        restored = replace(RESTORED, witnessed=seen)

        with pytest.raises(Invalid), store.writing() as unit:
            begin_epoch(unit, keys, replace(restored, second_officer_post_id=OFFICER))
        with pytest.raises(Invalid), store.writing() as unit:
            begin_epoch(
                unit, keys, replace(restored, witnessed=witnesses[0].latest(origin_hash(ORIGIN)) or "")
            )
        with store.writing() as unit:
            first = begin_epoch(unit, keys, restored)

        for one in witnesses:
            one.trust(journal.vkey(f"{ORIGIN}/epoch-2"))
        recorded(store, 2)
        assert len(ask_witnesses(store, journal).cosigned) == 3
    with store.reading() as unit:
        proof = opening_of(unit, first)
        assert proof.index == 0
        assert proof.extra is not None
        codes = Opening.from_bytes(proof.extra).fields()["codes"]
        assert (codes["witnessed_size"], codes["held"], codes["lost"]) == (5, 3, 2)
        assert frozen_before(unit) == NOW
        assert verify_store(unit).verified
        assert verify_store(unit).entries == 3 + 2 + 2
        export(unit, tmp_path / "log", newest=True)
    policy = tmp_path / "log/policy.txt"
    assert main([str(tmp_path / "log"), "--policy", str(policy)]) == 0
    with writing(store.engine).begin() as connection:
        connection.execute(
            sa.text("UPDATE ledger_epoch SET log_key = :key WHERE number = 1"), {"key": stranger(tmp_path)}
        )
    with store.reading() as unit:
        assert "does not begin where" in " ".join(verify_store(unit).problems)


def stranger(folder: Path) -> str:
    """A key that someone put in the place of the former log's."""
    create_log_keys(folder / "stranger.key")
    return str(load_log_keys(folder / "stranger.key").public(ORIGIN)[0])


def gathered(witnesses: list[WitnessLog]) -> str:
    """One note with every witness's line, as an operator collects it from their addresses."""
    from gateway_verify.note import Note, parse_note

    notes = [parse_note(one.latest(origin_hash(ORIGIN)) or "") for one in witnesses]
    lines = dict.fromkeys(line for note in notes for line in note.signatures)
    return str(Note(notes[0].text, tuple(lines)))


def test_a_log_that_lost_nothing_is_not_begun_again(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    create_log_keys(tmp_path / "new.key")
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 5)
        ask_witnesses(store, journal)
        restored = replace(RESTORED, witnessed=gathered(witnesses))

        with pytest.raises(Conflict), store.writing() as unit:
            begin_epoch(unit, load_log_keys(tmp_path / "new.key"), restored)
    with store.reading() as unit:
        assert frozen_before(unit) is None
