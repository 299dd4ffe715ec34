"""A browser that holds a key, and a gateway in front of it that hands out one parcel and may lie about its ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey
from playwright.sync_api import Locator, Page, ViewportSize, expect

from gateway.sealing import jwe
from gateway.sealing.envelope import Envelope, Item, pack
from gateway.sealing.public_key import PublicKey, check_public_jwk
from tests.sealing.browser import CosignerKey, Log, Site, page
from tests.web.browser import accessibility_faults, width_needed

PARCEL = "a" * 32
LINE = "b" * 32
SENTINEL = "She moved to 4 Sentinel Court"
NARROW, WIDE = ViewportSize(width=320, height=640), ViewportSize(width=1280, height=720)
SCREENSHOTS = os.environ.get("JOURNEY_SCREENSHOTS", "")
_looked_at: set[tuple[str, str, bool]] = set()
_KEEP = """async ([kid, jwk]) => {
    const { keepKey } = await import("/static/js/sealing/keystore.js");
    const { importPrivate } = await import("/static/js/sealing/jwe.js");
    await keepKey(kid, await importPrivate(jwk));
}"""


def now() -> datetime:
    """The time of the browser's own clock."""
    return datetime.now(UTC)


def watchers(*names: str) -> dict[str, CosignerKey]:
    """Witnesses with new keys."""
    return {name: Ed25519PrivateKey.generate() for name in names}


@dataclass
class Recipient:
    """Her browser, and what she is handed. `log` is what the gateway shows; `spoil` what it puts in its place."""

    tab: Page
    site: Site
    key: ECKey
    log: Log
    public: PublicKey = field(init=False)
    sealed: str = field(init=False)
    spoil: Callable[[dict[str, Any]], Mapping[str, Any]] = lambda _: {}
    records: bool = True  # whether each opening is recorded, or an earlier one is shown again
    _opened: int | None = None

    def __post_init__(self) -> None:
        self.public = check_public_jwk(self.key.as_dict(private=False))
        items = (Item("text/plain; charset=utf-8", "text-1.txt", SENTINEL.encode()),)
        self.sealed = jwe.seal(self.public, pack(Envelope(PARCEL, LINE, items, ())))
        call = f"sealing.open_parcel('{PARCEL}', '{self.public.kid}', '/hand', '/failed', '/confirmed')"
        self.site.pages["/open"] = page(call, "open.js")
        self.site.answers |= {
            "/hand": self._hand,
            "/failed": lambda _: (200, {}),
            "/confirmed": lambda _: (200, {}),
        }
        self.tab.goto(f"{self.site.url}/open")
        self.tab.evaluate(_KEEP, [self.public.kid, self.key.as_dict(private=True)])

    def opens(self) -> None:
        """Open it; she reads it."""
        self.tries()
        expect(self.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)

    def tries(self) -> None:
        """Come to the page and press the button."""
        self.tab.goto(f"{self.site.url}/open")
        self.tab.get_by_role("button", name="Open", exact=True).click()

    def is_stopped(self, reason: str = "log_changed") -> str:
        """Try to open it and be shown what changed; gives what is said. Nothing was opened, and that is told."""
        with self.tab.expect_response(f"{self.site.url}/failed"):
            self.tries()
        assert self.site.posted[-1] == ("/failed", {"reason": reason})
        return self.looks("changed")

    def is_refused(self, reason: str = "log_changed") -> str:
        """Try to open it and be told that it can't be: there is nothing to accept."""
        with self.tab.expect_response(f"{self.site.url}/failed"):
            self.tries()
        assert self.site.posted[-1] == ("/failed", {"reason": reason})
        return self.looks("trouble")

    def looks(self, name: str) -> str:
        """What a step says; it has the focus. Each kind is looked at once: by axe, and on a narrow screen."""
        shown = self.step(name)
        expect(shown).to_be_visible()
        expect(shown).to_be_focused()
        assert SENTINEL not in self.tab.content()
        said = shown.inner_text()
        looked = (name, said.splitlines()[0], "Warning" in said)
        if looked not in _looked_at:
            _looked_at.add(looked)
            self.sees_all()
        return said

    def sees_all(self) -> None:
        """The page as it stands has no fault that axe knows, and fits a narrow screen."""
        assert accessibility_faults(self.tab) == []
        self.tab.set_viewport_size(NARROW)
        assert width_needed(self.tab) <= NARROW["width"]
        if SCREENSHOTS:
            self.tab.screenshot(path=Path(SCREENSHOTS) / f"ledger-{now():%H%M%S%f}.png", full_page=True)
        self.tab.set_viewport_size(WIDE)

    def looks_at_error(self, name: str) -> None:
        """The form says what is missing at its field, where she is."""
        field = self.tab.locator(f'[name="{name}"]').first
        expect(field).to_be_focused()
        assert accessibility_faults(self.tab) == []

    def step(self, name: str) -> Locator:
        return self.tab.locator(f'[data-step="{name}"]')

    def accepts(self, asked: str = "My information-governance officer", digits: str | None = None) -> None:
        """Say who told her, enter the digits that she was told, and go on."""
        self.tab.get_by_label(asked).check()
        box = self.tab.get_by_label("The last five digits")
        if box.is_visible():
            box.fill(self.log.verifier_key.fingerprint.split()[-1] if digits is None else digits)
        self.tab.get_by_role("button", name="Accept this ledger and go on").click()

    def accepted(self) -> dict[str, Any]:
        """What the gateway was told that she accepted, the last time."""
        told: list[dict[str, Any]] = [sent for path, sent in self.site.posted if path == "/confirmed"]
        return told[-1]

    def has_accepted(self) -> bool:
        return any(path == "/confirmed" for path, _ in self.site.posted)

    def saves_what_was_seen(self, name: str) -> str:
        """The file she can send to her officer."""
        with self.tab.expect_download() as saving:
            self.step(name).get_by_role("link", name="Save what your browser saw").click()
        return saving.value.path().read_text()

    def _hand(self, sent: Any) -> tuple[int, Any]:
        released = self.log.add(
            "release.made", refs={"parcel": PARCEL}, codes={"parcel_digest": jwe.digest(self.sealed)}
        )
        if self._opened is None or self.records:
            self._opened = self.log.add("parcel.opened", refs={"parcel": PARCEL})
        if self.log.witnesses and self.log.watches_itself:
            self.log.watch(now())
        handed = self.log.handed_out(sent["seen"], [released, self._opened])
        answer = {"parcel": PARCEL, "jwe": self.sealed} | handed
        return 200, {**answer, **self.spoil(answer)}


def log(origin: str, entries: int = 5, witnesses: Mapping[str, CosignerKey] | None = None) -> Log:
    """A log with some entries."""
    made = Log(origin, witnesses)
    for _ in range(entries):
        made.add("request.made")
    return made


def restored(
    former: Log, *, lost: int = 2, witnessed: int | None = None, instead: Mapping[str, object] | None = None
) -> Log:
    """The new life that two officers declare of a log after a restore, watched by the same witnesses."""
    seen = len(former.openings) if witnessed is None else witnessed
    made = Log(f"{former.origin}/epoch-2", former.witnesses)
    made.begin_after(former, seen, seen - lost, instead or {})
    return made
