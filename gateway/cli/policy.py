"""`gateway policy`: take a change of the policy through its life; what it is checked for is in `policy_checks`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from rich.table import Table
from sqlmodel import select

from gateway.cli import policy_checks
from gateway.cli.files import read_text, writing
from gateway.cli.installation import at_work
from gateway.cli.policy_checks import (
    console,
    draft_row,
    show_checked,
    the_partnership,
)
from gateway.disclosure import policies, policy_drafts
from gateway.disclosure.trials import trials as running_trials
from gateway.errors import NotFound
from gateway.policy import lifecycle
from gateway.policy.models import PolicyDraft
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit

T = TypeVar("T")
_SHOWN = 12
_NEXT = (
    "Signed. Another officer approves it next, signed in, in her pages: Policies, “Changes of the policy”."
)
_post = click.option("--post", required=True, help="Your post, by its key in the register.")


@click.group()
def policy() -> None:
    """Check, compare, explain and activate policies.

    Without a DRAFT, check, shape, test, analyse and prove need no database. The life cycle (draft, sign, rollback) does
    the author's half, in an officer's post, and is in the ledger: no command approves, another officer does, signed in,
    in her pages. docs/policies.md tells it whole.
    """


for _command in policy_checks.COMMANDS:
    policy.add_command(_command)


@policy.command("trials")
def list_trials() -> None:
    """Say of each rule on trial how many decisions it would have changed, and list them."""
    gateway = at_work()
    with gateway.store.reading() as unit:
        found = running_trials(unit, the_partnership(unit).id)
    if not found:
        console.print("No rule is on trial.")
    for one in found:
        console.print(f"[bold]{one.rule.id}[/bold]: {one.sentence}")
        for line in one.changed:
            console.print(
                f"  {line.reference} {line.category}: {line.was}, would be {line.would_be}", markup=False
            )


@policy.command("export")
@click.argument("to", type=click.Path(file_okay=False, path_type=Path))
@click.option("--draft", help="A draft's id, instead of the policy in force.")
def export_files(to: Path, draft: str | None) -> None:
    """Write the files of the policy in force (or of a draft) into the folder TO."""
    with at_work().store.reading() as unit:
        files = draft_row(unit, draft).files if draft else _files_in_force(unit)
    with writing(to):
        (to / "packs").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = to / name if name == lifecycle.CORE_FILE else to / "packs" / Path(name).name
            path.write_text(text, encoding="utf-8")
    console.print(f"{len(files)} files written to {to}.", markup=False)


@policy.command("import")
@click.argument("draft")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_post
def import_file(draft: str, file: Path, post: str) -> None:
    """Put FILE (a pack or overlay) into DRAFT (its id), in place of the one of its name."""
    text = read_text(file)
    _act(post, lambda unit, actor: policy_drafts.put_file(unit, actor, draft, file.name, text))
    console.print("Taken. Check the draft next.")


@policy.command()
@click.argument("title")
@click.option("--reason", required=True, help="Why, in a sentence.")
@_post
def draft(title: str, reason: str, post: str) -> None:
    """Begin a draft called TITLE from the policy in force; prints its id."""
    console.print(_act(post, lambda unit, actor: policy_drafts.start(unit, actor, title, reason).id))


@policy.command()
@click.argument("draft_id", metavar="DRAFT")
@_post
@click.option(
    "--at", "at", type=click.DateTime(), help="When it is to act, in UTC; at once on approval otherwise."
)
def sign(draft_id: str, post: str, at: datetime | None) -> None:
    """Check DRAFT and sign it as its author; another officer then approves it in her pages."""
    found = _act(post, lambda unit, actor: policy_drafts.run_checks(unit, actor, draft_id))
    if not found.passed:
        show_checked(found, as_json=False)
        sys.exit(1)
    when = at.replace(tzinfo=UTC) if at else None
    _act(post, lambda unit, actor: policies.sign(unit, actor, draft_id, when))
    console.print(_NEXT)


@policy.command()
@click.argument("draft_id", metavar="DRAFT")
@_post
def activate(draft_id: str, post: str) -> None:
    """Put DRAFT into force at once on its author's signature, if it only takes away; it is reviewed afterwards."""
    found = _act(post, lambda unit, actor: policy_drafts.run_checks(unit, actor, draft_id))
    if not found.passed:
        show_checked(found, as_json=False)
        sys.exit(1)
    row = _act(post, lambda unit, actor: policies.act_now(unit, actor, draft_id))
    console.print(
        f"Activation {row.sequence}, in force now; to be reviewed by another officer, in her pages."
    )


@policy.command()
@click.argument("sequence", type=int)
@click.option("--reason", required=True, help="Why, in a sentence.")
@_post
def rollback(sequence: int, reason: str, post: str) -> None:
    """Propose the policy of activation SEQUENCE again, signed; another officer approves it in her pages.

    Prints the draft's id.
    """

    def propose(unit: Unit, actor: Actor) -> str:
        row = policy_drafts.roll_back(unit, actor, sequence, reason)
        policy_drafts.run_checks(unit, actor, row.id)
        return policies.sign(unit, actor, row.id).id

    draft_id = _act(post, propose)
    console.print(_NEXT)
    console.print(draft_id)


@policy.command("list")
def list_versions() -> None:
    """List the activations and the drafts of the partnership."""
    with at_work().store.reading() as unit:
        partnership = the_partnership(unit)
        activations = lifecycle.activations(unit, partnership.id)
        open_drafts = unit.session.exec(select(PolicyDraft)).all()
        sound = {row.id: lifecycle.in_order(unit, row) for row in activations}
    table = Table("activation", "version", "from", "kind", "signatures", "why", box=None)
    for row in activations:
        holds = "hold" if sound[row.id] else "DO NOT HOLD"
        table.add_row(
            str(row.sequence), row.version[:_SHOWN], row.activates_at.isoformat(), row.kind, holds, row.reason
        )
    console.print(table)
    for one in open_drafts:
        console.print(f"draft {one.id} {one.state}: {one.title}", markup=False)


def _act(post: str, act: Callable[[Unit, Actor], T]) -> T:
    with at_work().store.writing() as unit:
        row = unit.session.exec(select(Post).where(Post.code == post)).first()
        if row is None:
            raise NotFound("No post has this key.", next_step="`gateway person list` shows the posts.")
        return act(unit, actor_for_post(unit, row.id))


def _files_in_force(unit: Unit) -> dict[str, str]:
    current = lifecycle.activation(unit, the_partnership(unit).id)
    kept = lifecycle.kept_version(unit, current.partnership_id, current.version) if current else None
    if kept is None:
        raise NotFound("No policy is in force.", next_step="Every decision is refused until one is.")
    return kept.files
