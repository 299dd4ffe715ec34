"""Hardware tokens in software: SoftHSM, with a folder of tokens for each test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.store.hardware_token import Token

SETTINGS = "keys.pkcs11_module, keys.pkcs11_token and keys.pkcs11_pin"


@dataclass(frozen=True)
class SoftTokens:
    """A module and the folder in which its tokens lie."""

    module: str
    folder: Path

    def add(self, label: str, pin: str) -> None:
        """Make a token."""
        made = ["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "654321"]
        subprocess.run(["softhsm2-util", *made], check=True, capture_output=True)

    def token(self, label: str, pin: str) -> Token:
        """Give a token as the gateway uses it."""
        return Token(self.module, label, pin, settings=SETTINGS)

    @contextmanager
    def pulled(self) -> Iterator[None]:
        """Take the tokens away for a while."""
        away = self.folder.with_name("away")
        self.folder.rename(away)
        try:
            yield
        finally:
            away.rename(self.folder)


def soft_tokens(folder: Path, monkeypatch: pytest.MonkeyPatch, *, more: str = "") -> SoftTokens:
    """Give tokens that lie in a folder; skips, saying so, where SoftHSM isn't installed."""
    module = next(iter(Path("/usr/lib").glob("**/libsofthsm2.so")), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n{more}")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    return SoftTokens(str(module), tokens)
