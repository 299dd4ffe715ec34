"""Requests about one person made at the same moment wait for one another, and none is lost to a deadlock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from gateway.cli.demo_stage import Stage
from tests.told import PERMITTED


def test_eight_requests_about_one_person_at_once_are_all_decided(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _number: stage.ask(PERMITTED), range(16)))
    assert len({line for one in asked for line in one.values()}) == 16
