"""Agencies, arrangements and memberships: who belongs to what, by which authority, and since when."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.registry import agencies, memberships, offers, people
from gateway.registry.agencies import AgencyView
from gateway.registry.memberships import ArrangementView, MembershipView
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, day, label
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import AnswerTimeForm, MembershipForm, ReasonForm, SettingsForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section, yes_or_no

_SETTINGS = {
    "protocol_reference": "the protocol",
    "chair_post_id": "a chair whose post is current",
    "retention_days": "how long records are kept",
    "dpia_reference": "the impact assessment (DPIA)",
}


@blueprint.get("/agencies")
@allow(Face.GOVERNANCE)
def agency_list() -> ResponseReturnValue:
    """The agencies of the partnership."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = agencies.agencies(unit, actor.partnership_id)
    head = ("Agency", "Kind", "Answers within", "Sign-in", "State")
    return section(
        "Agencies", Listing("Agencies of the partnership", head, [_agency_row(one) for one in found])
    )


@blueprint.get("/agencies/<id:agency_id>")
@allow(Face.GOVERNANCE)
def agency_page(agency_id: str) -> ResponseReturnValue:
    """One agency and where it belongs today."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = agencies.agency(unit, actor.partnership_id, agency_id)
        held = [
            (one, memberships.standing_of(unit, one.arrangement_id, agency_id))
            for one in memberships.arrangements(unit, actor.partnership_id)
        ]
    rows: list[list[Cell]] = [
        [
            link(one.name, url_for(".arrangement_page", arrangement_id=one.arrangement_id)),
            label(standing.standing, "duty") if standing.member else "Not a member",
            standing.authority,
        ]
        for one, standing in held
    ]
    mine = actor.governs or agency_id == actor.agency_id
    return record(
        found.name,
        back=url_for(".agency_list"),
        facts=[
            ("Kind", label(found.agency_type, "agency_type")),
            ("Answers within", count(found.answers_within_days, "working day")),
            ("Sign-in provider", found.issuer or "None registered"),
            ("State", "Open" if found.current else f"Closed on {day(found.closed_on)}"),
        ],
        listings=[Listing("Standing today", ("Arrangement", "Standing", "Authority"), rows)],
        acts=[Act("Change the time to answer", url_for(".answer_time", agency_id=agency_id))] if mine else [],
    )


@blueprint.route("/agencies/<id:agency_id>/answer-time", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def answer_time(agency_id: str) -> ResponseReturnValue:
    """Change within how many working days an agency answers."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = agencies.agency(unit, actor.partnership_id, agency_id)
    form = AnswerTimeForm(data={"answers_within_days": found.answers_within_days})
    return confirm(
        form,
        lambda unit: agencies.set_answer_time(unit, actor, agency_id, form.answers_within_days.data or 0),
        heading="Time to answer",
        done="The time to answer is changed.",
        back=url_for(".agency_page", agency_id=agency_id),
        facts=[("Agency", found.name)],
        says=["It counts for requests made from now on."],
        button="Save",
    )


@blueprint.get("/arrangements")
@allow(Face.GOVERNANCE)
def arrangement_list() -> ResponseReturnValue:
    """The partnership's arrangements."""
    with current_gateway().store.reading() as unit:
        found = memberships.arrangements(unit, current_actor().partnership_id)
    rows: list[list[Cell]] = [
        [
            link(one.name, url_for(".arrangement_page", arrangement_id=one.arrangement_id)),
            label(one.kind, "arrangement"),
            one.area,
            label(one.jurisdiction, "jurisdiction"),
            "Settings missing" if one.missing else "Complete",
        ]
        for one in found
    ]
    head = ("Arrangement", "Kind", "Area", "Law of", "Local settings")
    return section("Arrangements", Listing("Arrangements of the partnership", head, rows))


@blueprint.get("/arrangements/<id:arrangement_id>")
@allow(Face.GOVERNANCE)
def arrangement_page(arrangement_id: str) -> ResponseReturnValue:
    """One arrangement, its local settings and its members."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = memberships.arrangement(unit, actor.partnership_id, arrangement_id)
        held = memberships.members(unit, actor.partnership_id, arrangement_id)
        chair = found.chair_post_id and people.post_view(unit, actor.partnership_id, found.chair_post_id)
    head = ("Agency", "Standing", "Authority", "Signed", "From", "Until", "")
    missing = [_SETTINGS[name] for name in found.missing]
    return record(
        found.name,
        back=url_for(".arrangement_list"),
        warnings=[f"No pack can be switched on for it before these are set: {', '.join(missing)}."]
        if missing
        else [],
        facts=[
            ("Kind", label(found.kind, "arrangement")),
            ("Area", found.area),
            ("Law of", label(found.jurisdiction, "jurisdiction")),
            ("Protocol", found.protocol_reference or "Not set"),
            ("Chair", chair.name if chair else "Not set"),
            ("Records are kept", count(found.retention_days, "day") if found.retention_days else "Not set"),
            ("Impact assessment (DPIA)", found.dpia_reference or "Not set"),
            ("Review by", day(found.review_on) or "Not set"),
            ("State", "Running" if found.current else f"Ended on {day(found.ends_on)}"),
        ],
        listings=[
            Listing(
                "Members today",
                head,
                [_member_row(one) for one in held if one.current],
                empty="None.",
            ),
            Listing(
                "Past and future", head, [_member_row(one) for one in held if not one.current], empty="None."
            ),
        ],
        acts=_arrangement_acts(found) if actor.governs else [],
    )


@blueprint.route("/arrangements/<id:arrangement_id>/settings", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def local_settings(arrangement_id: str) -> ResponseReturnValue:
    """Write an arrangement's local settings."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = memberships.arrangement(unit, actor.partnership_id, arrangement_id)
        offered = people.current_posts(unit, actor.partnership_id)
    form = SettingsForm(obj=found)
    form.chair_post_id.choices = pick([(one.post_id, f"{one.name}, {one.agency_name}") for one in offered])
    return confirm(
        form,
        lambda unit: memberships.set_local_settings(unit, actor, arrangement_id, **form.answers()),
        heading="Local settings",
        done="The local settings are saved.",
        back=url_for(".arrangement_page", arrangement_id=arrangement_id),
        facts=[("Arrangement", found.name)],
        button="Save",
    )


@blueprint.route("/arrangements/<id:arrangement_id>/admit", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def admit_agency(arrangement_id: str) -> ResponseReturnValue:
    """Admit an agency."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = memberships.arrangement(unit, actor.partnership_id, arrangement_id)
        offered = agencies.agencies(unit, actor.partnership_id)
    form = MembershipForm()
    form.offer([(one.agency_id, one.name) for one in offered if one.current])
    return confirm(
        form,
        lambda unit: offers.offer_admission(unit, actor, arrangement_id, **form.answers()),
        heading="Admit an agency",
        done="It waits for another officer who governs the partnership. Until she approves it nothing changes.",
        back=url_for(".arrangement_page", arrangement_id=arrangement_id),
        facts=[("Arrangement", found.name)],
        says=[
            "A standing widens what may be shared with the agency, so another officer who governs approves it.",
            "Nobody admits her own agency.",
        ],
        button="Ask for approval",
    )


@blueprint.route("/memberships/<id:membership_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_membership(membership_id: str) -> ResponseReturnValue:
    """End a membership."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found, held = memberships.membership(unit, actor, membership_id)
    form = ReasonForm()
    return confirm(
        form,
        lambda unit: memberships.end_membership(unit, actor, membership_id, form.reason.data or ""),
        heading="End this membership?",
        done="The membership has ended.",
        back=url_for(".arrangement_page", arrangement_id=found.arrangement_id),
        facts=[
            ("Arrangement", found.name),
            ("Agency", held.agency_name),
            ("Standing", label(held.standing, "duty")),
        ],
        says=["It ends now: from this moment nothing is shared with the agency because it belongs here."],
        button="End membership",
        warning=True,
    )


def _agency_row(one: AgencyView) -> list[Cell]:
    return [
        link(one.name, url_for(".agency_page", agency_id=one.agency_id)),
        label(one.agency_type, "agency_type"),
        count(one.answers_within_days, "working day"),
        "Own provider" if one.issuer else "None registered",
        "Open" if one.current else "Closed",
    ]


def _member_row(one: MembershipView) -> list[Cell]:
    end = link(
        "End", url_for(".end_membership", membership_id=one.membership_id), f"membership of {one.agency_name}"
    )
    return [
        one.agency_name,
        label(one.standing, "duty"),
        one.authority,
        yes_or_no(one.signatory),
        day(one.starts_on),
        day(one.ends_on) or "No last day",
        end if one.current else "",
    ]


def _arrangement_acts(found: ArrangementView) -> list[Act]:
    place: dict[str, Any] = {"arrangement_id": found.arrangement_id}
    return [
        Act("Change the local settings", url_for(".local_settings", **place)),
        Act("Admit an agency", url_for(".admit_agency", **place)),
    ]
