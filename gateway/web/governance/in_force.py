"""The policy in force, in words and as it was written: for reading. Changing it is another part of these pages."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure.local_settings import in_words
from gateway.errors import NotFound
from gateway.policy.attributes import ATTRIBUTES
from gateway.policy.packs import Pack
from gateway.policy.reading import InForce, in_force
from gateway.policy.rules import Rule, RuleTest
from gateway.policy.sentence import conditions, sentence
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, day, label, when
from gateway.web.forms import page
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.parts import Cell, link

_SHOWN = 12
_EFFECTS = {"permit": "Permits", "refer": "Refers", "deny": "Refuses", "oblige": "Adds obligations"}


@blueprint.get("/policies")
@allow(Face.GOVERNANCE)
def policies() -> ResponseReturnValue:
    """The packs of the policy in force."""
    found = _in_force()
    rows: list[list[Cell]] = [_pack_row(pack) for pack in found.policy.packs] if found else []
    facts = (
        [
            {"key": "Version", "value": found.policy.version[:_SHOWN]},
            {"key": "In force since", "value": when(found.since)},
            {"key": "Activation", "value": f"Number {found.sequence}"},
            {"key": "Rules", "value": len(found.policy.rules)},
        ]
        if found
        else []
    )
    trials = sum(rule.status == "trial" for rule in found.policy.rules) if found else 0
    return page("governance/policies.html", facts=facts, rows=rows, trials=trials)


@blueprint.get("/policies/packs/<code:pack_id>")
@allow(Face.GOVERNANCE)
def pack_page(pack_id: str) -> ResponseReturnValue:
    """One pack: every rule in a sentence."""
    found = _required()
    pack = found.pack(pack_id)
    stages: dict[str, list[tuple[Rule, str]]] = {}
    for rule in sorted(pack.rules, key=lambda one: one.stage):
        stages.setdefault(label(rule.stage, "stage"), []).append((rule, sentence(rule)))
    return page("governance/pack.html", pack=pack, stages=stages, facts=_pack_facts(pack), effects=_EFFECTS)


@blueprint.get("/policies/packs/<code:pack_id>/source")
@allow(Face.GOVERNANCE)
def pack_source(pack_id: str) -> ResponseReturnValue:
    """One pack as it was written."""
    found = _required()
    return page("governance/source.html", pack=found.pack(pack_id), source=found.sources[pack_id])


@blueprint.get("/policies/rules/<code:rule_id>")
@allow(Face.GOVERNANCE)
def rule_page(rule_id: str) -> ResponseReturnValue:
    """One rule: in words, by which law, with its examples."""
    rule = _required().rule(rule_id)
    return page(
        "governance/rule.html",
        rule=rule,
        said=sentence(rule),
        conditions=conditions(rule),
        facts=_rule_facts(rule),
        examples=[example_row(test) for test in rule.tests],
    )


def _in_force() -> InForce | None:
    with current_gateway().store.reading() as unit:
        return in_force(unit, current_actor().partnership_id)


def _required() -> InForce:
    found = _in_force()
    if found is None:
        raise NotFound(
            "No policy is in force.", next_step="Every decision is refused until one is activated."
        )
    return found


def _pack_row(pack: Pack) -> list[Cell]:
    return [
        link(pack.title, url_for(".pack_page", pack_id=pack.id)),
        ", ".join(label(one, "arrangement") for one in sorted(pack.arrangements)) or "Everywhere",
        count(len(pack.rules), "rule"),
        day(pack.review_by),
        "On" if pack.acts else "Off: everything it would decide is referred",
    ]


def _pack_facts(pack: Pack) -> list[dict[str, Any]]:
    return [
        {"key": "Owner", "value": pack.owner},
        {
            "key": "Law of",
            "value": "; ".join(label(one, "jurisdiction") for one in sorted(pack.jurisdiction)),
        },
        {"key": "In force from", "value": day(pack.effective_from)},
        {"key": "Review by", "value": day(pack.review_by)},
        {
            "key": "Needs these local settings",
            "value": ", ".join(in_words(one) for one in pack.needs) or "None",
        },
        {"key": "State", "value": "On" if pack.acts else "Off"},
    ]


def _rule_facts(rule: Rule) -> list[dict[str, Any]]:
    rows = [
        {"key": "Rule", "value": rule.id},
        {"key": "Pack", "value": link(rule.pack, url_for(".pack_page", pack_id=rule.pack))},
        {"key": "Stage", "value": label(rule.stage, "stage")},
        {"key": "Effect", "value": _EFFECTS[rule.effect]},
        {"key": "Because", "value": rule.because},
        {"key": "Owner", "value": rule.owner},
        {"key": "In force from", "value": day(rule.effective_from)},
        {"key": "Until", "value": day(rule.effective_to) or "No last day"},
        {"key": "Review by", "value": day(rule.review_by)},
        {"key": "A person may lift it", "value": "Yes" if rule.liftable else "No"},
    ]
    if rule.status == "trial":
        rows.append({"key": "On trial", "value": "It is evaluated and logged, and never decides"})
    texts = (
        ("The officer reads", rule.officer),
        ("The requester reads", rule.requester),
        ("Instead", rule.alternative),
    )
    return rows + [{"key": key, "value": text} for key, text in texts if text]


def example_row(test: RuleTest) -> list[Cell]:
    """One example of a rule: its name, the case it starts from, and what must come out."""
    given = "; ".join(_given(name, value) for name, value in test.given.items())
    return [
        test.name or "as the rule says",
        f"the case “{test.on}”" + (f" with {given}" if given else ""),
        label(test.expect, "outcome"),
    ]


def _given(name: str, value: object) -> str:
    attribute = ATTRIBUTES.get(name)
    if attribute is None:
        return f"not known: {_said(value)}"
    values = value if isinstance(value, list | tuple | frozenset) else [value]
    named = ", ".join(
        attribute.value_label(str(one)) if one in attribute.values else str(one) for one in values
    )
    return f"{attribute.label}: {named or 'none'}"


def _said(value: object) -> str:
    if isinstance(value, list | tuple | frozenset):
        return ", ".join(str(one).replace("_", " ") for one in value) or "none"
    return str(value).replace("_", " ")
