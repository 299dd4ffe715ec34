"""The holder reads whom a request is about, enough to match two identifiers, and that is in the log."""

from __future__ import annotations

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import desk
from gateway.disclosure.models import Line
from gateway.errors import NotFound
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from tests.told import PERMITTED


def _request(stage: Stage) -> str:
    line_id = stage.ask(PERMITTED)["convictions"]
    return stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)


def test_the_holder_is_told_and_it_is_recorded(quick_stage: Stage) -> None:
    request_id = _request(quick_stage)
    found = quick_stage.by("police-ppu", lambda unit, actor: desk.who_it_is(unit, actor, request_id))
    assert [one.name for one in found] == ["Robin Invented"]
    assert dict(found[0].numbers) == {"crn": "X000001"}
    kinds = quick_stage.do(
        lambda unit: [one.kind for one in read.entries_for_request(unit, request_id).entries]
    )
    assert EntryKind.SUBJECT_SHOWN in kinds


@pytest.mark.parametrize("who", ["probation-om", "health-lead", "lantern-advocate"])
def test_nobody_else_is_told(quick_stage: Stage, who: str) -> None:
    request_id = _request(quick_stage)
    with pytest.raises(NotFound):
        quick_stage.by(who, lambda unit, actor: desk.who_it_is(unit, actor, request_id))
