"""On PostgreSQL a tighter policy, a revoked key and a recorded conflict wait for a release that is at work."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import keyring, policies, policy_drafts, release
from gateway.disclosure.content import Content, prepare
from gateway.registry import facts, standing
from gateway.registry.actors import Actor, actor_for_post
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED

Act = Callable[[Stage], object]
_WHY = "It can't go on as it is."


def _tighter_policy(stage: Stage) -> object:
    def act(unit: Unit, actor: Actor) -> object:
        draft = policy_drafts.start(unit, actor, "Close the pack", _WHY)
        policy_drafts.switch_pack(unit, actor, draft.id, "mappa", on=False)
        assert policy_drafts.run_checks(unit, actor, draft.id).passed
        return policies.act_now(unit, actor, draft.id)

    return stage.by("office-ig", act)


def _revoked_key(stage: Stage) -> object:
    def act(unit: Unit, actor: Actor) -> None:
        for key in keyring.mine(unit, actor):
            keyring.revoke(unit, actor, key.id, "stolen")

    return stage.by("probation-om", act)


def _conflict(stage: Stage) -> object:
    def act(unit: Unit, actor: Actor) -> object:
        post_id = stage.post_id(unit, "probation-om")
        return facts.record(unit, actor, circumstance="conflict_declared", reason=_WHY, post_id=post_id)

    return stage.by("probation-ig", act)


@pytest.fixture
def race(postgresql_stage: Stage) -> Callable[[Act], bool]:
    """Whether an act was acknowledged between a release and its commit."""
    line_id = postgresql_stage.ask(PERMITTED)["convictions"]
    prepared = prepare(Content(text="One conviction."), "convictions")
    about = postgresql_stage.about("Plan; officer")

    def run(act: Act) -> bool:
        with ThreadPoolExecutor(1) as elsewhere:
            with postgresql_stage.gateway.store.writing() as unit:
                officer = actor_for_post(unit, postgresql_stage.post_id(unit, "police-ppu"))
                done = release.release(unit, officer, line_id, prepared, about, accepts_findings=True)
                assert isinstance(done, release.Released)
                other = elsewhere.submit(act, postgresql_stage)
                while not (other.done() or _is_waited_for(unit)):
                    time.sleep(0.01)
                before = other.done()
            other.result()
        return before

    return run


def _is_waited_for(unit: Unit) -> bool:
    """Whether somebody waits until this unit ends."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    )
    return bool(unit.session.connection().exec_driver_sql(waiting).scalar())


@pytest.mark.parametrize("act", [_tighter_policy, _revoked_key, _conflict], ids=lambda act: act.__name__[1:])
def test_it_is_acknowledged_after_the_release_or_before_it_is_decided(
    race: Callable[[Act], bool], act: Act
) -> None:
    assert race(act) is False


def test_without_the_wait_it_would_come_between(
    race: Callable[[Act], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault."""
    monkeypatch.setattr(standing, "wait_for_decisions", lambda _unit, _partnership_id: None)
    assert race(_revoked_key) is True
