"""Signing in, choosing a post, staying signed in, signing out and leaving in a hurry."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from gateway.errors import GatewayError, NotFound, Unauthenticated
from gateway.registry.sign_in import (
    Candidate,
    person_of_identity,
    personas,
    posts_of_identity,
    posts_of_person,
)
from gateway.settings import Environment
from gateway.store.unit_of_work import Unit
from gateway.web import attempts, signin
from gateway.web.access import Face, allow, current_gateway, public, safe_next
from gateway.web.account.forms import PostForm
from gateway.web.formats import label
from gateway.web.forms import page
from gateway.web.security import from_loopback

blueprint = Blueprint("account", __name__, template_folder="templates")
_log = structlog.get_logger(__name__)
_TOO_MANY = 429
_FACES = {Face.STAFF: "Agency staff", Face.GOVERNANCE: "Information governance", Face.ADVOCACY: "Advocates"}


class TooMany(GatewayError):
    """Tried too often; waits help."""

    code = "too_many"
    status = _TOO_MANY


@blueprint.get("/")
@public("The front door leads to sign-in or to one's own pages")
def front() -> ResponseReturnValue:
    """Lead to the pages of the post, or to sign-in."""
    if g.actor is None:
        return redirect(url_for("account.sign_in"))
    home = f"{g.actor.face}.home"
    return redirect(url_for(home if home in current_app.view_functions else "account.posts"))


@blueprint.get("/sign-in")
@public("Signing in comes before being signed in")
def sign_in() -> ResponseReturnValue:
    """Offer every agency's sign-in, and the personas where they are allowed."""
    people: list[Candidate] = []
    if personas_allowed():
        with current_gateway().store.reading() as unit:
            people = personas(unit)
    return page(
        "account/sign_in.html",
        providers=signin.names(current_app),
        personas=people,
        faces=_FACES,
        next=safe_next(request.args.get("next")),
    )


@blueprint.get("/sign-in/with/<code:provider_id>")
@public("Starts at a link, because a form may not lead to another site")
def start(provider_id: str) -> ResponseReturnValue:
    """Go to the agency's provider."""
    _refuse_floods()
    session.clear()
    session["next"] = safe_next(request.args.get("next"))
    return signin.start(provider_id, _callback(provider_id))


@blueprint.get("/sign-in/with/<code:provider_id>/answer")
@public("The provider sends the browser back here")
def answer(provider_id: str) -> ResponseReturnValue:
    """Check the provider's answer and begin a session for the person it proves."""
    _refuse_floods()
    try:
        proof = signin.finish(provider_id)
    except signin.SignInRefused as error:
        _note_failure(provider_id, error.why)
        return page("account/not_signed_in.html", status=error.status)
    with current_gateway().store.reading() as unit:
        person_id = person_of_identity(unit, proof.issuer, proof.sub)
        held = _opened_by(unit, person_id, proof.issuer, proof.for_partnership) if person_id else []
    if not held:
        _note_failure(provider_id, "unknown_identity" if not person_id else "no_current_post")
        session.clear()
        return page("account/not_registered.html", status=403)
    return _begin(held, proof=proof)


@blueprint.post("/sign-in/persona/<id:post_id>")
@public("Signing in comes before being signed in; only in a demonstration on this machine")
def persona(post_id: str) -> ResponseReturnValue:
    """Sign in as an invented person."""
    if not personas_allowed():
        raise NotFound("There is nothing here.")
    with current_gateway().store.reading() as unit:
        chosen = [one for one in personas(unit) if one.view.post_id == post_id]
    if not chosen:
        raise NotFound("There is no such persona.")
    session["next"] = safe_next(request.args.get("next"))
    return _begin(chosen)


@blueprint.route("/posts", methods=["GET", "POST"])
@public("Whoever has proved who she is may choose among her own posts; the view checks that proof")
def posts() -> ResponseReturnValue:
    """Choose the post to act in."""
    person_id = session.get("person_id")
    if person_id is None:
        raise Unauthenticated("Nobody is signed in.", next_step="Sign in first.")
    with current_gateway().store.reading() as unit:
        held = _opened_by(unit, person_id, session.get("issuer"), session.get("for_partnership", False))
    form = PostForm()
    form.post.choices = [
        (one.view.post_id, f"{label(one.view.role, 'role')}, {one.view.agency_name}") for one in held
    ]
    if form.validate_on_submit():
        _act_in(next(one for one in held if one.view.post_id == form.post.data))
        return redirect(session.pop("next", None) or url_for("account.front"))
    return page("account/posts.html", form=form, held=held)


@blueprint.get("/sign-out")
@public("Signing out must always work")
def sign_out_page() -> ResponseReturnValue:
    """Ask whether to sign out, for those who come by a link."""
    return page("account/sign_out.html")


@blueprint.post("/sign-out")
@public("Signing out must always work")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    session.clear()
    return redirect(url_for("account.signed_out"))


@blueprint.get("/signed-out")
@public("Says that nobody is signed in any more")
def signed_out() -> ResponseReturnValue:
    """End what is left of the session and say so: the page that ran out of time comes here by itself."""
    session.clear()
    g.actor = None
    return page("account/signed_out.html")


@blueprint.post("/session/extend")
@allow(*Face)
def extend() -> ResponseReturnValue:
    """Move the session's clock because somebody is there; the answer is empty."""
    session.modified = True
    return Response(status=204)


@blueprint.get("/leave")
@public("Leaving in a hurry must work at once, whoever looks")
def leave() -> ResponseReturnValue:
    """End the session, clear what the browser kept of it and go to a neutral page.

    The browser's storage is left alone: it may hold the key that opens what was sealed to this person, and nothing
    there tells what this site is. Cookies and cache go.
    """
    session.clear()
    response = redirect(current_gateway().settings.web.exit_url)
    response.headers["Clear-Site-Data"] = '"cache", "cookies"'
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/accessibility")
@public("An accessibility statement is for everybody")
def accessibility() -> ResponseReturnValue:
    """Say what works for whom and what is not yet tested."""
    return page("account/accessibility.html")


@blueprint.get("/privacy")
@public("A privacy notice is for everybody")
def privacy() -> ResponseReturnValue:
    """Say what is kept about whoever uses these pages."""
    return page("account/privacy.html")


@blueprint.get("/safety")
@public("Advice on staying safe is for everybody")
def safety() -> ResponseReturnValue:
    """Say how to leave quickly and what a browser remembers."""
    return page("account/safety.html")


def personas_allowed() -> bool:
    """Whether invented people may be signed in as: in a demonstration, from this machine itself, and nowhere else."""
    settings = current_gateway().settings
    return settings.env is Environment.DEMO and settings.sign_in.personas and from_loopback(request)


def _opened_by(unit: Unit, person_id: str, issuer: str | None, for_partnership: bool) -> list[Candidate]:
    """The posts that a sign-in opens: an agency's provider never opens another agency's; a persona has none."""
    if issuer is None:
        return posts_of_person(unit, person_id)
    return posts_of_identity(unit, person_id, issuer, for_partnership=for_partnership)


def _callback(provider_id: str) -> str:
    return current_gateway().settings.web.public_url.rstrip("/") + url_for(
        "account.answer", provider_id=provider_id
    )


def _begin(held: list[Candidate], proof: signin.Proof | None = None) -> ResponseReturnValue:
    onward = session.get("next")
    session.clear()
    session["person_id"] = held[0].view.person_id
    session["posts"] = len(held)
    session["next"] = onward
    if proof is not None:
        session["acr"], session["auth_time"] = proof.acr, proof.auth_time
        session["issuer"], session["for_partnership"] = proof.issuer, proof.for_partnership
    session.rotate(restart=True)  # type: ignore[attr-defined]
    if len(held) > 1:
        return redirect(url_for("account.posts"))
    _act_in(held[0])
    return redirect(session.pop("next", None) or url_for("account.front"))


def _act_in(chosen: Candidate) -> None:
    session["post_id"] = chosen.view.post_id
    session["partnership_id"] = chosen.partnership_id
    session.rotate()  # type: ignore[attr-defined]


def _refuse_floods() -> None:
    with current_gateway().store.reading() as unit:
        flooded = attempts.too_many(unit, request.remote_addr or "")
    if flooded:
        raise TooMany("Signing in was tried too often from here.")


def _note_failure(provider_id: str, why: str) -> None:
    _log.warning("sign_in.refused", where=provider_id, code=why)
    with current_gateway().store.writing() as unit:
        attempts.note_failure(unit, request.remote_addr or "")
