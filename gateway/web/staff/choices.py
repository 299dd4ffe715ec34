"""What a person may choose when asking or offering: from the register as it stands, and from the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.clock import local_day
from gateway.disclosure.asking import may_ask_with
from gateway.disclosure.onward import purposes_within
from gateway.registry import agencies, caseload, cases, subjects
from gateway.registry.actors import Actor
from gateway.registry.agencies import AgencyView
from gateway.registry.cases import CaseView
from gateway.registry.people import PostView
from gateway.registry.subjects import SubjectView
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Arrangement, Circumstance, Power, Purpose, vocabulary

# The power that each arrangement's own statute gives; it is suggested first, and can be changed.
_POWER_OF = {
    Arrangement.MAPPA: Power.CJA2003_S325,
    Arrangement.MAPPA_SCR: Power.CJA2003_S325,
    Arrangement.MARAC: Power.CDA1998_S115,
    Arrangement.MASH: Power.CA2004_S11,
    Arrangement.CHILD_PROTECTION: Power.CA1989_S47,
    Arrangement.ADULT_SAFEGUARDING: Power.CARE2014_S42,
    Arrangement.IOM: Power.OMA2007_S14,
    Arrangement.CSP: Power.CDA1998_S115,
    Arrangement.SUPPORTING_FAMILIES: Power.CONSENT,
    Arrangement.DVDS: Power.COMMON_LAW_POLICE,
    Arrangement.CSODS: Power.COMMON_LAW_POLICE,
    Arrangement.CHILD_DEATH_REVIEW: Power.CA2004_S16M,
    Arrangement.DARDR: Power.DVCVA2004_S9,
}


@dataclass(frozen=True)
class Choices:
    """What may be chosen; without a case there are no people to choose from, by name or otherwise (promise 8)."""

    today: date
    case: CaseView | None
    cases: list[CaseView]
    holders: list[AgencyView]
    people: list[SubjectView]
    recipients: list[PostView]

    @property
    def arrangement(self) -> str:
        """The kind of arrangement the case is in."""
        return self.case.arrangement_kind if self.case else Arrangement.NONE

    @property
    def suggested_power(self) -> str | None:
        """The power of this case's arrangement, where it has one of its own."""
        return _POWER_OF.get(Arrangement(self.arrangement))


def purposes(within: str | None = None) -> list[tuple[str, str]]:
    """The purposes one can ask for; passing on keeps the purpose it was given for, or narrows it."""
    offered = purposes_within(within) if within else set(Purpose) - {Purpose.CURIOSITY}
    return [(code, label) for code, label in vocabulary().choices("purpose") if code in offered]


def declarations() -> list[tuple[str, str]]:
    """The circumstances that the one who asks may declare, an imminent threat to life first."""
    offered = [(code, label) for code, label in vocabulary().choices("circumstance") if may_ask_with(code)]
    return sorted(offered, key=lambda choice: choice[0] != Circumstance.IMMINENT_THREAT_TO_LIFE)


def choices(unit: Unit, actor: Actor, case_id: str | None) -> Choices:
    """What this person may choose on a case she is on, or with no case.

    Raises:
        NotFound: she isn't on that case (any more).
    """
    case = cases.case_for(unit, actor, case_id) if case_id else None
    return Choices(
        today=local_day(unit.now),
        case=case,
        cases=caseload.my_cases(unit, actor),
        holders=[found for found in agencies.agencies(unit, actor.partnership_id) if found.current],
        people=subjects.subjects_of(unit, case.case_id) if case else [],
        recipients=cases.assigned_posts(unit, case.case_id) if case else [],
    )
