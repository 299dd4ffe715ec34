"""A real PostgreSQL for the length of one test session: its own folder, its own socket, never root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

_TEMPLATE = "gateway_template"
_UNPRIVILEGED = ("postgres", "nobody")
# Durability is off: these tests ask what is stored, not what survives a power cut. Fault tests ask for it back.
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "autovacuum": "off",
    "jit": "off",
}
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "120",
    "log_min_messages": "fatal",
}


class Postgres:
    """A running server; `fresh()` gives the URL of a new database with the tables in it."""

    def __init__(self, *, durable: bool = False) -> None:
        self._numbers = count(1)
        self._folder = Path(tempfile.mkdtemp(prefix="gw-pg-"))
        self._data = self._folder / "data"
        self._binaries = _binaries()
        self._as = _someone_else()
        if self._as:
            os.chown(self._folder, self._as["user"], self._as["group"])
        self._run(
            "initdb", "-D", str(self._data), "-U", "gateway", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )
        self._server = self._start(durable)
        self._has_template = False

    def url(self, database: str) -> str:
        """Give the URL of `database`."""
        return f"postgresql://gateway@/{database}?host={self._folder}"

    def fresh(self, create_tables: Callable[[str], None] | None) -> str:
        """Give the URL of a new database, copied from a template that `create_tables` filled once."""
        if create_tables is None:
            name = f"t{next(self._numbers)}"
            self.execute(f"CREATE DATABASE {name}")
            return self.url(name)
        if not self._has_template:
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            create_tables(self.url(_TEMPLATE))
            self._has_template = True
        return self.copy(self.url(_TEMPLATE))

    def copy(self, url: str) -> str:
        """Give the URL of a new database with everything that is in the one of `url`, which nobody may be using."""
        source = url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
        name = f"t{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop the database of `url`, with whoever is still connected."""
        self.execute(
            f"DROP DATABASE IF EXISTS {url.split('?', maxsplit=1)[0].rsplit('/', 1)[1]} WITH (FORCE)"
        )

    def execute(self, statement: str) -> None:
        """Run one administrative statement."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """Stop the server at once and remove its folder."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, durable: bool) -> subprocess.Popen[bytes]:
        chosen = _SETTINGS | ({} if durable else _FAST) | {"unix_socket_directories": str(self._folder)}
        arguments = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        server = subprocess.Popen(
            [str(self._binaries / "postgres"), "-D", str(self._data), *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
        self._wait_until_ready(server)
        return server

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("PostgreSQL did not start")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr[-400:]}")


def wait_until_left(url: str, seconds: float = 120.0) -> None:
    """Wait until nobody else is connected there: PostgreSQL still ends what somebody who was killed had asked for."""
    others = b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + seconds
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(others).fetchone() != (0,):
            assert time.monotonic() < deadline, "somebody is still connected"
            time.sleep(0.01)


def _binaries() -> Path:
    # A link on PATH to initdb alone isn't enough: the server's own folder holds all its programs.
    places = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True
    )
    found = shutil.which("initdb")
    if found:
        places.append(Path(found).resolve().parent)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    pytest.exit("PostgreSQL is missing: run `make test`, or `apt-get install postgresql`.", returncode=3)


def _someone_else() -> dict[str, Any]:
    """Give the keywords that start a process as an unprivileged user; nothing when this one is unprivileged already."""
    if os.geteuid() != 0:
        return {}
    for name in _UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {"user": 65534, "group": 65534, "extra_groups": []}
