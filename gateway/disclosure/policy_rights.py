"""Who may do what with a change of the policy: its author isn't its approver, and neither gains by it."""

from __future__ import annotations

from gateway.errors import Forbidden, NotFound
from gateway.policy.difference import Difference
from gateway.policy.models import DraftState, Kind, PolicyDraft
from gateway.policy.packs import Policy
from gateway.registry.actors import Actor
from gateway.registry.models import Face

OPEN = (DraftState.DRAFT, DraftState.CHECKED)


def must_be_officer(actor: Actor) -> None:
    """Raise NotFound for anyone but an information-governance officer."""
    if actor.face is not Face.GOVERNANCE:
        raise NotFound("There is no such page.", next_step="Ask your information-governance officer.")


def ways_on(actor: Actor, row: PolicyDraft, found: Difference | None) -> frozenset[str]:
    """What this officer may do next with a draft."""
    if row.author_person_id == actor.person_id:
        if row.state == DraftState.SIGNED:
            return frozenset({"withdraw"})
        own = {"edit", "check", "withdraw"} if row.state in OPEN else set()
        if row.kind == Kind.ROLLBACK:
            own.discard("edit")
        if row.state == DraftState.CHECKED:
            own.add("sign")
            if found is not None and found.tightens_only and row.kind != Kind.ROLLBACK:
                own.add("act_now")
        return frozenset(own)
    return frozenset({"approve", "refuse"}) if row.state == DraftState.SIGNED else frozenset()


def must_author(actor: Actor, policy: Policy, found: Difference) -> None:
    """Raise Forbidden where the change reaches further than the actor's own agency and she doesn't govern."""
    if actor.governs:
        return
    own = {pack.id for pack in policy.packs if pack.agency == actor.agency_id}
    if any(change.pack_id not in own for change in found.changes):
        raise Forbidden(
            "Only an officer of the partnership may sign this change.",
            next_step="An agency's own officer signs its overlay, and nothing else.",
        )


def must_approve(actor: Actor, row: PolicyDraft, found: Difference) -> None:
    """Raise Forbidden for its author, and for whoever's kind of body gains by it."""
    if row.author_person_id == actor.person_id:
        raise Forbidden("Someone else has to approve what you wrote.", next_step="Ask another officer.")
    if actor.agency_type in found.beneficiaries:
        raise Forbidden(
            "Your kind of agency would receive more by this change, so another officer has to approve it.",
            next_step="Ask an officer of the partnership office or of an agency that gains nothing.",
        )
