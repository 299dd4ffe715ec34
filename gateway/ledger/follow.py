"""A copy off this host that is never older than its last run: what a restored backup no longer knows, it does.

It holds the log as anyone may see it, and the records: codes and references, no words and no salts. After a restore it
tells what was withdrawn, walled off, erased or revoked in the lost time, so that officers do it again first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from gateway_verify.errors import Unverified
from gateway_verify.opening import parse_object
from sqlmodel import SQLModel

from gateway.errors import Invalid
from gateway.ledger.entries import EntryKind
from gateway.ledger.export import export
from gateway.store.unit_of_work import Unit

_LEAF, _RECORD, _ERASURE = (
    SQLModel.metadata.tables[f"ledger_{name}"] for name in ("leaf", "record", "erasure")
)
_OWNER_ONLY = 0o600
_LINE = {"epoch", "position", "id", "record"}
# What protects someone comes first when it has to be done again.
URGENT = frozenset(
    {
        EntryKind.CONSENT_WITHDRAWN,
        EntryKind.CONSENT_ANSWERED,
        EntryKind.VIEWS_RECORDED,
        EntryKind.CONTACT_WITHDRAWN,
        EntryKind.CONCERN_RAISED,
        EntryKind.WALL_RAISED,
        EntryKind.ENTRY_HELD,
        EntryKind.SUBJECT_ERASED,
        EntryKind.ENTRY_ERASED,
        EntryKind.MANDATE_ENDED,
        EntryKind.KEY_REVOKED,
        EntryKind.POST_ENDED,
        EntryKind.RECALL_SENT,
        EntryKind.PARCEL_FROZEN,
        EntryKind.PARCEL_DESTROYED,
        EntryKind.CASE_CLOSED,
    }
)


def follow(unit: Unit, folder: Path) -> int:
    """Bring the copy in `folder` up to date; give how many records it holds. Run it every minute, onto another host.

    Records that were erased since the last run leave the copy. Raises NotFound for an empty log.
    """
    export(unit, folder / "log", newest=True)
    path = folder / "records.jsonl"
    kept = _read(path)
    erased = set(unit.session.execute(sa.select(_ERASURE.c.entry_id)).scalars())
    known = {record["id"] for record in kept}
    newer = sa.select(_RECORD.c.record).select_from(
        _LEAF.join(_RECORD, _RECORD.c.entry_id == _LEAF.c.entry_id)
    )
    after = (kept[-1]["epoch"], kept[-1]["position"]) if kept else (0, -1)
    rows = unit.session.execute(
        newer.add_columns(_LEAF.c.epoch, _LEAF.c.position)
        .where(sa.tuple_(_LEAF.c.epoch, _LEAF.c.position) > sa.tuple_(*map(sa.literal, after)))
        .order_by(_LEAF.c.epoch, _LEAF.c.position)
    )
    fresh = [
        {"epoch": row.epoch, "position": row.position, "id": fields["id"], "record": row.record}
        for row in rows
        if (fields := parse_object(row.record))["id"] not in known
    ]
    lines = [line for line in (*kept, *fresh) if line["id"] not in erased]
    _write(path, lines)
    return len(lines)


def missed(unit: Unit, folder: Path) -> Sequence[dict[str, Any]]:
    """Give the records that the copy holds and this database does not, those that protect someone first.

    Raises Invalid when the folder holds no copy.
    """
    copied = _read(folder / "records.jsonl")
    if not copied:
        raise Invalid("There is no copy of the ledger in that folder.")
    here = set(unit.session.execute(sa.select(_LEAF.c.entry_id)).scalars())
    lost = [parse_object(line["record"]) for line in copied if line["id"] not in here]
    return sorted(lost, key=lambda fields: (fields["kind"] not in URGENT, fields["at"]))


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        found = [parse_object(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if not all(line.keys() == _LINE for line in found):
            raise Unverified("it holds something else than records")
        return found
    except (OSError, UnicodeDecodeError, Unverified) as error:
        raise Invalid(
            f"The copy {path} can't be read.", next_step="Move it away; a new one will be made."
        ) from error


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
