"""What the gateway knows about a request today, gathered as facts for the decision.

Registry facts are read here, in the transaction that uses them; nothing a requester sent reaches a fact except the
purpose, the stated basis and the circumstances declared in words (DESIGN 3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta

from gateway.clock import LONDON, is_working_day, local_day
from gateway.decision.facts import Ask, Body, ConsentFacts, LegalBasis, RiskFacts, SubjectFacts
from gateway.disclosure.agreement import About, agreement
from gateway.disclosure.gaining import person_of, those_who_gain
from gateway.disclosure.models import Authorisation, Declaration, Line, Request, RequestRecipient
from gateway.disclosure.papers import Papers, papers_of
from gateway.registry import cases, memberships, risks, subjects, walls
from gateway.registry import circumstances as registered
from gateway.registry.computed import orientation_on
from gateway.registry.models import Agency, Arrangement, Case, Partnership, Post
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import (
    AgencyType,
    Capacity,
    Category,
    Circumstance,
    ConfidenceBasis,
    ConsentStatus,
    DpCondition,
    DpRegime,
    Duty,
    Jurisdiction,
    Orientation,
    Power,
    Purpose,
    RiskLevel,
    Sensitivity,
    SubjectRole,
    vocabulary,
)
from gateway.vocabulary import (
    Arrangement as ArrangementKind,
)

# UK GDPR art 5(1)(d): what can get someone found or killed ages faster than the rest.
STALE_AFTER = {Sensitivity.S4: timedelta(days=90)}
STALE_AFTER_DEFAULT = timedelta(days=365)
MANY_SUBJECTS = 5
# Office hours of the partnership's bodies, by local time on working days.
OPENS, CLOSES = time(8), time(18)

_MANAGED_ROLES = {SubjectRole.PERPETRATOR, SubjectRole.ALLEGED_PERPETRATOR, SubjectRole.RECURRENT_OFFENDER}
_KEEPS_THE_MINUTES = {AgencyType.MAPPA_UNIT, AgencyType.MARAC_COORDINATION}
_MANAGING_ARRANGEMENTS = {ArrangementKind.MAPPA, ArrangementKind.MAPPA_SCR, ArrangementKind.IOM}


@dataclass(frozen=True)
class DataFacts:
    """What the holder says of the content itself: the day it describes, and whether it was verified."""

    as_of: date
    verified: bool


@dataclass(frozen=True)
class Gathered:
    """The facts of a group of lines that share a subject, a recipient and a consent state, with those lines."""

    ask: Ask
    lines: tuple[Line, ...]


def consent_now(unit: Unit, request: Request, line: Line) -> ConsentStatus:
    """How her views or consent stand for one line at this moment: worked out, never read as it was at a decision."""
    return Gatherer(unit, request, papers_of(unit, request.id)).consent_of(line).status


@dataclass
class Gatherer:
    """Reads each fact of one request once."""

    unit: Unit
    request: Request
    papers: Papers
    data: DataFacts | None = None
    _bodies: dict[str, Body] = field(default_factory=dict)

    def gather(self, lines: Iterable[Line]) -> list[Gathered]:
        """Facts for these lines, grouped so that each group is one question to the policy."""
        groups: dict[tuple[str, str, ConsentFacts, frozenset[str]], list[Line]] = {}
        for line in lines:
            consent = self.consent_of(line)
            key = (line.subject_id, line.recipient_id, consent, self._lifted(line))
            groups.setdefault(key, []).append(line)
        return [
            Gathered(ask=self._ask(subject_id, recipient_id, consent, lifted, group), lines=tuple(group))
            for (subject_id, recipient_id, consent, lifted), group in groups.items()
        ]

    @property
    def today(self) -> date:
        """The local day of the partnership."""
        partnership = self.unit.session.get_one(Partnership, self.request.partnership_id)
        return local_day(self.unit.now, partnership.nation)

    def _ask(
        self,
        subject_id: str,
        recipient_id: str,
        consent: ConsentFacts,
        lifted: frozenset[str],
        lines: list[Line],
    ) -> Ask:
        case = self.unit.session.get_one(Case, self.request.case_id)
        arrangement = self.unit.session.get_one(Arrangement, case.arrangement_id)
        subject = self._subject(case.id, subject_id)
        recipient = self._walled(self._recipient(recipient_id), subject)
        requester = self._walled(self._post_body(self.request.requester_post_id, "requester"), subject)
        categories = tuple(Category(line.category) for line in lines)
        circumstances = self._circumstances(case, subject_id, requester, recipient, categories)
        circumstances |= self._approved_by_those_who_gain(lines)
        return Ask(
            jurisdiction=Jurisdiction(case.jurisdiction),
            arrangement=ArrangementKind(arrangement.kind),
            requester=requester,
            holder=self._holder(arrangement.id),
            subject=subject,
            categories=categories,
            purpose=Purpose(self.request.purpose),
            legal_basis=self._basis(),
            consent=consent,
            risk=self._risk(case.id, subject_id),
            recipients=(recipient,),
            at=self.unit.now,
            circumstances=circumstances,
            line_circumstances=self._about_the_data(categories, requester, recipient),
            onward=self.request.onward_of_parcel_id is not None,
            lifted=lifted,
        )

    def _basis(self) -> LegalBasis:
        return LegalBasis(
            powers=tuple(Power(power) for power in self.request.powers),
            dp_regime=DpRegime(self.request.dp_regime),
            dp_condition=DpCondition(self.request.dp_condition),
            confidence_basis=ConfidenceBasis(self.request.confidence_basis),
        )

    def _post_body(self, post_id: str, key: str) -> Body:
        if key in self._bodies:
            return self._bodies[key]
        session = self.unit.session
        # Who works the case comes first: the rows of the case, its posts and their agencies are read with it.
        assigned = {one.id for one, _ in cases.posts_on(self.unit, self.request.case_id or "")}
        post = session.get_one(Post, post_id)
        agency = session.get_one(Agency, post.agency_id)
        case = session.get_one(Case, self.request.case_id)
        standing = memberships.standing_of(self.unit, case.arrangement_id, agency.id)
        body = Body(
            agency_type=AgencyType(agency.agency_type),
            role=post.role,
            duty=Duty(standing.standing),
            member=standing.member,
            orientation=orientation_on(self.unit, case.id, post.id),
            # A stand-in for somebody off duty works the case as the one she stands in for.
            on_case=post.id in assigned or cases.is_on_case(self.unit, case.id, post.id),
            walled=None,
            agency_id=agency.id,
            post_id=post.id,
            key=key,
        )
        self._bodies[key] = body
        return body

    def _walled(self, body: Body, subject: SubjectFacts) -> Body:
        """Whether a wall keeps a body out; of somebody who isn't in the case any more nobody can tell (promise 2)."""
        reader_id = body.post_id or self._delivering_post_id(body.key)
        if reader_id is None:
            return body
        if subject.subject_id is None:
            return replace(body, walled=None)
        post = self.unit.session.get_one(Post, reader_id)
        kept_out = walls.walled(self.unit, subject.subject_id, post.person_id, post.agency_id)
        return replace(body, walled=kept_out)

    def _delivering_post_id(self, recipient_id: str) -> str | None:
        """Who reads what is for somebody outside, before telling them."""
        return self.unit.session.get_one(RequestRecipient, recipient_id).delivering_post_id

    def _recipient(self, recipient_id: str) -> Body:
        row = self.unit.session.get_one(RequestRecipient, recipient_id)
        if row.post_id is not None:
            return self._post_body(row.post_id, recipient_id)
        return Body(
            agency_type=AgencyType(row.agency_type),
            role=row.role,
            duty=Duty.NONE,
            member=False,
            orientation=self._orientation_of_reader(row),
            on_case=False,
            walled=False,
            key=recipient_id,
        )

    def _orientation_of_reader(self, row: RequestRecipient) -> Orientation:
        """Whom the officer works with who reads it first and then tells somebody outside."""
        if row.delivering_post_id is None:
            return Orientation.NEUTRAL
        return orientation_on(self.unit, self.request.case_id, row.delivering_post_id)

    def _holder(self, arrangement_id: str) -> Body:
        agency = self.unit.session.get_one(Agency, self.request.holder_agency_id)
        standing = memberships.standing_of(self.unit, arrangement_id, agency.id)
        return Body(
            agency_type=AgencyType(agency.agency_type),
            duty=Duty(standing.standing),
            member=standing.member,
            orientation=Orientation.NEUTRAL,
            on_case=True,
            agency_id=agency.id,
            key="holder",
        )

    def _subject(self, case_id: str, subject_id: str) -> SubjectFacts:
        """The person in the case as she is known now; nothing is known of one who was erased or parted from it."""
        now_known_as = subjects.canonical(self.unit, subject_id)
        in_case = subjects.subjects_of(self.unit, case_id)
        view = next((found for found in in_case if found.subject_id == now_known_as), None)
        if view is None:
            return SubjectFacts(role=None, capacity=None)
        return SubjectFacts(
            role=SubjectRole(view.role),
            age=view.age,
            capacity=Capacity(view.capacity),
            subject_id=view.subject_id,
        )

    def consent_of(self, line: Line) -> ConsentFacts:
        """Consent or views as they stand now and somebody who doesn't gain tells; else whether any are needed."""
        about = About(
            subject_id=line.subject_id,
            known_as=subjects.known_as(self.unit, line.subject_id),
            case_id=self.request.case_id,
            purpose=self.request.purpose,
            category=line.category,
            agency_id=self._recipient(line.recipient_id).agency_id,
        )
        gaining = self._gaining()
        found = agreement(self.unit, about, lambda row: person_of(self.unit, row.taken_by_post_id) in gaining)
        if found.status is not ConsentStatus.NOT_SOUGHT:
            return found
        return ConsentFacts(status=self._unasked(line.subject_id))

    def _unasked(self, subject_id: str) -> ConsentStatus:
        """Managing someone who poses a risk under a duty asks no agreement of theirs (CJA 2003 s325)."""
        case = self.unit.session.get_one(Case, self.request.case_id)
        kind = self.unit.session.get_one(Arrangement, case.arrangement_id).kind
        role = self._subject(case.id, subject_id).role
        managed = role in _MANAGED_ROLES and kind in _MANAGING_ARRANGEMENTS
        return ConsentStatus.NOT_REQUIRED if managed else ConsentStatus.NOT_SOUGHT

    def _risk(self, case_id: str, subject_id: str) -> RiskFacts:
        rating = risks.latest_risk(self.unit, case_id, subject_id)
        if rating is None:
            return RiskFacts(level=RiskLevel.UNKNOWN)
        return RiskFacts(level=RiskLevel(rating.level), ticks=rating.dash_ticks)

    def _circumstances(
        self, case: Case, subject_id: str, requester: Body, recipient: Body, categories: tuple[Category, ...]
    ) -> frozenset[Circumstance]:
        known = registered.of_line(
            self.unit,
            case_id=case.id,
            subject_id=subject_id,
            agency_ids=_present(requester.agency_id, recipient.agency_id),
            post_ids=_present(requester.post_id, recipient.post_id),
            recipient_post_ids=_present(recipient.post_id),
            categories=tuple(str(category) for category in categories),
        )
        found = {Circumstance(code) for code in known}
        found |= {Circumstance(row.circumstance) for row in self._declared()}
        if not requester.on_case:
            found.add(Circumstance.REQUESTER_NOT_ON_CASE)
        if recipient.orientation is Orientation.PERPETRATOR_FACING:
            found.add(Circumstance.RECIPIENT_PERPETRATOR_FACING)
        if len({line.subject_id for line in self.papers.lines}) > MANY_SUBJECTS:
            found.add(Circumstance.BULK_REQUEST)
        if self._is_out_of_hours():
            found.add(Circumstance.OUT_OF_HOURS)
        if self._is_internal(requester, recipient):
            found.add(Circumstance.INTERNAL_TO_ATTENDEE_AGENCY)
        return frozenset(found)

    def _is_out_of_hours(self) -> bool:
        nation = self.unit.session.get_one(Partnership, self.request.partnership_id).nation
        at = self.unit.now.astimezone(LONDON)
        return not is_working_day(self.today, nation) or not OPENS <= at.time() < CLOSES

    def _is_internal(self, requester: Body, recipient: Body) -> bool:
        """Whether it stays with the agency that attended: of what it received, or of what it holds itself."""
        attending = requester.agency_id if self.request.onward_of_parcel_id else self.request.holder_agency_id
        return bool(recipient.member) and requester.agency_id == recipient.agency_id == attending

    def _approved_by_those_who_gain(self, lines: list[Line]) -> frozenset[Circumstance]:
        """Nobody's authorisation counts for a request of theirs, whatever post they gave it in (DESIGN 3.9)."""
        receiving, judged = {line.recipient_id for line in lines}, {line.id for line in lines}
        recipients = [row for row in self.papers.recipients if row.id in receiving]
        gaining = those_who_gain(self.unit, self.request, recipients)
        hands = {
            person_of(self.unit, post_id)
            for row in self.papers.authorisations
            if row.line_id in judged and is_standing(row, self.unit)
            for post_id in (row.given_by_post_id, row.seconded_by_post_id)
            if post_id is not None
        }
        return frozenset({Circumstance.SELF_APPROVAL}) if hands & gaining else frozenset()

    def _declared(self) -> list[Declaration]:
        """Declarations that count: one that loosens never comes from somebody who gains by it (DESIGN 3.3)."""
        return [row for row in self.papers.declarations if self._may_count(row)]

    def _may_count(self, row: Declaration) -> bool:
        code = Circumstance(row.circumstance)
        if code is Circumstance.IMMINENT_THREAT_TO_LIFE:
            return True
        if not vocabulary().circumstances[code].loosens:
            return True
        return person_of(self.unit, row.declared_by_post_id) not in self._gaining()

    def _gaining(self) -> frozenset[str]:
        """Who asks, would receive it or would deliver it: nobody's word loosens anything for themselves."""
        return those_who_gain(self.unit, self.request, self.papers.recipients)

    def _about_the_data(
        self, categories: tuple[Category, ...], requester: Body, recipient: Body
    ) -> Mapping[str, frozenset[Circumstance]]:
        return {
            f"category:{category}": self._age_and_source(self.data, category)
            | self._of_a_record(category, requester, recipient)
            for category in categories
        }

    def _of_a_record(self, category: Category, requester: Body, recipient: Body) -> frozenset[Circumstance]:
        """Minutes are a whole document, and the meeting's: an attendee passes them outside with the chair alone."""
        if category is not Category.MINUTES or self.request.purpose == Purpose.RECORD_CORRECTION:
            return frozenset()
        if self._is_internal(requester, recipient):
            return frozenset()
        found = {Circumstance.WHOLE_DOCUMENT}
        holder = self.unit.session.get_one(Agency, self.request.holder_agency_id)
        if holder.agency_type not in _KEEPS_THE_MINUTES or self.request.onward_of_parcel_id is not None:
            found.add(Circumstance.OUTSIDE_AGENCY_NO_CHAIR_AGREEMENT)
        return frozenset(found)

    def _age_and_source(self, data: DataFacts | None, category: Category) -> frozenset[Circumstance]:
        if data is None:
            return frozenset()
        limit = STALE_AFTER.get(vocabulary().categories[category].sensitivity, STALE_AFTER_DEFAULT)
        found = set()
        if self.today - data.as_of > limit:
            found.add(Circumstance.DATA_STALE)
        if not data.verified:
            found.add(Circumstance.DATA_UNVERIFIED)
        return frozenset(found)

    def _lifted(self, line: Line) -> frozenset[str]:
        """Rules that a person's authorisation lifts for this line, while it stands."""
        given = (row for row in self.papers.authorisations if row.line_id == line.id)
        return frozenset(rule for row in given if is_standing(row, self.unit) for rule in row.lifts)


def is_standing(row: Authorisation, unit: Unit) -> bool:
    """Whether an authorisation counts now: granted, seconded where two are needed, not expired."""
    if not row.grants or (row.needs_second and row.seconded_at is None):
        return False
    return row.expires_at is None or row.expires_at > unit.now


def _present(*ids: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for found in ids if found is not None))
