"""Files with private keys of the gateway and of witnesses: made once, and read only where nobody else may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gateway.errors import Misconfigured

_OWNER_ONLY = 0o600
_OTHERS = 0o077


def write_key_file(path: Path, *lines: str) -> None:
    """Write a new file of mode 0600, and its folder. Raises FileExistsError rather than replace one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def read_key_file(path: Path, what: str, advice: str) -> str:
    """Give what a key file says.

    Raises Misconfigured, naming it as `what`: with this advice when it can't be read, and when others may read it too.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The {what} {path} can't be read.", next_step=advice) from error
    if mode & _OTHERS:
        raise Misconfigured(
            f"The {what} {path} can be read by others.", next_step=f"Run `chmod 600 {path}` and start again."
        )
    return text
