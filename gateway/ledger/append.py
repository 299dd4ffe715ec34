"""Recording: an entry is written in the transaction of the act it records, or neither happens (promise 1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from json import JSONEncoder
from typing import Any

from cryptography.exceptions import InvalidTag
from gateway_verify.opening import SALT_SIZE, commitment, public_leaf

from gateway.errors import Erased, GatewayError, NotConfirmed
from gateway.ledger import sequencer
from gateway.ledger.entries import Entry, Written, write
from gateway.ledger.grow import Leaf, stored_time
from gateway.ledger.journal import open_journal
from gateway.observe import ENTRIES
from gateway.store.engine import Statement
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

SALT = "ledger_record|salt|{}"
WORDS = "ledger_record|words|{}"

_COLUMNS = (
    "entry_id, partnership_id, kind, at, controller_agency_id, actor_post_id, actor_agency_id, case_id, request_id, "
    "record, salt, words, words_scope, words_owner_id"
)
_INSERT_RECORD = f"INSERT INTO ledger_record ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"  # noqa: S608
_INSERT_SUBJECT = "INSERT INTO ledger_subject (subject_id, entry_id, partnership_id) VALUES (?, ?, ?)"
_APPEND = "SELECT ledger_append(?)"
_NAMES = (*_COLUMNS.split(", "), "subjects", "leaf")
_UNSENT = "ledger_unsent"
_json = JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=lambda data: f"\\x{data.hex()}").encode


@dataclass(frozen=True)
class _Draft:
    """An entry as it will be stored, before anything of it is sealed."""

    entry: Entry
    entry_id: str
    written: Written
    salt: bytes | None
    leaf: bytes

    def owners(self) -> Sequence[tuple[Scope, str]]:
        """Give under whose keys it will be sealed, if they were not destroyed."""
        if self.salt is None:
            return ()
        salted = (Scope.SALT, self.entry.partnership_id)
        return (salted, _owners(self.entry)[0]) if self.written.words else (salted,)


def record(unit: Unit, entry: Entry) -> str:
    """Record one act in the unit's transaction; gives the entry's id.

    On SQLite its leaf, the tree's new right edge and one signed checkpoint are written in the same
    transaction, just before it commits. On PostgreSQL its leaf waits in the outbox and `Store.writing` ends
    once it is under a checkpoint. Raises NotConfirmed when the entry can't be written: then nothing of the
    transaction commits.
    """
    try:
        return _record(unit, entry)
    except BaseException:
        # Whoever swallows this error must not commit the act without its entry.
        unit.before_commit(_refuse, "ledger refused")
        raise


def _refuse(_unit: Unit) -> None:
    raise NotConfirmed("The ledger entry could not be kept, so nothing was done.")


def _record(unit: Unit, entry: Entry) -> str:
    journal = open_journal(unit)
    entry_id = new_id()
    written = write(entry, entry_id, unit.now)
    salt = None if entry.public else secrets.token_bytes(SALT_SIZE)
    data = written.record.encode()
    leaf = public_leaf(data) if salt is None else commitment(salt, data)
    unsent: list[_Draft] = unit.session.info.setdefault(_UNSENT, [])
    unsent.append(_Draft(entry, entry_id, written, salt, leaf))
    if len(unsent) == 1:
        unit.hold_back(_statements)
    sequencer.enqueue(unit, journal, Leaf(entry_id, leaf))
    unit.after_commit(lambda _: ENTRIES.labels(entry.kind.value).inc())
    return entry_id


def _statements(unit: Unit) -> list[Statement]:
    """Give the statements that store the unit's entries since the last ones, sealed."""
    drafts: list[_Draft] = unit.session.info.pop(_UNSENT)
    try:
        unit.vault.prepare(unit.session, [owner for draft in drafts for owner in draft.owners()])
        rows = [(*_row(unit, draft), sorted(set(draft.entry.subject_ids)), draft.leaf) for draft in drafts]
    except (GatewayError, InvalidTag) as error:
        raise NotConfirmed("The ledger entry could not be kept, so nothing was done.") from error
    if unit.dialect == "postgresql":
        return [(_APPEND, (_json([dict(zip(_NAMES, row, strict=True)) for row in rows]),))]
    records = [(_INSERT_RECORD, row[:-2]) for row in rows]
    links = [(_INSERT_SUBJECT, (one, row[0], row[1])) for row in rows for one in row[-2]]
    return [*records, *links]


def _row(unit: Unit, draft: _Draft) -> tuple[Any, ...]:
    entry, entry_id = draft.entry, draft.entry_id
    scope, owner, words = _sealed_words(unit, entry, entry_id, draft.written.words)
    return (
        entry_id,
        entry.partnership_id,
        entry.kind.value,
        stored_time(unit.now, unit.dialect),
        entry.controller_agency_id,
        entry.actor_post_id,
        entry.actor_agency_id,
        entry.case_id,
        entry.request_id,
        draft.written.record,
        _sealed_salt(unit, entry, entry_id, draft.salt),
        words,
        scope,
        owner,
    )


def _sealed_salt(unit: Unit, entry: Entry, entry_id: str, salt: bytes | None) -> bytes | None:
    if salt is None:
        return None
    return unit.vault.seal(unit.session, Scope.SALT, entry.partnership_id, salt, where=SALT.format(entry_id))


def _sealed_words(
    unit: Unit, entry: Entry, entry_id: str, words: str | None
) -> tuple[str | None, str | None, bytes | None]:
    """Give the reasons document under the one person's key, else the case's, else the partnership's.

    An act about someone just erased (such as the erasure itself) keeps its words under the next of these.
    """
    if words is None:
        return None, None, None
    for scope, owner in _owners(entry):
        with suppress(Erased):
            sealed = unit.vault.seal(unit.session, scope, owner, words, where=WORDS.format(entry_id))
            return scope.value, owner, sealed
    raise NotConfirmed("The keys of this partnership were destroyed.")


def _owners(entry: Entry) -> Sequence[tuple[Scope, str]]:
    owners: list[tuple[Scope, str]] = []
    if len(set(entry.subject_ids)) == 1:
        owners.append((Scope.SUBJECT, entry.subject_ids[0]))
    if entry.case_id:
        owners.append((Scope.CASE, entry.case_id))
    return [*owners, (Scope.PARTNERSHIP, entry.partnership_id)]
