"""An officer who has never seen code: from draft to rollback in the pages, and the failing path at each check."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.cli.demo_stage import Stage
from gateway.policy import lifecycle
from tests.policy_life.changing import AUTHOR, SECOND
from tests.web.fixtures import shared_app
from tests.web.pages import Page, Web

_STOP: dict[str, Any] = {
    "id": "mappa-no-convictions-to-probation",
    "title": "Police keep convictions from probation",
    "effect": "deny",
    "stage": "E",
    "when_category": ["convictions"],
    "when_holder_type": ["police"],
    "when_recipient_type": ["probation"],
    "because": "Agreed by the board on 3 November 2026",
    "officer": "The board agreed that probation reads convictions in its own system.",
    "requester": "Look in your own system.",
    "effective_from-day": "1",
    "effective_from-month": "1",
    "effective_from-year": "2026",
    "example": "offender",
    "expect": "deny",
}


@pytest.fixture
def web(quick_stage: Stage) -> Web:
    return Web(shared_app(quick_stage.gateway), quick_stage.gateway)


def _as(web: Web, stage: Stage, code: str) -> None:
    web.sign_in(stage.do(lambda unit: stage.post_id(unit, code)))


def _follow(web: Web, shown: Page, text: str) -> Page:
    [href] = [address for name, address in shown.links().items() if name.startswith(text)]
    return web.page(href)


def _begun(web: Web, stage: Stage) -> Page:
    _as(web, stage, AUTHOR)
    start = _follow(web, web.page("/governance/policies"), "Change the policy")
    new = _follow(web, start, "Draft a change")
    draft = web.submit(new, {"title": "Convictions", "reason": "The board agreed."})
    assert "It changes nothing yet" in draft.text
    return draft


def _pack(web: Web, draft: Page) -> Page:
    return _follow(web, _follow(web, draft, "Write it"), "MAPPA (England")


def test_from_draft_to_rollback(quick_stage: Stage, web: Web) -> None:
    draft = _begun(web, quick_stage)
    form = _follow(web, _pack(web, draft), "Add a rule")
    looked = web.submit(form, {**_STOP, "look": "yes"})
    assert "Refuses when" in looked.text
    assert 'id = "mappa-no-convictions-to-probation"' in looked.text
    kept = web.submit(form, _STOP)
    assert "Kept in the draft" in kept.text
    draft = web.page(draft.path)
    assert "Rule added" in draft.text
    check = _follow(web, draft, "Check it")
    assert "It passes every check" in check.text
    draft = web.submit(check)
    effect = _follow(web, draft, "See what it would have done")
    assert "would change" in effect.text
    web.submit(_follow(web, draft, "Sign it"))
    _as(web, quick_stage, SECOND)
    assert "Changes of the policy to look at" in web.page("/governance/").text
    seen = web.page(draft.path)
    assert "Rule added" in seen.text
    approved = web.submit(_follow(web, seen, "Approve it"), {"words": "It is right."})
    assert "Approved" in approved.text
    listed = web.page("/governance/policies/changes")
    assert "2 signatures, good" in listed.text
    back = web.submit(_follow(web, listed, "Put it back"), {"reason": "It was wrong."})
    _as(web, quick_stage, SECOND)
    again = _follow(web, back, "Back to activation 1")
    again = web.submit(_follow(web, again, "Check it"))
    web.submit(_follow(web, again, "Sign it"))
    _as(web, quick_stage, AUTHOR)
    web.submit(_follow(web, web.page(again.path), "Approve it"), {"words": "Agreed."})
    active = quick_stage.do(lambda unit: lifecycle.active(unit, quick_stage.partnership_id(unit)))
    assert active is not None
    assert active.rule(_STOP["id"]) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"when_power_any": [], "effect": "permit", "stage": "H", "expect": "permit"}, "names the powers"),
        ({"effect": "permit", "stage": "A", "when_power_any": ["consent"]}, "permits stand in H"),
        ({"effect": "refer", "stage": "E"}, "refer_to names who decides"),
        ({"example": ""}, "Choose an example that shows the rule"),
        ({"when_category": [], "when_holder_type": [], "when_recipient_type": []}, "at least one condition"),
        ({"requester": ""}, "requester says in words"),
        ({"id": "No Such Name"}, "small letters"),
    ],
)
def test_what_is_not_sound_is_not_kept_and_says_why(
    quick_stage: Stage, web: Web, change: dict[str, Any], says: str
) -> None:
    form = _follow(web, _pack(web, _begun(web, quick_stage)), "Add a rule")
    refused = web.submit(form, {**_STOP, **change}, status=422)
    assert says.lower() in refused.text.lower()


def test_a_draft_that_fails_a_check_says_which_and_cannot_be_signed(quick_stage: Stage, web: Web) -> None:
    draft = _begun(web, quick_stage)
    form = _follow(web, _pack(web, draft), "Add a rule")
    web.submit(form, {**_STOP, "expect": "refer"})
    check = _follow(web, web.page(draft.path), "Check it")
    assert "It can't be signed yet" in check.text
    assert "came to deny, expected refer" in check.text
    assert "came to deny, expected refer" in _follow(web, check, "Examples").text
    assert "Sign it" not in web.page(draft.path).links()
    refused = web.client.get(f"{draft.path}/sign")
    token = re.search(r'name="csrf_token" value="([^"]+)"', refused.text)
    assert token is not None
    tried = web.client.post(f"{draft.path}/sign", data={"csrf_token": token[1]})
    assert tried.status_code == 422
    assert "pass its checks first" in tried.text


def test_a_pack_is_taken_in_as_toml_and_an_overlay_may_not_permit(quick_stage: Stage, web: Web) -> None:
    draft = _begun(web, quick_stage)
    packs = _follow(web, draft, "Write it")
    page = _follow(web, packs, "Put in a pack as TOML")
    refused = web.submit(page, {"name": "x.toml", "source": "[pack]\nkind = 'nonsense'"}, status=422)
    assert "Kind is core, pack or overlay" in refused.text
    marac = lifecycle.shipped_files()["marac.toml"].replace(
        'kind = "pack"', 'kind = "overlay"\nagency = "x"', 1
    )
    refused = web.submit(page, {"name": "marac.toml", "source": marac}, status=422)
    assert "not in overlays" in refused.text


def test_nobody_else_edits_a_draft_and_staff_see_none_of_it(quick_stage: Stage, web: Web) -> None:
    draft = _begun(web, quick_stage)
    _as(web, quick_stage, SECOND)
    assert web.client.get(f"{draft.path}/packs").status_code == 404
    _as(web, quick_stage, "probation-om")
    assert web.client.get(draft.path).status_code == 403
