"""Changing the policy: drafted, checked, signed by its author, approved by a second officer, active, undone.

What only takes away acts at once on the author's signature and is reviewed afterwards (loosening takes two,
tightening takes one). Every step is an entry; coming into force is a public one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from gateway.clock import add_working_days, end_of_local_day, local_day
from gateway.disclosure import policy_rights, record
from gateway.disclosure.local_settings import missing_settings
from gateway.disclosure.policy_rights import OPEN
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.policy import checks, drafting, lifecycle, signing
from gateway.policy.checks import Checked, Finding
from gateway.policy.difference import Difference, difference
from gateway.policy.models import DraftState, Kind, PolicyActivation, PolicyDraft
from gateway.policy.packs import Policy
from gateway.policy.rules import PolicyError
from gateway.registry import standing
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Partnership
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit

REVIEWED_WITHIN_WORKING_DAYS = 2
_NEXT = "Go back to the draft and see where it stands."


@dataclass(frozen=True)
class Draft:
    """A draft as it stands, with the policy it would become and how that differs from the one it was drafted on."""

    row: PolicyDraft
    policy: Policy | None
    problem: str
    difference: Difference | None
    stale: bool
    may: frozenset[str]
    author: str
    answered_by: str


def start(unit: Unit, actor: Actor, title: str, reason: str, *, kind: Kind = Kind.CHANGE) -> PolicyDraft:
    """Begin a change from the newest policy, with the core that this version of the gateway came with.

    Raises:
        NotFound: the actor is no IG officer, or no policy is in force.
        Invalid: no title or no reason.
    """
    _officer(actor)
    _worded(title=title, reason=reason)
    base = lifecycle.newest(unit, actor.partnership_id)
    kept = lifecycle.kept_version(unit, actor.partnership_id, base.version) if base else None
    if base is None or kept is None:
        raise NotFound("No policy is in force.", next_step="Ask the operator to activate the shipped one.")
    core = lifecycle.shipped_files()[lifecycle.CORE_FILE]
    return _add(
        unit, actor, title, reason, kind, {**kept.files, lifecycle.CORE_FILE: core}, kept.enabled, base
    )


def roll_back(unit: Unit, actor: Actor, sequence: int, reason: str) -> PolicyDraft:
    """Propose an earlier activation's policy again: a draft like any other, which a second officer must approve.

    Raises:
        NotFound: there is no such earlier activation.
    """
    _officer(actor)
    _worded(reason=reason)
    base = lifecycle.newest(unit, actor.partnership_id)
    old = next(
        (row for row in lifecycle.activations(unit, actor.partnership_id) if row.sequence == sequence), None
    )
    kept = lifecycle.kept_version(unit, actor.partnership_id, old.version) if old else None
    if base is None or old is None or kept is None:
        raise NotFound("There is no such activation.", next_step="Choose one from the list.")
    if old.version == base.version:
        raise Conflict("That is the policy in force.", next_step="Choose an earlier one.")
    title = f"Back to activation {sequence}"
    return _add(unit, actor, title, reason, Kind.ROLLBACK, dict(kept.files), kept.enabled, base)


def put_rule(unit: Unit, actor: Actor, draft_id: str, file: str, table: Mapping[str, Any]) -> None:
    """Put a rule into a file of the draft, in place of the one of the same id. Raises Invalid with what is wrong."""
    row = _mine(unit, actor, draft_id)
    _set_file(unit, row, file, lambda text: drafting.put_rule(text, table))


def drop_rule(unit: Unit, actor: Actor, draft_id: str, file: str, rule_id: str) -> None:
    """Take a rule out of a file of the draft."""
    row = _mine(unit, actor, draft_id)
    _set_file(unit, row, file, lambda text: drafting.drop_rule(text, rule_id))


def put_file(unit: Unit, actor: Actor, draft_id: str, file: str, text: str) -> None:
    """Put a whole pack or overlay into the draft. Raises Invalid when it can't be read as one."""
    row = _mine(unit, actor, draft_id)
    _set_file(unit, row, file, lambda _old: text)


def switch_pack(unit: Unit, actor: Actor, draft_id: str, pack_id: str, *, on: bool) -> None:
    """Switch a pack on or off in the draft."""
    row = _mine(unit, actor, draft_id)
    others = [one for one in row.enabled if one != pack_id]
    row.enabled = sorted([*others, pack_id]) if on else others
    _touched(unit, row)


def run_checks(unit: Unit, actor: Actor, draft_id: str) -> Checked:
    """Run every check; a draft that passes can be signed. Gives what was found."""
    row = _mine(unit, actor, draft_id)
    found = check(unit, row)
    row.state = DraftState.CHECKED if found.passed else DraftState.DRAFT
    row.version = found.policy.version if found.policy else None
    unit.session.add(row)
    return found


def check(unit: Unit, row: PolicyDraft) -> Checked:
    """What the checks say of a draft now, with what it needs of this partnership."""
    day = local_day(row.activates_at or unit.now)
    found = checks.check(row.files, row.enabled, day)
    if found.policy is None:
        return found
    base = _base(unit, row)
    changed = difference(base, found.policy)
    more = [] if changed.changes else [Finding("difference", "policy", "It changes nothing.")]
    if _stale(unit, row):
        says = "Another policy came into force since it was drafted. Begin again from that one."
        more.append(Finding("sequence", "policy", says))
    more += missing_settings(unit, row.partnership_id, base, found.policy)
    analysed, beside = checks.against_others(found.policy, day, changed_rules(changed, found.policy))
    return replace(found, findings=(*found.findings, *more, *beside), analysis=analysed)


def changed_rules(changed: Difference, policy: Policy) -> frozenset[str]:
    """The rules that a draft adds or changes: those of packs and overlays, for the core is the product's."""
    return frozenset(
        one.rule_id
        for one in changed.changes
        if one.rule_id and one.pack_id != lifecycle.CORE and policy.rule(one.rule_id) is not None
    )


def sign(unit: Unit, actor: Actor, draft_id: str, activates_at: datetime | None = None) -> PolicyDraft:
    """Sign as its author, to act from a time on (at once on approval when none is given).

    Raises:
        Conflict: it wasn't checked, or doesn't pass any more.
        Forbidden: the change reaches further than the actor's own agency and she doesn't govern the partnership.
    """
    row = _mine(unit, actor, draft_id)
    if row.state != DraftState.CHECKED:
        raise Conflict("The draft has to pass its checks first.", next_step="Run the checks.")
    row.activates_at = max(activates_at or unit.now, unit.now)
    policy = _passed(unit, row)
    policy_rights.must_author(actor, policy, difference(_base(unit, row), policy))
    lifecycle.keep(unit, row.partnership_id, row.files, row.enabled)
    row.version, row.signed_at, row.state = policy.version, unit.now, DraftState.SIGNED
    row.signature = signing.sign(
        unit, _statement(unit, row), signing.AUTHOR, actor.person_id, actor.agency_id
    )
    unit.session.add(row)
    _record(unit, actor, row, EntryKind.POLICY_SIGNED)
    return row


def approve(unit: Unit, actor: Actor, draft_id: str, words: str) -> PolicyActivation:
    """Approve as the second officer: the draft's checks run again, both signatures stand, and it acts at its time.

    Raises:
        Forbidden: the actor wrote it, or her kind of body gains by it.
        Conflict: it isn't signed, or no longer what was signed.
    """
    standing.wait_for_decisions(unit, actor.partnership_id)
    row = _signed(unit, actor, draft_id)
    _worded(words=words)
    policy = _passed(unit, row)
    policy_rights.must_approve(actor, row, difference(_base(unit, row), policy))
    statement = _statement(unit, row)
    second = signing.sign(unit, statement, signing.APPROVER, actor.person_id, actor.agency_id)
    _answered(unit, actor, row, DraftState.ACTIVATED, words)
    _record(unit, actor, row, EntryKind.POLICY_APPROVED, {"words": words})
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
    row = _mine(unit, actor, draft_id)
    if row.state != DraftState.CHECKED:
        raise Conflict("The draft has to pass its checks first.", next_step="Run the checks.")
    policy = _passed(unit, row)
    found = difference(_base(unit, row), policy)
    policy_rights.must_author(actor, policy, found)
    if not found.tightens_only:
        raise Conflict(
            "This change could open something that is closed, so a second officer has to approve it.",
            next_step="Sign it and ask another officer.",
        )
    lifecycle.keep(unit, row.partnership_id, row.files, row.enabled)
    row.kind, row.version, row.activates_at, row.signed_at = (
        Kind.TIGHTENING,
        policy.version,
        unit.now,
        unit.now,
    )
    statement = _statement(unit, row)
    row.signature = signing.sign(unit, statement, signing.AUTHOR, actor.person_id, actor.agency_id)
    row.state = DraftState.ACTIVATED
    unit.session.add(row)
    _record(unit, actor, row, EntryKind.POLICY_SIGNED)
    nation = unit.session.get_one(Partnership, row.partnership_id).nation
    day = add_working_days(local_day(unit.now, nation), REVIEWED_WITHIN_WORKING_DAYS, nation)
    return lifecycle.activate(
        unit,
        statement,
        [row.signature],
        agency_id=actor.agency_id,
        reason=row.reason,
        draft_id=row.id,
        review_by=end_of_local_day(day),
    )


def review(unit: Unit, actor: Actor, sequence: int, words: str) -> None:
    """Say, as another officer, that a change which acted at once was right; one that wasn't is rolled back.

    Raises:
        NotFound: no such activation waits for a review.
        Forbidden: the actor made it.
    """
    _officer(actor)
    _worded(words=words)
    row = next(
        (one for one in lifecycle.activations(unit, actor.partnership_id) if one.sequence == sequence), None
    )
    if row is None or row.review_by is None or row.reviewed_at is not None or row.draft_id is None:
        raise NotFound("Nothing waits for a review there.", next_step=_NEXT)
    draft = unit.session.get_one(PolicyDraft, row.draft_id)
    if draft.author_person_id == actor.person_id:
        raise Forbidden("Someone else has to review this.", next_step="Ask another officer.")
    row.reviewed_at, row.reviewed_by_post_id = unit.now, actor.post_id
    unit.session.add(row)
    _record(unit, actor, draft, EntryKind.POLICY_APPROVED, {"words": words})


def refuse(unit: Unit, actor: Actor, draft_id: str, words: str) -> None:
    """Refuse a signed draft, with the reason. Raises Forbidden for its own author."""
    row = _signed(unit, actor, draft_id)
    _worded(words=words)
    if row.author_person_id == actor.person_id:
        raise Forbidden("You wrote this; withdraw it instead.", next_step=_NEXT)
    _answered(unit, actor, row, DraftState.REFUSED, words)
    _record(unit, actor, row, EntryKind.POLICY_DRAFTED, {"words": words})


def withdraw(unit: Unit, actor: Actor, draft_id: str) -> None:
    """Take one's own draft back. Raises NotFound when it is another's or was answered."""
    row = _found(unit, actor, draft_id)
    if row.author_person_id != actor.person_id or row.state not in (*OPEN, DraftState.SIGNED):
        raise NotFound("You have no such draft.", next_step=_NEXT)
    row.state = DraftState.WITHDRAWN
    unit.session.add(row)
    _record(unit, actor, row, EntryKind.POLICY_DRAFTED)


def drafts(unit: Unit, actor: Actor) -> list[PolicyDraft]:
    """Every draft of the partnership, the newest first."""
    _officer(actor)
    rows = select(PolicyDraft).where(PolicyDraft.partnership_id == actor.partnership_id)
    return list(unit.session.exec(rows.order_by(col(PolicyDraft.created_at).desc(), col(PolicyDraft.id))))


def versions(unit: Unit, actor: Actor) -> list[PolicyActivation]:
    """Every activation of the partnership, the newest first."""
    _officer(actor)
    return lifecycle.activations(unit, actor.partnership_id)


def draft_for(unit: Unit, actor: Actor, draft_id: str) -> Draft:
    """One draft, and what this officer may do with it."""
    row = _found(unit, actor, draft_id)
    problem = ""
    try:
        policy = checks.load(row.files, row.enabled)
    except PolicyError as error:
        policy, problem = None, str(error)
    found = difference(_base(unit, row), policy) if policy else None
    return Draft(
        row,
        policy,
        problem,
        found,
        _stale(unit, row),
        policy_rights.ways_on(actor, row, found),
        record.who(unit, row.author_post_id),
        record.who(unit, row.answered_by_post_id) if row.answered_by_post_id else "",
    )


def waiting(unit: Unit, actor: Actor) -> int:
    """How many drafts and reviews wait for this officer."""
    signed = [
        one
        for one in drafts(unit, actor)
        if one.state == DraftState.SIGNED and one.author_person_id != actor.person_id
    ]
    reviews = [one for one in versions(unit, actor) if one.review_by and one.reviewed_at is None]
    return len(signed) + len(reviews)


def _add(
    unit: Unit,
    actor: Actor,
    title: str,
    reason: str,
    kind: Kind,
    files: Mapping[str, str],
    enabled: list[str],
    base: PolicyActivation,
) -> PolicyDraft:
    row = PolicyDraft(
        id=new_id(),
        partnership_id=actor.partnership_id,
        author_post_id=actor.post_id,
        author_person_id=actor.person_id,
        title=title.strip(),
        reason=reason.strip(),
        kind=kind,
        state=DraftState.DRAFT,
        files=dict(files),
        enabled=sorted(enabled),
        base_sequence=base.sequence,
    )
    unit.session.add(row)
    unit.session.flush()
    _record(unit, actor, row, EntryKind.POLICY_DRAFTED)
    return row


def _set_file(unit: Unit, row: PolicyDraft, file: str, change: Any) -> None:
    if row.kind == Kind.ROLLBACK or file == lifecycle.CORE_FILE:
        raise Invalid("This can't be edited.", next_step="Add rules in a pack; the core stays as it came.")
    try:
        text = change(row.files.get(file, ""))
        files = {**row.files, file: text}
        checks.load(files, row.enabled)
    except PolicyError as problem:
        raise Invalid(f"{problem.problem[0].upper()}{problem.problem[1:]}.") from problem
    row.files = files
    _touched(unit, row)


def _touched(unit: Unit, row: PolicyDraft) -> None:
    row.state, row.version = DraftState.DRAFT, None
    unit.session.add(row)


def _officer(actor: Actor) -> None:
    if actor.face is not Face.GOVERNANCE:
        raise NotFound("There is no such page.", next_step="Ask your information-governance officer.")


def _found(unit: Unit, actor: Actor, draft_id: str) -> PolicyDraft:
    _officer(actor)
    row = unit.session.get(PolicyDraft, draft_id)
    if row is None or row.partnership_id != actor.partnership_id:
        raise NotFound("There is no such draft.", next_step=_NEXT)
    return row


def _mine(unit: Unit, actor: Actor, draft_id: str) -> PolicyDraft:
    row = _found(unit, actor, draft_id)
    if row.author_person_id != actor.person_id or row.state not in OPEN:
        raise NotFound("You have no such open draft.", next_step=_NEXT)
    return row


def _signed(unit: Unit, actor: Actor, draft_id: str) -> PolicyDraft:
    row = _found(unit, actor, draft_id)
    if row.state != DraftState.SIGNED:
        raise Conflict("This draft isn't signed and waiting.", next_step=_NEXT)
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


def _base(unit: Unit, row: PolicyDraft) -> Policy | None:
    for one in lifecycle.activations(unit, row.partnership_id):
        if one.sequence == row.base_sequence:
            return lifecycle.stored(unit, row.partnership_id, one.version)
    return None


def _stale(unit: Unit, row: PolicyDraft) -> bool:
    latest = lifecycle.newest(unit, row.partnership_id)
    return latest is None or latest.sequence != row.base_sequence


def _worded(**fields: str) -> None:
    empty = {name: "Say it in a sentence." for name, text in fields.items() if not text.strip()}
    if empty:
        raise Invalid("Something is missing.", fields=empty)


def _record(
    unit: Unit, actor: Actor, row: PolicyDraft, kind: EntryKind, words: Mapping[str, str] | None = None
) -> None:
    entry = Entry(
        kind=kind,
        partnership_id=row.partnership_id,
        controller_agency_id=actor.agency_id,
        actor_post_id=actor.post_id,
        actor_agency_id=actor.agency_id,
        refs={"draft": row.id},
        codes={"state": row.state, "kind": row.kind, "version": row.version or ""},
        words={"title": row.title, "reason": row.reason, **(words or {})},
    )
    append.record(unit, entry)
