"""The command teaches: every command has its help, does its work on a new installation, and errors say what to do."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey

from gateway.cli.main import COMMANDS, cli, main
from tests.web import second

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on an installation of its own; gives the exit code."""
    chosen = {
        "ENV": "demo",
        "STORE__URL": f"sqlite:///{tmp_path}/gateway.sqlite3",
        "KEYS__ROOT_FILE": f"{tmp_path}/root.key",
        "KEYS__LEDGER_KEY_FILE": f"{tmp_path}/ledger.key",
        "PATHS__VAR": str(tmp_path),
        "PATHS__BACKUPS": f"{tmp_path}/backups",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)

    def command(*arguments: str) -> int:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return int(stop.value.code or 0)

    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    for command in [found, *getattr(found, "commands", {}).values()]:
        answer = CliRunner().invoke(command, ["--help"])
        assert answer.exit_code == 0, command.name
        assert len((command.help or "").split()) >= 5, command.name


def test_a_new_installation_is_made_checked_kept_and_put_back(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register = Path(__file__).parents[2] / "config" / "demo" / "register.toml"
    assert run("init") == 0
    assert run("upgrade") == 0
    assert run("registry", "import", str(register)) == 0
    assert run("registry", "import", "--check", str(register)) == 0
    assert run("check") == 0
    assert run("ledger", "verify") == 0
    assert run("retention") == 0
    assert run("backup") == 0
    exported = tmp_path / "for-the-regulator.jsonl"
    days = (
        "--since",
        "2020-01-01",
        "--until",
        "2030-01-01",
        "--asked-by",
        "Letter of 1 May",
        "--to",
        str(exported),
    )
    assert run("export", "police", *days) == 0
    assert exported.read_text(encoding="utf-8").strip()
    assert run("export", "police", *days) == 1, "nothing is written over"
    assert run("export", "police", *days[:-1], str(tmp_path / "nowhere" / "file")) == 1
    nobody = tmp_path / "nobody.jsonl"
    assert run("export", "nobody", *days[:-1], str(nobody)) == 1
    assert not nobody.exists()
    folder = next((tmp_path / "backups").iterdir())
    monkeypatch.setenv("GATEWAY_STORE__URL", f"sqlite:///{tmp_path}/restored.sqlite3")
    assert run("restore", str(folder)) == 0
    assert run("check") == 0
    assert "verifies" in capsys.readouterr().out


def test_a_system_is_registered_replaced_and_ended_by_command_and_approved_in_pages(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register = Path(__file__).parents[2] / "config" / "demo" / "register.toml"
    assert run("init") == 0
    assert run("registry", "import", str(register)) == 0
    old, new = (_registered(run, tmp_path, capsys, name) for name in ("old", "new"))
    by, place = ("--officer", "office-ig-2"), "meadowshire"
    assert run("client", "approve", place, old, *by) == 2
    with second.configured() as gateway:
        for client_id in (old, new):
            assert "may sign in from now" in second.approves_system(gateway, "office-ig-2", client_id).text
    assert run("client", "end", place, old, *by) == 0
    capsys.readouterr()
    assert run("client", "list", place) == 0
    listed = capsys.readouterr().out
    assert re.search(rf"{old[:8]}.*ended", listed, re.DOTALL)
    assert "may sign in" in listed


def _registered(run: Run, folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> str:
    public = ECKey.generate_key("P-256").as_dict(private=False)
    (folder / f"{name}.jwk").write_text(json.dumps(public), encoding="utf-8")
    capsys.readouterr()
    named = ("--name", f"System, {name}", "--officer", "office-ig")
    assert run("client", "register", "meadowshire", "probation-om", f"{folder}/{name}.jwk", *named) == 0
    return str(re.findall(r"Client id: (\w+)", capsys.readouterr().out)[0])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check",), "init"),
        (("run",), "upgrade"),
        (("restore", "."), "manifest"),
        (("keys", "make", "/dev/null/private.jwk"), "Choose a place"),
        (("witness", "init", "/dev/null/witness", "--name", "charity.example/w"), "can't be done. /dev/null"),
        (("scenarios", sys.executable), "scenario format"),
    ],
)
def test_an_error_is_a_sentence_and_what_to_do(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert run(*arguments) == 1
    said = capsys.readouterr()
    assert says in said.out + said.err
    assert "Traceback" not in said.err


def test_an_address_of_no_store_says_what_one_looks_like(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for url in ("nonsense", "mysql://host/database", "sqlite://"):
        monkeypatch.setenv("GATEWAY_STORE__URL", url)
        assert run("check") == 1
        assert "Set GATEWAY_STORE__URL to sqlite:///" in capsys.readouterr().err


def test_a_database_that_is_not_there_is_said_in_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_STORE__URL", "postgresql://127.0.0.1:1/gateway")
    for command in ("check", "init", "run"):
        assert run(command) == 1
        said = capsys.readouterr().err
        assert "can't be reached" in said
        assert "GATEWAY_STORE__URL" in said


def test_a_misspelt_setting_stops_every_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_STORE__URI", "sqlite:///elsewhere")
    assert run("check") == 1
    assert "GATEWAY_STORE__URI" in capsys.readouterr().err
