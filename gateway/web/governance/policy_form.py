"""The form of a rule: pick lists made from the vocabulary, and what they come to as the rule would be written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.errors import Invalid
from gateway.policy import drafting
from gateway.policy.attributes import ATTRIBUTES, SETS
from gateway.policy.packs import Pack
from gateway.policy.rules import Rule
from gateway.vocabulary import Effect, Outcome, Stage, vocabulary
from gateway.web.forms import Answer, GatewayForm, LongAnswer, OneOf, Pick, SomeOf, ThreePartDate, required
from gateway.web.governance.in_force import example_row

_EFFECTS = [
    ("permit", "Permit"),
    ("refer", "Refer to a person"),
    ("deny", "Refuse"),
    ("oblige", "Add something that must be done"),
]
_GROUPS = {"any": "include at least one of", "all": "include all of", "none": "include none of"}
_TEXTS = ("title", "because", "owner", "officer", "requester", "alternative")
# Where a rule of a pack stands unless its author says otherwise: a stop before the permits, a permit last.
_USUAL_STAGE = {Effect.PERMIT: Stage.H, Effect.REFER: Stage.E, Effect.DENY: Stage.E, Effect.OBLIGE: Stage.H}
_KEPT = ("jurisdiction", "may_lift", "effective_to", "liftable")
_LONGEST_ID = 60
_PARTS = (
    (
        "Who asks",
        ("requester_type", "requester_duty", "requester_member", "requester_is_holder", "requester_walled"),
    ),
    ("Who holds it", ("holder_type",)),
    (
        "Who receives it",
        (
            "recipient_type",
            "recipient_orientation",
            "recipient_duty",
            "recipient_member",
            "recipient_on_case",
            "recipient_walled",
        ),
    ),
    ("Whom it is about", ("subject_role", "age_band", "capacity", "consent", "risk", "dash")),
    ("Which information", ("category", "sensitivity", "together_with", "onward")),
    ("For what, and by which power", ("purpose", "power", "arrangement", "jurisdiction")),
    ("What is the case", ("circumstance", "authorised")),
)
# What the check of a rule's shape says, and which question of the form it is about.
_ABOUT = (
    ("a permit names the powers", "when_power_any"),
    ("permits stand in H", "stage"),
    ("only the core refers", "stage"),
    ("an oblige rule names", "obligations"),
    ("refer_to ", "refer_to"),
    ("officer ", "officer"),
    ("requester ", "requester"),
    ("on names", "on"),
    ("id ", "id"),
    ("title ", "title"),
    ("because ", "because"),
    ("two rules are called", "id"),
)


class RuleForm(GatewayForm):
    """Everything of a rule but its conditions, which are made from the vocabulary."""

    title = Answer("What does it say, in a few words?", [required("Say what it says")])
    effect = OneOf("What does it do?", [required("Choose what it does")], choices=_EFFECTS)
    refer_to = SomeOf("Who decides?")
    on = SomeOf("To which answers is it added?")
    because = LongAnswer("By which law or agreement?", [required("Name the law or agreement")])
    officer = LongAnswer("What should an officer read?")
    requester = LongAnswer("What should the requester read?")
    alternative = Answer("What may be asked for instead? (optional)")
    example = Pick("Try it on which case?")
    expect = Pick("What must come out?")
    left_out = SomeOf("Which of its examples are no longer right?")
    example_name = Answer("What does the example show? (optional)")
    on_trial = SomeOf("On trial?", choices=[("trial", "Evaluate and log it, but never let it decide")])
    obligations = SomeOf("What must be done?")
    effective_from = ThreePartDate("From which day? (the pack's first day when empty)")
    review_by = ThreePartDate("Review by (the pack's day when empty)")
    owner = Answer("Who owns it? (the pack's owner when empty)")
    id = Answer(
        "A short name: small letters, digits and hyphens (made from what it says when empty)", longest=80
    )
    stage = Pick("At which stage?")

    def offer(self, pack: Pack, rule: Rule | None = None) -> None:
        """Fill the choices; with a rule that is there, its examples, any of which may be left out."""
        words = vocabulary()
        self.left_out.choices = [
            (str(place), ", ".join(str(cell) for cell in example_row(test)))
            for place, test in enumerate(rule.tests if rule else ())
        ]
        self.stage.choices = [("", "The usual one for what it does"), *words.choices("stage")]
        roles = [role for role, term in words.roles.items() if term.authorises]
        self.refer_to.choices = [
            ("arrangement_chair", "Chair of the arrangement"),
            *((role.value, words.label("role", role)) for role in roles),
        ]
        self.obligations.choices = words.choices("obligation")
        self.on.choices = words.choices("outcome")
        cases = [(name, _case(name, facts)) for name, facts in pack.examples.items()]
        self.example.choices = [("", "No new example"), *cases]
        self.expect.choices = [("", "What the rule does"), *words.choices("outcome")]


def rule_form() -> type[RuleForm]:
    """The form with a pick list for every attribute a rule may read."""
    fields: dict[str, Any] = {}
    for name, attribute in ATTRIBUTES.items():
        choices = [(value, attribute.value_label(value)) for value in attribute.values]
        if not attribute.many:
            fields[f"when_{name}"] = SomeOf(f"{_capital(attribute.label)} is one of", choices=choices)
            continue
        for group, words in _GROUPS.items():
            fields[f"when_{name}_{group}"] = SomeOf(f"{_capital(attribute.label)} {words}", choices=choices)
    return type("ThisRuleForm", (RuleForm,), fields)


def conditions_of(form: GatewayForm) -> list[dict[str, Any]]:
    """The pick lists by what they are about, those with something chosen or at fault open."""
    return [
        {"heading": heading, "groups": [_condition(form, name) for name in names]}
        for heading, names in _PARTS
    ]


def _condition(form: GatewayForm, name: str) -> dict[str, Any]:
    attribute = ATTRIBUTES[name]
    names = [f"when_{name}_{group}" for group in _GROUPS] if attribute.many else [f"when_{name}"]
    fields = [form[one] for one in names]
    chosen = sum(len(field.data or ()) for field in fields)
    wrong = any(field.errors for field in fields)
    return {"label": _capital(attribute.label), "fields": fields, "chosen": chosen, "open": chosen or wrong}


def data_of(rule: Rule | None, text: str) -> dict[str, Any]:
    """What the form holds of a rule that is there."""
    if rule is None:
        return {}
    data: dict[str, Any] = {
        name: getattr(rule, name) for name in (*_TEXTS, "id", "effective_from", "review_by")
    }
    data |= {
        "effect": rule.effect.value,
        "stage": rule.stage.value,
        "refer_to": list(rule.refer_to),
        "obligations": [code.value for code in rule.obligations],
        "on": [outcome.value for outcome in rule.on],
        "on_trial": ["trial"] if rule.status == "trial" else [],
    }
    for name in existing(text, rule.id).get("when", {}):
        if name not in SETS:
            data[f"when_{name}"] = [v for v in ATTRIBUTES[name].values if v in rule.scalars[name]]
            continue
        condition = rule.sets[name]
        singles = [group for group in condition.groups if len(group) == 1]
        wide = [group for group in condition.groups if len(group) > 1]
        data[f"when_{name}_all"] = sorted(next(iter(group)) for group in singles)
        data[f"when_{name}_any"] = sorted(wide[0]) if wide else []
        data[f"when_{name}_none"] = sorted(condition.none)
    return data


def written(form: RuleForm, rule: Rule | None, text: str, pack: Pack) -> dict[str, Any]:
    """The rule as far as the form goes; its earlier examples stay but those that are left out."""
    before = existing(text, rule.id) if rule else {}
    table: dict[str, Any] = {key: before[key] for key in _KEPT if key in before}
    table["id"] = rule.id if rule else form.id.data or _short_name(pack, form.title.data or "")
    # A rule says everything in one line each, however many its author wrote.
    said = {name: " ".join((form[name].data or "").split()) for name in ("effect", "stage", *_TEXTS)}
    table |= {name: words for name, words in said.items() if words}
    if "stage" not in table and form.effect.data:
        table["stage"] = _USUAL_STAGE[Effect(form.effect.data)].value
    table |= {
        name: form[name].data for name in ("effective_from", "review_by") if isinstance(form[name].data, date)
    }
    table |= {name: form[name].data for name in ("refer_to", "obligations", "on") if form[name].data}
    if form.on_trial.data:
        table["status"] = "trial"
    table["when"] = _when(form)
    left_out = frozenset(form.left_out.data or ())
    kept = [test for place, test in enumerate(before.get("test", [])) if str(place) not in left_out]
    table["test"] = [*kept, *_example(form, table["when"], pack)]
    return table


def whole(form: RuleForm, rule: Rule | None, text: str, pack: Pack) -> dict[str, Any]:
    """The same, with what every rule needs. Raises Invalid beside the question that is still open."""
    table = written(form, rule, text, pack)
    if not table["when"]:
        raise Invalid(
            "Choose at least one condition.", fields={"when_category": "Choose at least one condition."}
        )
    if not table["test"]:
        raise Invalid(
            "Give an example.", fields={"example": "Choose an example that shows the rule at work."}
        )
    return table


def placed(problem: str) -> Invalid:
    """What is wrong with a rule, beside the question of the form that it is about."""
    says = f"{problem[0].upper()}{problem[1:]}."
    about = next((field for beginning, field in _ABOUT if problem.startswith(beginning)), None)
    return Invalid(says, fields={about: says} if about else None)


def existing(text: str, rule_id: str) -> dict[str, Any]:
    """A rule of the pack's text as its table; empty when there is none."""
    return drafting.rule_table(text, rule_id) or {}


def _when(form: GatewayForm) -> dict[str, Any]:
    when: dict[str, Any] = {}
    for name, attribute in ATTRIBUTES.items():
        if not attribute.many:
            if form[f"when_{name}"].data:
                when[name] = form[f"when_{name}"].data
            continue
        groups = {group: form[f"when_{name}_{group}"].data for group in _GROUPS}
        if any(groups.values()):
            when[name] = {group: chosen for group, chosen in groups.items() if chosen}
    return when


def _example(form: RuleForm, when: Mapping[str, Any], pack: Pack) -> list[dict[str, Any]]:
    # What is being written is said as far as it goes, before it is known that the choice is on the list.
    if form.example.data not in pack.examples:
        return []
    case: dict[str, Any] = {
        "name": form.example_name.data or "a case with what it asks for",
        "on": form.example.data,
        "given": drafting.case_for(when, pack.examples[form.example.data]),
        "expect": form.expect.data or _comes_to(form),
    }
    if form.effect.data == Effect.OBLIGE:
        case["obligations"] = list(form.obligations.data or ())
    return [case]


def _comes_to(form: RuleForm) -> str:
    if form.effect.data == Effect.OBLIGE:
        return str((form.on.data or [Outcome.PERMIT.value])[0])
    return str(form.effect.data)


def _short_name(pack: Pack, title: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", f"{pack.id} {title}".lower()).strip("-")
    return name[:_LONGEST_ID].strip("-")


def _case(name: str, facts: Mapping[str, Any]) -> str:
    """A case of the pack by its name and what tells it from the others."""
    named = [
        ATTRIBUTES[attribute].value_label(str(facts[attribute]))
        for attribute in ("subject_role", "requester_type", "category", "purpose")
        if attribute in facts
    ]
    return f"{_capital(name.replace('_', ' '))}: {', '.join(named)}" if named else _capital(name)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
