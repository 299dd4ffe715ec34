"""Killed in the middle of releasing: no release without its entry, no parcel without a release, nothing lost."""

from __future__ import annotations

import multiprocessing
import random
from contextlib import suppress
from pathlib import Path

import pytest
from sqlmodel import col, select

from gateway.cli.demo_stage import Stage
from gateway.disclosure.models import Release
from gateway.ledger.entries import EntryKind
from gateway.ledger.models import LedgerRecord
from gateway.ledger.read import is_under_checkpoint
from gateway.ledger.sequencer import catch_up
from gateway.ledger.verify import verify_store
from gateway.sealing.models import Parcel
from gateway.store.engine import writing
from tests.conftest import Finds
from tests.faults.release_killed import main

_fork = multiprocessing.get_context("fork")


def halves(stage: Stage, acknowledged: list[str]) -> list[str]:
    """What is wrong: anything of a release that stands without the rest of it."""
    catch_up(stage.gateway.store)
    with stage.gateway.store.reading() as unit:
        releases = {row.id: row for row in unit.session.exec(select(Release))}
        logged = unit.session.exec(
            select(LedgerRecord.entry_id).where(LedgerRecord.kind == EntryKind.RELEASE_MADE)
        ).all()
        parcels = unit.session.exec(
            select(Parcel.release_id).where(col(Parcel.release_id).is_not(None))
        ).all()
        found = verify_store(unit)
        wrong = [] if found.verified else list(found.problems)
        wrong += [
            f"release {row.id} has no entry" for row in releases.values() if row.entry_id not in set(logged)
        ]
        wrong += [
            f"entry {one} has no release" for one in set(logged) - {r.entry_id for r in releases.values()}
        ]
        wrong += [f"parcel of no release {one}" for one in parcels if one not in releases]
        wrong += [f"release {one} has not two parcels" for one in releases if parcels.count(one) != 2]
        wrong += [f"acknowledged {one} is lost" for one in acknowledged if one not in releases]
        for one in acknowledged:
            entry_id = releases[one].entry_id if one in releases else None
            if entry_id is None or not is_under_checkpoint(unit, entry_id):
                wrong.append(f"acknowledged {one} is not in the log")
    return wrong


def killed(stage: Stage, tmp_path: Path, root_file: Path, times: int) -> list[str]:
    """Start the process and kill it at a random moment after its first release, so many times."""
    chosen = random.Random(11)
    settings = stage.gateway.settings
    arguments = (settings.store.url, str(tmp_path), str(root_file), str(settings.keys.ledger_key_file))
    stage.gateway.store.close()
    acknowledged: list[str] = []
    for _ in range(times):
        ours, theirs = _fork.Pipe(duplex=False)
        process = _fork.Process(target=main, args=(*arguments, theirs), daemon=True)
        process.start()
        theirs.close()
        for _ in range(chosen.randint(1, 2)):
            assert ours.poll(300), "the process releases nothing"
            acknowledged.append(ours.recv())
        ours.poll(chosen.random() * 0.4)  # a random moment, or the next release
        process.kill()
        process.join()
        with suppress(EOFError, OSError):
            while ours.poll(0):
                acknowledged.append(ours.recv())
        assert halves(stage, acknowledged) == []
    assert len(acknowledged) >= times
    return acknowledged


def test_killing_releases_leaves_no_half(stage: Stage, tmp_path: Path, root_file: Path) -> None:
    killed(stage, tmp_path, root_file, 3)


@pytest.mark.assure
def test_killing_releases_50_times_leaves_no_half(
    stage: Stage, tmp_path: Path, root_file: Path, finds: Finds
) -> None:
    released = killed(stage, tmp_path, root_file, 50)
    finds(f"50 kills while releasing: {len(released)} releases acknowledged, 0 without an entry or half done")


def test_a_release_without_its_entry_is_found(quick_stage: Stage, tmp_path: Path, root_file: Path) -> None:
    acknowledged = killed(quick_stage, tmp_path, root_file, 1)
    with writing(quick_stage.gateway.store.engine).begin() as connection:
        connection.exec_driver_sql("UPDATE release SET entry_id = NULL")
    assert any("has no entry" in one for one in halves(quick_stage, acknowledged))
