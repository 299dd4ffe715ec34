"""Cases in the officer's pages: lead agency and level, whom they are about, who works them, what is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import erase
from gateway.registry import agencies, cases, facts, people, subjects
from gateway.registry.actors import Actor
from gateway.registry.cases import AssignmentView, CaseView
from gateway.registry.facts import RECORDABLE, FactView
from gateway.registry.subjects import SubjectView
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import vocabulary
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, label
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import AssignForm, CaseForm, FactForm, PlainForm, ReasonForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section, yes_or_no


@blueprint.get("/cases")
@allow(Face.GOVERNANCE)
def case_list() -> ResponseReturnValue:
    """The cases an officer keeps."""
    with current_gateway().store.reading() as unit:
        found = cases.kept_cases(unit, current_actor())
    head = ("Case", "Arrangement", "Lead agency", "Level", "Review by")
    return section(
        "Cases",
        Listing("Open cases", head, [_case_row(one) for one in found if one.open], empty="No case is open."),
        Listing(
            "Closed cases",
            head,
            [_case_row(one) for one in found if not one.open],
            empty="No case is closed.",
        ),
    )


@blueprint.get("/cases/<id:case_id>")
@allow(Face.GOVERNANCE)
def case_page(case_id: str) -> ResponseReturnValue:
    """One case."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
        about = subjects.subjects_of(unit, case_id)
        workers = cases.assignments(unit, actor, case_id)
        known = facts.facts_of(unit, actor, case_id=case_id)
        names = _names(unit, about)
    return record(
        f"Case {found.reference}",
        back=url_for(".case_list"),
        reference=found.reference,
        warnings=[]
        if found.lead_agency_id
        else ["No lead agency is named: decisions in this case are referred."],
        facts=_case_facts(found),
        listings=[
            Listing(
                "Whom it is about",
                ("Reference", "Role", "Capacity", "Role disputed"),
                [_subject_row(one) for one in about],
                empty="Nobody is recorded in this case.",
            ),
            Listing(
                "Who works it",
                ("Name", "Agency", "Role", "Works with", "Until", ""),
                [_worker_row(one) for one in workers],
                empty="Nobody works this case.",
            ),
            Listing(
                "What is known",
                ("Circumstance", "About", "Since", "State", ""),
                [_fact_row(one, case_id, names) for one in known],
                empty="Nothing is recorded.",
            ),
        ],
        acts=_case_acts(found),
    )


@blueprint.route("/cases/<id:case_id>/settle", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def settle_case(case_id: str) -> ResponseReturnValue:
    """Change a case's lead agency, level, category and review."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
        offered = agencies.agencies(unit, actor.partnership_id)
    form = CaseForm(obj=found)
    form.lead_agency_id.choices = [
        ("", "None"),
        *((one.agency_id, one.name) for one in offered if one.current),
    ]
    form.level.choices = _numbers(cases.HIGHEST_LEVEL)
    form.category.choices = _numbers(cases.HIGHEST_CATEGORY)
    return confirm(
        form,
        lambda unit: cases.settle(
            unit,
            actor,
            case_id,
            lead_agency_id=form.lead_agency_id.data or None,
            level=_number(form.level.data),
            category=_number(form.category.data),
            review_on=form.review_on.data,
        ),
        heading="Change the case",
        done="The case is changed.",
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        button="Save",
    )


@blueprint.route("/cases/<id:case_id>/close", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def close_case(case_id: str) -> ResponseReturnValue:
    """Close a case."""
    return _end_case(
        case_id,
        erase.close_case,
        heading="Close this case?",
        done="The case is closed.",
        says=["Nobody is on it from now on. Nothing of it can be released or opened any more."],
        button="Close case",
    )


@blueprint.route("/cases/<id:case_id>/erase", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def erase_case(case_id: str) -> ResponseReturnValue:
    """Erase a closed case."""
    return _end_case(
        case_id,
        erase.erase_case,
        heading="Erase this case?",
        done="The case is erased.",
        says=[
            "What was sent in it is destroyed, and every word of its requests, for ever.",
            "What was decided stays in the log, without words. Copies in backups die with the keys of that time.",
        ],
        button="Erase case",
    )


def _end_case(case_id: str, act: Callable[[Unit, Actor, str, str], None], **said: Any) -> ResponseReturnValue:
    actor, form = current_actor(), ReasonForm()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
    return confirm(
        form,
        lambda unit: act(unit, actor, case_id, form.reason.data or ""),
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        warning=True,
        **said,
    )


@blueprint.route("/cases/<id:case_id>/assign", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def assign_post(case_id: str) -> ResponseReturnValue:
    """Put a post on a case."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
        on_it = {one.post.post_id for one in cases.assignments(unit, actor, case_id)}
        offered = [
            one for one in people.current_posts(unit, actor.partnership_id) if one.post_id not in on_it
        ]
    form = AssignForm()
    form.post_id.choices = pick(
        [(one.post_id, f"{one.name}, {label(one.role, 'role')}, {one.agency_name}") for one in offered]
    )
    form.orientation.choices = [("", "As in the post"), *vocabulary().choices("orientation")]
    return confirm(
        form,
        lambda unit: cases.assign(
            unit,
            actor,
            case_id,
            form.post_id.data,
            orientation=form.orientation.data or None,
            ends_on=form.ends_on.data,
        ),
        heading="Put somebody on the case",
        done="The post is on the case.",
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        says=["Whoever is on a case may ask about the people in it. Walls still keep out whom they name."],
        button="Put on the case",
    )


@blueprint.route("/cases/<id:case_id>/assignments/<id:assignment_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_assignment(case_id: str, assignment_id: str) -> ResponseReturnValue:
    """Take a post off a case."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
        held = cases.assignment(unit, actor, case_id, assignment_id)
    return confirm(
        PlainForm(),
        lambda unit: cases.unassign(unit, actor, assignment_id),
        heading="Take this post off the case?",
        done="The post is off the case.",
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        facts=[("Name", held.post.name), ("Agency", held.post.agency_name)],
        says=["From now on nothing new can be released to it in this case."],
        button="Take off the case",
        warning=True,
    )


@blueprint.route("/cases/<id:case_id>/facts/new", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def record_fact(case_id: str) -> ResponseReturnValue:
    """Record a circumstance of a case."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
        about = subjects.subjects_of(unit, case_id)
        bodies = agencies.agencies(unit, actor.partnership_id)
        staff = people.current_posts(unit, actor.partnership_id)
    form = FactForm()
    form.circumstance.choices = pick(sorted(_known_facts(), key=lambda pair: pair[1]))
    form.subject_id.choices = [
        ("", "Nobody in particular"),
        *((one.subject_id, _in_case(one)) for one in about),
    ]
    form.agency_id.choices = [("", "None"), *((one.agency_id, one.name) for one in bodies)]
    form.post_id.choices = [("", "None"), *((one.post_id, f"{one.name}, {one.agency_name}") for one in staff)]
    return confirm(
        form,
        lambda unit: facts.record(
            unit,
            actor,
            case_id=case_id,
            circumstance=form.circumstance.data,
            subject_id=form.subject_id.data or None,
            agency_id=form.agency_id.data or None,
            post_id=form.post_id.data or None,
            reason=form.reason.data or "",
        ),
        heading="Record something known",
        done="It is recorded.",
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        says=[
            "What tightens counts at once. What loosens counts when a second officer approves it.",
            "Nobody records what favours herself or her agency.",
        ],
        button="Record",
    )


@blueprint.route("/cases/<id:case_id>/facts/<id:fact_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_fact(case_id: str, fact_id: str) -> ResponseReturnValue:
    """Approve a fact that loosens, as the second officer."""
    actor = current_actor()
    found, held = _fact(case_id, fact_id)
    return confirm(
        PlainForm(),
        lambda unit: facts.approve(unit, actor, fact_id),
        heading="Approve what was recorded?",
        done="It counts from now.",
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        facts=[("Circumstance", label(held.circumstance, "circumstance"))],
        says=["It loosens: decisions in this case may permit more."],
        button="Approve",
    )


@blueprint.route("/cases/<id:case_id>/facts/<id:fact_id>/end", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def end_fact(case_id: str, fact_id: str) -> ResponseReturnValue:
    """End a fact, or ask for its end."""
    actor = current_actor()
    found, held = _fact(case_id, fact_id)
    form = ReasonForm()
    two = not held.loosens and not held.end_asked
    return confirm(
        form,
        lambda unit: facts.end(unit, actor, fact_id, form.reason.data or ""),
        heading="Does this no longer hold?",
        done="It waits for a second officer." if two else "It has ended.",
        back=url_for(".case_page", case_id=case_id),
        reference=found.reference,
        facts=[("Circumstance", label(held.circumstance, "circumstance"))],
        says=["Ending it loosens, so a second officer must ask the same."] if two else ["It ends now."],
        button="Ask for its end" if two else "End it",
    )


def _fact(case_id: str, fact_id: str) -> tuple[CaseView, FactView]:
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = cases.kept_case(unit, actor, case_id)
        return found, facts.fact(unit, actor, case_id=case_id, fact_id=fact_id)


def _names(unit: Unit, about: list[SubjectView]) -> dict[str, str]:
    return {other: one.reference for one in about for other in subjects.known_as(unit, one.subject_id)}


def _known_facts() -> list[tuple[str, str]]:
    return [(one.value, label(one, "circumstance")) for one in RECORDABLE]


def _in_case(one: SubjectView) -> str:
    return f"{one.reference} ({label(one.role, 'subject_role').lower()})"


def _case_facts(found: CaseView) -> list[tuple[str, Cell]]:
    return [
        (
            "Arrangement",
            link(found.arrangement_name, url_for(".arrangement_page", arrangement_id=found.arrangement_id)),
        ),
        ("Lead agency", found.lead_agency_name or "None"),
        ("Level", found.level or "None"),
        ("Category", found.category or "None"),
        ("Law of", label(found.jurisdiction, "jurisdiction")),
        ("Opened", day(found.opened_on)),
        ("Review by", day(found.review_on) or "Not set"),
        ("State", "Open" if found.open else "Closed"),
    ]


def _case_acts(found: CaseView) -> list[Act]:
    place: dict[str, Any] = {"case_id": found.case_id}
    return [
        Act("Change lead agency, level, category or review", url_for(".settle_case", **place)),
        Act("Put somebody on the case", url_for(".assign_post", **place)),
        Act("Record something known", url_for(".record_fact", **place)),
        Act("Close the case", url_for(".close_case", **place))
        if found.closed_on is None
        else Act("Erase the case", url_for(".erase_case", **place)),
    ]


def _case_row(one: CaseView) -> list[Cell]:
    return [
        link(one.reference, url_for(".case_page", case_id=one.case_id)),
        one.arrangement_name,
        one.lead_agency_name or "None",
        one.level or "None",
        day(one.review_on) or "Not set",
    ]


def _subject_row(one: SubjectView) -> list[Cell]:
    return [
        one.reference,
        label(one.role, "subject_role"),
        label(one.capacity, "capacity"),
        yes_or_no(one.role_disputed),
    ]


def _worker_row(one: AssignmentView) -> list[Cell]:
    ending = url_for(".end_assignment", case_id=one.case_id, assignment_id=one.assignment_id)
    return [
        one.post.name,
        one.post.agency_name,
        label(one.post.role, "role"),
        label(one.post.orientation, "orientation"),
        day(one.ends_on) or "No last day",
        link("Take off", ending, one.post.name),
    ]


def _fact_row(one: FactView, case_id: str, names: dict[str, str]) -> list[Cell]:
    said = label(one.circumstance, "circumstance")
    text, endpoint = ("Answer", ".approve_fact") if one.waiting else ("End", ".end_fact")
    way = link(text, url_for(endpoint, case_id=case_id, fact_id=one.fact_id), said)
    state = "Waits for approval" if one.waiting else "End asked" if one.end_asked else "Counts"
    return [said, names.get(one.subject_id or "", "The case"), day(one.starts_at), state, way]


def _numbers(highest: int) -> list[tuple[str, str]]:
    return [("", "None"), *((str(number), str(number)) for number in range(1, highest + 1))]


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() else None
