"""`gateway policy`: check a policy, prove it, compare it, see what it would do, and take a change through its life."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from sqlmodel import select

from gateway import settings as configuration
from gateway.assembly import Gateway, assemble
from gateway.clock import SystemClock, local_day
from gateway.disclosure import impact as replay
from gateway.disclosure import policies
from gateway.disclosure.trials import trials as running_trials
from gateway.errors import Invalid, NotFound
from gateway.policy import analysis, checks, lifecycle
from gateway.policy.checks import Checked
from gateway.policy.difference import Difference, difference
from gateway.policy.models import PolicyDraft
from gateway.policy.never import prove as prove_all
from gateway.policy.packs import Policy
from gateway.policy.rules import PolicyError
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Partnership, Post
from gateway.store.unit_of_work import Unit

T = TypeVar("T")
console = Console(highlight=False, soft_wrap=True)
_SHOWN = 12
_MOST_PAIRS = 20

_folder = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with core.toml and packs/, instead of the shipped one.",
)
_on = click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day it is to be in force (today)."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_post = click.option("--post", required=True, help="Your post, by its key in the register.")


@click.group()
def policy() -> None:
    """Check, compare, explain and activate policies.

    check, analyse and prove need no database. The life cycle (draft, sign, approve, rollback) acts in an officer's
    post, takes two officers, and is in the ledger. docs/policies.md tells the whole story.
    """


@policy.command()
@_folder
@_on
@_json
def check(folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Run every check on the policy of a folder: words and shape, the core, dates, tests, coverage, nevers."""
    files = _files(folder)
    found = checks.check(files, _all_packs(files), _day(day))
    _show_checked(found, as_json)
    if not found.passed:
        sys.exit(1)


@policy.command()
@_folder
@_on
@_json
def analyse(folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Say exactly which rules can never decide, which say nothing new, and where permits meet stops."""
    found = analysis.analyse(_policy(folder), _day(day))
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        console.print(f"{found.rules} rules; {len(found.dead)} can never decide.")
        for rule_id in found.dead:
            console.print(f"  dead: {rule_id}", markup=False)
        for pair in found.redundant:
            console.print(f"  redundant: {pair.one} says nothing that {pair.other} doesn't", markup=False)
        console.print(f"{len(found.overlapping)} permits meet a stop, which wins there.")
        for pair in found.overlapping[:_MOST_PAIRS]:
            console.print(f"  {pair.other} stops {pair.one}", markup=False)
    if found.dead or found.undecided:
        sys.exit(1)


@policy.command()
@_folder
@_on
@_json
def prove(folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Prove the statements of policies/never.toml over all combinations of facts, or show a case that breaks one."""
    proofs = prove_all(_policy(folder), _day(day))
    if as_json:
        listed = [{"id": one.never.id, "proved": one.proved, "says": one.sentence} for one in proofs]
        click.echo(json.dumps(listed, indent=2))
    else:
        for one in proofs:
            console.print(one.sentence, markup=False)
    if not all(one.proved for one in proofs):
        sys.exit(1)


@policy.command()
@click.argument("draft", required=False)
@_folder
@click.option("--days", default=90, show_default=True, help="How far to look back.")
@_json
def impact(draft: str | None, folder: Path | None, days: int, as_json: bool) -> None:
    """Judge past decisions again under DRAFT (its id) or the policy of a folder, and list what would change."""
    gateway = _gateway()
    with gateway.store.reading() as unit:
        partnership = _partnership(unit)
        old = lifecycle.active(unit, partnership.id)
        new = _of_draft(unit, draft) if draft else _policy(folder, enabled=_enabled(old))
        found = replay.impact(unit, partnership.id, old, new, looks_back=timedelta(days=days))
    if as_json:
        click.echo(json.dumps({"says": found.sentence, **asdict(found)}, indent=2))
        return
    console.print(found.sentence)
    table = Table("request", "what", "was", "would be", "by rule", box=None)
    for one in found.changed:
        table.add_row(
            one.reference, one.category, one.was, one.would_be, one.rule_would_be or "no rule permits it"
        )
    if found.changed:
        console.print(table)


@policy.command()
@click.argument("draft", required=False)
@_folder
@_json
def diff(draft: str | None, folder: Path | None, as_json: bool) -> None:
    """Say in words how DRAFT (its id) or the policy of a folder differs from the policy in force."""
    gateway = _gateway()
    with gateway.store.reading() as unit:
        old = lifecycle.active(unit, _partnership(unit).id)
        new = _of_draft(unit, draft) if draft else _policy(folder, enabled=_enabled(old))
    _show_difference(difference(old, new), as_json)


@policy.command()
@click.argument("request")
@_json
def explain(request: str, as_json: bool) -> None:
    """Explain the decision on REQUEST (its reference): rule, obligations and their origin, what was missing."""
    gateway = _gateway()
    with gateway.store.reading() as unit:
        found = replay.explain(unit, _partnership(unit).id, request)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        console.print(f"[bold]{one.category}: {one.outcome}[/bold]  policy {one.policy_version[:_SHOWN]}")
        console.print(one.officer, markup=False)
        if one.rule_id:
            console.print(f"Decided in stage {one.stage} by {one.rule_id}: {one.rule_title}", markup=False)
        for code, rules in one.obligations:
            console.print(f"  owes {code} (from {', '.join(rules)})", markup=False)
        for title, missing in one.near:
            console.print(f"  nearly permitted by “{title}”; missing: {missing}", markup=False)
        for rule_id, would_be in one.tried:
            console.print(f"  on trial: {rule_id} would have made it {would_be}", markup=False)


@policy.command("trials")
def list_trials() -> None:
    """Say of each rule on trial how many decisions it would have changed, and list them."""
    gateway = _gateway()
    with gateway.store.reading() as unit:
        found = running_trials(unit, _partnership(unit).id)
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
    with _gateway().store.reading() as unit:
        files = unit.session.get_one(PolicyDraft, draft).files if draft else _files_in_force(unit)
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
    text = file.read_text(encoding="utf-8")
    _act(post, lambda unit, actor: policies.put_file(unit, actor, draft, file.name, text))
    console.print("Taken. Check the draft next.")


@policy.command()
@click.argument("title")
@click.option("--reason", required=True, help="Why, in a sentence.")
@_post
def draft(title: str, reason: str, post: str) -> None:
    """Begin a draft called TITLE from the policy in force; prints its id."""
    console.print(_act(post, lambda unit, actor: policies.start(unit, actor, title, reason).id))


@policy.command()
@click.argument("draft_id", metavar="DRAFT")
@_post
@click.option(
    "--at", "at", type=click.DateTime(), help="When it is to act, in UTC; at once on approval otherwise."
)
def sign(draft_id: str, post: str, at: datetime | None) -> None:
    """Check DRAFT and sign it as its author."""
    found = _act(post, lambda unit, actor: policies.run_checks(unit, actor, draft_id))
    if not found.passed:
        _show_checked(found, as_json=False)
        sys.exit(1)
    when = at.replace(tzinfo=UTC) if at else None
    _act(post, lambda unit, actor: policies.sign(unit, actor, draft_id, when))
    console.print("Signed. Another officer approves it next.")


@policy.command()
@click.argument("draft_id", metavar="DRAFT")
@_post
@click.option("--words", required=True, help="Why you agree, in a sentence.")
def approve(draft_id: str, post: str, words: str) -> None:
    """Approve DRAFT as the second officer; shows what it changes first."""
    with _gateway().store.reading() as unit:
        old = lifecycle.active(unit, _partnership(unit).id)
        _show_difference(difference(old, _of_draft(unit, draft_id)), as_json=False)
    row = _act(post, lambda unit, actor: policies.approve(unit, actor, draft_id, words))
    console.print(f"Activation {row.sequence}, in force from {row.activates_at.isoformat()}.")


@policy.command()
@click.argument("draft_id", metavar="DRAFT")
@_post
def activate(draft_id: str, post: str) -> None:
    """Put DRAFT into force at once on its author's signature, if it only takes away; it is reviewed afterwards."""
    found = _act(post, lambda unit, actor: policies.run_checks(unit, actor, draft_id))
    if not found.passed:
        _show_checked(found, as_json=False)
        sys.exit(1)
    row = _act(post, lambda unit, actor: policies.act_now(unit, actor, draft_id))
    console.print(f"Activation {row.sequence}, in force now; to be reviewed by another officer.")


@policy.command()
@click.argument("sequence", type=int)
@click.option("--reason", required=True, help="Why, in a sentence.")
@_post
def rollback(sequence: int, reason: str, post: str) -> None:
    """Propose the policy of activation SEQUENCE again, signed; a second officer approves it. Prints the draft's id."""

    def propose(unit: Unit, actor: Actor) -> str:
        row = policies.roll_back(unit, actor, sequence, reason)
        policies.run_checks(unit, actor, row.id)
        return policies.sign(unit, actor, row.id).id

    console.print(_act(post, propose))


@policy.command("list")
def list_versions() -> None:
    """List the activations and the drafts of the partnership."""
    with _gateway().store.reading() as unit:
        partnership = _partnership(unit)
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


def _gateway() -> Gateway:
    return assemble(configuration.load())


def _act(post: str, act: Callable[[Unit, Actor], T]) -> T:
    with _gateway().store.writing() as unit:
        row = unit.session.exec(select(Post).where(Post.code == post)).first()
        if row is None:
            raise NotFound("No post has this key.", next_step="`gateway person list` shows the posts.")
        return act(unit, actor_for_post(unit, row.id))


def _partnership(unit: Unit) -> Partnership:
    found = unit.session.exec(select(Partnership)).first()
    if found is None:
        raise NotFound("There is no partnership yet.", next_step="Import its register first.")
    return found


def _files(folder: Path | None) -> dict[str, str]:
    try:
        return lifecycle.shipped_files(folder)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            "The folder holds no core.toml.", next_step="Name a folder with core.toml and packs/."
        ) from error


def _files_in_force(unit: Unit) -> dict[str, str]:
    current = lifecycle.activation(unit, _partnership(unit).id)
    kept = lifecycle.kept_version(unit, current.partnership_id, current.version) if current else None
    if kept is None:
        raise NotFound("No policy is in force.", next_step="Every decision is refused until one is.")
    return kept.files


def _all_packs(files: dict[str, str]) -> tuple[str, ...]:
    try:
        return tuple(pack.id for pack in lifecycle.compiled(files, ()).packs if pack.kind == "pack")
    except PolicyError:
        return ()


def _policy(folder: Path | None, *, enabled: tuple[str, ...] | None = None) -> Policy:
    files = _files(folder)
    try:
        return checks.load(files, _all_packs(files) if enabled is None else enabled)
    except PolicyError as problem:
        raise Invalid(
            str(problem), next_step="Correct it; `gateway policy check` lists the rest."
        ) from problem


def _enabled(old: Policy | None) -> tuple[str, ...]:
    return tuple(pack.id for pack in old.packs if pack.enabled and pack.kind == "pack") if old else ()


def _of_draft(unit: Unit, draft_id: str) -> Policy:
    row = unit.session.get(PolicyDraft, draft_id)
    if row is None:
        raise NotFound("There is no such draft.", next_step="`gateway policy list` shows them.")
    return checks.load(row.files, row.enabled)


def _day(day: datetime | None) -> date:
    return day.date() if day else local_day(SystemClock().now())


def _show_checked(found: Checked, as_json: bool) -> None:
    if as_json:
        listed = [asdict(one) for one in found.findings]
        click.echo(json.dumps({"passed": found.passed, "tests": found.tests, "findings": listed}, indent=2))
        return
    table = Table("check", "where", "what", box=None)
    for one in found.findings:
        table.add_row(one.check, one.where, one.says + ("" if one.stops else " (a note)"))
    if found.findings:
        console.print(table)
    verdict = "It may be signed." if found.passed else "It can't be signed."
    console.print(
        f"{found.rules} rules, {found.tests} tests, {len(found.proofs)} never-statements. {verdict}"
    )


def _show_difference(found: Difference, as_json: bool) -> None:
    if as_json:
        changes: list[dict[str, Any]] = [{**asdict(one), "gives": sorted(one.gives)} for one in found.changes]
        click.echo(json.dumps({"tightens_only": found.tightens_only, "changes": changes}, indent=2))
        return
    for one in found.changes:
        console.print(f"[bold]{one.what}[/bold]: {one.title} ({one.rule_id or one.pack_id})")
        for words in one.says:
            console.print(f"  {words}", markup=False)
    if not found.changes:
        console.print("Nothing differs.")
    elif found.tightens_only:
        console.print("It only takes away, so it may act at once and be reviewed afterwards.")
    else:
        console.print("It could open something, so it takes a second officer.")
