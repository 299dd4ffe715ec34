"""A hardware token: one caller at a time, its own session in each process, back by itself after it was away."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import Misconfigured, Unavailable
from gateway.store.hardware import HardwareRootKey, create_hardware_root
from tests.soft_token import SoftTokens, soft_tokens

# Newer Pythons warn of a fork beside threads: that it goes well is what is tried here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

PIN, OTHER_PIN = "123456", "246810"
CONTEXT, KEY = b"epoch 1", b"k" * 32


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftTokens:
    """Two tokens; the module forgets what was open when a process forks, as a module is allowed to."""
    made = soft_tokens(tmp_path, monkeypatch, more="library.reset_on_fork = true\n")
    made.add("first", PIN)
    made.add("second", OTHER_PIN)
    return made


@pytest.fixture
def root(tokens: SoftTokens) -> HardwareRootKey:
    create_hardware_root(tokens.module, "first", PIN, "root")
    return HardwareRootKey(tokens.module, "first", PIN, "root")


def works(root: HardwareRootKey) -> bool:
    return root.unwrap(root.wrap(KEY, CONTEXT), CONTEXT) == KEY


def in_a_child(act: Callable[[], int]) -> int:
    """Give what `act` gives in a forked process; 98 when it breaks, a number below 0 when it hangs."""
    child = os.fork()
    if not child:
        signal.alarm(120)
        given = 98
        try:
            given = act()
        finally:  # else the child would go on with the tests that come after
            os._exit(given)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_tokens_of_one_module_are_never_asked_at_once(tokens: SoftTokens) -> None:
    inside: list[int] = []
    most: list[int] = []

    def act(session: Any) -> None:
        inside.append(1)
        most.append(len(inside))
        session.generate_random(1024)
        inside.pop()

    both = [tokens.token("first", PIN), tokens.token("second", OTHER_PIN)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: both[n % 2].use(act), range(400)))
    assert len(most) == 400
    assert set(most) == {1}


def test_many_threads_share_a_root_key(root: HardwareRootKey) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: works(root), range(100)))


def test_a_fork_opens_a_session_of_its_own_and_leaves_its_parents(root: HardwareRootKey) -> None:
    assert works(root)

    def failures() -> int:
        with capture_logs() as logs:
            return len(logs) if works(root) else 99

    assert in_a_child(failures) == 0
    with capture_logs() as logs:
        assert works(root)
    assert logs == []


def test_a_fork_waits_for_no_thread_that_it_does_not_have(root: HardwareRootKey, tokens: SoftTokens) -> None:
    """Planted fault: another thread is inside the module while the process forks."""
    busy, done = threading.Event(), threading.Event()

    def act(_session: Any) -> None:
        busy.set()
        done.wait()

    thread = threading.Thread(target=lambda: tokens.token("first", PIN).use(act))
    thread.start()
    try:
        assert busy.wait(120)
        assert in_a_child(lambda: 7 if works(root) else 0) == 7
    finally:
        done.set()
        thread.join()


def test_a_token_that_was_pulled_is_opened_again(root: HardwareRootKey, tokens: SoftTokens) -> None:
    assert works(root)
    with tokens.pulled(), pytest.raises(Unavailable, match="doesn't open its token") as caught:
        root.wrap(KEY, CONTEXT)
    assert "Put the token back" in caught.value.next_step
    assert works(root)


def test_a_token_that_is_not_there_stops_the_start(tokens: SoftTokens) -> None:
    with pytest.raises(Misconfigured, match="doesn't open its token"):
        HardwareRootKey(tokens.module, "third", PIN, "root")
    with pytest.raises(Misconfigured, match="doesn't open its token"):
        HardwareRootKey("/usr/lib/none.so", "first", PIN, "root")
    with pytest.raises(Misconfigured, match="just one key"):
        HardwareRootKey(tokens.module, "first", PIN, "root")


def test_a_refused_pin_is_not_tried_until_the_token_locks(tokens: SoftTokens) -> None:
    """Control: the PIN is made right meanwhile, and a process that starts then gets in."""
    wrong = tokens.token("first", "999999")
    with pytest.raises(Unavailable, match="refuses its PIN"):
        wrong.use(id)
    with tokens.token("first", PIN).writing() as session:
        session.set_pin(PIN, "999999")
    with pytest.raises(Unavailable, match="refuses its PIN"):
        wrong.use(id)
    assert tokens.token("first", "999999").use(id)
