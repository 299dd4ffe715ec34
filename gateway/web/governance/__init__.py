"""Pages for information-governance officers."""

from __future__ import annotations

from gateway.web.governance import (
    arrangements,
    authorities,
    cases,
    concerns,
    decisions,
    duties,
    entries,
    home,
    in_force,
    keys,
    mandates,
    policies,
    policy_checks,
    policy_packs,
    policy_rules,
    policy_signing,
    policy_trials,
    proposals,
    restores,
    staffing,
    subjects,
    systems,
    walls,
)
from gateway.web.governance.blueprint import blueprint

__all__ = [
    "NAVIGATION",
    "arrangements",
    "authorities",
    "blueprint",
    "cases",
    "concerns",
    "decisions",
    "duties",
    "entries",
    "home",
    "in_force",
    "keys",
    "mandates",
    "policies",
    "policy_checks",
    "policy_packs",
    "policy_rules",
    "policy_signing",
    "policy_trials",
    "proposals",
    "restores",
    "staffing",
    "subjects",
    "systems",
    "walls",
]

# Parts that other rooms add appear once their pages exist: the navigation shows only what opens.
NAVIGATION = (
    ("What needs doing", "governance.home"),
    ("Register", "governance.agency_list"),
    ("Decisions", "governance.decision_list"),
    ("Entries", "governance.entry_list"),
    ("Policies", "governance.policies"),
    ("Concerns", "governance.concerns"),
    ("Keys", "governance.key_list"),
)
