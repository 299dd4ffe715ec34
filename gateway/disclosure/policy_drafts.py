"""A draft of the policy: begun from the newest one, written rule by rule, checked, and read by the officers.

Nothing here changes what decides; a draft that passed its checks is signed and comes into force in `policies`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlmodel import col, select

from gateway.clock import local_day
from gateway.disclosure import policy_rights, record
from gateway.disclosure.local_settings import missing_settings
from gateway.disclosure.policy_rights import OPEN, must_be_officer
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.policy import checks, drafting, lifecycle
from gateway.policy.checks import Checked, Finding
from gateway.policy.difference import Difference, difference
from gateway.policy.models import DraftState, Kind, PolicyActivation, PolicyDraft
from gateway.policy.packs import Policy
from gateway.policy.rules import PolicyError
from gateway.registry import agencies
from gateway.registry.actors import Actor
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit

SEE_THE_DRAFT = "Go back to the draft and see where it stands."


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
    must_be_officer(actor)
    must_say(title=title, reason=reason)
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
    must_be_officer(actor)
    must_say(reason=reason)
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
    row = own_open_draft(unit, actor, draft_id)
    _set_file(unit, row, file, lambda text: drafting.put_rule(text, table))


def drop_rule(unit: Unit, actor: Actor, draft_id: str, file: str, rule_id: str) -> None:
    """Take a rule out of a file of the draft."""
    row = own_open_draft(unit, actor, draft_id)
    _set_file(unit, row, file, lambda text: drafting.drop_rule(text, rule_id))


def put_file(unit: Unit, actor: Actor, draft_id: str, file: str, text: str) -> None:
    """Put a whole pack or overlay into the draft. Raises Invalid when it can't be read as one."""
    row = own_open_draft(unit, actor, draft_id)
    _set_file(unit, row, file, lambda _old: text)


def change_header(unit: Unit, actor: Actor, draft_id: str, file: str, changes: Mapping[str, Any]) -> None:
    """Change what a pack or overlay of the draft says of itself: its title, owner, review date, needs.

    Raises Invalid when it can't be read as one then.
    """
    row = own_open_draft(unit, actor, draft_id)
    _set_file(unit, row, file, lambda text: drafting.put_header(text, changes))


def begin_rules(unit: Unit, actor: Actor, draft_id: str, pack_id: str, *, own: bool, review_by: date) -> str:
    """Begin rules beside a pack, for the same arrangements. Gives the id of what holds them.

    They are the partnership's or, with `own`, the agency's: those cover what it holds, and may only deny or refer.

    Raises:
        Forbidden: rules of the partnership, by an officer who doesn't govern it.
        Invalid: they were begun before, the pack isn't in the draft, or the review date is past.
    """
    row = own_open_draft(unit, actor, draft_id)
    if not own and not actor.governs:
        raise Forbidden(
            "Only an officer of the partnership writes rules for all of it.",
            next_step="Begin rules for what your own agency holds.",
        )
    policy, _ = _loaded(row)
    packs = {pack.id: pack for pack in policy.packs} if policy else {}
    if pack_id not in packs or packs[pack_id].kind != "pack":
        raise Invalid("This pack isn't in the draft.", fields={"pack": "Choose a pack from the list."})
    beside, agency = packs[pack_id], agencies.agency(unit, actor.partnership_id, actor.agency_id)
    new_pack = f"{pack_id}-{agency.code}" if own else f"{pack_id}-local"
    if new_pack in packs:
        raise Invalid(
            "These rules were begun before.",
            fields={"pack": "They are on the list already: add a rule there."},
        )
    day = local_day(unit.now)
    if review_by <= day:
        raise Invalid("The review date is past.", fields={"review_by": "Enter a day that is still to come."})
    header: dict[str, Any] = {
        "id": new_pack,
        "kind": "overlay" if own else "pack",
        "title": f"{agency.name if own else 'The partnership'}: {beside.title}",
        "owner": agency.name if own else beside.owner,
        "jurisdiction": beside.jurisdiction,
        "effective_from": day,
        "review_by": review_by,
        "arrangements": beside.arrangements,
    }
    header |= {"agency": agency.agency_id} if own else {"needs": beside.needs}
    _set_file(unit, row, f"{new_pack}.toml", lambda _old: drafting.begun(header, beside.examples))
    if not own:
        row.enabled = sorted([*row.enabled, new_pack])
    return new_pack


def switch_pack(unit: Unit, actor: Actor, draft_id: str, pack_id: str, *, on: bool) -> None:
    """Switch a pack on or off in the draft."""
    row = own_open_draft(unit, actor, draft_id)
    others = [one for one in row.enabled if one != pack_id]
    row.enabled = sorted([*others, pack_id]) if on else others
    _touched(unit, row)


def run_checks(unit: Unit, actor: Actor, draft_id: str) -> Checked:
    """Run every check; a draft that passes can be signed. Gives what was found."""
    row = own_open_draft(unit, actor, draft_id)
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
    base = base_of(unit, row)
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


def withdraw(unit: Unit, actor: Actor, draft_id: str) -> None:
    """Take one's own draft back. Raises NotFound when it is another's or was answered."""
    row = draft_row(unit, actor, draft_id)
    if row.author_person_id != actor.person_id or row.state not in (*OPEN, DraftState.SIGNED):
        raise NotFound("You have no such draft.", next_step=SEE_THE_DRAFT)
    row.state = DraftState.WITHDRAWN
    unit.session.add(row)
    record_step(unit, actor, row, EntryKind.POLICY_DRAFTED)


def drafts(unit: Unit, actor: Actor) -> list[PolicyDraft]:
    """Every draft of the partnership, the newest first."""
    must_be_officer(actor)
    rows = select(PolicyDraft).where(PolicyDraft.partnership_id == actor.partnership_id)
    return list(unit.session.exec(rows.order_by(col(PolicyDraft.created_at).desc(), col(PolicyDraft.id))))


def draft_for(unit: Unit, actor: Actor, draft_id: str) -> Draft:
    """One draft, and what this officer may do with it."""
    row = draft_row(unit, actor, draft_id)
    policy, problem = _loaded(row)
    found = difference(base_of(unit, row), policy) if policy else None
    return Draft(
        row=row,
        policy=policy,
        problem=problem,
        difference=found,
        stale=_stale(unit, row),
        may=policy_rights.ways_on(actor, row, found),
        author=record.who(unit, row.author_post_id),
        answered_by=record.who(unit, row.answered_by_post_id) if row.answered_by_post_id else "",
    )


def draft_row(unit: Unit, actor: Actor, draft_id: str) -> PolicyDraft:
    """A draft of the officer's partnership. Raises NotFound: missing, foreign and not an officer's alike."""
    must_be_officer(actor)
    row = unit.session.get(PolicyDraft, draft_id)
    if row is None or row.partnership_id != actor.partnership_id:
        raise NotFound("There is no such draft.", next_step=SEE_THE_DRAFT)
    return row


def own_open_draft(unit: Unit, actor: Actor, draft_id: str) -> PolicyDraft:
    """A draft that the officer wrote and can still change. Raises NotFound."""
    row = draft_row(unit, actor, draft_id)
    if row.author_person_id != actor.person_id or row.state not in OPEN:
        raise NotFound("You have no such open draft.", next_step=SEE_THE_DRAFT)
    return row


def base_of(unit: Unit, row: PolicyDraft) -> Policy | None:
    """The policy that a draft was begun from, or None where it is no longer kept as it was signed."""
    for one in lifecycle.activations(unit, row.partnership_id):
        if one.sequence == row.base_sequence:
            return lifecycle.stored(unit, row.partnership_id, one.version)
    return None


def must_say(**fields: str) -> None:
    """Raise Invalid where one of these, named as its field, holds no words."""
    empty = {name: "Say it in a sentence." for name, text in fields.items() if not text.strip()}
    if empty:
        raise Invalid("Something is missing.", fields=empty)


def record_step(
    unit: Unit, actor: Actor, row: PolicyDraft, kind: EntryKind, words: Mapping[str, str] | None = None
) -> None:
    """Write the entry of one step in a draft's life."""
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
    record_step(unit, actor, row, EntryKind.POLICY_DRAFTED)
    return row


def _set_file(unit: Unit, row: PolicyDraft, file: str, change: Callable[[str], str]) -> None:
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


def _loaded(row: PolicyDraft) -> tuple[Policy | None, str]:
    """The policy a draft would become; or why its text can't be read as one."""
    try:
        return checks.load(row.files, row.enabled), ""
    except PolicyError as error:
        return None, str(error)


def _touched(unit: Unit, row: PolicyDraft) -> None:
    row.state, row.version = DraftState.DRAFT, None
    unit.session.add(row)


def _stale(unit: Unit, row: PolicyDraft) -> bool:
    latest = lifecycle.newest(unit, row.partnership_id)
    return latest is None or latest.sequence != row.base_sequence
