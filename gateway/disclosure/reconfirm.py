"""After a declared restore nothing older opens until its holder has confirmed it: what was lost may have forbidden it.

A withdrawal, a wall or a recall may lie in the gap, so every parcel is decided afresh by a person who looks at it, and
its digest is held against the entry of its release (DESIGN 7).
"""

from __future__ import annotations

from sqlmodel import col, select

from gateway.disclosure import judge, record
from gateway.disclosure.facts import DataFacts
from gateway.disclosure.models import Line, LineState, Release, Request
from gateway.errors import Conflict, NotFound
from gateway.ledger import epoch, read
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.models import Face
from gateway.sealing import parcel as parcels
from gateway.sealing.models import Parcel, ParcelState
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome


def waiting(unit: Unit, actor: Actor) -> list[tuple[Request, Line]]:
    """Give the lines of the actor's agency with parcels that a restore froze and nobody has confirmed, oldest first."""
    restored_at = epoch.frozen_before(unit)
    if restored_at is None or actor.face is Face.ADVOCACY:
        return []
    rows = unit.session.exec(
        select(Parcel)
        .where(
            Parcel.controller_agency_id == actor.agency_id,
            Parcel.state == ParcelState.SEALED,
            col(Parcel.created_at) < restored_at,
            col(Parcel.expires_at) > unit.now,
        )
        .order_by(col(Parcel.created_at))
    )
    line_ids = dict.fromkeys(row.line_id for row in rows if not is_confirmed(unit, row))
    lines = [unit.session.get_one(Line, line_id) for line_id in line_ids]
    return [(unit.session.get_one(Request, line.request_id), line) for line in lines]


def is_confirmed(unit: Unit, row: Parcel) -> bool:
    """Whether a parcel counts in the log's present life: it is younger than the last restore, or confirmed since."""
    return confirmation_of(unit, row) is not None or not is_older(unit, row)


def is_older(unit: Unit, row: Parcel) -> bool:
    """Whether a parcel is older than the last declared restore."""
    restored_at = epoch.frozen_before(unit)
    return restored_at is not None and row.created_at < restored_at


def confirmation_of(unit: Unit, row: Parcel) -> str | None:
    """Give the entry by which a parcel was confirmed after the last restore, or None."""
    chosen = read.Filter(
        kinds=(EntryKind.EPOCH_RECONFIRMED,), since=epoch.frozen_before(unit), holding=row.id
    )
    found = read.entries_for_request(unit, row.request_id, chosen).entries
    return next((one.entry_id for one in found if one.refs.get("parcel") == row.id), None)


def reconfirm(unit: Unit, actor: Actor, line_id: str) -> Outcome:
    """Decide a line afresh after a restore and, where that permits, let its parcels count again; else freeze them.

    Raises:
        NotFound: not a line of this agency.
        Conflict: nothing of it waits, or a parcel isn't the one that its release names.
    """
    line = unit.session.get(Line, line_id)
    if line is None or line.controller_agency_id != actor.agency_id or actor.face is Face.ADVOCACY:
        raise NotFound("There is no such line.", next_step="Go back to your agency's inbox.")
    request = unit.session.get_one(Request, line.request_id)
    rows = [
        row
        for row in parcels.of_lines(unit, [line.id])
        if row.state == ParcelState.SEALED and not is_confirmed(unit, row)
    ]
    if not rows or line.state != LineState.RELEASED:
        raise Conflict("Nothing of this waits to be confirmed.", next_step="Go back to the list.")
    for row in rows:
        _must_be_what_was_released(unit, row)
    sent = unit.session.get_one(Release, rows[0].release_id)
    data = DataFacts(sent.data_as_of, sent.verified)
    step = judge.Step.RECONSIDERED
    decided = judge.judge(unit, request, [line], step, acting_post_id=actor.post_id, data=data)[line.id]
    permitted = decided.outcome == Outcome.PERMIT
    if not permitted:
        parcels.freeze(unit, [line.id])
    kind = EntryKind.EPOCH_RECONFIRMED if permitted else EntryKind.PARCEL_FROZEN
    for row in rows:
        codes: record.Codes = {"parcel_digest": row.digest, "sealed_to": row.kid}
        record.act(unit, request, kind, actor.post_id, lines=[line], refs={"parcel": row.id}, codes=codes)
    return Outcome(decided.outcome)


def _must_be_what_was_released(unit: Unit, row: Parcel) -> None:
    """Its digest stands in an entry of the log's former life, so that a restored store can't slip in another."""
    kinds = (EntryKind.RELEASE_MADE, EntryKind.PARCEL_RESEALED, EntryKind.EPOCH_RECONFIRMED)
    chosen = read.Filter(kinds=kinds, holding=row.digest)
    if not read.entries_for_request(unit, row.request_id, chosen).entries:
        raise Conflict(
            "This parcel isn't the one that was released.", next_step="Tell the operator; destroy it."
        )
