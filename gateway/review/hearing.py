"""What a person said, taken down by those who may hear her: staff on her case who face her, and her own advocate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, select

from gateway.consent import consents, mandates, views
from gateway.consent.mandates import NewMandate, missing
from gateway.consent.models import Answer, Consent, HowTaken, Mandate, Views, Wish
from gateway.consent.taking import Reach, Taking, covers
from gateway.disclosure.models import Line, LineState, Request, RequestRecipient
from gateway.disclosure.withdraw import freeze_lines, withdraw_consent
from gateway.errors import Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry import agencies, caseload, people, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.acts import act
from gateway.registry.computed import orientation_on
from gateway.registry.models import CaseSubject, Face, Post, Subject
from gateway.review.clients import client, my_clients
from gateway.store.tables import new_reference
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import ConsentStatus, Orientation, SubjectRole

# Those whose own wishes about safety and support are asked; a perpetrator's agreement is sought by other means.
_NOT_HEARD_HERE = frozenset(
    {SubjectRole.PERPETRATOR, SubjectRole.ALLEGED_PERPETRATOR, SubjectRole.RECURRENT_OFFENDER}
)


@dataclass(frozen=True)
class Heard:
    """Someone the actor may hear, by reference; without a case it is about all of her cases."""

    subject_id: str
    reference: str
    role: str
    case_id: str | None
    case_reference: str
    known_as: frozenset[str]


@dataclass(frozen=True)
class SaidConsent:
    """A consent as it stands by itself today."""

    row: Consent
    state: ConsentStatus
    agencies: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class SaidViews:
    """Views as they were taken."""

    row: Views
    agencies: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class MandateView:
    """A mandate by reference; `state` is waiting, counts, ended."""

    mandate_id: str
    reference: str
    subject_id: str
    subject_reference: str
    advocate: str
    given_on: date
    expires_on: date
    confirmed_at: datetime | None
    state: str


@dataclass(frozen=True)
class MandateGiven:
    """What is said about a new mandate: to whom, how, and for how long."""

    advocate_post_id: str
    how_given: HowTaken
    alone: bool | None
    wording_version: str
    given_on: date
    expires_on: date


def people_i_hear(unit: Unit, actor: Actor) -> list[Heard]:
    """Give those the actor may hear: people of her cases who aren't the perpetrator, or an advocate's clients."""
    if actor.face is Face.ADVOCACY:
        return [_as_client(unit, actor, news.client.subject_id) for news in my_clients(unit, actor)]
    return [
        _in_case(unit, case.case_id, case.reference, view)
        for case in caseload.my_cases(unit, actor)
        if _faces_her(unit, actor, case.case_id)
        for view in subjects.subjects_of(unit, case.case_id)
        if view.role not in _NOT_HEARD_HERE and not _walled(unit, actor, view.subject_id)
    ]


def heard(unit: Unit, actor: Actor, subject_id: str, case_id: str | None) -> Heard:
    """Give someone the actor may hear; raise NotFound for anybody else."""
    if actor.face is Face.ADVOCACY and case_id is None:
        return _as_client(unit, actor, subject_id)
    found = [
        one for one in people_i_hear(unit, actor) if (one.subject_id, one.case_id) == (subject_id, case_id)
    ]
    if not found:
        raise missing()
    return found[0]


def agencies_to_name(unit: Unit, actor: Actor) -> list[tuple[str, str]]:
    """Give the agencies an answer may name, by name."""
    return [(one.agency_id, one.name) for one in agencies.agencies(unit, actor.partnership_id) if one.current]


def record_views(
    unit: Unit, actor: Actor, who: Heard, wish: Wish, reach: Reach, taking: Taking
) -> tuple[Views, int]:
    """Record what she wants; give the row and how many parcels that froze.

    When she agreed before and objects now, what is within reach of it waits for a fresh decision (DESIGN 5).
    Raises Invalid, naming the field, when it can't have happened as told.
    """
    _check_agencies(unit, actor, reach)
    subjects.lock(unit, who.subject_id)
    before = views.latest(unit, who.subject_id, who.case_id, also=who.known_as)
    row = views.record(
        unit,
        actor,
        subject_id=who.subject_id,
        case_id=who.case_id,
        controller_agency_id=actor.agency_id,
        wish=wish,
        reach=reach,
        taking=taking,
    )
    agreed_before = before is not None and before.wish == Wish.AGREES
    if wish is not Wish.OBJECTS or not agreed_before:
        return row, 0
    return row, freeze_lines(unit, actor, _within(unit, who, row), because="views_changed")


def record_consent(
    unit: Unit, actor: Actor, who: Heard, answer: Answer, reach: Reach, taking: Taking, *, under_duress: bool
) -> tuple[Consent, int]:
    """Record what she answered where consent is the ground; give the row and how many parcels that froze.

    A no after a yes is a withdrawal, whatever it is called: what is within its reach waits for a fresh decision.
    Raises Invalid as `consents.record` does.
    """
    _check_agencies(unit, actor, reach)
    subjects.lock(unit, who.subject_id)
    before = consents.of_subject(unit, who.subject_id, who.known_as)
    agreed_before = any(consents.standing(unit, one) is ConsentStatus.GIVEN for one in before)
    row = consents.record(
        unit,
        actor,
        subject_id=who.subject_id,
        case_id=who.case_id,
        controller_agency_id=actor.agency_id,
        answer=answer,
        reach=reach,
        taking=taking,
        under_duress=under_duress,
    )
    if answer is not Answer.REFUSED or not agreed_before:
        return row, 0
    return row, freeze_lines(unit, actor, _within(unit, who, row), because="consent_refused")


def consent_of(unit: Unit, actor: Actor, who: Heard, consent_id: str) -> Consent:
    """Give a consent of hers within reach of this conversation; raise NotFound for another's."""
    row = consents.get(unit, actor.partnership_id, consent_id)
    if row.subject_id not in who.known_as or (who.case_id and row.case_id not in {None, who.case_id}):
        raise missing()
    return row


def withdraw(unit: Unit, actor: Actor, who: Heard, consent_id: str, *, by_subject: bool) -> int:
    """Withdraw a consent of hers at once; give how many parcels were frozen. Raises NotFound for another's."""
    consent_of(unit, actor, who, consent_id)
    return withdraw_consent(unit, actor, consent_id, by_subject=by_subject)


def said(unit: Unit, who: Heard) -> tuple[list[SaidConsent], list[SaidViews]]:
    """Give what she has said so far, newest first, with each consent as it stands today."""
    names = agencies.names(unit, unit.session.get_one(Subject, who.subject_id).partnership_id)
    given = [
        SaidConsent(
            row, consents.standing(unit, row), _named(names, row.agency_ids), consents.words_of(unit, row)
        )
        for row in consents.of_subject(unit, who.subject_id, who.known_as)
        if who.case_id is None or row.case_id in {None, who.case_id}
    ]
    wished = [
        SaidViews(row, _named(names, row.agency_ids), views.words_of(unit, row))
        for row in views.of_subject(unit, who.subject_id, who.case_id, who.known_as)
    ]
    return given, wished


def advocates(unit: Unit, actor: Actor) -> list[tuple[str, str]]:
    """Give the advocates a mandate may name: post and words."""
    current = {view.post_id: view for view in people.current_posts(unit, actor.partnership_id)}
    rows = select(Post.id).where(Post.partnership_id == actor.partnership_id, Post.face == Face.ADVOCACY)
    chosen = [current[post_id] for post_id in unit.session.exec(rows) if post_id in current]
    return sorted(
        ((view.post_id, f"{view.name}, {view.agency_name}") for view in chosen), key=lambda one: one[1]
    )


def record_mandate(unit: Unit, actor: Actor, who: Heard, given: MandateGiven) -> Mandate:
    """Record that someone the actor may hear gave a mandate to an advocate of the partnership.

    Raises Invalid, naming the field, when the advocate isn't one or the dates can't be.
    """
    return mandates.record(unit, actor, _new(unit, actor, who.subject_id, given))


def record_my_mandate(unit: Unit, actor: Actor, reference: str, given: MandateGiven) -> str:
    """Record, as the advocate, that the person with this reference gave her a mandate; give the mandate's reference.

    Whether there is such a person doesn't show: an unknown reference is recorded and answered in the same way, and
    nobody will confirm it (promise 8). Raises Invalid as `record_mandate` does.
    """
    row = unit.session.exec(
        select(Subject).where(
            Subject.partnership_id == actor.partnership_id, Subject.reference == reference.strip().upper()
        )
    ).first()
    if row is not None:
        return mandates.record(unit, actor, _new(unit, actor, row.id, given)).reference
    mandates.check(_new(unit, actor, "", given), unit)
    received = new_reference()
    act(unit, actor, EntryKind.MANDATE_GIVEN, codes={"mandate": received, "matched": False})
    return received


def mandates_to_confirm(unit: Unit, actor: Actor) -> list[MandateView]:
    """Give the mandates that wait for this actor's agency as the second one."""
    hears = {known: who for who in people_i_hear(unit, actor) for known in who.known_as}
    return [
        view_of(unit, row)
        for row in mandates.waiting(unit, list(hears))
        if actor.agency_id not in {row.advocate_agency_id, row.recorded_agency_id}
    ]


def confirm_mandate(unit: Unit, actor: Actor, mandate_id: str) -> Mandate:
    """Confirm a mandate for a second agency.

    Raises NotFound unless the actor may hear the person, and as `mandates.confirm` does.
    """
    _must_hear(unit, actor, mandates.get(unit, actor.partnership_id, mandate_id))
    return mandates.confirm(unit, actor, mandate_id)


def end_mandate(unit: Unit, actor: Actor, mandate_id: str, *, by_subject: bool) -> Mandate:
    """End a mandate at once: the advocate herself, or anybody who may hear the person. Raises NotFound otherwise."""
    row = mandates.get(unit, actor.partnership_id, mandate_id)
    if row.advocate_post_id != actor.post_id:
        _must_hear(unit, actor, row)
    return mandates.revoke(unit, actor, mandate_id, by_subject=by_subject)


def end_my_mandates(unit: Unit, actor: Actor, subject_id: str, *, by_subject: bool) -> None:
    """End every mandate by which this advocate reads a client's log. Raises NotFound when there is none."""
    found = client(unit, actor, subject_id)
    for row in mandates.require(unit, actor.post_id, subject_id, found.known_as):
        mandates.revoke(unit, actor, row.id, by_subject=by_subject)


def mandates_of(unit: Unit, who: Heard) -> list[MandateView]:
    """Give every mandate of someone the actor may hear, newest first."""
    return [view_of(unit, row) for row in mandates.of_subject(unit, who.subject_id, who.known_as)]


def _must_hear(unit: Unit, actor: Actor, row: Mandate) -> None:
    if not any(row.subject_id in who.known_as for who in people_i_hear(unit, actor)):
        raise missing()


def _as_client(unit: Unit, actor: Actor, subject_id: str) -> Heard:
    found = client(unit, actor, subject_id)
    roles = select(CaseSubject.role).where(col(CaseSubject.subject_id).in_(found.known_as))
    role = unit.session.exec(roles).first() or ""
    return Heard(subject_id, found.reference, role, None, "", found.known_as)


def _in_case(unit: Unit, case_id: str, reference: str, view: subjects.SubjectView) -> Heard:
    known = subjects.known_as(unit, view.subject_id)
    return Heard(view.subject_id, view.reference, view.role, case_id, reference, known)


def _faces_her(unit: Unit, actor: Actor, case_id: str) -> bool:
    """Whoever works with the perpetrator doesn't take down what she says (DESIGN 5, orientation)."""
    orientation = orientation_on(unit, case_id, actor.post_id)
    return orientation not in {Orientation.PERPETRATOR_FACING, Orientation.BOTH}


def _walled(unit: Unit, actor: Actor, subject_id: str) -> bool:
    return walls.walled(unit, subject_id, actor.person_id, actor.agency_id)


def _within(unit: Unit, who: Heard, row: Views | Consent) -> Sequence[Line]:
    """The released lines that an answer is about: same person, case, purpose, kind of information and agency."""
    rows = (
        select(Line, Request, RequestRecipient)
        .join(Request, col(Request.id) == col(Line.request_id))
        .join(RequestRecipient, col(RequestRecipient.id) == col(Line.recipient_id))
        .where(col(Line.subject_id).in_(who.known_as), Line.state == LineState.RELEASED)
    )
    return [
        line
        for line, request, recipient in unit.session.exec(rows)
        if who.case_id in {None, request.case_id}
        and covers(row, request.purpose, line.category, _agency_of(unit, recipient), empty_means_any=True)
    ]


def _agency_of(unit: Unit, recipient: RequestRecipient) -> str | None:
    return unit.session.get_one(Post, recipient.post_id).agency_id if recipient.post_id else None


def _check_agencies(unit: Unit, actor: Actor, reach: Reach) -> None:
    known = {agency_id for agency_id, _name in agencies_to_name(unit, actor)}
    if reach.agency_ids - known:
        raise Invalid("This can't be recorded.", fields={"agency_ids": "Choose agencies from the list."})


def _new(unit: Unit, actor: Actor, subject_id: str, given: MandateGiven) -> NewMandate:
    if given.advocate_post_id not in {post_id for post_id, _words in advocates(unit, actor)}:
        raise Invalid(
            "This can't be recorded.", fields={"advocate_post_id": "Choose an advocate from the list."}
        )
    advocate = people.post_view(unit, actor.partnership_id, given.advocate_post_id)
    return NewMandate(
        subject_id=subject_id,
        advocate_agency_id=advocate.agency_id,
        controller_agency_id=actor.agency_id,
        **vars(given),
    )


def view_of(unit: Unit, row: Mandate) -> MandateView:
    """What is shown of a mandate."""
    subject = unit.session.get_one(Subject, row.subject_id)
    advocate = people.post_view(unit, row.partnership_id, row.advocate_post_id)
    waiting = row.confirmed_at is None and row.revoked_at is None
    state = "counts" if mandates.counts(row, unit) else "waiting" if waiting else "ended"
    return MandateView(
        mandate_id=row.id,
        reference=row.reference,
        subject_id=row.subject_id,
        subject_reference=subject.reference,
        advocate=f"{advocate.name}, {advocate.agency_name}",
        given_on=row.given_on,
        expires_on=row.expires_on,
        confirmed_at=row.confirmed_at,
        state=state,
    )


def _named(names: dict[str, str], ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(names.get(one, "an agency that is no longer on record") for one in ids))
