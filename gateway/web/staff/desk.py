"""The holder's desk: what other agencies ask of mine, and every way to answer it."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clock import local_day
from gateway.disclosure import content, desk, lists, reading, reconfirm, release, reseal, withdraw
from gateway.disclosure.models import LineState
from gateway.disclosure.reading import RequestDetail
from gateway.errors import NotFound
from gateway.registry import caseload, subjects
from gateway.vocabulary import vocabulary
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.forms import page
from gateway.web.paging import Paging
from gateway.web.security import takes_upload
from gateway.web.staff.acts import confirm
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.decisions import Explained, explain, explained
from gateway.web.staff.desk_forms import (
    DeclareForm,
    DeclineForm,
    IdentifyForm,
    NeedMoreForm,
    NothingHeldForm,
    RecallForm,
    ReleaseForm,
)
from gateway.web.staff.requests import asked_part, chosen_tab

TABS = {"to_release": "To answer", "waiting": "Waiting for others", "done": "Done", "overdue": "Overdue"}
LARGEST_UPLOAD = 12 * 1024 * 1024


@blueprint.get("/desk")
@allow(Face.STAFF)
def inbox() -> ResponseReturnValue:
    """What other agencies ask of mine, by where it stands."""
    tab = chosen_tab(TABS)
    with current_gateway().store.reading() as unit:
        counts = {name: lists.how_many_on_desk(unit, current_actor(), name) for name in TABS}
        number, part = asked_part(counts[tab])
        listed = lists.inbox(unit, current_actor(), tab, part)
        unconfirmed = len(reconfirm.waiting(unit, current_actor()))
    paging = Paging(listed, number, counts[tab], lists.SIZE)
    return page(
        "staff/desk/list.html", tabs=TABS, tab=tab, counts=counts, paging=paging, unconfirmed=unconfirmed
    )


@blueprint.get("/desk/<id:request_id>")
@allow(Face.STAFF)
def held_request(request_id: str) -> ResponseReturnValue:
    """One request put to my agency, and each answer it needs."""
    detail = held(request_id)
    with current_gateway().store.reading() as unit:
        barred = {
            line.line_id: reseal.why_not(unit, current_actor(), line.line_id)
            for line in detail.lines
            if line.state == LineState.RELEASED
        }
    return page("staff/desk/request.html", detail=detail, lines=explained(detail), barred=barred)


@blueprint.route("/desk/<id:request_id>/need-more", methods=["GET", "POST"])
@allow(Face.STAFF)
def need_more(request_id: str) -> ResponseReturnValue:
    """Ask the requester for what is missing."""
    detail, form = held(request_id), NeedMoreForm()
    return confirm(
        form,
        lambda unit: desk.need_more(unit, current_actor(), request_id, form.words.data or ""),
        done="Your question was sent.",
        back=url_for(".held_request", request_id=request_id),
        heading="Ask the requester for more",
        reference=detail.summary.reference,
        says=["The request waits until it is answered. Do not put names or addresses in your question."],
        button="Send question",
    )


@blueprint.route("/desk/<id:request_id>/who", methods=["GET", "POST"])
@allow(Face.STAFF)
def who_it_is(request_id: str) -> ResponseReturnValue:
    """Read whom a request is about; that it was read is recorded."""
    detail, form = held(request_id), StaffForm()
    people: list[desk.WhoItIs] = []
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            people = desk.who_it_is(unit, current_actor(), request_id)
    back = url_for(".held_request", request_id=request_id)
    return page(
        "staff/desk/who.html", form=form, people=people, back_href=back, reference=detail.summary.reference
    )


@blueprint.route("/desk/<id:request_id>/declare", methods=["GET", "POST"])
@allow(Face.STAFF)
def declare(request_id: str) -> ResponseReturnValue:
    """Declare a circumstance as the holder."""
    detail, form = held(request_id), DeclareForm()
    with current_gateway().store.reading() as unit:
        offered = desk.declarable(unit, current_actor(), request_id)
    form.code.choices = [found for found in vocabulary().choices("circumstance") if found[0] in offered]
    return confirm(
        form,
        lambda unit: desk.declare(
            unit, current_actor(), request_id, form.code.data or "", form.words.data or ""
        ),
        done="It was recorded, and the request was decided again.",
        back=url_for(".held_request", request_id=request_id),
        heading="Declare a circumstance",
        reference=detail.summary.reference,
        says=["It is recorded under your name with your words, and what is still open is decided again."],
        button="Declare",
    )


@blueprint.route("/desk/<id:request_id>/identify", methods=["GET", "POST"])
@allow(Face.STAFF)
def identify(request_id: str) -> ResponseReturnValue:
    """Match a request from somebody who isn't on the case; she learns nothing from it (promise 8)."""
    detail, form = held(request_id), _identify_form()
    return confirm(
        form,
        lambda unit: desk.identify(
            unit, current_actor(), request_id, form.case_id.data or "", tuple(form.subject_ids.data or ())
        ),
        done="The request was matched and decided.",
        back=url_for(".held_request", request_id=request_id),
        template="staff/desk/identify.html",
        heading="Is this somebody we know?",
        detail=detail,
    )


@blueprint.route("/desk/<id:request_id>/recall/<id:parcel_id>", methods=["GET", "POST"])
@allow(Face.STAFF)
def recall(request_id: str, parcel_id: str) -> ResponseReturnValue:
    """Recall what was sent."""
    detail, form = held(request_id), RecallForm()
    if not any(parcel_id in line.parcel_ids for line in detail.lines):
        raise NotFound("There is no such parcel.")
    return confirm(
        form,
        lambda unit: withdraw.recall(unit, current_actor(), parcel_id, form.reason.data or ""),
        done="It was recalled. The recipient is told to stop using it.",
        back=url_for(".held_request", request_id=request_id),
        heading="Recall what was sent?",
        reference=detail.summary.reference,
        says=[
            "It can no longer be opened. Whoever opened it is told to stop using it and confirm that copies are gone."
        ],
        button="Recall",
        warning=True,
    )


@blueprint.route("/desk/lines/<id:line_id>/decline", methods=["GET", "POST"])
@allow(Face.STAFF)
def decline(line_id: str) -> ResponseReturnValue:
    """Decline to share what may be shared."""
    (detail, row), form = held_line(line_id), DeclineForm()
    return confirm(
        form,
        lambda unit: desk.decline(
            unit, current_actor(), line_id, form.reason_code.data or "", form.words.data or ""
        ),
        done="The requester is told that it was declined.",
        back=_request_of(row),
        heading="Decline to share this?",
        reference=detail.summary.reference,
        row=row,
        says=["The reason is recorded. The requester sees the reason you choose, never your explanation."],
        button="Decline to share",
        warning=True,
    )


@blueprint.route("/desk/lines/<id:line_id>/nothing-held", methods=["GET", "POST"])
@allow(Face.STAFF)
def nothing_held(line_id: str) -> ResponseReturnValue:
    """Answer that nothing is held."""
    (detail, row), form = held_line(line_id), NothingHeldForm.on(today())
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                answered = release.say_nothing_held(unit, current_actor(), line_id, form.about())
            return after_release(answered, row)
    return page(
        "staff/confirm.html",
        form=form,
        back_href=_request_of(row),
        heading="Say that nothing is held?",
        reference=detail.summary.reference,
        row=row,
        says=["The answer is sealed like any other, so that nobody but the recipient can tell what it says."],
        button="Say that nothing is held",
    )


@blueprint.route("/desk/lines/<id:line_id>/release", methods=["GET", "POST"])
@allow(Face.STAFF)
@takes_upload(LARGEST_UPLOAD)
def release_line(line_id: str) -> ResponseReturnValue:
    """Share one line; where it shows somebody's whereabouts or carries a warning, read it again first."""
    (_, row), form = held_line(line_id), ReleaseForm.on(today())
    if "back" not in request.form and form.validate_on_submit():
        with form.showing_errors():
            prepared = content.prepare(form.content(), row.line.category)
            if not form.confirmed() and (prepared.findings or row.warnings):
                return page("staff/desk/interruption.html", form=form, row=row, prepared=prepared)
            with current_gateway().store.writing() as unit:
                answered = release.release(
                    unit, current_actor(), line_id, prepared, form.about(), accepts_findings=form.confirmed()
                )
            return after_release(answered, row)
    return page("staff/desk/release.html", form=form, row=row)


def after_release(answered: release.Released | release.NotReleased, row: Explained) -> ResponseReturnValue:
    """Back to the request, saying what became of the release."""
    if isinstance(answered, release.NotReleased):
        flash(f"It was not released. {answered.text}", "problem")
    else:
        flash("It was sealed and sent.", "done")
    return redirect(_request_of(row))


def _request_of(row: Explained) -> str:
    return url_for(".held_request", request_id=row.line.request_id)


def today() -> date:
    """The local day of the gateway's clock."""
    return local_day(current_gateway().clock.now())


def held(request_id: str) -> RequestDetail:
    """A request put to my agency; anybody else's is not there."""
    with current_gateway().store.reading() as unit:
        desk.held_request(unit, current_actor(), request_id)
        return reading.request_for(unit, current_actor(), request_id)


def held_line(line_id: str) -> tuple[RequestDetail, Explained]:
    """A line of a request put to my agency, with the request."""
    with current_gateway().store.reading() as unit:
        detail, line = reading.line_for_desk(unit, current_actor(), line_id)
    return detail, explain(line)


def _identify_form() -> IdentifyForm:
    form = IdentifyForm()
    with current_gateway().store.reading() as unit:
        mine = caseload.my_cases(unit, current_actor())
        form.case_id.choices = [(case.case_id, case.reference) for case in mine]
        form.subject_ids.choices = [
            (found.subject_id, f"{found.reference}, {case.reference}: {label(found.role, 'subject_role')}")
            for case in mine
            for found in subjects.subjects_of(unit, case.case_id)
        ]
    return form
