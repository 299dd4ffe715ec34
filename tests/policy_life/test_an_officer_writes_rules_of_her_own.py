"""Rules beside a pack, begun, kept up and checked in pages: an agency's own, and the partnership's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import policy_drafts
from gateway.policy import checks, lifecycle
from gateway.policy.packs import Pack
from tests.policy_life.changing import AUTHOR, OTHER, drafted
from tests.web.fixtures import shared_app
from tests.web.pages import Page, Web, text_of

DAY = date(2026, 11, 22)
REVIEWED = {"review_by-day": "1", "review_by-month": "6", "review_by-year": "2028"}
OVERLAY = "mappa-police"
NARROWED = "Members share what bears on an offender's risk"
# Sixty characters and more: what an officer makes of a whole sentence.
LONG = "Police keep convictions and cautions from the probation service unless asked twice"
RULE: dict[str, Any] = {
    "title": LONG,
    "effect": "deny",
    "when_category": ["convictions"],
    "when_recipient_type": ["probation"],
    "because": "Agreed by the force's\r\ndata-protection officer",
    "officer": "Probation reads convictions in its own system.",
    "requester": "Look in your own system.",
    "example": "offender",
}

# Its only example is one that it stops, or one that it says nothing of.
_OWN = """
[pack]
id = "own"
kind = "overlay"
title = "Ours"
owner = "Police"
agency = "one-agency"
jurisdiction = ["EW"]
effective_from = 2026-01-01
review_by = 2028-06-01
arrangements = ["MAPPA"]
[example.case]
arrangement = "MAPPA"
[[rule]]
id = "own-stop"
title = "A stop"
stage = "E"
effect = "deny"
because = "Agreed"
officer = "It is stopped."
requester = "Not here."
[rule.when]
category = ["identity"]
[[rule.test]]
on = "case"
given = { category = "CATEGORY" }
expect = "deny"
"""


@pytest.fixture
def web(quick_stage: Stage) -> Web:
    return Web(shared_app(quick_stage.gateway), quick_stage.gateway)


def _follow(web: Web, shown: Page, text: str) -> Page:
    [href] = [address for name, address in shown.links().items() if name.startswith(text)]
    return web.page(href)


def _packs(web: Web, stage: Stage, author: str) -> Page:
    web.sign_in(stage.do(lambda unit: stage.post_id(unit, author)))
    start = _follow(web, web.page("/governance/policies"), "Change the policy")
    draft = web.submit(_follow(web, start, "Draft a change"), {"title": "Ours", "reason": "Agreed."})
    return _follow(web, draft, "Write it")


def _begun(web: Web, packs: Page, whose: str = "own") -> Page:
    begin = _follow(web, packs, "Begin rules of your own")
    return web.submit(begin, {"whose": whose, "pack": "mappa", **REVIEWED})


def test_an_agencys_own_officer_stops_something_without_seeing_code(quick_stage: Stage, web: Web) -> None:
    packs = _packs(web, quick_stage, OTHER)
    begin = _follow(web, packs, "Begin rules of your own")
    assert "for everybody" not in begin.text
    listed = _begun(web, packs)
    own = _follow(web, listed, "Meadowshire Police: MAPPA")
    kept = web.submit(_follow(web, own, "Add a rule"), RULE)
    rule = _follow(web, kept, LONG)
    assert "Refuses when" in rule.text
    draft = web.page(packs.path.removesuffix("/packs"))
    web.submit(_follow(web, draft, "Check it"))
    web.submit(_follow(web, web.page(draft.path), "Put it into force now"))
    assert _own_pack(quick_stage).agency == quick_stage.do(lambda unit: quick_stage.agency_id(unit, "police"))
    assert "Off" not in _follow(web, web.page("/governance/policies"), "Meadowshire Police: MAPPA").text


def test_an_agencys_own_rule_may_not_permit(quick_stage: Stage, web: Web) -> None:
    own = _follow(web, _begun(web, _packs(web, quick_stage, OTHER)), "Meadowshire Police: MAPPA")
    permit = {**RULE, "effect": "permit", "when_power_any": ["cja2003_s325"]}
    assert "not in overlays" in web.submit(_follow(web, own, "Add a rule"), permit, status=422).text


def test_rules_of_the_partnership_are_begun_by_whoever_governs_it(quick_stage: Stage, web: Web) -> None:
    listed = _begun(web, _packs(web, quick_stage, AUTHOR), "shared")
    assert "State On" in " ".join(_follow(web, listed, "The partnership: MAPPA").text.split())


def test_a_pack_that_cannot_be_switched_on_is_named_with_what_is_missing(
    quick_stage: Stage, web: Web
) -> None:
    packs = _packs(web, quick_stage, AUTHOR)
    web.submit(_follow(web, _follow(web, packs, "Channel"), "Switch it on"))
    check = web.page(f"{packs.path.removesuffix('/packs')}/check")
    assert "“Channel (England and Wales)”: It can't be switched on: no arrangement" in check.text


def test_a_review_date_is_moved_in_pages(quick_stage: Stage, web: Web) -> None:
    packs = _packs(web, quick_stage, AUTHOR)
    pack = _follow(web, packs, "MAPPA (England")
    kept = web.submit(_follow(web, pack, "Change its review date"), REVIEWED)
    assert "1 June 2028" in kept.text
    assert "2028-06-01 instead of 2027-06-30" in web.page(packs.path.removesuffix("/packs")).text
    past = {**REVIEWED, "review_by-year": "2020"}
    refused = web.submit(_follow(web, kept, "Change its review date"), past, status=422)
    assert "still to come" in refused.text


def test_an_example_that_is_no_longer_right_is_left_out(quick_stage: Stage, web: Web) -> None:
    packs = _packs(web, quick_stage, AUTHOR)
    rule = _follow(web, _follow(web, packs, "MAPPA (England"), NARROWED)
    draft = packs.path.removesuffix("/packs")
    web.submit(rule, {"when_category": ["convictions"]})
    says = f"“{NARROWED}”: Its test: came to deny"
    assert says in web.page(f"{draft}/check").text
    again = web.page(rule.path)
    [wrong] = [place for place, label in _examples(again) if label.startswith("as the rule says")]
    web.submit(again, {"left_out": [wrong], "example": "offender"})
    assert says not in web.page(f"{draft}/check").text
    labels = [label for _, label in _examples(web.page(rule.path))]
    assert labels[:-1] == [label for place, label in _examples(again) if place != wrong]
    assert "Convictions" in labels[-1]


def _examples(shown: Page) -> list[tuple[str, str]]:
    labels = {label.get("for", ""): text_of(label) for label in shown.all("label")}
    return [(box.get("value", ""), labels[box.get("id", "")]) for box in shown.all("input", name="left_out")]


@pytest.mark.parametrize(("category", "tried"), [("identity", "passes"), ("finances", "fails")])
def test_the_examples_of_an_agencys_own_rule_are_tried(category: str, tried: str) -> None:
    files = {**lifecycle.shipped_files(), "own.toml": _OWN.replace("CATEGORY", category)}
    found = checks.check(files, ("mappa",), DAY, proving=False)
    failed = {one.where for one in found.findings if one.check == "tests"}
    assert failed == ({"own-stop"} if tried == "fails" else set())


@pytest.mark.parametrize("pack_id", ["scotland", "northern-ireland"])
def test_the_settings_of_one_nation_switch_no_pack_of_another_on(pack_id: str, quick_stage: Stage) -> None:
    draft_id = drafted(quick_stage, None)
    quick_stage.by(
        AUTHOR, lambda unit, actor: policy_drafts.switch_pack(unit, actor, draft_id, pack_id, on=True)
    )
    found = quick_stage.by(AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, draft_id))
    assert [one.where for one in found.findings if one.check == "local settings"] == [pack_id]


def _own_pack(stage: Stage) -> Pack:
    policy = stage.do(lambda unit: lifecycle.active(unit, stage.partnership_id(unit)))
    assert policy is not None
    return next(pack for pack in policy.packs if pack.id == OVERLAY)
