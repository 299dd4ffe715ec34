"""Making, checking, upgrading and serving an installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway import settings as configuration
from gateway.cli.installation import at_work, opened
from gateway.errors import Conflict, GatewayError
from gateway.key_settings import KeyProvider
from gateway.ledger.log_keys import create_log_keys
from gateway.ledger.verify import verify_store
from gateway.settings import Settings
from gateway.store import migrate
from gateway.store.engine import make_engine
from gateway.store.root_keys import create_root_file

console = Console(highlight=False)


@click.command()
@click.option("--demo", is_flag=True, help="Fill it with the invented partnership Meadowshire.")
def init(demo: bool) -> None:
    """Make what an installation needs: keys where none are, and the database at this version.

    Running it again changes nothing that is there.
    """
    settings = configuration.load()
    _make_keys(settings)
    _migrate(settings)
    if demo:
        from gateway.cli.demo import fill

        fill(opened())
    console.print("Ready.")


@click.command()
def run() -> None:
    """Serve with gunicorn, as config/gunicorn.conf.py says; put a buffering proxy in front in production."""
    settings = configuration.load()
    waiting = _pending(settings)
    if waiting:
        raise Conflict(
            "The database is of an older version.", next_step="Make a backup, then run `gateway upgrade`."
        )
    if settings.sign_in.personas:
        _welcome(settings)
    config = configuration.shipped("config") / "gunicorn.conf.py"
    command = Path(sys.executable).with_name("gunicorn")
    os.execv(command, [str(command), "-c", str(config), "gateway.web.serve:app()"])  # noqa: S606


@click.command()
def upgrade() -> None:
    """Bring the database to this version; make a backup first."""
    done = _migrate(configuration.load())
    console.print(f"{len(done)} step(s) done." if done else "Already at this version.")


@click.command()
def check() -> None:
    """Say whether settings, database and ledger are in order; exit code 1 when something isn't."""
    settings = configuration.load()
    table = Table("what", "state", box=None)
    waiting = _pending(settings)
    table.add_row("database", "needs `gateway upgrade`" if waiting else "at this version")
    with at_work().store.reading() as unit:
        verdict = verify_store(unit)
    table.add_row("ledger", verdict.sentence)
    table.add_row("witnesses", verdict.watched)
    console.print(table)
    if waiting or not verdict.verified:
        raise click.exceptions.Exit(1)


def _make_keys(settings: Settings) -> None:
    keys = settings.keys
    if keys.root_provider is KeyProvider.FILE and not keys.root_file.exists():
        create_root_file(keys.root_file)
    if keys.ledger_provider is KeyProvider.FILE and not keys.ledger_key_file.exists():
        create_log_keys(keys.ledger_key_file)


def _migrate(settings: Settings) -> list[str]:
    engine = make_engine(settings.store.url)
    try:
        return migrate.upgrade(engine)
    finally:
        engine.dispose()


def _pending(settings: Settings) -> list[str]:
    engine = make_engine(settings.store.url)
    try:
        return migrate.pending(engine)
    finally:
        engine.dispose()


def _welcome(settings: Settings) -> None:
    gateway = opened()
    from gateway.registry.sign_in import personas

    try:
        with gateway.store.reading() as unit:
            found = personas(unit)
    except GatewayError:
        found = []
    table = Table("sign in as", "who", "agency", box=None)
    for person in found:
        table.add_row(person.view.name, person.view.role.replace("_", " "), person.view.agency_name)
    console.print("\nDisclosure Gateway, demonstration. Everyone in it is invented.")
    console.print(f"Open {settings.web.public_url} and choose whom to sign in as:\n")
    console.print(table)
    console.print("\nStop with Ctrl-C.\n")
    gateway.store.close()
