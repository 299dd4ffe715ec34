"""A process that asks and releases until it is killed, telling each release that it was told is done."""

from __future__ import annotations

from multiprocessing.connection import Connection

from gateway.assembly import assemble
from gateway.cli.demo_stage import Stage
from gateway.clock import FixedClock
from gateway.disclosure import release
from gateway.disclosure.content import Content, Prepared, prepare
from gateway.settings import Environment, load
from tests.conftest import NOW
from tests.told import PERMITTED


def main(url: str, folder: str, root_file: str, ledger_key: str, told: Connection) -> None:
    """Release in a loop, and tell each release that was acknowledged."""
    settings = load(
        env=Environment.TEST,
        overrides={
            "store": {"url": url, "pool_size": 4},
            "keys": {"root_provider": "file", "root_file": root_file, "ledger_key_file": ledger_key},
            "paths": {"var": folder, "backups": folder},
        },
    )
    clock = FixedClock(NOW)
    gateway = assemble(settings, clock=clock)
    stage = Stage(gateway, clock)
    prepared = prepare(Content(text="One conviction in 2019."), "convictions")
    while True:
        for line_id in stage.ask(PERMITTED).values():
            done = _release(stage, line_id, prepared)
            if isinstance(done, release.Released):
                told.send(done.release_id)


def _release(stage: Stage, line_id: str, prepared: Prepared) -> object:
    about = stage.about("Plan of Thursday; offender manager")
    return stage.by(
        "police-ppu",
        lambda unit, actor: release.release(unit, actor, line_id, prepared, about, accepts_findings=True),
    )
