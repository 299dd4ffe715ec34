"""`gateway keys`: the gateway's own keys and the epochs they live in, and the recipients' keys that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from gateway import settings as configuration
from gateway.assembly import Gateway
from gateway.cli.installation import at_work, opened
from gateway.cli.own_keys import answer, check, make, open_parcel
from gateway.disclosure import keyring
from gateway.errors import Conflict, NotFound
from gateway.ledger.log_keys import LogKeys, make_log_keys, open_log_keys
from gateway.ledger.publish import present_origin
from gateway.registry.models import Agency, Partnership
from gateway.sealing.models import RecipientKey
from gateway.sealing.public_key import fingerprint
from gateway.store.root_keys import create_root_key

console = Console(highlight=False)


@click.group()
def keys() -> None:
    """The gateway's keys and its recipients' keys.

    docs/keys.md says how a person and a system set up their keys. `make`, `check`, `answer` and `open` need no gateway:
    they run wherever the private key is.
    """


@keys.command("root")
def make_root() -> None:
    """Make the root key of the keys at rest, in the file or the hardware module that the settings name."""
    with _never_replaced():
        create_root_key(configuration.load().keys)
    console.print(
        "The root key is made. Keep its backup apart from the database's: nothing can be read without it."
    )


@keys.command("ledger")
@click.option(
    "--ml-dsa",
    is_flag=True,
    help="With a token: make an ML-DSA-44 key too, in keys.ledger_key_file, for a second line under checkpoints.",
)
def make_ledger(ml_dsa: bool) -> None:
    """Make the key that signs the log, in the file or the hardware module that the settings name; print its vkey.

    It is for the log's first life: `gateway ledger begin-epoch` makes the next one's. It is backed up nowhere.
    """
    settings = configuration.load()
    with _never_replaced():
        make_log_keys(settings, beside=ml_dsa)
    _show_vkeys(open_log_keys(settings), settings.ledger.origin)


@keys.command("vkey")
def vkey() -> None:
    """Print the public keys that sign the log's present life here: witnesses and verifiers trust the first."""
    gateway = opened()
    with gateway.store.reading() as unit:
        try:
            origin = present_origin(unit)
        except NotFound:
            origin = gateway.journal.origin
    _show_vkeys(gateway.journal.keys, origin)


def _show_vkeys(keys: LogKeys, origin: str) -> None:
    for key in keys.public(origin):
        if key is not None:
            click.echo(str(key))


@contextmanager
def _never_replaced() -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise Conflict(f"{error.filename} is there already.", next_step="A key is never replaced.") from error


@keys.command("list")
@click.option("--agency", help="Code of an agency; all of them otherwise.")
@click.option("--all", "ended", is_flag=True, help="Ended keys too.")
def list_keys(agency: str | None, ended: bool) -> None:
    """List recipients' keys by agency and the holder's random number: no name is shown."""
    chosen = select(RecipientKey, Agency).where(RecipientKey.agency_id == Agency.id)
    if agency:
        chosen = chosen.where(Agency.code == agency)
    if not ended:
        chosen = chosen.where(col(RecipientKey.ended_at).is_(None))
    table = Table("Agency", "Holder", "Place", "State", "Until", "Fingerprint")
    with at_work().store.reading() as unit:
        for key, owner in unit.session.exec(chosen.order_by(col(Agency.code), col(RecipientKey.created_at))):
            until = key.not_after.date().isoformat() if key.not_after else ""
            table.add_row(owner.code, key.holder_number, key.place, key.state, until, fingerprint(key.kid))
    console.print(table)


@keys.command("expire")
def expire() -> None:
    """End the recipients' keys whose time is over, each with its entry in the ledger; run it daily."""
    with at_work().store.writing() as unit:
        partnerships = unit.session.exec(select(Partnership.id)).all()
        count = sum(keyring.expire(unit, partnership_id) for partnership_id in partnerships)
    console.print(f"{count} keys ended.")


@keys.command("rotate")
@click.option(
    "--destroy-before",
    is_flag=True,
    help="Then destroy all earlier epochs, so that backups of them can't be read.",
)
def rotate(destroy_before: bool) -> None:
    """Begin a new epoch of the keys at rest and move every living key into it.

    A key that was destroyed lives on in backups until the epoch that wrapped it is destroyed.
    """
    gateway = at_work()
    with gateway.store.writing() as unit:
        newest = gateway.vault.rotate(unit.session)
    moved = _move_all(gateway)
    console.print(f"Epoch {newest} began; {moved} keys were moved into it.")
    if destroy_before:
        with gateway.store.writing() as unit:
            for number in range(1, newest):
                gateway.vault.destroy_epoch(unit.session, number)
        console.print("Earlier epochs were destroyed.")


def _move_all(gateway: Gateway) -> int:
    total = 0
    while True:
        # In portions, so that nobody waits long for the write lock.
        with gateway.store.writing() as unit:
            moved = gateway.vault.rewrap(unit.session)
        if not moved:
            return total
        total += moved


for command in (make, check, answer, open_parcel):
    keys.add_command(command)
