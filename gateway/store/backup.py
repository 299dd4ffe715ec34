"""Consistent copies of the whole store, with digests, and putting one back into an empty place.

A copy holds what the store holds: sealed values and wrapped keys, never the root key. So a backup alone opens nothing,
and a key destroyed after it was made still lies in it, wrapped, until its epoch's key is destroyed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from gateway.errors import Conflict, Invalid, Misconfigured, Unavailable
from gateway.store import migrate
from gateway.store.engine import make_engine
from gateway.store.unit_of_work import Store

MANIFEST = "manifest.json"
_FORMAT = 1
_FILES = {"sqlite": "store.sqlite3", "postgresql": "store.pgdump"}
_OWNER_ONLY = 0o600
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Backup:
    """One backup: its folder's file, which store it is of, its newest migration, and the digest of its bytes."""

    file: str
    store: str
    revision: str
    made_at: str
    sha256: str
    bytes: int
    format: int = _FORMAT


def make(store: Store, parent: Path) -> Path:
    """Write a consistent copy of `store` into a new folder of `parent`, named after the present; give the folder.

    Others go on writing meanwhile. Raises Conflict when there is a backup of this second, Unavailable when the copy
    fails; a folder without a manifest is no backup.
    """
    now = store.clock.now()
    folder = parent / now.strftime("%Y%m%dT%H%M%SZ")
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError as error:
        raise Conflict("There is a backup of this second already.", next_step="Try again.") from error
    file = folder / _FILES[store.dialect]
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
    if store.dialect == "sqlite":
        _copy_sqlite(store.engine, file)
    else:
        _run(
            "pg_dump",
            store.engine.url,
            ["--format=custom", "--no-owner", "--no-privileges", f"--file={file}"],
        )
    _write_manifest(folder, _described(store, file, now))
    return folder


def check(folder: Path) -> Backup:
    """Give the backup in `folder`, its bytes compared with the digest; raise Invalid when it isn't whole."""
    try:
        backup = Backup(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        whole = backup.format == _FORMAT and _digest(folder / Path(backup.file).name) == backup.sha256
    except (OSError, ValueError, TypeError) as error:
        raise Invalid(
            "There is no backup in this folder.", next_step="Name a folder with a manifest."
        ) from error
    if not whole:
        raise Invalid("The backup was altered or cut short.", next_step="Use another backup.")
    return backup


def restore(folder: Path, url: str) -> Backup:
    """Put the backup in `folder` into the empty store at `url`; give what was restored.

    This moves bytes only. Declaring the restore in the ledger, and freezing what may have been withdrawn since, is the
    ledger's affair. Raises Invalid for a damaged backup, Conflict when the store isn't empty, Misconfigured when the
    backup is of the other kind of store or of a newer version.
    """
    backup = check(folder)
    target = make_url(url)
    if target.get_backend_name() != backup.store:
        raise Misconfigured(
            f"This is a backup of {backup.store}.", next_step="Restore it into a store of the same kind."
        )
    if _has_tables(url):
        raise Conflict("The store isn't empty.", next_step="Name an empty one; nothing is ever written over.")
    file = folder / backup.file
    if backup.store == "sqlite":
        _put_sqlite(file, Path(target.database or ""))
    else:
        _run("pg_restore", target, ["--exit-on-error", "--single-transaction", "--no-owner", str(file)])
    _check_restored(url, backup)
    return backup


def _described(store: Store, file: Path, now: datetime) -> Backup:
    with store.engine.connect() as connection:
        revision = migrate.current(connection) or ""
    return Backup(
        file=file.name,
        store=store.dialect,
        revision=revision,
        made_at=now.isoformat(),
        sha256=_digest(file),
        bytes=file.stat().st_size,
    )


def _write_manifest(folder: Path, backup: Backup) -> None:
    path = folder / MANIFEST
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(backup), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    _make_durable(folder)


def _copy_sqlite(engine: Engine, file: Path) -> None:
    # VACUUM INTO copies one snapshot and leaves freed pages out: no erased bytes travel with it.
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = OFF")
        cursor.execute("VACUUM INTO ?", (str(file),))
    except Exception as error:
        raise Unavailable(
            "The copy could not be written.", next_step="Check the space on that disk."
        ) from error
    finally:
        connection.close()
    _make_durable(file)


def _put_sqlite(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, part)
    part.chmod(_OWNER_ONLY)
    _make_durable(part)
    for leftover in (f"{target}-wal", f"{target}-shm"):
        Path(leftover).unlink(missing_ok=True)
    part.replace(target)
    _make_durable(target.parent)


def _has_tables(url: str) -> bool:
    target = make_url(url)
    if target.get_backend_name() == "sqlite" and not Path(target.database or "").exists():
        return False
    with _engine(url) as engine:
        return bool(sa.inspect(engine).get_table_names())


def _check_restored(url: str, backup: Backup) -> None:
    with _engine(url) as engine:
        migrate.pending(engine)  # refuses a store of a newer version
        with engine.connect() as connection:
            same = (migrate.current(connection) or "") == backup.revision
            whole = (
                engine.dialect.name != "sqlite"
                or connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"
            )
    if not (same and whole):
        raise Invalid("What was restored isn't what was backed up.", next_step="Use another backup.")


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url, pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


def _run(program: str, url: URL, arguments: list[str]) -> None:
    # The password goes through the environment: a command line is there for every user of the machine to read.
    place = url.set(drivername="postgresql", password=None).render_as_string()
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    command = [_client(program), f"--dbname={place}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise Unavailable(
            f"{program} could not finish.", next_step="Run it by hand to see what the server says."
        )


def _client(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Misconfigured(
            f"{program} isn't installed.", next_step="Install it: apt-get install postgresql-client."
        )
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
