"""Risk ratings: what was assessed, with which tool, by whom and when. The newest one counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.errors import Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import act
from gateway.registry.agencies import not_found, today
from gateway.registry.cases import case_for
from gateway.registry.models import RiskRating
from gateway.registry.subjects import is_in_case, known_as
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import RiskLevel

# What a level may rest on: a score alone, or judgement, escalation and repeat where the score says less (SafeLives).
BASES = ("score", "judgement", "escalation", "repeat")
MOST_TICKS = 24
_NEWEST = (
    select(RiskRating)
    .where(
        RiskRating.case_id == bindparam("case"),
        col(RiskRating.subject_id).in_(bindparam("ids", expanding=True)),
    )
    .order_by(col(RiskRating.assessed_on).desc(), col(RiskRating.created_at).desc())
    .limit(1)
)


@dataclass(frozen=True)
class RiskView:
    """A rating with what it rests on."""

    level: RiskLevel
    tool: str
    dash_ticks: int | None
    basis: str
    assessed_on: date
    assessed_by_post_id: str
    controller_agency_id: str


def latest_risk(unit: Unit, case_id: str, subject_id: str) -> RiskView | None:
    """Give the newest rating of a subject in a case, or None when there is none."""
    chosen = {"case": case_id, "ids": list(known_as(unit, subject_id))}
    row = unit.once(
        "registry",
        ("risk", case_id, subject_id),
        lambda: unit.session.exec(_NEWEST, params=chosen).first(),
    )
    if row is None:
        return None
    return RiskView(
        level=RiskLevel(row.level),
        tool=row.tool,
        dash_ticks=row.dash_ticks,
        basis=row.basis,
        assessed_on=row.assessed_on,
        assessed_by_post_id=row.assessed_by_post_id,
        controller_agency_id=row.controller_agency_id,
    )


def rate(
    unit: Unit,
    actor: Actor,
    *,
    case_id: str,
    subject_id: str,
    level: str,
    tool: str,
    basis: str,
    assessed_on: date,
    dash_ticks: int | None = None,
) -> str:
    """Record a rating by somebody on the case; give its id. Raises NotFound, Invalid."""
    case = case_for(unit, actor, case_id)
    if not is_in_case(unit, case_id, subject_id):
        raise not_found("person")
    faults = _faults(level, tool, basis, dash_ticks)
    if assessed_on > today(unit, actor.partnership_id):
        faults["assessed_on"] = "Enter a day that isn't in the future."
    if faults:
        raise Invalid("Some answers aren't usable.", fields=faults)
    row = RiskRating(
        partnership_id=actor.partnership_id,
        case_id=case.case_id,
        subject_id=subject_id,
        controller_agency_id=actor.agency_id,
        level=level,
        tool=tool.strip(),
        dash_ticks=dash_ticks,
        basis=basis,
        assessed_on=assessed_on,
        assessed_by_post_id=actor.post_id,
    )
    unit.session.add(row)
    act(
        unit,
        actor,
        EntryKind.CASE_CHANGED,
        subject_ids=[subject_id],
        case_id=case_id,
        refs={"rating": row.id},
        codes={
            "change": "risk_rated",
            "level": level,
            "basis": basis,
            "assessed_on": assessed_on.isoformat(),
        },
        words={"tool": tool.strip()},
    )
    return row.id


def _faults(level: str, tool: str, basis: str, dash_ticks: int | None) -> dict[str, str]:
    faults = {}
    if level not in set(RiskLevel):
        faults["level"] = "Choose a level from the list."
    if basis not in BASES:
        faults["basis"] = "Choose what the level rests on."
    if not tool.strip():
        faults["tool"] = "Enter the tool, or professional judgement."
    if dash_ticks is not None and not 0 <= dash_ticks <= MOST_TICKS:
        faults["dash_ticks"] = f"Enter a number from 0 to {MOST_TICKS}."
    return faults
