"""Changes of the register that wait for a second person: what each would do, row by row, and answering it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.registry import proposals
from gateway.registry.differences import Difference
from gateway.registry.models import ProposalKind, ProposalState
from gateway.registry.proposals import ProposalView
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, when
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Act, Cell, Listing, code, confirm, link, names, record, section

ANSWERED_SHOWN = 20
_KINDS = {ProposalKind.IMPORT: "Register file", ProposalKind.ADMISSION: "Admission of an agency"}
_STATES = {
    ProposalState.WAITING: "Waits for approval",
    ProposalState.APPROVED: "Approved and done",
    ProposalState.REFUSED: "Refused",
    ProposalState.EXPIRED: "Nobody answered in time",
    ProposalState.TO_REVIEW: "Done, to look at",
    ProposalState.REVIEWED: "Done and looked at",
}
_COMPARE = (
    "Do you know who asked for this, and why? "
    "Ask for the file itself, and compare its SHA-256 with the one on this page before you approve."
)


@blueprint.get("/proposals")
@allow(Face.GOVERNANCE)
def proposal_list() -> ResponseReturnValue:
    """What waits for a second person, what acted at once, and what was answered."""
    with current_gateway().store.reading() as unit:
        found = proposals.proposals(unit, current_actor())

    def rows(*states: ProposalState) -> list[list[Cell]]:
        return [_row(one) for one in found if one.state in states]

    head = ("Change", "Proposed", "By", "Rows", "State")
    return section(
        "Changes of the register",
        Listing("Waiting for approval", head, rows(ProposalState.WAITING), empty="None waits."),
        Listing(
            "Acted at once, to look at",
            head,
            rows(ProposalState.TO_REVIEW),
            empty="There is none to look at.",
        ),
        Listing(
            "Answered",
            head,
            rows(
                ProposalState.APPROVED, ProposalState.REFUSED, ProposalState.EXPIRED, ProposalState.REVIEWED
            )[:ANSWERED_SHOWN],
            empty="None was answered.",
        ),
        intro="What widens what somebody may do waits here until an officer who governs the partnership, "
        "and gains nothing by it, approves it. What only ends or narrows acts at once.",
    )


@blueprint.get("/proposals/<id:proposal_id>")
@allow(Face.GOVERNANCE)
def proposal_page(proposal_id: str) -> ResponseReturnValue:
    """One change, row by row."""
    found, differences = _found(proposal_id)
    return record(
        _KINDS[found.kind],
        back=url_for(".proposal_list"),
        warnings=_warnings(found),
        facts=_facts(found),
        listings=_listings(found, differences),
        acts=_acts(found),
    )


@blueprint.route("/proposals/<id:proposal_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_proposal(proposal_id: str) -> ResponseReturnValue:
    """Approve as the second person."""
    found, differences = _found(proposal_id)
    last = found.needed == 1
    return confirm(
        PlainForm(),
        lambda unit: proposals.approve(unit, current_actor(), proposal_id),
        heading="Approve this change?",
        done="The register is changed." if last else "An officer of another agency approves it as well.",
        back=url_for(".proposal_list"),
        facts=_facts(found),
        listings=_listings(found, differences),
        says=[
            "All of it is done, exactly as it stands here, or nothing.",
            *([_COMPARE] if found.kind is ProposalKind.IMPORT else []),
        ],
        button="Approve",
    )


@blueprint.route("/proposals/<id:proposal_id>/refuse", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def refuse_proposal(proposal_id: str) -> ResponseReturnValue:
    """Turn it down."""
    found, _ = _found(proposal_id)
    return confirm(
        PlainForm(),
        lambda unit: proposals.refuse(unit, current_actor(), proposal_id),
        heading="Refuse this change?",
        done="The change is refused. Nothing of it was done.",
        back=url_for(".proposal_list"),
        facts=_facts(found),
        says=["What is in it is destroyed. Whoever proposed it can propose it again."],
        button="Refuse",
        warning=True,
    )


@blueprint.route("/proposals/<id:proposal_id>/looked-at", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def review_proposal(proposal_id: str) -> ResponseReturnValue:
    """Say that it was looked at."""
    found, differences = _found(proposal_id)
    return confirm(
        PlainForm(),
        lambda unit: proposals.review(unit, current_actor(), proposal_id),
        heading="Have you looked at this?",
        done="It is recorded that you looked at it.",
        back=url_for(".proposal_list"),
        facts=_facts(found),
        listings=_listings(found, differences),
        says=["It stands already. What should not have ended is given again, by two."],
        button="I have looked at it",
    )


def _found(proposal_id: str) -> tuple[ProposalView, Sequence[Difference]]:
    with current_gateway().store.reading() as unit:
        return proposals.proposal(unit, current_actor(), proposal_id)


def _row(one: ProposalView) -> list[Cell]:
    return [
        link(
            _KINDS[one.kind],
            url_for(".proposal_page", proposal_id=one.proposal_id),
            f"of {when(one.proposed_at)}",
        ),
        when(one.proposed_at),
        one.proposed_by,
        one.rows,
        _STATES[one.state],
    ]


def _facts(one: ProposalView) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [
        ("State", _STATES[one.state]),
        ("Proposed", when(one.proposed_at)),
        ("Proposed by", one.proposed_by),
    ]
    if one.kind is ProposalKind.IMPORT:
        facts.append(("SHA-256", code(one.digest)))
    if one.first_by:
        facts.append(("Approved first by", one.first_by))
    if one.state is ProposalState.WAITING:
        facts.append(("Lapses, if nobody answers", when(one.expires_at)))
        facts.append(("Who can approve it", names(sorted(one.approvers.values()))))
    if one.answered_by:
        facts += [("Answered by", one.answered_by), ("Answered", when(one.answered_at))]
    return facts


def _warnings(one: ProposalView) -> list[str]:
    if one.stuck:
        return [proposals.NOBODY_CAN]
    two = "Nobody governs the partnership now, so two officers of different agencies approve this."
    return [two] if one.state is ProposalState.WAITING and one.needed > 1 else []


def _listings(one: ProposalView, differences: Sequence[Difference]) -> list[Listing]:
    if one.state not in {ProposalState.WAITING, ProposalState.TO_REVIEW}:
        return []
    would = "What it changed" if one.state is ProposalState.TO_REVIEW else "What would change"
    rows: list[list[Cell]] = [
        [item.what, item.which, Markup("<br>").join(item.says), "Widens" if item.loosens else "Narrows"]
        for item in differences
    ]
    return [
        Listing(f"{would}: {count(one.rows, 'row')}", ("What", "Whose or which", "Change", "Effect"), rows)
    ]


def _acts(one: ProposalView) -> list[Act]:
    place: dict[str, Any] = {"proposal_id": one.proposal_id}
    if one.state is ProposalState.TO_REVIEW:
        return [Act("Say that you have looked at it", url_for(".review_proposal", **place))]
    if one.state is not ProposalState.WAITING:
        return []
    approve = [Act("Approve it", url_for(".approve_proposal", **place))]
    refuse = Act("Refuse it", url_for(".refuse_proposal", **place))
    return [*(approve if current_actor().post_id in one.approvers else []), refuse]
