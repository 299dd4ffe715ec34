"""`gateway ledger held`: which entries are held back. Officers alone hold back, reveal and erase, in their pages."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console

from gateway.cli.installation import at_work
from gateway.registry.people import partnership_of
from gateway.review import holding

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
