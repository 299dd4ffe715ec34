"""Requests about one person made at the same moment wait for one another, and none is lost to a deadlock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.cli.demo_stage import Stage
from tests.told import PERMITTED


@pytest.fixture
def patient(stage: Stage) -> Stage:
    """Meadowshire where nobody gives up: on a slow machine the last of eight waits long; a deadlock ends at once."""
    stage.gateway.journal.patience = 300.0
    store = stage.gateway.store
    store.close()
    if store.dialect == "postgresql":
        sa.event.listen(store.engine, "connect", _wait_for_locks)
    return stage


def _wait_for_locks(connection: Any, _record: object) -> None:
    connection.execute("SET lock_timeout = 0")
    connection.commit()


def test_eight_requests_about_one_person_at_once_are_all_decided(patient: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _number: patient.ask(PERMITTED), range(16)))
    assert len({line for one in asked for line in one.values()}) == 16
