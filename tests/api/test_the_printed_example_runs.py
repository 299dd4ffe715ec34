"""docs/api.md is run as it is printed: a shell, Python, an officer's pages, and a gateway that gunicorn serves."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.api import v1
from gateway.api.openapi import document
from tests.installation import environment as at
from tests.web import second

OPERATIONS_OF = v1.__name__  # they are declared as it is loaded
DOCS = Path(__file__).parents[2] / "docs" / "api.md"
BIN = Path(sys.executable).parent
# How often the server is asked whether it is there; each asking waits for an answer or a refused connection.
_ASKED = 3000


def blocks(language: str) -> list[str]:
    """The code of a language that the page prints, in order."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def ran(command: list[str], environment: Mapping[str, str], folder: Path) -> str:
    """What a command printed; it must succeed."""
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def served(tmp_path: Path, installation: Path) -> Iterator[dict[str, str]]:
    """The demonstration, served by gunicorn; gives the environment of its commands."""
    with _own_port() as port:
        yield from _serving(tmp_path, installation, f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def _own_port() -> Iterator[int]:
    """A port that nobody else is given meanwhile: who binds it with the same option, and listens, has it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _serving(tmp_path: Path, installation: Path, address: str) -> Iterator[dict[str, str]]:
    var = shutil.copytree(installation, tmp_path / "var")
    environment = at(var) | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GATEWAY_WEB__PUBLIC_URL": address,
        "GATEWAY_SERVE__ADDRESS": address.removeprefix("http://"),
    }
    with (tmp_path / "served.log").open("w") as log:
        server = subprocess.Popen(
            [str(BIN / "gateway"), "run"], env=environment, cwd=tmp_path, stdout=log, stderr=log
        )
        try:
            _wait_for(f"{address}/livez", server)
            yield environment
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=120)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(_ASKED):
        assert server.poll() is None, "the server stopped"
        try:
            with urllib.request.urlopen(url, timeout=10):  # noqa: S310
                return
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.1)
    raise AssertionError("the server never answered")


def test_the_printed_example_runs(
    served: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key, ask = blocks("python")
    [commands] = blocks("sh")
    ran([sys.executable, "-c", make_key], served, tmp_path)
    register, *others = commands.strip().splitlines()
    said = ran(["sh", "-ec", register], served, tmp_path)
    found = re.search(r"Client id: ([0-9a-f]{32})", said)
    assert found is not None, said
    environment = served | {"CLIENT_ID": found[1], "ADDRESS": served["GATEWAY_WEB__PUBLIC_URL"]}
    assert "Case system" in ran(["sh", "-ec", "\n".join(others)], environment, tmp_path)
    for name, value in served.items():
        monkeypatch.setenv(name, value)
    with second.configured() as gateway:
        second.approves_system(gateway, "office-ig-2", found[1])
    answer = ran([sys.executable, "-c", ask], environment, tmp_path)
    assert re.match(r"convictions permit \S", answer)


def test_every_address_that_is_printed_is_one() -> None:
    named = re.findall(r"(?<![\w/}])/[a-z]+(?:/[a-z0-9_{}./]+)*", _prose())
    assert len(named) > 8
    assert {one.removeprefix("/api/v1") for one in named} <= set(document()["paths"])


def _prose() -> str:
    """What is in backticks outside of code blocks."""
    text = re.sub(r"```.*?```", "", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(re.findall(r"`([^`]+)`", text))
