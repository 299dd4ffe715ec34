"""A backup was restored: two officers of two agencies see what was lost and sign that, and the log begins anew."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.assembly import Gateway
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.ledger.log_keys import new_life
from gateway.ledger.verify import verify_store
from gateway.ledger.witness import ask_witnesses, compare_at_start, last_seen
from gateway.review import restoring
from tests.journeys.conftest import Demonstration, Visitor
from tests.ledger.witnesses import running
from tests.promises.acts import database_of
from tests.told import PERMITTED
from tests.web.browser import width_needed

pytestmark = pytest.mark.browser

Visit = Callable[[str], Visitor]
_FIRST, _COLLEAGUE, _SECOND, _ADVOCATE = "Olive Example", "Tobias Dummy", "Grace Example", "Asha Sample"
_JOB, _PLACE = "Restores to declare or answer", "/governance/restores"


def test_from_the_stop_to_the_new_log(visit: Visit, demonstration: Demonstration, tmp_path: Path) -> None:
    gateway = demonstration.gateway
    with running(tmp_path, gateway.journal, gateway.clock) as witnesses:
        early = visit(_FIRST)
        assert _JOB not in early.reads()
        _loses_the_last_hour(gateway, demonstration)

        early.goes(_PLACE)
        assert "Sign out and sign in again" in early.reads()
        _declares(early)
        assert "You signed in before the log was stopped" in early.reads()

        first = visit(_FIRST)
        assert _JOB in first.reads()
        first.goes(_PLACE)
        assert "The log is stopped" in first.reads()
        seen, held, lost = _numbers(first)
        assert (seen - held, first.reads().count(f"{seen:,}\t")) == (lost, 3)
        _declares(first)
        assert "Call a second officer" in first.tab.locator("body").inner_text()
        colleague = visit(_COLLEAGUE)  # of the same agency
        colleague.goes(_PLACE)
        for one in (first, colleague):
            assert one.tab.get_by_role("link", name="Agree, as the second officer").count() == 0

        second = visit(_SECOND)
        assert _JOB in second.reads()
        second.goes(_PLACE)
        assert _numbers(second) == (seen, held, lost)
        _fits_a_narrow_window(second)
        second.follows("Refuse it, or take it back")
        second.tab.go_back()
        second.follows("Agree, as the second officer")
        assert "does she still hold this post" in second.reads()
        _fits_a_narrow_window(second)
        second.presses("Agree and sign")
        found = re.search(r"gateway ledger begin-epoch (\S+)", second.reads())
        assert found is not None

        witnessed, _ = last_seen(gateway.store, gateway.journal)
        with new_life(gateway.settings, 2) as keys, gateway.store.writing() as unit:
            restoring.begin(unit, keys, found[1], witnessed)
        for witness in witnesses:
            witness.trust(gateway.journal.vkey(f"{gateway.journal.origin}/epoch-2"))
        assert len(ask_witnesses(gateway.store, gateway.journal).cosigned) == 3
    with gateway.store.reading() as unit:
        assert verify_store(unit).verified
    after = visit(_SECOND)  # everybody signs in anew
    after.goes(_PLACE)
    assert "The log goes on" in after.reads()
    assert "Carried out" in after.reads()
    advocate = visit(_ADVOCATE)
    advocate.goes("/advocacy/check")
    assert f"{lost} of the {seen} entries that its witnesses had seen were lost" in advocate.reads()


def _loses_the_last_hour(gateway: Gateway, demonstration: Demonstration) -> None:
    """What was done since the backup is gone; a worker that starts on the rest compares it with the witnesses."""
    ask_witnesses(gateway.store, gateway.journal)
    file = database_of(gateway.settings)
    kept = file.with_suffix(".kept")
    gateway.store.scrub()
    gateway.store.close()
    shutil.copyfile(file, kept)
    Stage(gateway, FixedClock(gateway.clock.now())).ask(PERMITTED)
    ask_witnesses(gateway.store, gateway.journal)
    gateway.store.scrub()
    gateway.store.close()
    shutil.copyfile(kept, file)
    compare_at_start(gateway.store, gateway.journal)


def _declares(officer: Visitor) -> None:
    officer.follows("Declare that a backup")
    officer.presses("Declare and sign")
    assert "Say what happened in a sentence" in officer.reads()
    officer.fills("What happened", "The disk failed; last night's backup was restored.")
    officer.presses("Declare and sign")


def _numbers(officer: Visitor) -> tuple[int, int, int]:
    """How much the witnesses had seen, the store holds and was lost, as her page says."""
    said = officer.reads()
    found = re.search(
        r"had seen\s+([\d,]+) entr\w+\s+The store still holds\s+([\d,]+) entr[^\n]*\s+Lost\s+([\d,]+)", said
    )
    assert found is not None, said
    seen, held, lost = (int(one.replace(",", "")) for one in found.groups())
    return seen, held, lost


def _fits_a_narrow_window(officer: Visitor) -> None:
    officer.tab.set_viewport_size({"width": 320, "height": 900})
    assert width_needed(officer.tab) <= 320
    officer.looks()
    officer.tab.set_viewport_size({"width": 1280, "height": 900})
