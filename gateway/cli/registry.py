"""The register from the command line: check, import and export a partnership's file; cut a leaver."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.installation import at_work
from gateway.errors import Invalid
from gateway.registry import people
from gateway.registry.exporting import export_register
from gateway.registry.importing import Report, import_register, rehearse

console = Console(highlight=False)


@click.group()
def registry() -> None:
    """Check, import and export a partnership's register.

    The file is TOML; docs/registry.md describes it and holds an example to start from.
    """


@registry.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Say what would change, and change nothing.")
def import_file(file: Path, check: bool) -> None:
    """Take a register file: all of it, or nothing and each problem with its line.

    Importing the same file again changes nothing. What the file doesn't name stays as it is.
    """
    text = _text_of(file)
    gateway = at_work()
    if check:
        _show(rehearse(gateway.store, text), "would be")
        return
    with gateway.store.writing() as unit:
        report = import_register(unit, text)
    _show(report, "was")


@registry.command("export")
@click.argument("partnership")
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead of the screen."
)
def export_file(partnership: str, to: Path | None) -> None:
    """Write the register of PARTNERSHIP (its code) as such a file, without anything that is sealed."""
    with at_work().store.reading() as unit:
        text = export_register(unit, partnership)
    if to is None:
        click.echo(text, nl=False)
        return
    to.write_text(text, encoding="utf-8")
    console.print(f"Written to {to}.", markup=False)


@click.group()
def person() -> None:
    """People and posts: who is there, and cutting a leaver."""


@person.command("list")
@click.argument("partnership")
def list_people(partnership: str) -> None:
    """List the posts of PARTNERSHIP (its code) that count today."""
    with at_work().store.reading() as unit:
        found = people.current_posts(unit, people.partnership_of(unit, partnership))
    table = Table("agency", "name", "role", "works with", box=None)
    for view in found:
        table.add_row(
            view.agency_name, view.name, view.role.replace("_", " "), view.orientation.replace("_", " ")
        )
    console.print(table)


@person.command("end-post")
@click.argument("partnership")
@click.argument("post")
@click.option("--reason", required=True, help="Why, in a sentence; it goes into the ledger.")
def end_post(partnership: str, post: str, reason: str) -> None:
    """End POST (its key) of PARTNERSHIP at once: sessions, authorities, cases and cover go with it.

    For a leaver when no information-governance officer can be reached; otherwise they do it in the pages.
    """
    with at_work().store.writing() as unit:
        view = people.end_post_as_operator(unit, partnership, post, reason)
    console.print(f"Ended: {view.name}, {view.role} at {view.agency_name}.", markup=False)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(
            "The file isn't UTF-8 text.", next_step="Save it as UTF-8 and run the import again."
        ) from error


def _show(report: Report, verb: str) -> None:
    if not report.changes:
        console.print("Nothing to change.")
        return
    table = Table("what", "which", verb, "fields", box=None)
    for change in report.changes:
        made = "made" if change.new else "changed"
        table.add_row(change.entity.replace("_", " "), change.key, made, ", ".join(change.fields))
    console.print(table)
    console.print(
        f"{len(report.changes)} row(s) {'made or changed' if verb == 'was' else 'would be made or changed'}."
    )
