"""Who decides a referred line: posts that hold a role it went to, of the agency that role speaks for.

A controller's own officer answers for what it holds, the lead agency's for the case: an officer of another agency in
the same role decides nothing for them (policies/vocabulary.toml says which role speaks for whom).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import col, or_, select

from gateway.disclosure.gaining import person_of, those_who_gain
from gateway.disclosure.models import Authorisation, Line, Request
from gateway.registry import authorities, lending, people, subjects, walls
from gateway.registry.models import Agency, Case, Post, RegisteredFact
from gateway.registry.people import PostView
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import AgencyType, Circumstance, Role, SpeaksFor, vocabulary


def speaking(unit: Unit, request: Request, line: Line, role: str) -> frozenset[str] | None:
    """The agencies whose post decides this line in a role; none where it isn't known, None where it is any agency's."""
    speaks_for = vocabulary().roles[Role(role)].speaks_for
    if speaks_for is None:
        return None
    if speaks_for is SpeaksFor.HOLDER:
        return frozenset({line.controller_agency_id})
    if speaks_for is SpeaksFor.REQUESTER:
        # From outside a case the asker's agency mustn't learn that the person is known (promise 8).
        outside = request.from_outside
        return frozenset({line.controller_agency_id if outside else request.requester_agency_id})
    if speaks_for is SpeaksFor.LEAD_AGENCY:
        case = unit.session.get(Case, request.case_id) if request.case_id else None
        return frozenset({case.lead_agency_id} if case and case.lead_agency_id else ())
    if speaks_for is SpeaksFor.ORIGINATOR:
        return _originators(unit, request, line)
    rows = select(Agency.id).where(
        Agency.partnership_id == request.partnership_id, Agency.agency_type == AgencyType.POLICE
    )
    return frozenset(unit.session.exec(rows))


def may_speak(unit: Unit, request: Request, line: Line, role: str, agency_id: str) -> bool:
    """Whether a post of this agency may decide this line in a role."""
    agencies = speaking(unit, request, line, role)
    return agencies is None or agency_id in agencies


def holders(unit: Unit, request: Request, line: Line) -> list[PostView]:
    """The current posts that hold a role the line went to, of the agency it speaks for: whom it waits for."""
    return [view for _role, view in _holding(unit, request, line)]


def is_left(unit: Unit, request: Request, line: Line, *, seen_by_officer: bool = False) -> bool:
    """Whether nobody can decide the line: no post holds the role, or each that does is away without cover or may not.

    Nobody decides what she gains by, nor seconds her own grant. An officer is told too where a wall keeps the only one
    from it; whoever asked isn't, for that would say that there is a wall.
    """
    gaining = those_who_gain(unit, request) | _gave(unit, line)
    return not any(
        person_id not in gaining
        and not (seen_by_officer and walls.excluded(unit, line.subject_id, person_id, view.agency_id))
        for role, view in _holding(unit, request, line)
        if (person_id := _who_acts(unit, view.post_id, role)) is not None
    )


def who_names(unit: Unit, request: Request, line: Line) -> frozenset[str]:
    """The agencies whose officers can name a post that would decide it: for the arrangement's roles the holder's."""
    found = [speaking(unit, request, line, role) for role in line.refer_to]
    return frozenset().union(
        *(frozenset({line.controller_agency_id}) if one is None else one for one in found)
    )


def _holding(unit: Unit, request: Request, line: Line) -> Iterator[tuple[str, PostView]]:
    for role in line.refer_to:
        # A line is only ever made in a case, and a case is of an arrangement.
        found = authorities.who_may_decide(unit, request.partnership_id, role, request.arrangement_id or "")
        agencies = speaking(unit, request, line, role)
        yield from ((role, view) for view in found if agencies is None or view.agency_id in agencies)


def _who_acts(unit: Unit, post_id: str, role: str) -> str | None:
    """The person who exercises a post's role today: its holder, or while she is away whom it was lent to."""
    if not people.off_duty(unit, post_id):
        return person_of(unit, post_id)
    lent = lending.lending_of(unit, post_id)
    return lent.stand_in.person_id if lent and role in lent.lent else None


def _gave(unit: Unit, line: Line) -> frozenset[str]:
    """Who granted it already, where a second person has to agree."""
    waiting = select(Authorisation.given_by_post_id).where(
        Authorisation.line_id == line.id,
        col(Authorisation.needs_second).is_(True),
        col(Authorisation.seconded_at).is_(None),
    )
    return frozenset(person_of(unit, post_id) for post_id in unit.session.exec(waiting))


def _originators(unit: Unit, request: Request, line: Line) -> frozenset[str]:
    """The agencies whose caveats lie on it; without one the holder, whom passing on is asked of (`onward`)."""
    fact = RegisteredFact
    rows = (
        select(fact.categories, Post.agency_id)
        .join(Post, col(Post.id) == col(fact.recorded_by_post_id))
        .where(
            fact.partnership_id == request.partnership_id,
            fact.circumstance == Circumstance.ORIGINATOR_CAVEAT,
            fact.starts_at <= unit.now,
            or_(col(fact.ends_at).is_(None), col(fact.ends_at) > unit.now),
            or_(
                col(fact.subject_id).is_(None),
                col(fact.subject_id).in_(subjects.known_as(unit, line.subject_id)),
            ),
            or_(col(fact.case_id).is_(None), fact.case_id == request.case_id),
        )
    )
    found = {
        agency_id
        for categories, agency_id in unit.session.exec(rows)
        if not categories or line.category in categories
    }
    return frozenset(found or {line.controller_agency_id})
