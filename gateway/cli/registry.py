"""The register from the command line: check, import and export a partnership's file; cut a leaver."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.files import read_text, writing
from gateway.cli.installation import at_work
from gateway.registry import offers, people, proposals
from gateway.registry.exporting import export_register
from gateway.registry.importing import Report
from gateway.registry.models import ProposalKind, ProposalState
from gateway.registry.offers import Offered
from gateway.registry.proposals import NOBODY_CAN, ProposalView

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

    What widens waits until an information-governance officer approves it in her pages; a file that only ends or narrows
    acts at once. Importing the same file again changes nothing. What the file doesn't name stays as it is.
    """
    text = read_text(file)
    gateway = at_work()
    if check:
        offered = offers.foresee_import(gateway.store, text)
        _show(offered.report, "would be")
        if offered.differences and not offered.acted:
            console.print("It widens what somebody may do, so it would wait for an officer's approval.")
        return
    offered = offers.offer_import(gateway.store, text)
    _show(offered.report, "was" if offered.acted else "would be")
    if offered.differences:
        _tell(offered)


@registry.command("imports")
@click.argument("partnership")
def list_imports(partnership: str) -> None:
    """List the changes of PARTNERSHIP (its code) that wait for a second person, and who can approve each."""
    with at_work().store.reading() as unit:
        found = proposals.of_partnership(unit, people.partnership_of(unit, partnership))
    waiting = [one for one in found if one.state is ProposalState.WAITING]
    for one in waiting:
        words = "An import" if one.kind is ProposalKind.IMPORT else "An agency's admission"
        console.print(f"{words} of {one.proposed_at:%Y-%m-%d}, {one.rows} row(s).", markup=False)
        _tell_who(one)
    if not waiting:
        console.print("Nothing waits.")


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
    with writing(to):
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


def _tell(offered: Offered) -> None:
    """Say which of the three happened, and what comes next."""
    if not offered.governed:
        console.print("It acted at once: until now no officer governed the partnership.")
        console.print("Once one is named who governs, what widens waits for her approval.")
        console.print("Name two, in different agencies: nobody approves what she gains by.")
        return
    if offered.acted:
        console.print("It acted at once, because it only ends or narrows. An officer looks at it afterwards.")
        return
    console.print("Nothing has changed yet: this file widens what somebody may do, so it waits for approval.")
    narrows = sum(not one.loosens for one in offered.differences)
    if narrows:
        console.print(f"{narrows} row(s) of it only end or narrow: in a file of their own those act at once.")
    if offered.proposal is not None:
        _tell_who(offered.proposal)
    console.print(f"See what waits: gateway registry imports {offered.report.code}", markup=False)


def _tell_who(one: ProposalView) -> None:
    console.print(f"  SHA-256: {one.digest}", markup=False, soft_wrap=True)
    console.print(f"  Lapses, if nobody answers, on {one.expires_at:%Y-%m-%d}.", markup=False)
    if one.stuck:
        console.print(f"  {NOBODY_CAN}", markup=False, soft_wrap=True)
        return
    first = "Two of these approve it" if one.needed > 1 else "One of these approves it"
    console.print(
        f"  {first}, under Register, Changes: {'; '.join(sorted(one.approvers.values()))}.",
        markup=False,
        soft_wrap=True,
    )


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
