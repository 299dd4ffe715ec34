"""Signing a change of the policy, approving another officer's with the same difference in view, and reviewing one."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import policies
from gateway.disclosure.policy_drafts import Draft
from gateway.errors import Conflict, Invalid
from gateway.policy import lifecycle
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import GatewayForm, LongAnswer, ThreePartDate, page, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import confirm
from gateway.web.governance.policies import changes_of, draft_of, must_exist
from gateway.web.governance.policy_checks import impact_of


class WordsForm(GatewayForm):
    """A sentence that is kept with the act."""

    words = LongAnswer("Say why", [required("Say why")])


class SignForm(GatewayForm):
    """From which day."""

    on = ThreePartDate("From which day? Leave it empty for as soon as it is approved")


@blueprint.route("/policies/changes/<id:draft_id>/sign", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_sign(draft_id: str) -> ResponseReturnValue:
    """Sign one's own draft."""
    form, found = SignForm(), draft_of(draft_id)

    def sign(unit: Unit) -> None:
        at = lifecycle.start_of_day(form.on.data) if form.on.data else None
        policies.sign(unit, current_actor(), draft_id, at)

    return _acted(form, draft_id, sign, "Signed. Another officer has to approve it") or _act_page(
        form,
        found,
        "Sign this change",
        "Sign",
        "Your signature covers this exact text. Altered afterwards, it would decide nothing.",
    )


@blueprint.route("/policies/changes/<id:draft_id>/now", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_now(draft_id: str) -> ResponseReturnValue:
    """Put a change that only takes away into force at once."""
    form, found = PlainForm(), draft_of(draft_id)

    def activate(unit: Unit) -> None:
        policies.act_now(unit, current_actor(), draft_id)

    return _acted(form, draft_id, activate, "It is in force. Another officer reviews it") or _act_page(
        form,
        found,
        "Put it into force now",
        "Sign and activate",
        "This change only takes away. It acts at once on your signature and another officer reviews it afterwards.",
    )


@blueprint.route("/policies/changes/<id:draft_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_approve(draft_id: str) -> ResponseReturnValue:
    """Approve another officer's change, seeing the same difference and its effect."""
    form, found = WordsForm(), draft_of(draft_id)

    def approve(unit: Unit) -> None:
        policies.approve(unit, current_actor(), draft_id, form.words.data)

    acted = _acted(form, draft_id, approve, "Approved and signed")
    if acted is not None:
        return acted
    effect = impact_of(found)
    says = effect.sentence if effect else ""
    return _act_page(form, found, "Approve this change", "Approve and sign", says)


@blueprint.route("/policies/changes/<id:draft_id>/refuse", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_refuse(draft_id: str) -> ResponseReturnValue:
    """Refuse another officer's change."""
    draft_of(draft_id)
    form = WordsForm()
    return confirm(
        form,
        lambda unit: policies.refuse(unit, current_actor(), draft_id, form.words.data),
        heading="Refuse this change",
        done="Refused",
        back=url_for(".policies_draft", draft_id=draft_id),
        button="Refuse",
        warning=True,
    )


@blueprint.route("/policies/activations/<int:sequence>/review", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_review(sequence: int) -> ResponseReturnValue:
    """Review a change that acted at once."""
    must_exist(sequence)
    form = WordsForm()
    return confirm(
        form,
        lambda unit: policies.review(unit, current_actor(), sequence, form.words.data),
        heading=f"Review activation {sequence}",
        done="Reviewed",
        back=url_for(".policies_drafts"),
        says=["If it was wrong, put the one before it back instead."],
        button="It was right",
    )


def _acted(
    form: GatewayForm, draft_id: str, act: Callable[[Unit], None], done: str
) -> ResponseReturnValue | None:
    """Do the act where the form was sent, say that it is `done` and go back to the draft; None where it wasn't done.

    A conflict of the life cycle is shown on the form, as what it is: something to correct.
    """
    if form.validate_on_submit():
        with form.showing_errors():
            try:
                with current_gateway().store.writing() as unit:
                    act(unit)
            except Conflict as conflict:
                raise Invalid(conflict.message, next_step=conflict.next_step) from conflict
            flash(done, "done")
            return redirect(url_for(".policies_draft", draft_id=draft_id))
    return None


def _act_page(form: GatewayForm, found: Draft, heading: str, button: str, says: str) -> ResponseReturnValue:
    return page(
        "governance/act.html",
        form=form,
        title=heading,
        back_href=url_for(".policies_draft", draft_id=found.row.id),
        says=[says] if says else [],
        listings=[changes_of(found)],
        button=button,
    )
