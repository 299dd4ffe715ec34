"""People and posts: who works where, who stands in, and cutting a leaver."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.registry import authorities, lending, people
from gateway.registry.lending import Lending
from gateway.registry.people import PostRecord
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, label, when
from gateway.web.governance.authorities import authority_row, roles
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import CoverForm, PlainForm, ReasonForm, TrainingForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section, yes_or_no
from gateway.web.governance.posts import post_found, who


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
        facts.append(("Lent to the stand-in", roles(lent.lent) or "Nothing yet"))
        facts.append(("Waits for an officer's agreement", roles(lent.waiting) or "Nothing"))
    rows = [authority_row(one) for one in held]
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
    found = post_found(post_id)
    form = ReasonForm()
    return confirm(
        form,
        lambda unit: people.end_post(unit, current_actor(), post_id, form.reason.data or ""),
        heading="End this post?",
        done="The post has ended. Whoever held it is signed out everywhere.",
        back=url_for(".post_page", post_id=post_id),
        facts=who(found),
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
    found = post_found(post_id)
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
        facts=who(found),
        says=[
            "Until the last day is over the stand-in sees and answers what this post would.",
            "What this post decides is lent only once another officer agrees.",
        ],
        button="Arrange cover",
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
        facts=who(post_found(post_id)),
        button="End absence",
    )


@blueprint.route("/posts/<id:post_id>/training", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def post_training(post_id: str) -> ResponseReturnValue:
    """Write until when training and vetting hold."""
    found = post_found(post_id)
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
        facts=who(found),
        says=["Empty means not recorded: a decision then treats it as lapsed."],
        button="Save",
    )


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
