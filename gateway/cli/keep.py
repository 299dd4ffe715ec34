"""Keeping: backups, retention, and what a regulator asks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from sqlmodel import select

from gateway import settings as configuration
from gateway.api import tokens
from gateway.cli.files import new_file
from gateway.cli.installation import at_work
from gateway.clock import start_of_local_day
from gateway.disclosure import retention as retaining
from gateway.errors import Invalid, NotFound
from gateway.registry.models import Agency
from gateway.review import regulator
from gateway.store import backup as backups

console = Console(highlight=False)


@click.command()
def backup() -> None:
    """Write a consistent copy of the store into a new folder, with its digest. Others go on working meanwhile.

    What is personal stays sealed in it: keep the root key and the ledger's key elsewhere, each in its own backup.
    """
    gateway = at_work()
    folder = backups.make(gateway.store, gateway.settings.paths.backups)
    console.print(f"Written to {folder}.", markup=False)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def restore(folder: Path) -> None:
    """Put a backup into the empty store of the settings.

    A gateway whose witnesses remember more takes no entries until two officers have declared the restore in their pages
    and it was carried out: `gateway ledger begin-epoch`.
    """
    restored = backups.restore(folder, configuration.load().store.url)
    console.print(f"Restored what was made at {restored.made_at}.", markup=False)
    console.print(
        "If entries are missing, two officers declare it: gateway ledger begin-epoch --help", markup=False
    )


@click.command()
def retention() -> None:
    """Erase what is past its time: drafts, repeated attempts, parcels, keys, tokens. Run it daily."""
    gateway = at_work()
    with gateway.store.writing() as unit:
        done = retaining.run(unit)
        tokens.purge(unit)
    gateway.store.scrub()
    console.print(
        f"Erased {done.drafts} draft(s), {done.attempts} attempt(s), {done.parcels} parcel(s), {done.keys} key(s)."
    )


@click.command()
@click.argument("agency")
@click.option("--since", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First local day.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last local day.")
@click.option("--asked-by", required=True, help="Whose request this answers, in words; kept in the ledger.")
@click.option("--to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def export(agency: str, since: datetime, until: datetime, asked_by: str, to: Path) -> None:
    """Write AGENCY's decisions and entries of a time as JSON lines, for a regulator; no content of any parcel."""
    gateway = at_work()
    if until < since:
        raise Invalid("The last day lies before the first.", fields={"until": "Give a later day."})
    first = start_of_local_day(since.date())
    last = start_of_local_day(until.date() + timedelta(days=1))
    with new_file(to) as file:  # before its entry is recorded: what can't be written isn't exported
        with gateway.store.writing() as unit:
            found = unit.session.exec(select(Agency).where(Agency.code == agency)).one_or_none()
            if found is None:
                raise NotFound(
                    f"There is no agency with the code {agency}.", next_step="See `gateway registry export`."
                )
            lines = list(regulator.export(unit, found.id, first, last, asked_by))
        file.write(("\n".join(lines) + "\n").encode())
    console.print(f"{len(lines)} line(s) written to {to}.", markup=False)
