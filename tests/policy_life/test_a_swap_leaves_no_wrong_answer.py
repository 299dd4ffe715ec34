"""While a policy is swapped: no worker decides on the old one after the commit, and no thread gets a wrong answer."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gateway.assembly import assemble
from gateway.cli.demo_stage import Stage
from gateway.disclosure import policies, policy_drafts
from gateway.disclosure.models import Line, LineDecision
from gateway.policy import engine as engine_module
from gateway.policy import lifecycle
from gateway.policy.attributes import Facts
from gateway.policy.engine import Engine
from gateway.policy.packs import Policy
from gateway.policy.rules import Rule
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.policy.made import random_facts, random_rules
from tests.policy_life.changing import AUTHOR, SECOND, STOP, activated, signed
from tests.told import PERMITTED

_THREADS = 6
_TURNS = 300


def _decided(stage: Stage) -> LineDecision:
    [line_id] = stage.ask(PERMITTED).values()

    def kept(unit: Unit) -> LineDecision:
        return unit.session.get_one(LineDecision, unit.session.get_one(Line, line_id).latest_decision_id)

    return stage.do(kept)


def test_a_change_decides_from_its_approval_and_is_undone_on_both_stores(stage: Stage) -> None:
    assert _decided(stage).outcome == Outcome.PERMIT
    activated(stage, STOP)
    assert _decided(stage).outcome == Outcome.DENY
    back = stage.by(AUTHOR, lambda unit, actor: policy_drafts.roll_back(unit, actor, 1, "It was wrong.").id)
    stage.by(AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, back))
    stage.by(AUTHOR, lambda unit, actor: policies.sign(unit, actor, back))
    stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, back, "Agreed."))
    assert _decided(stage).outcome == Outcome.PERMIT


def _late_on_the_old(stage: Stage, workers: list[Stage], old: str) -> tuple[int, set[str]]:
    """Decide in every worker while a change comes into force; how many that began after the commit used the old one."""
    draft_id = signed(stage, STOP)
    committed, enough = threading.Event(), threading.Semaphore(0)

    def deciding(worker: Stage) -> tuple[int, set[str]]:
        late, versions, after = 0, set(), False
        while not after:
            after = committed.is_set()
            version = _decided(worker).policy_version
            versions.add(version)
            late += after and version == old
            enough.release()
        return late, versions

    with ThreadPoolExecutor(len(workers)) as pool:
        running = [pool.submit(deciding, worker) for worker in workers]
        for _ in workers:
            enough.acquire()
        try:
            stage.by(SECOND, lambda unit, actor: policies.approve(unit, actor, draft_id, "Yes."))
        finally:
            committed.set()
        found = [one.result(timeout=120) for one in running]
    return sum(late for late, _ in found), set().union(*(versions for _, versions in found))


@contextmanager
def _workers(stage: Stage, count: int) -> Iterator[list[Stage]]:
    """Workers of their own: each with its own connections and caches."""
    gateways = [assemble(stage.gateway.settings, clock=stage.clock) for _ in range(count)]
    yield [Stage(one, stage.clock) for one in gateways]
    for one in gateways:
        one.store.close()


def test_after_the_commit_no_worker_decides_on_the_old_policy(stage: Stage) -> None:
    old = _decided(stage).policy_version
    with _workers(stage, 3) as workers:
        late, versions = _late_on_the_old(stage, workers, old)
    assert late == 0
    assert old in versions
    assert len(versions) == 2


def test_a_worker_that_kept_its_policy_is_found(quick_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: a worker keeps what it read first."""
    old = _decided(quick_stage).policy_version
    read: Callable[[Unit, str], Policy | None] = lifecycle.active
    kept: dict[str, Policy | None] = {}

    def cached(unit: Unit, partnership_id: str) -> Policy | None:
        if partnership_id not in kept:
            kept[partnership_id] = read(unit, partnership_id)
        return kept[partnership_id]

    monkeypatch.setattr(lifecycle, "active", cached)
    with _workers(quick_stage, 2) as workers:
        late, _ = _late_on_the_old(quick_stage, workers, old)
    assert late > 0


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _answers(rules: list[list[Rule]], facts: list[Facts]) -> tuple[int, int]:
    """Many threads decide while the policy is swapped under them; how many answers there were and how many were wrong.

    An answer is right when the policy that the thread took gives it to a thread that is alone.
    """
    engines = [Engine(one) for one in rules]
    expected = [[engine.evaluate(one).outcome for one in facts] for engine in engines]
    current, over = [0], threading.Event()

    def swapping() -> None:
        while not over.is_set():
            current[0] = (current[0] + 1) % len(engines)

    def deciding(start: int) -> int:
        wrong = 0
        for turn in range(_TURNS):
            chosen, number = current[0], (start * 31 + turn) % len(facts)
            wrong += engines[chosen].evaluate(facts[number]).outcome is not expected[chosen][number]
        return wrong

    swapper = threading.Thread(target=swapping)
    swapper.start()
    with ThreadPoolExecutor(_THREADS) as pool:
        wrong = sum(pool.map(deciding, range(_THREADS)))
    over.set()
    swapper.join()
    return _THREADS * _TURNS, wrong


def _workload() -> tuple[list[list[Rule]], list[Facts]]:
    rules = [random_rules(60, seed) for seed in (1, 2)]
    return rules, [random_facts(rules[seed % 2], seed) for seed in range(40)]


@pytest.mark.usefixtures("hurried")
def test_no_thread_gets_a_wrong_answer_while_the_policy_is_swapped() -> None:
    rules, facts = _workload()
    expected = {engine.evaluate(one).outcome for engine in map(Engine, rules) for one in facts}
    assert expected == set(Outcome)
    assert _answers(rules, facts) == (_THREADS * _TURNS, 0)


@pytest.mark.usefixtures("hurried")
def test_a_table_that_threads_share_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: casbin's rows lie in one place for all threads, as in stock casbin."""

    class Shared:
        def __init__(self, value: object) -> None:
            self.value = value

        def get(self) -> object:
            return self.value

        def set(self, value: object) -> object:
            before, self.value = self.value, value
            # Gives the turn away: else a machine at work elsewhere may run the threads one by one.
            time.sleep(0)
            return before

        def reset(self, before: object) -> None:
            self.value = before

    monkeypatch.setattr(engine_module, "_candidates", Shared((engine_module.SENTINEL,)))
    monkeypatch.setattr(engine_module, "_rules", Shared({}))
    rules, facts = _workload()
    _, wrong = _answers(rules, facts)
    assert wrong > 0
