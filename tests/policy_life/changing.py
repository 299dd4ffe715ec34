"""Taking a change of policy through its life, as the officers of Meadowshire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.cli.demo_stage import Stage
from gateway.disclosure import policies, policy_drafts
from gateway.policy.models import PolicyActivation

AUTHOR, SECOND, OTHER = "office-ig", "office-ig-2", "police-ig"
FILE = "mappa.toml"

# Takes away: police keep convictions from probation.
STOP: dict[str, Any] = {
    "id": "mappa-no-convictions-to-probation",
    "title": "Police keep convictions from probation",
    "stage": "E",
    "effect": "deny",
    "because": "Agreed by the board on 3 November 2026",
    "effective_from": date(2026, 1, 1),
    "officer": "The board agreed that probation reads convictions in its own system.",
    "requester": "Look in your own system.",
    "when": {"category": ["convictions"], "holder_type": ["police"], "recipient_type": ["probation"]},
    "test": [
        {
            "on": "offender",
            "given": {"category": "convictions", "holder_type": "police", "requester_type": "probation"},
            "expect": "deny",
        }
    ],
}
# Gives: the housing authority gets finances.
PERMIT: dict[str, Any] = {
    "id": "mappa-finances-for-housing",
    "title": "Finances for the housing authority",
    "stage": "H",
    "effect": "permit",
    "because": "CJA 2003 s325; DPA 2018 s35",
    "effective_from": date(2026, 1, 1),
    "officer": "What he can pay decides where he lives.",
    "when": {
        "category": ["finances"],
        "subject_role": ["perpetrator"],
        "recipient_type": ["la_housing"],
        "recipient_member": ["yes"],
        "recipient_walled": ["no"],
        "power": ["cja2003_s325"],
    },
    "test": [
        {
            "on": "offender",
            "given": {"category": "finances", "purpose": "housing_allocation"},
            "expect": "permit",
        }
    ],
}


def drafted(stage: Stage, rule: Mapping[str, Any] | None, author: str = AUTHOR) -> str:
    """A draft with one rule put into the MAPPA pack."""
    draft_id = stage.by(
        author, lambda unit, actor: policy_drafts.start(unit, actor, "A change", "Agreed.").id
    )
    if rule is not None:
        stage.by(author, lambda unit, actor: policy_drafts.put_rule(unit, actor, draft_id, FILE, rule))
    return draft_id


def checked(stage: Stage, rule: Mapping[str, Any] | None, author: str = AUTHOR) -> str:
    """A draft that passed its checks."""
    draft_id = drafted(stage, rule, author)
    found = stage.by(author, lambda unit, actor: policy_drafts.run_checks(unit, actor, draft_id))
    assert found.passed, found.findings
    return draft_id


def signed(stage: Stage, rule: Mapping[str, Any] | None) -> str:
    """A draft signed by its author."""
    draft_id = checked(stage, rule)
    stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft_id).id)
    return draft_id


def activated(stage: Stage, rule: Mapping[str, Any] | None) -> PolicyActivation:
    """A change in force."""
    draft_id = signed(stage, rule)
    return stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "It is right."))
