"""The checks of a change, each on its own page: what passed, what stands in the way, and how it is seen in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.clock import local_day
from gateway.disclosure import policy_drafts
from gateway.disclosure.impact import Impact, impact
from gateway.disclosure.policy_drafts import Draft
from gateway.errors import NotFound
from gateway.policy import lifecycle
from gateway.policy.checks import Checked, Finding
from gateway.policy.examples import run_tests
from gateway.policy.rules import Rule
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, label
from gateway.web.forms import page
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.in_force import example_row
from gateway.web.governance.parts import Cell, Listing, link, record
from gateway.web.governance.policies import draft_of

_FOUND = ("Where", "What was found", "What it means")
_FIRST = "words"


@dataclass(frozen=True)
class _Check:
    """One check: its place in an address, its name, what it asks, and the kinds of finding that are its own."""

    code: str
    title: str
    asks: str
    kinds: frozenset[str]


_CHECKS = (
    _Check(
        _FIRST,
        "Words and shape",
        "Is every word known, does every rule have its law, owner and dates, and may it stand where it stands?",
        frozenset({"vocabulary and shape", "core", "dates", "difference", "sequence", "local settings"}),
    ),
    _Check(
        "examples",
        "Examples",
        "Does every example come out as it should, and does one show each rule at work?",
        frozenset({"tests", "coverage"}),
    ),
    _Check(
        "analysis",
        "Beside the other rules",
        "Can it ever decide, does it say anything new, and which rules win where it meets them?",
        frozenset({"analysis"}),
    ),
    _Check(
        "nevers",
        "What may never be permitted",
        "Could anything that must stay closed be opened, in any combination of facts?",
        frozenset({"never-statements"}),
    ),
)


@blueprint.route("/policies/changes/<id:draft_id>/check", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_check(draft_id: str) -> ResponseReturnValue:
    """All checks of a draft at a glance; passing is kept when its author goes on to sign."""
    form = PlainForm()
    actor = current_actor()
    if form.validate_on_submit():
        with current_gateway().store.writing() as unit:
            passed = policy_drafts.run_checks(unit, actor, draft_id).passed
        if passed:
            flash("It passed every check", "done")
            return redirect(url_for(".policies_draft", draft_id=draft_id))
    found, checked = _checked(draft_id)
    rows: list[list[Cell]] = [
        [
            link(one.title, url_for(".policies_check_one", draft_id=draft_id, name=one.code)),
            one.asks,
            _result(checked, one),
        ]
        for one in _CHECKS
    ]
    rows.append(_effect_row(found))
    return page(
        "governance/policy_check.html",
        form=form,
        title=f"Checks of “{found.row.title}”",
        back_href=url_for(".policies_draft", draft_id=draft_id),
        passed=checked.passed,
        stops=[_named(checked, one) for one in checked.findings if one.stops],
        listing=Listing("Checks", ("Check", "What it asks", "Result"), rows),
        may="check" in found.may and checked.passed and "sign" not in found.may,
    )


@blueprint.get("/policies/changes/<id:draft_id>/check/<code:name>")
@allow(Face.GOVERNANCE)
def policies_check_one(draft_id: str, name: str) -> ResponseReturnValue:
    """One check with everything it found."""
    chosen = next((one for one in _CHECKS if one.code == name), None)
    if chosen is None:
        raise NotFound("There is no such check.", next_step="Choose one from the list.")
    found, checked = _checked(draft_id)
    findings = sorted(
        (one for one in checked.findings if one.check in chosen.kinds), key=lambda one: not one.stops
    )
    rows: list[list[Cell]] = [
        [one.where, one.says, "It can't be signed with this" if one.stops else "A note"] for one in findings
    ]
    ran = checked.policy is not None or chosen.code == _FIRST
    return page(
        "governance/policy_check_one.html",
        title=chosen.title,
        back_href=url_for(".policies_check", draft_id=draft_id),
        asks=chosen.asks,
        ran=ran,
        passed=ran and not any(one.stops for one in findings),
        found=Listing("What was found", _FOUND, rows),
        shown=_SHOWN_BY[chosen.code](found, checked) if ran else [],
        broken=[one for one in checked.proofs if not one.proved] if chosen.code == "nevers" else [],
    )


@blueprint.get("/policies/changes/<id:draft_id>/effect")
@allow(Face.GOVERNANCE)
def policies_effect(draft_id: str) -> ResponseReturnValue:
    """What the draft would have done to the decisions of the last 90 days."""
    found = draft_of(draft_id)
    seen = impact_of(found)
    rows: list[list[Cell]] = [
        [
            one.reference,
            label(one.category, "category"),
            label(one.recipient_type, "agency_type"),
            label(one.was, "outcome"),
            label(one.would_be, "outcome"),
            one.rule_would_be or "No rule permits it",
        ]
        for one in (seen.changed if seen else ())
    ]
    head = ("Request", "What", "For", "It was", "It would be", "By")
    return record(
        "What it would have done",
        back=url_for(".policies_draft", draft_id=draft_id),
        warnings=[] if seen else ["The draft can't be read as a policy yet."],
        texts=[("Past decisions judged again", seen.sentence)] if seen else [],
        listings=[Listing("Decisions that would come out otherwise", head, rows, empty="None would change.")],
    )


def _checked(draft_id: str) -> tuple[Draft, Checked]:
    with current_gateway().store.reading() as unit:
        found = policy_drafts.draft_for(unit, current_actor(), draft_id)
        return found, policy_drafts.check(unit, found.row)


def _result(checked: Checked, check: _Check) -> Cell:
    if checked.policy is None and check.code != _FIRST:
        return "Not run yet: the words come first"
    findings = [one for one in checked.findings if one.check in check.kinds]
    stops = sum(one.stops for one in findings)
    if stops:
        return _tag(count(stops, "problem"), "red")
    notes = len(findings)
    return _tag("Passed", "green") + (f" {count(notes, 'note')}" if notes else "")


def _effect_row(found: Draft) -> list[Cell]:
    seen = impact_of(found)
    return [
        link("What it would have done", url_for(".policies_effect", draft_id=found.row.id)),
        "Which decisions of the last 90 days would have come out otherwise?",
        seen.sentence if seen else "Not run yet: the words come first",
    ]


def _tag(text: str, colour: str) -> Markup:
    return Markup('<strong class="govuk-tag govuk-tag--{}">{}</strong>').format(colour, text)


def _words(_found: Draft, checked: Checked) -> list[Listing]:
    rows: list[list[Cell]] = [
        [pack.title, count(len(pack.rules), "rule"), "On" if pack.enabled or pack.kind != "pack" else "Off"]
        for pack in (checked.policy.packs if checked.policy else ())
    ]
    return [Listing("What was read", ("Pack", "Rules", "State"), rows)]


def _examples(found: Draft, checked: Checked) -> list[Listing]:
    if checked.policy is None:
        return []
    changed = _changed(found)
    results = run_tests(checked.policy.enabled(), local_day(current_gateway().clock.now()), changed)
    rows: list[list[Cell]] = [
        [_title(checked, one.rule_id), *example_row(one.test), one.problem.capitalize() or "As it should"]
        for one in results
    ]
    head = ("Rule", "Example", "Given", "Must be", "It came out")
    empty = "It changes no rule, so it brings no example of its own."
    tried = f"of {count(checked.tests, 'example')} of {count(checked.rules, 'rule')} that were tried"
    return [Listing(f"Examples of the rules it changes, {tried}", head, rows, empty=empty)]


def _beside(found: Draft, checked: Checked) -> list[Listing]:
    analysis = checked.analysis
    if analysis is None or checked.policy is None:
        return []
    changed = _changed(found)
    core = {rule.id for pack in checked.policy.packs if pack.kind == lifecycle.CORE for rule in pack.rules}
    wins: list[list[Cell]] = [
        [_title(checked, pair.one), _title(checked, pair.other)]
        for pair in analysis.overlapping
        if pair.one in changed and pair.other not in core
    ]
    bars = count(len({pair.other for pair in analysis.overlapping if pair.one in changed} & core), "rule")
    gives_way: list[list[Cell]] = [
        [_title(checked, pair.one), _title(checked, pair.other)]
        for pair in analysis.overlapping
        if pair.other in changed
    ]
    return [
        Listing(
            "Permits that a new stop takes precedence over",
            ("Permit", "Gives way to"),
            gives_way,
            empty="No permit meets a stop of this change.",
        ),
        Listing(
            f"Stops of packs that win over a new permit, beside {bars} of the core",
            ("Permit", "Gives way to"),
            wins,
            empty=f"No stop of a pack meets a permit of this change, and {bars} of the core.",
        ),
    ]


def _nevers(_found: Draft, checked: Checked) -> list[Listing]:
    rows: list[list[Cell]] = [
        [one.never.says, one.never.because, _tag("Proved", "green") if one.proved else _tag("Broken", "red")]
        for one in checked.proofs
    ]
    return [Listing("Never, in any combination of facts", ("What", "By which law", "Result"), rows)]


_SHOWN_BY: dict[str, Callable[[Draft, Checked], list[Listing]]] = {
    _FIRST: _words,
    "examples": _examples,
    "analysis": _beside,
    "nevers": _nevers,
}


def _changed(found: Draft) -> frozenset[str]:
    if found.difference is None or found.policy is None:
        return frozenset()
    return policy_drafts.changed_rules(found.difference, found.policy)


def _named(checked: Checked, found: Finding) -> str:
    """What was found, after the rule or pack it is about where its words don't name that."""
    packs = checked.policy.packs if checked.policy else ()
    titles = {pack.id: pack.title for pack in packs} | {
        one.id: one.title for pack in packs for one in pack.rules
    }
    title = titles.get(found.where)
    return f"“{title}”: {found.says}" if title and title not in found.says else found.says


def _title(checked: Checked, rule_id: str) -> str:
    rule: Rule | None = checked.policy.rule(rule_id) if checked.policy else None
    return rule.title if rule else rule_id


def impact_of(found: Draft) -> Impact | None:
    """What a draft would have done; None while it can't be read as a policy."""
    if found.policy is None:
        return None
    with current_gateway().store.reading() as unit:
        old = lifecycle.active(unit, found.row.partnership_id)
        return impact(unit, found.row.partnership_id, old, found.policy)
