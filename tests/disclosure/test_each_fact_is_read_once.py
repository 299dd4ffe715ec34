"""A request costs a bounded number of statements, however many kinds of information it asks for.

Time can't be tested on a busy machine; what the time goes to can: every statement is a round trip to PostgreSQL and
about half a millisecond of processor. When each line read the register anew, one request took 90 of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from gateway.cli.demo_stage import Ask, Stage
from gateway.disclosure import ask, release
from gateway.disclosure import open as opening
from gateway.disclosure.asking import Asking
from gateway.disclosure.content import Content, prepare
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from tests.disclosure.conftest import parcel_id_of
from tests.told import PERMITTED

# What each takes today and one to spare: whoever adds a statement to every request meets it here, and says why.
# PostgreSQL reads again what it read before the lock was granted; what the ledger sends past SQLAlchemy isn't counted.
AN_ASK = {"sqlite": 30, "postgresql": 36}
A_RELEASE = {"sqlite": 59, "postgresql": 64}
AN_OPENING = {"sqlite": 36, "postgresql": 40}


def _statements(stage: Stage, who: str, act: Callable[[Unit, Actor], object]) -> int:
    """How many statements an act sends in a unit of its own, its beginning among them."""
    actor = stage.by(who, lambda _unit, found: found)
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    engine = stage.gateway.store.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        with stage.gateway.store.writing() as unit:
            act(unit, actor)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return len(said)


def _of_asking(stage: Stage, asked: Ask) -> int:
    asking = stage.do(lambda unit: stage.asking(unit, asked))

    def make(unit: Unit, actor: Actor, asking: Asking = asking) -> None:
        ask.ask(unit, actor, asking, idempotency_key=unit.now.isoformat())

    _statements(stage, asked.who, make)  # the first makes keys that every later one finds
    stage.later(hours=1)
    return _statements(stage, asked.who, make)


def test_an_ask_stays_under_its_bound(stage: Stage) -> None:
    assert _of_asking(stage, PERMITTED) <= AN_ASK[stage.gateway.store.dialect]


def test_more_kinds_of_information_read_nothing_more(stage: Stage) -> None:
    more = replace(PERMITTED, categories=("convictions", "risk_assessment", "supervision_conditions"))
    assert _of_asking(stage, more) <= AN_ASK[stage.gateway.store.dialect]


def test_a_release_and_an_opening_stay_under_theirs(stage: Stage) -> None:
    line_id = stage.ask(PERMITTED)["convictions"]
    prepared = prepare(Content(text="Two convictions."), "convictions")
    about = stage.about("Plan; Nadia Sample")
    released = _statements(
        stage, "police-ppu", lambda unit, actor: release.release(unit, actor, line_id, prepared, about)
    )
    parcel_id = parcel_id_of(stage, line_id)
    owed = stage.by(
        PERMITTED.who, lambda unit, actor: opening.parcel_for(unit, actor, parcel_id).undertakings
    )
    opened = _statements(
        stage,
        PERMITTED.who,
        lambda unit, actor: opening.open_parcel(unit, actor, parcel_id, accepts=frozenset(owed)),
    )
    assert released <= A_RELEASE[stage.gateway.store.dialect]
    assert opened <= AN_OPENING[stage.gateway.store.dialect]


def test_without_the_memory_of_a_unit_each_fact_is_read_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: a unit that forgets at once breaks the bound."""
    monkeypatch.setattr(Unit, "once", lambda _unit, _room, _key, read, *, afresh=False: read())
    assert _of_asking(stage, PERMITTED) > AN_ASK[stage.gateway.store.dialect]
