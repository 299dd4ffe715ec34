"""Asks for tests of the decision, made as a real request's facts are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from gateway.decision.facts import Ask, Body, ConsentFacts, LegalBasis, RiskFacts, SubjectFacts
from gateway.policy.packs import Policy, load_policy
from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Capacity,
    Category,
    ConsentStatus,
    Duty,
    Jurisdiction,
    Orientation,
    Power,
    Purpose,
    RiskLevel,
    SubjectRole,
)

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@cache
def policy() -> Policy:
    """The shipped policy with every pack enabled."""
    return load_policy().enabled()


def body(kind: AgencyType, **more: Any) -> Body:
    """A member on the case, working with neither side."""
    usual: dict[str, Any] = {
        "duty": Duty.NONE,
        "member": True,
        "orientation": Orientation.NEUTRAL,
        "on_case": True,
        "walled": False,
        "key": kind.value,
    }
    return Body(kind, **(usual | more))


def marac(**changes: Any) -> Ask:
    """A MARAC referral that is permitted: high risk, she agreed, police to the co-ordinator."""
    return replace(
        Ask(
            jurisdiction=Jurisdiction.EW,
            arrangement=Arrangement.MARAC,
            requester=body(AgencyType.MARAC_COORDINATION),
            holder=body(AgencyType.POLICE),
            subject=SubjectFacts(SubjectRole.VICTIM, 33, Capacity.HAS_CAPACITY),
            categories=(Category.IDENTITY, Category.RISK_ASSESSMENT),
            purpose=Purpose.VICTIM_SAFETY,
            legal_basis=LegalBasis((Power.CDA1998_S115,)),
            consent=ConsentFacts(ConsentStatus.GIVEN),
            risk=RiskFacts(RiskLevel.HIGH, 16),
            recipients=(body(AgencyType.MARAC_COORDINATION),),
            at=AT,
        ),
        **changes,
    )
