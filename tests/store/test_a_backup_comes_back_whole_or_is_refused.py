"""Backups: consistent while others write, digested, private, and put back only into an empty store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.clock import FixedClock
from gateway.errors import Conflict, Invalid, Misconfigured
from gateway.store import backup, migrate
from gateway.store.engine import make_engine
from gateway.store.unit_of_work import Store
from gateway.store.vault import Scope, Vault, VaultKey
from tests.postgres import Postgres

OWNER = "1" * 32
CANARY = "Zzyzx"


@pytest.fixture
def sealed(store: Store) -> bytes:
    """A value sealed in the store that is backed up."""
    with store.writing() as unit:
        return unit.vault.seal(unit.session, Scope.SUBJECT, OWNER, CANARY, where="here")


@pytest.fixture
def empty_place(store: Store, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new empty database of the store's own kind."""
    if store.dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.sqlite3'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.fresh(None)
    yield url
    server.drop(url)


def test_what_was_backed_up_opens_in_the_restored_store(
    store: Store, sealed: bytes, empty_place: str, tmp_path: Path, clock: FixedClock, vault: Vault
) -> None:
    folder = backup.make(store, tmp_path / "backups")
    assert backup.restore(folder, empty_place) == backup.check(folder)
    restored = Store(make_engine(empty_place), clock, vault)
    with restored.reading() as unit:
        assert vault.open(unit.session, Scope.SUBJECT, OWNER, sealed, where="here") == CANARY
    assert migrate.differences(restored.engine) == []
    restored.close()


def test_a_backup_is_one_moment_though_others_write(store: Store, empty_place: str, tmp_path: Path) -> None:
    stop = threading.Event()
    writer = threading.Thread(target=write_pairs, args=(store, stop))
    writer.start()
    folder = backup.make(store, tmp_path / "backups")
    stop.set()
    writer.join()
    backup.restore(folder, empty_place)
    restored = Store(make_engine(empty_place), store.clock, store.vault)
    with restored.reading() as unit:
        pairs = [key for key in unit.session.exec(select(VaultKey.owner_id)) if key != OWNER]
    restored.close()
    assert len(pairs) % 2 == 0


def test_a_backup_is_its_owners_alone_and_opens_nothing_by_itself(store: Store, tmp_path: Path) -> None:
    folder = backup.make(store, tmp_path / "backups")
    assert folder.stat().st_mode & 0o077 == 0
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert CANARY.encode() not in path.read_bytes()


def test_nothing_is_written_over(store: Store, tmp_path: Path) -> None:
    folder = backup.make(store, tmp_path / "backups")
    with pytest.raises(Conflict, match="isn't empty"):
        backup.restore(folder, store.engine.url.render_as_string(hide_password=False))
    with pytest.raises(Conflict, match="this second"):
        backup.make(store, tmp_path / "backups")


@pytest.mark.parametrize("fault", ["flipped", "cut", "no manifest", "manifest of nothing", "other format"])
def test_a_damaged_backup_is_refused(store: Store, empty_place: str, tmp_path: Path, fault: str) -> None:
    folder = backup.make(store, tmp_path / "backups")
    damage(folder, fault)
    with pytest.raises(Invalid):
        backup.restore(folder, empty_place)


def test_a_backup_goes_only_into_its_own_kind_of_store(store: Store, tmp_path: Path) -> None:
    folder = backup.make(store, tmp_path / "backups")
    other = (
        "postgresql://nobody@/none"
        if store.dialect == "sqlite"
        else f"sqlite:///{tmp_path / 'other.sqlite3'}"
    )
    with pytest.raises(Misconfigured):
        backup.restore(folder, other)


def test_backups_of_two_moments_stand_side_by_side(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    first = backup.make(store, tmp_path / "backups")
    clock.advance(timedelta(seconds=1))
    assert backup.make(store, tmp_path / "backups").name > first.name == "20261122T100000Z"


def write_pairs(store: Store, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        with store.writing() as unit:
            for half in "ab":
                # A parcel's key is made in the act itself; those of others aren't, so that acts don't wait in a circle.
                unit.vault.seal(unit.session, Scope.PARCEL, f"{half}{number}", "words", where="here")


def damage(folder: Path, fault: str) -> None:
    manifest = folder / backup.MANIFEST
    described = json.loads(manifest.read_text())
    file = folder / described["file"]
    content = bytearray(file.read_bytes())
    if fault == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif fault == "cut":
        file.write_bytes(content[:-1])
    elif fault == "no manifest":
        manifest.unlink()
    elif fault == "manifest of nothing":
        manifest.write_text("{}")
    else:
        manifest.write_text(json.dumps(described | {"format": 2}))
