"""The `gateway` command: each group in its own module, loaded when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from gateway.errors import GatewayError, Invalid

# Name -> where it is and what it is for; importing a group costs only those who use it.
COMMANDS = {
    "init": ("gateway.cli.install:init", "Make keys and database; with --demo, the demonstration."),
    "run": ("gateway.cli.install:run", "Serve the pages and the API."),
    "upgrade": ("gateway.cli.install:upgrade", "Bring the database to this version."),
    "check": ("gateway.cli.install:check", "Say whether this installation is in order."),
    "backup": ("gateway.cli.keep:backup", "Write a consistent, digested copy of everything that is stored."),
    "restore": ("gateway.cli.keep:restore", "Put a backup into an empty store."),
    "notices": ("gateway.cli.notices:notices", "Tell people that they have something to read."),
    "retention": ("gateway.cli.keep:retention", "Erase what is past its time."),
    "export": ("gateway.cli.keep:export", "Export an agency's decisions and disclosures for a regulator."),
    "registry": ("gateway.cli.registry:registry", "Check, import and export a partnership's register."),
    "person": ("gateway.cli.registry:person", "People and posts: who is there, and ending a post."),
    "client": ("gateway.cli.clients:client", "Agencies' systems that use the API."),
    "policy": ("gateway.cli.policy:policy", "Check, compare, explain and activate policies."),
    "scenarios": ("gateway.cli.scenarios:scenarios", "Put decision scenarios before the policy."),
    "ledger": ("gateway.cli.ledger:ledger", "Verify, export and show the ledger."),
    "witness": ("gateway.cli.witness:witness", "Run a witness that watches a gateway's ledger."),
    "keys": ("gateway.cli.keys:keys", "The gateway's keys and its recipients' keys."),
    "bench": ("gateway.cli.bench:bench", "Measure on this machine, against a peer in the same run."),
}


class Commands(click.Group):
    """The commands of the table above, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_place, summary) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="disclosure-gateway")
def cli() -> None:
    """Broker disclosures of personal information between public-protection agencies.

    Settings come from config/, GATEWAY_CONFIG and GATEWAY_* variables (docs/settings.md). Start with
    `GATEWAY_ENV=demo gateway init --demo`, then `GATEWAY_ENV=demo gateway run`.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command; an error is one sentence and, where it is ours, what to do next, with exit code 1."""
    sys.exit(_guarded(lambda: cli.main(args=arguments, prog_name="gateway", standalone_mode=False)))


def _guarded(run: Callable[[], Any]) -> int:
    console = Console(stderr=True, highlight=False)
    try:
        result = run()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        console.print("Stopped.")
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except GatewayError as error:
        _explain(console, error)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        console.print(f"That can't be done. {place}{error.strerror or error}.", style="bold", markup=False)
        return 1
    return result if isinstance(result, int) else 0


def _explain(console: Console, error: GatewayError) -> None:
    console.print(error.message, style="bold", markup=False)
    if isinstance(error, Invalid):
        for field, sentence in error.fields.items():
            console.print(f"  {field}: {sentence}", markup=False)
    if error.next_step:
        console.print(error.next_step, markup=False)
