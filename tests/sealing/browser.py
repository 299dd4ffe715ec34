"""A page server and a ledger small enough for a test: what the browser scripts need from the gateway."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_verify.checkpoint import Checkpoint, sign
from gateway_verify.merkle import consistency_proof, inclusion_proof, leaf_hash, node_hash, range_hash
from gateway_verify.note import Note, SignatureType, VerifierKey, encode
from gateway_verify.opening import Opening
from gateway_verify.proof import Proof
from jinja2 import Environment, FileSystemLoader

from gateway.web.security import OPENING_POLICY

WEB = Path(__file__).resolve().parents[2] / "gateway" / "web"
STATIC = WEB / "static"
ORIGIN = "test.example/ledger"

mimetypes.add_type("text/javascript", ".mjs")

Answer = Callable[[Any], tuple[int, Any]]


class Log:
    """A ledger in memory: entries with salts, one key, proofs as the gateway gives them."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.openings: list[Opening] = []

    @property
    def vkey(self) -> str:
        return str(VerifierKey(ORIGIN, SignatureType.ED25519, self.key.public_key().public_bytes_raw()))

    def add(self, kind: str, refs: dict[str, str] | None = None, codes: dict[str, str] | None = None) -> int:
        record = json.dumps({"kind": kind, "refs": refs or {}, "codes": codes or {}})
        self.openings.append(Opening(record, bytes([len(self.openings) % 251]) * 32))
        return len(self.openings) - 1

    def proof(self, index: int) -> str:
        path = inclusion_proof(index, len(self.openings), self._node)
        return str(Proof(index, tuple(path), self._note(), self.openings[index].to_bytes()))

    def consistency(self, seen: list[dict[str, Any]]) -> list[str]:
        sizes = [one["size"] for one in seen if one["origin"] == ORIGIN]
        if not sizes or sizes[0] >= len(self.openings):
            return []
        return [encode(one) for one in consistency_proof(sizes[0], len(self.openings), self._node)]

    def _node(self, height: int, index: int) -> bytes:
        if height == 0:
            return leaf_hash(self.openings[index].leaf())
        return node_hash(self._node(height - 1, 2 * index), self._node(height - 1, 2 * index + 1))

    def _note(self) -> Note:
        root = range_hash(0, len(self.openings), self._node)
        checkpoint = Checkpoint(ORIGIN, len(self.openings), root)
        return Note(checkpoint.text, (sign(checkpoint, ORIGIN, self.key),))


@dataclass
class Site:
    """Pages and answers by path; what was posted, in order."""

    pages: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    posted: list[tuple[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""


def page(macro_call: str, script: str) -> str:
    """A page that holds one of the macros under the names the gateway's templates use."""
    environment = Environment(loader=FileSystemLoader(WEB / "components" / "templates"), autoescape=True)
    environment.globals["csrf_token"] = lambda: "token"
    environment.globals["request"] = SimpleNamespace(path="/keys")
    body = environment.from_string(
        "{% import 'components/sealing.html' as sealing %}{{ " + macro_call + " }}"
    ).render()
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pages</title></head><body>{body}'
        f'<script type="module" src="/static/js/{script}"></script></body></html>'
    )


@contextmanager
def serving(site: Site, policy: str = OPENING_POLICY) -> Iterator[Site]:
    """Serve the site on loopback under the gateway's own content security policy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            if self.path.startswith("/static/"):
                file = STATIC / self.path.removeprefix("/static/")
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                found = file.read_bytes() if file.is_file() else None
                self.answer(200 if found is not None else 404, found or b"", kind)
                return
            if self.path == "/favicon.ico":
                self.answer(200, b"", "image/x-icon")
                return
            body = site.pages.get(self.path)
            self.answer(200 if body else 404, (body or "").encode(), "text/html; charset=utf-8")

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["X-CSRFToken"] == "token"
            site.posted.append((self.path, sent))
            status, said = site.answers[self.path](sent)
            kind = "application/json" if status < 400 else "application/problem+json"
            self.answer(status, json.dumps(said).encode(), kind)

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
