"""Erasing what is past its time: drafts, attempts, parcels and keys; each run is an entry, each parcel another."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import select

from gateway.disclosure import drafts, keyring, record
from gateway.disclosure.models import IdempotentAnswer, Line, Request
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry import governing, proposals
from gateway.registry.models import Partnership
from gateway.sealing import parcel as parcels
from gateway.store.unit_of_work import Unit

PARCELS_AT_ONCE = 500


@dataclass(frozen=True)
class Run:
    """How much one run erased."""

    drafts: int
    attempts: int
    parcels: int
    keys: int


def run(unit: Unit) -> Run:
    """Erase what is past its time, in one transaction; parcels 500 at a time, so run it again while it finds some.

    A parcel's content and key are destroyed for ever; its row, digest and entries stay (DESIGN 3.10).
    """
    done = Run(
        drafts=drafts.purge_expired(unit),
        attempts=_purge_attempts(unit),
        parcels=_destroy_parcels(unit),
        keys=sum(
            keyring.expire(unit, partnership.id) for partnership in unit.session.exec(select(Partnership))
        ),
    )
    proposals.purge_expired(unit)
    for partnership in unit.session.exec(select(Partnership)).all():
        _record(unit, partnership, done)
    return done


def _purge_attempts(unit: Unit) -> int:
    gone = unit.session.exec(select(IdempotentAnswer).where(IdempotentAnswer.expires_at <= unit.now)).all()
    for row in gone:
        unit.session.delete(row)
    return len(gone)


def _destroy_parcels(unit: Unit) -> int:
    expired = parcels.expired(unit, PARCELS_AT_ONCE)
    for row in expired:
        parcels.destroy(unit, row)
        request = unit.session.get_one(Request, row.request_id)
        line = unit.session.get_one(Line, row.line_id)
        record.act(
            unit,
            request,
            EntryKind.PARCEL_DESTROYED,
            None,
            lines=[line],
            refs={"parcel": row.id},
            codes={"because": "expired"},
        )
    return len(expired)


def _record(unit: Unit, partnership: Partnership, done: Run) -> None:
    entry = Entry(
        kind=EntryKind.RETENTION_RUN,
        partnership_id=partnership.id,
        controller_agency_id=governing.answering_agency(unit, partnership.id),
        actor_post_id=None,
        actor_agency_id=None,
        codes={"drafts": done.drafts, "attempts": done.attempts, "parcels": done.parcels, "keys": done.keys},
    )
    append.record(unit, entry)
