"""Whom an entry concerns enough to be told that there is something to read. Never the person it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlmodel import col, select

from gateway.api import clients
from gateway.consent import mandates
from gateway.consent.models import Mandate
from gateway.disclosure.models import Line, Request, RequestRecipient
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import LoggedEntry
from gateway.notices import undecided
from gateway.registry import cases, lending, people, seconds, subjects
from gateway.registry.models import CaseSubject, Face, Post
from gateway.review import erasing
from gateway.review.models import Concern
from gateway.review.telling import Teller
from gateway.sealing.models import Parcel
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Obligation, Orientation

_Finder = Callable[[Unit, LoggedEntry], Iterable[str | None]]


def to_tell(unit: Unit, entry: LoggedEntry) -> frozenset[str]:
    """Give the current posts to tell about an entry: whoever must act on it, and advocates whom it should alarm.

    Whoever did it isn't told.
    """
    finder = _FINDERS.get(entry.kind)
    found = set(finder(unit, entry)) if finder else set()
    found |= _alarmed_advocates(unit, entry)
    return frozenset(
        post_id
        for post_id in found
        if post_id and post_id != entry.actor_post_id and people.is_current(unit, post_id)
    )


def _holders(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    request = _request(unit, entry)
    if request is None:
        return []
    if request.holder_post_id or request.case_id is None:
        return [request.holder_post_id]
    assigned = cases.assigned_posts(unit, request.case_id)
    return [view.post_id for view in assigned if view.agency_id == request.holder_agency_id]


def _requester(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    request = _request(unit, entry)
    return [request.requester_post_id] if request else []


def _requester_on_case(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    """Whoever asked, unless from outside the case: a notice would tell them that the person is known (DESIGN 3.8)."""
    request = _request(unit, entry)
    return [request.requester_post_id] if request and not request.from_outside else []


def _requester_and_deciders(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    return [*_requester_on_case(unit, entry), *undecided.deciders_or_officers(unit, entry)]


def _recipient(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    parcel = unit.session.get(Parcel, entry.refs["parcel"]) if "parcel" in entry.refs else None
    line_id = entry.refs.get("line") or (parcel.line_id if parcel else None)
    line = unit.session.get(Line, line_id) if line_id else None
    recipient = unit.session.get(RequestRecipient, line.recipient_id) if line else None
    return [recipient.post_id or recipient.delivering_post_id] if recipient else []


def _officers(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    rows = select(Post.id).where(Post.agency_id == entry.controller_agency_id, Post.face == Face.GOVERNANCE)
    return [*unit.session.exec(rows)]


def _asked_to_approve(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    return [post.id for post in seconds.asked(unit, entry.partnership_id)]


def _reviewer(_unit: Unit, entry: LoggedEntry) -> list[str | None]:
    return [entry.refs.get("reviewer")]


def _asked_to_erase(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    return [*erasing.asked(unit, entry.refs["entry"])]


def _changed_post(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    """Who must agree where cover lends what no rule may decide; who decides now, and what is left to nobody."""
    found = [*undecided.who_decides_now(unit, entry), *undecided.whom_a_post_leaves(unit, entry)]
    if entry.codes.get("change") != "off_duty":
        return found
    lent = lending.lending_of(unit, entry.refs["post"])
    return [*found, *(_officers(unit, entry) if lent and lent.waiting else ())]


def _asked_to_approve_a_system(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    """Whoever may let in a system that was registered."""
    if entry.codes.get("system") != "registered":
        return []
    return [*clients.asked(unit, entry.refs["client"])]


def _who_reached_her(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    """Those of the agency whose safe contact ended who work with her, on any of her cases."""
    rows = select(CaseSubject.case_id).where(col(CaseSubject.subject_id).in_(entry.subject_ids))
    return [
        post.id
        for case_id in unit.session.exec(rows.distinct())
        for post, orientation in cases.posts_on(unit, case_id)
        if post.agency_id == entry.controller_agency_id and orientation == Orientation.VICTIM_FACING
    ]


def _raiser(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    row = unit.session.get(Concern, entry.refs.get("concern", ""))
    return [row.raised_by_post_id] if row else []


def _mandated(unit: Unit, entry: LoggedEntry) -> list[str | None]:
    row = unit.session.get(Mandate, entry.refs.get("mandate", ""))
    return [row.advocate_post_id] if row else []


def _alarmed_advocates(unit: Unit, entry: LoggedEntry) -> set[str | None]:
    owed = Obligation.NOTIFY_ADVOCATE in entry.codes.get("obligations", ())
    if not entry.subject_ids or not (owed or Teller(unit).brief(entry).alert):
        return set()
    known = {one for subject_id in entry.subject_ids for one in subjects.known_as(unit, subject_id)}
    rows = unit.session.exec(select(Mandate).where(col(Mandate.subject_id).in_(known)))
    return {
        row.advocate_post_id
        for row in rows
        if mandates.counts(row, unit) and (not row.case_ids or entry.case_id in {None, *row.case_ids})
    }


def _request(unit: Unit, entry: LoggedEntry) -> Request | None:
    return unit.session.get(Request, entry.request_id) if entry.request_id else None


_FINDERS: Mapping[EntryKind, _Finder] = {
    EntryKind.REQUEST_MADE: _holders,
    EntryKind.REQUEST_OFFERED: _holders,
    EntryKind.REQUEST_ANSWERED: _holders,
    EntryKind.REQUEST_CHASED: _holders,
    EntryKind.ONWARD_ASKED: _holders,
    EntryKind.REQUEST_ESCALATED: _officers,
    EntryKind.REQUEST_NEEDS_MORE: _requester,
    EntryKind.DECISION_MADE: _requester_and_deciders,
    EntryKind.RELEASE_DECLINED: _requester_on_case,
    EntryKind.RELEASE_MADE: _recipient,
    EntryKind.PARCEL_RESEALED: _recipient,
    EntryKind.PARCEL_FROZEN: _recipient,
    EntryKind.RECALL_SENT: _recipient,
    EntryKind.CONCERN_RAISED: _officers,
    EntryKind.CONCERN_ANSWERED: _raiser,
    EntryKind.CONTACT_WITHDRAWN: _who_reached_her,
    EntryKind.MANDATE_CONFIRMED: _mandated,
    EntryKind.MANDATE_ENDED: _mandated,
    EntryKind.ENTRY_HELD: _reviewer,
    EntryKind.ENTRY_ERASURE_ASKED: _asked_to_erase,
    EntryKind.REGISTER_PROPOSED: _asked_to_approve,
    EntryKind.POST_CHANGED: _changed_post,
    EntryKind.POST_ENDED: undecided.whom_a_post_leaves,
    EntryKind.AGENCY_CHANGED: _asked_to_approve_a_system,
}
