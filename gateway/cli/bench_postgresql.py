"""A PostgreSQL for the length of a measurement: durable as it comes, in a folder of its own, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.errors import Unavailable

_STARTS_WITHIN = 60.0


@contextmanager
def served(url: str | None) -> Iterator[str | None]:
    """The URL given, or that of a PostgreSQL started in a folder of its own, or None where there are no binaries."""
    initdb = _initdb()
    if url is not None or initdb is None:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    quiet: dict[str, Any] = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": folder,
    } | owner
    data = str(folder / "data")
    subprocess.run([initdb, "-D", data, "-U", "gateway", "-A", "trust", "-E", "UTF8"], check=True, **quiet)  # noqa: S603
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"]
    server = subprocess.Popen([str(Path(initdb).with_name("postgres")), "-D", data, *options], **quiet)  # noqa: S603
    try:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not (folder / ".s.PGSQL.5432").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("PostgreSQL did not start.", next_step="Give the URL of one that runs.")
            time.sleep(0.1)
        yield f"postgresql://gateway@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)  # fast: it waits for no client
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _initdb() -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return str(found[-1])
    on_path = shutil.which("initdb")
    return str(Path(on_path).resolve()) if on_path else None
