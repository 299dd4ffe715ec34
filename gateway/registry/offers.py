"""Offering a change of the register: a file of an operator's, or an agency's admission, to whoever must agree to it.

What loosens is only proposed (`proposals`). Where nobody governs yet, or it only tightens, an import acts at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date

from gateway.registry import memberships, seconds
from gateway.registry.actors import Actor
from gateway.registry.differences import Difference, difference
from gateway.registry.importing import import_register
from gateway.registry.models import ProposalKind
from gateway.registry.proposals import ProposalView, dated, keep, same, view
from gateway.registry.reconcile import Report
from gateway.store.unit_of_work import Store, Unit


@dataclass(frozen=True)
class Offered:
    """What became of an import: its rows, whether it acted, and the proposal that waits or is to be looked at."""

    report: Report
    differences: tuple[Difference, ...]
    acted: bool
    governed: bool
    proposal: ProposalView | None = None


class _NotYet(Exception):
    def __init__(self, offered: Offered) -> None:
        super().__init__()
        self.offered = offered


def foresee_import(store: Store, text: str) -> Offered:
    """Say what an import would change and whether it would act at once; change nothing. Raises RegisterRefused."""
    try:
        with store.writing() as unit:
            raise _NotYet(_take(unit, text))
    except _NotYet as seen:
        return seen.offered


def offer_import(store: Store, text: str) -> Offered:
    """Take a register file: at once where nobody governs yet or it only tightens, else as a proposal that waits.

    Raises RegisterRefused with every problem of the file; then nothing was taken and nothing waits.
    """
    try:
        with store.writing() as unit:
            offered = _take(unit, text)
            if not offered.acted:
                raise _NotYet(offered)
            return _kept(unit, offered, text) if offered.governed and offered.differences else offered
    except _NotYet as waits:
        offered = waits.offered
    with store.writing() as unit:
        return _kept(unit, offered, text)


def _take(unit: Unit, text: str) -> Offered:
    """Import, and tell whether that may stand; the caller takes it back where it may not."""
    governed_before = seconds.governed(unit)
    report = import_register(unit, text)
    differences = tuple(difference(unit, one) for one in report.changes)
    governed = report.partnership_id in governed_before
    acts = not governed or not any(one.loosens for one in differences)
    return Offered(report, differences, acted=acts, governed=governed)


def _kept(unit: Unit, offered: Offered, text: str) -> Offered:
    place = offered.report.partnership_id
    row = None if offered.acted else same(unit, place, text)
    row = row or keep(unit, place, ProposalKind.IMPORT, text, offered.differences, acted=offered.acted)
    return replace(offered, proposal=view(unit, row))


def offer_admission(
    unit: Unit,
    actor: Actor,
    arrangement_id: str,
    agency_id: str,
    *,
    standing: str,
    authority: str,
    signatory: bool,
    starts_on: date,
    ends_on: date | None,
) -> str:
    """Propose to admit an agency to an arrangement; a second officer who governs approves. Gives the proposal's id.

    Raises NotFound, Forbidden, Invalid.
    """
    terms = {
        "standing": standing,
        "authority": authority,
        "signatory": signatory,
        "starts_on": starts_on.isoformat(),
        "ends_on": ends_on.isoformat() if ends_on else None,
    }
    change = memberships.admission(unit, actor, arrangement_id, agency_id, **dated(terms))
    content = json.dumps({"arrangement_id": arrangement_id, "agency_id": agency_id, **terms})
    shown = (difference(unit, change),)
    return keep(unit, actor.partnership_id, ProposalKind.ADMISSION, content, shown, by=actor).id
