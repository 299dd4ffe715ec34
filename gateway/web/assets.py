"""Files for the browser: served under the stamp of their contents, so that they may be kept for ever."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

from gateway.errors import Misconfigured
from gateway.web.access import public

STATIC = Path(__file__).with_name("static")
_NEEDED = "vendor/govuk/govuk-frontend.min.css"
_FOREVER = "public, max-age=31536000, immutable"

mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/wasm", ".wasm")


def serve_assets(app: Flask, folder: Path = STATIC) -> None:
    """Serve `folder` at /static/<stamp>/…; modules that import each other by relative path keep the stamp.

    Raises:
        Misconfigured: the vendored assets were not built.
    """
    if not (folder / _NEEDED).is_file():
        raise Misconfigured("The browser assets are missing.", next_step="Run `python hatch_build.py` once.")
    stamp = stamp_of(folder)

    @public("Style sheets and scripts hold nothing about anybody")
    def static(stamp_asked: str, filename: str) -> Response:
        response = send_from_directory(folder, filename)
        response.headers["Cache-Control"] = _FOREVER if stamp_asked == stamp else "no-cache"
        return response

    def add_stamp(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("stamp_asked", stamp)

    app.add_url_rule("/static/<code:stamp_asked>/<path:filename>", "static", static, methods=["GET"])
    app.url_default_functions.setdefault(None, []).append(add_stamp)


@cache
def stamp_of(folder: Path) -> str:
    """A short digest over every file's name and contents."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return "s" + digest.hexdigest()[:15]
