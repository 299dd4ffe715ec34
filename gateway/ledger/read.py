"""Finding entries: by person, case, request, post or agency, and reading what each says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from gateway_verify.opening import parse_object
from sqlmodel import col

from gateway.errors import Erased
from gateway.ledger.append import WORDS
from gateway.ledger.entries import EntryKind, no_such_entry
from gateway.ledger.models import (
    LedgerCheckpoint,
    LedgerErasure,
    LedgerHold,
    LedgerLeaf,
    LedgerRecord,
    LedgerSubject,
)
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

MOST_AT_ONCE = 500


@dataclass(frozen=True)
class LoggedEntry:
    """An entry as it can be shown. One that is held shows its review date and nothing of what it says.

    `number` counts from 1 and is None while the entry waits for its place (PostgreSQL, for an instant).
    """

    entry_id: str
    epoch: int | None
    number: int | None
    kind: EntryKind
    at: datetime
    partnership_id: str
    controller_agency_id: str
    actor_post_id: str | None
    actor_agency_id: str | None
    case_id: str | None
    request_id: str | None
    subject_ids: tuple[str, ...] = ()
    refs: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Any] = field(default_factory=dict)
    has_words: bool = False


@dataclass(frozen=True)
class HeldEntry:
    """An entry that may not be revealed yet: it is counted, and someone must look at it again by a date."""

    number: int | None
    review_on: date


@dataclass(frozen=True)
class Found:
    """Entries, newest first, with those that are held apart; `more` tells that there are older ones."""

    entries: Sequence[LoggedEntry]
    held: Sequence[HeldEntry]
    more: bool


@dataclass(frozen=True)
class Filter:
    """What to look for; every part that is given must hold. `holding` is a code that the record names."""

    kinds: Iterable[EntryKind] = ()
    since: datetime | None = None
    until: datetime | None = None
    controller_agency_id: str | None = None
    holding: str | None = None
    before: datetime | None = None
    limit: int = 100


def entries_for_subject(unit: Unit, subject_id: str, chosen: Filter | None = None) -> Found:
    """Give what was done about a person, newest first."""
    linked = sa.select(col(LedgerSubject.entry_id)).where(col(LedgerSubject.subject_id) == subject_id)
    return _found(unit, col(LedgerRecord.entry_id).in_(linked), chosen)


def entries_for_request(unit: Unit, request_id: str, chosen: Filter | None = None) -> Found:
    """Give what became of a request, newest first."""
    return _found(unit, col(LedgerRecord.request_id) == request_id, chosen)


def entries_by_post(unit: Unit, post_id: str, chosen: Filter | None = None) -> Found:
    """Give what a post did, newest first."""
    return _found(unit, col(LedgerRecord.actor_post_id) == post_id, chosen)


def entries_of_agency(unit: Unit, agency_id: str, chosen: Filter | None = None) -> Found:
    """Give the entries for which an agency answers as controller, newest first."""
    return _found(unit, col(LedgerRecord.controller_agency_id) == agency_id, chosen)


def all_of_agency(unit: Unit, agency_id: str, since: datetime, until: datetime) -> Iterator[LoggedEntry]:
    """Give every entry for which an agency answers as controller within a time, oldest first, without those held.

    Not in batches: one act may write more entries in one moment than a batch holds.
    """
    mine = col(LedgerRecord.controller_agency_id) == agency_id
    rows = _rows().where(mine, *_conditions(Filter(since=since, until=until)))
    oldest_first = rows.order_by(col(LedgerRecord.at), col(LedgerLeaf.position).asc().nulls_last())
    return (_logged(row) for row in unit.session.execute(oldest_first) if not _is_held(row))


def entries_in_partnership(unit: Unit, partnership_id: str, chosen: Filter | None = None) -> Found:
    """Give a partnership's entries, newest first."""
    return _found(unit, col(LedgerRecord.partnership_id) == partnership_id, chosen)


def entry(unit: Unit, entry_id: str, *, reviewing: bool = False) -> LoggedEntry:
    """Give one entry.

    Raises NotFound for an unknown entry and, unless its reviewer looks (`reviewing`), for a held one; Erased when its
    record was destroyed.
    """
    row = unit.session.execute(_rows().where(col(LedgerRecord.entry_id) == entry_id)).one_or_none()
    if row is None:
        if unit.session.get(LedgerErasure, entry_id) is not None:
            raise Erased("This entry was erased; the log says when, by whom and why.")
        raise no_such_entry()
    if _is_held(row) and not reviewing:
        raise no_such_entry()
    return _logged(row)


def entries_at(unit: Unit, number: int) -> list[str]:
    """Give the ids of the entries that have this number, counted from 1, in each life of the log, the newest first."""
    epochs = unit.session.execute(sa.select(sa.func.max(col(LedgerLeaf.epoch)))).scalar() or 0
    found = (unit.session.get(LedgerLeaf, (epoch, number - 1)) for epoch in range(epochs, -1, -1))
    return [leaf.entry_id for leaf in found if leaf is not None]


def numbers_of(unit: Unit, entry_ids: Iterable[str]) -> list[int]:
    """Give the numbers of entries in the log, counted from 1, also of erased ones."""
    places = sa.select(col(LedgerLeaf.position)).where(col(LedgerLeaf.entry_id).in_(list(entry_ids)))
    return sorted(place + 1 for place in unit.session.execute(places).scalars())


def last_erasure(unit: Unit, partnership_id: str, subject_ids: Collection[str]) -> datetime | None:
    """Give when an entry was last erased that was, or may have been, about any of these persons; None for never."""
    links = sa.exists().where(col(LedgerSubject.entry_id) == col(LedgerErasure.by_entry_id))
    hers = links.where(col(LedgerSubject.subject_id).in_(subject_ids))
    last = sa.select(sa.func.max(col(LedgerErasure.at))).where(
        col(LedgerErasure.partnership_id) == partnership_id, sa.or_(~links, hers)
    )
    at: datetime | None = unit.session.execute(last).scalar()
    return at


def erased_unnamed(unit: Unit, partnership_id: str) -> int:
    """Give how many of a partnership's entries were erased without the log saying whom they were about."""
    named = sa.exists().where(col(LedgerSubject.entry_id) == col(LedgerErasure.by_entry_id))
    count = sa.select(sa.func.count()).where(col(LedgerErasure.partnership_id) == partnership_id, ~named)
    return unit.session.execute(count).scalar() or 0


def words_of(unit: Unit, entry_id: str) -> Mapping[str, str | Sequence[str]]:
    """Give what people said in an entry: reasons, names and posts as at that time; empty when nothing was said.

    Raises Erased when the words were destroyed, NotFound for an unknown entry. Whoever shows words decides who may
    see them, and whether the entry is held.
    """
    document = reasons_document(unit, entry_id)
    if document is None:
        return {}
    words: dict[str, str | list[str]] = parse_object(document)["words"]
    return words


def reasons_document(unit: Unit, entry_id: str) -> str | None:
    """Give the exact reasons document whose digest the record holds, or None; raise as `words_of` does."""
    row = unit.session.get(LedgerRecord, entry_id)
    if row is None:
        raise no_such_entry()
    if row.words is None or row.words_scope is None or row.words_owner_id is None:
        return None
    scope, where = Scope(row.words_scope), WORDS.format(entry_id)
    return unit.vault.open(unit.session, scope, row.words_owner_id, row.words, where=where)


def is_under_checkpoint(unit: Unit, entry_id: str) -> bool:
    """Tell whether the entry's leaf is under a stored checkpoint: only then may what it records leave (promise 1)."""
    leaf = unit.session.execute(
        sa.select(col(LedgerLeaf.epoch), col(LedgerLeaf.position)).where(col(LedgerLeaf.entry_id) == entry_id)
    ).one_or_none()
    if leaf is None:
        return False
    covering = sa.select(sa.literal(1)).where(
        col(LedgerCheckpoint.epoch) == leaf.epoch, col(LedgerCheckpoint.size) > leaf.position
    )
    return unit.session.execute(covering.limit(1)).scalar() is not None


def _rows() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            LedgerRecord,
            col(LedgerLeaf.epoch),
            col(LedgerLeaf.position),
            col(LedgerHold.review_on),
            col(LedgerHold.revealed_by_entry_id),
        )
        .join(LedgerLeaf, col(LedgerLeaf.entry_id) == col(LedgerRecord.entry_id), isouter=True)
        .join(LedgerHold, col(LedgerHold.entry_id) == col(LedgerRecord.entry_id), isouter=True)
    )


def _found(unit: Unit, whose: sa.ColumnElement[bool], chosen: Filter | None) -> Found:
    chosen = chosen or Filter()
    limit = min(chosen.limit, MOST_AT_ONCE)
    at = col(LedgerRecord.at)
    query = _rows().where(whose, *_conditions(chosen))
    newest_first = query.order_by(at.desc(), col(LedgerLeaf.position).desc().nulls_first()).limit(limit + 1)
    rows = unit.session.execute(newest_first).all()
    shown = rows[:limit]
    entries = [_logged(row) for row in shown if not _is_held(row)]
    held = [HeldEntry(_number(row), row.review_on) for row in shown if _is_held(row)]
    return Found(entries, held, len(rows) > limit)


def _conditions(chosen: Filter) -> list[sa.ColumnElement[bool]]:
    at = col(LedgerRecord.at)
    conditions: list[sa.ColumnElement[bool]] = []
    kinds = [kind.value for kind in chosen.kinds]
    if kinds:
        conditions.append(col(LedgerRecord.kind).in_(kinds))
    if chosen.since:
        conditions.append(at >= chosen.since)
    if chosen.until:
        conditions.append(at < chosen.until)
    if chosen.before:
        conditions.append(at < chosen.before)
    if chosen.holding:
        conditions.append(col(LedgerRecord.record).contains(f'"{chosen.holding}"', autoescape=True))
    if chosen.controller_agency_id:
        conditions.append(col(LedgerRecord.controller_agency_id) == chosen.controller_agency_id)
    return conditions


def _is_held(row: Any) -> bool:
    return row.review_on is not None and row.revealed_by_entry_id is None


def _number(row: Any) -> int | None:
    return None if row.position is None else row.position + 1


def _logged(row: Any) -> LoggedEntry:
    record: LedgerRecord = row.LedgerRecord
    fields = parse_object(record.record)
    return LoggedEntry(
        entry_id=record.entry_id,
        epoch=row.epoch,
        number=_number(row),
        kind=EntryKind(record.kind),
        at=record.at,
        partnership_id=record.partnership_id,
        controller_agency_id=record.controller_agency_id,
        actor_post_id=record.actor_post_id,
        actor_agency_id=record.actor_agency_id,
        case_id=record.case_id,
        request_id=record.request_id,
        subject_ids=tuple(fields["subjects"]),
        refs=fields["refs"],
        codes=fields["codes"],
        has_words=record.words is not None,
    )
