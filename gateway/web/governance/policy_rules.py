"""Writing a rule by choosing: pick lists from the vocabulary, its English sentence and its source side by side."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import policies
from gateway.disclosure.policies import Draft
from gateway.errors import Invalid, NotFound
from gateway.policy import drafting
from gateway.policy.attributes import ATTRIBUTES, SETS
from gateway.policy.packs import Pack, parse_pack
from gateway.policy.rules import PolicyError, Rule
from gateway.policy.sentence import sentence
from gateway.vocabulary import vocabulary
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.forms import (
    Answer,
    GatewayForm,
    LongAnswer,
    OneOf,
    Pick,
    SomeOf,
    ThreePartDate,
    page,
    required,
)
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record

_MOST_SOURCE = 100_000
_EFFECTS = [
    ("permit", "Permit"),
    ("refer", "Refer to a person"),
    ("deny", "Deny"),
    ("oblige", "Add obligations"),
]
_GROUPS = {"any": "include at least one of", "all": "include all of", "none": "include none of"}
_TEXTS = ("title", "because", "owner", "officer", "requester", "alternative")


class RuleForm(GatewayForm):
    """Everything of a rule but its conditions, which are made from the vocabulary."""

    id = Answer(
        "A short name: small letters, digits and hyphens", [required("Give it a short name")], longest=80
    )
    title = Answer("What does it say, in a few words?", [required("Say what it says")])
    effect = OneOf("What does it do?", [required("Choose what it does")], choices=_EFFECTS)
    stage = Pick("At which stage?", [required("Choose a stage")])
    because = LongAnswer("By which law or agreement?", [required("Name the law or agreement")])
    owner = Answer("Who owns it? (the pack's owner when empty)")
    effective_from = ThreePartDate("From which day? (the pack's when empty)")
    review_by = ThreePartDate("Review by (the pack's when empty)")
    refer_to = SomeOf("Who decides? (only for a referral)")
    obligations = SomeOf("What goes with it?")
    on = SomeOf("To which outcomes? (only for added obligations)")
    officer = LongAnswer("What should an officer read?")
    requester = LongAnswer("What should the requester read? (for a denial or referral)")
    alternative = Answer("What may be asked for instead?")
    on_trial = SomeOf("On trial?", choices=[("trial", "Evaluate and log it, but never let it decide")])
    example = Pick("Try it on which example?")
    expect = Pick("What must come out?")
    example_name = Answer("What does the example show?")

    def offer(self, pack: Pack) -> None:
        """Fill the choices."""
        words = vocabulary()
        self.stage.choices = [("", "Choose a stage"), *words.choices("stage")]
        roles = [role for role, term in words.roles.items() if term.authorises]
        self.refer_to.choices = [
            ("arrangement_chair", "Chair of the arrangement"),
            *((role.value, words.label("role", role)) for role in roles),
        ]
        self.obligations.choices = words.choices("obligation")
        self.on.choices = words.choices("outcome")
        self.example.choices = [("", "No new example"), *((name, name) for name in pack.examples)]
        self.expect.choices = [("", "Choose an outcome"), *words.choices("outcome")]


class ImportForm(GatewayForm):
    """A pack or overlay as it is written."""

    name = Answer("Name of the file, such as local.toml", [required("Name the file")], longest=60)
    source = LongAnswer("The pack, as TOML", [required("Paste the pack")], longest=_MOST_SOURCE)


@blueprint.get("/policies/changes/<id:draft_id>/packs")
@allow(Face.GOVERNANCE)
def policies_packs(draft_id: str) -> ResponseReturnValue:
    """The packs of a draft, to choose a rule from."""
    found = _draft(draft_id)
    rows: list[list[Cell]] = [
        [
            link(pack.title, url_for(".policies_pack", draft_id=draft_id, pack_id=pack.id)),
            str(len(pack.rules)),
            "On" if pack.enabled or pack.kind != "pack" else "Off",
        ]
        for pack in (found.policy.packs if found.policy else ())
        if pack.kind != "core"
    ]
    return record(
        "Packs of this draft",
        back=url_for(".policies_draft", draft_id=draft_id),
        listings=[Listing("Packs", ("Pack", "Rules", "State"), rows)],
        acts=[Act("Put in a pack as TOML", url_for(".policies_import", draft_id=draft_id))],
    )


@blueprint.get("/policies/changes/<id:draft_id>/packs/<code:pack_id>")
@allow(Face.GOVERNANCE)
def policies_pack(draft_id: str, pack_id: str) -> ResponseReturnValue:
    """The rules of one pack of a draft."""
    found = _draft(draft_id)
    _, pack = _pack(found, pack_id)
    rows: list[list[Cell]] = [
        [
            link(rule.title, url_for(".policies_rule", draft_id=draft_id, pack_id=pack_id, rule_id=rule.id)),
            sentence(rule),
            link(
                "Take out",
                url_for(".policies_drop", draft_id=draft_id, pack_id=pack_id, rule_id=rule.id),
                rule.title,
            ),
        ]
        for rule in pack.rules
    ]
    on = pack.id in found.row.enabled
    acts = [Act("Add a rule", url_for(".policies_add", draft_id=draft_id, pack_id=pack_id))]
    if pack.kind == "pack":
        switch = url_for(".policies_switch", draft_id=draft_id, pack_id=pack_id)
        acts.append(Act("Switch it off" if on else "Switch it on", switch))
    return record(
        pack.title,
        back=url_for(".policies_packs", draft_id=draft_id),
        facts=[("State", "On" if on or pack.kind != "pack" else "Off"), ("Owner", pack.owner)],
        listings=[Listing("Rules", ("Rule", "In words", ""), rows)],
        acts=acts,
    )


@blueprint.route("/policies/changes/<id:draft_id>/packs/<code:pack_id>/add", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_add(draft_id: str, pack_id: str) -> ResponseReturnValue:
    """Write a new rule."""
    return _write(draft_id, pack_id, None)


@blueprint.route(
    "/policies/changes/<id:draft_id>/packs/<code:pack_id>/rules/<code:rule_id>", methods=["GET", "POST"]
)
@allow(Face.GOVERNANCE)
def policies_rule(draft_id: str, pack_id: str, rule_id: str) -> ResponseReturnValue:
    """Change a rule."""
    return _write(draft_id, pack_id, rule_id)


@blueprint.route(
    "/policies/changes/<id:draft_id>/packs/<code:pack_id>/rules/<code:rule_id>/drop", methods=["GET", "POST"]
)
@allow(Face.GOVERNANCE)
def policies_drop(draft_id: str, pack_id: str, rule_id: str) -> ResponseReturnValue:
    """Take a rule out."""
    file, pack = _pack(_draft(draft_id), pack_id)
    rule = _rule(pack, rule_id)
    return confirm(
        PlainForm(),
        lambda unit: policies.drop_rule(unit, current_actor(), draft_id, file, rule_id),
        heading="Take this rule out of the draft",
        done="Taken out of the draft",
        back=url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id),
        says=[sentence(rule)],
        button="Take it out",
        warning=True,
    )


@blueprint.route("/policies/changes/<id:draft_id>/packs/<code:pack_id>/switch", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_switch(draft_id: str, pack_id: str) -> ResponseReturnValue:
    """Switch a pack on or off."""
    found = _draft(draft_id)
    _, pack = _pack(found, pack_id)
    on = pack_id not in found.row.enabled
    return confirm(
        PlainForm(),
        lambda unit: policies.switch_pack(unit, current_actor(), draft_id, pack_id, on=on),
        heading=f"Switch {'on' if on else 'off'}: {pack.title}",
        done=f"Switched {'on' if on else 'off'} in the draft",
        back=url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id),
        says=[f"It needs these local settings: {', '.join(pack.needs)}."] if on and pack.needs else [],
        button=f"Switch it {'on' if on else 'off'}",
    )


@blueprint.route("/policies/changes/<id:draft_id>/import", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_import(draft_id: str) -> ResponseReturnValue:
    """Put a pack or overlay into the draft as it is written."""
    _draft(draft_id)
    form = ImportForm()
    return confirm(
        form,
        lambda unit: policies.put_file(
            unit, current_actor(), draft_id, _file_name(form.name.data), form.source.data
        ),
        heading="Put in a pack as TOML",
        done="Taken into the draft",
        back=url_for(".policies_packs", draft_id=draft_id),
        says=["A pack of that file name is replaced. An agency's overlay may only deny or refer."],
        button="Take it in",
    )


def _write(draft_id: str, pack_id: str, rule_id: str | None) -> ResponseReturnValue:
    found = _draft(draft_id)
    file, pack = _pack(found, pack_id)
    rule = _rule(pack, rule_id) if rule_id else None
    form = _rule_form()(data=_data_of(rule, found.row.files[file]))
    form.offer(pack)
    said, source = (sentence(rule), "") if rule else ("", "")
    if form.validate_on_submit():
        with form.showing_errors():
            table = _table(form, rule, found.row.files[file], pack)
            said, source = _shown(found.row.files[file], table)
            if "look" not in request.form:
                with current_gateway().store.writing() as unit:
                    policies.put_rule(unit, current_actor(), draft_id, file, table)
                flash("Kept in the draft", "done")
                return redirect(url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id))
    return page(
        "governance/policy_rule.html",
        form=form,
        title=rule.title if rule else "A new rule",
        back_href=url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id),
        said=said,
        source=source or (drafting.written(_existing(found.row.files[file], rule_id)) if rule_id else ""),
        conditions=_condition_fields(form),
        new=rule is None,
    )


def _rule_form() -> type[RuleForm]:
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


def _condition_fields(form: GatewayForm) -> list[dict[str, Any]]:
    groups = []
    for name, attribute in ATTRIBUTES.items():
        names = [f"when_{name}_{group}" for group in _GROUPS] if attribute.many else [f"when_{name}"]
        fields = [form[one] for one in names]
        chosen = sum(len(field.data or ()) for field in fields)
        groups.append({"label": _capital(attribute.label), "fields": fields, "chosen": chosen})
    return sorted(groups, key=lambda one: not one["chosen"])


def _data_of(rule: Rule | None, text: str) -> dict[str, Any]:
    if rule is None:
        return {}
    data: dict[str, Any] = {name: getattr(rule, name) for name in (*_TEXTS, "id")}
    data |= {
        "effect": rule.effect.value,
        "stage": rule.stage.value,
        "effective_from": rule.effective_from,
        "review_by": rule.review_by,
        "refer_to": list(rule.refer_to),
        "obligations": [code.value for code in rule.obligations],
        "on": [outcome.value for outcome in rule.on],
        "on_trial": ["trial"] if rule.status == "trial" else [],
    }
    named = _existing(text, rule.id).get("when", {})
    for name in named:
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


def _table(form: RuleForm, rule: Rule | None, text: str, pack: Pack) -> dict[str, Any]:
    """The rule as it would be written; its earlier examples stay. Raises Invalid where the form is incomplete."""
    before = _existing(text, rule.id) if rule else {}
    table: dict[str, Any] = {
        key: before[key] for key in ("jurisdiction", "may_lift", "effective_to", "liftable") if key in before
    }
    table["id"] = rule.id if rule else form.id.data
    table |= {name: form[name].data for name in ("title", "stage", "effect", *_TEXTS) if form[name].data}
    table |= {
        name: form[name].data for name in ("effective_from", "review_by") if isinstance(form[name].data, date)
    }
    table |= {name: form[name].data for name in ("refer_to", "obligations", "on") if form[name].data}
    if form.on_trial.data:
        table["status"] = "trial"
    table["when"] = _when(form)
    table["test"] = [*before.get("test", []), *_example(form, table["when"], pack)]
    if not table["when"]:
        raise Invalid(
            "Choose at least one condition.", fields={"title": "Choose at least one condition below."}
        )
    if not table["test"]:
        raise Invalid(
            "Give an example.", fields={"example": "Choose an example that shows the rule at work."}
        )
    return table


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
    if not form.example.data:
        return []
    if not form.expect.data:
        raise Invalid("Say what must come out.", fields={"expect": "Choose what must come out."})
    case: dict[str, Any] = {
        "name": form.example_name.data or "a case with what it asks for",
        "on": form.example.data,
        "given": drafting.case_for(when, pack.examples[form.example.data]),
        "expect": form.expect.data,
    }
    if form.effect.data == "oblige":
        case["obligations"] = list(form.obligations.data or ())
    return [case]


def _shown(text: str, table: Mapping[str, Any]) -> tuple[str, str]:
    """Its sentence and its source. Raises Invalid with what is wrong."""
    try:
        pack = parse_pack(drafting.put_rule(text, table), "the draft")
    except PolicyError as problem:
        raise Invalid(f"{problem.problem[0].upper()}{problem.problem[1:]}.") from problem
    return sentence(_rule(pack, str(table["id"]))), drafting.written(table)


def _draft(draft_id: str) -> Draft:
    with current_gateway().store.reading() as unit:
        found = policies.draft_for(unit, current_actor(), draft_id)
    if "edit" not in found.may:
        raise NotFound("You have no such open draft.", next_step="See the changes of the policy.")
    return found


def _pack(found: Draft, pack_id: str) -> tuple[str, Pack]:
    for file, text in found.row.files.items():
        pack = parse_pack(text, file)
        if pack.id == pack_id and pack.kind != "core":
            return file, pack
    raise NotFound("There is no such pack in the draft.", next_step="Choose one from the list.")


def _rule(pack: Pack, rule_id: str) -> Rule:
    for rule in pack.rules:
        if rule.id == rule_id:
            return rule
    raise NotFound("There is no such rule in the pack.", next_step="Choose one from the list.")


def _existing(text: str, rule_id: str) -> dict[str, Any]:
    return drafting.rule_table(text, rule_id) or {}


def _file_name(name: str) -> str:
    stem = name.removesuffix(".toml")
    if not stem or not all(one.isascii() and (one.isalnum() or one in "_-") for one in stem):
        raise Invalid("The name can't be used.", fields={"name": "Use letters, digits, _ and - only."})
    return f"{stem}.toml"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
