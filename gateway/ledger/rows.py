"""The rows behind entries, and whether each entry's rows still say what was recorded."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from gateway_verify.errors import Unverified
from gateway_verify.opening import commitment, parse_object, public_leaf, words_digest
from gateway_verify.tiles import WIDTH
from sqlmodel import Session, SQLModel, col

from gateway.errors import Conflict, Erased, GatewayError
from gateway.ledger.append import SALT, WORDS
from gateway.ledger.entries import EntryKind, rfc3339
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope, VaultKey

_LEAF, _RECORD, _SUBJECT, _TILE, _CHECKPOINT, _ERASURE = (
    SQLModel.metadata.tables[f"ledger_{name}"]
    for name in ("leaf", "record", "subject", "tile", "checkpoint", "erasure")
)
_SCOPES = frozenset(Scope)
_AT_ONCE = 500


@dataclass(frozen=True)
class Rows:
    """Everything stored about some entries; their tile and checkpoints when they are neighbours."""

    leaves: Sequence[Any]
    subjects: dict[str, tuple[str, ...]]
    erasures: dict[str, Any]
    tile: Any
    checkpoints: Sequence[Any]

    @classmethod
    def read(cls, unit: Unit, epoch: int, start: int, end: int) -> Rows:
        """Read all that belongs to the entries from place `start` to `end` - 1, which share a tile."""
        session = unit.session
        tile = session.execute(
            sa.select(_TILE.c.hashes, _TILE.c.over).where(
                _TILE.c.epoch == epoch, _TILE.c.level == 0, _TILE.c.place == start // WIDTH
            )
        ).one_or_none()
        checkpoints = session.execute(
            sa.select(_CHECKPOINT.c.size, _CHECKPOINT.c.note, _CHECKPOINT.c.at)
            .where(_CHECKPOINT.c.epoch == epoch, _CHECKPOINT.c.size > start, _CHECKPOINT.c.size <= end)
            .order_by(_CHECKPOINT.c.size)
        ).all()
        here = sa.and_(_LEAF.c.epoch == epoch, _LEAF.c.position >= start, _LEAF.c.position < end)
        return cls(*_entries(session, here), tile, checkpoints)

    @classmethod
    def about(cls, unit: Unit, subject_ids: Collection[str]) -> Rows:
        """Read all that belongs to the placed entries that are filed under any of these persons."""
        hers = sa.select(_SUBJECT.c.entry_id).where(_SUBJECT.c.subject_id.in_(subject_ids))
        return cls(*_entries(unit.session, _LEAF.c.entry_id.in_(hers)), None, ())

    @classmethod
    def named(cls, unit: Unit, entry_ids: Collection[str]) -> Iterator[Rows]:
        """Read all that belongs to these entries, as many of them as are placed, a few at a time."""
        left = sorted(entry_ids)
        for start in range(0, len(left), _AT_ONCE):
            here = _LEAF.c.entry_id.in_(left[start : start + _AT_ONCE])
            yield cls(*_entries(unit.session, here), None, ())

    @property
    def entry_ids(self) -> frozenset[str]:
        """Which entries these are."""
        return frozenset(leaf.entry_id for leaf in self.leaves)

    def about_whom(self) -> dict[str, tuple[str, ...]]:
        """Give the persons under whom each of these entries is filed."""
        return {entry_id: tuple(one.split()[0] for one in links) for entry_id, links in self.subjects.items()}

    def problems(self, unit: Unit, leaf: Any) -> Iterator[str]:
        """Give what is wrong with one of these entries, in words that follow its number."""
        if leaf.record is None:
            problem = self._erasure_problem(unit, leaf.entry_id)
            return iter((problem,) if problem else ())
        return entry_problems(unit, leaf, self.subjects.get(leaf.entry_id, ()))

    def prepare_keys(self, unit: Unit) -> None:
        """Fetch the keys under which these entries lie in one statement.

        What is wrong with a key is said of each entry under it.
        """
        with suppress(GatewayError):
            unit.vault.prepare(unit.session, self._key_owners())

    def keys(self, unit: Unit) -> list[tuple[str, str, bytes | None]]:
        """Give the wrapped keys under which these entries lie: what rests on one is checked again when it changes."""
        owners = sa.tuple_(col(VaultKey.scope), col(VaultKey.owner_id)).in_(self._key_owners())
        chosen = sa.select(col(VaultKey.scope), col(VaultKey.owner_id), col(VaultKey.wrapped)).where(owners)
        return sorted((row.scope, row.owner_id, row.wrapped) for row in unit.session.execute(chosen))

    def _key_owners(self) -> list[tuple[Scope, str]]:
        words = {
            (Scope(row.words_scope), row.words_owner_id)
            for row in self.leaves
            if row.words_owner_id is not None and row.words_scope in _SCOPES
        }
        salts = {(Scope.SALT, row.partnership_id) for row in self.leaves if row.salt is not None}
        return [*words, *salts]

    def digest(self, *around: object) -> bytes:
        """Give a digest of every byte read here and of what is `around`: the tree to the left, the keys."""
        content = (
            around,
            [tuple(row) for row in self.leaves],
            self.subjects,
            {name: tuple(row) for name, row in self.erasures.items()},
            tuple(self.tile) if self.tile else None,
            [tuple(row) for row in self.checkpoints],
        )
        return hashlib.sha256(pickle.dumps(content, protocol=5)).digest()

    def _erasure_problem(self, unit: Unit, entry_id: str) -> str | None:
        """Give what is wrong with an entry whose record is gone, or None when a recorded decision erased it."""
        erasure = self.erasures.get(entry_id)
        if erasure is None:
            return "was deleted: its record is gone and no recorded decision erased it"
        reason = unit.session.execute(
            sa.select(_RECORD.c.record).where(_RECORD.c.entry_id == erasure.by_entry_id)
        ).scalar()
        if reason is None:
            return "is marked as erased by an entry that is not there"
        fields = parse_object(reason)
        if fields["kind"] != EntryKind.ENTRY_ERASED or entry_id not in fields["codes"].get("entries", ()):
            return "is marked as erased by an entry that says something else"
        return None


def _entries(
    session: Session, here: sa.ColumnElement[bool]
) -> tuple[Sequence[Any], dict[str, tuple[str, ...]], dict[str, Any]]:
    leaves = session.execute(
        sa.select(_LEAF.c.epoch, _LEAF.c.position, _LEAF.c.leaf, _LEAF.c.entry_id, *_record_columns())
        .select_from(_LEAF.outerjoin(_RECORD, _RECORD.c.entry_id == _LEAF.c.entry_id))
        .where(here)
        .order_by(_LEAF.c.epoch, _LEAF.c.position)
    ).all()
    links = session.execute(
        sa.select(_SUBJECT.c.entry_id, _SUBJECT.c.subject_id, _SUBJECT.c.partnership_id)
        .select_from(_SUBJECT.join(_LEAF, _LEAF.c.entry_id == _SUBJECT.c.entry_id))
        .where(here)
        .order_by(_SUBJECT.c.entry_id, _SUBJECT.c.subject_id)
    ).all()
    erasures = session.execute(
        sa.select(_ERASURE)
        .select_from(_ERASURE.join(_LEAF, _LEAF.c.entry_id == _ERASURE.c.entry_id))
        .where(here)
    ).all()
    subjects = {
        entry_id: tuple(f"{link.subject_id} {link.partnership_id}" for link in group)
        for entry_id, group in groupby(links, key=lambda link: link.entry_id)
    }
    return leaves, subjects, {row.entry_id: row for row in erasures}


def _record_columns() -> Iterator[sa.ColumnElement[Any]]:
    return (column for column in _RECORD.c if column.name != "entry_id")


def entry_problems(unit: Unit, row: Any, subjects: Sequence[str]) -> Iterator[str]:
    """Give what is wrong with one entry: commitment, columns, links to persons, words."""
    try:
        fields = parse_object(row.record)
    except Unverified:
        yield "was changed: its record can't be read"
        return
    try:
        if _leaf_again(unit, row) != row.leaf:
            yield "was changed after it was recorded"
            return
    except Erased:
        yield "can no longer be tied to the log: its salt was destroyed without a recorded decision"
        return
    except (Conflict, ValueError):
        yield "was changed: its salt is not the one that was kept"
        return
    stored = {
        "id": row.entry_id,
        "at": rfc3339(row.at),
        "kind": row.kind,
        "partnership": row.partnership_id,
        "controller": row.controller_agency_id,
        "actor_post": row.actor_post_id,
        "actor_agency": row.actor_agency_id,
        "case": row.case_id,
        "request": row.request_id,
    }
    if any(fields.get(name) != value for name, value in stored.items()):
        yield "is filed under something other than what was recorded"
    if tuple(f"{subject} {row.partnership_id}" for subject in fields["subjects"]) != tuple(subjects):
        yield "is filed under other persons than those recorded"
    yield from _words_problems(unit, row, fields)


def _leaf_again(unit: Unit, row: Any) -> bytes:
    record = row.record.encode()
    if row.salt is None:
        return public_leaf(record)
    where = SALT.format(row.entry_id)
    salt = unit.vault.open_bytes(unit.session, Scope.SALT, row.partnership_id, row.salt, where=where)
    return commitment(salt, record)


def _words_problems(unit: Unit, row: Any, fields: dict[str, Any]) -> Iterator[str]:
    if row.words is None:
        if fields["words"] is not None:
            yield "has lost the words that were recorded with it"
        return
    if not _words_lie_where_they_may(row, fields):
        yield "has words that are kept under someone else's key"
        return
    scope, where = Scope(row.words_scope), WORDS.format(row.entry_id)
    try:
        document = unit.vault.open_bytes(unit.session, scope, row.words_owner_id, row.words, where=where)
    except Erased:
        if not unit.vault.is_destroyed(unit.session, scope, row.words_owner_id):
            yield "has words whose key is missing"
        elif not _is_erasure(unit, scope, row.words_owner_id):
            yield "has words whose key was destroyed, and no recorded decision erased whose it was"
        return  # else the words are gone by right, and the record stays
    except GatewayError:
        yield "has words that are not those recorded with it"
        return
    if words_digest(document) != fields["words"]:
        yield "has words that are not those recorded with it"


def _is_erasure(unit: Unit, scope: Scope, owner_id: str) -> bool:
    """Tell whether the log says that this person or case was erased."""
    if scope is Scope.SUBJECT:
        said = sa.select(_RECORD.c.entry_id).join(_SUBJECT, _SUBJECT.c.entry_id == _RECORD.c.entry_id)
        said = said.where(_SUBJECT.c.subject_id == owner_id, _RECORD.c.kind == EntryKind.SUBJECT_ERASED)
        return unit.session.execute(said.limit(1)).first() is not None
    of_case = sa.select(_RECORD.c.record).where(
        _RECORD.c.case_id == owner_id, _RECORD.c.kind == EntryKind.CASE_CLOSED
    )
    steps = [parse_object(record)["codes"].get("step") for record in unit.session.execute(of_case).scalars()]
    return scope is Scope.CASE and "erased" in steps


def _words_lie_where_they_may(row: Any, fields: dict[str, Any]) -> bool:
    allowed = {
        (Scope.PARTNERSHIP.value, fields["partnership"]),
        (Scope.CASE.value, fields["case"]),
        *((Scope.SUBJECT.value, subject) for subject in fields["subjects"]),
    }
    return (row.words_scope, row.words_owner_id) in allowed
