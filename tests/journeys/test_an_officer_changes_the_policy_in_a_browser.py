"""An officer who has never seen code drafts a change, proves it, has it approved, sees it decide, and undoes it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.disclosure.models import Line, LineDecision
from gateway.policy import drafting, lifecycle
from gateway.store.unit_of_work import Unit
from tests.journeys.conftest import Demonstration, Visitor
from tests.told import PERMITTED

pytestmark = pytest.mark.browser

Visit = Callable[[str], Visitor]
_AUTHOR, _SECOND = "Olive Example", "Tobias Dummy"
_CHANGES = "/governance/policies/changes"
_CHECKS = ("Words and shape", "Examples", "Beside the other rules", "What may never be permitted")
_GUARD = "core-c-safety-critical-to-perpetrator-facing"


def test_from_a_draft_to_its_undoing(visit: Visit, demonstration: Demonstration) -> None:
    before = _asked(demonstration)
    author = visit(_AUTHOR)
    draft = _begun(author, "Convictions stay with the police")
    _writes_a_refusal(author)
    author.presses("Keep it in the draft")
    author.goes(draft)
    assert "Rule added" in author.reads()
    seen_by_author = _what_it_changes(author)
    author.follows("Check it")
    assert "It passes every check" in author.reads()
    for check in _CHECKS:
        author.follows(f"^{check}$")
        assert "It passes this check" in author.reads()
        author.tab.go_back()
    author.follows("What it would have done")
    assert re.search(r"[1-9] of \d+ decisions of the last 90 days would change: 0 more", author.reads())
    author.tab.go_back()
    author.presses("Keep this result")
    author.follows("Sign it")
    author.presses("^Sign$")
    assert "Another officer has to approve it" in author.reads()

    second = visit(_SECOND)
    assert "Changes of the policy to look at" in second.reads()
    second.goes(_CHANGES)
    second.follows("Convictions stay")
    second.follows("Approve it")
    assert _what_it_changes(second) == seen_by_author
    second.presses("Approve and sign")
    assert "Say why" in second.reads()
    second.fills("Say why", "The board agreed on it.")
    second.presses("Approve and sign")
    assert "Approved" in second.reads()
    assert (before, _asked(demonstration)) == ("permit", "deny")

    author.goes(_CHANGES)
    author.follows("Put it back")
    author.fills("Why should it be put back", "Probation can't do its work without them.")
    author.presses("Draft it")
    author.clicks("link", "Back to activation")
    author.clicks("link", "Check it")
    author.clicks("button", "Keep this result")
    author.clicks("link", "Sign it")
    author.clicks("button", "^Sign$")
    second.tab.goto(author.tab.url)
    second.clicks("link", "Approve it")
    second.fills("Say why", "So it was before.")
    second.clicks("button", "Approve and sign")
    assert "Approved" in second.reads()
    assert _asked(demonstration) == "permit"


def test_each_check_says_in_words_why_a_draft_does_not_pass(
    visit: Visit, demonstration: Demonstration, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = visit(_AUTHOR)
    draft = _begun(officer, "Finances for housing")
    officer.goes(f"{draft}/check")
    assert "It changes nothing" in officer.reads()
    officer.goes(f"{draft}/packs/mappa/add")
    officer.presses("Keep it in the draft")
    assert "There is a problem" in officer.reads()
    _writes(
        officer, "Housing reads finances", "Permit", when={"The kind of information": "Money and benefits"}
    )
    expect(officer.tab.locator('[data-part="missing"]')).to_contain_text("names the powers")
    _chooses(officer, "The powers named", "325")
    officer.tab.get_by_label("What must come out?").select_option("refer")
    officer.presses("Keep it in the draft")
    officer.goes(draft)
    _fails(officer, "Examples", "came to permit, expected refer")

    officer.goes(f"{draft}/packs/mappa/add")
    _writes(officer, "Nobody keeps an offender's risk", "Refuse", when={"The arrangement": "MAPPA"})
    officer.clicks("button", "Keep it in the draft")
    officer.goes(draft)
    _fails(officer, "Beside the other rules", "can never decide")

    # Planted: a version of the gateway whose core lacks the guard of safety-critical information.
    shipped = lifecycle.shipped_files()
    without = drafting.drop_rule(shipped["core.toml"], _GUARD)
    monkeypatch.setattr(lifecycle, "shipped_files", lambda folder=None: {**shipped, "core.toml": without})
    draft = _begun(officer, "The newer core")
    _fails(officer, "What may never be permitted", "This must never happen")
    assert re.search(
        r"would permit it, for example when\s+.*whom the recipient works with is", _flat(officer)
    )
    officer.goes(draft)
    assert "Cannot start yet" in officer.reads()
    assert not officer.tab.locator("main").get_by_role("link", name="Sign it").count()


def _begun(officer: Visitor, title: str) -> str:
    officer.goes(_CHANGES)
    officer.follows("Draft a change")
    officer.fills("What is this change", title)
    officer.fills("Why is it needed", "The board agreed on 3 November.")
    officer.presses("Begin")
    return officer.tab.url.removeprefix(officer.demonstration.address)


def _writes_a_refusal(officer: Visitor) -> None:
    """Fill in a rule from the pick lists; what it says stands beside it all the while."""
    officer.follows("Write it")
    officer.follows(r"^MAPPA \(England")
    officer.follows("Add a rule")
    said = officer.tab.locator('[data-part="sentence"]')
    when = {
        "The kind of information": "Convictions, cautions and orders",
        "The holder's kind of body": "Police force",
        "The recipient's kind of body": "Probation service",
    }
    _writes(officer, "Police keep convictions from probation", "Refuse", when=when)
    for value in when.values():
        expect(said).to_contain_text(value)
    expect(said).to_contain_text("Refuses when")
    expect(officer.tab.locator('[data-part="missing"]')).to_be_hidden()
    expect(officer.tab.locator('[data-part="source"]')).to_contain_text('effect = "deny"')
    officer.looks()


def _writes(officer: Visitor, title: str, effect: str, *, when: dict[str, str]) -> None:
    officer.fills("What does it say", title)
    officer.ticks(effect)
    for heading, value in when.items():
        _chooses(officer, heading, value)
    officer.fills("By which law", "Agreed by the board on 3 November 2026")
    officer.fills("What should an officer read", "The board agreed on it.")
    officer.fills("What should the requester read", "Ask the holder's officer.")
    officer.tab.get_by_label("Try it on which case?").select_option("offender")


def _chooses(officer: Visitor, heading: str, value: str) -> None:
    summary = officer.tab.locator("summary", has_text=re.compile(rf"^\s*{heading}"))
    part = officer.tab.locator("details").filter(has=summary)
    if part.get_attribute("open") is None:
        summary.click()
    part.get_by_label(re.compile(value)).first.check()


def _fails(officer: Visitor, check: str, says: str) -> None:
    """A check that doesn't pass: seen at a glance, and in words on its own page."""
    draft = officer.tab.url.removeprefix(officer.demonstration.address)
    officer.goes(f"{draft}/check")
    assert "It can't be signed yet" in officer.reads()
    officer.follows(f"^{check}$")
    assert "can't be signed with this" in officer.reads()
    assert says in officer.reads()


def _what_it_changes(officer: Visitor) -> str:
    return officer.tab.get_by_role("region", name="What it changes").inner_text()


def _flat(officer: Visitor) -> str:
    return " ".join(officer.reads().split())


def _asked(demonstration: Demonstration) -> str:
    """What a probation officer is answered who asks the police for convictions."""
    stage = Stage(demonstration.gateway, FixedClock(demonstration.gateway.clock.now()))
    [line_id] = stage.ask(PERMITTED).values()

    def outcome(unit: Unit) -> str:
        return unit.session.get_one(
            LineDecision, unit.session.get_one(Line, line_id).latest_decision_id
        ).outcome

    return str(stage.do(outcome))
