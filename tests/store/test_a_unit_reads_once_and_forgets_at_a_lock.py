"""What one unit of work has read it needn't read again, until it writes there, is granted a lock, or ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.registry import subjects, walls
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit


def _roles(unit: Unit) -> set[str]:
    """A read that a unit remembers."""
    return unit.once("registry", "roles", lambda: set(unit.session.exec(select(Post.role))))


def test_a_read_is_made_once_in_a_unit_and_anew_in_the_next(quick_stage: Stage) -> None:
    made: list[int] = []
    for _unit in range(2):
        with quick_stage.gateway.store.writing() as unit:
            for _ in range(3):
                unit.once("registry", "a key", lambda: made.append(1))
    assert len(made) == 2


def test_what_this_unit_changes_is_seen_before_it_is_sent(quick_stage: Stage) -> None:
    with quick_stage.gateway.store.writing() as unit:
        assert "driver" not in _roles(unit)
        post = unit.session.get_one(Post, quick_stage.post_id(unit, "probation-om"))
        post.role = "driver"
        assert "driver" in _roles(unit)


def test_a_change_of_many_rows_is_seen(quick_stage: Stage) -> None:
    with quick_stage.gateway.store.writing() as unit:
        assert _roles(unit) != {"driver"}
        unit.session.execute(sa.update(Post).values(role="driver"))
        assert _roles(unit) == {"driver"}


def test_what_was_undone_is_not_remembered(quick_stage: Stage) -> None:
    with quick_stage.gateway.store.writing() as unit:
        with unit.session.begin_nested() as attempt:
            unit.session.execute(sa.update(Post).values(role="driver"))
            assert _roles(unit) == {"driver"}
            attempt.rollback()
        assert "driver" not in _roles(unit)


def _sees_a_wall_raised_while_it_waited(stage: Stage) -> bool:
    """A unit reads that no wall stands; another commits one; then the first is granted the lock on the person."""
    with stage.gateway.store.writing() as unit:
        robin = stage.subject_id(unit, "s-robin")
        post = unit.session.get_one(Post, stage.post_id(unit, "probation-om"))
        assert not walls.walled(unit, robin, post.person_id, post.agency_id)
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(_raise_wall, stage, robin, post.person_id).result()
        subjects.lock(unit, robin)
        return walls.walled(unit, robin, post.person_id, post.agency_id)


def _raise_wall(stage: Stage, subject_id: str, person_id: str) -> None:
    stage.by(
        "probation-ig",
        lambda unit, actor: walls.place(
            unit, actor, subject_id, kind="exclude", person_ids=[person_id], reason="They are relatives."
        ),
    )


def test_a_lock_makes_what_was_read_before_it_be_read_again(postgresql_stage: Stage) -> None:
    assert _sees_a_wall_raised_while_it_waited(postgresql_stage)


def test_a_unit_that_did_not_forget_would_miss_it(
    postgresql_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault."""
    monkeypatch.setattr(Unit, "forget", lambda _unit: None)
    assert not _sees_a_wall_raised_while_it_waited(postgresql_stage)
