"""The policy in force as it may be read: its packs, the text each was written in, and since when it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select

from gateway.errors import NotFound
from gateway.policy import lifecycle
from gateway.policy.models import PolicyVersion
from gateway.policy.packs import Pack, Policy, parse_pack
from gateway.policy.rules import Rule
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class InForce:
    """The active policy of a partnership with the source of each pack by the pack's id."""

    policy: Policy
    sources: Mapping[str, str]
    sequence: int
    since: datetime
    reason: str

    def pack(self, pack_id: str) -> Pack:
        """Give one pack; raise NotFound when the policy has none of that id."""
        for pack in self.policy.packs:
            if pack.id == pack_id:
                return pack
        raise _missing()

    def rule(self, rule_id: str) -> Rule:
        """Give one rule; raise NotFound when the policy has none of that id."""
        found = self.policy.rule(rule_id)
        if found is None:
            raise _missing()
        return found


def in_force(unit: Unit, partnership_id: str) -> InForce | None:
    """Give the policy that decides now with its source, or None when nothing does (then every decision denies)."""
    policy = lifecycle.active(unit, partnership_id)
    current = lifecycle.activation(unit, partnership_id)
    if policy is None or current is None:
        return None
    kept = unit.session.exec(
        select(PolicyVersion).where(
            PolicyVersion.partnership_id == partnership_id, PolicyVersion.version == current.version
        )
    ).one()
    sources = {parse_pack(text, name).id: text for name, text in kept.files.items()}
    return InForce(policy, sources, current.sequence, current.activates_at, current.reason)


def _missing() -> NotFound:
    return NotFound("There is no such rule in force.", next_step="Go back to the policies.")
