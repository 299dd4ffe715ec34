"""Every command says what it does, on the screen and in docs/commands.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli.main import cli

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def commands(path: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Every command under a group, with what one types to reach it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None, name
        if isinstance(found, click.Group):
            yield from commands(f"{path} {name}", found)
        else:
            yield f"{path} {name}", found


COMMANDS = dict(commands("gateway", cli))


@pytest.mark.parametrize("typed", COMMANDS)
def test_every_command_says_what_it_does(typed: str) -> None:
    shown = CliRunner().invoke(cli, [*typed.split()[1:], "--help"])
    assert shown.exit_code == 0
    assert (COMMANDS[typed].help or "").strip()
    assert f"`{typed}`" in _PAGE.read_text(encoding="utf-8")


def test_the_page_names_no_command_that_is_not_there() -> None:
    named = [
        line.split("`")[1]
        for line in _PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert sorted(named) == sorted(COMMANDS)
