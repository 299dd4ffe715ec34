"""Writing a rule by choosing: pick lists from the vocabulary, its English sentence and its source side by side."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import policy_drafts
from gateway.disclosure.local_settings import in_words
from gateway.disclosure.policy_drafts import Draft
from gateway.errors import Invalid, NotFound
from gateway.policy import drafting
from gateway.policy.packs import Pack, parse_pack
from gateway.policy.rules import PolicyError, Rule
from gateway.policy.sentence import sentence
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import day, label
from gateway.web.forms import Answer, GatewayForm, LongAnswer, page, required
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import PlainForm
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record
from gateway.web.governance.policies import draft_of
from gateway.web.governance.policy_form import (
    RuleForm,
    conditions_of,
    data_of,
    placed,
    rule_form,
    whole,
    written,
)

_MOST_SOURCE = 100_000
Sources = tuple[str, str]


class ImportForm(GatewayForm):
    """A pack or overlay as it is written."""

    name = Answer("Name of the file, such as local.toml", [required("Name the file")], longest=60)
    source = LongAnswer("The pack, as TOML", [required("Paste the pack")], longest=_MOST_SOURCE)


@blueprint.get("/policies/changes/<id:draft_id>/packs")
@allow(Face.GOVERNANCE)
def policies_packs(draft_id: str) -> ResponseReturnValue:
    """The packs of a draft, to choose a rule from."""
    found = draft_to_write(draft_id)
    rows: list[list[Cell]] = [
        [
            link(pack.title, url_for(".policies_pack", draft_id=draft_id, pack_id=pack.id)),
            str(len(pack.rules)),
            "On" if pack.acts else "Off",
        ]
        for pack in (found.policy.packs if found.policy else ())
        if pack.kind != "core"
    ]
    return record(
        "Packs of this draft",
        back=url_for(".policies_draft", draft_id=draft_id),
        listings=[Listing("Packs", ("Pack", "Rules", "State"), rows)],
        acts=[
            Act("Begin rules of your own", url_for(".policies_begin_rules", draft_id=draft_id)),
            Act("Put in a pack as TOML", url_for(".policies_import", draft_id=draft_id)),
        ],
    )


@blueprint.get("/policies/changes/<id:draft_id>/packs/<code:pack_id>")
@allow(Face.GOVERNANCE)
def policies_pack(draft_id: str, pack_id: str) -> ResponseReturnValue:
    """The rules of one pack of a draft."""
    found = draft_to_write(draft_id)
    _, pack = pack_of(found, pack_id)
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
    header = url_for(".policies_header", draft_id=draft_id, pack_id=pack_id)
    acts.append(Act("Change its review date, owner or name", header))
    if pack.kind == "pack":
        switch = url_for(".policies_switch", draft_id=draft_id, pack_id=pack_id)
        acts.append(Act("Switch it off" if on else "Switch it on", switch))
    return record(
        pack.title,
        back=url_for(".policies_packs", draft_id=draft_id),
        facts=[
            ("State", "On" if on or pack.kind != "pack" else "Off"),
            ("Owner", pack.owner),
            ("Review by", day(pack.review_by)),
        ],
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
    file, pack = pack_of(draft_to_write(draft_id), pack_id)
    rule = _rule(pack, rule_id)
    return confirm(
        PlainForm(),
        lambda unit: policy_drafts.drop_rule(unit, current_actor(), draft_id, file, rule_id),
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
    found = draft_to_write(draft_id)
    _, pack = pack_of(found, pack_id)
    on = pack_id not in found.row.enabled
    return confirm(
        PlainForm(),
        lambda unit: policy_drafts.switch_pack(unit, current_actor(), draft_id, pack_id, on=on),
        heading=f"Switch {'on' if on else 'off'}: {pack.title}",
        done=f"Switched {'on' if on else 'off'} in the draft",
        back=url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id),
        says=_needs(pack) if on else [],
        button=f"Switch it {'on' if on else 'off'}",
    )


@blueprint.route("/policies/changes/<id:draft_id>/import", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def policies_import(draft_id: str) -> ResponseReturnValue:
    """Put a pack or overlay into the draft as it is written."""
    draft_to_write(draft_id)
    form = ImportForm()
    return confirm(
        form,
        lambda unit: policy_drafts.put_file(
            unit, current_actor(), draft_id, _file_name(form.name.data), form.source.data
        ),
        heading="Put in a pack as TOML",
        done="Taken into the draft",
        back=url_for(".policies_packs", draft_id=draft_id),
        says=["A pack of that file name is replaced. An agency's overlay may only deny or refer."],
        button="Take it in",
    )


@blueprint.post("/policies/changes/<id:draft_id>/packs/<code:pack_id>/preview")
@allow(Face.GOVERNANCE)
def policies_preview(draft_id: str, pack_id: str) -> ResponseReturnValue:
    """The rule that is being written, in words and as its source, for the page to show beside the form."""
    found = draft_to_write(draft_id)
    file, pack = pack_of(found, pack_id)
    form = rule_form()()
    rule = next((one for one in pack.rules if one.id == form.id.data), None)
    form.offer(pack, rule)
    said, source = _as_far_as_it_goes(form, rule, found.row.files[file], pack)
    return {"sentence": said, "source": source, "missing": _missing(form, rule, found.row.files[file], pack)}


def _needs(pack: Pack) -> list[str]:
    listed = ", ".join(in_words(one) for one in pack.needs)
    return [f"It needs {listed}. They are set with the arrangement in the register."] if listed else []


def _write(draft_id: str, pack_id: str, rule_id: str | None) -> ResponseReturnValue:
    found = draft_to_write(draft_id)
    file, pack = pack_of(found, pack_id)
    text = found.row.files[file]
    rule = _rule(pack, rule_id) if rule_id else None
    form = rule_form()(data=data_of(rule, text))
    form.offer(pack, rule)
    if form.validate_on_submit():
        with form.showing_errors():
            table = _sound(form, rule, text, pack)
            if "look" not in request.form:
                with current_gateway().store.writing() as unit:
                    policy_drafts.put_rule(unit, current_actor(), draft_id, file, table)
                flash("Kept in the draft", "done")
                return redirect(url_for(".policies_pack", draft_id=draft_id, pack_id=pack_id))
    return _rule_page(form, rule, pack, text, draft_id)


def _rule_page(
    form: RuleForm, rule: Rule | None, pack: Pack, text: str, draft_id: str
) -> ResponseReturnValue:
    said, source = _as_far_as_it_goes(form, rule, text, pack) if form.effect.data else ("", "")
    return page(
        "governance/policy_rule.html",
        form=form,
        title=rule.title if rule else "A new rule",
        back_href=url_for(".policies_pack", draft_id=draft_id, pack_id=pack.id),
        preview_href=url_for(".policies_preview", draft_id=draft_id, pack_id=pack.id),
        said=said,
        source=source,
        conditions=conditions_of(form),
        always=_always(pack),
        open_duties=form.obligations.data or form.obligations.errors or form.on.errors,
        open_more=any(form[name].errors for name in ("effective_from", "review_by", "owner", "id", "stage")),
        new=rule is None,
    )


def _always(pack: Pack) -> str:
    """What the pack itself asks of every case, so that nobody looks for it in the lists."""
    named = " or ".join(f"“{label(one, 'arrangement')}”" for one in sorted(pack.arrangements))
    return f"The pack is for {named} alone, so you needn't choose that." if named else ""


def _sound(form: RuleForm, rule: Rule | None, text: str, pack: Pack) -> dict[str, Any]:
    """The rule as it would be written. Raises Invalid beside what is wrong."""
    table = whole(form, rule, text, pack)
    try:
        drafting.put_rule(text, table)
    except PolicyError as problem:
        raise placed(problem.problem) from problem
    return table


def _as_far_as_it_goes(form: RuleForm, rule: Rule | None, text: str, pack: Pack) -> Sources:
    """The sentence and the source of what is chosen so far; nothing where that can't be read as a rule."""
    table = written(form, rule, text, pack)
    try:
        return sentence(drafting.outline(table, pack)), drafting.written(table)
    except PolicyError:
        return "", ""


def _missing(form: RuleForm, rule: Rule | None, text: str, pack: Pack) -> str:
    """What has to be said next before the rule can be kept; empty when nothing is missing."""
    if not form.validate():
        return next((str(message) for field in form for message in field.errors), "")
    try:
        _sound(form, rule, text, pack)
    except Invalid as problem:
        return problem.message
    return ""


def draft_to_write(draft_id: str) -> Draft:
    """One's own draft that can still be changed. Raises NotFound."""
    found = draft_of(draft_id)
    if "edit" not in found.may:
        raise NotFound("You have no such open draft.", next_step="See the changes of the policy.")
    return found


def pack_of(found: Draft, pack_id: str) -> tuple[str, Pack]:
    """A pack or overlay of a draft, with its file. Raises NotFound."""
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


def _file_name(name: str) -> str:
    stem = name.removesuffix(".toml")
    if not stem or not all(one.isascii() and (one.isalnum() or one in "_-") for one in stem):
        raise Invalid("The name can't be used.", fields={"name": "Use letters, digits, _ and - only."})
    return f"{stem}.toml"
