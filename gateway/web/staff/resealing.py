"""Sealing again what was sent, to a new key or a successor; and confirming, after a restore, what is older."""

from __future__ import annotations

from flask import flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import handing_over, reconfirm, reseal
from gateway.disclosure.open import NotOpened
from gateway.disclosure.reading import LineDetail
from gateway.errors import Conflict, Invalid, NotFound
from gateway.registry import people
from gateway.vocabulary import Outcome
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.forms import page
from gateway.web.security import opens_content, takes_upload
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.desk import held_line
from gateway.web.staff.desk_forms import SuccessorForm
from gateway.web.staff.parcels import for_the_script, sizes_seen

# The largest parcel as the browser sends it: 16 MB of content, sealed, in base64.
_LARGEST = 26 * 1024 * 1024


@blueprint.get("/desk/lines/<id:line_id>/seal-again")
@allow(Face.STAFF)
@opens_content
def seal_again(line_id: str) -> ResponseReturnValue:
    """The part of the page that opens my agency's copy and seals it again."""
    detail, row = held_line(line_id)
    with current_gateway().store.reading() as unit:
        found = reseal.resealable(unit, current_actor(), line_id)
    return page("staff/desk/seal_again.html", detail=detail, row=row, found=found)


@blueprint.post("/desk/lines/<id:line_id>/seal-again/open")
@allow(Face.STAFF)
def open_own_copy(line_id: str) -> ResponseReturnValue:
    """For the script: decide afresh, record the opening of the own copy, and hand it out with the key to seal to."""
    seen = sizes_seen(request.get_json(silent=True))
    with current_gateway().store.writing() as unit:
        opened = reseal.begin(unit, current_actor(), line_id)
    if isinstance(opened, NotOpened):
        raise Conflict(opened.text, next_step="It is frozen. Decide it afresh among your agency's tasks.")
    with current_gateway().store.reading() as unit:
        size = handing_over.size_seen(unit, seen)
        collected, target = reseal.collect(unit, current_actor(), opened.opening_id, seen_size=size)
    return jsonify(
        **for_the_script(collected),
        target={"parcel": target.parcel_id, "line": target.line_id, "jwk": target.jwk},
    )


@blueprint.post("/desk/seal-again/sealed")
@allow(Face.STAFF)
@takes_upload(_LARGEST)
def take_sealed() -> ResponseReturnValue:
    """For the script: take in what was sealed again."""
    sent = request.get_json(silent=True)
    named = (sent.get("parcel"), sent.get("jwe")) if isinstance(sent, dict) else (None, None)
    opening_id, sealed = named
    if not isinstance(opening_id, str) or not isinstance(sealed, str):
        raise Invalid("The browser sent something that isn't a parcel.", next_step="Begin again.")
    with current_gateway().store.writing() as unit:
        taken = reseal.take(unit, current_actor(), opening_id, sealed)
    if isinstance(taken, NotOpened):
        raise Conflict(taken.text, next_step="It is frozen. Decide it afresh among your agency's tasks.")
    return jsonify(parcel=taken.id)


@blueprint.route("/desk/lines/<id:line_id>/successor", methods=["GET", "POST"])
@allow(Face.STAFF)
def name_successor(line_id: str) -> ResponseReturnValue:
    """Name who succeeds the recipient; a fresh decision says whether they may have it."""
    (detail, row), form = held_line(line_id), SuccessorForm()
    _released(row.line)
    form.post_id.choices = _colleagues(row.line)
    back = url_for(".held_request", request_id=row.line.request_id)
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                outcome = reseal.name_successor(unit, current_actor(), line_id, form.post_id.data or "")
            if outcome is not Outcome.PERMIT:
                flash("The decision does not permit it, so nothing changed.", "problem")
                return redirect(back)
            flash("The successor was named. Seal it again to them.", "done")
            return redirect(url_for(".seal_again", line_id=line_id))
    return page(
        "staff/confirm.html",
        form=form,
        back_href=back,
        heading="Send this to the recipient's successor?",
        reference=detail.summary.reference,
        row=row,
        says=[
            "It is decided afresh for the successor. What the former recipient has is then destroyed here."
        ],
        button="Name successor",
    )


@blueprint.get("/desk/restored")
@allow(Face.STAFF)
def restored() -> ResponseReturnValue:
    """What is older than a restore and waits for my agency to confirm it."""
    with current_gateway().store.reading() as unit:
        listed = reconfirm.waiting(unit, current_actor())
    return page("staff/desk/restored.html", listed=listed)


@blueprint.post("/desk/lines/<id:line_id>/restored")
@allow(Face.STAFF)
def confirm_restored(line_id: str) -> ResponseReturnValue:
    """Decide afresh what is older than a restore, and let it count again where that permits."""
    with current_gateway().store.writing() as unit:
        outcome = reconfirm.reconfirm(unit, current_actor(), line_id)
    if outcome is Outcome.PERMIT:
        flash("It was decided afresh and can be opened again.", "done")
    else:
        flash("The decision does not permit it any more, so it is frozen.", "problem")
    return redirect(url_for(".restored"))


def _released(line: LineDetail) -> None:
    if line.state != "released":
        raise NotFound("There is no such page.")


def _colleagues(line: LineDetail) -> list[tuple[str, str]]:
    with current_gateway().store.reading() as unit:
        agency_id = reseal.recipient_agency(unit, current_actor(), line.line_id)
        partnership_id = current_actor().partnership_id
        posts = people.current_posts(unit, partnership_id, agency_id=agency_id) if agency_id else []
        return [(post.post_id, f"{post.name}, {label(post.role, 'role')}") for post in posts]
