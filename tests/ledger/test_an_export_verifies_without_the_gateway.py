"""What is exported is whole for the verifier alone, and nothing else is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from gateway_verify import source
from gateway_verify.cli import main

from gateway.clock import FixedClock
from gateway.ledger.append import record
from gateway.ledger.export import export
from gateway.ledger.journal import Journal
from gateway.ledger.publish import opening_of
from gateway.ledger.witness import ask_witnesses
from gateway.store.unit_of_work import Store
from tests.conftest import NOW
from tests.ledger.made import entry, recorded
from tests.ledger.test_witnesses_see_what_the_database_can_hide import cut_tail
from tests.ledger.witnesses import running


def exported(store: Store, folder: Path) -> Path:
    with store.reading() as unit:
        export(unit, folder)
    return folder


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out.strip()


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 600])
def test_an_export_of_any_size_verifies(
    sqlite_store: Store,
    sqlite_journal: Journal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: int,
) -> None:
    with sqlite_store.writing() as unit:
        for _ in range(count):
            record(unit, entry(words={}))
    folder = exported(sqlite_store, tmp_path / "log")

    code, said = check(capsys, folder, "--policy", folder / "policy.txt")

    assert code == 0
    assert f"is whole from entry 1 to entry {count}" in said


def test_a_later_export_contains_the_earlier_one(
    store: Store, journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(store, 3)
    folder = exported(store, tmp_path / "log")
    check(capsys, folder, "--policy", folder / "policy.txt", "--keep", tmp_path / "kept")
    recorded(store, 4)

    code, said = check(
        capsys, exported(store, folder), "--policy", folder / "policy.txt", "--since", tmp_path / "kept"
    )

    assert code == 0
    assert "nothing was changed or lost since your checkpoint, 4 entries were added" in said


def test_a_file_of_the_export_that_was_altered_cut_or_made_longer_is_reported(
    sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite_store.writing() as unit:
        for _ in range(300):
            record(unit, entry(words={}))
    folder = exported(sqlite_store, tmp_path / "log")
    for path in [path for path in folder.rglob("*") if path.is_file() and path.name != "policy.txt"]:
        whole = path.read_bytes()
        at = len(whole) // 2
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        for altered in (flipped, b"", whole[:-1], whole[:-32], whole + b"x", whole + bytes(32)):
            path.write_bytes(altered)

            code, said = check(capsys, folder, "--policy", folder / "policy.txt")

            assert code == 1, path
            assert said.startswith("WRONG: ")
        path.write_bytes(whole)


def test_a_missing_file_is_not_taken_for_a_whole_log(
    store: Store, journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(store, 3)
    folder = exported(store, tmp_path / "log")
    (folder / "tile/entries/000.p/3").unlink()

    code, said = check(capsys, folder, "--policy", folder / "policy.txt")

    assert code == 2
    assert said.startswith("NOT CHECKED: ")


def test_an_opening_shows_in_words_what_was_recorded(
    store: Store, journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = recorded(store, 3)
    folder = exported(store, tmp_path / "log")
    with store.reading() as unit:
        (tmp_path / "entry.tlog-proof").write_text(str(opening_of(unit, ids[1])))

    code, said = check(
        capsys, tmp_path / "entry.tlog-proof", "--policy", folder / "policy.txt", "--log", folder
    )

    assert code == 0
    assert "Entry 2: Information was asked for." in said
    assert "Why: She is at risk at the address on file" in said


@pytest.mark.parametrize("what", ["record", "salt", "words"])
def test_an_opening_that_was_altered_is_reported(
    store: Store, journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    from dataclasses import replace

    from gateway_verify.opening import Opening

    ids = recorded(store, 2)
    folder = exported(store, tmp_path / "log")
    with store.reading() as unit:
        proof = opening_of(unit, ids[0])
    assert proof.extra is not None
    opening = Opening.from_bytes(proof.extra)
    assert opening.words is not None
    altered = {
        "record": replace(opening, record=opening.record.replace("permit", "refuse")),
        "salt": replace(opening, salt=b"0" * 32),
        "words": replace(opening, words=opening.words.replace("risk", "home")),
    }[what]
    (tmp_path / "entry.tlog-proof").write_text(str(replace(proof, extra=altered.to_bytes())))

    code, said = check(capsys, tmp_path / "entry.tlog-proof", "--policy", folder / "policy.txt")

    assert code == 1
    assert said.startswith("WRONG: ")


def openings(store: Store, ids: list[str], path: Path) -> Path:
    with store.reading() as unit:
        given = {
            "format": "gateway-openings/v1",
            "openings": [str(opening_of(unit, one)) for one in ids],
            "held": 2,
        }
    path.write_text(json.dumps(given))
    return path


def test_an_entry_that_its_witnesses_have_not_reached_is_neither_wrong_nor_verified(
    sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    with running(tmp_path, sqlite_journal, FixedClock(NOW)):
        ids = recorded(sqlite_store, 2)
        ask_witnesses(sqlite_store, sqlite_journal)
        ids += recorded(sqlite_store, 1)
        file = openings(sqlite_store, ids, tmp_path / "openings.json")
        exported(sqlite_store, log)
        policy = log / "policy.txt"

        code, said = check(capsys, file, "--policy", policy)
        assert code == 2
        assert said.splitlines()[-1].startswith(
            "NOT CHECKED: all 3 openings are what the log signed, but its"
        )
        assert "have not signed as far as 1 of them yet" in said
        assert "run this again with --log" in said
        code, said = check(capsys, file, "--policy", policy, "--log", log)
        assert code == 2
        assert "wait a few minutes and run this again." in said

        ask_witnesses(sqlite_store, sqlite_journal)
        code, said = check(capsys, file, "--policy", policy, "--log", exported(sqlite_store, log))
        assert code == 0
        assert "3 of 3 openings are what was recorded" in said
        assert "2 more may not be shown yet" in said


def test_an_entry_the_log_took_back_before_its_witnesses_reached_it_is_reported(
    sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, sqlite_journal, FixedClock(NOW)):
        ids = recorded(sqlite_store, 2)
        ask_witnesses(sqlite_store, sqlite_journal)
        ids += recorded(sqlite_store, 1)
        file = openings(sqlite_store, ids, tmp_path / "openings.json")
        cut_tail(sqlite_store, 2)
        sqlite_journal._edge = sqlite_journal._newest = None
        recorded(sqlite_store, 1)
        ask_witnesses(sqlite_store, sqlite_journal)
        log = exported(sqlite_store, tmp_path / "log")

        code, said = check(capsys, file, "--policy", log / "policy.txt", "--log", log)

    assert code == 1
    assert "entry 3 of the openings is not in the log as it is now" in said


@pytest.mark.parametrize("mistaken", ["policy", "kept", "target"])
def test_a_file_of_the_users_that_is_the_wrong_one_accuses_nobody(
    sqlite_store: Store,
    sqlite_journal: Journal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    mistaken: str,
) -> None:
    recorded(sqlite_store, 1)
    log = exported(sqlite_store, tmp_path / "log")
    (tmp_path / "notes.txt").write_text("Ring her on Tuesday.\n")
    given = {"policy": log / "policy.txt", "kept": log / "checkpoint", "target": log}
    given[mistaken] = tmp_path / "notes.txt"

    code, said = check(capsys, given["target"], "--policy", given["policy"], "--since", given["kept"])

    assert code == 2
    assert said.startswith("NOT CHECKED: ")


def test_an_address_that_no_witness_signed_for_hours_says_so(
    sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = sqlite_store.clock = FixedClock(datetime.now(UTC) - timedelta(hours=30))
    with running(tmp_path, sqlite_journal, clock):
        recorded(sqlite_store, 1)
        ask_witnesses(sqlite_store, sqlite_journal)
        log = exported(sqlite_store, tmp_path / "log")

        with serving(log) as address:
            code, said = check(capsys, address, "--policy", log / "policy.txt")
            assert code == 0
            assert "have not signed it within 4 hours: ask one of them" in said
            clock.advance(timedelta(hours=29))
            ask_witnesses(sqlite_store, sqlite_journal)
            exported(sqlite_store, log)
            assert "hours" not in check(capsys, address, "--policy", log / "policy.txt")[1]


ZIPPED = gzip.compress(b"a checkpoint that goes on and on" * 100)
BROKEN = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"nothing of the kind\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
        BROKEN + b"not packed",
        BROKEN + ZIPPED[:20],
        BROKEN + ZIPPED[:12] + b"\xff\xff\xff" + ZIPPED[15:],
        BROKEN + ZIPPED,
    ],
    ids=["no HTTP", "cut short", "not packed", "packed and cut", "packed wrongly", "too much in it"],
)
def test_an_address_that_answers_anything_at_all_is_not_taken_for_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(source, "MOST_BYTES", 1000)
    monkeypatch.setattr(Quiet, "do_GET", lambda self: self.wfile.write(answer))
    (tmp_path / "policy.txt").write_text("quorum none\n")
    with serving(tmp_path) as address:
        code, said = check(capsys, address, "--policy", tmp_path / "policy.txt")

    assert code in {1, 2}
    assert said.startswith(("WRONG: ", "NOT CHECKED: "))
    assert ("larger than any honest answer" in said) == (answer == BROKEN + ZIPPED)


@pytest.mark.parametrize(
    "address", ["https://[::1/", "https://host:port/", "https://\u0175.example/a b", "ftp://x/"]
)
def test_an_address_that_is_none_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    (tmp_path / "policy.txt").write_text("quorum none\n")
    code, said = check(capsys, address, "--policy", tmp_path / "policy.txt")
    assert code == 2
    assert said.startswith("NOT CHECKED: ")


class Quiet(SimpleHTTPRequestHandler):
    """A static web server that writes no log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
        """Nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A static web server over a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
