"""Authorities: who may decide what, given by two officers; and what cover lends of them."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import oversight
from gateway.registry import authorities, lending, memberships
from gateway.registry.authorities import AuthorityView
from gateway.registry.lending import Lending
from gateway.vocabulary import vocabulary
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, label, when
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import AuthorityForm, PlainForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section
from gateway.web.governance.posts import post_found, who
from gateway.web.staff.decisions import deadline

_HOW_TO_NAME_SOMEBODY = (
    "Give the role to a post from its page, and have a second officer approve it. Where the holder is away, arrange"
    " cover and have it agreed to.\nWhoever asked, or would receive it, cannot decide it. Nor can somebody whom a wall"
    " keeps out. Once somebody can, it is on her list and leaves this one."
)


@blueprint.route("/posts/<id:post_id>/cover/agree", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def agree_cover(post_id: str) -> ResponseReturnValue:
    """Agree, as the second person, to what cover lends."""
    found = post_found(post_id)
    with current_gateway().store.reading() as unit:
        lent = lending.lending_of(unit, post_id)
    facts = who(found)
    if lent is not None:
        facts += [
            ("Stands in", f"{lent.stand_in.name}, {label(lent.stand_in.role, 'role')}"),
            ("Until", when(lent.until)),
            ("Arranged by", lent.asked_by or "Not known"),
            ("Would decide as", roles(lent.waiting) or "Nothing waits"),
        ]
    return confirm(
        PlainForm(),
        lambda unit: lending.agree(unit, current_actor(), post_id),
        heading="Lend these authorities?",
        done="The stand-in may decide from now, until the cover ends.",
        back=url_for(".authority_list"),
        facts=facts,
        says=["Who arranged the cover, and who stands in, cannot agree to it."],
        button="Agree",
    )


@blueprint.get("/undecidable")
@allow(Face.GOVERNANCE)
def undecidable_list() -> ResponseReturnValue:
    """What was referred to a role that nobody can exercise: name a post, or arrange cover."""
    with current_gateway().store.reading() as unit:
        found = oversight.undecidable(unit, current_actor())
    rows: list[list[Cell]] = [
        [
            one.reference,
            roles(one.roles),
            "; ".join(one.agencies) or "Any agency of the arrangement",
            one.arrangement,
            deadline(one.due_at) if one.due_at else "",
        ]
        for one in found
    ]
    head = ("Request", "Role, any of", "Of", "Arrangement", "To be decided by")
    return record(
        "Decisions that nobody can make",
        back=url_for(".home"),
        listings=[Listing("Soonest first", head, rows, empty="Somebody can decide all that was referred.")],
        texts=[("What to do", _HOW_TO_NAME_SOMEBODY)],
        acts=[Act("Posts", url_for(".post_list")), Act("Authorities", url_for(".authority_list"))],
    )


@blueprint.get("/authorities")
@allow(Face.GOVERNANCE)
def authority_list() -> ResponseReturnValue:
    """Who may decide what no rule may."""
    with current_gateway().store.reading() as unit:
        found = authorities.authorities(unit, current_actor())
        lent = lending.to_agree(unit, current_actor())
    head = ("Role", "Holder", "From", "Until", "State", "")
    return section(
        "Authorities",
        Listing(
            "Lent to a stand-in, once you agree",
            ("Holder, off duty", "Stands in", "Would decide as", "Until", ""),
            [_lending_row(one) for one in lent],
            empty="None waits for you.",
        ),
        Listing(
            "Waiting for a second officer",
            head,
            [authority_row(one) for one in found if one.waiting],
            empty="None waits.",
        ),
        Listing(
            "Granted",
            head,
            [authority_row(one) for one in found if not one.waiting],
            empty="None is granted.",
        ),
        acts=[Act("Decisions that nobody can make", url_for(".undecidable_list"))],
        intro="An authority is granted from the page of a post. One officer asks, another approves, neither holds it.",
    )


@blueprint.route("/posts/<id:post_id>/authority", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def ask_authority(post_id: str) -> ResponseReturnValue:
    """Ask that a post may decide."""
    found = post_found(post_id)
    form = AuthorityForm()
    form.role_code.choices = pick(
        [(role.value, term.label) for role, term in vocabulary().roles.items() if term.authorises]
    )
    with current_gateway().store.reading() as unit:
        held = memberships.arrangements(unit, current_actor().partnership_id)
    form.arrangement_id.choices = [
        ("", "Every arrangement"),
        *((one.arrangement_id, one.name) for one in held),
    ]
    return confirm(
        form,
        lambda unit: authorities.grant_authority(
            unit,
            current_actor(),
            post_id,
            role_code=form.role_code.data,
            arrangement_id=form.arrangement_id.data or None,
            ends_on=form.ends_on.data,
        ),
        heading="Grant an authority",
        done="It waits for a second officer.",
        back=url_for(".post_page", post_id=post_id),
        facts=who(found),
        says=["It counts once another officer approves it."],
        button="Ask for approval",
    )


@blueprint.route("/authorities/<id:authority_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_authority(authority_id: str) -> ResponseReturnValue:
    """Approve as the second officer."""
    return confirm(
        PlainForm(),
        lambda unit: authorities.approve_authority(unit, current_actor(), authority_id),
        heading="Approve this authority?",
        done="The authority counts from now.",
        back=url_for(".authority_list"),
        facts=_about(_authority(authority_id)),
        button="Approve",
    )


@blueprint.route("/authorities/<id:authority_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_authority(authority_id: str) -> ResponseReturnValue:
    """End an authority, or turn one down."""
    return confirm(
        PlainForm(),
        lambda unit: authorities.end_authority(unit, current_actor(), authority_id),
        heading="End this authority?",
        done="The authority has ended.",
        back=url_for(".authority_list"),
        facts=_about(_authority(authority_id)),
        says=["It ends now. What was already decided with it stays decided."],
        button="End authority",
        warning=True,
    )


def _authority(authority_id: str) -> AuthorityView:
    with current_gateway().store.reading() as unit:
        return authorities.authority(unit, current_actor(), authority_id)


def _about(found: AuthorityView) -> list[tuple[str, Cell]]:
    return [
        ("May decide as", label(found.role_code, "role")),
        ("Holder", found.post.name),
        ("Agency", found.post.agency_name),
        ("Until", day(found.ends_on) or "No last day"),
    ]


def roles(codes: tuple[str, ...]) -> str:
    """Give role codes as a list in words."""
    return ", ".join(label(code, "role") for code in codes)


def _lending_row(one: Lending) -> list[Cell]:
    return [
        one.post.name,
        one.stand_in.name,
        roles(one.waiting),
        when(one.until),
        link("Answer", url_for(".agree_cover", post_id=one.post.post_id), f"cover of {one.post.name}"),
    ]


def authority_row(one: AuthorityView) -> list[Cell]:
    """Give an authority as a row of a table, with the way to answer or end it."""
    place: dict[str, Any] = {"authority_id": one.authority_id}
    hidden = f"{label(one.role_code, 'role')} of {one.post.name}"
    way = (
        link("Answer", url_for(".approve_authority", **place), hidden)
        if one.waiting
        else link("End", url_for(".end_authority", **place), hidden)
    )
    state = "Waits for approval" if one.waiting else "Counts" if one.current else "Does not count"
    return [
        label(one.role_code, "role"),
        one.post.name,
        day(one.starts_on),
        day(one.ends_on) or "No last day",
        state,
        way,
    ]
