"""`gateway ledger` and `gateway witness`: what they print, and the exit codes a script reads."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from gateway_verify.cli import main as verify
from gateway_verify.note import VerifierKey

from gateway.assembly import Gateway
from gateway.cli import ledger as commands
from gateway.cli.ledger import ledger
from gateway.cli.witness import witness
from gateway.errors import Invalid, NotConfirmed
from gateway.ledger.append import record
from gateway.ledger.entries import EntryKind
from gateway.ledger.erase import erase
from gateway.ledger.read import Filter, entries_in_partnership
from gateway.store.engine import writing
from tests.ledger.made import PARTNERSHIP, entry, recorded
from tests.ledger.test_witnesses_see_what_the_database_can_hide import cut_tail


@pytest.fixture
def run(sqlite_gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for way in ("opened", "at_work"):
        monkeypatch.setattr(commands, way, lambda: sqlite_gateway)
    return CliRunner()


def test_the_ledger_is_verified_exported_shown_and_proved(
    run: CliRunner, sqlite_gateway: Gateway, tmp_path: Path
) -> None:
    store = sqlite_gateway.store
    ids = recorded(store, 3)

    found = run.invoke(ledger, ["verify"])
    assert found.exit_code == 0
    assert "The log verifies: all 3 entries" in found.output
    assert "it has no witnesses" in found.output

    assert run.invoke(ledger, ["export", str(tmp_path / "log")]).exit_code == 0
    assert verify([str(tmp_path / "log"), "--policy", str(tmp_path / "log/policy.txt")]) == 0
    assert run.invoke(ledger, ["checkpoint"]).output == (tmp_path / "log/checkpoint").read_text()
    assert run.invoke(ledger, ["policy"]).output == (tmp_path / "log/policy.txt").read_text()
    assert run.invoke(ledger, ["proof", ids[0]]).output.startswith("c2sp.org/tlog-proof@v1\nindex 0\n")

    shown = run.invoke(ledger, ["show", ids[0]])
    assert "Information was asked for." in shown.output
    assert "PC Ann Example" not in shown.output
    with store.reading() as unit:
        last = entries_in_partnership(unit, PARTNERSHIP, Filter(limit=1)).entries[0]
    assert (last.kind, last.refs["entry"]) == ("log.viewed", ids[0])


def test_a_log_that_does_not_verify_gives_exit_code_1(run: CliRunner, sqlite_gateway: Gateway) -> None:
    recorded(sqlite_gateway.store, 2)
    with writing(sqlite_gateway.store.engine).begin() as connection:
        connection.execute(sa.text("DROP TRIGGER ledger_leaf_refuses_update"))
        connection.execute(sa.text("UPDATE ledger_leaf SET leaf = x'00' WHERE position = 0"))

    found = run.invoke(ledger, ["verify"])

    assert found.exit_code == 1
    assert "The log does not verify: entry 1 was changed" in found.output


def test_the_sql_of_the_restricted_role_takes_only_a_plain_name(run: CliRunner) -> None:
    assert "GRANT INSERT ON ledger_leaf" in run.invoke(ledger, ["role-sql", "gateway_app"]).output
    assert run.invoke(ledger, ["role-sql", "x; DROP TABLE y"]).exit_code == 1


def test_a_witness_is_made_once_and_shows_what_it_watches(tmp_path: Path) -> None:
    folder, run = str(tmp_path / "w"), CliRunner()
    key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

    assert run.invoke(witness, ["init", folder, "--name", "charity.example/w"]).exit_code == 0
    assert run.invoke(witness, ["init", folder, "--name", "charity.example/w"]).exit_code == 1
    assert run.invoke(witness, ["key", folder]).output.count("charity.example/w+") == 2
    assert run.invoke(witness, ["trust", folder, key]).exit_code == 0
    assert run.invoke(witness, ["trust", folder, "nonsense"]).exit_code == 1
    shown = run.invoke(witness, ["show", folder])
    assert shown.exit_code == 0
    fingerprint = VerifierKey.parse(key).fingerprint
    assert f"example.com/foo: 0 entries cosigned; fingerprint {fingerprint}" in shown.output
    assert (tmp_path / "w/witness.key").stat().st_mode & 0o077 == 0
    for nowhere in ("127.0.0.1:99999", "192.0.2.1:8931", "8931"):
        refused = run.invoke(witness, ["serve", folder, "--bind", nowhere])
        assert (refused.exit_code, "--bind" in refused.output) == (1, True), nowhere


def test_an_entry_that_failed_keeps_its_act_from_committing_even_if_the_error_is_swallowed(
    sqlite_gateway: Gateway,
) -> None:
    sqlite_gateway.journal.stopped = "a test says so"

    def swallow() -> None:
        with sqlite_gateway.store.writing() as unit, suppress(NotConfirmed):
            record(unit, entry())

    with pytest.raises(NotConfirmed):
        swallow()


def test_a_copy_elsewhere_tells_what_a_restore_lost(
    run: CliRunner, sqlite_gateway: Gateway, tmp_path: Path
) -> None:
    store, folder = sqlite_gateway.store, tmp_path / "copy"
    recorded(store, 3)
    assert "3 records" in run.invoke(ledger, ["follow", str(folder)]).output
    recorded(store, 1)
    recorded(store, 1, kind=EntryKind.CONSENT_WITHDRAWN)
    assert "5 records" in run.invoke(ledger, ["follow", str(folder)]).output
    assert "Nothing was lost." in run.invoke(ledger, ["missed", str(folder)]).output
    assert "PC Ann Example" not in (folder / "records.jsonl").read_text()
    assert (folder / "records.jsonl").stat().st_mode & 0o077 == 0
    cut_tail(store, 3)

    found = run.invoke(ledger, ["missed", str(folder)])

    assert found.exit_code == 1
    assert "Consent or views were withdrawn. Do this again first." in found.output.splitlines()[0]
    assert "2 entries were lost." in found.output


@pytest.mark.parametrize("line", ['{"a": 1}', '{"id": "a", "record": "b"}', "[", '{"id": "\\ud800"}'])
def test_a_copy_of_something_else_is_said_to_be_none(
    run: CliRunner, sqlite_gateway: Gateway, tmp_path: Path, line: str
) -> None:
    recorded(sqlite_gateway.store, 1)
    (tmp_path / "records.jsonl").write_text(line + "\n")
    for command in ("follow", "missed"):
        with pytest.raises(Invalid, match="can't be read"):
            run.invoke(ledger, [command, str(tmp_path)], catch_exceptions=False)


def test_an_erased_entry_leaves_the_copy(run: CliRunner, sqlite_gateway: Gateway, tmp_path: Path) -> None:
    ids = recorded(sqlite_gateway.store, 2)
    run.invoke(ledger, ["follow", str(tmp_path)])
    with sqlite_gateway.store.writing() as unit:
        erase(unit, [ids[0]], entry())
    run.invoke(ledger, ["follow", str(tmp_path)])

    kept = [json.loads(line)["id"] for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert ids[0] not in kept
    assert ids[1] in kept
