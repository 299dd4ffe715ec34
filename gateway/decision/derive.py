"""Works out from an ask what rules read: computed consent, age band, and the circumstances that follow from facts.

Nothing here trusts a flag where the facts themselves say more: a recipient who is the perpetrator is one
whether or not anybody said so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from gateway.clock import local_day
from gateway.decision.facts import Ask, Body, ConsentFacts
from gateway.policy.attributes import UNKNOWN, UNKNOWN_CIRCUMSTANCES, Value
from gateway.policy.packs import Policy
from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Category,
    Circumstance,
    ConsentStatus,
    Duty,
    Jurisdiction,
    Orientation,
    Power,
    Purpose,
    SubjectRole,
    vocabulary,
)

_PERPETRATOR_FACING = frozenset({Orientation.PERPETRATOR_FACING, Orientation.BOTH})
_HEALTH_BODIES = frozenset(
    {
        AgencyType.NHS_GP,
        AgencyType.NHS_ACUTE,
        AgencyType.NHS_MENTAL_HEALTH,
        AgencyType.ICB,
        AgencyType.AMBULANCE,
    }
)
_CARE_BODIES = _HEALTH_BODIES | {AgencyType.LA_ADULTS, AgencyType.LA_CHILDRENS}
# Individuals and data sets: they can be told something, but are bodies of no arrangement.
_NO_AGENCY = frozenset(
    {
        AgencyType.MEMBER_OF_PUBLIC,
        AgencyType.FAMILY_MEMBER,
        AgencyType.PERPETRATOR,
        AgencyType.VICTIM,
        AgencyType.NATIONAL_DATABASE,
    }
)
# They act for themselves or a client: whatever a register says of them, no arrangement has them as a member.
_OUTSIDERS = frozenset(
    {AgencyType.PRIVATE_LANDLORD, AgencyType.EMPLOYER, AgencyType.SOLICITOR, AgencyType.RESEARCH_BODY}
)
_NO_MEMBER = _NO_AGENCY | _OUTSIDERS
_ENGLISH = frozenset({Jurisdiction.EW, Jurisdiction.ENG})
_DECEASED = frozenset({SubjectRole.DECEASED_VICTIM, SubjectRole.DECEASED_CHILD})
_OFFENDERS = frozenset(
    {SubjectRole.PERPETRATOR, SubjectRole.ALLEGED_PERPETRATOR, SubjectRole.RECURRENT_OFFENDER}
)
_NEVER_COMPATIBLE = frozenset(
    {Purpose.CURIOSITY, Purpose.EMPLOYMENT_VETTING, Purpose.IMMIGRATION_ENFORCEMENT}
)
# Where the law of each territory reaches. An English power may be named in a case recorded as England and Wales.
_REACH = {
    "UK": frozenset(Jurisdiction),
    "GB": frozenset(Jurisdiction) - {Jurisdiction.NIR},
    "EW": frozenset({Jurisdiction.EW, Jurisdiction.ENG, Jurisdiction.WAL}),
    "ENG": _ENGLISH,
    "WAL": frozenset({Jurisdiction.EW, Jurisdiction.WAL}),
    "SCO": frozenset({Jurisdiction.SCO}),
    "NIR": frozenset({Jurisdiction.NIR}),
}
# Worked out here for the whole request or line; the flow derives the others from its own records.
RECOMPUTED = frozenset(
    {
        Circumstance.RECIPIENT_IS_PERPETRATOR,
        Circumstance.INCOMPATIBLE_PURPOSE,
        Circumstance.STATUTORY_EXCLUSION,
        Circumstance.SUBJECT_DECEASED,
        Circumstance.EXCESS_CATEGORIES,
        Circumstance.SUBJECT_ACCESS_REQUEST,
        Circumstance.THIRD_PARTY_DISCLOSURE,
        Circumstance.ERASURE_REQUEST,
    }
)


@dataclass(frozen=True)
class Line:
    """One category for one recipient, and the facts the policy reads about it."""

    category: Category
    recipient: Body
    facts: dict[str, Value]


def today(ask: Ask) -> date:
    """The local day of the decision (all nations keep London time)."""
    return local_day(ask.at)


def computed_consent(consent: ConsentFacts, day: date, category: Category | None = None) -> ConsentStatus:
    """The state of consent on that local day, never as stored: it still counts on its last day.

    UK GDPR arts 4(11) and 7: specific and limited, so another category is out of scope.
    """
    if consent.status is not ConsentStatus.GIVEN:
        return consent.status
    if consent.last_day is not None and consent.last_day < day:
        return ConsentStatus.EXPIRED
    if category is not None and consent.categories and category not in consent.categories:
        return ConsentStatus.OUT_OF_SCOPE
    return ConsentStatus.GIVEN


def request_circumstances(ask: Ask) -> frozenset[Circumstance]:
    """The circumstances of the whole request: those stated and those that follow from its facts."""
    found = set(ask.circumstances)
    found.update(_of_purpose(ask))
    found.update(_of_powers(ask))
    if ask.subject.role in _DECEASED:
        found.add(Circumstance.SUBJECT_DECEASED)
    if ask.requester.on_case is False:
        found.add(Circumstance.REQUESTER_NOT_ON_CASE)
    return frozenset(found)


def _of_purpose(ask: Ask) -> Iterable[Circumstance]:
    if ask.purpose in _NEVER_COMPATIBLE:
        yield Circumstance.INCOMPATIBLE_PURPOSE
    if ask.purpose is Purpose.SUBJECT_RIGHTS and Power.UKGDPR_ART15 in ask.legal_basis.powers:
        yield Circumstance.SUBJECT_ACCESS_REQUEST
    if ask.purpose is Purpose.SUBJECT_RIGHTS and Power.UKGDPR_ART17 in ask.legal_basis.powers:
        yield Circumstance.ERASURE_REQUEST


def _of_powers(ask: Ask) -> Iterable[Circumstance]:
    words = vocabulary()
    if any(
        ask.jurisdiction not in _REACH[words.powers[power].jurisdiction] for power in ask.legal_basis.powers
    ):
        yield Circumstance.WRONG_JURISDICTION_GATEWAY
    if excluded_by_statute(ask):
        yield Circumstance.STATUTORY_EXCLUSION


def excluded_by_statute(ask: Ask) -> bool:
    """Whether the power named does not reach what this holder has.

    PCSCA 2022 s16(4): no patient information, and no personal information held by a health or social care
    authority. DEA 2017 s35: English health bodies are not specified for the multiple-disadvantage objective.
    """
    powers = frozenset(ask.legal_basis.powers)
    if Power.PCSCA2022_S16 in powers and ask.holder.agency_type in _CARE_BODIES:
        return True
    return (
        Power.DEA2017_S35 in powers
        and ask.holder.agency_type in _HEALTH_BODIES
        and ask.jurisdiction in _ENGLISH
    )


def line_circumstances(ask: Ask, category: Category, recipient: Body) -> frozenset[Circumstance]:
    """The circumstances that hold for one line."""
    found = set(request_circumstances(ask))
    found |= ask.line_circumstances.get(recipient.key, frozenset())
    found |= ask.line_circumstances.get(f"category:{category.value}", frozenset())
    if recipient.agency_type is AgencyType.PERPETRATOR:
        found.add(Circumstance.RECIPIENT_IS_PERPETRATOR)
    if recipient.agency_type is AgencyType.FAMILY_MEMBER and ask.subject.role not in _OFFENDERS:
        found.add(Circumstance.RECIPIENT_IS_FAMILY_OR_ASSOCIATE)
    if ask.purpose is Purpose.PROTECTIVE_THIRD_PARTY_DISCLOSURE and recipient.member is not True:
        found.add(Circumstance.THIRD_PARTY_DISCLOSURE)
    if category is Category.GENDER_RECOGNITION:
        found.add(Circumstance.STATUTORY_EXCLUSION)
    if recipient.on_case is False and ask.arrangement is not Arrangement.NONE and recipient.member:
        found.add(Circumstance.AGENCY_NOT_INVOLVED_IN_CASE)
    return frozenset(found)


def orientation(recipient: Body, circumstances: frozenset[Circumstance]) -> str:
    """Whom the recipient works with; whoever runs a perpetrator programme works with perpetrators."""
    facing = Circumstance.RECIPIENT_PERPETRATOR_FACING in circumstances
    if facing and recipient.orientation not in _PERPETRATOR_FACING:
        return Orientation.PERPETRATOR_FACING.value
    return _code(recipient.orientation)


def admitted(ask: Ask, policy: Policy) -> Ask:
    """The ask with each body standing only where its kind may: CJA 2003 s325(6) and its like name kinds of bodies.

    A recorded membership of a kind that the arrangement's pack has no place for counts for nothing. An Associate is
    made one by the responsible authority, so its kind isn't asked. Where no pack says who belongs, the record stands.
    """
    place = (ask.arrangement.value, ask.jurisdiction.value)
    if not any(pack.standing for pack in policy.packs if pack.covers(*place)):
        return ask

    def standing(body: Body) -> Body:
        known = body.agency_type is not None and policy.standing(*place, body.agency_type.value) is not None
        if known or body.duty is Duty.ASSOCIATE or body.member is not True:
            return body
        return replace(body, member=False, duty=Duty.NONE)

    return replace(
        ask, requester=standing(ask.requester), recipients=tuple(standing(body) for body in ask.recipients)
    )


def lines(ask: Ask) -> tuple[Line, ...]:
    """Every line of the request, with its facts."""
    shared = _shared_facts(ask)
    return tuple(
        _line(ask, shared, category, recipient) for recipient in ask.recipients for category in ask.categories
    )


def _line(ask: Ask, shared: dict[str, Value], category: Category, recipient: Body) -> Line:
    circumstances = line_circumstances(ask, category, recipient)
    facts: dict[str, Value] = {
        **shared,
        "category": category.value,
        "sensitivity": vocabulary().categories[category].sensitivity.value,
        "consent": computed_consent(ask.consent, today(ask), category).value,
        "recipient_type": _code(recipient.agency_type),
        "recipient_duty": _duty(recipient),
        "recipient_member": _member(recipient),
        "recipient_orientation": orientation(recipient, circumstances),
        "recipient_on_case": _yes_no(recipient.on_case),
        "recipient_walled": _yes_no(recipient.walled),
        "circumstance": frozenset(circumstance.value for circumstance in circumstances),
        UNKNOWN_CIRCUMSTANCES: _unsure(ask, recipient, circumstances),
    }
    if _is_offer(ask, recipient):
        for attribute in ("type", "duty", "member"):
            facts[f"requester_{attribute}"] = facts[f"recipient_{attribute}"]
    return Line(category, recipient, facts)


def _is_offer(ask: Ask, recipient: Body) -> bool:
    """Whether the holder's own staff offer it to a member elsewhere, whose standing is then what counts.

    Walls, conflicts and being on the case are still those of whoever offers.
    """
    offered = _same_agency(ask.requester, ask.holder) is True and _same_agency(recipient, ask.holder) is False
    return offered and recipient.member is True


def _unsure(ask: Ask, recipient: Body, circumstances: frozenset[Circumstance]) -> frozenset[str]:
    unsure = set(ask.unknown)
    if ask.requester.on_case is None:
        unsure.add(Circumstance.REQUESTER_NOT_ON_CASE)
    if recipient.on_case is None and ask.arrangement is not Arrangement.NONE and recipient.member:
        unsure.add(Circumstance.AGENCY_NOT_INVOLVED_IN_CASE)
    return frozenset(circumstance.value for circumstance in unsure - circumstances)


def _shared_facts(ask: Ask) -> dict[str, Value]:
    return {
        "jurisdiction": ask.jurisdiction.value,
        "arrangement": ask.arrangement.value,
        "requester_type": _code(ask.requester.agency_type),
        "requester_duty": _duty(ask.requester),
        "requester_member": _member(ask.requester),
        "requester_walled": _yes_no(ask.requester.walled),
        "requester_is_holder": _yes_no(_same_agency(ask.requester, ask.holder)),
        "holder_type": _code(ask.holder.agency_type),
        "subject_role": _code(ask.subject.role),
        "age_band": age_band(ask.subject.age),
        "capacity": _code(ask.subject.capacity),
        "purpose": ask.purpose.value,
        "risk": ask.risk.level.value,
        "dash": dash_band(ask.risk.ticks),
        "onward": "yes" if ask.onward else "no",
        "authorised": "no",
        "power": usable_powers(ask),
        "together_with": frozenset(category.value for category in ask.categories),
    }


def _same_agency(one: Body, other: Body) -> bool | None:
    if one.agency_id is not None and other.agency_id is not None:
        return one.agency_id == other.agency_id
    return None


def _member(body: Body) -> str:
    """Nobody who is not an agency is a member of an arrangement, whatever a register says."""
    return "no" if body.agency_type in _NO_MEMBER else _yes_no(body.member)


def _duty(body: Body) -> str:
    return Duty.NONE.value if body.agency_type in _NO_MEMBER else _code(body.duty)


def usable_powers(ask: Ask) -> frozenset[str]:
    """The powers named, without those that neither side has: the police common-law power is the police's alone.

    What is left may be nothing, and then nothing is permitted.
    """
    powers = set(ask.legal_basis.powers)
    if AgencyType.POLICE not in (ask.holder.agency_type, ask.requester.agency_type):
        powers.discard(Power.COMMON_LAW_POLICE)
    return frozenset(power.value for power in powers)


def age_band(age: int | None) -> str:
    """The band a rule reads; 16 and 13 are where the law draws lines (MCA 2005 s2(5); SOA 2003 ss5-8)."""
    if age is None:
        return "not_known"
    for limit, band in ((13, "under_13"), (16, "from_13_to_15"), (18, "from_16_to_17")):
        if age < limit:
            return band
    return "adult"


def dash_band(ticks: int | None) -> str:
    """The DASH band: 14 or more ticks is visible high risk (SafeLives)."""
    if ticks is None:
        return "not_scored"
    if ticks >= 14:
        return "visible_high_risk"
    return "from_10_to_13" if ticks >= 10 else "below_10"


def with_circumstance(line: Line, circumstance: Circumstance) -> Line:
    """The same line with one more circumstance."""
    present = cast("frozenset[str]", line.facts["circumstance"])
    return replace(line, facts={**line.facts, "circumstance": present | {circumstance.value}})


def _code(value: object) -> str:
    return UNKNOWN if value is None else str(value)


def _yes_no(value: bool | None) -> str:
    if value is None:
        return UNKNOWN
    return "yes" if value else "no"
