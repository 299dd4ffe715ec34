"""Erasing what an entry says: one officer asks, a second who gains nothing by it approves (promise 9).

Until then nothing changes; refusing ends it. Once erased, its place stays, and the log of whoever it was about says who
decided it and why; unless it was about the wrong person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import col, select

from gateway.errors import Conflict, Erased, Forbidden, NotFound
from gateway.ledger import erase as ledger
from gateway.ledger import read
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.models import LedgerHold, LedgerRecord
from gateway.ledger.read import LoggedEntry
from gateway.registry import governing, people
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason, person_of
from gateway.registry.models import Face, Post
from gateway.review.grounds import TO_ERASE
from gateway.review.models import EntryErasure, ErasureGround, ErasureState
from gateway.review.officers import answers_for, entry_of, missing, parties
from gateway.review.telling import ERASED
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

NOBODY_CAN = (
    "Nobody can approve this: every officer asked for it, is named in the entry or is of an agency that gains by it. "
    "Have another officer who governs the partnership registered."
)


@dataclass(frozen=True)
class ErasureView:
    """An erasure that was asked for; `approvers` are those who may approve it now by their posts."""

    entry_id: str
    number: int | None
    state: ErasureState
    ground: str
    reasons: str
    asked_by: str
    asked_at: datetime
    answered_by: str
    answered_at: datetime | None
    approvers: Mapping[str, str] = field(default_factory=dict)

    @property
    def stuck(self) -> bool:
        """Whether it waits and nobody can approve it."""
        return self.state is ErasureState.WAITING and not self.approvers


def ask(unit: Unit, actor: Actor, entry_id: str, ground: ErasureGround, reasons: str) -> str:
    """Ask for what an entry says to be erased; give the id of the entry that says so. Nothing is erased yet.

    Raises NotFound for an entry that isn't hers, Invalid for too few words, Conflict where it waits already or the
    entry may not be erased.
    """
    about = entry_of(unit, actor, entry_id)
    if not answers_for(actor, about):
        raise missing()
    said = a_reason(reasons, "reasons")
    ledger.check_erasable(unit, [entry_id])
    if waiting(unit, entry_id) is not None:
        raise Conflict("The erasure of this entry waits already.", next_step="Look at the entry again.")
    row = _kept(unit, actor, about, ground, said)
    return record(unit, _entry(EntryKind.ENTRY_ERASURE_ASKED, actor, about, row, said))


def approve(unit: Unit, actor: Actor, entry_id: str) -> str:
    """Erase the entry as the second officer; give the id of the entry that says so, in the log of whoever it was about.

    Raises NotFound where nothing waits that is hers to see, Forbidden for whoever asked for it, is named in the entry
    or is of an agency that gains by it.
    """
    about, row = _asked(unit, actor, entry_id)
    if actor.post_id not in {post.id for post in _approvers(unit, row, about)}:
        raise Forbidden(
            "You asked for this, are named in the entry, or your agency gains by it.",
            next_step="Ask another officer: the page of the entry names who can approve it.",
        )
    asked_by = {"asked_by": row.asked_by_post_id}
    decided = _entry(EntryKind.ENTRY_ERASED, actor, about, row, _reasons(unit, row), refs=asked_by)
    # That it was about her is what must go: then nothing says so, and such erasures are counted.
    naming = row.ground != ErasureGround.WRONG_PERSON
    if naming:
        held = {"held": True} if _is_held(unit, entry_id) else {}
        decided = replace(decided, case_id=about.case_id, codes={**decided.codes, **held})
    _answer(unit, actor, row, ErasureState.ERASED)
    return ledger.erase(unit, [entry_id], decided, naming=naming)


def refuse(unit: Unit, actor: Actor, entry_id: str) -> str:
    """End an erasure that waits: nothing is erased, and its words go. Raises NotFound as `approve` does."""
    about, row = _asked(unit, actor, entry_id)
    _answer(unit, actor, row, ErasureState.REFUSED)
    return record(unit, _entry(EntryKind.ENTRY_ERASURE_REFUSED, actor, about, row, ""))


def waiting(unit: Unit, entry_id: str, *, lock: bool = False) -> EntryErasure | None:
    """Give the erasure of an entry that waits, or None."""
    chosen = select(EntryErasure).where(
        EntryErasure.entry_id == entry_id, EntryErasure.state == ErasureState.WAITING
    )
    return unit.session.exec(chosen.with_for_update() if lock else chosen).first()


def of_entry(unit: Unit, about: LoggedEntry) -> ErasureView | None:
    """Give the erasure of an entry that waits, or None."""
    row = waiting(unit, about.entry_id)
    return _view(unit, row, about) if row is not None else None


def asked(unit: Unit, entry_id: str) -> list[str]:
    """Give the posts that may approve the erasure of an entry which waits."""
    row = waiting(unit, entry_id)
    about = _about(unit, row) if row is not None else None
    return [post.id for post in _approvers(unit, row, about)] if row is not None and about is not None else []


def erasures(unit: Unit, actor: Actor) -> list[ErasureView]:
    """Give what waits and what was answered, newest first: of entries she answers for, and what she may approve."""
    if actor.face is not Face.GOVERNANCE:
        return []
    chosen = select(EntryErasure).where(EntryErasure.partnership_id == actor.partnership_id)
    rows = unit.session.exec(chosen.order_by(col(EntryErasure.created_at).desc())).all()
    views = [(row, _view(unit, row, _about(unit, row))) for row in rows]
    return [
        view
        for row, view in views
        if actor.answers_for(row.partnership_id, row.controller_agency_id) or actor.post_id in view.approvers
    ]


def to_approve(unit: Unit, actor: Actor) -> list[ErasureView]:
    """Give what waits for her, or for somebody to be found who can approve it."""
    return [one for one in erasures(unit, actor) if one.stuck or actor.post_id in one.approvers]


def _asked(unit: Unit, actor: Actor, entry_id: str) -> tuple[LoggedEntry, EntryErasure]:
    row = waiting(unit, entry_id, lock=True)
    if row is None or row.partnership_id != actor.partnership_id:
        raise missing()
    about = entry_of(unit, actor, entry_id)
    if answers_for(actor, about) or actor.post_id in {post.id for post in _approvers(unit, row, about)}:
        return about, row
    raise missing()


def _approvers(unit: Unit, row: EntryErasure, about: LoggedEntry) -> list[Post]:
    """Officers who govern, or any where none of those is free: not the author, nobody named, no agency that gains."""
    named = parties(unit, about)
    author = person_of(unit, row.asked_by_post_id)
    found = governing.officers(unit, row.partnership_id, apart={*named.persons, *filter(None, [author])})
    free = [post for post in found if not named.agencies & people.agencies_of(unit, post.person_id)]
    return [post for post in free if post.governs] or free


def _kept(unit: Unit, actor: Actor, about: LoggedEntry, ground: ErasureGround, said: str) -> EntryErasure:
    logged = unit.session.get_one(LedgerRecord, about.entry_id)
    own = (Scope(logged.words_scope or Scope.PARTNERSHIP), logged.words_owner_id or about.partnership_id)
    row_id = new_id()
    where = _place(row_id)
    try:
        sealed = unit.vault.seal(unit.session, *own, said, where=where)
    except Erased:
        own = (Scope.PARTNERSHIP, about.partnership_id)
        sealed = unit.vault.seal(unit.session, *own, said, where=where)
    row = EntryErasure(
        id=row_id,
        partnership_id=about.partnership_id,
        entry_id=about.entry_id,
        controller_agency_id=about.controller_agency_id,
        state=ErasureState.WAITING,
        ground=ground.value,
        words=sealed,
        words_scope=own[0].value,
        words_owner_id=own[1],
        asked_by_post_id=actor.post_id,
    )
    unit.session.add(row)
    return row


def _answer(unit: Unit, actor: Actor, row: EntryErasure, state: ErasureState) -> None:
    """Answer it, and whatever else was asked of the same entry at the same moment."""
    chosen = select(EntryErasure).where(
        EntryErasure.entry_id == row.entry_id, EntryErasure.state == ErasureState.WAITING
    )
    for one in unit.session.exec(chosen.with_for_update()).all():
        one.state, one.words = state, None
        one.answered_by_post_id, one.answered_at = actor.post_id, unit.now
        unit.session.add(one)
    unit.session.flush()


def _entry(
    kind: EntryKind,
    actor: Actor,
    about: LoggedEntry,
    row: EntryErasure,
    reasons: str,
    refs: Mapping[str, str] | None = None,
) -> Entry:
    """Give the entry of an act. It names no subject: that an erasure waits must not tell what it is of."""
    said = {"reasons": reasons} if reasons else {}
    return Entry(
        kind,
        about.partnership_id,
        about.controller_agency_id,
        actor.post_id,
        actor.agency_id,
        refs={"erasure": row.id, **(refs or {"entry": about.entry_id})},
        codes={"ground": row.ground},
        words={**said, "actor": actor.in_words},
    )


def _is_held(unit: Unit, entry_id: str) -> bool:
    hold = unit.session.get(LedgerHold, entry_id)
    return hold is not None and hold.revealed_by_entry_id is None


def _about(unit: Unit, row: EntryErasure) -> LoggedEntry | None:
    try:
        return read.entry(unit, row.entry_id, reviewing=True)
    except (Erased, NotFound):
        return None


def _view(unit: Unit, row: EntryErasure, about: LoggedEntry | None) -> ErasureView:
    waits = row.state == ErasureState.WAITING and about is not None
    free = people.post_views(unit, _approvers(unit, row, about)) if waits and about else []
    return ErasureView(
        entry_id=row.entry_id,
        number=about.number if about else None,
        state=ErasureState(row.state),
        ground=TO_ERASE[ErasureGround(row.ground)],
        reasons=_reasons(unit, row),
        asked_by=people.post_in_words(unit, row.partnership_id, row.asked_by_post_id),
        asked_at=row.created_at,
        answered_by=people.post_in_words(unit, row.partnership_id, row.answered_by_post_id),
        answered_at=row.answered_at,
        approvers={one.post_id: people.in_words(one) for one in free},
    )


def _reasons(unit: Unit, row: EntryErasure) -> str:
    if row.words is None:
        return ""
    try:
        scope = Scope(row.words_scope)
        return unit.vault.open(unit.session, scope, row.words_owner_id, row.words, where=_place(row.id))
    except Erased:
        return ERASED


def _place(row_id: str) -> str:
    return f"entry_erasure|words|{row_id}"
