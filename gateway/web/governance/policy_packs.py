"""What a pack of a draft says of itself, and rules begun beside it: the partnership's, or an agency's own."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.clock import local_day
from gateway.disclosure import policy_drafts
from gateway.disclosure.local_settings import in_words
from gateway.errors import Invalid
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import Answer, GatewayForm, OneOf, Pick, SomeOf, ThreePartDate, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import pick
from gateway.web.governance.parts import confirm
from gateway.web.governance.policy_rules import draft_to_write, pack_of

_OWN, _SHARED = "own", "shared"


class BeginForm(GatewayForm):
    """Whose rules are begun, beside which pack, and until when they count."""

    whose = OneOf("Whose rules are they?", [required("Choose whose rules they are")])
    pack = Pick("For the cases of which pack?", [required("Choose a pack")])
    review_by = ThreePartDate("Review by", [required("Enter the day by which they are reviewed")])


class PackForm(GatewayForm):
    """What a pack says of itself."""

    title = Answer("What is it called?", [required("Say what it is called")])
    owner = Answer("Who owns it?", [required("Name its owner")])
    review_by = ThreePartDate("Review by", [required("Enter the day by which it is reviewed")])
    needs = SomeOf("What must be there before it is switched on?")


@blueprint.route("/policies/changes/<id:draft_id>/begin-rules", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_begin_rules(draft_id: str) -> ResponseReturnValue:
    """Begin an agency's own rules, or the partnership's, beside a pack."""
    found, actor = draft_to_write(draft_id), current_actor()
    form = BeginForm()
    form.whose.choices = [(_OWN, "My agency's, for what it holds: they may only refuse or refer")]
    if actor.governs:
        form.whose.choices.append((_SHARED, "The partnership's, for everybody"))
    packs = found.policy.packs if found.policy else ()
    form.pack.choices = pick([(pack.id, pack.title) for pack in packs if pack.kind == "pack"])

    def begin(unit: Unit) -> None:
        own = form.whose.data == _OWN
        policy_drafts.begin_rules(
            unit, actor, draft_id, form.pack.data, own=own, review_by=form.review_by.data
        )

    return confirm(
        form,
        begin,
        heading="Begin rules of your own",
        done="Begun in the draft. Choose them, then add a rule",
        back=url_for(".policies_packs", draft_id=draft_id),
        says=["They stand beside the rules of the pack and never in their place."],
        button="Begin",
    )


@blueprint.route("/policies/changes/<id:draft_id>/packs/<code:pack_id>/header", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_header(draft_id: str, pack_id: str) -> ResponseReturnValue:
    """Change a pack's title, owner, review date and what it waits for."""
    file, pack = pack_of(draft_to_write(draft_id), pack_id)
    form = PackForm(
        data={"title": pack.title, "owner": pack.owner, "review_by": pack.review_by, "needs": pack.needs}
    )
    form.needs.choices = [(one, in_words(one)) for one in pack.needs]
    if not pack.needs:
        del form.needs
    today = local_day(current_gateway().clock.now())

    def change(unit: Unit) -> None:
        if form.review_by.data <= today:
            raise Invalid(
                "The review date is past.", fields={"review_by": "Enter a day that is still to come."}
            )
        changes = {"title": form.title.data, "owner": form.owner.data, "review_by": form.review_by.data}
        if pack.needs:
            changes["needs"] = form.needs.data
        policy_drafts.change_header(unit, current_actor(), draft_id, file, changes)

    return confirm(
        form,
        change,
        heading=f"Review or rename: {pack.title}",
        done="Kept in the draft",
        back=url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id),
        says=[
            "Past its review date a pack decides nothing: everything is referred.",
            "A later date says that you have read its rules again; another officer has to agree.",
        ],
        button="Keep it in the draft",
    )
