"""A real browser on a real server, for what only a browser can show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

AXE: str = Axe().axe_script
# WCAG 2.2 A and AA; what axe calls best practice beyond that isn't asked for.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
# What a page will show it may show late: a machine may be at work elsewhere. Nothing waits longer than it must.
_PATIENCE_MILLISECONDS = 60_000


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an application on a free port of loopback; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; skips, saying so, where there is none.

    The one that never has a window takes three quarters of the time of the one that hides it.
    """
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=_PATIENCE_MILLISECONDS,
        )
        expect.set_options(timeout=_PATIENCE_MILLISECONDS)
        yield browser
        browser.close()


def accessibility_faults(tab: Page) -> list[str]:
    """What axe finds on the page as it stands, each fault with the elements it is about."""
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE)
    asked = {"runOnly": list(RULES), "resultTypes": ["violations"]}
    # What was found in order stays in the browser: bringing it here costs half as much as finding it.
    found: list[dict[str, Any]] = tab.evaluate("asked => axe.run(asked).then(all => all.violations)", asked)
    return [f"{one['id']}: {[node['html'][:100] for node in one['nodes']]}" for one in found]


def width_needed(tab: Page) -> int:
    """How wide the page is, in CSS pixels, at the window's present width."""
    return int(tab.evaluate("document.documentElement.scrollWidth"))
