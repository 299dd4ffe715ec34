"""Recording: an entry is written in the transaction of the act it records, or neither happens (promise 1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from gateway_verify.opening import SALT_SIZE, commitment, public_leaf
from sqlmodel import SQLModel

from gateway.errors import Erased, GatewayError, NotConfirmed
from gateway.ledger import sequencer
from gateway.ledger.entries import Entry, Written, write
from gateway.ledger.grow import Leaf
from gateway.ledger.journal import open_journal
from gateway.observe import ENTRIES
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

SALT = "ledger_record|salt|{}"
WORDS = "ledger_record|words|{}"

_RECORD = SQLModel.metadata.tables["ledger_record"]
_INSERT_RECORD = _RECORD.insert()
_INSERT_SUBJECTS = SQLModel.metadata.tables["ledger_subject"].insert()
_COLUMNS = tuple(_RECORD.c.keys())
# Record, links and outbox in one round trip: on PostgreSQL each one costs as much as all the rest of an entry.
_INSERT_AT_ONCE = f"""
    WITH record AS (
      INSERT INTO ledger_record ({", ".join(_COLUMNS)}) VALUES ({", ".join(f"%({name})s" for name in _COLUMNS)})
    ), waiting AS (
      INSERT INTO ledger_pending (entry_id, leaf) VALUES (%(entry_id)s, %(leaf)s)
    )
    INSERT INTO ledger_subject (subject_id, entry_id, partnership_id)
    SELECT subject_id, %(entry_id)s, %(partnership_id)s FROM unnest(%(subjects)s::text[]) AS subject_id
"""  # noqa: S608 - made of the table's own column names


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
    row = {
        "entry_id": entry_id,
        "partnership_id": entry.partnership_id,
        "kind": entry.kind.value,
        "at": unit.now,
        "controller_agency_id": entry.controller_agency_id,
        "actor_post_id": entry.actor_post_id,
        "actor_agency_id": entry.actor_agency_id,
        "case_id": entry.case_id,
        "request_id": entry.request_id,
        "record": written.record,
        "salt": _sealed_salt(unit, entry, entry_id, salt),
        "words": words,
        "words_scope": scope,
        "words_owner_id": owner,
    }
    subjects = sorted(set(entry.subject_ids))
    connection = unit.session.connection()
    if unit.dialect == "postgresql":
        connection.exec_driver_sql(_INSERT_AT_ONCE, {**row, "subjects": subjects, "leaf": leaf.leaf})
        return
    connection.execute(_INSERT_RECORD, row)
    if subjects:
        links = [
            {"entry_id": entry_id, "subject_id": one, "partnership_id": entry.partnership_id}
            for one in subjects
        ]
        connection.execute(_INSERT_SUBJECTS, links)


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
