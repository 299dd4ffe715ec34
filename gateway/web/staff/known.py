"""What somebody on a case knows that decisions read: a fresh risk assessment, a conflict of their own."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.registry import caseload, facts, risks, subjects
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.staff.acts import confirm
from gateway.web.staff.blueprint import blueprint
from gateway.web.staff.forms import ConflictForm, RiskForm


@blueprint.route("/known/risk", methods=["GET", "POST"])
@allow(Face.STAFF)
def record_risk() -> ResponseReturnValue:
    """Record how high the risk was assessed, with which tool, and when; the newest counts."""
    form = RiskForm()
    form.about.choices = _people()
    return confirm(
        form,
        lambda unit: _rate(unit, form),
        done="The assessment was recorded. Decisions from now on read it.",
        back=url_for(".home"),
        heading="Record a risk assessment",
        template="staff/known.html",
        says=["Decisions in this case read the newest assessment of a person."],
        hints={"tool": "Such as OASys or DASH.", "assessed_on": "For example, 27 3 2026."},
    )


@blueprint.route("/known/conflict", methods=["GET", "POST"])
@allow(Face.STAFF)
def declare_conflict() -> ResponseReturnValue:
    """Say that one knows somebody of a case in private; from then on nothing about them is shared with one."""
    form = ConflictForm()
    form.about.choices = _people()
    return confirm(
        form,
        lambda unit: _declare(unit, form),
        done="It was recorded, and counts from now on.",
        back=url_for(".home"),
        heading="Say that you know somebody",
        says=[
            "A relative, a friend, a neighbour, somebody you owe or fear: say so before you ask or receive anything.",
            "It counts at once: nothing about them is shared with you. Information-governance officers can end it.",
        ],
        template="staff/known.html",
        hints={},
    )


def _people() -> list[tuple[str, str]]:
    with current_gateway().store.reading() as unit:
        return [
            (
                f"{case.case_id}.{found.subject_id}",
                f"{found.reference}, {label(found.role, 'subject_role').lower()}, case {case.reference}",
            )
            for case in caseload.my_cases(unit, current_actor())
            for found in subjects.subjects_of(unit, case.case_id)
        ]


def _rate(unit: Unit, form: RiskForm) -> None:
    case_id, subject_id = str(form.about.data).split(".")
    risks.rate(
        unit,
        current_actor(),
        case_id=case_id,
        subject_id=subject_id,
        level=form.level.data or "",
        tool=form.tool.data or "",
        basis=form.basis.data or "",
        assessed_on=form.assessed_on.data,
        dash_ticks=form.ticks,
    )


def _declare(unit: Unit, form: ConflictForm) -> None:
    case_id, subject_id = str(form.about.data).split(".")
    actor = current_actor()
    facts.record(
        unit,
        actor,
        circumstance=Circumstance.CONFLICT_DECLARED,
        reason=form.reason.data or "",
        case_id=case_id,
        subject_id=subject_id,
        post_id=actor.post_id,
    )
