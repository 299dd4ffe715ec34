"""`gateway ledger`: check the log, show an entry, and give out what others need to check it themselves."""

from __future__ import annotations

from pathlib import Path

import click
from gateway_verify.opening import Opening
from gateway_verify.words import lines
from rich.console import Console

from gateway.assembly import Gateway, assemble
from gateway.errors import GatewayError
from gateway.ledger.export import epochs
from gateway.ledger.export import export as export_log
from gateway.ledger.publish import newest_checkpoint, opening_of, policy_text, proof_of, published_checkpoint
from gateway.ledger.verify import verify_store
from gateway.settings import load

_console = Console(highlight=False)


def _gateway() -> Gateway:
    try:
        return assemble(load())
    except GatewayError as error:
        raise _said(error) from error


def _said(error: GatewayError) -> click.ClickException:
    return click.ClickException(f"{error.message} {error.next_step}".strip())


@click.group()
def ledger() -> None:
    """Check the ledger, show entries, and export what others check.

    The ledger is a list that can only grow. Each entry is a commitment that says nothing by itself; what it commits
    to is kept beside it, encrypted or in codes, and shown to those who are entitled.
    """


@ledger.command()
def verify() -> None:
    """Work out every stored row again, from each record to the last signature.

    Exit code 0 says that the log verifies, 1 that it does not. To learn that nothing was cut off the end or replaced
    whole, compare with a checkpoint kept elsewhere: `gateway-verify --since`.
    """
    gateway = _gateway()
    try:
        with gateway.store.reading() as unit:
            found = verify_store(unit)
    except GatewayError as error:
        raise _said(error) from error
    _console.print(found.sentence, style="green" if found.verified else "bold red")
    for problem in found.problems[1:]:
        _console.print(f"Also: {problem}.")
    if found.waiting:
        _console.print(f"{found.waiting} entries wait for their place in the log.")
    if gateway.journal.policy is None:
        _console.print("Nobody else watches this log: no witnesses are configured.")
    raise SystemExit(0 if found.verified else 1)


@ledger.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--newest", is_flag=True, help="Up to the very last entry, even if no witness has cosigned so far."
)
def export(folder: Path, newest: bool) -> None:
    """Write the log to FOLDER, for anyone to check and any web server to serve.

    Nothing in it names or describes anyone. A second export into the same folder adds what is new.
    """
    gateway = _gateway()
    try:
        with gateway.store.reading() as unit:
            done = export_log(unit, folder, newest=newest)
    except GatewayError as error:
        raise _said(error) from error
    _console.print(f"{done.entries} entries are in {folder} ({done.files} new files).")
    _console.print(f"Check it with: gateway-verify --policy {folder}/policy.txt {folder}")


@ledger.command()
@click.argument("entry_id")
@click.option(
    "--opening", is_flag=True, help="Add record, salt and words: only for someone who may read the entry."
)
def proof(entry_id: str, opening: bool) -> None:
    """Print the proof that an entry is in the log, as a .tlog-proof file."""
    gateway = _gateway()
    try:
        with gateway.store.reading() as unit:
            found = opening_of(unit, entry_id) if opening else proof_of(unit, entry_id)
    except GatewayError as error:
        raise _said(error) from error
    click.echo(str(found), nl=False)


@ledger.command()
@click.argument("entry_id")
def show(entry_id: str) -> None:
    """Show one entry in words, as its recorded codes and references say it.

    The words people wrote are not shown here: they are for the pages of those who may read them.
    """
    gateway = _gateway()
    try:
        with gateway.store.reading() as unit:
            found = opening_of(unit, entry_id)
    except GatewayError as error:
        raise _said(error) from error
    assert found.extra is not None
    opening = Opening.from_bytes(found.extra)
    _console.print(f"Entry {found.index + 1}", style="bold")
    for line in lines(Opening(opening.record, opening.salt)):
        _console.print(line, markup=False)


@ledger.command()
@click.option(
    "--newest", is_flag=True, help="The very last checkpoint, even if no witness has cosigned it so far."
)
def checkpoint(newest: bool) -> None:
    """Print the signed checkpoint: keep it elsewhere, and compare the log with it later."""
    gateway = _gateway()
    try:
        with gateway.store.reading() as unit:
            note = newest_checkpoint(unit) if newest else published_checkpoint(unit)
    except GatewayError as error:
        raise _said(error) from error
    click.echo(str(note), nl=False)


@ledger.command()
def policy() -> None:
    """Print the log's public keys and its witnesses as a policy file for gateway-verify."""
    gateway = _gateway()
    with gateway.store.reading() as unit:
        click.echo(policy_text(gateway.journal, epochs(unit)), nl=False)
