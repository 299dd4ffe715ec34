"""Which policy decides: read in each decision's own transaction, so that no worker decides on an old one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from sqlmodel import col, select

from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.policy.models import PolicyActivation, PolicyVersion
from gateway.policy.packs import Policy, parse_pack, policy_of
from gateway.policy.rules import PolicyError
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import policies_dir


def active(unit: Unit, partnership_id: str) -> Policy | None:
    """The policy that decides now, or None when there is none or its text isn't what its version says: then deny.

    Reads the activation in the caller's transaction; only the compiled form is kept between decisions, by its hash.
    """
    current = activation(unit, partnership_id)
    if current is None:
        return None
    rows = select(PolicyVersion).where(
        PolicyVersion.partnership_id == partnership_id, PolicyVersion.version == current.version
    )
    kept = unit.session.exec(rows).one_or_none()
    if kept is None:
        return None
    try:
        policy = _compiled(tuple(sorted(kept.files.items())), tuple(kept.enabled))
    except PolicyError:
        return None
    return policy if policy.version == current.version else None


def activation(unit: Unit, partnership_id: str) -> PolicyActivation | None:
    """The latest activation whose time has come."""
    rows = (
        select(PolicyActivation)
        .where(PolicyActivation.partnership_id == partnership_id, PolicyActivation.activates_at <= unit.now)
        .order_by(col(PolicyActivation.sequence).desc())
        .limit(1)
    )
    return unit.session.exec(rows).first()


def activate_shipped(
    unit: Unit, partnership_id: str, agency_id: str, enabled: tuple[str, ...], *, folder: Path | None = None
) -> Policy:
    """Activate the shipped core and packs for a new partnership, and log it; gives the policy.

    Raises:
        PolicyError: the shipped files don't load.
    """
    files = shipped_files(folder)
    policy = _compiled(tuple(sorted(files.items())), enabled)
    unit.session.add(
        PolicyVersion(
            partnership_id=partnership_id, version=policy.version, files=files, enabled=list(enabled)
        )
    )
    before = activation(unit, partnership_id)
    row = PolicyActivation(
        partnership_id=partnership_id,
        sequence=before.sequence + 1 if before else 1,
        version=policy.version,
        previous=before.version if before else None,
        activates_at=unit.now,
        reason="shipped",
    )
    unit.session.add(row)
    entry = Entry(
        kind=EntryKind.POLICY_ACTIVATED,
        partnership_id=partnership_id,
        controller_agency_id=agency_id,
        actor_post_id=None,
        actor_agency_id=None,
        codes={"version": policy.version, "sequence": row.sequence},
        public=True,
    )
    append.record(unit, entry)
    return policy


def shipped_files(folder: Path | None = None) -> dict[str, str]:
    """The text of the shipped core and packs by file name."""
    root = folder or policies_dir()
    files = [root / "core.toml", *sorted((root / "packs").glob("*.toml"))]
    return {file.name: file.read_text(encoding="utf-8") for file in files}


@lru_cache(maxsize=16)
def _compiled(files: tuple[tuple[str, str], ...], enabled: tuple[str, ...]) -> Policy:
    texts: Mapping[str, str] = dict(files)
    ordered = sorted(texts, key=lambda name: (name != "core.toml", name))
    return policy_of([parse_pack(texts[name], name) for name in ordered]).enabled(enabled)
