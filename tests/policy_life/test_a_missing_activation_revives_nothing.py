"""Taking the newest activation away, putting it off or altering it decides nothing: the one before it never returns."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure import policies, policy_drafts
from gateway.disclosure.models import Line, LineDecision
from gateway.errors import NotConfirmed
from gateway.policy import lifecycle, succession
from gateway.policy.models import PolicyActivation
from gateway.store import migrate
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.policy_life.changing import AUTHOR, SECOND, STOP, activated, checked
from tests.told import PERMITTED

REFUSED = (Outcome.DENY, "no_policy")


def _outcome(stage: Stage) -> tuple[str, str]:
    line_id = stage.ask(PERMITTED)["convictions"]

    def kept(unit: Unit) -> LineDecision:
        return unit.session.get_one(LineDecision, unit.session.get_one(Line, line_id).latest_decision_id)

    found = stage.do(kept)
    return found.outcome, found.reason_code


def _numbered(unit: Unit, sequence: int) -> PolicyActivation:
    return unit.session.exec(select(PolicyActivation).where(PolicyActivation.sequence == sequence)).one()


def _take_away(unit: Unit, sequence: int) -> None:
    unit.session.delete(_numbered(unit, sequence))


def _put_off(unit: Unit, sequence: int) -> None:
    row = _numbered(unit, sequence)
    row.activates_at = row.activates_at + timedelta(days=400)
    unit.session.add(row)


def _renumber(unit: Unit, sequence: int) -> None:
    row = _numbered(unit, sequence)
    row.sequence = sequence + 1
    unit.session.add(row)


def _unsign(unit: Unit, sequence: int) -> None:
    row = _numbered(unit, sequence)
    row.signatures = []
    unit.session.add(row)


@pytest.mark.parametrize("attack", [_take_away, _put_off, _renumber, _unsign])
def test_the_newest_activation_cannot_be_made_to_disappear(
    stage: Stage, attack: Callable[[Unit, int], None]
) -> None:
    activated(stage, STOP)
    assert _outcome(stage) == (Outcome.DENY, "rule")
    stage.do(lambda unit: attack(unit, 2))
    assert _outcome(stage) == REFUSED


def test_without_the_ledgers_word_the_old_policy_would_return(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted fault: the read of the policy believes the table alone."""
    activated(quick_stage, STOP)
    quick_stage.do(lambda unit: _take_away(unit, 2))
    monkeypatch.setattr(succession, "last_recorded", lambda unit, partnership_id: 1)
    assert _outcome(quick_stage)[0] == Outcome.PERMIT


def test_a_change_that_waits_for_its_day_cannot_be_taken_away_meanwhile(stage: Stage) -> None:
    draft_id = checked(stage, STOP)
    later = stage.clock.now() + timedelta(days=3)
    stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft_id, later))
    stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    assert _outcome(stage)[0] == Outcome.PERMIT
    stage.do(lambda unit: _take_away(unit, 2))
    assert _outcome(stage) == REFUSED


def test_one_in_between_cannot_be_taken_away(stage: Stage) -> None:
    activated(stage, STOP)
    draft_id = stage.by(
        AUTHOR, lambda unit, actor: policy_drafts.roll_back(unit, actor, 1, "It was wrong.").id
    )
    stage.by(AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, draft_id))
    later = stage.clock.now() + timedelta(days=3)
    stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft_id, later))
    stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
    assert _outcome(stage) == (Outcome.DENY, "rule")
    stage.do(lambda unit: _take_away(unit, 2))
    assert _outcome(stage) == REFUSED


def test_the_ledgers_word_cannot_be_taken_away_with_it(stage: Stage) -> None:
    activated(stage, STOP)
    with pytest.raises((sa.exc.DBAPIError, NotConfirmed)):
        stage.do(lambda unit: unit.session.connection().exec_driver_sql("DELETE FROM ledger_record"))


def test_it_is_found_without_reading_the_ledger_through(stage: Stage) -> None:
    """The statement uses the index of activations alone, however many entries there are."""
    activated(stage, STOP)

    def plan(unit: Unit) -> str:
        seen: list[str] = []
        connection = unit.session.connection()

        def explain(_connection: object, cursor: object, text: str, parameters: Any, *_: object) -> None:
            if text.startswith("SELECT"):
                asked = connection.connection.cursor()
                if unit.dialect == "postgresql":
                    asked.execute("SET LOCAL enable_seqscan = off")
                    asked.execute(f"EXPLAIN {text}", parameters)
                else:
                    asked.execute(f"EXPLAIN QUERY PLAN {text}", parameters)
                seen.extend(str(row) for row in asked.fetchall())

        sa.event.listen(connection, "before_cursor_execute", explain)
        succession.last_recorded(unit, stage.partnership_id(unit))
        sa.event.remove(connection, "before_cursor_execute", explain)
        return "\n".join(line for line in seen if "ledger_record" in line)

    found = stage.do(plan)
    assert "ix_ledger_record_activation" in found
    assert "SCAN" not in found
    assert "Seq Scan" not in found


def test_a_store_of_the_version_before_keeps_its_policy_through_the_upgrade(
    stage: Stage, tmp_path: Path
) -> None:
    activated(stage, STOP)
    scripts = shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations")
    for later in (scripts / "versions").glob("*.py"):
        if later.name > "0003":
            later.unlink()  # what they change is in this store already
    with stage.gateway.store.writing() as unit:
        connection = unit.session.connection()
        connection.exec_driver_sql("DROP INDEX ix_ledger_record_activation")
        newest = migrate.current(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        engine = connection.engine
    assert migrate.upgrade(engine, scripts) == ["0002"]
    with stage.gateway.store.writing() as unit:
        restored = sa.text("UPDATE alembic_version SET version_num = :newest")
        unit.session.connection().execute(restored, {"newest": newest})
    assert migrate.differences(engine) == []
    assert _outcome(stage) == (Outcome.DENY, "rule")
    rows = stage.do(lambda unit: lifecycle.activations(unit, stage.partnership_id(unit)))
    assert [row.sequence for row in rows] == [2, 1]
