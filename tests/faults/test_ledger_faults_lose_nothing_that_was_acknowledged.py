"""Killed writers, failing inserts, a full disk, torn files: what was acknowledged is there, or nothing was done."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from gateway.cli.bench_ledger import create_tables
from gateway.errors import GatewayError, NotConfirmed
from gateway.ledger import journal as journal_module
from gateway.ledger import sequencer
from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import FileLogKeys, create_log_keys
from gateway.ledger.models import LedgerLeaf, LedgerRecord
from gateway.ledger.publish import newest_checkpoint
from gateway.ledger.read import is_under_checkpoint
from gateway.ledger.sequencer import catch_up
from gateway.ledger.verify import verify_store
from gateway.ledger.witness import ask_witnesses, compare_at_start
from gateway.store.engine import make_engine, writing
from gateway.store.unit_of_work import Store
from tests.conftest import Finds
from tests.faults.full_disk import REFUSED
from tests.faults.ledger_writers import Place, Writers
from tests.ledger.conftest import journal, log_keys, sqlite_journal  # noqa: F401
from tests.ledger.made import ORIGIN, recorded
from tests.ledger.witnesses import running
from tests.postgres import wait_until_left


@pytest.fixture
def place(store_url: str, root_file: Path, tmp_path: Path) -> Place:
    create_log_keys(tmp_path / "ledger.key")
    return Place(store_url, root_file, tmp_path / "ledger.key")


def killed(place: Place, times: int) -> str:
    """Kill writers so many times; gives what was found, in words."""
    writers = Writers(place, workers=2, clients=4)
    chosen = random.Random(4)
    for _ in range(times):
        writers.start()
        writers.wait_for(chosen.randint(1, 20))
        writers.kill()
    if place.url.startswith("postgresql"):
        wait_until_left(place.url)  # else an act of theirs may still commit between the two looks below
    store = place.open()
    catch_up(store)
    with store.reading() as unit:
        lost = [entry_id for entry_id in writers.acknowledged if not is_under_checkpoint(unit, entry_id)]
        found = verify_store(unit)
    store.close()
    assert lost == []
    assert len(writers.acknowledged) >= times
    assert found.verified, found.problems
    assert found.waiting == 0
    assert found.entries >= len(writers.acknowledged)
    kept = f"{len(writers.acknowledged)} entries acknowledged, {len(lost)} lost"
    return f"{times} kills of 2 workers with 4 clients: {kept}"


def test_killing_writers_loses_no_acknowledged_entry(place: Place) -> None:
    killed(place, 3)


@pytest.mark.assure
def test_killing_writers_200_times_loses_no_acknowledged_entry(place: Place, finds: Finds) -> None:
    finds(killed(place, 200))


@contextmanager
def failing(store: Store, table: str) -> Iterator[None]:
    """Let every insert into a table fail."""
    if store.dialect == "sqlite":
        make = [f"CREATE TRIGGER fails BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'planted'); END"]
        drop = ["DROP TRIGGER fails"]
    else:
        body = "$$ BEGIN RAISE EXCEPTION 'planted'; END $$"
        make = [
            f"CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"CREATE TRIGGER fails BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fails()",
        ]
        drop = [f"DROP TRIGGER fails ON {table}"]
    _execute(store, make)
    yield
    _execute(store, drop)


def _execute(store: Store, statements: list[str]) -> None:
    with writing(store.engine).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.mark.parametrize("table", ["ledger_record", "ledger_subject", "ledger_leaf", "ledger_checkpoint"])
def test_an_insert_that_fails_is_not_confirmed_and_heals(store: Store, journal: Journal, table: str) -> None:  # noqa: F811
    recorded(store, 1)
    with failing(store, table), pytest.raises(NotConfirmed):
        recorded(store, 1)
    recorded(store, 1)

    with store.reading() as unit:
        found = verify_store(unit)
        records = unit.session.execute(sa.select(sa.func.count()).select_from(LedgerRecord)).scalar()
        leaves = unit.session.execute(sa.select(sa.func.count()).select_from(LedgerLeaf)).scalar()
    assert found.verified
    assert records == leaves
    # On PostgreSQL an act whose leaf could not be placed is stored, was not acknowledged, and is placed later.
    placed_later = store.dialect == "postgresql" and table in {"ledger_leaf", "ledger_checkpoint"}
    assert found.entries == (3 if placed_later else 2)


@pytest.mark.parametrize("error", [RuntimeError("planted"), KeyError("planted"), OSError("planted")])
def test_any_error_while_leaves_are_placed_is_not_confirmed_and_heals(
    store: Store,
    journal: Journal,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    recorded(store, 1)

    def fails(*_: object) -> None:
        raise error

    def refused(_: int) -> NotConfirmed:
        with pytest.raises(NotConfirmed) as found:
            recorded(store, 1)
        return found.value

    with monkeypatch.context() as broken, ThreadPoolExecutor(4) as clients:
        broken.setattr(sequencer, "integrate", fails)
        answers = list(clients.map(refused, range(4)))
    assert {answer.status for answer in answers} == {503}

    recorded(store, 1)

    with store.reading() as unit:
        found = verify_store(unit)
    assert found.verified, found.problems
    assert found.waiting == 0
    # On PostgreSQL the acts are stored, were not acknowledged, and are placed as soon as anything is.
    assert found.entries == (6 if store.dialect == "postgresql" else 2)


def test_without_a_journal_nothing_is_done(store: Store) -> None:
    with pytest.raises(NotConfirmed):
        recorded(store, 1)
    with store.reading() as unit:
        assert unit.session.execute(sa.select(sa.func.count()).select_from(LedgerRecord)).scalar() == 0


def test_a_wrong_key_records_nothing(store: Store, journal: Journal, tmp_path: Path) -> None:  # noqa: F811
    from gateway.ledger.log_keys import load_log_keys

    recorded(store, 1)
    create_log_keys(tmp_path / "other.key")
    Journal(ORIGIN, load_log_keys(tmp_path / "other.key")).attach(store)
    with pytest.raises(NotConfirmed, match="key"):
        recorded(store, 1)
    journal.attach(store)
    recorded(store, 1)
    with store.reading() as unit:
        assert verify_store(unit).verified


def test_a_damaged_tree_takes_no_entries(sqlite_store: Store, sqlite_journal: Journal) -> None:  # noqa: F811
    recorded(sqlite_store, 3)
    _execute(
        sqlite_store,
        ["DROP TRIGGER ledger_leaf_refuses_update", "UPDATE ledger_leaf SET leaf = x'00' WHERE position = 1"],
    )
    sqlite_journal._edge = None

    with pytest.raises(NotConfirmed, match="does not add up"):
        recorded(sqlite_store, 1)


def test_a_full_disk_is_not_confirmed_and_heals(root_file: Path, tmp_path: Path) -> None:
    """With 256 KiB of room on a file system: each request then answers 503, and the first with more is confirmed."""
    apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    mounting = [*apart, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here, not even in a namespace of one's own")
    create_log_keys(tmp_path / "ledger.key")
    store_file, disk = tmp_path / "store.sqlite3", tmp_path / "disk"
    create_tables(f"sqlite:///{store_file}")
    disk.mkdir()
    given = [disk, store_file, root_file, tmp_path / "ledger.key"]

    done = subprocess.run(
        [*apart, sys.executable, "-m", "tests.faults.full_disk", *given],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["before"] > 0
    assert told["refused"] == [[503, "database or disk is full"]] * REFUSED
    assert (told["lost"], told["problems"]) == ([], [])
    assert told["entries"] == told["before"] + told["after"]


def torn(
    store: Store,
    journal: Journal,  # noqa: F811
    clock: object,
    tmp_path: Path,
    count: int,
) -> str:
    """Cut and flip copies of the write-ahead log; each must come out whole, shorter and known as such, or refused.

    Gives in words how many were which.
    """
    database = Path(str(store.engine.url.database))
    recorded(store, 1)
    store.engine.dispose()
    keeper = store.engine.connect()  # keeps the log from being folded into the database
    recorded(store, 12)
    with running(tmp_path / "witnesses", journal, clock):  # type: ignore[arg-type]
        ask_witnesses(store, journal)
        with store.reading() as unit:
            whole = str(newest_checkpoint(unit).text)
        wal = Path(f"{database}-wal").read_bytes()
        chosen = random.Random(7)
        kinds = {"whole": 0, "shorter": 0, "refused": 0}
        for n in range(count):
            at = (n // 2) * len(wal) // max(count // 2, 1)
            data = (
                wal[:at]
                if n % 2
                else wal[:at] + bytes([wal[at] ^ (1 << chosen.randrange(8))]) + wal[at + 1 :]
            )
            kinds[_judged(store, journal, database, data, whole, tmp_path)] += 1
    keeper.close()
    assert kinds["shorter"], "nothing was lost: the test shows nothing"
    return f"write-ahead log torn or flipped at {count} places: " + ", ".join(
        f"{n} {kind}" for kind, n in kinds.items()
    )


def _judged(store: Store, journal: Journal, database: Path, wal: bytes, whole: str, tmp_path: Path) -> str:  # noqa: F811
    copy = tmp_path / "torn" / "copy.sqlite3"
    shutil.rmtree(copy.parent, ignore_errors=True)
    copy.parent.mkdir()
    shutil.copyfile(database, copy)
    Path(f"{copy}-wal").write_bytes(wal)
    restored = Store(make_engine(f"sqlite:///{copy}"), store.clock, store.vault)
    watched = Journal(journal.origin, journal.keys, policy=journal.policy).attach(restored)
    try:
        compare_at_start(restored, watched)
        if watched.stopped:
            return "shorter"
        with restored.reading() as unit:
            found = verify_store(unit)
            assert not found.verified or newest_checkpoint(unit).text == whole
        return "whole" if found.verified else "refused"
    except (GatewayError, DatabaseError):
        return "refused"
    finally:
        restored.close()


def test_a_torn_write_ahead_log_is_whole_or_known_to_be_shorter(
    sqlite_store: Store,
    sqlite_journal: Journal,  # noqa: F811
    clock: object,
    tmp_path: Path,
) -> None:
    torn(sqlite_store, sqlite_journal, clock, tmp_path, 16)


@pytest.mark.assure
def test_a_write_ahead_log_torn_everywhere_is_whole_or_known_to_be_shorter(
    sqlite_store: Store,
    sqlite_journal: Journal,  # noqa: F811
    clock: object,
    tmp_path: Path,
    finds: Finds,
) -> None:
    finds(torn(sqlite_store, sqlite_journal, clock, tmp_path, 1000))


def test_a_sequencer_that_hangs_loses_its_turn(
    postgresql_store: Store,
    log_keys: FileLogKeys,  # noqa: F811
) -> None:
    store = postgresql_store
    Journal(ORIGIN, log_keys).attach(store)
    recorded(store, 1)
    hung = make_engine(str(store.engine.url.render_as_string(hide_password=False)), pool_size=1).connect()
    hung.execute(
        sa.text("SELECT count(*) FROM ledger_take('{}', 0, 1)")
    )  # and then nothing: as a worker that was stopped in the middle

    recorded(store, 1)

    with pytest.raises(DatabaseError):
        hung.execute(sa.text("SELECT 1"))
    hung.engine.dispose()
    with store.reading() as unit:
        assert verify_store(unit).entries == 2


def test_what_a_dead_worker_left_waiting_is_placed_by_the_next(
    postgresql_store: Store,
    log_keys: FileLogKeys,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = postgresql_store
    Journal(ORIGIN, log_keys).attach(store)
    with monkeypatch.context() as dying:
        dying.setattr(sequencer, "wait_for", lambda *_: None)  # it commits its act and dies before its turn
        left = recorded(store, 2)
    with store.reading() as unit:
        assert not is_under_checkpoint(unit, left[0])
        assert verify_store(unit).waiting == 2

    assert catch_up(store) == 2

    with store.reading() as unit:
        assert all(is_under_checkpoint(unit, entry_id) for entry_id in left)
        assert verify_store(unit).verified


def test_an_act_that_commits_after_many_with_higher_numbers_is_placed_at_once(
    postgresql_store: Store,
    log_keys: FileLogKeys,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = postgresql_store
    monkeypatch.setattr(journal_module, "_EVERYWHERE_SECONDS", 3600.0)
    watched = Journal(ORIGIN, log_keys).attach(store)
    recorded(store, 1)  # now all of the outbox was looked at, and isn't of itself for an hour
    watched.turn.saw(10**6)
    late = recorded(store, 1)
    with store.reading() as unit:
        assert is_under_checkpoint(unit, late[0])
