"""Processes that record entries until they are killed, and what each of them was told had been recorded."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock, Thread

from gateway.clock import SystemClock
from gateway.errors import GatewayError
from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import load_log_keys
from gateway.ledger.sequencer import catch_up
from gateway.store.engine import make_engine
from gateway.store.root_keys import FileRootKey
from gateway.store.unit_of_work import Store
from gateway.store.vault import Vault
from tests.ledger.made import ORIGIN, recorded

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Place:
    """Where a store and its keys are."""

    url: str
    root_file: Path
    log_file: Path

    def open(self) -> Store:
        """Open the store as a process of its own would."""
        store = Store(make_engine(self.url, pool_size=8), SystemClock(), Vault(FileRootKey(self.root_file)))
        Journal(ORIGIN, load_log_keys(self.log_file)).attach(store)
        return store


@dataclass
class Writers:
    """Worker processes with several clients each."""

    place: Place
    workers: int
    clients: int
    acknowledged: list[str] = field(default_factory=list)
    _running: list[tuple[BaseProcess, Connection]] = field(default_factory=list)

    def start(self) -> None:
        """Start every worker."""
        for _ in range(self.workers):
            ours, theirs = _fork.Pipe(duplex=False)
            process = _fork.Process(target=_write, args=(self.place, self.clients, theirs), daemon=True)
            process.start()
            theirs.close()
            self._running.append((process, ours))

    def kill(self) -> None:
        """Kill every worker in the middle of what it does, and take down what was acknowledged until then."""
        for process, _ in self._running:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        for process, pipe in self._running:
            self._drain(pipe)
            process.join()
            pipe.close()
        self._running.clear()

    def wait_for(self, count: int, seconds: float = 120.0) -> None:
        """Wait until so many more entries were acknowledged."""
        wanted, deadline = len(self.acknowledged) + count, time.monotonic() + seconds
        while len(self.acknowledged) < wanted and time.monotonic() < deadline:
            for _, pipe in self._running:
                if pipe.poll(0.005):
                    self.acknowledged.append(pipe.recv())
        assert len(self.acknowledged) >= wanted, "the writers are stuck"

    def _drain(self, pipe: Connection) -> None:
        try:
            while pipe.poll(0):
                self.acknowledged.append(pipe.recv())
        except (EOFError, OSError):
            return  # cut in the middle of a message: that one was not acknowledged


def _write(place: Place, clients: int, pipe: Connection) -> None:
    store, turn = place.open(), Lock()
    catch_up(store)

    def client() -> None:
        while True:
            try:
                found: Sequence[str] = recorded(store, 1)
            except GatewayError:
                continue
            with turn:
                pipe.send(found[0])

    threads = [Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
