"""What the tests of the flow do again and again in Meadowshire, on SQLite alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlmodel import col, select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import open as opening
from gateway.disclosure.content import Content
from gateway.disclosure.models import LineDecision
from gateway.registry.actors import Actor
from gateway.sealing.models import CopyOf, Parcel
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED


@dataclass(frozen=True)
class Sent:
    """A line that was released: its id and its recipient's parcel."""

    line_id: str
    parcel_id: str


def parcel_id_of(stage: Stage, line_id: str) -> str:
    """The recipient's newest parcel of a line."""
    chosen = select(Parcel).where(Parcel.line_id == line_id, Parcel.copy_of == CopyOf.RECIPIENT)
    return stage.do(lambda unit: unit.session.exec(chosen).all()[-1].id)


def state_of(stage: Stage, parcel_id: str) -> str:
    """Where a parcel stands."""
    return stage.do(lambda unit: unit.session.get_one(Parcel, parcel_id).state)


def open_it(stage: Stage, who: str, parcel_id: str) -> opening.Opened | opening.NotOpened:
    """Open a parcel, accepting its conditions."""

    def act(unit: Unit, actor: Actor) -> opening.Opened | opening.NotOpened:
        owed = frozenset(opening.parcel_for(unit, actor, parcel_id).undertakings)
        return opening.open_parcel(unit, actor, parcel_id, accepts=owed)

    return stage.by(who, act)


def latest(stage: Stage, line_id: str) -> LineDecision:
    """The newest decision on a line."""
    rows = select(LineDecision).where(LineDecision.line_id == line_id).order_by(col(LineDecision.created_at))
    return stage.do(lambda unit: unit.session.exec(rows).all()[-1])


@pytest.fixture
def sent(quick_stage: Stage) -> Sent:
    """Robin's convictions, released by police to the offender manager."""
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    quick_stage.release("police-ppu", line_id, Content(text="Two convictions."), "Plan; Nadia Sample")
    return Sent(line_id, parcel_id_of(quick_stage, line_id))
