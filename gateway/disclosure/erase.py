"""Erasing a person or a closed case from the flow: content, words and drafts go, what was decided stays (DESIGN 3.10).

A destroyed key makes what it sealed unreadable at once; in backups it dies with the epoch key of that time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlmodel import col, select

from gateway.clock import local_day
from gateway.disclosure import record
from gateway.disclosure.models import (
    Authorisation,
    Declaration,
    Draft,
    Line,
    LineState,
    Message,
    Release,
    Request,
    RequestRecipient,
    RequestState,
    Task,
)
from gateway.errors import Conflict
from gateway.ledger.entries import EntryKind
from gateway.registry import cases, subject_changes, subjects
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason, act
from gateway.registry.models import Case, CaseSubject, Partnership
from gateway.sealing import parcel as parcels
from gateway.sealing.models import ParcelState
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_OPEN = {LineState.REFERRED, LineState.TO_RELEASE}
# Every table with words about one request: the table, and the column that holds them.
_WORDS = (
    (Message, "words"),
    (Declaration, "words"),
    (Authorisation, "reasons"),
    (Release, "action"),
    (Task, "outcome"),
    (RequestRecipient, "described"),
)


def erase_subject(unit: Unit, actor: Actor, subject_id: str, reason: str) -> None:
    """Erase a person: what was sealed about her is destroyed, and the words of requests about nobody else.

    Words of a request that is about others too stay until their case is erased. Raises what
    `subject_changes.erase` raises.
    """
    # First of all: a request or a release at work has committed, and is found, or waits and finds her erased.
    subjects.lock(unit, subject_id)
    known = subjects.known_as(unit, subject_id)
    lines = list(unit.session.exec(select(Line).where(col(Line.subject_id).in_(known))))
    subject_changes.erase(unit, actor, subject_id, reason)
    _end(unit, actor, lines, because="person_erased")
    for request_id in sorted({line.request_id for line in lines}):
        about = [line.subject_id for line in _lines_of(unit, request_id)]
        if known.issuperset(about):
            _empty(unit, unit.session.get_one(Request, request_id))
    _discard_drafts(unit, actor.partnership_id, known)


def close_case(unit: Unit, actor: Actor, case_id: str, reason: str) -> None:
    """Close a case today: nobody is on it any more, so nothing of it is released or opened.

    Raises:
        NotFound: not a case that this officer keeps.
        Conflict: it is closed already.
        Invalid: no reason.
    """
    said = a_reason(reason)
    view = cases.kept_case(unit, actor, case_id, lock=True)
    row = unit.session.get_one(Case, case_id)
    if row.closed_on is not None:
        raise Conflict("This case is closed already.", next_step="Look at the list again.")
    row.closed_on = local_day(unit.now, unit.session.get_one(Partnership, actor.partnership_id).nation)
    unit.session.add(row)
    _note(unit, actor, case_id, view.lead_agency_id, "closed", said)


def erase_case(unit: Unit, actor: Actor, case_id: str, reason: str) -> None:
    """Erase a closed case: its key, its parcels, and with them every word of its requests.

    Raises:
        NotFound: not a case that this officer keeps.
        Conflict: it isn't closed.
        Invalid: no reason.
    """
    said = a_reason(reason)
    view = cases.kept_case(unit, actor, case_id, lock=True)
    if unit.session.get_one(Case, case_id).closed_on is None:
        raise Conflict("This case is still open.", next_step="Close it first.")
    requests = list(unit.session.exec(select(Request).where(Request.case_id == case_id)))
    ids = [request.id for request in requests]
    lines = list(unit.session.exec(select(Line).where(col(Line.request_id).in_(ids))))
    _end(unit, actor, lines, because="case_erased")
    _discard_drafts(unit, actor.partnership_id, {case_id})
    unit.vault.destroy(unit.session, Scope.CASE, case_id)
    _note(unit, actor, case_id, view.lead_agency_id, "erased", said)


def _lines_of(unit: Unit, request_id: str) -> list[Line]:
    return list(unit.session.exec(select(Line).where(Line.request_id == request_id)))


def _end(unit: Unit, actor: Actor, lines: Iterable[Line], *, because: str) -> None:
    """Destroy the parcels of these lines and cancel what is still open; each parcel is an entry."""
    touched: dict[str, Request] = {}
    for line in lines:
        request = touched.setdefault(line.request_id, unit.session.get_one(Request, line.request_id))
        if line.state in _OPEN:
            line.state = LineState.CANCELLED
            unit.session.add(line)
        for row in parcels.of_lines(unit, [line.id]):
            if row.state == ParcelState.DESTROYED:
                continue
            parcels.destroy(unit, row)
            refs, codes = {"parcel": row.id}, {"because": because}
            kind = EntryKind.PARCEL_DESTROYED
            record.act(unit, request, kind, actor.post_id, lines=[line], refs=refs, codes=codes)
    unit.session.flush()
    for request in touched.values():
        _close(unit, request)


def _close(unit: Unit, request: Request) -> None:
    states = {LineState(line.state) for line in _lines_of(unit, request.id)}
    if request.closed_at is None and not _OPEN & states:
        # To a maker from outside a closed request still reads as received: an erasure tells nothing, either.
        request.state = RequestState.CLOSED if request.from_outside else RequestState.CANCELLED
        request.closed_at = unit.now
        unit.session.add(request)


def _empty(unit: Unit, request: Request) -> None:
    """Overwrite every word of a request, whose case and its key live on for others."""
    request.why, request.person = b"", None if request.person is None else b""
    unit.session.add(request)
    for table, column in _WORDS:
        for row in unit.session.exec(select(table).where(table.request_id == request.id)):
            if getattr(row, column) is not None:
                setattr(row, column, b"")
                unit.session.add(row)


def _discard_drafts(unit: Unit, partnership_id: str, ids: Iterable[str]) -> None:
    """Remove drafts that name one of these: their answers are sealed, but under a key that lives on."""
    wanted = set(ids)
    for row in unit.session.exec(select(Draft).where(Draft.partnership_id == partnership_id)).all():
        where = f"draft.answers|{row.id}"
        said = unit.vault.open(unit.session, Scope.PARTNERSHIP, partnership_id, row.answers, where=where)
        if any(one in json.dumps(json.loads(said)) for one in wanted):
            unit.session.delete(row)


def _note(unit: Unit, actor: Actor, case_id: str, lead_agency_id: str | None, step: str, reason: str) -> None:
    about = unit.session.exec(select(CaseSubject.subject_id).where(CaseSubject.case_id == case_id)).all()
    act(
        unit,
        actor,
        EntryKind.CASE_CLOSED,
        controller_agency_id=lead_agency_id or actor.agency_id,
        subject_ids=sorted(set(about)),
        case_id=case_id,
        codes={"step": step},
        words={"reason": reason},
    )
