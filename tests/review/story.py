"""What happened in the small partnership: asked, partly refused, released and opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gateway.consent import mandates
from gateway.consent.mandates import NewMandate
from gateway.consent.models import HowTaken
from gateway.disclosure import record
from gateway.disclosure.models import (
    Line,
    LineDecision,
    LineState,
    Opening,
    Request,
    RequestKind,
    RequestRecipient,
    RequestState,
)
from gateway.ledger.entries import EntryKind
from gateway.sealing.models import CopyOf, KeyPlace, KeyState, Parcel, ParcelState, RecipientKey
from gateway.store.tables import new_reference
from gateway.store.unit_of_work import Store, Unit
from gateway.vocabulary import Category, Outcome, Purpose
from tests.meadow import Meadow

WHY = "The alarm at her door went off twice."
REFUSED_BECAUSE = "Staff who see him are not told where she is."


@dataclass
class Story:
    """Ids of what happened."""

    request_id: str
    asked: str
    decided: str
    released: str
    opened: str
    parcel_id: str
    line_id: str


def give_mandate(store: Store, meadow: Meadow, advocate: str = "advocate", *, days: int = 30) -> str:
    """A mandate of the victim to an advocate, confirmed by the police; gives its id."""
    with store.writing() as unit:
        today = unit.now.date()
        row = mandates.record(
            unit,
            meadow.actor(unit, advocate),
            NewMandate(
                subject_id=meadow.victim,
                advocate_post_id=getattr(meadow, advocate),
                advocate_agency_id=meadow.charity,
                controller_agency_id=meadow.charity,
                how_given=HowTaken.FACE_TO_FACE,
                alone=True,
                wording_version="mandate-1",
                given_on=today,
                expires_on=today + timedelta(days=days),
            ),
        )
        mandates.confirm(unit, meadow.actor(unit, "officer"), row.id)
        return row.id


def tell(store: Store, meadow: Meadow, *, also_about: str = "") -> Story:
    """Housing asks police for two kinds of information; one is refused, one released and opened."""
    with store.writing() as unit:
        request = _request(unit, meadow)
        recipient = _recipient(unit, meadow, request)
        kinds = (Category.HOUSING, Category.ADDRESS_CURRENT)
        lines = [_line(unit, request, meadow.victim, recipient, kind) for kind in kinds]
        if also_about:
            lines.append(_line(unit, request, also_about, recipient, Category.RISK_ASSESSMENT))
        asked = record.act(
            unit, request, EntryKind.REQUEST_MADE, meadow.housing_officer, lines=lines, words={"why": WHY}
        )[0]
        kept = {line.id: _decision(unit, request, line) for line in lines}
        hers = lines[:2]
        decided = record.decisions(unit, request, hers, kept, "asked", meadow.housing_officer)[0]
        parcel = _parcel(unit, meadow, request, hers[0])
        refs = {"line": hers[0].id, "parcel": parcel.id}
        released = record.act(
            unit,
            request,
            EntryKind.RELEASE_MADE,
            meadow.officer,
            lines=hers[:1],
            refs=refs,
            codes={"recipient": recipient},
        )[0]
        opened = record.act(
            unit,
            request,
            EntryKind.PARCEL_OPENED,
            meadow.housing_officer,
            lines=hers[:1],
            refs={"parcel": parcel.id},
        )[0]
        unit.session.add(
            Opening(
                partnership_id=meadow.partnership_id,
                parcel_id=parcel.id,
                line_id=hers[0].id,
                post_id=meadow.housing_officer,
                entry_id=opened,
            )
        )
        return Story(request.id, asked, decided, released, opened, parcel.id, hers[0].id)


def _request(unit: Unit, meadow: Meadow) -> Request:
    row = Request(
        partnership_id=meadow.partnership_id,
        reference=new_reference(),
        kind=RequestKind.ASK,
        state=RequestState.OPEN,
        arrangement_id=meadow.arrangement,
        case_id=meadow.case,
        requester_post_id=meadow.housing_officer,
        requester_agency_id=meadow.housing,
        holder_agency_id=meadow.police,
        purpose=Purpose.VICTIM_SAFETY,
        powers=["cda1998_s115"],
        dp_regime="uk_gdpr",
        dp_condition="sch1_para18_safeguarding",
        confidence_basis="public_interest",
        why=b"",
        due_at=unit.now + timedelta(days=5),
    )
    unit.session.add(row)
    unit.session.flush()
    return row


def _recipient(unit: Unit, meadow: Meadow, request: Request) -> str:
    row = RequestRecipient(
        partnership_id=meadow.partnership_id,
        request_id=request.id,
        post_id=meadow.housing_officer,
        agency_type="la_housing",
        role="housing_officer",
    )
    unit.session.add(row)
    unit.session.flush()
    return row.id


def _line(unit: Unit, request: Request, subject_id: str, recipient: str, category: Category) -> Line:
    row = Line(
        partnership_id=request.partnership_id,
        request_id=request.id,
        subject_id=subject_id,
        category=category,
        recipient_id=recipient,
        controller_agency_id=request.holder_agency_id,
        state=LineState.REFUSED if category is Category.ADDRESS_CURRENT else LineState.RELEASED,
    )
    unit.session.add(row)
    unit.session.flush()
    return row


def _decision(unit: Unit, request: Request, line: Line) -> LineDecision:
    refused = line.category == Category.ADDRESS_CURRENT
    row = LineDecision(
        partnership_id=request.partnership_id,
        request_id=request.id,
        line_id=line.id,
        at_step="asked",
        policy_version="f" * 64,
        outcome=Outcome.DENY if refused else Outcome.PERMIT,
        reason_code="tested",
        facts={"consent": "refused", "lifted": []},
        requester_text="",
        officer_text=REFUSED_BECAUSE if refused else "Housing needs it for the alarm.",
    )
    unit.session.add(row)
    unit.session.flush()
    return row


def _parcel(unit: Unit, meadow: Meadow, request: Request, line: Line) -> Parcel:
    key = RecipientKey(
        partnership_id=meadow.partnership_id,
        agency_id=meadow.housing,
        post_id=meadow.housing_officer,
        holder_number="1",
        place=KeyPlace.FIRST,
        kid=f"kid-{line.id}",
        jwk={},
        suite="P-256",
        state=KeyState.ACTIVE,
        author_post_id=meadow.housing_officer,
        author_person_id=meadow.people["housing_officer"],
    )
    unit.session.add(key)
    unit.session.flush()
    row = Parcel(
        partnership_id=meadow.partnership_id,
        controller_agency_id=meadow.police,
        request_id=request.id,
        line_id=line.id,
        release_id="0" * 32,
        recipient_post_id=meadow.housing_officer,
        copy_of=CopyOf.RECIPIENT,
        key_id=key.id,
        kid=key.kid,
        bucket=4096,
        digest="sha256:0",
        state=ParcelState.SEALED,
        state_since=unit.now,
        expires_at=unit.now + timedelta(days=90),
    )
    unit.session.add(row)
    unit.session.flush()
    return row
