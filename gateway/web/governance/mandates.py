"""Mandates that wait for the officer's agency as the second one."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.review import second_agency
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day
from gateway.web.forms import GatewayForm, OneOf, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.parts import Cell, Listing, confirm, link, record


class AskedForm(GatewayForm):
    """What the person said when somebody of the agency asked her."""

    said = OneOf(
        "What did the person say?",
        [required("Choose what the person said")],
        choices=[("yes", "Yes, this advocate may read her log"), ("no", "No, or she knows nothing of it")],
    )


@blueprint.get("/mandates")
@allow(Face.GOVERNANCE)
def mandate_list() -> ResponseReturnValue:
    """Mandates that wait."""
    with current_gateway().store.reading() as unit:
        found = second_agency.waiting(unit, current_actor())
    rows: list[list[Cell]] = [
        [
            link(one.reference, url_for(".mandate", mandate_id=one.mandate_id)),
            one.subject_reference,
            one.advocate,
            day(one.expires_on),
        ]
        for one in found
    ]
    head = ("Mandate", "Person", "Advocate", "Until")
    listing = Listing("Oldest first", head, rows, empty="No mandate waits for your agency.")
    return record("Mandates to confirm", back=url_for(".home"), listings=[listing])


@blueprint.route("/mandates/<id:mandate_id>", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def mandate(mandate_id: str) -> ResponseReturnValue:
    """Confirm a mandate, or end it, after somebody of the agency asked the person."""
    actor, form = current_actor(), AskedForm()
    with current_gateway().store.reading() as unit:
        found = second_agency.one_waiting(unit, actor, mandate_id)

    def answer(unit: Unit) -> None:
        act = second_agency.confirm if form.said.data == "yes" else second_agency.deny
        act(unit, actor, mandate_id)

    return confirm(
        form,
        answer,
        heading="Confirm a mandate",
        done="Your answer is recorded.",
        back=url_for(".mandate_list"),
        reference=found.subject_reference,
        facts=[
            ("Mandate", found.reference),
            ("Advocate", found.advocate),
            ("Given on", day(found.given_on)),
            ("Until", day(found.expires_on)),
        ],
        says=[
            "A mandate counts once a second agency confirmed it.",
            "Somebody of your agency must have asked the person herself, alone, and not through the advocate.",
        ],
        button="Record answer",
    )
