"""`gateway ledger hold`, `keep-holding`, `reveal`, `held` and `erase`: what an officer has decided about an entry."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console

from gateway.cli.installation import at_work
from gateway.registry.actors import actor_for_post
from gateway.review import holding
from gateway.review.holding import Review

_console = Console(highlight=False, soft_wrap=True)
_ENTRY = click.argument("entry_id")
_OFFICER = click.option("--officer", required=True, help="Post id of the officer who decided it.")
_REASONS = click.option("--reasons", required=True, help="Why, in words.")
_REVIEWER = click.option("--reviewer", required=True, help="Post id of the officer who looks again.")
_ON = click.option("--review-on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="By which day.")


@click.command()
@_ENTRY
@_OFFICER
@_REASONS
@_REVIEWER
@_ON
def hold(entry_id: str, officer: str, reasons: str, reviewer: str, review_on: datetime) -> None:
    """Hold ENTRY_ID back while it would be unlawful to reveal it; the advocate is told how many are held."""
    with at_work().store.writing() as unit:
        review = Review(reviewer, review_on.date())
        holding.hold(unit, actor_for_post(unit, officer), entry_id, reasons, review)
    _console.print(f"Held until somebody looks again on {review_on:%Y-%m-%d}.")


@click.command(name="keep-holding")
@_ENTRY
@_OFFICER
@_REASONS
@_REVIEWER
@_ON
def keep_holding(entry_id: str, officer: str, reasons: str, reviewer: str, review_on: datetime) -> None:
    """Record that the held ENTRY_ID was looked at again and stays held until the next review."""
    with at_work().store.writing() as unit:
        review = Review(reviewer, review_on.date())
        holding.keep_holding(unit, actor_for_post(unit, officer), entry_id, reasons, review)
    _console.print(f"It stays held until {review_on:%Y-%m-%d}.")


@click.command()
@_ENTRY
@_OFFICER
@_REASONS
def reveal(entry_id: str, officer: str, reasons: str) -> None:
    """Reveal the held ENTRY_ID to those who may read the log."""
    with at_work().store.writing() as unit:
        holding.reveal(unit, actor_for_post(unit, officer), entry_id, reasons)
    _console.print("Revealed.")


@click.command()
@_OFFICER
@click.option("--by", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Reviews due by this day.")
def held(officer: str, by: datetime) -> None:
    """List the held entries that somebody must look at again; exit code 1 if there is one."""
    with at_work().store.reading() as unit:
        due = [
            (one.review_on, one.entry_id, one.reviewer_post_id)
            for one in holding.to_review(unit, actor_for_post(unit, officer), by.date())
        ]
    for day, entry_id, reviewer in due:
        _console.print(f"{day} entry {entry_id}, by post {reviewer}", markup=False)
    _console.print(f"{len(due)} due." if due else "Nothing is due.")
    raise SystemExit(1 if due else 0)


@click.command()
@click.argument("entry_ids", nargs=-1, required=True)
@_OFFICER
@click.option("--second", required=True, help="Post id of the second officer who agreed.")
@_REASONS
def erase(entry_ids: tuple[str, ...], officer: str, second: str, reasons: str) -> None:
    """Erase what ENTRY_IDS say, decided by two officers; their places stay, and the log says who and why."""
    with at_work().store.writing() as unit:
        first, other = actor_for_post(unit, officer), actor_for_post(unit, second)
        holding.erase(unit, first, other, entry_ids, reasons)
    _console.print(f"{len(entry_ids)} erased. Copies live on in backups until their keys are destroyed.")
