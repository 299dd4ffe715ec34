"""`gateway policy`: what is checked of a policy, what it would change, and why a request was decided as it was."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlmodel import select

from gateway.cli.installation import at_work
from gateway.clock import SystemClock, local_day
from gateway.disclosure import impact as replay
from gateway.disclosure import policy_drafts
from gateway.errors import Invalid, NotFound
from gateway.policy import analysis, checks, lifecycle
from gateway.policy.checks import Checked
from gateway.policy.difference import Difference, difference
from gateway.policy.models import PolicyDraft
from gateway.policy.never import prove as prove_all
from gateway.policy.packs import Policy
from gateway.policy.rules import PolicyError
from gateway.registry.models import Partnership
from gateway.store.unit_of_work import Unit

console = Console(highlight=False, soft_wrap=True)
_SHOWN = 12
_MOST_PAIRS = 20

_folder = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with core.toml and packs/, instead of the shipped one.",
)
_Command = Callable[..., None]


def _draft_or_folder(command: _Command) -> _Command:
    """What a check looks at: a draft by its id, or a folder."""
    return click.argument("draft", required=False)(_folder(command))


_on = click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day it is to be in force (today)."
)
_EXAMPLES = frozenset({"tests", "coverage"})
_OTHER_CHECKS = _EXAMPLES | {"never-statements", "analysis"}
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.command()
@_draft_or_folder
@_on
@_json
def check(draft: str | None, folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Run every check on DRAFT (its id) or on the policy of a folder; with DRAFT, the same as in its pages."""
    found = _checked(draft, folder, day)
    show_checked(found, as_json)
    if not found.passed:
        sys.exit(1)


@click.command()
@_draft_or_folder
@_on
@_json
def shape(draft: str | None, folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Check words and shape alone: known terms, law, owner and dates of each rule, the core, where a rule may stand."""
    _show_part(_checked(draft, folder, day), as_json, without=_OTHER_CHECKS)


@click.command("test")
@_draft_or_folder
@_on
@_json
def run_examples(draft: str | None, folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Run every rule's own examples, and name the rules that no example shows at work."""
    _show_part(_checked(draft, folder, day), as_json, only=_EXAMPLES)


@click.command()
@_draft_or_folder
@_on
@_json
def analyse(draft: str | None, folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Say exactly which rules can never decide, which say nothing new, and where permits meet stops."""
    found = analysis.analyse(_policy_of(draft, folder), _day(day))
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


@click.command()
@_draft_or_folder
@_on
@_json
def prove(draft: str | None, folder: Path | None, day: datetime | None, as_json: bool) -> None:
    """Prove the statements of policies/never.toml over all combinations of facts, or show a case that breaks one."""
    proofs = prove_all(_policy_of(draft, folder), _day(day))
    if as_json:
        listed = [{"id": one.never.id, "proved": one.proved, "says": one.sentence} for one in proofs]
        click.echo(json.dumps(listed, indent=2))
    else:
        for one in proofs:
            console.print(one.sentence, markup=False)
    if not all(one.proved for one in proofs):
        sys.exit(1)


@click.command()
@click.argument("draft", required=False)
@_folder
@click.option(
    "--days", type=click.IntRange(min=1), default=90, show_default=True, help="How far to look back."
)
@_json
def impact(draft: str | None, folder: Path | None, days: int, as_json: bool) -> None:
    """Judge past decisions again under DRAFT (its id) or the policy of a folder, and list what would change."""
    gateway = at_work()
    with gateway.store.reading() as unit:
        partnership = the_partnership(unit)
        old = lifecycle.active(unit, partnership.id)
        new = of_draft(unit, draft) if draft else _policy(folder, enabled=_enabled(old))
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


@click.command()
@click.argument("draft", required=False)
@_folder
@_json
def diff(draft: str | None, folder: Path | None, as_json: bool) -> None:
    """Say in words how DRAFT (its id) or the policy of a folder differs from the policy in force."""
    gateway = at_work()
    with gateway.store.reading() as unit:
        old = lifecycle.active(unit, the_partnership(unit).id)
        new = of_draft(unit, draft) if draft else _policy(folder, enabled=_enabled(old))
    show_difference(difference(old, new), as_json)


@click.command()
@click.argument("request")
@_json
def explain(request: str, as_json: bool) -> None:
    """Explain the decision on REQUEST (its reference): rule, obligations and their origin, what was missing."""
    gateway = at_work()
    with gateway.store.reading() as unit:
        found = replay.explain(unit, the_partnership(unit).id, request)
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


def the_partnership(unit: Unit) -> Partnership:
    """The one partnership. Raises NotFound before its register is imported."""
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


def of_draft(unit: Unit, draft_id: str) -> Policy:
    """The policy that a draft would become. Raises NotFound, and Invalid where it does not load."""
    row = draft_row(unit, draft_id)
    try:
        return checks.load(row.files, row.enabled)
    except PolicyError as problem:
        raise Invalid(
            str(problem), next_step="Correct it; `gateway policy check DRAFT` lists the rest."
        ) from problem


def draft_row(unit: Unit, draft_id: str) -> PolicyDraft:
    """A draft by its id. Raises NotFound."""
    row = unit.session.get(PolicyDraft, draft_id)
    if row is None:
        raise NotFound("There is no such draft.", next_step="`gateway policy list` shows them.")
    return row


def _policy_of(draft: str | None, folder: Path | None) -> Policy:
    if draft is None:
        return _policy(folder)
    with at_work().store.reading() as unit:
        return of_draft(unit, draft)


def _checked(draft: str | None, folder: Path | None, day: datetime | None) -> Checked:
    if draft is not None:
        with at_work().store.reading() as unit:
            return policy_drafts.check(unit, draft_row(unit, draft))
    files = _files(folder)
    return checks.check(files, _all_packs(files), _day(day))


def _day(day: datetime | None) -> date:
    return day.date() if day else local_day(SystemClock().now())


def show_checked(found: Checked, as_json: bool, verdict: str = "") -> None:
    """Print what the checks found, and whether it may be signed."""
    if as_json:
        listed = [asdict(one) for one in found.findings]
        click.echo(json.dumps({"passed": found.passed, "tests": found.tests, "findings": listed}, indent=2))
        return
    table = Table("check", "where", "what", box=None)
    for one in found.findings:
        table.add_row(one.check, one.where, one.says + ("" if one.stops else " (a note)"))
    if found.findings:
        console.print(table)
    verdict = verdict or ("It may be signed." if found.passed else "It can't be signed.")
    console.print(
        f"{found.rules} rules, {found.tests} tests, {len(found.proofs)} never-statements. {verdict}"
    )


def _show_part(
    found: Checked,
    as_json: bool,
    *,
    only: frozenset[str] = frozenset(),
    without: frozenset[str] = frozenset(),
) -> None:
    """Show what one check found; exit code 1 when it stops a signature, or when the words didn't let it run."""
    chosen = tuple(
        one for one in found.findings if one.check not in without and (not only or one.check in only)
    )
    part = replace(found, findings=chosen or (found.findings if found.policy is None else ()))
    show_checked(
        part, as_json, verdict="It passes this check." if part.passed else "It doesn't pass this check."
    )
    if not part.passed:
        sys.exit(1)


def show_difference(found: Difference, as_json: bool) -> None:
    """Print a difference in words."""
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


COMMANDS = (check, shape, run_examples, analyse, prove, impact, diff, explain)
