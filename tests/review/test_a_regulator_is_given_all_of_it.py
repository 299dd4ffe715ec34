"""What an agency hands a regulator is whole and in order, however many entries were written in one moment."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure.content import Content
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.review import regulator
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED


@pytest.mark.parametrize("at_once", [2, 500])
def test_no_entry_falls_between_two_batches(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    began = quick_stage.clock.now()
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.later(hours=1)
    quick_stage.release("police-ppu", line_id, Content(text="Two convictions."), "Plan; Nadia Sample")
    quick_stage.later(hours=1)
    until = quick_stage.clock.now()

    def written(unit: Unit) -> list[str]:
        chosen = read.Filter(since=began, limit=500)
        police = quick_stage.agency_id(unit, "police")
        return [one.entry_id for one in reversed(read.entries_of_agency(unit, police, chosen).entries)]

    def handed_out(unit: Unit) -> list[dict[str, object]]:
        police = quick_stage.agency_id(unit, "police")
        rows = regulator.export(unit, police, began, until + timedelta(days=1), "Their letter of today")
        return [json.loads(row) for row in rows]

    known = quick_stage.do(written)
    monkeypatch.setattr(read, "MOST_AT_ONCE", at_once)
    rows = quick_stage.do(handed_out)
    entries = [row for row in rows if row["type"] == "entry"]
    assert len(entries) == len(known) + 1, "all of them, and the entry of this export"
    assert entries[-1]["kind"] == EntryKind.DATA_EXPORTED
    numbers = [int(str(row["number"])) for row in entries[:-1]]
    assert numbers == sorted(numbers)
    assert [row["at"] for row in entries] == sorted(str(row["at"]) for row in entries)
