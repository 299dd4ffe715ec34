"""One unit of work: everything in it commits together, dated once, or nothing of it happened."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from gateway.clock import FixedClock, SystemClock
from gateway.errors import NotConfirmed, Unavailable
from gateway.store.engine import make_engine, writing
from gateway.store.root_keys import FileRootKey
from gateway.store.unit_of_work import Store, Unit
from gateway.store.vault import Scope, Vault, VaultEpoch, VaultKey

OWNER = "a" * 32


def add_key(unit: Unit, owner: str = OWNER) -> None:
    # A parcel's key: other keys are made aside, because several acts may need them first.
    unit.vault.seal(unit.session, Scope.PARCEL, owner, "words", where="here")


def owners(store: Store) -> list[str]:
    with store.reading() as unit:
        return sorted(unit.session.exec(select(VaultKey.owner_id)).all())


def test_what_a_block_did_is_there_after_it(store: Store) -> None:
    with store.writing() as unit:
        add_key(unit)
    assert owners(store) == [OWNER]


def test_an_exception_undoes_the_whole_block(store: Store) -> None:
    with suppress(KeyError), store.writing() as unit:
        add_key(unit)
        unit.session.flush()
        raise KeyError
    assert owners(store) == []


def test_hooks_run_once_per_key_in_order_inside_the_transaction(store: Store) -> None:
    ran: list[str] = []

    def first(unit: Unit) -> None:
        ran.append("first")
        add_key(unit)
        unit.before_commit(lambda _: ran.append("third"), "third")
        unit.before_commit(first, "first")

    with store.writing() as unit:
        unit.before_commit(first, "first")
        unit.before_commit(lambda _: ran.append("second"), "second")
        unit.before_commit(lambda _: ran.append("first again"), "first")
        unit.after_commit(lambda _: ran.append(f"after: {owners(store)}"))
    assert ran == ["first", "second", "third", f"after: {[OWNER]}"]


def test_a_failing_hook_undoes_everything_and_no_later_hook_runs(store: Store) -> None:
    ran: list[str] = []

    def fail(_: Unit) -> None:
        raise LookupError

    with suppress(LookupError), store.writing() as unit:
        add_key(unit)
        unit.before_commit(fail, "entry")
        unit.after_commit(lambda _: ran.append("after"))
    assert (owners(store), ran) == ([], [])


def test_what_follows_a_commit_cannot_undo_or_fail_it(store: Store) -> None:
    def fail(_: Unit) -> None:
        raise LookupError

    with store.writing() as unit:
        add_key(unit)
        unit.after_commit(fail)
    assert owners(store) == [OWNER]


@pytest.mark.parametrize("kind", ["writing", "reading"])
def test_nobody_but_the_unit_commits(store: Store, kind: str) -> None:
    with pytest.raises(RuntimeError, match="only the unit of work commits"), getattr(store, kind)() as unit:
        unit.session.commit()


def test_a_reading_unit_refuses_new_rows(store: Store) -> None:
    with store.reading() as unit:
        unit.session.add(VaultEpoch(number=1, root_name="x", created_at=unit.now))
        with pytest.raises(RuntimeError, match="only reads"):
            unit.session.flush()


def test_a_reading_unit_refuses_plain_sql_that_writes(store: Store) -> None:
    with pytest.raises(Unavailable), store.reading() as unit:
        unit.session.execute(sa.text("DELETE FROM vault_key"))


def test_a_connection_that_read_writes_again_afterwards(store: Store) -> None:
    for number in range(6):
        assert len(owners(store)) == number
        with store.writing() as unit:
            add_key(unit, f"{number:032x}")


def test_a_second_writing_unit_inside_the_first_is_refused(store: Store) -> None:
    with store.writing(), pytest.raises(RuntimeError, match="already open"), store.writing():
        pass


def test_a_reader_keeps_its_snapshot_while_others_write(store: Store) -> None:
    with store.reading() as reader:
        before = reader.session.exec(select(VaultKey.id)).all()
        in_another_thread(lambda: write_one(store, OWNER))
        assert reader.session.exec(select(VaultKey.id)).all() == before == []


def test_times_in_a_unit_are_its_own_and_do_not_move(store: Store, clock: FixedClock) -> None:
    with store.writing() as unit:
        started = unit.now
        clock.advance(timedelta(hours=1))
        add_key(unit)
    with store.reading() as unit:
        assert unit.session.exec(select(VaultKey.created_at)).one() == started


def test_a_refused_statement_answers_not_confirmed_and_stores_nothing(store: Store) -> None:
    """Planted fault: the database refuses one insert in the middle of the transaction."""
    plant_failing_trigger(store, "vault_key")
    with pytest.raises(NotConfirmed), store.writing() as unit:
        add_key(unit)
    with store.reading() as unit:
        assert unit.session.exec(select(VaultEpoch.id)).all() == []


def test_writers_in_threads_and_processes_lose_nothing(store: Store, root_file: Path) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("spawn").Process(target=write_many, args=(url, str(root_file)))
    threads = [threading.Thread(target=write_ten, args=(store, f"thread-{n}")) for n in range(3)]
    process.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.join()
    assert len(owners(store)) == 10 + 3 * 10


def test_one_owner_gets_one_key_however_many_ask_at_once(postgresql_store: Store) -> None:
    store, barrier, sealed = postgresql_store, threading.Barrier(6), []

    def seal() -> None:
        with store.writing() as unit:
            barrier.wait()
            sealed.append(unit.vault.seal(unit.session, Scope.CASE, OWNER, "words", where="here"))

    threads = [threading.Thread(target=seal) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as unit:
        opened = {unit.vault.open(unit.session, Scope.CASE, OWNER, item, where="here") for item in sealed}
    assert (len(sealed), opened) == (6, {"words"})


def test_one_of_two_in_a_deadlock_is_not_confirmed_and_leaves_nothing(postgresql_store: Store) -> None:
    store, barrier = postgresql_store, threading.Barrier(2)
    for owner in ("one", "two"):
        write_one(store, owner)

    def cross(first: str, second: str) -> str | None:
        with suppress(NotConfirmed), store.writing() as unit:
            add_key(unit, f"after {first}")
            lock_key(unit, first)
            barrier.wait()
            lock_key(unit, second)
            return f"after {first}"
        return None

    with ThreadPoolExecutor(2) as pool:
        done = [one for one in pool.map(cross, ("one", "two"), ("two", "one")) if one]
    assert len(done) == 1
    assert owners(store) == [*done, "one", "two"]


def test_a_store_that_is_gone_answers_unavailable(sqlite_url: str, clock: FixedClock, vault: Vault) -> None:
    store = Store(make_engine(sqlite_url), clock, vault)
    file = Path(store.engine.url.database or "")
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable), store.reading() as unit:
        unit.session.exec(select(VaultKey.id)).all()
    store.close()


def lock_key(unit: Unit, owner: str) -> None:
    unit.session.exec(select(VaultKey).where(VaultKey.owner_id == owner).with_for_update()).one()


def plant_failing_trigger(store: Store, table: str) -> None:
    planted = f"CREATE TRIGGER planted BEFORE INSERT ON {table} "
    refuse = "BEGIN RAISE EXCEPTION 'planted'; END"
    statements = {
        "sqlite": [planted + "BEGIN SELECT RAISE(ABORT, 'planted'); END"],
        "postgresql": [
            f"CREATE FUNCTION planted() RETURNS trigger AS $$ {refuse} $$ LANGUAGE plpgsql",
            planted + "FOR EACH ROW EXECUTE FUNCTION planted()",
        ],
    }
    with writing(store.engine).begin() as connection:
        for statement in statements[store.dialect]:
            connection.exec_driver_sql(statement)


def in_another_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def write_one(store: Store, owner: str) -> None:
    with store.writing() as unit:
        add_key(unit, owner)


def write_ten(store: Store, name: str) -> None:
    for number in range(10):
        write_one(store, f"{name}-{number}")


def write_many(url: str, root_file: str) -> None:
    store = Store(make_engine(url, pool_size=1), SystemClock(), Vault(FileRootKey(Path(root_file))))
    write_ten(store, "process")
    store.close()


def test_the_present_is_aware(store: Store) -> None:
    with store.reading() as unit:
        assert isinstance(unit.now, datetime)
        assert unit.now.utcoffset() == timedelta(0)


@pytest.mark.parametrize("one_act_alone", [frozenset({"parcel"}), frozenset(Scope)])
def test_acts_that_make_the_same_new_keys_in_any_order_never_wait_for_each_other(
    postgresql_url: str,
    clock: FixedClock,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
    one_act_alone: frozenset[str],
) -> None:
    """Each of eight has made its first key when it comes to those of the others.

    Planted fault: made inside the acts, the keys can't all be had.
    """
    monkeypatch.setattr("gateway.store.vault._OF_ONE_ACT", one_act_alone)
    store = Store(make_engine(postgresql_url, pool_size=8), clock, vault)
    write_one(store, OWNER)
    barrier, owners_of_all = threading.Barrier(8, timeout=30), [f"{n:032x}" for n in range(8)]

    def act(number: int) -> bool:
        with suppress(NotConfirmed), store.writing() as unit:
            for owner in owners_of_all[number:] + owners_of_all[:number]:
                unit.vault.seal(unit.session, Scope.SUBJECT, owner, "words", where="here")
                if owner == owners_of_all[number]:
                    barrier.wait()
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(act, range(8)))
    store.close()
    assert all(done) == ("subject" not in one_act_alone)
