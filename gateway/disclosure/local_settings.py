"""What a pack needs of this partnership before it may be switched on: protocol, chair, retention, impact assessment."""

from __future__ import annotations

from gateway.policy.checks import Finding
from gateway.policy.packs import Pack, Policy
from gateway.registry import memberships
from gateway.store.unit_of_work import Unit


def missing_settings(unit: Unit, partnership_id: str, old: Policy | None, new: Policy) -> list[Finding]:
    """Packs that are switched on need the local settings of their arrangements first."""
    was_on = {pack.id for pack in old.packs if pack.enabled} if old else set()
    found = []
    for pack in new.packs:
        if pack.enabled and pack.needs and pack.id not in was_on:
            missing = _settings_missing(unit, partnership_id, pack)
            if missing:
                says = f"It can't be switched on before these local settings are made: {missing}."
                found.append(Finding("local settings", pack.id, says))
    return found


def _settings_missing(unit: Unit, partnership_id: str, pack: Pack) -> str:
    kinds = [
        one
        for one in memberships.arrangements(unit, partnership_id)
        if one.kind in pack.arrangements and one.current
    ]
    if not kinds:
        return ", ".join(pack.needs)
    missing = dict.fromkeys(name for one in kinds for name in one.missing)
    return ", ".join(name.replace("_", " ").removesuffix(" id") for name in missing)
