"""`gateway bench`: what this machine does, each against a peer measured in the same run."""

from __future__ import annotations

import json
from pathlib import Path

import click

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
_POSTGRESQL = click.option("--postgresql", help="URL of an empty PostgreSQL database to measure on as well.")


@click.group()
def bench() -> None:
    """Measure on this machine, against a peer in the same run. Figures of a busy machine say little."""


@bench.command()
@click.option("--requests", default=160, show_default=True, help="Requests in each row, at the most.")
@click.option("--seconds", default=12.0, show_default=True, help="Time for each row, at the most.")
@_POSTGRESQL
@_JSON
def flow(requests: int, seconds: float, postgresql: str | None, as_json: bool) -> None:
    """Requests over HTTP, decided and logged durably, beside a bare route with one durable insert.

    1 and 8 clients, on SQLite and on PostgreSQL: without --postgresql one is started, where its programs are installed.
    Whatever failed is counted, with why.
    """
    from gateway.cli import bench_flow

    rows = bench_flow.run(size=bench_flow.Size(requests, seconds), postgresql=postgresql)
    if as_json:
        click.echo(json.dumps(bench_flow.as_json(rows)))
    else:
        bench_flow.show(rows)


@bench.command()
@click.option("--full", is_flag=True, help="10^6 entries, and growth up to 10^7: many minutes.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Measure the disk of this folder.",
)
@_POSTGRESQL
@_JSON
def ledger(full: bool, folder: Path | None, postgresql: str | None, as_json: bool) -> None:
    """Entries recorded a second, proofs and audits, beside bare commits to the same disk.

    On SQLite and on PostgreSQL: without --postgresql one is started, where its programs are installed.
    """
    from gateway.cli import bench_ledger

    rows = bench_ledger.run(full=full, postgresql=postgresql, folder=folder)
    if as_json:
        click.echo(json.dumps(bench_ledger.as_json(rows)))
    else:
        bench_ledger.show(rows)


@bench.command()
@click.option("--seconds", default=2.0, show_default=True, help="Time for each row.")
@_JSON
def decide(seconds: float, as_json: bool) -> None:
    """Decisions at 10 to 10,000 rules, beside other engines on the same rules."""
    from gateway.cli import bench_decide

    bench_decide.run(seconds=seconds, as_json=as_json)
