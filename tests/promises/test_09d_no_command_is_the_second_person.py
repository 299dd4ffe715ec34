"""Whoever runs the commands writes and proposes; the second person of what loosens is signed in, in her pages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import click

import gateway.cli
from gateway.cli.main import cli

HERE = Path(gateway.cli.__file__).parent
# These make up invented officers: the demonstration, and the measurements on a database of their own.
INVENTED = ("demo", "bench")
ANSWERS = ("approve", "agree", "countersign", "admit", "second")


def answered_in(source: str) -> list[str]:
    """The verbs of a second person that a module calls, or hands on to be called."""
    calls = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call)]
    named = [part for one in calls for part in (one.func, *one.args) if isinstance(part, ast.Attribute)]
    return [one.attr for one in named if one.attr.startswith(ANSWERS)]


def modules() -> list[Path]:
    return [one for one in HERE.glob("*.py") if not one.name.startswith(INVENTED)]


def names(group: click.Group) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield name
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from names(found)


def test_no_command_answers_for_a_second_person() -> None:
    found = {one.name: answered_in(one.read_text(encoding="utf-8")) for one in modules()}
    assert len(found) > 10
    assert {name: calls for name, calls in found.items() if calls} == {}
    assert [one for one in names(cli) if one.startswith(ANSWERS)] == []


def test_the_control_a_command_that_did_would_be_seen() -> None:
    assert answered_in("clients.approve(unit, actor, client_id)") == ["approve"]
    assert answered_in("_act(post, lambda unit, actor: policies.approve(unit, actor, draft_id))") == [
        "approve"
    ]
    assert answered_in("_act(partial(policies.approve, draft_id=draft_id))") == ["approve"]
    assert any(answered_in(one.read_text(encoding="utf-8")) for one in HERE.glob("demo*.py"))
