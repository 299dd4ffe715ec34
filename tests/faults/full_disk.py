"""A program that records on a file system with 256 KiB of room until that is really full, gets more and goes on.

It runs in a mount namespace: what it mounts is seen by nobody else and goes with it. It prints what it was told.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from gateway.errors import NotConfirmed
from gateway.ledger.read import is_under_checkpoint
from gateway.ledger.verify import verify_store
from gateway.store.unit_of_work import Store
from tests.faults.ledger_writers import Place
from tests.ledger.made import recorded

ROOM = 256 * 1024
REFUSED = 5
_ROOMY = "16m"
_MOST = 1000


def mount(folder: Path, *options: str) -> None:
    """Mount memory as a file system there, or change the one that is mounted."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], check=True)


def main(folder: Path, store_file: Path, root_file: Path, log_file: Path) -> None:
    """Record on a full disk and after it; print what was acknowledged when, and what the log then says."""
    mount(folder, f"size={store_file.stat().st_size + ROOM}")
    shutil.copy(store_file, folder / "full.sqlite3")
    store = Place(f"sqlite:///{folder / 'full.sqlite3'}", root_file, log_file).open()
    before = until_full(store)
    refusals = [refused(store) for _ in range(REFUSED)]
    mount(folder, f"size={_ROOMY}", "remount")
    after = [recorded(store, 1)[0] for _ in range(3)]
    with store.reading() as unit:
        found = verify_store(unit)
        lost = [one for one in (*before, *after) if not is_under_checkpoint(unit, one)]
    store.close()
    told: dict[str, object] = {"before": len(before), "refused": refusals, "after": len(after), "lost": lost}
    told |= {"entries": found.entries, "problems": list(found.problems)}
    sys.stdout.write(json.dumps(told) + "\n")


def until_full(store: Store) -> list[str]:
    """Record until nothing more is confirmed; give what was."""
    found: list[str] = []
    for _ in range(_MOST):
        try:
            found += recorded(store, 1)
        except NotConfirmed:
            return found
    raise AssertionError("the disk never was full")


def refused(store: Store) -> tuple[int, str]:
    """Give what a request is answered meanwhile, and what the store said."""
    try:
        recorded(store, 1)
    except NotConfirmed as error:
        return error.status, str(getattr(error.__cause__, "orig", ""))
    raise AssertionError("an entry was confirmed on a full disk")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
