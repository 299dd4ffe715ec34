"""People, posts and authorities: who works where, who stands in, who may decide, and cutting a leaver."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.registry import authorities, lending, memberships, people
from gateway.registry.authorities import AuthorityView
from gateway.registry.lending import Lending
from gateway.registry.people import PostRecord
from gateway.vocabulary import vocabulary
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, label, when
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import AuthorityForm, CoverForm, PlainForm, ReasonForm, TrainingForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section, yes_or_no


@blueprint.get("/posts")
@allow(Face.GOVERNANCE)
def post_list() -> ResponseReturnValue:
    """Every post the officer keeps."""
    with current_gateway().store.reading() as unit:
        found = people.posts(unit, current_actor())
    current = [_row(post) for post in found if post.current]
    ended = [_row(post) for post in found if not post.current]
    head = ("Name", "Agency", "Role", "Works with", "State")
    return section(
        "People and posts",
        Listing("Current posts", head, current, empty="No post is current."),
        Listing("Posts that have ended or not begun", head, ended, empty="There is none."),
    )


@blueprint.get("/posts/<id:post_id>")
@allow(Face.GOVERNANCE)
def post_page(post_id: str) -> ResponseReturnValue:
    """One post."""
    with current_gateway().store.reading() as unit:
        found = people.post_record(unit, current_actor(), post_id)
        held = [one for one in authorities.authorities(unit, current_actor()) if one.post.post_id == post_id]
        lent = lending.lending_of(unit, post_id)
        mine = [one for one in lending.to_agree(unit, current_actor()) if one.post.post_id == post_id]
    facts: list[tuple[str, Cell]] = [
        ("Name", found.view.name),
        ("Agency", found.view.agency_name),
        ("Role", label(found.view.role, "role")),
        ("Works with", label(found.view.orientation, "orientation")),
        ("State", _state(found)),
        ("From", day(found.starts_on)),
        ("Until", day(found.ends_on) or "No last day"),
        ("Officer of the whole partnership", yes_or_no(found.governs)),
        ("Training holds until", day(found.trained_until) or "Not recorded"),
        ("Vetting holds until", day(found.vetted_until) or "Not recorded"),
    ]
    if found.cover is not None:
        facts.append(("Stands in", found.cover.name))
    if lent is not None:
        facts.append(("Lent to the stand-in", _roles(lent.lent) or "Nothing yet"))
        facts.append(("Waits for an officer's agreement", _roles(lent.waiting) or "Nothing"))
    rows = [_authority_row(one) for one in held]
    head = ("Role", "Holder", "From", "Until", "State", "")
    listing = Listing("May decide as", head, rows, empty="This post decides nothing that no rule may decide.")
    return record(
        "Post",
        back=url_for(".post_list"),
        facts=facts,
        listings=[listing],
        acts=[*_agreeing(mine), *_acts(found)],
    )


@blueprint.route("/posts/<id:post_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_post(post_id: str) -> ResponseReturnValue:
    """Cut a leaver."""
    found = _post(post_id)
    form = ReasonForm()
    return confirm(
        form,
        lambda unit: people.end_post(unit, current_actor(), post_id, form.reason.data or ""),
        heading="End this post?",
        done="The post has ended. Whoever held it is signed out everywhere.",
        back=url_for(".post_page", post_id=post_id),
        facts=_who(found),
        says=[
            "It ends now. Open sessions, authorities and places on cases go with it.",
            "It can't be undone: somebody who comes back gets a new post.",
        ],
        button="End post",
        warning=True,
    )


@blueprint.route("/posts/<id:post_id>/cover", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def cover_post(post_id: str) -> ResponseReturnValue:
    """Have somebody stand in."""
    found = _post(post_id)
    form = CoverForm()
    with current_gateway().store.reading() as unit:
        colleagues = people.current_posts(
            unit, current_actor().partnership_id, agency_id=found.view.agency_id
        )
    form.by_post_id.choices = pick(
        [
            (one.post_id, f"{one.name}, {label(one.role, 'role')}")
            for one in colleagues
            if one.person_id != found.view.person_id
        ]
    )
    return confirm(
        form,
        lambda unit: people.cover(
            unit, current_actor(), post_id, by_post_id=form.by_post_id.data, until=form.until.data
        ),
        heading="Arrange cover",
        done="Cover is arranged.",
        back=url_for(".post_page", post_id=post_id),
        facts=_who(found),
        says=[
            "Until the last day is over the stand-in sees and answers what this post would.",
            "What this post decides is lent only once another officer agrees.",
        ],
        button="Arrange cover",
    )


@blueprint.route("/posts/<id:post_id>/cover/agree", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def agree_cover(post_id: str) -> ResponseReturnValue:
    """Agree, as the second person, to what cover lends."""
    found = _post(post_id)
    with current_gateway().store.reading() as unit:
        lent = lending.lending_of(unit, post_id)
    facts = _who(found)
    if lent is not None:
        facts += [
            ("Stands in", f"{lent.stand_in.name}, {label(lent.stand_in.role, 'role')}"),
            ("Until", when(lent.until)),
            ("Arranged by", lent.asked_by or "Not known"),
            ("Would decide as", _roles(lent.waiting) or "Nothing waits"),
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


@blueprint.route("/posts/<id:post_id>/back", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def back_on_duty(post_id: str) -> ResponseReturnValue:
    """End an absence."""
    return confirm(
        PlainForm(),
        lambda unit: people.back_on_duty(unit, current_actor(), post_id),
        heading="End the absence?",
        done="The post is on duty again.",
        back=url_for(".post_page", post_id=post_id),
        facts=_who(_post(post_id)),
        button="End absence",
    )


@blueprint.route("/posts/<id:post_id>/training", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def post_training(post_id: str) -> ResponseReturnValue:
    """Write until when training and vetting hold."""
    found = _post(post_id)
    form = TrainingForm(data={"trained_until": found.trained_until, "vetted_until": found.vetted_until})
    return confirm(
        form,
        lambda unit: people.renew(
            unit,
            current_actor(),
            post_id,
            trained_until=form.trained_until.data,
            vetted_until=form.vetted_until.data,
        ),
        heading="Training and vetting",
        done="Training and vetting are recorded.",
        back=url_for(".post_page", post_id=post_id),
        facts=_who(found),
        says=["Empty means not recorded: a decision then treats it as lapsed."],
        button="Save",
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
            [_authority_row(one) for one in found if one.waiting],
            empty="None waits.",
        ),
        Listing(
            "Granted",
            head,
            [_authority_row(one) for one in found if not one.waiting],
            empty="None is granted.",
        ),
        intro="An authority is granted from the page of a post. One officer asks, another approves, neither holds it.",
    )


@blueprint.route("/posts/<id:post_id>/authority", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def ask_authority(post_id: str) -> ResponseReturnValue:
    """Ask that a post may decide."""
    found = _post(post_id)
    form = AuthorityForm()
    roles = vocabulary().roles
    form.role_code.choices = pick(
        [(role.value, term.label) for role, term in roles.items() if term.authorises]
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
        facts=_who(found),
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


def _post(post_id: str) -> PostRecord:
    with current_gateway().store.reading() as unit:
        return people.post_record(unit, current_actor(), post_id)


def _authority(authority_id: str) -> AuthorityView:
    with current_gateway().store.reading() as unit:
        return authorities.authority(unit, current_actor(), authority_id)


def _who(found: PostRecord) -> list[tuple[str, Cell]]:
    view = found.view
    return [("Name", view.name), ("Agency", view.agency_name), ("Role", label(view.role, "role"))]


def _about(found: AuthorityView) -> list[tuple[str, Cell]]:
    return [
        ("May decide as", label(found.role_code, "role")),
        ("Holder", found.post.name),
        ("Agency", found.post.agency_name),
        ("Until", day(found.ends_on) or "No last day"),
    ]


def _row(post: PostRecord) -> list[Cell]:
    view = post.view
    return [
        link(view.name, url_for(".post_page", post_id=view.post_id), label(view.role, "role")),
        view.agency_name,
        label(view.role, "role"),
        label(view.orientation, "orientation"),
        _state(post),
    ]


def _state(post: PostRecord) -> str:
    if post.ended_at is not None:
        return f"Ended {when(post.ended_at)}"
    if post.off_duty_now and post.current:
        return f"Off duty until {when(post.off_duty_until)}"
    return "Current" if post.current else "Not current"


def _acts(post: PostRecord) -> list[Act]:
    post_id = post.view.post_id
    if not post.current:
        return []
    away = (
        Act("End the absence", url_for(".back_on_duty", post_id=post_id))
        if post.off_duty_now
        else Act("Arrange cover", url_for(".cover_post", post_id=post_id))
    )
    return [
        away,
        Act("Record training and vetting", url_for(".post_training", post_id=post_id)),
        Act("Grant an authority", url_for(".ask_authority", post_id=post_id)),
        *_connecting(post),
        Act(
            "End this post", url_for(".end_post", post_id=post_id), "for somebody who leaves or changes work"
        ),
    ]


def _connecting(post: PostRecord) -> list[Act]:
    if post.face != Face.STAFF:
        return []
    return [
        Act(
            "Register a system that acts in this post", url_for(".register_system", post_id=post.view.post_id)
        )
    ]


def _agreeing(waiting: list[Lending]) -> list[Act]:
    return [
        Act("Agree to what the cover lends", url_for(".agree_cover", post_id=one.post.post_id))
        for one in waiting
    ]


def _roles(codes: tuple[str, ...]) -> str:
    return ", ".join(label(code, "role") for code in codes)


def _lending_row(one: Lending) -> list[Cell]:
    return [
        one.post.name,
        one.stand_in.name,
        _roles(one.waiting),
        when(one.until),
        link("Answer", url_for(".agree_cover", post_id=one.post.post_id), f"cover of {one.post.name}"),
    ]


def _authority_row(one: AuthorityView) -> list[Cell]:
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
