"""A blueprint that shows every component once, filled, empty and with errors: what the checks of pages are tried on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, FileField

from gateway.errors import Invalid
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Person
from gateway.web.access import Face, allow, current_actor, current_gateway, public
from gateway.web.forms import (
    Answer,
    GatewayForm,
    LongAnswer,
    OneOf,
    Pick,
    SomeOf,
    ThreePartDate,
    page,
    required,
)
from gateway.web.paging import Paging, asked_page
from gateway.web.security import opens_content, takes_upload

TEMPLATES = Path(__file__).with_name("templates")
AT = datetime(2026, 7, 1, 8, 32, tzinfo=UTC)
UPLOAD = 2 * 1024 * 1024
HOSTILE = "<script>alert(1)</script>"
blueprint = Blueprint("gallery", __name__, url_prefix="/gallery", template_folder=str(TEMPLATES))


class GalleryForm(GatewayForm):
    """One field of each kind."""

    line = Answer("What is the reference?", [required("Enter the reference")], description="Eight characters")
    words = LongAnswer("Why is it needed?", [required("Say why it is needed")], longest=100)
    one = OneOf(
        "How urgent is it?",
        [required("Choose how urgent it is")],
        choices=[("today", "Today"), ("week", "This week")],
        hints={"today": "Somebody may be harmed today"},
    )
    some = SomeOf(
        "Which kinds of information?",
        [required("Choose at least one kind")],
        choices=[("address", "Address"), ("risk", "Risk assessment")],
    )
    day = ThreePartDate("When is it needed by?", [required("Enter the date it is needed by")])
    pick = Pick("Which agency?", choices=[("", "Choose"), ("a", "Meadow Police")], choose="Choose an agency")
    tick = BooleanField("I have checked this")
    file = FileField("Choose a file")


@blueprint.route("/form", methods=["GET", "POST"])
@allow(Face.STAFF)
@takes_upload(UPLOAD)
def form() -> ResponseReturnValue:
    """The form; the reference TAKEN is refused by the flow, NOWHERE by no field."""
    shown = GalleryForm()
    if shown.validate_on_submit():
        with shown.showing_errors():
            if shown.line.data == "TAKEN":
                raise Invalid("Taken.", fields={"line": "This reference is already taken"})
            if shown.line.data == "NOWHERE":
                raise Invalid("The case was closed meanwhile")
            flash(f"Sent for {shown.day.data}, {HOSTILE}", "done")
            return redirect(url_for(".components"))
    return page("gallery/form.html", form=shown)


@blueprint.get("/as/<id:post_id>")
@public("A real browser takes a cookie of this name only from the server itself")
def sign_in_as(post_id: str) -> ResponseReturnValue:
    """Begin a session for a post, for tests in a browser."""
    with current_gateway().store.reading() as unit:
        actor = actor_for_post(unit, post_id)
    session.update(person_id=actor.person_id, post_id=post_id, partnership_id=actor.partnership_id)
    return redirect(url_for("account.posts"))


@blueprint.get("/components")
@allow(Face.STAFF)
def components() -> ResponseReturnValue:
    """Every component, filled."""
    number = asked_page()
    return page(
        "gallery/components.html",
        at=AT,
        on=date(2026, 11, 20),
        hostile=HOSTILE,
        paging=Paging(list(range(25)), number, 240),
        empty=Paging[Any]([], 1, 0),
    )


@blueprint.get("/opening")
@allow(Face.STAFF)
@opens_content
def opening() -> ResponseReturnValue:
    """A page that would decrypt something."""
    return page("gallery/opening.html")


@blueprint.get("/broken/<code:how>")
@allow(Face.STAFF)
def broken(how: str) -> ResponseReturnValue:
    """A page that goes wrong in the way asked for."""
    if how == "crash":
        raise ZeroDivisionError(HOSTILE)
    raise ERRORS[how]


@blueprint.get("/faulty/<code:how>")
@allow(Face.STAFF)
def faulty(how: str) -> ResponseReturnValue:
    """A page with a planted fault that the checks of pages must find."""
    return page("gallery/faulty.html", how=how)


@blueprint.get("/writes")
@allow(Face.STAFF)
def writes() -> ResponseReturnValue:
    """A GET that writes, which the checks of pages must find."""
    with current_gateway().store.writing() as unit:
        unit.session.add(Person(partnership_id=current_actor().partnership_id, name="Written"))
    return page("gallery/opening.html")


def _errors() -> dict[str, Exception]:
    from werkzeug import exceptions

    from gateway import errors

    return {
        "bad": exceptions.BadRequest(HOSTILE),
        "forbidden": errors.Forbidden("Not for your post.", next_step="Ask somebody whose it is."),
        "missing": errors.NotFound(f"Subject 17 isn't here {HOSTILE}"),
        "conflict": errors.Conflict("It was decided meanwhile.", next_step="Look at the decision."),
        "erased": errors.Erased("It was erased."),
        "invalid": errors.Invalid("It can't be sent.", fields={"why": "Say why"}),
        "unconfirmed": errors.NotConfirmed(),
        "refused": errors.Refused("The rules say no.", next_step="See the reasons.", reason="bulk"),
    }


ERRORS = _errors()
