"""What a decision takes and what it gives: plain frozen values of the vocabulary, no names and no free text.

``Ask`` holds everything the gateway knows, worked out or was told about one request; ``Decision`` holds the
answer per line (one subject, one category, one recipient) and for the request as a whole. A fact that could
not be established is ``None`` (or listed in ``unknown``): it never permits where a rule reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from gateway.vocabulary import (
    AgencyType,
    Arrangement,
    Capacity,
    Category,
    Circumstance,
    ConfidenceBasis,
    ConsentStatus,
    DpCondition,
    DpRegime,
    Duty,
    Effect,
    Jurisdiction,
    Obligation,
    Orientation,
    Outcome,
    Power,
    Purpose,
    RiskLevel,
    Role,
    Stage,
    SubjectRole,
)


@dataclass(frozen=True)
class Body:
    """A body in a request (requester, holder or recipient) as it stands in this arrangement today.

    ``None`` means the gateway could not establish it. ``post_id`` and ``agency_id`` identify the line and its
    agency; no rule reads them except to see whether two bodies are the same. ``role`` is shown, never decided on.
    ``on_case``: an open involvement in the case. ``walled``: excluded by a wall of the subject or case.
    """

    agency_type: AgencyType | None
    role: str = ""
    duty: Duty | None = None
    member: bool | None = None
    orientation: Orientation | None = None
    on_case: bool | None = None
    walled: bool | None = False
    agency_id: str | None = None
    post_id: str | None = None
    key: str = ""


@dataclass(frozen=True)
class SubjectFacts:
    """The person the information is about: role in the case, age in years, capacity for this decision."""

    role: SubjectRole | None
    age: int | None = None
    capacity: Capacity | None = Capacity.NOT_ASSESSED
    subject_id: str | None = None


@dataclass(frozen=True)
class ConsentFacts:
    """Views or consent, computed for today: a date-only expiry ends with its last local day.

    ``last_day`` is that day. Whether the request lies inside its scope has already been computed into ``status``
    (``out_of_scope``). ``categories`` limits it when not empty.
    ``by_own_hand``: it is unknown because only somebody who gains by it recorded that she agreed.
    """

    status: ConsentStatus
    last_day: date | None = None
    categories: frozenset[Category] = frozenset()
    by_own_hand: bool = False


@dataclass(frozen=True)
class RiskFacts:
    """Assessed risk; ``ticks`` is the DASH count (14 or more is visible high risk) when that tool was used."""

    level: RiskLevel
    ticks: int | None = None


@dataclass(frozen=True)
class LegalBasis:
    """The four separate tests as stated: powers, data-protection regime and condition, confidence basis.

    Human rights are weighed in words by whoever states them; the gateway records those words elsewhere.
    """

    powers: tuple[Power, ...]
    dp_regime: DpRegime | None = None
    dp_condition: DpCondition | None = None
    confidence_basis: ConfidenceBasis | None = None


@dataclass(frozen=True)
class Ask:
    """One request about one subject, as facts. ``circumstances`` hold for all its lines.

    ``line_circumstances`` adds those that hold for one recipient only (by ``Body.key``) or, with the key
    ``category:<code>``, for one category only. ``unknown`` lists circumstances that could not be established.
    ``lifted``: ids of rules that a dated human authorisation lifts for this request.
    ``onward``: what is asked for came from another agency's disclosure. ``at``: UTC-aware time of decision.
    """

    jurisdiction: Jurisdiction
    arrangement: Arrangement
    requester: Body
    holder: Body
    subject: SubjectFacts
    categories: tuple[Category, ...]
    purpose: Purpose
    legal_basis: LegalBasis
    consent: ConsentFacts
    risk: RiskFacts
    recipients: tuple[Body, ...]
    at: datetime
    circumstances: frozenset[Circumstance] = frozenset()
    line_circumstances: Mapping[str, frozenset[Circumstance]] = field(default_factory=dict)
    unknown: frozenset[Circumstance] = frozenset()
    onward: bool = False
    lifted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DueObligation:
    """An obligation on an outcome: its kind, who owes it and within how many days, and the rules that attached it."""

    code: Obligation
    kind: str
    owner: str | None
    days: int | None
    because_of: tuple[str, ...]


@dataclass(frozen=True)
class MatchedRule:
    """A rule that matched a line: enough to cite it years later."""

    id: str
    stage: Stage
    effect: Effect
    title: str
    because: str


@dataclass(frozen=True)
class TriedRule:
    """A rule on trial that matched a line: what the line would have come to. It decides nothing."""

    id: str
    outcome: Outcome


@dataclass(frozen=True)
class NearPermit:
    """A permit that nearly matched: what it is and the facts that were missing, in words."""

    rule_id: str
    title: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Why, in two texts.

    ``officer`` is for the holder, the information-governance officer and the advocate. ``requester`` never
    reveals a protected fact. ``alternative`` is what may be asked for instead (empty when there is none).
    """

    officer: str
    requester: str
    alternative: str = ""
    near_permits: tuple[NearPermit, ...] = ()


@dataclass(frozen=True)
class LineDecision:
    """The answer for one category and one recipient.

    ``rule_id`` is the deciding rule, None when nothing permitted it. ``reason`` is a code such as
    ``rule``, ``default_deny``, ``unknown_term`` or ``not_evaluable``. ``refer_to``: roles that may decide.
    ``may_lift``: the rules that an authorisation of this referral lifts. ``tried``: rules on trial that matched.
    """

    category: Category
    recipient_key: str
    outcome: Outcome
    stage: Stage | None
    rule_id: str | None
    reason: str
    matched: tuple[MatchedRule, ...]
    refer_to: tuple[Role, ...]
    may_lift: tuple[str, ...]
    obligations: tuple[DueObligation, ...]
    explanation: Explanation
    tried: tuple[TriedRule, ...] = ()

    @property
    def withheld(self) -> bool:
        """Whether this line is refused (within a request that may permit others)."""
        return self.outcome is Outcome.DENY


@dataclass(frozen=True)
class Decision:
    """The answer to a request: any line referred -> refer; else any permitted -> permit; else deny.

    ``withhold`` lists the categories kept back, ``authorisers`` the roles referred to, ``obligations`` those of the
    lines that share the request's outcome, merged (union, earliest expiry). ``circumstances`` are the facts decided
    on, with those worked out during the decision; ``policy_version`` is the SHA-256 of the policy's canonical form.
    """

    outcome: Outcome
    lines: tuple[LineDecision, ...]
    withhold: tuple[Category, ...]
    authorisers: tuple[Role, ...]
    obligations: tuple[DueObligation, ...]
    circumstances: frozenset[Circumstance]
    policy_version: str
    explanation: Explanation
    decided_at: datetime

    def line(self, category: Category, recipient_key: str) -> LineDecision:
        """The line for that category and recipient. Raises KeyError when the request has no such line."""
        for line in self.lines:
            if line.category == category and line.recipient_key == recipient_key:
                return line
        raise KeyError((category, recipient_key))

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that decided or attached obligations, sorted."""
        found = {rule.id for line in self.lines for rule in line.matched}
        return tuple(sorted(found))
