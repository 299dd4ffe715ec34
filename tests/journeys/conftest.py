"""The demonstration, filled and served, with a browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from gateway.assembly import Gateway, assemble
from gateway.cli.demo import fill
from gateway.cli.demo_stage import KEY_FOLDER, PASSPHRASE
from gateway.clock import Clock, SystemClock
from gateway.ledger.log_keys import create_log_keys
from gateway.settings import Environment, Settings, load
from gateway.store import migrate
from gateway.store.engine import make_engine
from gateway.store.root_keys import create_root_file
from gateway.web.app import create_app
from tests.web.browser import accessibility_faults, serving

SCREENSHOTS = os.environ.get("JOURNEY_SCREENSHOTS", "")


@dataclass(frozen=True)
class Demonstration:
    """Where the demonstration is served, and what it stands on."""

    address: str
    gateway: Gateway
    folder: Path


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory, installation: Path) -> Iterator[Demonstration]:
    """Meadowshire with its three weeks told, served on loopback with personas."""
    folder = tmp_path_factory.mktemp("demonstration")
    shutil.copytree(installation, folder, dirs_exist_ok=True)
    gateway = assemble(settings_in(folder), clock=SystemClock())
    with serving(create_app(gateway)) as address:
        yield Demonstration(address, gateway, folder)
    gateway.store.close()


def installed(folder: Path, clock: Clock | None = None) -> Gateway:
    """The demonstration made in a folder, as `gateway init --demo` makes it."""
    settings = settings_in(folder)
    create_root_file(settings.keys.root_file)
    create_log_keys(settings.keys.ledger_key_file)
    engine = make_engine(settings.store.url)
    migrate.upgrade(engine)
    engine.dispose()
    gateway = assemble(settings, clock=clock or SystemClock())
    fill(gateway)
    return gateway


def settings_in(folder: Path) -> Settings:
    """The settings of a demonstration whose files lie in a folder."""
    keys = {"root_file": str(folder / "root.key"), "ledger_key_file": str(folder / "ledger.key")}
    return load(
        env=Environment.DEMO,
        overrides={
            "store": {"url": f"sqlite:///{folder}/gateway.sqlite3"},
            "keys": keys,
            "paths": {"var": str(folder), "backups": str(folder / "backups")},
        },
    )


class Visitor:
    """A persona at work: every page it comes to is free of faults that axe knows, and no script breaks."""

    def __init__(self, tab: Page, demonstration: Demonstration) -> None:
        self.tab = tab
        self.demonstration = demonstration
        self.faults: list[str] = []
        self._looked_at = 0
        tab.on("pageerror", lambda error: self.faults.append(str(error)))
        tab.on("console", lambda said: self._heard(said.text))

    def goes(self, path: str) -> None:
        """Open a page of the site."""
        self.tab.goto(self.demonstration.address + path)
        self.looks()

    def follows(self, name: str) -> None:
        """Follow a link by what it says."""
        self.clicks("link", name)
        self.looks()

    def presses(self, name: str) -> None:
        """Press a button by what it says, and come to the next page."""
        self.clicks("button", name)
        self.looks()

    def clicks(self, kind: Literal["link", "button"], name: str) -> None:
        """Come to the next page without looking at it: one that was looked at before."""
        with self.tab.expect_navigation():
            self.tab.locator("main").get_by_role(kind, name=re.compile(name)).first.click()

    def ticks(self, text: str) -> None:
        """Choose the radio or checkbox whose item says so."""
        items = self.tab.locator(".govuk-radios__item, .govuk-checkboxes__item")
        items.filter(has_text=text).first.locator("input").check()

    def fills(self, label: str, text: str) -> None:
        """Fill the field with that label."""
        self.tab.get_by_label(re.compile(label)).first.fill(text)

    def reads(self) -> str:
        """What the page says."""
        return self.tab.locator("main").inner_text()

    def looks(self) -> None:
        """Check the page as it stands, and keep a picture where one is wanted."""
        self.faults += [f"{self.tab.url}: {fault}" for fault in accessibility_faults(self.tab)]
        if SCREENSHOTS:
            self._looked_at += 1
            name = re.sub(r"\W+", "-", self.tab.title())[:40]
            path = Path(SCREENSHOTS) / f"{id(self) % 1000:03d}-{self._looked_at:02d}-{name}.png"
            self.tab.screenshot(path=path, full_page=True)

    def restores_keys(self, code: str) -> None:
        """Bring the persona's keys into this browser from their backup, as a visitor of the demonstration would."""
        self.goes("/staff/keys/restore")
        self.tab.locator("input[type=file]").set_input_files(
            self.demonstration.folder / KEY_FOLDER / f"{code}.jwe"
        )
        self.tab.locator("textarea").fill(PASSPHRASE)
        self.tab.locator("main").get_by_role("button", name=re.compile("Restore")).click()
        self.tab.get_by_text("Your keys are in this browser").wait_for()

    def _heard(self, said: str) -> None:
        if "Security Policy" in said or "Trusted" in said:
            self.faults.append(said)


@pytest.fixture
def visit(browser: Browser, demonstration: Demonstration) -> Iterator[Callable[[str], Visitor]]:
    """Sign in as a persona, by name, in a browser of its own; at the end nothing was at fault on any page."""
    visitors: list[Visitor] = []

    def sign_in(name: str) -> Visitor:
        context = browser.new_context()
        visitor = Visitor(context.new_page(), demonstration)
        visitors.append(visitor)
        visitor.goes("/sign-in")
        visitor.presses(name)
        return visitor

    yield sign_in
    for visitor in visitors:
        visitor.tab.context.close()
    assert [fault for visitor in visitors for fault in visitor.faults] == []
