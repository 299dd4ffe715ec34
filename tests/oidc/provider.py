"""A certified provider (npm oidc-provider) on loopback for the tests of sign-in; installed once, from its lock."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

HERE = Path(__file__).parent
_STAMP = HERE / "node_modules" / ".stamp"
_MOST_STEPS = 12


class Provider:
    """The running provider, and the browser that visits it."""

    def __init__(self, clients: list[dict[str, Any]]) -> None:
        install()
        self._process = subprocess.Popen(
            ["node", "provider.mjs", json.dumps(clients)],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.issuer = self._process.stdout.readline().strip()
        assert self.issuer.startswith("http://127.0.0.1:")
        self.browser = requests.Session()

    def tell(self, **what: Any) -> None:
        """Say who signs in next (`account`, `acr`) and how the next token lies (`lie`)."""
        answer = requests.get(f"{self.issuer}/tell", params={"what": json.dumps(what)}, timeout=120)
        assert answer.status_code == 204

    def visit(self, url: str) -> str:
        """Follow the provider's own redirects until it sends the browser back; gives that address."""
        self.browser.cookies.clear()
        for _ in range(_MOST_STEPS):
            answer = self.browser.get(url, allow_redirects=False, timeout=120)
            assert answer.is_redirect, answer.text
            url = requests.compat.urljoin(url, answer.headers["Location"])
            if urlsplit(url).netloc != urlsplit(self.issuer).netloc:
                return url
        raise AssertionError("the provider never sends the browser back")

    def stop(self) -> None:
        """End it by closing its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=120)
        self._process.stdout.close()
        self.browser.close()


def install() -> None:
    """Fetch the provider when its lock is new; skip the test, saying why, on a machine without npm."""
    stamp = sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with (HERE / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker of a run fetches it, and the others find it there
        if _STAMP.is_file() and _STAMP.read_text(encoding="ascii") == stamp:
            return
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not on PATH, so there is no certified provider to sign in with")
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, check=True, capture_output=True
        )
        _STAMP.write_text(stamp, encoding="ascii")
