"""`gateway ledger held` and `erase`: which entries are held back, and erasing one. Officers hold back and reveal."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console

from gateway.cli.installation import at_work
from gateway.registry.actors import actor_for_post
from gateway.registry.people import partnership_of
from gateway.review import erasing, holding

_console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.argument("partnership")
@click.option("--by", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Reviews due by this day.")
def held(partnership: str, by: datetime) -> None:
    """List what PARTNERSHIP (its code) holds back and an officer must look at again; exit code 1 if there is any."""
    with at_work().store.reading() as unit:
        due = [
            (one.review_on, one.entry_id, one.reviewer_post_id)
            for one in holding.due(unit, partnership_of(unit, partnership), by.date())
        ]
    for day, entry_id, reviewer in due:
        _console.print(f"{day} entry {entry_id}, by post {reviewer}", markup=False)
    _console.print(f"{len(due)} due." if due else "Nothing is due.")
    raise SystemExit(1 if due else 0)


@click.command()
@click.argument("entry_ids", nargs=-1, required=True)
@click.option("--officer", required=True, help="Post id of the officer who decided it.")
@click.option("--second", required=True, help="Post id of the second officer who agreed.")
@click.option("--reasons", required=True, help="Why, in words.")
def erase(entry_ids: tuple[str, ...], officer: str, second: str, reasons: str) -> None:
    """Erase what ENTRY_IDS say, decided by two officers; their places stay, and the log says who and why."""
    with at_work().store.writing() as unit:
        first, other = actor_for_post(unit, officer), actor_for_post(unit, second)
        erasing.erase(unit, first, other, entry_ids, reasons)
    _console.print(f"{len(entry_ids)} erased. Copies live on in backups until their keys are destroyed.")
