"""Changing the policy, for an officer who has never seen its source: draft, check, effect, signatures, undoing."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from gateway.clock import local_day
from gateway.disclosure import policies
from gateway.disclosure.impact import Impact, impact
from gateway.disclosure.policies import Draft
from gateway.errors import Conflict, Invalid, NotFound
from gateway.policy import lifecycle
from gateway.policy.models import DraftState, Kind, PolicyActivation
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, day, label, when
from gateway.web.forms import Answer, GatewayForm, LongAnswer, ThreePartDate, page, required
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
_WHAT = ("What", "Rule or pack", "In words", "Could open something")


class StartForm(GatewayForm):
    """What a change is called, and why."""

    title = Answer("What is this change?", [required("Say what the change is")])
    reason = LongAnswer("Why is it needed?", [required("Say why it is needed")])


class WordsForm(GatewayForm):
    """A sentence that is kept with the act."""

    words = LongAnswer("Say why", [required("Say why")])


class RollBackForm(GatewayForm):
    """Why an earlier policy is to come back."""

    reason = LongAnswer("Why should it be put back?", [required("Say why")])


class SignForm(GatewayForm):
    """From which day."""

    on = ThreePartDate("From which day? Leave it empty for as soon as it is approved")


@blueprint.get("/policies/changes")
@allow(Face.GOVERNANCE)
def policies_drafts() -> ResponseReturnValue:
    """Every policy that was in force, and every change under way."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        drafts = policies.drafts(unit, actor)
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
        _version_row(row, in_force=current is not None and row.id == current.id, sound=sound[row.id])
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
                row = policies.start(unit, current_actor(), form.title.data, form.reason.data)
            return redirect(url_for(".policies_draft", draft_id=row.id))
    return page(
        "governance/act.html",
        form=form,
        title="Draft a change",
        back_href=url_for(".policies_drafts"),
        says=[
            "Nothing changes until the draft passes its checks, you sign it and another officer approves it."
        ],
        facts=[],
        button="Begin",
        warning=False,
        reference="",
    )


@blueprint.get("/policies/changes/<id:draft_id>")
@allow(Face.GOVERNANCE)
def policies_draft(draft_id: str) -> ResponseReturnValue:
    """One change: what it changes, where it stands and what comes next."""
    found = _draft(draft_id)
    row = found.row
    warnings = [found.problem] if found.problem else []
    if found.stale and row.state in (DraftState.DRAFT, DraftState.CHECKED, DraftState.SIGNED):
        warnings.append("Another policy came into force since this was drafted: begin again from that one.")
    facts: list[tuple[str, Cell]] = [
        ("State", _state(row.state)),
        ("Kind", _KINDS[Kind(row.kind)]),
        ("Drafted on", f"Activation {row.base_sequence}"),
        ("Version", (row.version or "")[:_SHOWN] or "Not checked yet"),
        ("To act from", when(row.activates_at) or "As soon as it is approved"),
    ]
    texts = [("Why", row.reason)] + ([("The answer", row.answer)] if row.answer else [])
    return record(
        row.title,
        back=url_for(".policies_drafts"),
        facts=facts,
        warnings=warnings,
        texts=texts,
        listings=[_changes(found)],
        acts=_acts(found),
    )


@blueprint.route("/policies/changes/<id:draft_id>/check", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_check(draft_id: str) -> ResponseReturnValue:
    """Every check of a draft: what passed, what stands in the way, each never-statement in words."""
    form = PlainForm()
    actor = current_actor()
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            passed = policies.run_checks(unit, actor, draft_id).passed
        if passed:
            flash("It passed every check", "done")
            return redirect(url_for(".policies_draft", draft_id=draft_id))
    with current_gateway().store.reading() as unit:
        found = policies.draft_for(unit, actor, draft_id)
        checked = policies.check(unit, found.row)
    rows: list[list[Cell]] = [
        [one.check.capitalize(), one.where, one.says, "Stops it" if one.stops else "A note"]
        for one in checked.findings
    ]
    proofs: list[list[Cell]] = [[one.sentence] for one in checked.proofs]
    return page(
        "governance/policy_check.html",
        form=form,
        title="Checks",
        back_href=url_for(".policies_draft", draft_id=draft_id),
        passed=checked.passed,
        facts=[
            {"key": "Rules", "value": checked.rules},
            {"key": "Examples tried", "value": checked.tests},
            {"key": "Never-statements", "value": f"{sum(one.proved for one in checked.proofs)} proved"},
        ],
        found=Listing("What was found", ("Check", "Where", "What", ""), rows, empty="Nothing was found."),
        proofs=Listing("What it can never permit", ("Proved over every combination of facts",), proofs),
        may="check" in found.may,
    )


@blueprint.get("/policies/changes/<id:draft_id>/effect")
@allow(Face.GOVERNANCE)
def policies_effect(draft_id: str) -> ResponseReturnValue:
    """What the draft would have done to the decisions of the last 90 days."""
    found = _draft(draft_id)
    seen = _impact(found)
    rows: list[list[Cell]] = [
        [
            one.reference,
            label(one.category, "category"),
            label(one.recipient_type, "agency_type"),
            label(one.was, "outcome"),
            label(one.would_be, "outcome"),
            one.rule_would_be or "No rule permits it",
        ]
        for one in (seen.changed if seen else ())
    ]
    head = ("Request", "What", "For", "It was", "It would be", "By")
    return record(
        "What it would have done",
        back=url_for(".policies_draft", draft_id=draft_id),
        warnings=[] if seen else ["The draft can't be read as a policy yet."],
        texts=[("Past decisions judged again", seen.sentence)] if seen else [],
        listings=[Listing("Decisions that would come out otherwise", head, rows, empty="None would change.")],
    )


@blueprint.route("/policies/changes/<id:draft_id>/sign", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_sign(draft_id: str) -> ResponseReturnValue:
    """Sign one's own draft."""
    form = SignForm()
    found = _draft(draft_id)
    if form.validate_on_submit():
        with form.showing_errors(), _conflicts():
            with current_gateway().store.writing() as unit:
                at = lifecycle.start_of_day(form.on.data) if form.on.data else None
                policies.sign(unit, current_actor(), draft_id, at)
            flash("Signed. Another officer has to approve it", "done")
            return redirect(url_for(".policies_draft", draft_id=draft_id))
    return _act_page(
        form, found, "Sign this change", "Sign", "Your signature is over the exact text and its place."
    )


@blueprint.route("/policies/changes/<id:draft_id>/now", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_now(draft_id: str) -> ResponseReturnValue:
    """Put a change that only takes away into force at once."""
    form = PlainForm()
    found = _draft(draft_id)
    if form.validate_on_submit():
        with form.showing_errors(), _conflicts():
            with current_gateway().store.writing() as unit:
                policies.act_now(unit, current_actor(), draft_id)
            flash("It is in force. Another officer reviews it", "done")
            return redirect(url_for(".policies_draft", draft_id=draft_id))
    says = "This change only takes away. It acts at once on your signature and another officer reviews it afterwards."
    return _act_page(form, found, "Put it into force now", "Sign and activate", says)


@blueprint.route("/policies/changes/<id:draft_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_approve(draft_id: str) -> ResponseReturnValue:
    """Approve another officer's change, seeing the same difference and its effect."""
    form = WordsForm()
    found = _draft(draft_id)
    if form.validate_on_submit():
        with form.showing_errors(), _conflicts():
            with current_gateway().store.writing() as unit:
                policies.approve(unit, current_actor(), draft_id, form.words.data)
            flash("Approved and signed", "done")
            return redirect(url_for(".policies_draft", draft_id=draft_id))
    seen = _impact(found)
    says = seen.sentence if seen else ""
    return _act_page(form, found, "Approve this change", "Approve and sign", says)


@blueprint.route("/policies/changes/<id:draft_id>/refuse", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_refuse(draft_id: str) -> ResponseReturnValue:
    """Refuse another officer's change."""
    _draft(draft_id)
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


@blueprint.route("/policies/changes/<id:draft_id>/withdraw", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_withdraw(draft_id: str) -> ResponseReturnValue:
    """Take one's own draft back."""
    _draft(draft_id)
    return confirm(
        PlainForm(),
        lambda unit: policies.withdraw(unit, current_actor(), draft_id),
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
    _must_exist(sequence)
    form = RollBackForm()
    return confirm(
        form,
        lambda unit: policies.roll_back(unit, current_actor(), sequence, form.reason.data),
        heading=f"Put activation {sequence} back",
        done="Drafted. Check it, sign it, and ask another officer to approve it",
        back=url_for(".policies_drafts"),
        says=[
            "The earlier text becomes a new draft. It is checked, signed and approved like any other change."
        ],
        button="Draft it",
    )


@blueprint.route("/policies/activations/<int:sequence>/review", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_review(sequence: int) -> ResponseReturnValue:
    """Review a change that acted at once."""
    _must_exist(sequence)
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


class _conflicts:  # noqa: N801 - used as a statement
    """Shows a conflict of the life cycle on the form, as what it is: something to correct."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Conflict):
            raise Invalid(error.message, next_step=error.next_step) from error


def _draft(draft_id: str) -> Draft:
    with current_gateway().store.reading() as unit:
        return policies.draft_for(unit, current_actor(), draft_id)


def _must_exist(sequence: int) -> None:
    with current_gateway().store.reading() as unit:
        known = {row.sequence for row in policies.versions(unit, current_actor())}
    if sequence not in known:
        raise NotFound("There is no such activation.", next_step="Choose one from the list.")


def _impact(found: Draft) -> Impact | None:
    if found.policy is None:
        return None
    with current_gateway().store.reading() as unit:
        old = lifecycle.active(unit, found.row.partnership_id)
        return impact(unit, found.row.partnership_id, old, found.policy)


def _act_page(form: GatewayForm, found: Draft, heading: str, button: str, says: str) -> ResponseReturnValue:
    return page(
        "governance/policy_act.html",
        form=form,
        title=heading,
        back_href=url_for(".policies_draft", draft_id=found.row.id),
        says=says,
        changes=_changes(found),
        button=button,
    )


def _changes(found: Draft) -> Listing:
    rows: list[list[Cell]] = []
    for one in found.difference.changes if found.difference else ():
        words = " ".join(one.says) or "Nothing more to say."
        rows.append([one.what.capitalize(), one.title, words, "Yes" if one.loosens else "No"])
    return Listing("What it changes", _WHAT, rows, empty="It changes nothing yet.")


def _acts(found: Draft) -> list[Act]:
    draft_id = found.row.id
    ways = {
        "edit": Act("Change a rule or a pack", url_for(".policies_packs", draft_id=draft_id)),
        "check": Act("Check it", url_for(".policies_check", draft_id=draft_id)),
        "sign": Act("Sign it", url_for(".policies_sign", draft_id=draft_id)),
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


def _version_row(row: PolicyActivation, *, in_force: bool, sound: bool) -> list[Cell]:
    next_step: Cell = (
        "In force now"
        if in_force
        else link(
            "Put it back", url_for(".policies_roll_back", sequence=row.sequence), f"activation {row.sequence}"
        )
    )
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
