"""`gateway scenarios FILE`: put decision scenarios before the policy and say what differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.decision.scenarios import Report, ScenarioError, ScenarioResult, run
from gateway.errors import Invalid
from gateway.policy.packs import load_policy


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option("--narrow", is_flag=True, help="List the rules that fired in one scenario only.")
def scenarios(file: Path, as_json: bool, narrow: bool) -> None:
    r"""Decide each scenario of FILE as a real request would be, with all packs enabled at the file's clock.

    Prints what differs per scenario and in total; the exit code is 1 when an outcome differs.

    \b
    Example: gateway scenarios scenarios.yaml
             gateway scenarios scenarios.yaml --json > report.json
    """
    try:
        report = run(file, load_policy())
    except (ScenarioError, UnicodeDecodeError) as problem:
        raise Invalid(str(problem), next_step="Check the file against the scenario format.") from problem
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        _show(report, narrow=narrow)
    if report.agree < len(report.results):
        sys.exit(1)


def _show(report: Report, *, narrow: bool) -> None:
    console = Console()
    differing = [result for result in report.results if not result.whole]
    if differing:
        console.print(_table(differing))
    whole = len(report.results) - len(differing)
    console.print(f"{report.agree} of {len(report.results)} outcomes agree; {whole} agree in everything.")
    recomputed = [result.id for result in report.results if result.derived_differs]
    if recomputed:
        console.print(f"Worked out differently from what the file states: {', '.join(recomputed)}.")
    rules = report.rules_in_one_scenario()
    console.print(f"{len(rules)} rules fired in one scenario only.")
    if narrow:
        console.print("\n".join(rules))


def _table(differing: list[ScenarioResult]) -> Table:
    table = Table("Scenario", "Expected", "Got", "Differs")
    for result in differing:
        table.add_row(result.id, result.expected, result.got, "; ".join(_differences(result)))
    return table


def _differences(result: ScenarioResult) -> list[str]:
    lists = {
        "obligations missing": result.obligations_missing,
        "obligations too many": result.obligations_extra,
        "withheld": result.withhold_differs,
        "not mentioned": result.mentions_missing,
    }
    found = [f"{name}: {', '.join(items)}" for name, items in lists.items() if items]
    return (
        found
        if result.authoriser_agrees
        else [*found, f"authoriser: {', '.join(result.authoriser) or 'none'}"]
    )
