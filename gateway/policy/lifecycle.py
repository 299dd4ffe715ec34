"""Which policy decides: read and verified in each decision's own transaction, so no worker decides on an old one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Text, bindparam, cast, func
from sqlmodel import col, select

from gateway.clock import LONDON
from gateway.errors import Conflict
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.policy import signing, succession
from gateway.policy.models import Kind, PolicyActivation, PolicyVersion
from gateway.policy.packs import Policy, parse_pack, policy_of
from gateway.policy.signing import Statement
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import policies_dir

CORE = "core"
CORE_FILE = "core.toml"
# Both are read in every decision's transaction, so the statements are built once.
_OWN = PolicyActivation.partnership_id == bindparam("partnership")
_BEGUN = select(func.max(PolicyActivation.sequence)).where(
    _OWN, PolicyActivation.activates_at <= bindparam("now")
)
# The latest activation whose time has come, the one that it followed, and whatever is still to follow.
_FROM_THE_ONE_BEFORE = select(PolicyActivation).where(
    _OWN, PolicyActivation.sequence >= _BEGUN.scalar_subquery() - 1
)
# As text: the files needn't be read out of it where the same text was compiled before.
_TEXTS = select(cast(PolicyVersion.files, Text), cast(PolicyVersion.enabled, Text)).where(
    PolicyVersion.partnership_id == bindparam("partnership"), PolicyVersion.version == bindparam("version")
)


def active(unit: Unit, partnership_id: str) -> Policy | None:
    """The policy that decides now, or None when none is signed, in its place and as written: then deny.

    Reads and verifies the activation in the caller's transaction; only the compiled form is kept between decisions, by
    its text. A bad activation is never skipped for the one before it, nor is one that was taken away or put off.
    """
    now = {"partnership": partnership_id, "now": unit.now}
    rows = {row.sequence: row for row in unit.session.exec(_FROM_THE_ONE_BEFORE, params=now)}
    begun = [sequence for sequence, row in rows.items() if row.activates_at <= unit.now]
    if not begun or not _unbroken(unit, partnership_id, rows, max(begun)):
        return None
    return stored(unit, partnership_id, rows[max(begun)].version)


def _unbroken(unit: Unit, partnership_id: str, rows: Mapping[int, PolicyActivation], current: int) -> bool:
    """Whether it, and whatever is still to follow, stands in order up to the last activation of the ledger."""
    standing = [sequence for sequence in sorted(rows) if sequence >= current]
    if standing != list(range(current, succession.last_recorded(unit, partnership_id) + 1)):
        return False
    return all(_follows(unit, rows[sequence], rows.get(sequence - 1)) for sequence in standing)


def stored(unit: Unit, partnership_id: str, version: str) -> Policy | None:
    """A version as it is kept, or None when it isn't kept or its text isn't what its hash says."""
    wanted = {"partnership": partnership_id, "version": version}
    row = unit.session.exec(_TEXTS, params=wanted).one_or_none()
    if row is None:
        return None
    try:
        policy = _compiled_text(*row)
    except ValueError:  # a PolicyError, or no JSON at all
        return None
    return policy if policy.version == version else None


def kept_version(unit: Unit, partnership_id: str, version: str) -> PolicyVersion | None:
    """The row of a version."""
    rows = select(PolicyVersion).where(
        PolicyVersion.partnership_id == partnership_id, PolicyVersion.version == version
    )
    return unit.session.exec(rows).one_or_none()


def in_order(unit: Unit, row: PolicyActivation) -> bool:
    """Whether an activation follows the one before it and carries the signatures that its kind needs."""
    return _follows(unit, row, _at(unit, row.partnership_id, row.sequence - 1))


def _follows(unit: Unit, row: PolicyActivation, before: PolicyActivation | None) -> bool:
    if row.sequence < 1 or (before is None) != (row.sequence == 1):
        return False
    if (before.version if before else None) != row.previous or (row.kind == Kind.FOUNDING) != (
        before is None
    ):
        return False
    return signing.holds(unit, statement_of(row), row.signatures)


def statement_of(row: PolicyActivation) -> Statement:
    """What the signatures of an activation are over."""
    return Statement(row.partnership_id, row.version, row.sequence, row.previous, row.activates_at, row.kind)


def activation(unit: Unit, partnership_id: str) -> PolicyActivation | None:
    """The latest activation whose time has come."""
    rows = (
        select(PolicyActivation)
        .where(PolicyActivation.partnership_id == partnership_id, PolicyActivation.activates_at <= unit.now)
        .order_by(col(PolicyActivation.sequence).desc())
        .limit(1)
    )
    return unit.session.exec(rows).first()


def activations(unit: Unit, partnership_id: str) -> list[PolicyActivation]:
    """Every activation, the newest first, those to come among them."""
    rows = select(PolicyActivation).where(PolicyActivation.partnership_id == partnership_id)
    return list(unit.session.exec(rows.order_by(col(PolicyActivation.sequence).desc())))


def newest(unit: Unit, partnership_id: str) -> PolicyActivation | None:
    """The activation with the highest sequence, whether or not its time has come: what the next one replaces."""
    found = activations(unit, partnership_id)
    return found[0] if found else None


def next_statement(
    unit: Unit, partnership_id: str, version: str, activates_at: datetime, kind: Kind
) -> Statement:
    """What is to be signed for a version to come next."""
    before = newest(unit, partnership_id)
    sequence = before.sequence + 1 if before else 1
    return Statement(
        partnership_id, version, sequence, before.version if before else None, activates_at, kind
    )


def activate(
    unit: Unit,
    statement: Statement,
    signatures: Sequence[Mapping[str, str]],
    *,
    agency_id: str,
    reason: str,
    draft_id: str | None = None,
    review_by: datetime | None = None,
) -> PolicyActivation:
    """Put a kept, signed version next in the sequence, and write the public entry.

    Raises:
        Conflict: it isn't kept as its hash says, isn't next any more, or isn't signed as its kind needs.
    """
    row = PolicyActivation(
        partnership_id=statement.partnership_id,
        sequence=statement.sequence,
        version=statement.version,
        previous=statement.previous,
        activates_at=statement.activates_at,
        kind=statement.kind,
        reason=reason,
        draft_id=draft_id,
        signatures=[dict(one) for one in signatures],
        review_by=review_by,
    )
    expected = next_statement(
        unit, statement.partnership_id, statement.version, statement.activates_at, Kind(statement.kind)
    )
    if (
        expected != statement
        or stored(unit, row.partnership_id, row.version) is None
        or not in_order(unit, row)
    ):
        raise Conflict(
            "This version isn't what was signed, or another came into force meanwhile.",
            next_step="Draft the change again on the policy that is in force now.",
        )
    unit.session.add(row)
    unit.session.flush()
    append.record(unit, _entry(row, agency_id))
    return row


def activate_shipped(
    unit: Unit, partnership_id: str, agency_id: str, enabled: tuple[str, ...], *, folder: Path | None = None
) -> Policy:
    """Activate the shipped core and packs for a new partnership, signed by the installation's key; gives the policy.

    Raises:
        PolicyError: the shipped files don't load.
        Conflict: a policy was active before; from then on only officers change it.
    """
    files = shipped_files(folder)
    policy = keep(unit, partnership_id, files, enabled)
    statement = next_statement(unit, partnership_id, policy.version, unit.now, Kind.FOUNDING)
    signature = signing.sign(unit, statement, signing.INSTALLATION, None, agency_id)
    activate(unit, statement, [signature], agency_id=agency_id, reason="shipped")
    return policy


def keep(unit: Unit, partnership_id: str, files: Mapping[str, str], enabled: Sequence[str]) -> Policy:
    """Keep the text of a version, once; gives the policy. Raises PolicyError when it doesn't load."""
    policy = compiled(files, enabled)
    if kept_version(unit, partnership_id, policy.version) is None:
        row = PolicyVersion(
            partnership_id=partnership_id,
            version=policy.version,
            files=dict(files),
            enabled=sorted(enabled),
        )
        unit.session.add(row)
        unit.session.flush()
    return policy


def start_of_day(day: date) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time.min, tzinfo=LONDON).astimezone(UTC)


def shipped_files(folder: Path | None = None) -> dict[str, str]:
    """The text of the shipped core and packs by file name."""
    root = folder or policies_dir()
    files = [root / CORE_FILE, *sorted((root / "packs").glob("*.toml"))]
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def compiled(files: Mapping[str, str], enabled: Sequence[str]) -> Policy:
    """The policy of these files with those packs on; kept by its text. Raises PolicyError when they don't load."""
    return _compiled(tuple(sorted(files.items())), tuple(sorted(enabled)))


def _at(unit: Unit, partnership_id: str, sequence: int) -> PolicyActivation | None:
    rows = select(PolicyActivation).where(
        PolicyActivation.partnership_id == partnership_id, PolicyActivation.sequence == sequence
    )
    return unit.session.exec(rows).first()


def _entry(row: PolicyActivation, agency_id: str) -> Entry:
    kind = EntryKind.POLICY_ROLLED_BACK if row.kind == Kind.ROLLBACK else EntryKind.POLICY_ACTIVATED
    codes: dict[str, str | int | bool | tuple[str, ...]] = {
        "version": row.version,
        "sequence": row.sequence,
        "previous": row.previous or "",
        "activates_at": row.activates_at.isoformat(),
        "kind": row.kind,
        "keys": tuple(one["kid"] for one in row.signatures),
    }
    return Entry(
        kind=kind,
        partnership_id=row.partnership_id,
        controller_agency_id=agency_id,
        actor_post_id=None,
        actor_agency_id=None,
        codes=codes,
        public=True,
    )


@lru_cache(maxsize=16)
def _compiled_text(files: str, enabled: str) -> Policy:
    return compiled(json.loads(files), json.loads(enabled))


@lru_cache(maxsize=16)
def _compiled(files: tuple[tuple[str, str], ...], enabled: tuple[str, ...]) -> Policy:
    texts: Mapping[str, str] = dict(files)
    ordered = sorted(texts, key=lambda name: (name != CORE_FILE, name))
    return policy_of([parse_pack(texts[name], name) for name in ordered]).enabled(enabled)
