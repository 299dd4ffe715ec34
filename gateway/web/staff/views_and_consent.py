"""Taking down what a person wants and agrees to, taking it back, and who may read her log."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.consent import wordings
from gateway.consent.models import HowTaken
from gateway.errors import NotFound
from gateway.review import hearing, reaching
from gateway.review.hearing import Heard, MandateGiven
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import page
from gateway.web.staff import hearing_journey as journey
from gateway.web.staff.answers import StaffForm
from gateway.web.staff.hearing_forms import BY_SLUG, ORDER, StaffMandateForm, WithdrawForm

blueprint = Blueprint("consents", __name__, url_prefix="/views", template_folder="templates")
WHAT = {"views": "What they want", "consent": "What they agree to"}
STATES = {"waiting": "Waits for a second agency", "counts": "Counts", "ended": "Ended"}


@blueprint.get("/")
@allow(Face.STAFF, Face.ADVOCACY)
def people() -> ResponseReturnValue:
    """The people whom this post may hear, and the mandates that wait for its agency."""
    with current_gateway().store.reading() as unit:
        listed = hearing.people_i_hear(unit, current_actor())
        waiting = hearing.mandates_to_confirm(unit, current_actor())
        unfinished = journey.unfinished(unit, current_actor())
    return page("staff/hearing/people.html", people=listed, waiting=waiting, unfinished=unfinished, what=WHAT)


@blueprint.get("/people/<id:subject_id>")
@blueprint.get("/cases/<id:case_id>/people/<id:subject_id>")
@allow(Face.STAFF, Face.ADVOCACY)
def person(subject_id: str, case_id: str | None = None) -> ResponseReturnValue:
    """What a person has said so far, and what can be asked."""
    with current_gateway().store.reading() as unit:
        who = hearing.heard(unit, current_actor(), subject_id, case_id)
        consents, views = hearing.said(unit, who)
        mandates = hearing.mandates_of(unit, who)
        reaches = reaching.may_reach(unit, current_actor(), who)
    return page(
        "staff/hearing/person.html",
        who=who,
        consents=consents,
        views=views,
        mandates=mandates,
        states=STATES,
        ask_address=lambda what: address(who, ".ask", what=what),
        mandate_address=address(who, ".give_mandate") if current_actor().face is Face.STAFF else "",
        reach_address=address(who, "reach.seen") if reaches else "",
        withdraw_address=lambda consent_id: address(who, ".withdraw", consent_id=consent_id),
    )


@blueprint.post("/people/<id:subject_id>/ask/<code:what>")
@blueprint.post("/cases/<id:case_id>/people/<id:subject_id>/ask/<code:what>")
@allow(Face.STAFF, Face.ADVOCACY)
def ask(subject_id: str, what: str, case_id: str | None = None) -> ResponseReturnValue:
    """Begin a conversation; its first question is whether it is safe."""
    if what not in WHAT:
        raise NotFound("This page isn't here.")
    with current_gateway().store.writing() as unit:
        draft_id = journey.begin(unit, current_actor(), what, subject_id, case_id)
    return redirect(url_for(".step", draft_id=draft_id, slug=ORDER[what][0]))


@blueprint.route("/talk/<id:draft_id>/<code:slug>", methods=["GET", "POST"])
@allow(Face.STAFF, Face.ADVOCACY)
def step(draft_id: str, slug: str) -> ResponseReturnValue:
    """One question of a conversation."""
    with current_gateway().store.reading() as unit:
        talk = journey.load(unit, current_actor(), draft_id)
    if slug not in ORDER[talk.what]:
        raise NotFound("This page isn't here.")
    asked = BY_SLUG[slug]
    form = talk.form(asked)
    if form.validate_on_submit():
        if slug == "safe" and form.safe.data == "no":
            return _stop(draft_id)
        with current_gateway().store.writing() as unit:
            journey.save(unit, current_actor(), talk.with_answer(asked, form))
        following = None if request.args.get("back") == "check" else talk.next_after(slug)
        following_page = url_for(".step", draft_id=draft_id, slug=following) if following else None
        return redirect(following_page or url_for(".read_back", draft_id=draft_id))
    before = talk.before(slug)
    back = url_for(".step", draft_id=draft_id, slug=before) if before else url_for(".people")
    return page("staff/hearing/step.html", form=form, talk=talk, step=asked, back_href=back)


@blueprint.route("/talk/<id:draft_id>/read-back", methods=["GET", "POST"])
@allow(Face.STAFF, Face.ADVOCACY)
def read_back(draft_id: str) -> ResponseReturnValue:
    """Everything read back; only then is it recorded."""
    form = StaffForm()
    with current_gateway().store.reading() as unit:
        talk = journey.load(unit, current_actor(), draft_id)
    missing = talk.first_open()
    if missing is not None:
        return redirect(url_for(".step", draft_id=draft_id, slug=missing))
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                journey.record(unit, current_actor(), journey.load(unit, current_actor(), draft_id))
            return redirect(url_for(".done", what=talk.what))
    return page("staff/hearing/read_back.html", form=form, talk=talk)


@blueprint.post("/talk/<id:draft_id>/stop")
@allow(Face.STAFF, Face.ADVOCACY)
def stop(draft_id: str) -> ResponseReturnValue:
    """Stop here: nothing was said, and nothing is kept."""
    return _stop(draft_id)


@blueprint.get("/stopped")
@allow(Face.STAFF, Face.ADVOCACY)
def stopped() -> ResponseReturnValue:
    """Nothing was recorded."""
    return page("staff/hearing/stopped.html")


@blueprint.get("/done/<code:what>")
@allow(Face.STAFF, Face.ADVOCACY)
def done(what: str) -> ResponseReturnValue:
    """It was recorded: how to change one's mind, and what may be shared all the same."""
    if what not in WHAT:
        raise NotFound("This page isn't here.")
    return page("staff/hearing/done.html", wording=wordings.current(what))


@blueprint.route("/people/<id:subject_id>/consents/<id:consent_id>/withdraw", methods=["GET", "POST"])
@blueprint.route(
    "/cases/<id:case_id>/people/<id:subject_id>/consents/<id:consent_id>/withdraw", methods=["GET", "POST"]
)
@allow(Face.STAFF, Face.ADVOCACY)
def withdraw(subject_id: str, consent_id: str, case_id: str | None = None) -> ResponseReturnValue:
    """Take a consent back at once; what was shared because of it is frozen in the same moment."""
    form = WithdrawForm()
    with current_gateway().store.reading() as unit:
        who = hearing.heard(unit, current_actor(), subject_id, case_id)
        hearing.consent_of(unit, current_actor(), who, consent_id)
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            by_subject = form.by_subject.data == "yes"
            frozen = hearing.withdraw(unit, current_actor(), who, consent_id, by_subject=by_subject)
        flash(f"Taken back. Copies frozen: {frozen}", "done")
        return redirect(address(who, ".person"))
    return page("staff/hearing/withdraw.html", form=form, who=who, back_href=address(who, ".person"))


@blueprint.route("/cases/<id:case_id>/people/<id:subject_id>/mandate", methods=["GET", "POST"])
@allow(Face.STAFF)
def give_mandate(case_id: str, subject_id: str) -> ResponseReturnValue:
    """Record that a person of the case lets an advocate read her log."""
    form, wording = StaffMandateForm(), wordings.current("mandate")
    with current_gateway().store.reading() as unit:
        who = hearing.heard(unit, current_actor(), subject_id, case_id)
        form.advocate_post_id.choices = hearing.advocates(unit, current_actor())
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                given = MandateGiven(
                    advocate_post_id=form.advocate_post_id.data,
                    how_given=HowTaken(form.how_given.data),
                    alone=form.alone.data == "yes",
                    wording_version=wording.version,
                    given_on=form.given_on.data,
                    expires_on=form.expires_on.data,
                )
                hearing.record_mandate(unit, current_actor(), who, given)
            flash("Mandate recorded. It counts once another agency confirmed it.", "done")
            return redirect(address(who, ".person"))
    return page(
        "staff/hearing/mandate.html", form=form, who=who, wording=wording, back_href=address(who, ".person")
    )


@blueprint.post("/mandates/<id:mandate_id>/confirm")
@allow(Face.STAFF, Face.ADVOCACY)
def confirm_mandate(mandate_id: str) -> ResponseReturnValue:
    """Confirm a mandate as the second agency."""
    with current_gateway().store.writing() as unit:
        hearing.confirm_mandate(unit, current_actor(), mandate_id)
    flash("Mandate confirmed", "done")
    return redirect(url_for(".people"))


@blueprint.post("/mandates/<id:mandate_id>/end")
@allow(Face.STAFF, Face.ADVOCACY)
def end_mandate(mandate_id: str) -> ResponseReturnValue:
    """End a mandate at once, because the person says so."""
    with current_gateway().store.writing() as unit:
        hearing.end_mandate(unit, current_actor(), mandate_id, by_subject=True)
    flash("Mandate ended", "done")
    return redirect(url_for(".people"))


def address(who: Heard, endpoint: str, **more: Any) -> str:
    """The address of a page about a person, within her case where the post works one."""
    given: dict[str, Any] = {"case_id": who.case_id} if who.case_id else {}
    return url_for(endpoint, subject_id=who.subject_id, **given, **more)


def _stop(draft_id: str) -> ResponseReturnValue:
    with current_gateway().store.writing() as unit:
        journey.discard(unit, current_actor(), draft_id)
    return redirect(url_for(".stopped"))
