"""`gateway client`: the systems that may use the API, each registered by one officer and approved by another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlmodel import select

from gateway.api import clients
from gateway.cli.installation import at_work
from gateway.errors import Invalid, NotFound
from gateway.registry import people
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit

console = Console(highlight=False)
_OFFICER = click.option("--officer", required=True, help="Code of the post of the officer who does this.")


@click.group("client")
def client() -> None:
    """Agencies' systems that use the API: register, approve, end, list.

    One information-governance officer registers a system with its public key, another approves it; either ends it at
    once, with its tokens. docs/api.md says how the system then signs in.
    """


@client.command()
@click.argument("partnership")
@click.argument("post")
@click.argument("key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What the system is called.")
@_OFFICER
def register(partnership: str, post: str, key_file: Path, name: str, officer: str) -> None:
    """Register a system that acts in POST (its code) of PARTNERSHIP, with the public P-256 key (JWK) in KEY_FILE.

    It may sign in once another officer has approved it.
    """
    jwk = _public_key(key_file)
    with at_work().store.writing() as unit:
        actor = _officer(unit, partnership, officer)
        post_id = _post(unit, actor.partnership_id, post).id
        client_id = clients.register(unit, actor, post_id=post_id, name=name, jwk=jwk)
    console.print(f"Client id: {client_id}", markup=False)
    console.print("Now another officer approves it: gateway client approve --help", markup=False)


@client.command()
@click.argument("partnership")
@click.argument("client_id")
@_OFFICER
def approve(partnership: str, client_id: str, officer: str) -> None:
    """Approve a system that another officer registered."""
    with at_work().store.writing() as unit:
        clients.approve(unit, _officer(unit, partnership, officer), client_id)
    console.print("Approved: it may sign in.")


@client.command()
@click.argument("partnership")
@click.argument("client_id")
@_OFFICER
def end(partnership: str, client_id: str, officer: str) -> None:
    """End a system at once, with its tokens."""
    with at_work().store.writing() as unit:
        clients.end(unit, _officer(unit, partnership, officer), client_id)
    console.print("Ended.")


@client.command("list")
@click.argument("partnership")
def list_clients(partnership: str) -> None:
    """List the systems of PARTNERSHIP and where each stands."""
    table = Table("client id", "name", "acts as", "state", box=None)
    with at_work().store.reading() as unit:
        partnership_id = people.partnership_of(unit, partnership)
        for row in clients.of_partnership(unit, partnership_id):
            view = people.post_view(unit, partnership_id, row.post_id)
            waits = "waits for approval" if row.approved_by_post_id is None else "may sign in"
            table.add_row(row.id, row.name, people.in_words(view), "ended" if row.ended_at else waits)
    console.print(table)


def _public_key(file: Path) -> Mapping[str, str]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid(f"{file.name} isn't JSON.", next_step="Give the file of a public JWK.") from error
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise Invalid(f"{file.name} isn't a key.", next_step="Give the file of a public JWK.")
    return read


def _officer(unit: Unit, partnership: str, code: str) -> Actor:
    return actor_for_post(unit, _post(unit, people.partnership_of(unit, partnership), code).id)


def _post(unit: Unit, partnership_id: str, code: str) -> Post:
    rows = select(Post).where(Post.partnership_id == partnership_id, Post.code == code)
    found = unit.session.exec(rows).one_or_none()
    if found is None:
        raise NotFound(f"There is no post with the code {code}.", next_step="See `gateway registry export`.")
    return found
