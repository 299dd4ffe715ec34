"""On PostgreSQL a post, a membership or an assignment can't be ended under a decision that stands on it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from gateway.cli.demo_stage import Stage
from gateway.registry import standing

_ENDS = (
    "UPDATE post SET ends_on = '2026-01-01'",
    "UPDATE membership SET ends_on = '2026-01-01'",
    "UPDATE case_assignment SET ends_on = '2026-01-01'",
)


def _end(stage: Stage, statement: str) -> None:
    with stage.gateway.store.engine.connect() as connection:
        connection.exec_driver_sql("SET lock_timeout = '200ms'")
        connection.execute(sa.text(statement))
        connection.rollback()


@pytest.mark.parametrize("statement", _ENDS)
def test_an_end_waits_while_a_decision_is_made(postgresql_stage: Stage, statement: str) -> None:
    stage = postgresql_stage
    with stage.gateway.store.writing() as unit:
        posts = [stage.post_id(unit, "probation-om"), stage.post_id(unit, "police-ppu")]
        standing.hold(unit, stage.case_id(unit, "M2-0417"), posts)
        with pytest.raises(OperationalError, match="lock timeout"):
            _end(stage, statement)


@pytest.mark.parametrize("statement", _ENDS)
def test_without_the_hold_it_would_not_wait(postgresql_stage: Stage, statement: str) -> None:
    with postgresql_stage.gateway.store.writing():
        _end(postgresql_stage, statement)
