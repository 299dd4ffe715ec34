"""What was sent to me: accept the conditions, open it in the browser, pass it on, record a delivery or a failure."""

from __future__ import annotations

from flask import Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import covering, handing_over, onward, trusting, withdraw
from gateway.disclosure import open as opening
from gateway.disclosure.handing_over import Collected
from gateway.disclosure.open import NotOpened, ParcelDetail
from gateway.errors import Conflict, Invalid, NotFound
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.forms import page
from gateway.web.security import opens_content
from gateway.web.staff import journey as journeys
from gateway.web.staff.acts import confirm
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.forms import AcceptForm, DeliveryForm, FailedOpeningForm

# What went wrong where the script in the browser says nothing that the flow knows.
_OTHERWISE = "not_shown"


@blueprint.get("/parcels")
@allow(Face.STAFF)
def my_parcels() -> ResponseReturnValue:
    """What was sealed to me, and what was recalled."""
    with current_gateway().store.reading() as unit:
        listed = opening.parcels_for(unit, current_actor())
        recalls = withdraw.recalls_for(unit, current_actor())
        covered = covering.parcels_covered(unit, current_actor())
    return page("staff/parcels/list.html", parcels=listed, recalls=recalls, covered=covered)


@blueprint.route("/parcels/<id:parcel_id>", methods=["GET", "POST"])
@allow(Face.STAFF)
@opens_content
def parcel(parcel_id: str) -> ResponseReturnValue:
    """The conditions, and once they are accepted the part of the page that opens it."""
    detail, form = detail_of(parcel_id), AcceptForm()
    form.require(detail.undertakings)
    ready = detail.accepted or form.validate_on_submit()
    return page(
        "staff/parcels/parcel.html", form=form, detail=detail, ready=ready, accepts=form.accepts.data or []
    )


@blueprint.post("/parcels/<id:parcel_id>/open")
@allow(Face.STAFF)
def open_parcel(parcel_id: str) -> ResponseReturnValue:
    """For the script: record the opening; once that is stored, hand out what is sealed with its proofs (promise 1)."""
    seen = sizes_seen(request.get_json(silent=True))
    with current_gateway().store.writing() as unit:
        opened = opening.open_parcel(
            unit, current_actor(), parcel_id, accepts=frozenset(request.args.getlist("accepts"))
        )
    if isinstance(opened, NotOpened):
        raise Conflict(
            opened.text, next_step="The agency that sent it decides again. You need not do anything."
        )
    with current_gateway().store.reading() as unit:
        size = handing_over.size_seen(unit, seen)
        collected = opening.collect(unit, current_actor(), opened.opening_id, seen_size=size)
    return jsonify(**for_the_script(collected))


@blueprint.post("/parcels/<id:parcel_id>/not-opened")
@allow(Face.STAFF)
def not_opened(parcel_id: str) -> Response:
    """For the script: record that opening failed in the browser."""
    sent = request.get_json(silent=True)
    said = sent.get("reason") if isinstance(sent, dict) else None
    with current_gateway().store.writing() as unit:
        reason = str(said) if str(said) in opening.FAILURE_CODES else _OTHERWISE
        opening.failed_opening(unit, current_actor(), parcel_id, reason)
    return jsonify(recorded=True)


@blueprint.post("/log-confirmed")
@allow(Face.STAFF)
def log_confirmed() -> Response:
    """For the script: record that I asked somebody and trust the log although it isn't the one my browser knew."""
    with current_gateway().store.writing() as unit:
        trusting.confirm_log(unit, current_actor(), trusting.read_change(request.get_json(silent=True)))
    return jsonify(recorded=True)


@blueprint.route("/parcels/<id:parcel_id>/failed", methods=["GET", "POST"])
@allow(Face.STAFF)
def failed(parcel_id: str) -> ResponseReturnValue:
    """Report that something could not be opened."""
    detail, form = detail_of(parcel_id), FailedOpeningForm()
    return confirm(
        form,
        lambda unit: opening.failed_opening(unit, current_actor(), parcel_id, form.reason_code.data or ""),
        done="It was recorded that opening failed.",
        back=url_for(".parcel", parcel_id=parcel_id),
        heading="Report that this could not be opened",
        reference=detail.summary.reference,
        says=["The agency that sent it sees this in the log, and can seal it again to another key of yours."],
        button="Report",
    )


@blueprint.route("/parcels/<id:parcel_id>/delivered", methods=["GET", "POST"])
@allow(Face.STAFF)
def delivered(parcel_id: str) -> ResponseReturnValue:
    """Record that I told somebody outside, who holds no key."""
    detail, form = detail_of(parcel_id), DeliveryForm()
    if not detail.summary.for_someone_outside:
        raise NotFound("There is no such page.")
    return confirm(
        form,
        lambda unit: opening.record_delivery(unit, current_actor(), parcel_id, form.words.data or ""),
        done="The delivery was recorded.",
        back=url_for(".parcel", parcel_id=parcel_id),
        heading="Record that you told the person",
        reference=detail.summary.reference,
        says=[
            "Tell only what was sent, only to the person named, and only after they accepted the conditions."
        ],
        conditions=[label(code, "obligation") for code in detail.undertakings],
        button="Record delivery",
    )


@blueprint.post("/parcels/<id:parcel_id>/pass-on")
@allow(Face.STAFF)
def pass_on(parcel_id: str) -> ResponseReturnValue:
    """Begin to ask the originator whether it may go further."""
    with current_gateway().store.writing() as unit:
        draft_id = journeys.begin_onward(unit, current_actor(), parcel_id)
    return redirect(url_for(".task_list", draft_id=draft_id))


@blueprint.get("/parcels/<id:parcel_id>/chain")
@allow(Face.STAFF)
def chain(parcel_id: str) -> ResponseReturnValue:
    """Where it came from and where it went."""
    with current_gateway().store.reading() as unit:
        links = onward.chain(unit, current_actor(), parcel_id)
    return page("staff/parcels/chain.html", links=links, parcel_id=parcel_id)


@blueprint.route("/recalls/<id:recall_id>", methods=["GET", "POST"])
@allow(Face.STAFF)
def confirm_recall(recall_id: str) -> ResponseReturnValue:
    """Confirm that something recalled is no longer used."""
    with current_gateway().store.reading() as unit:
        waiting = {notice.id: notice for notice, _ in withdraw.recalls_for(unit, current_actor())}
    if recall_id not in waiting:
        raise NotFound("There is no such recall.")
    return confirm(
        StaffForm(),
        lambda unit: withdraw.confirm_recall(unit, current_actor(), recall_id),
        done="You confirmed that it is no longer used.",
        back=url_for(".my_parcels"),
        heading="Confirm that you stopped using this",
        says=[
            f"It was recalled: {withdraw.RECALL_REASONS[waiting[recall_id].reason].lower()}.",
            "By confirming you say that it is no longer used, and that every copy you made is gone.",
        ],
        button="Confirm",
    )


def detail_of(parcel_id: str) -> ParcelDetail:
    """A parcel that was sealed to me; anybody else's is not there."""
    with current_gateway().store.reading() as unit:
        return opening.parcel_for(unit, current_actor(), parcel_id)


def for_the_script(collected: Collected) -> dict[str, object]:
    """What a page checks before it shows anything: static/js/open.js says how each part is read."""
    return {
        "parcel": collected.parcel_id,
        "jwe": collected.jwe,
        "proofs": collected.proofs,
        "consistency": collected.consistency,
        "policy": collected.policy,
        "cosigned": collected.cosigned,
        "cosigned_consistency": collected.cosigned_consistency,
        "begun": collected.begun,
        "lag_hours": current_gateway().settings.ledger.witness_lag_hours,
    }


def sizes_seen(sent: object) -> dict[str, int]:
    """How long each log was, by its name, when this browser last looked.

    Raises:
        Invalid: not the shape the script sends.
    """
    listed = sent.get("seen") if isinstance(sent, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise Invalid(
            "The logs this browser knows weren't named.", next_step="Reload the page and try again."
        )
    sizes = {str(one.get("origin")): one.get("size") for one in listed}
    return {
        origin: size for origin, size in sizes.items() if isinstance(size, int) and 0 < size < _LONGEST_LOG
    }


_LONGEST_LOG = 2**53
