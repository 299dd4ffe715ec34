"""Facts: circumstances that a named person records of a case, somebody in it, an agency or a post, and how they end.

Nobody sets a flag in her own favour (promise 3): a fact that loosens counts once a second person approved it, and
ending one that tightens is asked by one and done by another.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import and_, col, or_, select

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason, act, must_differ, person_of
from gateway.registry.agencies import not_found
from gateway.registry.cases import is_on_case
from gateway.registry.models import Agency, Case, Face, Post, RegisteredFact, Subject
from gateway.registry.standing import wait_for_decisions
from gateway.registry.subjects import is_in_case, known_as, subjects_of
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import Category, Circumstance, vocabulary

# What a person may record; the rest of the registry's circumstances are worked out (`computed`) and can't be written.
RECORDABLE = frozenset(
    {
        Circumstance.CONFLICT_DECLARED,
        Circumstance.CONFLICT_SUSPECTED,
        Circumstance.PERPETRATOR_EMPLOYED_BY_MEMBER_AGENCY,
        Circumstance.SPECIFIED_PERSON,
        Circumstance.CONTACT_ADDRESS_SHARED_WITH_PERPETRATOR,
        Circumstance.ORIGINATOR_CAVEAT,
        Circumstance.ORIGINATOR_AGREED,
        Circumstance.AUTHORISING_DECISION_RECORDED,
        Circumstance.AUTHORITY_FROM_SUBJECT,
        Circumstance.NO_AUTHORITY_FROM_SUBJECT,
        Circumstance.HEALTH_RECORD_ONLINE_ACCESS,
        Circumstance.COMMUNITY_LINK_TO_PERPETRATOR,
    }
)


@dataclass(frozen=True)
class FactView:
    """A recorded circumstance with its scope; `waiting` until a second person approved one that loosens."""

    fact_id: str
    circumstance: str
    loosens: bool
    case_id: str | None
    subject_id: str | None
    agency_id: str | None
    post_id: str | None
    categories: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime | None
    waiting: bool
    end_asked: bool


def record(
    unit: Unit,
    actor: Actor,
    *,
    circumstance: str,
    reason: str,
    case_id: str | None = None,
    subject_id: str | None = None,
    agency_id: str | None = None,
    post_id: str | None = None,
    categories: Collection[str] = (),
    ends_at: datetime | None = None,
) -> str:
    """Record a circumstance with its reason; give its id. One that tightens counts from now.

    Staff record for a case they are on or about themselves; an officer for anything of her partnership. One that
    loosens never names its recorder or her agency. Raises NotFound, Forbidden, Invalid.
    """
    said = a_reason(reason)
    wait_for_decisions(unit, actor.partnership_id)
    if circumstance not in RECORDABLE:
        raise Invalid("This isn't recorded here.", fields={"circumstance": "Choose one from the list."})
    unknown = set(categories) - set(Category)
    if unknown:
        raise Invalid("A category isn't known.", fields={"categories": "Choose from the list."})
    if not (case_id or subject_id or agency_id or post_id):
        raise Invalid("It must be about something.", fields={"case_id": "Choose what it is about."})
    _check_scope(unit, actor, case_id, subject_id, agency_id, post_id)
    loosening = loosens(circumstance)
    if loosening:
        _must_not_gain(unit, actor, agency_id, post_id)
    row = RegisteredFact(
        partnership_id=actor.partnership_id,
        circumstance=circumstance,
        case_id=case_id,
        subject_id=subject_id,
        agency_id=agency_id,
        post_id=post_id,
        categories=sorted(categories),
        recorded_by_post_id=actor.post_id,
        starts_at=unit.now,
        ends_at=ends_at,
    )
    row.reason = seal_reason(unit, row, said)
    unit.session.add(row)
    _note(unit, actor, row, "asked" if loosening else "recorded", reason=said)
    return row.id


def approve(unit: Unit, actor: Actor, fact_id: str) -> None:
    """Make a fact that loosens count from now: an officer, not its recorder, not the one it favours.

    Raises NotFound, Forbidden, Conflict.
    """
    row = _kept(unit, actor, fact_id)
    if row.approved_by_post_id is not None or not loosens(row.circumstance) or row.ends_at is not None:
        raise Conflict("This needs no answer.", next_step="Look at the list again.")
    must_differ(actor, person_of(unit, row.recorded_by_post_id))
    _must_not_gain(unit, actor, row.agency_id, row.post_id)
    row.approved_by_post_id, row.starts_at = actor.post_id, unit.now
    unit.session.add(row)
    _note(unit, actor, row, "approved")


def end(unit: Unit, actor: Actor, fact_id: str, reason: str) -> bool:
    """End a fact: one that loosens at once, one that tightens when a second person asks the same.

    Of two who end an originator's caveat, one is of the agency whose caveat it is (DESIGN 3.3). Gives whether it has
    ended. Raises NotFound, Forbidden, Invalid, Conflict.
    """
    wait_for_decisions(unit, actor.partnership_id)
    row = _kept(unit, actor, fact_id)
    said = a_reason(reason)
    if row.ends_at is not None and row.ends_at <= unit.now:
        raise Conflict("This has already ended.", next_step="Look at the list again.")
    if not loosens(row.circumstance):
        _must_not_gain(unit, actor, row.agency_id, row.post_id)
        if row.end_asked_by_post_id is None:
            row.end_asked_by_post_id = actor.post_id
            unit.session.add(row)
            _note(unit, actor, row, "end_asked", reason=said)
            return False
        must_differ(actor, person_of(unit, row.end_asked_by_post_id))
        _must_hear_the_originator(unit, actor, row)
    row.ends_at, row.ended_by_post_id = unit.now, actor.post_id
    unit.session.add(row)
    _note(unit, actor, row, "ended", reason=said)
    return True


def facts_of(unit: Unit, actor: Actor, *, case_id: str) -> list[FactView]:
    """Give the recorded circumstances of a case and its people that haven't ended, to an officer."""
    ids = {one for view in subjects_of(unit, case_id) for one in known_as(unit, view.subject_id)}
    rows = unit.session.exec(
        select(RegisteredFact).where(
            RegisteredFact.partnership_id == actor.partnership_id,
            or_(
                col(RegisteredFact.case_id) == case_id,
                and_(col(RegisteredFact.case_id).is_(None), col(RegisteredFact.subject_id).in_(ids)),
            ),
            or_(col(RegisteredFact.ends_at).is_(None), col(RegisteredFact.ends_at) > unit.now),
        )
    )
    return sorted(
        (_view(row) for row in rows), key=lambda one: (not one.waiting, one.circumstance, one.starts_at)
    )


def fact(unit: Unit, actor: Actor, *, case_id: str, fact_id: str) -> FactView:
    """Give one recorded circumstance of a case to an officer; raise NotFound otherwise."""
    found = [view for view in facts_of(unit, actor, case_id=case_id) if view.fact_id == fact_id]
    if not found:
        raise not_found("record")
    return found[0]


def loosens(circumstance: str) -> bool:
    """Tell whether a circumstance loosens; one that isn't in the vocabulary counts as loosening."""
    terms = vocabulary().circumstances
    return circumstance not in set(Circumstance) or terms[Circumstance(circumstance)].loosens


def seal_reason(unit: Unit, row: RegisteredFact, reason: str) -> bytes:
    """Give a fact's reason sealed under the key of whom it is about: the subject, the case, or the partnership."""
    scope, owner = _owner(row)
    return unit.vault.seal(unit.session, scope, owner, reason, where=f"registered_fact|reason|{row.id}")


def _check_scope(
    unit: Unit,
    actor: Actor,
    case_id: str | None,
    subject_id: str | None,
    agency_id: str | None,
    post_id: str | None,
) -> None:
    named = ((Case, case_id), (Subject, subject_id), (Agency, agency_id), (Post, post_id))
    for table, row_id in named:
        row = unit.session.get(table, row_id) if row_id else None
        if row_id and (row is None or row.partnership_id != actor.partnership_id):
            raise not_found("record")
    if actor.face is Face.GOVERNANCE:
        return
    own = post_id is not None and person_of(unit, post_id) == actor.person_id
    at_work = case_id is not None and is_on_case(unit, case_id, actor.post_id)
    if subject_id is not None and not (case_id and at_work and is_in_case(unit, case_id, subject_id)):
        raise not_found("record")
    if not own and not at_work:
        raise not_found("record")


def _must_not_gain(unit: Unit, actor: Actor, agency_id: str | None, post_id: str | None) -> None:
    if agency_id == actor.agency_id or (post_id is not None and person_of(unit, post_id) == actor.person_id):
        raise Forbidden(
            "This would favour you or your agency.", next_step="Ask somebody of another agency to record it."
        )


def _must_hear_the_originator(unit: Unit, actor: Actor, row: RegisteredFact) -> None:
    """Those who would receive something don't end by themselves the caveat of whoever it came from."""
    if row.circumstance != Circumstance.ORIGINATOR_CAVEAT:
        return
    originator, asked_by = (
        unit.session.get_one(Post, post_id).agency_id if post_id else ""
        for post_id in (row.recorded_by_post_id, row.end_asked_by_post_id)
    )
    if originator not in {asked_by, actor.agency_id}:
        raise Forbidden(
            "The agency whose caveat this is hasn't agreed.",
            next_step="Ask an officer of the agency that recorded it to end it.",
        )


def _kept(unit: Unit, actor: Actor, fact_id: str) -> RegisteredFact:
    row = unit.session.exec(
        select(RegisteredFact).where(RegisteredFact.id == fact_id).with_for_update()
    ).first()
    if row is None or row.partnership_id != actor.partnership_id or actor.face is not Face.GOVERNANCE:
        raise not_found("record")
    return row


def _owner(row: RegisteredFact) -> tuple[Scope, str]:
    if row.subject_id:
        return Scope.SUBJECT, row.subject_id
    return (Scope.CASE, row.case_id) if row.case_id else (Scope.PARTNERSHIP, row.partnership_id)


def _note(unit: Unit, actor: Actor, row: RegisteredFact, step: str, *, reason: str = "") -> None:
    refs = {"fact": row.id, "agency": row.agency_id, "post": row.post_id}
    act(
        unit,
        actor,
        EntryKind.CIRCUMSTANCE_DECLARED,
        subject_ids=[row.subject_id] if row.subject_id else [],
        case_id=row.case_id,
        refs={name: value for name, value in refs.items() if value},
        codes={"circumstance": row.circumstance, "origin": "registry", "step": step},
        words={"reason": reason} if reason else None,
    )


def _view(row: RegisteredFact) -> FactView:
    loosening = loosens(row.circumstance)
    return FactView(
        fact_id=row.id,
        circumstance=row.circumstance,
        loosens=loosening,
        case_id=row.case_id,
        subject_id=row.subject_id,
        agency_id=row.agency_id,
        post_id=row.post_id,
        categories=tuple(row.categories),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        waiting=loosening and row.approved_by_post_id is None,
        end_asked=row.end_asked_by_post_id is not None and row.ends_at is None,
    )
