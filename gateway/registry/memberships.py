"""Arrangements and who belongs to them: an agency's standing is worked out for this arrangement, on this day.

Criminal Justice Act 2003 s325 names responsible authorities and bodies that must co-operate; other arrangements
rest on other duties or on none. A standing therefore never belongs to an agency alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam
from sqlmodel import col, select

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor, post_is_current
from gateway.registry.acts import a_reason, act, must_govern
from gateway.registry.agencies import is_open, not_found, today
from gateway.registry.models import Agency, Arrangement, Membership, Post
from gateway.registry.reconcile import Change
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Duty

# Strongest first: an agency that belongs twice is judged by the weightier of its two standings.
_WEIGHT = (
    Duty.RESPONSIBLE_AUTHORITY,
    Duty.DUTY_TO_COOPERATE,
    Duty.OTHER_STATUTORY_DUTY,
    Duty.ASSOCIATE,
    Duty.NONE,
)


@dataclass(frozen=True)
class Standing:
    """What an agency is in an arrangement on a day: its standing, the authority cited for it, and whether it belongs.

    A voluntary member has the standing `none` and `member` true; a lapsed one has `none` and `member` false.
    """

    standing: Duty
    authority: str
    member: bool
    signatory: bool = False


_OF_ARRANGEMENT = select(Membership).where(Membership.arrangement_id == bindparam("arrangement"))
NO_STANDING = Standing(Duty.NONE, "", member=False, signatory=False)


@dataclass(frozen=True)
class ArrangementView:
    """An arrangement with its local settings; `missing` names those without which no pack is switched on for it."""

    arrangement_id: str
    code: str
    kind: str
    name: str
    area: str
    jurisdiction: str
    protocol_reference: str | None
    chair_post_id: str | None
    retention_days: int | None
    dpia_reference: str | None
    review_on: date | None
    ends_on: date | None
    current: bool
    missing: tuple[str, ...]


@dataclass(frozen=True)
class MembershipView:
    """One membership with its authority and dates; `current` says whether it counts today."""

    membership_id: str
    agency_id: str
    agency_name: str
    agency_type: str
    standing: str
    authority: str
    area: str | None
    signatory: bool
    starts_on: date
    ends_on: date | None
    current: bool


def membership_standing(unit: Unit, arrangement_id: str, agency_id: str, day: date) -> Standing:
    """Give the standing of an agency in an arrangement on a local day.

    First and last day count whole. An arrangement that is over, a closed agency, an unknown standing and a membership
    ended early all give no standing.
    """
    arrangement = unit.session.get(Arrangement, arrangement_id)
    agency = unit.session.get(Agency, agency_id)
    if arrangement is None or agency is None or arrangement.partnership_id != agency.partnership_id:
        return NO_STANDING
    if not _runs(arrangement, day) or not is_open(agency, day):
        return NO_STANDING
    rows = [row for row in _memberships(unit, arrangement_id) if row.agency_id == agency_id]
    counted = [row for row in rows if _counts(row, day) and row.standing in _WEIGHT]
    if not counted:
        return NO_STANDING
    best = min(counted, key=lambda row: _WEIGHT.index(Duty(row.standing)))
    return Standing(
        standing=Duty(best.standing),
        authority=best.authority,
        member=True,
        signatory=any(row.signatory for row in counted),
    )


def standing_of(unit: Unit, arrangement_id: str, agency_id: str) -> Standing:
    """Give the standing of an agency in an arrangement today, a local day of the partnership."""
    arrangement = unit.session.get(Arrangement, arrangement_id)
    if arrangement is None:
        return NO_STANDING
    return membership_standing(unit, arrangement_id, agency_id, today(unit, arrangement.partnership_id))


def arrangements(unit: Unit, partnership_id: str) -> list[ArrangementView]:
    """Give the partnership's arrangements by name."""
    rows = unit.session.exec(
        select(Arrangement).where(Arrangement.partnership_id == partnership_id).order_by(Arrangement.name)
    )
    day = today(unit, partnership_id)
    return [_arrangement_view(unit, row, day) for row in rows]


def arrangement(unit: Unit, partnership_id: str, arrangement_id: str) -> ArrangementView:
    """Give one arrangement of the partnership; raise NotFound when it isn't there."""
    row = _arrangement(unit, partnership_id, arrangement_id)
    return _arrangement_view(unit, row, today(unit, partnership_id))


def members(unit: Unit, partnership_id: str, arrangement_id: str) -> list[MembershipView]:
    """Give all memberships of an arrangement, current ones first. Raises NotFound."""
    _arrangement(unit, partnership_id, arrangement_id)
    day = today(unit, partnership_id)
    rows = unit.session.exec(
        select(Membership, Agency)
        .join(Agency, col(Membership.agency_id) == col(Agency.id))
        .where(Membership.arrangement_id == arrangement_id)
    )
    views = [_membership_view(row, agency, day) for row, agency in rows]
    return sorted(views, key=lambda one: (not one.current, one.agency_name, one.starts_on))


def membership(unit: Unit, actor: Actor, membership_id: str) -> tuple[ArrangementView, MembershipView]:
    """Give one membership and its arrangement; raise NotFound when it isn't there."""
    row = unit.session.get(Membership, membership_id)
    if row is None or row.partnership_id != actor.partnership_id:
        raise not_found("membership")
    day = today(unit, actor.partnership_id)
    view = _membership_view(row, unit.session.get_one(Agency, row.agency_id), day)
    return arrangement(unit, actor.partnership_id, row.arrangement_id), view


def admission(
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
) -> Change:
    """Give what admitting an agency would change, and change nothing: a second officer approves it first (promise 9).

    By an officer of the partnership whose own agency isn't the one admitted: nobody widens her own standing
    (promise 3). Raises NotFound, Forbidden, Invalid.
    """
    row = _arrangement(unit, actor.partnership_id, arrangement_id)
    agency = unit.session.get(Agency, agency_id)
    if agency is None or agency.partnership_id != actor.partnership_id:
        raise Invalid("This agency isn't here.", fields={"agency_id": "Choose an agency from the list."})
    must_govern(actor)
    if agency_id == actor.agency_id:
        raise Forbidden(
            "Nobody admits her own agency.",
            next_step="Ask an officer of the partnership from another agency.",
        )
    if standing not in _WEIGHT:
        raise Invalid("This standing isn't known.", fields={"standing": "Choose a standing from the list."})
    if not authority.strip():
        raise Invalid(
            "An authority is needed.", fields={"authority": "Enter the Act and section, or the protocol."}
        )
    if ends_on is not None and ends_on < starts_on:
        raise Invalid(
            "The dates are the wrong way round.", fields={"ends_on": "Enter a day on or after the first."}
        )
    made = Membership(
        partnership_id=actor.partnership_id,
        arrangement_id=row.id,
        agency_id=agency_id,
        standing=standing,
        authority=authority.strip(),
        signatory=signatory,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    return Change("membership", f"{row.code}/{agency.code}", new=True, row=made)


def admit(unit: Unit, actor: Actor, change: Change) -> None:
    """Write an admission that `actor` approved as the second officer (`proposals` says who may)."""
    made = change.row
    if not isinstance(made, Membership):
        raise TypeError("an admission makes a membership")
    unit.session.add(made)
    act(
        unit,
        actor,
        EntryKind.MEMBERSHIP_CHANGED,
        controller_agency_id=made.agency_id,
        refs={"membership": made.id, "arrangement": made.arrangement_id, "agency": made.agency_id},
        codes={
            "change": "begun",
            "standing": made.standing,
            "signatory": made.signatory,
            "starts_on": made.starts_on.isoformat(),
        },
        words={"authority": made.authority},
    )


def end_membership(unit: Unit, actor: Actor, membership_id: str, reason: str) -> None:
    """End a membership at once: by an officer of the partnership or of the agency itself; tightening takes one.

    Raises NotFound, Forbidden, Invalid, Conflict when it is over.
    """
    row = unit.session.exec(
        select(Membership).where(Membership.id == membership_id).with_for_update()
    ).first()
    if row is None or row.partnership_id != actor.partnership_id:
        raise not_found("membership")
    must_govern(actor, row.agency_id)
    said = a_reason(reason)
    if row.ended_at is not None:
        raise Conflict("This membership has already ended.", next_step="Look at the arrangement again.")
    row.ended_at = unit.now
    unit.session.add(row)
    act(
        unit,
        actor,
        EntryKind.MEMBERSHIP_CHANGED,
        controller_agency_id=row.agency_id,
        refs={"membership": row.id, "arrangement": row.arrangement_id, "agency": row.agency_id},
        codes={"change": "ended", "standing": row.standing},
        words={"reason": said},
    )


def set_local_settings(
    unit: Unit,
    actor: Actor,
    arrangement_id: str,
    *,
    protocol_reference: str,
    chair_post_id: str,
    retention_days: int,
    dpia_reference: str,
    review_on: date,
) -> None:
    """Write the local settings that an arrangement needs before its rules may be enabled.

    Raises NotFound, Forbidden, Invalid.
    """
    row = _arrangement(unit, actor.partnership_id, arrangement_id)
    must_govern(actor)
    day = today(unit, actor.partnership_id)
    chair = unit.session.get(Post, chair_post_id)
    faults: dict[str, str] = {}
    if chair is None or chair.partnership_id != actor.partnership_id or not post_is_current(chair, day):
        faults["chair_post_id"] = "Choose a current post."
    if retention_days < 1:
        faults["retention_days"] = "Enter a number of days, 1 or more."
    if review_on < day:
        faults["review_on"] = "Enter a day that isn't past."
    if faults:
        raise Invalid("Some settings aren't usable.", fields=faults)
    row.protocol_reference, row.chair_post_id = protocol_reference.strip() or None, chair_post_id
    row.retention_days, row.dpia_reference, row.review_on = (
        retention_days,
        dpia_reference.strip() or None,
        review_on,
    )
    unit.session.add(row)
    act(
        unit,
        actor,
        EntryKind.MEMBERSHIP_CHANGED,
        refs={"arrangement": row.id, "chair": chair_post_id},
        codes={
            "change": "local_settings",
            "retention_days": retention_days,
            "review_on": review_on.isoformat(),
        },
        words={"protocol": protocol_reference.strip(), "dpia": dpia_reference.strip()},
    )


def hold_memberships(unit: Unit, arrangement_id: str, agency_ids: Collection[str]) -> None:
    """Let nobody end what these agencies are in this arrangement before the unit commits (promise 4)."""
    chosen = select(Membership.id).where(
        Membership.arrangement_id == arrangement_id, col(Membership.agency_id).in_(agency_ids)
    )
    unit.session.exec(chosen.with_for_update(read=True)).all()
    _memberships(unit, arrangement_id, afresh=True)


def _memberships(unit: Unit, arrangement_id: str, *, afresh: bool = False) -> list[Membership]:
    def read() -> list[Membership]:
        chosen = {"arrangement": arrangement_id}
        options = {"populate_existing": afresh}
        return list(unit.session.exec(_OF_ARRANGEMENT, params=chosen, execution_options=options))

    return unit.once("registry", ("memberships", arrangement_id), read, afresh=afresh)


def _runs(row: Arrangement, day: date) -> bool:
    return row.ends_on is None or row.ends_on >= day


def _counts(row: Membership, day: date) -> bool:
    if row.ended_at is not None or row.starts_on > day:
        return False
    return row.ends_on is None or row.ends_on >= day


def _arrangement(unit: Unit, partnership_id: str, arrangement_id: str) -> Arrangement:
    row = unit.session.get(Arrangement, arrangement_id)
    if row is None or row.partnership_id != partnership_id:
        raise not_found("arrangement")
    return row


def _arrangement_view(unit: Unit, row: Arrangement, day: date) -> ArrangementView:
    chair = unit.session.get(Post, row.chair_post_id) if row.chair_post_id else None
    settings = {
        "protocol_reference": row.protocol_reference,
        "chair_post_id": chair if chair and post_is_current(chair, day) else None,
        "retention_days": row.retention_days,
        "dpia_reference": row.dpia_reference,
    }
    return ArrangementView(
        arrangement_id=row.id,
        code=row.code,
        kind=row.kind,
        name=row.name,
        area=row.area,
        jurisdiction=row.jurisdiction,
        protocol_reference=row.protocol_reference,
        chair_post_id=row.chair_post_id,
        retention_days=row.retention_days,
        dpia_reference=row.dpia_reference,
        review_on=row.review_on,
        ends_on=row.ends_on,
        current=_runs(row, day),
        missing=tuple(name for name, value in settings.items() if not value),
    )


def _membership_view(row: Membership, agency: Agency, day: date) -> MembershipView:
    return MembershipView(
        membership_id=row.id,
        agency_id=agency.id,
        agency_name=agency.name,
        agency_type=agency.agency_type,
        standing=row.standing,
        authority=row.authority,
        area=row.area,
        signatory=row.signatory,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        current=_counts(row, day) and is_open(agency, day),
    )
