"""The demonstration as its own command installs it, once in a run of the tests; whoever changes it takes a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Once


def environment(folder: Path) -> dict[str, str]:
    """What tells the commands of an installation where its files lie."""
    return {
        "GATEWAY_ENV": "demo",
        "GATEWAY_STORE__URL": f"sqlite:///{folder}/gateway.sqlite3",
        "GATEWAY_KEYS__ROOT_FILE": f"{folder}/root.key",
        "GATEWAY_KEYS__LEDGER_KEY_FILE": f"{folder}/ledger.key",
        "GATEWAY_PATHS__VAR": str(folder),
        "GATEWAY_PATHS__BACKUPS": f"{folder}/backups",
    }


@pytest.fixture(scope="session")
def installation(once: Once) -> Path:
    """The folder of an installation that `gateway init --demo` made."""
    return once("installation", _install)


def _install(folder: Path) -> None:
    from gateway.cli.main import main

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(folder).items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as stop:
            main(["init", "--demo"])
    assert not stop.value.code
