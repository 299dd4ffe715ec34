"""Decisions explained: what was asked, which facts counted, which rule decided, under which policy."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import oversight
from gateway.disclosure.oversight import Judged
from gateway.review import entries
from gateway.vocabulary import Outcome
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label, when
from gateway.web.forms import page
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.parts import Cell
from gateway.web.paging import SIZE, Paging, asked_page, offset_of

_STEPS = {
    "asked": "When it was asked",
    "authorised": "After a person authorised it",
    "releasing": "When it was released",
    "opening": "When it was opened",
    "again": "Decided again",
}
_SHOWN = 12
_ON_TRIAL = "A rule on trial, which decides nothing"


@blueprint.get("/decisions")
@allow(Face.GOVERNANCE)
def decision_list() -> ResponseReturnValue:
    """Decided requests, newest first."""
    asked = request.args.get("outcome", "")
    outcome = asked if asked in set(Outcome) else ""
    number = asked_page()
    with current_gateway().store.reading() as unit:
        found, total = oversight.decided(
            unit, current_actor(), offset=offset_of(number), size=SIZE, outcome=outcome
        )
    tabs = [{"text": "All", "href": url_for(".decision_list"), "active": not outcome}]
    for one in Outcome:
        href = url_for(".decision_list", outcome=one.value)
        tabs.append({"text": label(one, "outcome"), "href": href, "active": outcome == one})
    return page("governance/decisions.html", paging=Paging(found, number, total), tabs=tabs)


@blueprint.get("/decisions/<id:request_id>")
@allow(Face.GOVERNANCE)
def decision_page(request_id: str) -> ResponseReturnValue:
    """One decision with its explanation."""
    with current_gateway().store.writing() as unit:
        found = oversight.explained(unit, current_actor(), request_id)
        logged, held = entries.of_request(unit, current_actor(), request_id)
    lines = [(one, _facts(one)) for one in found.judged]
    return page("governance/decision.html", found=found, lines=lines, entries=logged, held=held)


def _facts(one: Judged) -> list[tuple[str, Cell]]:
    """What the decision stood on, in words where the vocabulary has them."""
    rows: list[tuple[str, Cell]] = [
        ("Decided", f"{_STEPS.get(one.at_step, one.at_step)}, {when(one.at)}"),
        ("Policy", one.policy_version[:_SHOWN] or "None in force"),
    ]
    if one.deciding_rule_id:
        rows.append(("Deciding rule", one.deciding_rule_id))
    if one.stage:
        rows.append(("Stage", label(one.stage, "stage")))
    if one.rule_ids:
        rows.append(("Rules that matched", ", ".join(one.rule_ids)))
    if one.refer_to:
        rows.append(("Goes to", ", ".join(label(role, "role") for role in one.refer_to)))
    if one.obligations:
        rows.append(("Obligations", "; ".join(label(code, "obligation") for code in one.obligations)))
    rows += [
        (_ON_TRIAL, f"{rule}: with it, this would be “{label(outcome, 'outcome')}”")
        for rule, outcome in one.tried.items()
    ]
    for name, value in sorted(one.facts.items()):
        rows.append((name.replace("_", " ").capitalize(), _said(name, value)))
    return rows


def _said(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')}: {_said(key, one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_said(_ONE_OF.get(name, name), one) for one in value) or "None"
    return label(str(value), _ONE_OF.get(name, name)) if value not in {None, ""} else "Not known"


_ONE_OF = {
    "circumstances": "circumstance",
    "unknown": "circumstance",
    "powers": "power",
    "standing": "duty",
    "categories": "category",
    "consent_categories": "category",
}
