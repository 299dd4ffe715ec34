"""A policy comes into force: signed by its author, approved by a second officer, active from a time on.

What only takes away acts at once on the author's signature and is reviewed afterwards (loosening takes two,
tightening takes one). Every step is an entry; coming into force is a public one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select

from gateway.disclosure import deadlines, policy_rights
from gateway.disclosure.policy_drafts import (
    SEE_THE_DRAFT,
    base_of,
    check,
    draft_row,
    must_say,
    own_open_draft,
    record_step,
)
from gateway.disclosure.policy_rights import must_be_officer
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.ledger.entries import EntryKind
from gateway.policy import lifecycle, signing
from gateway.policy.difference import Difference, difference
from gateway.policy.models import DraftState, Kind, PolicyActivation, PolicyDraft
from gateway.policy.packs import Policy
from gateway.registry import standing
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit

REVIEWED_WITHIN_WORKING_DAYS = 2


def sign(unit: Unit, actor: Actor, draft_id: str, activates_at: datetime | None = None) -> PolicyDraft:
    """Sign as its author, to act from a time on (at once on approval when none is given).

    Raises:
        Conflict: it wasn't checked, or doesn't pass any more.
        Forbidden: the change reaches further than the actor's own agency and she doesn't govern the partnership.
    """
    row, policy, _found = _ready(unit, actor, draft_id, activates_at)
    _sign_as_author(unit, actor, row, policy, DraftState.SIGNED)
    return row


def approve(unit: Unit, actor: Actor, draft_id: str, words: str) -> PolicyActivation:
    """Approve as the second officer: the draft's checks run again, both signatures stand, and it acts at its time.

    Raises:
        Forbidden: the actor wrote it, or her kind of body gains by it.
        Conflict: it isn't signed, or no longer what was signed.
    """
    standing.wait_for_decisions(unit, actor.partnership_id)
    row = _signed(unit, actor, draft_id)
    must_say(words=words)
    policy = _passed(unit, row)
    policy_rights.must_approve(actor, row, difference(base_of(unit, row), policy))
    statement = _statement(unit, row)
    second = signing.sign(unit, statement, signing.APPROVER, actor.person_id, actor.agency_id)
    _answered(unit, actor, row, DraftState.ACTIVATED, words)
    record_step(unit, actor, row, EntryKind.POLICY_APPROVED, {"words": words})
    return lifecycle.activate(
        unit,
        statement,
        [row.signature or {}, second],
        agency_id=actor.agency_id,
        reason=row.reason,
        draft_id=row.id,
    )


def act_now(unit: Unit, actor: Actor, draft_id: str) -> PolicyActivation:
    """Put a change that only takes away into force on its author's signature; another officer reviews it afterwards.

    Raises:
        Conflict: it could open something, so it takes a second officer.
    """
    standing.wait_for_decisions(unit, actor.partnership_id)
    row, policy, found = _ready(unit, actor, draft_id, None)
    if not found.tightens_only:
        raise Conflict(
            "This change could open something that is closed, so a second officer has to approve it.",
            next_step="Sign it and ask another officer.",
        )
    row.kind = Kind.TIGHTENING
    signature = _sign_as_author(unit, actor, row, policy, DraftState.ACTIVATED)
    return lifecycle.activate(
        unit,
        _statement(unit, row),
        [signature],
        agency_id=actor.agency_id,
        reason=row.reason,
        draft_id=row.id,
        review_by=deadlines.within_working_days(unit, row.partnership_id, REVIEWED_WITHIN_WORKING_DAYS),
    )


def review(unit: Unit, actor: Actor, sequence: int, words: str) -> None:
    """Say, as another officer, that a change which acted at once was right; one that wasn't is rolled back.

    Raises:
        NotFound: no such activation waits for a review.
        Forbidden: the actor made it.
    """
    must_be_officer(actor)
    must_say(words=words)
    row = next(
        (one for one in lifecycle.activations(unit, actor.partnership_id) if one.sequence == sequence), None
    )
    if row is None or row.review_by is None or row.reviewed_at is not None or row.draft_id is None:
        raise NotFound("Nothing waits for a review there.", next_step=SEE_THE_DRAFT)
    draft = unit.session.get_one(PolicyDraft, row.draft_id)
    if draft.author_person_id == actor.person_id:
        raise Forbidden("Someone else has to review this.", next_step="Ask another officer.")
    row.reviewed_at, row.reviewed_by_post_id = unit.now, actor.post_id
    unit.session.add(row)
    record_step(unit, actor, draft, EntryKind.POLICY_APPROVED, {"words": words})


def refuse(unit: Unit, actor: Actor, draft_id: str, words: str) -> None:
    """Refuse a signed draft, with the reason. Raises Forbidden for its own author."""
    row = _signed(unit, actor, draft_id)
    must_say(words=words)
    if row.author_person_id == actor.person_id:
        raise Forbidden("You wrote this; withdraw it instead.", next_step=SEE_THE_DRAFT)
    _answered(unit, actor, row, DraftState.REFUSED, words)
    record_step(unit, actor, row, EntryKind.POLICY_DRAFTED, {"words": words})


def versions(unit: Unit, actor: Actor) -> list[PolicyActivation]:
    """Every activation of the partnership, the newest first."""
    must_be_officer(actor)
    return lifecycle.activations(unit, actor.partnership_id)


def waiting(unit: Unit, actor: Actor) -> int:
    """How many drafts and reviews wait for this officer: nobody approves or reviews what she wrote."""
    must_be_officer(actor)
    anothers = (
        PolicyDraft.partnership_id == actor.partnership_id,
        PolicyDraft.author_person_id != actor.person_id,
    )
    signed = select(func.count()).select_from(PolicyDraft).where(*anothers)
    reviews = (
        select(func.count())
        .select_from(PolicyActivation)
        .join(PolicyDraft, col(PolicyDraft.id) == col(PolicyActivation.draft_id))
        .where(
            *anothers,
            col(PolicyActivation.review_by).is_not(None),
            col(PolicyActivation.reviewed_at).is_(None),
        )
    )
    to_approve = unit.session.exec(signed.where(PolicyDraft.state == DraftState.SIGNED)).one()
    return to_approve + unit.session.exec(reviews).one()


def _ready(
    unit: Unit, actor: Actor, draft_id: str, activates_at: datetime | None
) -> tuple[PolicyDraft, Policy, Difference]:
    """One's own draft that passed its checks and passes them still, with what it would become and change."""
    row = own_open_draft(unit, actor, draft_id)
    if row.state != DraftState.CHECKED:
        raise Conflict("The draft has to pass its checks first.", next_step="Run the checks.")
    row.activates_at = max(activates_at or unit.now, unit.now)
    policy = _passed(unit, row)
    found = difference(base_of(unit, row), policy)
    policy_rights.must_author(actor, policy, found)
    return row, policy, found


def _sign_as_author(
    unit: Unit, actor: Actor, row: PolicyDraft, policy: Policy, state: DraftState
) -> Mapping[str, str]:
    lifecycle.keep(unit, row.partnership_id, row.files, row.enabled)
    row.version, row.signed_at, row.state = policy.version, unit.now, state
    signature = signing.sign(unit, _statement(unit, row), signing.AUTHOR, actor.person_id, actor.agency_id)
    row.signature = signature
    unit.session.add(row)
    record_step(unit, actor, row, EntryKind.POLICY_SIGNED)
    return signature


def _signed(unit: Unit, actor: Actor, draft_id: str) -> PolicyDraft:
    row = draft_row(unit, actor, draft_id)
    if row.state != DraftState.SIGNED:
        raise Conflict("This draft isn't signed and waiting.", next_step=SEE_THE_DRAFT)
    return row


def _passed(unit: Unit, row: PolicyDraft) -> Policy:
    found = check(unit, row)
    if found.policy is None or not found.passed or (row.version and found.policy.version != row.version):
        says = next((one.says for one in found.findings if one.stops), "It isn't what was checked.")
        raise Conflict(f"The draft doesn't pass its checks: {says}", next_step="See the checks of the draft.")
    return found.policy


def _answered(unit: Unit, actor: Actor, row: PolicyDraft, state: DraftState, words: str) -> None:
    row.state, row.answer = state, words.strip()
    row.answered_at, row.answered_by_post_id = unit.now, actor.post_id
    unit.session.add(row)


def _statement(unit: Unit, row: PolicyDraft) -> signing.Statement:
    if row.version is None or row.activates_at is None:
        raise Conflict("The draft isn't checked.", next_step="Run the checks.")
    return lifecycle.next_statement(unit, row.partnership_id, row.version, row.activates_at, Kind(row.kind))
