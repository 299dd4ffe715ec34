"""Recording: an entry is written in the transaction of the act it records, or neither happens (promise 1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from gateway_verify.opening import SALT_SIZE, commitment, public_leaf

from gateway.errors import Erased, GatewayError, NotConfirmed
from gateway.ledger import sequencer
from gateway.ledger.entries import Entry, Written, write
from gateway.ledger.grow import Leaf, stored_time
from gateway.ledger.journal import open_journal
from gateway.observe import ENTRIES
from gateway.store.engine import array, straight
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

SALT = "ledger_record|salt|{}"
WORDS = "ledger_record|words|{}"

_COLUMNS = (
    "entry_id, partnership_id, kind, at, controller_agency_id, actor_post_id, actor_agency_id, case_id, request_id, "
    "record, salt, words, words_scope, words_owner_id"
)
_INSERT_RECORD = f"INSERT INTO ledger_record ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_INSERT_SUBJECT = "INSERT INTO ledger_subject (subject_id, entry_id, partnership_id) VALUES (?, ?, ?)"
_APPEND = "SELECT ledger_append(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


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
    try:
        _insert(unit, entry, written, salt, Leaf(entry_id, leaf))
    except (GatewayError, InvalidTag) as error:
        raise NotConfirmed("The ledger entry could not be kept, so nothing was done.") from error
    sequencer.enqueue(unit, journal, Leaf(entry_id, leaf))
    unit.after_commit(lambda _: ENTRIES.labels(entry.kind.value).inc())
    return entry_id


def _insert(unit: Unit, entry: Entry, written: Written, salt: bytes | None, leaf: Leaf) -> None:
    entry_id = leaf.entry_id
    if salt is not None:
        for_words = _owners(entry)[:1] if written.words else ()
        unit.vault.fetch(unit.session, [*for_words, (Scope.SALT, entry.partnership_id)])
    scope, owner, words = _sealed_words(unit, entry, entry_id, written.words)
    row = (
        entry_id,
        entry.partnership_id,
        entry.kind.value,
        stored_time(unit.now, unit.dialect),
        entry.controller_agency_id,
        entry.actor_post_id,
        entry.actor_agency_id,
        entry.case_id,
        entry.request_id,
        written.record,
        _sealed_salt(unit, entry, entry_id, salt),
        words,
        scope,
        owner,
    )
    subjects = sorted(set(entry.subject_ids))
    if unit.dialect == "postgresql":
        unit.write_late(_APPEND, (*row, leaf.leaf, array(subjects)))
        return
    connection = unit.session.connection()
    straight(connection, _INSERT_RECORD, row)
    for subject_id in subjects:
        straight(connection, _INSERT_SUBJECT, (subject_id, entry_id, entry.partnership_id))


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
