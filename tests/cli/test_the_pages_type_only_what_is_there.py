"""Every command line that a page prints is one: its command, its options and as many words as it takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
_INLINE = re.compile(r"`((?:gateway|make) [^`]+)`")
_CRON = re.compile(r"^(?:[\d*/]+ +){5}")
_PLACEHOLDER = re.compile(r"<[^>]*>|…")


def lines_of(text: str) -> Iterator[str]:
    """The command lines of a page: in its indented and fenced blocks, and between backticks."""
    fenced = False
    joined = re.sub(r"\\\n\s*", "", text)
    for line in joined.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield from typed(_CRON.sub("", line.strip()).removeprefix("ExecStart=/opt/gateway/.venv/bin/"))
        else:
            yield from _INLINE.findall(line)


def typed(line: str) -> Iterator[str]:
    """The commands of ours in one line of a shell."""
    for part in re.split(r"&&|\|(?!\|)", re.sub(r"\s#.*", "", line)):
        found = re.match(r"^\s*((?:[A-Z_]+=\S+ )*)((?:gateway|make)(?![-\w]).*)$", part)
        if found:
            yield found[2].strip()


def problem(line: str) -> str | None:
    """What is wrong with a command line, or None."""
    words = shlex.split(_PLACEHOLDER.sub("given", line).replace("$(", "(").rstrip("`"))
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return None if words[1] in targets else f"no target {words[1]}"
    found: click.Command = cli
    words = words[1:]
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        inner = found.get_command(click.Context(found), words[0])
        if inner is None:
            return f"no command {words[0]}" if words[0] not in {"COMMAND", "given"} else None
        found, words = inner, words[1:]
    known = {name for one in found.params for name in (*one.opts, *one.secondary_opts)} | {
        "--help",
        "--version",
    }
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"no option {unknown}" if unknown else _too_many(found, words)


def _too_many(found: click.Command, words: list[str]) -> str | None:
    takes = {name: one for one in found.params for name in one.opts if isinstance(one, click.Option)}
    arguments, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        option = takes.get(word)
        if option is not None and not option.is_flag and rest:
            rest.pop(0)
        elif not word.startswith("-") and word not in {">", "2>"}:
            arguments.append(word)
    most = sum(1 for one in found.params if isinstance(one, click.Argument))
    return f"takes {most} words" if len(arguments) > most else None


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_a_page_types_only_what_is_there(page: Path) -> None:
    found = {line: problem(line) for line in lines_of(page.read_text(encoding="utf-8"))}
    assert {line: wrong for line, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "line",
    ["gateway leger verify", "gateway ledger verify --fast", "make nothing", "gateway ledger follow a b"],
)
def test_a_line_that_drifted_is_found(line: str) -> None:
    assert list(lines_of(f"    0 3 * * *  {line}\n")) == [line]
    assert problem(line)


def test_the_operators_page_is_read() -> None:
    assert len(list(lines_of((ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))) > 20
