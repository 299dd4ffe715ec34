"""Who may come in: every route names it, and the post is looked up again at every request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from gateway.errors import Forbidden, Misconfigured, Unauthenticated
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Face

if TYPE_CHECKING:
    from gateway.assembly import Gateway

__all__ = [
    "Access",
    "Face",
    "allow",
    "check_every_route",
    "current_actor",
    "current_gateway",
    "machine",
    "may_enter",
    "public",
    "rules",
]

View = TypeVar("View", bound=Callable[..., Any])
_MARK = "gateway_access"
_MACHINES = "gateway_machines"


@dataclass(frozen=True)
class Access:
    """What one route asks of whoever comes in; exactly one of faces, public_because and machine is set."""

    faces: frozenset[Face] = frozenset()
    roles: frozenset[str] = frozenset()
    authorises: frozenset[str] = frozenset()
    public_because: str = ""
    machine: str = ""

    def admits(self, actor: Actor | None) -> bool:
        """Whether a person may come in; a route for machines admits nobody who holds only a session."""
        if self.public_because:
            return True
        if actor is None or actor.face not in self.faces:
            return False
        if self.roles and actor.role not in self.roles:
            return False
        return not self.authorises or bool(self.authorises & actor.authorises)


def allow(
    *faces: Face, roles: Collection[str] = (), authorises: Collection[str] = ()
) -> Callable[[View], View]:
    """Let posts of these faces in, narrowed to roles or to holders of one of the role codes in `authorises`."""
    if not faces:
        raise Misconfigured("A route allows nobody.", next_step="Name a face: @allow(Face.STAFF).")
    return _mark(Access(frozenset(faces), frozenset(roles), frozenset(authorises)))


def public(because: str) -> Callable[[View], View]:
    """Let anybody in, for the reason given; for pages that must work before or without a sign-in."""
    if not because.strip():
        raise Misconfigured("A public route gives no reason.", next_step="Say why: @public('…').")
    return _mark(Access(public_because=because))


def machine(scope: str) -> Callable[[View], View]:
    """Let an agency's system in whose own credentials carry `scope`; a browser's session never counts here."""
    return _mark(Access(machine=scope))


def admit_machines(app: Flask, check: Callable[[str], None]) -> None:
    """Name the check for machine routes: it takes the scope and raises Unauthenticated or Forbidden."""
    app.extensions[_MACHINES] = check


def rules(app: Flask) -> dict[str, Access]:
    """The access of every endpoint, for start-up and for tests that walk the whole map."""
    return {endpoint: _access_of(view) or Access() for endpoint, view in app.view_functions.items()}


def check_every_route(app: Flask) -> None:
    """Refuse to start when a route doesn't say who may come in.

    Raises:
        Misconfigured: names the endpoints.
    """
    unlisted = sorted(endpoint for endpoint, access in rules(app).items() if access == Access())
    if unlisted:
        raise Misconfigured(
            f"These routes don't say who may come in: {', '.join(unlisted)}.",
            next_step="Put @allow(Face.…), @public('reason') or @machine('scope') under the route.",
        )


def enter() -> ResponseReturnValue | None:
    """Before every view: resolve the actor afresh and compare with the route; refuse unless it admits."""
    g.actor = None
    if request.routing_exception is not None or request.endpoint is None:
        # A page that isn't there wears the same frame as one that isn't hers, so it needs to know who looks.
        g.actor = _resolve()
        return None
    access = _access_of(current_app.view_functions[request.endpoint])
    if access is None:
        raise Forbidden("This page says nobody may come in.")
    if access.machine:
        _enter_machine(access.machine)
        return None
    g.actor = _resolve()
    if access.admits(g.actor):
        return None
    if g.actor is not None:
        raise Forbidden(
            "This page isn't for the post you are signed in with.",
            next_step="If you hold another post, change to it. Otherwise ask your information-governance officer.",
        )
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("account.sign_in", next=request.path))
    raise Unauthenticated(
        "You are not signed in any more, and nothing was sent.", next_step="Sign in and try again."
    )


def current_actor() -> Actor:
    """The person in the post who makes this request.

    Raises:
        Unauthenticated: nobody is signed in (only possible on a public page).
    """
    actor = cast("Actor | None", g.get("actor"))
    if actor is None:
        raise Unauthenticated("You are not signed in.", next_step="Sign in.")
    return actor


def current_gateway() -> Gateway:
    """The assembled gateway behind this application."""
    return cast("Gateway", current_app.extensions["gateway"])


def may_enter(endpoint: str) -> bool:
    """Whether the present actor may open an endpoint: navigation shows only what opens."""
    view = current_app.view_functions.get(endpoint)
    access = _access_of(view) if view is not None else None
    return access is not None and access.admits(g.get("actor"))


def safe_next(target: str | None) -> str | None:
    """A path of this site to go on to after sign-in, or None: never another site, never something that acts."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    path = urlsplit(target).path
    adapter = current_app.create_url_adapter(request)
    if adapter is None or not adapter.test(path, method="GET"):
        return None
    return path


def _mark(access: Access) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        setattr(view, _MARK, access)
        return view

    return decorate


def _access_of(view: Callable[..., Any]) -> Access | None:
    return cast("Access | None", getattr(view, _MARK, None))


def _enter_machine(scope: str) -> None:
    check = cast("Callable[[str], None] | None", current_app.extensions.get(_MACHINES))
    if check is None:
        raise Unauthenticated("No machine client is known here.", next_step="Register the client first.")
    check(scope)


def _resolve() -> Actor | None:
    """The session's actor; a post that ended cuts the session now, not at its next sign-in."""
    post_id = session.get("post_id") if session else None
    if post_id is None:
        return None
    try:
        with current_gateway().store.reading() as unit:
            return actor_for_post(unit, post_id)
    except Unauthenticated:
        session.clear()
        return None
