"""Each promise of the register has a fault planted against it, and the test that keeps the promise fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.registry import actors, authorities, cases, facts, memberships, people, subjects, walls
from tests.registry import (
    test_a_leaver_is_cut_at_once,
    test_a_match_takes_enough,
    test_a_standing_is_of_this_arrangement_today,
    test_nobody_sets_a_flag_in_her_own_favour,
    test_walls_keep_out,
)
from tests.registry.sample import Sample

LEAVER = test_a_leaver_is_cut_at_once
MATCH = test_a_match_takes_enough
STANDING = test_a_standing_is_of_this_arrangement_today
FLAG = test_nobody_sets_a_flag_in_her_own_favour
WALLS = test_walls_keep_out


def _always(*_: Any, **__: Any) -> bool:
    return True


def _never(*_: Any, **__: Any) -> bool:
    return False


def _nothing(*_: Any, **__: Any) -> None:
    return None


FAULTS: list[tuple[str, list[tuple[Any, str, Any]], Callable[[Sample], None]]] = [
    (
        "an ended post counts",
        [(module, "post_is_current", _always) for module in (actors, cases, people)],
        LEAVER.test_an_ended_post_makes_no_actor_and_is_on_no_case,
    ),
    (
        "an authority needs no second officer",
        [(authorities, "must_differ", _nothing)],
        LEAVER.test_an_authority_counts_once_another_officer_approves_it,
    ),
    (
        "a membership never lapses",
        [(memberships, "_counts", _always)],
        lambda sample: STANDING.test_what_has_ended_counts_for_nothing(sample, "membership"),
    ),
    (
        "a wall keeps nobody out",
        [(walls, "keeps_out", _never)],
        WALLS.test_an_exclude_wall_keeps_the_person_out_whichever_post_she_acts_in,
    ),
    (
        "the one who is kept out may lift",
        [(walls, "_must_not_benefit", _nothing)],
        WALLS.test_lifting_takes_two_and_neither_is_the_one_it_keeps_out,
    ),
    (
        "one identifier is enough",
        [(subjects, "_ENOUGH_IDENTIFIERS", 1)],
        lambda sample: MATCH.test_less_or_what_contradicts_is_asked_of_the_holder(
            sample, {"name": "Corin Hale"}
        ),
    ),
    (
        "what loosens needs nobody else",
        [(facts, "loosens", _never)],
        FLAG.test_what_loosens_counts_after_a_second_approved_and_only_for_whom_it_names,
    ),
]


@pytest.mark.parametrize(("what", "faults", "promise"), FAULTS, ids=[what for what, _, _ in FAULTS])
def test_the_fault_is_found(
    sample: Sample,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    faults: list[tuple[Any, str, Any]],
    promise: Callable[[Sample], None],
) -> None:
    for module, name, fault in faults:
        monkeypatch.setattr(module, name, fault)
    with pytest.raises((AssertionError, GatewayError, pytest.fail.Exception)):
        promise(sample)
