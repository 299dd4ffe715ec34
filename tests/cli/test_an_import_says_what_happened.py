"""An import says which of three things happened: it acted at once, acted because it narrows, or waits, and for whom."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.test_every_command_teaches import Run, run

__all__ = ["run"]

REGISTER = Path(__file__).parents[2] / "config" / "demo" / "register.toml"
PERSON = 'key = "p-nadia"\nname = "Nadia Sample"\n'


def put(folder: Path, change: str) -> Path:
    """The demonstration's register with another day until which one officer's training holds."""
    text = REGISTER.read_text(encoding="utf-8")
    held = PERSON + 'trained_until = "today+200"\n'
    assert held in text
    file = folder / "register.toml"
    file.write_text(text.replace(held, PERSON + f'trained_until = "{change}"\n'), encoding="utf-8")
    return file


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_the_first_import_acts_at_once_and_says_why(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init") == 0
    assert run("registry", "import", str(REGISTER)) == 0
    assert "until now no officer governed the partnership" in said(capsys)
    assert run("registry", "imports", "meadowshire") == 0
    assert "Nothing waits." in said(capsys)


def test_what_widens_waits_and_the_command_says_for_whom(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("init") == 0
    assert run("registry", "import", str(REGISTER)) == 0
    file = put(tmp_path, "today+900")
    said(capsys)
    assert run("registry", "import", "--check", str(file)) == 0
    assert "it would wait for an officer's approval" in said(capsys)
    for _ in range(2):
        assert run("registry", "import", str(file)) == 0
        told = said(capsys)
        assert "Nothing has changed yet" in told
        assert hashlib.sha256(file.read_bytes()).hexdigest() in told
        assert "gateway registry imports meadowshire" in told
    assert run("registry", "imports", "meadowshire") == 0
    listed = said(capsys)
    assert listed.count("An import of") == 1
    assert "Olive" in listed
    assert "Tobias" in listed


def test_what_narrows_acts_at_once_and_the_command_says_so(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("init") == 0
    assert run("registry", "import", str(REGISTER)) == 0
    said(capsys)
    assert run("registry", "import", str(put(tmp_path, "today+2"))) == 0
    assert "It acted at once, because it only ends or narrows" in said(capsys)
    assert run("registry", "imports", "meadowshire") == 0
    assert "Nothing waits." in said(capsys)
