"""Rules on trial as the officer follows them: what each would have changed if it had decided."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure.trials import Trial, trials
from gateway.errors import NotFound
from gateway.policy.sentence import sentence
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import label
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.parts import Cell, Listing, link, record


@blueprint.get("/policies/trials")
@allow(Face.GOVERNANCE)
def policy_trials() -> ResponseReturnValue:
    """Every rule on trial with its count."""
    rows: list[list[Cell]] = [
        [
            link(one.rule.title, url_for(".policy_trial", rule_id=one.rule.id)),
            label(one.rule.effect, "effect"),
            one.sentence,
        ]
        for one in _trials()
    ]
    empty = "No rule is on trial. A rule is put on trial where it is drafted."
    return record(
        "Rules on trial",
        back=url_for(".policies"),
        texts=[
            (
                "What a trial is",
                "A rule on trial is evaluated and logged with each decision. It decides nothing.",
            )
        ],
        listings=[Listing("On trial now", ("Rule", "Effect", "What it would have done"), rows, empty=empty)],
    )


@blueprint.get("/policies/trials/<code:rule_id>")
@allow(Face.GOVERNANCE)
def policy_trial(rule_id: str) -> ResponseReturnValue:
    """One rule on trial with the decisions it would have changed."""
    found = next((one for one in _trials() if one.rule.id == rule_id), None)
    if found is None:
        raise NotFound("No such rule is on trial.", next_step="Go back to the rules on trial.")
    rows: list[list[Cell]] = [
        [
            link(one.reference, url_for(".decision_page", request_id=one.request_id)),
            label(one.category, "category"),
            label(one.was, "outcome"),
            label(one.would_be, "outcome"),
        ]
        for one in found.changed
    ]
    return record(
        found.rule.title,
        back=url_for(".policy_trials"),
        texts=[("In words", sentence(found.rule)), ("Since its trial began", found.sentence)],
        listings=[
            Listing(
                "Decisions that would have come out otherwise",
                ("Request", "What", "It was", "It would have been"),
                rows,
                empty="None would have.",
            )
        ],
    )


def _trials() -> list[Trial]:
    with current_gateway().store.reading() as unit:
        return trials(unit, current_actor().partnership_id)
