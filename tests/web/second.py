"""The second officer of a change, signed in, in her own pages: no command acts for her."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import select

from gateway import settings as configuration
from gateway.assembly import Gateway, assemble
from gateway.registry.models import Post
from tests.web.fixtures import shared_app
from tests.web.pages import Page, Web


@contextmanager
def configured() -> Iterator[Gateway]:
    """The gateway of the settings that a command would work on."""
    gateway = assemble(configuration.load())
    yield gateway
    gateway.store.close()


def signed_in(gateway: Gateway, code: str) -> Web:
    """A browser in which the holder of a post is signed in."""
    with gateway.store.reading() as unit:
        post_id = unit.session.exec(select(Post.id).where(Post.code == code)).one()
    web = Web(shared_app(gateway), gateway)
    web.sign_in(post_id)
    return web


def approves_policy(gateway: Gateway, code: str, draft_id: str, *, status: int = 200) -> Page:
    """She reads the change and approves it; gives the page after."""
    web = signed_in(gateway, code)
    shown = web.page(f"/governance/policies/changes/{draft_id}/approve")
    return web.submit(shown, {"words": "It is right."}, status=status)


def approves_system(gateway: Gateway, code: str, client_id: str, *, status: int = 200) -> Page:
    """She finds the system in her list, compares its key and approves it; gives the page after."""
    web = signed_in(gateway, code)
    address = f"/governance/systems/{client_id}"
    assert address in web.page("/governance/systems").links().values()
    return web.submit(web.page(f"{address}/approve"), status=status)
