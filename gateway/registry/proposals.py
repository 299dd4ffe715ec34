"""A change of the register that loosens waits for its second person: a file of an operator's, an agency's admission.

Nothing of it counts before that. It is kept sealed, with the difference it makes in words, and is done exactly as it
was read, or not at all. What only tightens acts at once and is looked at afterwards (promise 9).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import col, select

from gateway.clock import local_day
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry import governing, memberships, seconds
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.acts import act
from gateway.registry.agencies import not_found
from gateway.registry.differences import Difference, difference
from gateway.registry.importing import digest_of, import_register
from gateway.registry.models import (
    Post,
    ProposalKind,
    ProposalState,
    RegisterProposal,
    Subject,
)
from gateway.registry.people import in_words, view_of
from gateway.registry.register_file import parse
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

WAITS_FOR = timedelta(days=14)
NOBODY_CAN = (
    "Nobody can approve this: whoever could proposed it or gains by it. "
    "Import another officer who governs in a file of her own; once that is approved, she can approve this."
)
_OPEN = {ProposalState.WAITING, ProposalState.TO_REVIEW}


@dataclass(frozen=True)
class ProposalView:
    """A proposal in a list; `approvers` are those who may approve it now by their posts, `needed` how many it takes."""

    proposal_id: str
    kind: ProposalKind
    state: ProposalState
    digest: str
    rows: int
    proposed_at: datetime
    expires_at: datetime
    proposed_by: str
    first_by: str
    answered_by: str
    answered_at: datetime | None
    approvers: Mapping[str, str] = field(default_factory=dict)
    needed: int = 1

    @property
    def stuck(self) -> bool:
        """Whether it waits and too few are left to approve it."""
        return self.state is ProposalState.WAITING and len(self.approvers) < self.needed


def keep(
    unit: Unit,
    partnership_id: str,
    kind: ProposalKind,
    content: str,
    differences: Sequence[Difference],
    *,
    by: Actor | None = None,
    acted: bool = False,
) -> RegisterProposal:
    """Store a proposal sealed, with an entry; or, of what acted already, what there is to look at."""
    row = RegisterProposal(
        partnership_id=partnership_id,
        kind=kind,
        state=ProposalState.TO_REVIEW if acted else ProposalState.WAITING,
        digest=digest_of(content),
        rows=len(differences),
        proposed_by_post_id=by.post_id if by else None,
        expires_at=unit.now + WAITS_FOR,
    )
    if not acted:
        row.content = _sealed(unit, row, "content", content)
    row.difference = _sealed(unit, row, "difference", json.dumps([asdict(one) for one in differences]))
    unit.session.add(row)
    unit.session.flush()
    _note(unit, by, EntryKind.REGISTER_PROPOSED, row, acted=acted)
    return row


def dated(terms: dict[str, Any]) -> dict[str, Any]:
    """Give the terms of an admission with its days as days."""
    ends_on = terms["ends_on"]
    return {
        **terms,
        "starts_on": date.fromisoformat(terms["starts_on"]),
        "ends_on": date.fromisoformat(ends_on) if ends_on else None,
    }


def same(unit: Unit, partnership_id: str, text: str) -> RegisterProposal | None:
    """Give the proposal of this very file that waits already."""
    rows = select(RegisterProposal).where(
        RegisterProposal.partnership_id == partnership_id,
        RegisterProposal.digest == digest_of(text),
        RegisterProposal.state == ProposalState.WAITING,
        RegisterProposal.expires_at > unit.now,
    )
    return unit.session.exec(rows).first()


def approve(unit: Unit, actor: Actor, proposal_id: str) -> bool:
    """Do what was proposed, exactly as it was shown; gives False where it still needs a second approval.

    One officer who governs is enough. Where none governs any more, two officers of different agencies do it. Nobody
    approves what she proposed, or what she or an agency of hers gains by. Raises NotFound, Forbidden, and Conflict
    when it was answered, has expired, or the register has changed so that it would do something else.
    """
    row = _proposal(unit, actor, proposal_id, ProposalState.WAITING, lock=True)
    shown = _differences(unit, row)
    seconds.must_be_one(unit, actor, row, shown)
    if row.first_by_post_id is None and not governing.governors(unit, row.partnership_id):
        row.first_by_post_id = actor.post_id
        unit.session.add(row)
        _note(unit, actor, EntryKind.REGISTER_APPROVED, row, of=2)
        return False
    if not set(_do(unit, actor, row)) <= set(shown):  # fewer, where some of it came about meanwhile
        raise _changed()
    _answer(unit, actor, row, ProposalState.APPROVED)
    _note(unit, actor, EntryKind.REGISTER_APPROVED, row)
    return True


def refuse(unit: Unit, actor: Actor, proposal_id: str) -> None:
    """Turn a proposal down; what was in it is destroyed. Raises NotFound, Conflict when it was answered."""
    row = _proposal(unit, actor, proposal_id, ProposalState.WAITING, lock=True)
    _answer(unit, actor, row, ProposalState.REFUSED)
    _note(unit, actor, EntryKind.REGISTER_REFUSED, row)


def review(unit: Unit, actor: Actor, proposal_id: str) -> None:
    """Say that an import which acted at once was looked at. Raises NotFound, Conflict when it was already."""
    row = _proposal(unit, actor, proposal_id, ProposalState.TO_REVIEW, lock=True)
    _answer(unit, actor, row, ProposalState.REVIEWED)
    _note(unit, actor, EntryKind.REGISTER_REVIEWED, row)


def proposals(unit: Unit, actor: Actor) -> list[ProposalView]:
    """Give what waits and what was answered, newest first, to an officer who may answer; to others nothing."""
    return of_partnership(unit, actor.partnership_id) if seconds.may_look(unit, actor) else []


def of_partnership(unit: Unit, partnership_id: str) -> list[ProposalView]:
    """Give every proposal of a partnership without its words, newest first: for the operator."""
    rows = select(RegisterProposal).where(RegisterProposal.partnership_id == partnership_id)
    newest = rows.order_by(col(RegisterProposal.created_at).desc())
    return [view(unit, row) for row in unit.session.exec(newest)]


def to_answer(unit: Unit, actor: Actor) -> list[ProposalView]:
    """Give what waits for an officer: to approve, to look at, or to find somebody for who can approve it."""
    return [
        one
        for one in proposals(unit, actor)
        if one.state is ProposalState.TO_REVIEW or one.stuck or actor.post_id in one.approvers
    ]


def proposal(unit: Unit, actor: Actor, proposal_id: str) -> tuple[ProposalView, tuple[Difference, ...]]:
    """Give one proposal with the difference it makes, while it waits. Raises NotFound."""
    row = _proposal(unit, actor, proposal_id)
    return view(unit, row), _differences(unit, row) if _state(unit, row) in _OPEN else ()


def purge_expired(unit: Unit) -> int:
    """Destroy what was in proposals that nobody answered in time; give how many there were."""
    waiting = select(RegisterProposal).where(
        RegisterProposal.state == ProposalState.WAITING, RegisterProposal.expires_at <= unit.now
    )
    gone = unit.session.exec(waiting.with_for_update()).all()
    for row in gone:
        _empty(unit, row, ProposalState.EXPIRED)
    return len(gone)


def forget(unit: Unit, subject: Subject) -> None:
    """Destroy every file that waits and names a subject who is being erased."""
    waiting = select(RegisterProposal).where(
        RegisterProposal.partnership_id == subject.partnership_id,
        RegisterProposal.kind == ProposalKind.IMPORT,
        RegisterProposal.state == ProposalState.WAITING,
    )
    for row in unit.session.exec(waiting.with_for_update()):
        named = parse(_opened(unit, row, "content"), local_day(row.created_at)).register.subjects
        if subject.code in {one.key for one in named}:
            _empty(unit, row, ProposalState.REFUSED)


def _do(unit: Unit, actor: Actor, row: RegisterProposal) -> tuple[Difference, ...]:
    """Do what was proposed and give what it changed; raise Conflict where the register no longer takes it."""
    content = _opened(unit, row, "content")
    try:
        if row.kind == ProposalKind.ADMISSION:
            author = actor_for_post(unit, row.proposed_by_post_id or "")
            change = memberships.admission(unit, author, **dated(json.loads(content)))
            memberships.admit(unit, actor, change)
            return (difference(unit, change),)
        report = import_register(unit, content, day=local_day(row.created_at), by=actor)
    except (Invalid, Forbidden, NotFound, Unauthenticated) as refused:
        raise _changed() from refused
    return tuple(difference(unit, one) for one in report.changes)


def _proposal(
    unit: Unit, actor: Actor, proposal_id: str, wanted: ProposalState | None = None, *, lock: bool = False
) -> RegisterProposal:
    query = select(RegisterProposal).where(RegisterProposal.id == proposal_id)
    row = unit.session.exec(query.with_for_update() if lock else query).first()
    if row is None or row.partnership_id != actor.partnership_id or not seconds.may_look(unit, actor):
        raise not_found("change")
    state = _state(unit, row)
    if wanted is not None and state is ProposalState.EXPIRED:
        raise Conflict(
            "Nobody answered this in time.", next_step="Ask whoever proposed it to propose it again."
        )
    if wanted is not None and state is not wanted:
        raise Conflict("This was already answered.", next_step="Look at the list again.")
    return row


def _state(unit: Unit, row: RegisterProposal) -> ProposalState:
    if row.state == ProposalState.WAITING and row.expires_at <= unit.now:
        return ProposalState.EXPIRED
    return ProposalState(row.state)


def _answer(unit: Unit, actor: Actor, row: RegisterProposal, state: ProposalState) -> None:
    row.answered_by_post_id, row.answered_at = actor.post_id, unit.now
    _empty(unit, row, state)


def _empty(unit: Unit, row: RegisterProposal, state: ProposalState) -> None:
    row.state, row.content, row.difference = state, None, None
    unit.session.add(row)


def view(unit: Unit, row: RegisterProposal) -> ProposalView:
    """Give a row as a view."""
    state = _state(unit, row)
    free = seconds.free(unit, row, _differences(unit, row)) if state is ProposalState.WAITING else []
    alone = bool(governing.governors(unit, row.partnership_id)) or row.first_by_post_id is not None
    return ProposalView(
        proposal_id=row.id,
        kind=ProposalKind(row.kind),
        state=state,
        digest=row.digest,
        rows=row.rows,
        proposed_at=row.created_at,
        expires_at=row.expires_at,
        proposed_by=_who(unit, row.proposed_by_post_id) or "An operator, with the command line",
        first_by=_who(unit, row.first_by_post_id),
        answered_by=_who(unit, row.answered_by_post_id),
        answered_at=row.answered_at,
        approvers={post.id: _who(unit, post.id) for post in free},
        needed=1 if alone else 2,
    )


def _who(unit: Unit, post_id: str | None) -> str:
    return in_words(view_of(unit, unit.session.get_one(Post, post_id))) if post_id else ""


def _note(
    unit: Unit, actor: Actor | None, kind: EntryKind, row: RegisterProposal, **codes: str | int | bool
) -> None:
    said = {"what": row.kind, "digest": row.digest, "rows": row.rows, **codes}
    refs = {"proposal": row.id}
    if actor is not None:
        act(unit, actor, kind, refs=refs, codes=said)
        return
    entry = Entry(
        kind=kind,
        partnership_id=row.partnership_id,
        controller_agency_id=governing.answering_agency(unit, row.partnership_id),
        actor_post_id=None,
        actor_agency_id=None,
        refs=refs,
        codes={**said, "by": "operator"},
    )
    record(unit, entry)


def _differences(unit: Unit, row: RegisterProposal) -> tuple[Difference, ...]:
    rows: list[dict[str, Any]] = json.loads(_opened(unit, row, "difference"))
    return tuple(
        Difference(**{**one, "says": tuple(one["says"]), "gains": tuple(one["gains"])}) for one in rows
    )


def _sealed(unit: Unit, row: RegisterProposal, column: str, text: str) -> bytes:
    return unit.vault.seal(
        unit.session,
        Scope.PARTNERSHIP,
        row.partnership_id,
        text,
        where=f"register_proposal|{column}|{row.id}",
    )


def _opened(unit: Unit, row: RegisterProposal, column: str) -> str:
    sealed: bytes = getattr(row, column) or b""
    place = f"register_proposal|{column}|{row.id}"
    return unit.vault.open(unit.session, Scope.PARTNERSHIP, row.partnership_id, sealed, where=place)


def _changed() -> Conflict:
    return Conflict(
        "The register has changed since this was proposed, so it would now do something else than it says.",
        next_step="Refuse it, and ask whoever proposed it to propose it again.",
    )
