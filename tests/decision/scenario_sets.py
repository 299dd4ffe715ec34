"""The scenarios that decisions are tested on: the published ones beside the checkout, and our own from guidance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gateway.decision.decide import decide
from gateway.decision.facts import Decision
from gateway.decision.scenarios import Report, ask_of, run
from tests.decision.cases import policy
from tests.shared import shared_path

Scenario = dict[str, Any]
OWN = Path(__file__).parent / "guidance"
SETS = ("published", "own")


def files(name: str) -> tuple[Path, ...]:
    """The files of one set; the published one is skipped, saying so, where it is absent."""
    if name == "published":
        return (shared_path("domain/scenarios.yaml"),)
    return tuple(sorted(OWN.glob("*.yaml")))


@cache
def contents(name: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files(name))


@cache
def reports(name: str) -> tuple[Report, ...]:
    return tuple(run(file, policy()) for file in files(name))


def scenarios(name: str) -> list[Scenario]:
    return [scenario for content in contents(name) for scenario in content["scenarios"]]


@cache
def permits(name: str) -> tuple[Scenario, ...]:
    return tuple(s for s in scenarios(name) if s["expected"]["decision"].startswith("permit"))


@cache
def clock() -> datetime:
    """The one time at which every set is decided."""
    return datetime.fromisoformat("2026-11-22T10:00:00Z")


def decided(scenario: Scenario) -> Decision:
    return decide(ask_of(scenario, clock(), policy()), policy())


def changed(scenario: Scenario, **changes: Any) -> Decision:
    return decided(scenario | changes)
