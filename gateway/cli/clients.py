"""`gateway client`: the systems that may use the API. Commands register and end; an officer approves in her pages."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlmodel import select

from gateway.api import clients
from gateway.api.clients import SystemState
from gateway.cli.files import read_text
from gateway.cli.installation import at_work
from gateway.errors import NotFound
from gateway.registry import people
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Post
from gateway.sealing.public_key import fingerprint
from gateway.store.unit_of_work import Unit

console = Console(highlight=False)
_OFFICER = click.option("--officer", required=True, help="Code of the post of the officer who does this.")
_STATES = {
    SystemState.WAITING: "waits for approval",
    SystemState.ACTIVE: "may sign in",
    SystemState.IDLE: "its post is over",
    SystemState.REFUSED: "refused",
    SystemState.ENDED: "ended",
}


@click.group("client")
def client() -> None:
    """Agencies' systems that use the API: register, end, list.

    One information-governance officer registers a system with its public key; another approves it, signed in, on the
    page “Systems”. No command approves. Any of them ends it at once, with its tokens. docs/api.md says how the system
    then signs in.
    """


@client.command()
@click.argument("partnership")
@click.argument("post")
@click.argument("key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What the system is called.")
@_OFFICER
def register(partnership: str, post: str, key_file: Path, name: str, officer: str) -> None:
    """Register a system that acts in POST (its code) of PARTNERSHIP, with the public P-256 key (JWK) in KEY_FILE.

    It may sign in once another officer has approved it in her pages.
    """
    key = clients.read_key(read_text(key_file))
    with at_work().store.writing() as unit:
        actor = _officer(unit, partnership, officer)
        post_id = _post(unit, actor.partnership_id, post).id
        client_id = clients.register(unit, actor, post_id=post_id, name=name, jwk=key)
        found = clients.system(unit, actor, client_id)
    console.print(f"Client id: {client_id}", markup=False)
    console.print(f"Fingerprint: {fingerprint(found.thumbprint)}", markup=False)
    console.print("It may sign in once another officer has approved it in her pages, under “Systems”:")
    for who in sorted(found.approvers.values()) or ["nobody can; register another officer first"]:
        console.print(f"  {who}", markup=False)
    console.print("Send her the fingerprint on another way, to compare.")


@client.command()
@click.argument("partnership")
@click.argument("client_id")
@_OFFICER
def end(partnership: str, client_id: str, officer: str) -> None:
    """End a system at once, with its tokens; or refuse one that waits."""
    with at_work().store.writing() as unit:
        clients.end(unit, _officer(unit, partnership, officer), client_id)
    console.print("Ended.")


@client.command("list")
@click.argument("partnership")
def list_clients(partnership: str) -> None:
    """List the systems of PARTNERSHIP and where each stands."""
    table = Table("client id", "name", "acts as", "state", box=None)
    with at_work().store.reading() as unit:
        for one in clients.of_partnership(unit, people.partnership_of(unit, partnership)):
            table.add_row(one.client_id, one.name, people.in_words(one.post), _STATES[one.state])
    console.print(table)


def _officer(unit: Unit, partnership: str, code: str) -> Actor:
    return actor_for_post(unit, _post(unit, people.partnership_of(unit, partnership), code).id)


def _post(unit: Unit, partnership_id: str, code: str) -> Post:
    rows = select(Post).where(Post.partnership_id == partnership_id, Post.code == code)
    found = unit.session.exec(rows).one_or_none()
    if found is None:
        raise NotFound(f"There is no post with the code {code}.", next_step="See `gateway registry export`.")
    return found
