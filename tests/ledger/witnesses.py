"""Witnesses that run on loopback for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Protocol

from gateway_verify.policy import Group, Policy, Witness

from gateway.ledger.journal import Journal
from gateway.ledger.witness_log import WitnessLog, create
from gateway.ledger.witness_server import serve


class Clock(Protocol):
    def now(self) -> datetime: ...


@contextmanager
def running(folder: Path, journal: Journal, clock: Clock, count: int = 3) -> Iterator[list[WitnessLog]]:
    """Run witnesses c1, c2 ... that watch the journal's log; the journal asks for two of them."""
    logs, servers, witnesses = [], [], {}
    for number in range(1, count + 1):
        create(folder / f"c{number}", f"charity{number}.example/witness")
        log = WitnessLog(folder / f"c{number}", clock.now)
        log.trust(journal.vkey(journal.origin))
        server = serve(log, "127.0.0.1", 0)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        witnesses[f"c{number}"] = Witness(f"c{number}", log.keys()[number % 2], url)
        logs.append(log)
        servers.append(server)
    journal.policy = Policy(
        witnesses=witnesses, groups={"charities": Group(2, tuple(witnesses))}, quorum="charities"
    )
    try:
        yield logs
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
