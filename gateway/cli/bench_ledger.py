"""`gateway bench ledger`: what recording costs, beside what the same disk does with bare commits in the same run."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Barrier, local

import psycopg
import sqlalchemy as sa
from gateway_verify.audit import audit
from gateway_verify.merkle import inclusion_proof
from gateway_verify.policy import parse_policy
from gateway_verify.source import Folder
from rich.console import Console
from rich.table import Table
from sqlmodel import Session, SQLModel

from gateway.cli.bench_postgresql import served
from gateway.clock import SystemClock
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.export import export
from gateway.ledger.grow import Leaf, integrate
from gateway.ledger.journal import Journal, journal_of
from gateway.ledger.log_keys import create_log_keys, load_log_keys
from gateway.ledger.tree import stored_tree
from gateway.ledger.verify import verify_store
from gateway.store.engine import make_engine, straight_all, writing
from gateway.store.migrate import apply_guards
from gateway.store.modules import import_models
from gateway.store.root_keys import FileRootKey, create_root_file
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Store, Unit
from gateway.store.vault import Vault

_ORIGIN = "bench.invalid/ledger"
_WARM = 5
# Two workers by default, four in production.example.toml; 8 threads in each.
_AS_SHIPPED = ((1, 1), (8, 2), (32, 4))
_LINES = 20  # ten lines decided: an entry for the decision and one for the release of each
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Row:
    """One line of the table; times are in milliseconds, `ratio` compares with bare durable inserts of this run."""

    what: str
    per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    ratio: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Place:
    """Where the stores and keys of this run are."""

    folder: Path

    def open(self, url: str, pool: int = 4) -> Store:
        """Open a store with a journal, as one worker does."""
        store = Store(
            make_engine(url, pool_size=pool), SystemClock(), Vault(FileRootKey(self.folder / "root"))
        )
        Journal(_ORIGIN, load_log_keys(self.folder / "log")).attach(store)
        return store

    def sqlite(self, name: str) -> str:
        """Give the URL of a new SQLite store with the ledger's tables."""
        url = f"sqlite:///{self.folder / name}"
        create_tables(url)
        return url


def create_tables(url: str) -> None:
    """Make the tables that recording needs, if they are not there."""
    import_models()
    engine = make_engine(url, pool_size=1)
    needed = [
        table for name, table in SQLModel.metadata.tables.items() if name.startswith(("ledger_", "vault_"))
    ]
    with writing(engine).begin() as connection:
        SQLModel.metadata.create_all(connection, tables=needed)
        apply_guards(connection)
    engine.dispose()


def run(*, full: bool = False, postgresql: str | None = None, folder: Path | None = None) -> list[Row]:
    """Measure and give the rows.

    Takes the URL of an empty PostgreSQL database (one is started where its programs are installed and none is given),
    and the folder whose disk is measured (a temporary one by default). `full` measures 10^6 entries, and growth up to
    10^7, and takes many minutes.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Place(Path(name))
        create_root_file(place.folder / "root")
        create_log_keys(place.folder / "log")
        rows = list(_sqlite_rows(place, 2_000 if full else 300))
        with served(postgresql) as url:
            if url is not None:
                rows += _postgresql_rows(place, url, 16_000 if full else 1_600)
        return rows + list(_size_rows(place, 1_000_000 if full else 20_000, growth=full))


def show(rows: list[Row], console: Console | None = None) -> None:
    """Print the rows as a table."""
    table = Table("what", "per second", "p50 ms", "p99 ms", "ratio", "note")
    for row in rows:
        numbers = (row.per_second, row.p50_ms, row.p99_ms, row.ratio)
        table.add_row(row.what, *("" if one is None else f"{one:,.2f}" for one in numbers), row.note)
    (console or Console()).print(table)


def as_json(rows: list[Row]) -> dict[str, list[dict[str, object]]]:
    """Give the rows for `--json`."""
    return {"rows": [asdict(row) for row in rows]}


def _entry() -> Entry:
    subject = os.urandom(16).hex()[:1] * 32
    return Entry(
        EntryKind.RELEASE_MADE,
        "a" * 32,
        "b" * 32,
        "c" * 32,
        "d" * 32,
        (subject,),
        case_id="e" * 32,
        request_id=new_id(),
        refs={"line": new_id(), "parcel": new_id()},
        codes={"purpose": "risk_management", "policy": "f" * 64, "digest": "0" * 64},
        words={"necessary_because": "The risk assessment is out of date", "by": "A. Example, Constable"},
    )


def _timed(act: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return taken


def _row(what: str, taken: list[float], seconds: float, per: int = 1, against: float | None = None) -> Row:
    ordered = sorted(taken)
    rate = len(taken) * per / seconds
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return Row(what, rate, p50 * 1000, p99 * 1000, rate / against if against else None)


def _alone(
    what: str, act: Callable[[], object], times: int, per: int = 1, against: float | None = None
) -> Row:
    act()
    taken = _timed(act, times)
    return _row(what, taken, sum(taken), per, against)


def _sqlite_rows(place: Place, times: int) -> Iterator[Row]:
    handle = os.open(place.folder / "raw", os.O_CREAT | os.O_WRONLY, 0o600)

    def write_and_sync() -> None:
        os.write(handle, b"x" * 4096)
        os.fdatasync(handle)

    yield _alone("disk: write 4 KiB and fdatasync", write_and_sync, times)
    os.close(handle)
    bare = _alone("SQLite: bare insert and commit", _bare_sqlite(place.folder / "bare.sqlite3"), times)
    rate = bare.per_second or 1.0
    yield bare
    url = place.sqlite("inline.sqlite3")
    store = place.open(url)
    yield _alone("SQLite: entry inline, 1 client", _batched(store, 1), times, against=rate)
    for batch in (100, 1000):
        act = _batched(store, batch)
        yield _alone(f"SQLite: {batch} entries a transaction", act, max(times // batch, 3), batch, rate)
    store.close()
    what = "SQLite: entry inline, 8 clients in 2 processes"
    yield _clients(_Entries(place, url), what, 8, 2, times, rate)


def _bare_sqlite(path: Path) -> Callable[[], object]:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, data BLOB)")
    return lambda: database.execute("INSERT INTO bare (data) VALUES (?)", (os.urandom(300),))


def _batched(store: Store, batch: int) -> Callable[[], object]:
    def act() -> None:
        with store.writing() as unit:
            for _ in range(batch):
                record(unit, _entry())

    return act


def _postgresql_rows(place: Place, url: str, times: int) -> Iterator[Row]:
    create_tables(url)
    store = place.open(url)
    _batched(store, 300)()  # the keys of all its invented persons
    engine = make_engine(url, pool_size=1)
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE IF NOT EXISTS bench_bare (id BIGSERIAL PRIMARY KEY, data BYTEA)")
        )
    for clients, workers in _AS_SHIPPED:
        who = f"{clients} clients in {workers} processes"
        bare = _clients(_Bare(url), f"PostgreSQL: bare insert and commit, {who}", clients, workers, times)
        yield bare
        entries = _Entries(place, url)
        what = f"PostgreSQL: entry through the outbox, {who}"
        yield _clients(entries, what, clients, workers, times, bare.per_second)
        if clients == 8:
            several = replace(entries, together=_LINES)
            what = (
                f"PostgreSQL: {_LINES} entries in each transaction, as a request with many lines has, {who}"
            )
            yield _clients(several, what, clients, workers, times, bare.per_second)
    yield _alone("PostgreSQL: 100 entries a transaction", _batched(store, 100), max(times // 400, 3), 100)
    yield _alone("PostgreSQL: 1000 leaves placed at once", _placed_at_once(store), 5, 1000)
    store.close()
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE bench_bare"))
    engine.dispose()


def _placed_at_once(store: Store) -> Callable[[], object]:
    def act() -> None:
        with store.writing() as unit:
            leaves = [Leaf(new_id(), b"\x01" + os.urandom(32)) for _ in range(1000)]
            _integrate(unit, leaves)

    return act


@dataclass(frozen=True)
class _Bare:
    """Clients that do one durable insert after the other and nothing else, straight through the driver."""

    url: str
    together: int = 1

    @contextmanager
    def opened(self, threads: int) -> Iterator[Callable[[], object]]:
        """Give what one client does again and again; each thread has a connection of its own."""
        here, made = local(), []

        def insert() -> None:
            if not hasattr(here, "connection"):
                here.connection = psycopg.connect(self.url, autocommit=True)
                made.append(here.connection)
            here.connection.execute("INSERT INTO bench_bare (data) VALUES (%s)", (os.urandom(300),))

        yield insert
        for connection in made:
            connection.close()


@dataclass(frozen=True)
class _Entries:
    """Clients that record again and again, `together` entries in each transaction."""

    place: Place
    url: str
    together: int = 1

    @contextmanager
    def opened(self, threads: int) -> Iterator[Callable[[], object]]:
        """Give what one client does again and again, through the store of a process with so many threads."""
        store = self.place.open(self.url, pool=threads + 1)
        yield _batched(store, self.together)
        store.close()


def _clients(
    kind: _Bare | _Entries, what: str, clients: int, workers: int, times: int, against: float | None = None
) -> Row:
    """Measure clients as threads in worker processes, as gunicorn runs them; nobody else's work is in the figure."""
    pipes, processes = [], []
    for _ in range(workers):
        ours, theirs = _fork.Pipe()
        process = _fork.Process(
            target=_client, args=(kind, clients // workers, max(times // clients // kind.together, 1), theirs)
        )
        process.start()
        theirs.close()  # or a worker that dies would be waited for
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()
    start = time.perf_counter()
    for pipe in pipes:
        pipe.send("go")
    answers = [pipe.recv() for pipe in pipes]
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    taken = [one for times_taken, _ in answers for one in times_taken]
    worked = sum(cpu for _, cpu in answers) / len(taken) / kind.together
    note = f"{worked * 1000:.2f} ms of the clients' CPU each"
    return replace(_row(what, taken, seconds, kind.together, against), note=note)


def _client(kind: _Bare | _Entries, threads: int, times: int, pipe: Connection) -> None:
    with kind.opened(threads) as act, ThreadPoolExecutor(threads) as pool:
        warm = Barrier(threads)

        def warmed() -> None:
            warm.wait()
            for _ in range(_WARM):
                act()

        for one in [pool.submit(warmed) for _ in range(threads)]:
            one.result()
        pipe.send("ready")
        pipe.recv()
        start = time.process_time()
        found = [pool.submit(_timed, act, times) for _ in range(threads)]
        taken = [one for each in found for one in each.result()]
        pipe.send((taken, time.process_time() - start))


def _size_rows(place: Place, size: int, *, growth: bool) -> Iterator[Row]:
    store = place.open(place.sqlite("large.sqlite3"))
    path = place.folder / "large.sqlite3"
    start = time.perf_counter()
    _fill(store, 0, size // 10)
    tenth = _growth(path, size // 10)
    _fill(store, size // 10, size)
    seconds = time.perf_counter() - start
    if growth:
        yield Row(f"{size // 10:,} leaves", note=tenth)
    yield Row(f"{size:,} leaves placed in batches of 5,000", size / seconds, note=_growth(path, size))
    with store.reading() as unit:
        tries = iter(range(7, size, max(size // 200, 1)))
        yield _alone(f"inclusion proof at {size:,}", lambda: _prove(unit.session, next(tries), size), 150)
    with store.reading() as unit:
        export(unit, place.folder / "export", newest=True)
    policy = parse_policy((place.folder / "export" / "policy.txt").read_text())
    yield _alone(
        f"gateway-verify of {size:,} entries", lambda: audit(Folder(place.folder / "export"), policy), 1, size
    )
    if growth:
        _fill(store, size, 10 * size)
        yield Row(f"{10 * size:,} leaves", note=_growth(path, 10 * size))
    store.close()
    yield from _own_check(place, min(size // 10, 10_000))


def _own_check(place: Place, size: int) -> Iterator[Row]:
    store = place.open(place.sqlite("whole.sqlite3"))
    act = _batched(store, 500)
    for _ in range(size // 500):
        act()
    for what in ("the gateway's own check", "the same check again"):
        with store.reading() as unit:
            taken = _timed(lambda: verify_store(unit), 1)
        yield _row(f"{what} of {size:,} entries", taken, sum(taken), size)
    store.close()


def _fill(store: Store, start: int, end: int) -> None:
    for at in range(start, end, 5_000):
        with store.writing() as unit:
            numbers = range(at, min(at + 5_000, end))
            _integrate(unit, [Leaf(f"{n:032x}", b"\x01" + n.to_bytes(32, "big")) for n in numbers])


def _integrate(unit: Unit, leaves: list[Leaf]) -> None:
    journal = journal_of(unit)
    connection = unit.session.connection()
    grown, statements = integrate(connection, journal, leaves, unit.now)
    straight_all(connection, statements)
    unit.after_commit(lambda _: journal.remember(grown))


def _prove(session: Session, index: int, size: int) -> list[bytes]:
    return inclusion_proof(index, size, stored_tree(session.connection(), 1, size).node)


def _growth(path: Path, size: int) -> str:
    size_on_disk = sum(file.stat().st_size for file in path.parent.glob(path.name + "*"))
    return f"{size_on_disk / size:.0f} bytes an entry"
