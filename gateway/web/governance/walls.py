"""Walls in the officer's pages: what stands, what waits for a second officer, and raising one."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import stop
from gateway.registry import agencies, people, subject_records, wall_records, walls
from gateway.registry.models import WallKind
from gateway.registry.wall_records import WallView
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, when
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import AllowForm, PlainForm, ReasonForm, WallForm
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section

_KINDS = {WallKind.EXCLUDE: "Kept out", WallKind.ALLOW_ONLY: "On the allow-only list"}


@blueprint.get("/walls")
@allow(Face.GOVERNANCE)
def wall_list() -> ResponseReturnValue:
    """Every wall of the people whose records the officer keeps."""
    with current_gateway().store.reading() as unit:
        found = wall_records.walls(unit, current_actor())
    todo = [_row(one) for one in found if wall_records.needs_doing(one)]
    quiet = [_row(one) for one in found if not wall_records.needs_doing(one)]
    head = ("About", "What", "Whom", "Review by", "State")
    return section(
        "Walls",
        Listing("To look at", head, todo, empty="No wall waits for you."),
        Listing("Standing", head, quiet, empty="No other wall stands."),
        intro="A wall is raised from the record of a person. It stands at once and is reviewed afterwards.",
    )


@blueprint.get("/walls/<id:wall_id>")
@allow(Face.GOVERNANCE)
def wall_page(wall_id: str) -> ResponseReturnValue:
    """One wall."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = wall_records.wall(unit, actor, wall_id)
        placer = people.post_view(unit, actor.partnership_id, found.placed_by_post_id)
    facts: list[tuple[str, Cell]] = [
        ("About", link(found.subject_reference, url_for(".subject_page", subject_id=found.subject_id))),
        (_KINDS[found.kind], found.whom),
        ("Raised by", f"{placer.name}, {placer.agency_name}"),
        ("Raised", when(found.placed_at)),
        ("Reviewed", "Yes" if found.reviewed else f"Not yet: due {day(found.review_by)}"),
        ("State", _state(found)),
    ]
    texts = [("Why it was raised", found.reason)]
    if found.lift_reason:
        texts.append(("Why it should be lifted", found.lift_reason))
    return record(
        "Wall",
        back=url_for(".wall_list"),
        facts=facts,
        texts=texts,
        acts=_acts(found),
        reference=found.subject_reference,
    )


@blueprint.route("/walls/<id:wall_id>/review", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def review_wall(wall_id: str) -> ResponseReturnValue:
    """Say that a wall is right."""
    return _answer(
        wall_id,
        "review",
        heading="Is this wall right?",
        done="The wall is reviewed and stands.",
        button="It is right",
    )


@blueprint.route("/walls/<id:wall_id>/ask-lift", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def ask_lift(wall_id: str) -> ResponseReturnValue:
    """Ask for a wall to be lifted."""
    found, form = _wall(wall_id), ReasonForm()
    return confirm(
        form,
        lambda unit: walls.ask_lift(unit, current_actor(), wall_id, form.reason.data or ""),
        heading="Ask for this wall to be lifted",
        done="Another officer decides whether it is lifted.",
        back=url_for(".wall_page", wall_id=wall_id),
        facts=_facts(found),
        reference=found.subject_reference,
        says=["It stands until another officer lifts it. Nobody lifts a wall that keeps her out."],
        button="Ask",
    )


@blueprint.route("/walls/<id:wall_id>/lift", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def lift_wall(wall_id: str) -> ResponseReturnValue:
    """Lift a wall, as the second officer."""
    return _answer(
        wall_id,
        "lift",
        heading="Lift this wall?",
        done="The wall is lifted.",
        button="Lift wall",
        warning=True,
    )


@blueprint.route("/walls/<id:wall_id>/allow", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def allow_in(wall_id: str) -> ResponseReturnValue:
    """Let somebody onto an allow-only list, as the second officer."""
    return _answer(
        wall_id,
        "allow",
        heading="Let them onto the list?",
        done="They are on the list.",
        button="Let them on",
        warning=True,
    )


@blueprint.route("/walls/<id:wall_id>/keep", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def keep_wall(wall_id: str) -> ResponseReturnValue:
    """Turn down what was asked."""
    return _answer(
        wall_id,
        "keep",
        heading="Leave it as it is?",
        done="It stays as it is.",
        button="Leave it",
        back=".wall_list",
    )


@blueprint.route("/subjects/<id:subject_id>/walls/new", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def raise_wall(subject_id: str) -> ResponseReturnValue:
    """Raise a wall at once."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = subject_records.record_of(unit, actor, subject_id)
    form = WallForm()
    form.person_id.choices, form.agency_id.choices = _whom()
    return confirm(
        form,
        lambda unit: stop.raise_wall(
            unit,
            actor,
            subject_id,
            kind=form.kind.data,
            reason=form.reason.data or "",
            person_ids=[form.person_id.data] if form.person_id.data else [],
            agency_ids=[form.agency_id.data] if form.agency_id.data else [],
            described=form.described.data or "",
        ),
        heading="Raise a wall",
        done="The wall stands.",
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        says=[
            "It stands at once, and what was sealed to those it keeps out is frozen.",
            "Another officer reviews it within five working days.",
        ],
        button="Raise wall",
    )


@blueprint.route("/subjects/<id:subject_id>/walls/add", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def ask_allow(subject_id: str) -> ResponseReturnValue:
    """Ask that somebody be let onto an allow-only list."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = subject_records.record_of(unit, actor, subject_id)
    form = AllowForm()
    form.person_id.choices, form.agency_id.choices = _whom()
    return confirm(
        form,
        lambda unit: walls.ask_allow(
            unit,
            actor,
            subject_id,
            reason=form.reason.data or "",
            person_id=form.person_id.data or None,
            agency_id=form.agency_id.data or None,
        ),
        heading="Ask for somebody to be let onto the list",
        done="Another officer decides.",
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        button="Ask",
    )


_ANSWERS = {"review": walls.review, "lift": walls.lift, "allow": walls.allow, "keep": walls.keep}


def _answer(
    wall_id: str,
    act: str,
    *,
    heading: str,
    done: str,
    button: str,
    warning: bool = False,
    back: str = ".wall_list",
) -> ResponseReturnValue:
    found = _wall(wall_id)
    return confirm(
        PlainForm(),
        lambda unit: _ANSWERS[act](unit, current_actor(), wall_id),
        heading=heading,
        done=done,
        back=url_for(back),
        facts=_facts(found),
        reference=found.subject_reference,
        button=button,
        warning=warning,
    )


def _wall(wall_id: str) -> WallView:
    with current_gateway().store.reading() as unit:
        return wall_records.wall(unit, current_actor(), wall_id)


def _whom() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        staff = people.current_posts(unit, actor.partnership_id)
        bodies = agencies.agencies(unit, actor.partnership_id)
    persons = {one.person_id: f"{one.name}, {one.agency_name}" for one in staff}
    return [("", "Nobody"), *persons.items()], [("", "None"), *((one.agency_id, one.name) for one in bodies)]


def _state(one: WallView) -> str:
    if one.waiting:
        return "Waits for approval"
    if one.lift_asked_by_post_id is not None:
        return "Lifting is asked"
    return "Review overdue" if one.overdue else "Stands"


def _facts(one: WallView) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [(_KINDS[one.kind], one.whom), ("Why it was raised", one.reason)]
    if one.lift_reason:
        facts.append(("Why it should be lifted", one.lift_reason))
    return facts


def _row(one: WallView) -> list[Cell]:
    return [
        link(one.subject_reference, url_for(".wall_page", wall_id=one.wall_id), _KINDS[one.kind].lower()),
        _KINDS[one.kind],
        one.whom,
        "Reviewed" if one.reviewed else day(one.review_by),
        _state(one),
    ]


def _acts(one: WallView) -> list[Act]:
    place: dict[str, Any] = {"wall_id": one.wall_id}
    keep = Act("Leave it as it is", url_for(".keep_wall", **place))
    if one.waiting:
        return [Act("Let them onto the list", url_for(".allow_in", **place)), keep]
    acts = [] if one.reviewed else [Act("Review it", url_for(".review_wall", **place))]
    if one.lift_asked_by_post_id is not None:
        return [*acts, Act("Lift it", url_for(".lift_wall", **place)), keep]
    return [*acts, Act("Ask for it to be lifted", url_for(".ask_lift", **place))]
