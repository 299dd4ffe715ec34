"""`gateway witness`: the small program by which an agency or a charity watches a ledger that is not its own."""

from __future__ import annotations

from pathlib import Path

import click
from gateway_verify.errors import Unverified
from rich.console import Console

from gateway.ledger.witness_log import WitnessLog, create
from gateway.ledger.witness_server import serve as serve_witness

_console = Console(highlight=False, soft_wrap=True)
_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def witness() -> None:
    """Watch a gateway's ledger from outside.

    A witness remembers the last checkpoint it saw of a log and cosigns only what continues it. It keeps a key and one
    small file, and sees nothing but sizes and hashes. Whoever cuts or rewrites the log is refused, and an alarm keeps
    both signed checkpoints as proof.
    """


@witness.command()
@_FOLDER
@click.option("--name", required=True, help="The name you cosign under, such as charity.example/witness.")
def init(folder: Path, name: str) -> None:
    """Make a witness with new keys in FOLDER, readable by you alone."""
    try:
        create(folder, name)
    except FileExistsError as error:
        raise click.ClickException(f"There is a witness in {folder} already; it stays as it is.") from error
    except Unverified as error:
        raise click.ClickException(f"That is no name for a witness: {error}.") from error
    _console.print(f"Made. Back up {folder}/witness.key; then run: gateway witness key {folder}")


@witness.command()
@_FOLDER
def key(folder: Path) -> None:
    """Print your public keys: give one of them to the gateway's operator for the witness policy."""
    first, second = WitnessLog(folder).keys()
    click.echo(f"{first}\n{second}")


@witness.command()
@_FOLDER
@click.argument("log_key")
def trust(folder: Path, log_key: str) -> None:
    """Begin to watch the log whose public key is LOG_KEY (the `log` line of its policy file)."""
    try:
        origin = WitnessLog(folder).trust(log_key)
    except Unverified as error:
        raise click.ClickException(f"That is no log's key: {error}.") from error
    _console.print(f"The log {origin} is watched from now on.")


@witness.command()
@_FOLDER
@click.option("--bind", default="127.0.0.1:8931", show_default=True, help="Address and port to answer on.")
def serve(folder: Path, bind: str) -> None:
    """Answer the gateway's requests until stopped. Put a TLS proxy in front."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit():
        raise click.ClickException("Give --bind as address:port.")
    try:
        server = serve_witness(WitnessLog(folder), host, int(port))
    except (OSError, OverflowError) as error:
        raise click.ClickException(f"{bind} can't be answered on ({error}): give another --bind.") from error
    _console.print(f"Watching on http://{host}:{server.server_address[1]} (Ctrl-C ends).")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        _console.print("Ended.")
    finally:
        server.server_close()


@witness.command()
@_FOLDER
def show(folder: Path) -> None:
    """Show the logs that are watched, their fingerprints, and every alarm; exit code 1 if there is one."""
    opened = WitnessLog(folder)
    for watched in opened.watched():
        _console.print(watched, markup=False, soft_wrap=True)
    alarms = opened.alarms()
    for alarm in alarms:
        _console.print(f"ALARM {alarm.at} {alarm.origin}: {alarm.what}", style="bold red", markup=False)
        _console.print(f"We had:\n{alarm.had}\nWe were shown:\n{alarm.got}", markup=False)
    if not alarms:
        _console.print("No alarms.")
    raise SystemExit(1 if alarms else 0)
