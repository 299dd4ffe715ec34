"""Notices from the command line: a timer runs it, so that mail goes out after what it is about was committed."""

from __future__ import annotations

import click
from rich.console import Console

from gateway.cli.installation import at_work
from gateway.notices.outbox import run

console = Console(highlight=False)


@click.command()
def notices() -> None:
    """Note who has something to read since the last run, and mail them a neutral line where a mail server is set.

    Run it every minute. Nobody is told twice, and the person the information is about is never told this way.
    """
    ran = run(at_work())
    console.print(f"Noted {ran.noted}, sent {ran.sent}, to be tried again {ran.failed}.")
