"""Changes of the policy: those under way, those that were in force, and how an earlier one comes back."""

from __future__ import annotations

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.clock import local_day
from gateway.disclosure import policies, policy_drafts
from gateway.disclosure.policy_drafts import Draft
from gateway.errors import NotFound
from gateway.policy import lifecycle
from gateway.policy.models import DraftState, Kind, PolicyActivation
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, day, when
from gateway.web.forms import Answer, GatewayForm, LongAnswer, page, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record

_SHOWN = 12
_STATES = {
    DraftState.DRAFT: "Being written",
    DraftState.CHECKED: "Passed its checks",
    DraftState.SIGNED: "Signed, waits for a second officer",
    DraftState.ACTIVATED: "Approved",
    DraftState.REFUSED: "Refused",
    DraftState.WITHDRAWN: "Withdrawn",
}
_KINDS = {
    Kind.FOUNDING: "The rules this gateway came with",
    Kind.CHANGE: "A change",
    Kind.ROLLBACK: "Put back",
    Kind.TIGHTENING: "A tightening that acted at once",
}
_UNDER_WAY = (DraftState.DRAFT, DraftState.CHECKED, DraftState.SIGNED)
_WHAT = ("What", "Rule or pack", "In words", "Could open something")


class StartForm(GatewayForm):
    """What a change is called, and why."""

    title = Answer("What is this change?", [required("Say what the change is")])
    reason = LongAnswer("Why is it needed?", [required("Say why it is needed")])


class RollBackForm(GatewayForm):
    """Why an earlier policy is to come back."""

    reason = LongAnswer("Why should it be put back?", [required("Say why")])


@blueprint.get("/policies/changes")
@allow(Face.GOVERNANCE)
def policies_drafts() -> ResponseReturnValue:
    """Every policy that was in force, and every change under way."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        drafts = policy_drafts.drafts(unit, actor)
        versions = policies.versions(unit, actor)
        current = lifecycle.activation(unit, actor.partnership_id)
        sound = {row.id: lifecycle.in_order(unit, row) for row in versions}
    rows: list[list[Cell]] = [
        [
            link(one.title, url_for(".policies_draft", draft_id=one.id)),
            _state(one.state),
            when(one.created_at),
        ]
        for one in drafts
    ]
    past: list[list[Cell]] = [
        _version_row(row, sequence=current.sequence if current else 0, sound=sound[row.id])
        for row in versions
    ]
    return record(
        "Changes of the policy",
        back=url_for(".policies"),
        listings=[
            Listing("Changes", ("Change", "State", "Begun"), rows, empty="No change was ever drafted."),
            Listing(
                "Policies, the newest first",
                ("Activation", "Version", "From", "Why", "Signatures", "Next"),
                past,
                empty="No policy was ever in force.",
            ),
        ],
        acts=[Act("Draft a change", url_for(".policies_new"))],
    )


@blueprint.route("/policies/changes/new", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_new() -> ResponseReturnValue:
    """Begin a change from the policy in force."""
    form = StartForm()
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                row = policy_drafts.start(unit, current_actor(), form.title.data, form.reason.data)
            return redirect(url_for(".policies_draft", draft_id=row.id))
    return page(
        "governance/act.html",
        form=form,
        title="Draft a change",
        back_href=url_for(".policies_drafts"),
        says=[
            "Nothing changes until the draft passes its checks, you sign it and another officer approves it."
        ],
        button="Begin",
    )


@blueprint.get("/policies/changes/<id:draft_id>")
@allow(Face.GOVERNANCE)
def policies_draft(draft_id: str) -> ResponseReturnValue:
    """One change: what it changes, where it stands and what comes next."""
    found = draft_of(draft_id)
    row = found.row
    warnings = [found.problem] if found.problem else []
    if found.stale and row.state in _UNDER_WAY:
        warnings.append("Another policy came into force since this was drafted: begin again from that one.")
    facts: list[tuple[str, Cell]] = [
        ("State", _state(row.state)),
        ("Why", row.reason),
        ("Written by", found.author),
        ("Kind", _KINDS[Kind(row.kind)]),
        ("Drafted on", f"Activation {row.base_sequence}"),
        ("To act from", when(row.activates_at) or "As soon as it is approved"),
    ]
    if row.answer:
        facts.append((f"Answered by {found.answered_by}", row.answer))
    if row.version:
        facts.append(("Version", row.version[:_SHOWN]))
    return page(
        "governance/policy_change.html",
        title=row.title,
        back_href=url_for(".policies_drafts"),
        facts=[{"key": key, "value": value} for key, value in facts],
        warnings=warnings,
        steps=_steps(found) if "check" in found.may or "sign" in found.may else [],
        changes=changes_of(found),
        acts=_acts(found),
    )


@blueprint.route("/policies/changes/<id:draft_id>/withdraw", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_withdraw(draft_id: str) -> ResponseReturnValue:
    """Take one's own draft back."""
    draft_of(draft_id)
    return confirm(
        PlainForm(),
        lambda unit: policy_drafts.withdraw(unit, current_actor(), draft_id),
        heading="Withdraw this change",
        done="Withdrawn",
        back=url_for(".policies_drafts"),
        button="Withdraw",
        warning=True,
    )


@blueprint.route("/policies/activations/<int:sequence>/put-back", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_roll_back(sequence: int) -> ResponseReturnValue:
    """Propose an earlier policy again."""
    must_exist(sequence)
    form = RollBackForm()
    return confirm(
        form,
        lambda unit: policy_drafts.roll_back(unit, current_actor(), sequence, form.reason.data),
        heading=f"Put activation {sequence} back",
        done="Drafted. Check it, sign it, and ask another officer to approve it",
        back=url_for(".policies_drafts"),
        says=[
            "The earlier text becomes a new draft. It is checked, signed and approved like any other change."
        ],
        button="Draft it",
    )


def draft_of(draft_id: str) -> Draft:
    """A draft as this officer may see it."""
    with current_gateway().store.reading() as unit:
        return policy_drafts.draft_for(unit, current_actor(), draft_id)


def must_exist(sequence: int) -> None:
    """Raise NotFound for an activation that isn't there."""
    with current_gateway().store.reading() as unit:
        known = {row.sequence for row in policies.versions(unit, current_actor())}
    if sequence not in known:
        raise NotFound("There is no such activation.", next_step="Choose one from the list.")


def changes_of(found: Draft) -> Listing:
    """What a draft changes: the same for its author and for whoever approves it."""
    rows: list[list[Cell]] = []
    for one in found.difference.changes if found.difference else ():
        words = " ".join(one.says) or "Nothing more to say."
        rows.append([one.what.capitalize(), one.title, words, "Yes" if one.loosens else "No"])
    return Listing("What it changes", _WHAT, rows, empty="It changes nothing yet.")


def _steps(found: Draft) -> list[dict[str, str]]:
    """What an author does, in order, and how far she is."""
    draft_id = found.row.id
    written = bool(found.difference and found.difference.changes)
    passed = found.row.state == DraftState.CHECKED
    steps = [
        {
            "title": "Check it",
            "href": url_for(".policies_check", draft_id=draft_id) if written else "",
            "hint": "Five checks, each with its own page. What stands in the way is named.",
            "status": "completed" if passed else "incomplete" if written else "blocked",
        },
        {
            "title": "Sign it",
            "href": url_for(".policies_sign", draft_id=draft_id) if passed else "",
            "hint": "Then another officer approves it. Nothing changes before that.",
            "status": "incomplete" if passed else "blocked",
        },
    ]
    if "edit" not in found.may:
        return steps
    first = {
        "title": "Write it",
        "href": url_for(".policies_packs", draft_id=draft_id),
        "hint": "Choose a pack, then change a rule, add one, or take one out.",
        "status": "completed" if written else "incomplete",
    }
    return [first, *steps]


def _acts(found: Draft) -> list[Act]:
    draft_id = found.row.id
    ways = {
        "act_now": Act(
            "Put it into force now", url_for(".policies_now", draft_id=draft_id), "it only takes away"
        ),
        "approve": Act("Approve it", url_for(".policies_approve", draft_id=draft_id)),
        "refuse": Act("Refuse it", url_for(".policies_refuse", draft_id=draft_id)),
        "withdraw": Act("Withdraw it", url_for(".policies_withdraw", draft_id=draft_id)),
    }
    effect = Act("See what it would have done", url_for(".policies_effect", draft_id=draft_id))
    checks = (
        [] if "check" in found.may else [Act("See its checks", url_for(".policies_check", draft_id=draft_id))]
    )
    return [effect, *checks, *(act for name, act in ways.items() if name in found.may)]


def _version_row(row: PolicyActivation, *, sequence: int, sound: bool) -> list[Cell]:
    next_step: Cell = "In force now" if row.sequence == sequence else "Still to come"
    if row.sequence < sequence:
        href = url_for(".policies_roll_back", sequence=row.sequence)
        next_step = link("Put it back", href, f"activation {row.sequence}")
    if row.review_by is not None and row.reviewed_at is None:
        next_step = link(
            f"Review it by {day(local_day(row.review_by))}",
            url_for(".policies_review", sequence=row.sequence),
        )
    return [
        str(row.sequence),
        row.version[:_SHOWN],
        when(row.activates_at),
        f"{_KINDS[Kind(row.kind)]}: {row.reason}" if row.kind != Kind.FOUNDING else _KINDS[Kind.FOUNDING],
        f"{count(len(row.signatures), 'signature')}, {'good' if sound else 'not good: every decision is refused'}",
        next_step,
    ]


def _state(state: str) -> str:
    return _STATES[DraftState(state)]
