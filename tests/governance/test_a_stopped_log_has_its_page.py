"""While the log is stopped its page works, says what can't be known, and takes no nonsense."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.web.governance import restores
from tests.governance.test_an_entry_is_held_back_on_its_page import become, web
from tests.review.test_a_restore_takes_two_officers_who_sign import longer
from tests.web.hostile import BAD
from tests.web.pages import Web

__all__ = ["web"]
PLACE = "/governance/restores"


@pytest.fixture
def stopped(web: Web, quick_stage: Stage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Web:
    """A browser of an officer who signed in since the log was stopped; its witness serves a longer one."""
    seen = longer(quick_stage.gateway, 3)
    monkeypatch.setattr(restores, "last_seen", lambda *_: ([seen], ["c2: it does not answer"]))
    journal = quick_stage.gateway.journal
    journal.stopped, journal.stopped_at = "the witness c1 holds another history", clock.now()
    clock.advance(timedelta(minutes=1))
    become(web, quick_stage, "office-ig")
    return web


def test_whatever_is_typed_is_answered(stopped: Web) -> None:
    shown = stopped.page(f"{PLACE}/declare")
    for field in ("reasons", "numbers"):
        for what, value in BAD.items():
            if field == "reasons" and what in {"code", "id", "number"}:
                continue  # these are as good as any, or too long to be
            answer = stopped.submit(shown, {"reasons": "The disk failed.", field: value}, status=422)
            assert "There is a problem" in answer.text
    assert "None was declared before." in stopped.page(PLACE).text


def test_who_gave_no_answer_is_named_and_too_few_stop_it(
    stopped: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "c2: it does not answer" in stopped.page(PLACE).text
    monkeypatch.setattr(restores, "last_seen", lambda *_: ([], ["c1: it does not answer"]))
    shown = stopped.page(PLACE).text
    assert "Call those of the witnesses who gave no answer" in shown
    answer = stopped.submit(stopped.page(f"{PLACE}/declare"), {"reasons": "The disk failed."}, status=422)
    assert "That is not what the witnesses last saw of this log" in answer.text


def test_refusing_leaves_the_log_stopped(stopped: Web, quick_stage: Stage) -> None:
    declared = stopped.submit(stopped.page(f"{PLACE}/declare"), {"reasons": "The disk failed."})
    refuse = next(href for href in declared.links().values() if href.endswith("/refuse"))
    become(stopped, quick_stage, "police-ig")
    assert "Restores to declare or answer 1" in stopped.page("/governance/").text
    refused = stopped.submit(stopped.page(refuse))
    assert refused.h1 == "The log is stopped"
    assert "Refused, or taken back" in refused.text
    stopped.page(refuse, status=403)
    stopped.page(f"{PLACE}/{'0' * 32}/agree", status=404)
