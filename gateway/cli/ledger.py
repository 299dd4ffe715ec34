"""`gateway ledger`: check the log, show an entry, and give out what others need to check it themselves."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
from gateway_verify.opening import Opening
from gateway_verify.words import lines, title
from rich.console import Console

from gateway.assembly import Gateway
from gateway.cli.installation import at_work, opened
from gateway.disclosure.redo import redo as do_again
from gateway.errors import Conflict, Erased, Invalid, NotFound, Refused
from gateway.ledger.append import record
from gateway.ledger.belt import restricted_role
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.export import export as export_log
from gateway.ledger.follow import URGENT
from gateway.ledger.follow import follow as follow_log
from gateway.ledger.follow import missed as missed_entries
from gateway.ledger.lag import releases_allowed
from gateway.ledger.lives import lives, origin_of_life
from gateway.ledger.log_keys import new_life
from gateway.ledger.publish import (
    newest_checkpoint,
    opening_of,
    policy_text,
    proof_of,
    published_checkpoint,
)
from gateway.ledger.read import entry
from gateway.ledger.verify import verify_store
from gateway.ledger.witness import ask_witnesses, last_seen
from gateway.registry.actors import actor_for_post
from gateway.registry.people import partnership_of
from gateway.review import holding, restoring

_console = Console(highlight=False, soft_wrap=True)


@click.group()
def ledger() -> None:
    """Check the ledger, show entries, and export what others check.

    The ledger is a list that can only grow. Each entry is a commitment that says nothing by itself; what it commits
    to is kept beside it, encrypted or in codes, and shown to those who are entitled.
    """


@ledger.command()
def verify() -> None:
    """Work out every stored row again, from each record to the last signature.

    Exit code 0 says that the log verifies and that no witness holds another history, 1 that it does not. Without
    witnesses, compare with a checkpoint kept elsewhere: `gateway-verify --since`.
    """
    gateway = at_work()
    with gateway.store.reading() as unit:
        found = verify_store(unit)
    _console.print(found.sentence, style="green" if found.verified else "bold red")
    for problem in found.problems[1:]:
        _console.print(f"Also: {problem}.")
    if found.waiting:
        _console.print(f"{found.waiting} entries wait for their place in the log.")
    _console.print(found.watched)
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
    gateway = opened()
    with gateway.store.reading() as unit:
        done = export_log(unit, folder, newest=newest)
    _console.print(f"{done.entries} entries are in {folder} ({done.files} new files).")
    _console.print(f"Check it with: gateway-verify --policy {folder}/policy.txt {folder}")


@ledger.command()
@click.argument("entry_id")
def proof(entry_id: str) -> None:
    """Print the proof that an entry is in the log, as a .tlog-proof file.

    It shows a place, not what was recorded there: openings are given out on the pages of those who are entitled.
    """
    gateway = opened()
    with gateway.store.reading() as unit:
        found = proof_of(unit, entry_id)
    click.echo(str(found), nl=False)


@ledger.command()
@click.argument("entry_id")
def show(entry_id: str) -> None:
    """Show one entry in words, as its recorded codes and references say it; that it was looked at is recorded.

    The words people wrote are not shown here: they are for the pages of those who may read them.
    """
    gateway = at_work()
    with gateway.store.writing() as unit:
        seen = entry(unit, entry_id)
        found = opening_of(unit, entry_id)
        refs = {"entry": entry_id}
        view = Entry(
            EntryKind.LOG_VIEWED, seen.partnership_id, seen.controller_agency_id, None, None, refs=refs
        )
        record(unit, replace(view, subject_ids=seen.subject_ids, codes={"by": "operator"}))
    opening = Opening.from_bytes(found.extra or b"")
    _console.print(f"Entry {found.index + 1}", style="bold")
    for line in lines(Opening(opening.record, opening.salt)):
        _console.print(line, markup=False)


@ledger.command()
@click.argument("partnership")
@click.option("--by", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Reviews due by this day.")
def held(partnership: str, by: datetime) -> None:
    """List what PARTNERSHIP (its code) holds back and an officer must look at again; exit code 1 if there is any.

    Officers alone hold back, reveal and erase entries, in their pages.
    """
    with at_work().store.reading() as unit:
        due = holding.due(unit, partnership_of(unit, partnership), by.date())
        said = [f"{one.review_on} entry {one.entry_id}, by post {one.reviewer_post_id}" for one in due]
    for line in said:
        _console.print(line, markup=False)
    _console.print(f"{len(said)} due." if said else "Nothing is due.")
    raise SystemExit(1 if said else 0)


@ledger.command()
@click.option(
    "--newest", is_flag=True, help="The very last checkpoint, even if no witness has cosigned it so far."
)
def checkpoint(newest: bool) -> None:
    """Print the signed checkpoint: keep it elsewhere, and compare the log with it later."""
    gateway = opened()
    with gateway.store.reading() as unit:
        note = newest_checkpoint(unit) if newest else published_checkpoint(unit)
    click.echo(str(note), nl=False)


@ledger.command()
def cosign() -> None:
    """Ask the witnesses once to cosign the newest checkpoint; exit code 1 unless their quorum did.

    A running gateway does this every minute by itself.
    """
    gateway = opened()
    done = ask_witnesses(gateway.store, gateway.journal)
    for name in done.cosigned:
        _console.print(f"{name} cosigned {done.size} entries.")
    for problem in done.problems:
        _console.print(problem, style="bold red")
    with gateway.store.reading() as unit:
        reason = releases_allowed(unit)
    _console.print(reason or "Releases may go on.")
    raise SystemExit(1 if reason else 0)


@ledger.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def follow(folder: Path) -> None:
    """Bring the copy in FOLDER up to date: the log, and the records in codes. Run it every minute, onto another host.

    After a restore it says what happened in the lost time: gateway ledger missed FOLDER.
    """
    gateway = opened()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with gateway.store.reading() as unit:
        count = follow_log(unit, folder)
    _console.print(f"{count} records are in {folder}.")


@ledger.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def missed(folder: Path) -> None:
    """List what the copy in FOLDER holds and this database lost: what protects someone comes first.

    Exit code 1 if anything was lost.
    """
    gateway = opened()
    with gateway.store.reading() as unit:
        lost = missed_entries(unit, folder)
    for fields in lost:
        urgent = " Do this again first." if fields["kind"] in URGENT else ""
        _console.print(f"{fields['at']} {title(fields['kind'])}.{urgent}", markup=False)
        about = {"persons": fields["subjects"], "case": fields["case"], "request": fields["request"]}
        _console.print(f"  {about | fields['refs'] | fields['codes']}", markup=False)
    _console.print(f"{len(lost)} entries were lost." if lost else "Nothing was lost.")
    raise SystemExit(1 if lost else 0)


@ledger.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--officer", required=True, help="Post id of the partnership's officer as whom it is done.")
def redo(folder: Path, officer: str) -> None:
    """Do again what protected somebody and was lost in a restore, from the copy in FOLDER.

    Withdrawals, walls, ended mandates and posts, revoked keys, erasures: each with an entry of its own, after the new
    epoch began. What somebody said (views, an answer, a concern) and what was held back is left to an officer. Exit
    code 1 if something is left; the list says what.
    """
    gateway = at_work()
    with gateway.store.reading() as unit:
        lost = [fields for fields in missed_entries(unit, folder) if fields["kind"] in URGENT]
    left = 0
    for fields in sorted(lost, key=lambda one: one["at"]):
        try:
            with gateway.store.writing() as unit:
                do_again(unit, actor_for_post(unit, officer), fields)
            said = "Done again."
        except (Conflict, Erased, Invalid, NotFound, Refused) as error:
            left += 1
            said = f"Left to an officer: {error.message}"
        _console.print(f"{fields['at']} {title(fields['kind'])}. {said}", markup=False)
    _console.print(f"{len(lost) - left} done again, {left} left.")
    raise SystemExit(1 if left else 0)


@ledger.command(name="begin-epoch")
@click.argument("declaration")
def begin_epoch(declaration: str) -> None:
    """Begin the log anew after a backup was restored, as two officers declared it: DECLARATION is its reference.

    They declare and agree to it in their pages, each with her signature; their page names the reference. It is carried
    out once, within a day, and of the state that they saw. The new log has keys of its own; its first entry, open to
    all, holds what the witnesses last saw, what was lost and both signatures. What may not be trusted any more is
    frozen until someone confirms it. The witnesses must then be asked to watch the new key.
    """
    gateway, reference = opened(), declaration.strip().upper()
    with gateway.store.reading() as unit:
        number = restoring.life_of(unit, reference)
    seen = _ask_what_was_seen(gateway)
    with new_life(gateway.settings, number) as keys, gateway.store.writing() as unit:
        restoring.begin(unit, keys, reference, seen)
    _console.print(
        f"The log began again as epoch {number}. Restart every worker; then give the witnesses this key:"
    )
    click.echo(gateway.journal.vkey(origin_of_life(gateway.journal.origin, number)))


def _ask_what_was_seen(gateway: Gateway) -> tuple[str, ...]:
    seen, problems = last_seen(gateway.store, gateway.journal)
    for problem in problems:
        _console.print(problem, style="bold red", markup=False)
    return tuple(seen)


@ledger.command(name="role-sql")
@click.argument("role")
def role_sql(role: str) -> None:
    """Print the SQL that lets a PostgreSQL ROLE record and read the ledger and rewrite none of it."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
        raise click.ClickException("Give the name of a role: lower-case letters, digits and underscores.")
    for statement in restricted_role(role):
        click.echo(f"{statement};")


@ledger.command()
def policy() -> None:
    """Print the log's public keys and its witnesses as a policy file for gateway-verify."""
    gateway = opened()
    with gateway.store.reading() as unit:
        click.echo(policy_text(gateway.journal, lives(unit)), nl=False)
