"""A page server and a ledger small enough for a test: what the browser scripts need from the gateway."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify.checkpoint import Checkpoint, cosign, cosigner_key, sign
from gateway_verify.merkle import consistency_proof, inclusion_proof, leaf_hash, node_hash, range_hash
from gateway_verify.note import Note, SignatureLine, SignatureType, VerifierKey, encode
from gateway_verify.opening import Opening
from gateway_verify.proof import Proof
from gateway_verify.restore import Agreed, Declared
from jinja2 import Environment, FileSystemLoader

from gateway.web.security import OPENING_POLICY
from tests.ledger.restores import signature

WEB = Path(__file__).resolve().parents[2] / "gateway" / "web"
STATIC = WEB / "static"
SHEETS = ("vendor/govuk/govuk-frontend.min.css", "css/gateway.css")
ORIGIN = "test.example/ledger"

mimetypes.add_type("text/javascript", ".mjs")

Answer = Callable[[Any], tuple[int, Any]]
CosignerKey = Ed25519PrivateKey | MLDSA44PrivateKey


class Log:
    """A ledger in memory: entries with salts, one key, witnesses if it has any, proofs as the gateway gives them."""

    def __init__(self, origin: str = ORIGIN, witnesses: Mapping[str, CosignerKey] | None = None) -> None:
        self.origin = origin
        self.key = Ed25519PrivateKey.generate()
        self.openings: list[Opening] = []
        self.witnesses = dict(witnesses or {})
        self.least = len(self.witnesses)
        self.lag_hours = 4.0
        self.watches_itself = True
        self.begun: list[str] = []
        self.signed: tuple[int, tuple[SignatureLine, ...]] | None = None

    @property
    def verifier_key(self) -> VerifierKey:
        return VerifierKey(self.origin, SignatureType.ED25519, self.key.public_key().public_bytes_raw())

    @property
    def vkey(self) -> str:
        return str(self.verifier_key)

    @property
    def policy(self) -> str:
        lines = [f"log {self.vkey}"]
        for name, key in self.witnesses.items():
            lines.append(f"witness {name} {cosigner_key(f'{name}.example/witness', key)}")
        if not self.witnesses:
            return "\n".join([*lines, "quorum none", ""])
        return "\n".join([*lines, f"group all {self.least} {' '.join(self.witnesses)}", "quorum all", ""])

    def add(
        self, kind: str, refs: Mapping[str, str] | None = None, codes: Mapping[str, object] | None = None
    ) -> int:
        return self._add(kind, refs or {}, codes or {}, bytes([len(self.openings) % 251]) * 32)

    def begin_after(self, former: Log, witnessed: int, held: int, instead: Mapping[str, object]) -> None:
        """Begin with what two officers declare after a restore of another log, or say other things `instead`."""
        said: dict[str, Any] = {
            "partnership": "1" * 32,
            "former_origin": former.origin,
            "former_key": former.vkey,
            "witnessed_size": witnessed,
            "witnessed_root": encode(former.root(witnessed)),
            "held": held,
            "number": 2,
            "reasons": "sha256:" + "0" * 64,
            "first_officer": "2" * 32,
            "declared_at": "2026-11-20T08:50:00Z",
        }
        said |= {name: value for name, value in instead.items() if name in said}
        declared = Declared(**said)
        first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        by_first = signature(first, declared.signed_bytes())
        agreed = Agreed(declared, by_first, "3" * 32, "2026-11-20T08:55:00Z")
        by_second = signature(second, agreed.signed_bytes())
        codes = vars(declared) | {"lost": witnessed - held, "agreed_at": agreed.agreed_at}
        codes |= {"first_key": by_first.key, "first_signature": by_first.signature}
        codes |= {"second_key": by_second.key, "second_signature": by_second.signature}
        refs = {"first_officer": codes.pop("first_officer"), "second_officer": agreed.second_officer}
        del codes["partnership"]
        self._add("epoch.begun", refs, {**codes, **instead}, None)

    def watch(self, at: datetime, names: Iterable[str] | None = None) -> None:
        """Let witnesses sign the log as it is."""
        checkpoint = self._checkpoint(len(self.openings))
        lines = tuple(
            cosign(checkpoint, f"{name}.example/witness", self.witnesses[name], at)
            for name in (self.witnesses if names is None else names)
        )
        self.signed = checkpoint.size, lines

    def handed_out(self, seen: list[dict[str, Any]], indexes: Iterable[int]) -> dict[str, Any]:
        """What goes with a parcel: the proofs of these entries and what is needed to know the log again."""
        sizes = [one["size"] for one in seen if one["origin"] == self.origin]
        size, lines = self.signed or (len(self.openings), ())
        begun = [] if self.openings[0].salt else [self.proof(0)]
        return {
            "proofs": [self.proof(index) for index in indexes],
            "consistency": self.consistency(sizes[0] if sizes else 0),
            "policy": self.policy,
            "lag_hours": self.lag_hours,
            "cosigned": str(self.note(size, lines)),
            "cosigned_consistency": self.consistency(size),
            "begun": [*begun, *self.begun],
        }

    def proof(self, index: int) -> str:
        path = inclusion_proof(index, len(self.openings), self._node)
        return str(Proof(index, tuple(path), self.note(), self.openings[index].to_bytes()))

    def consistency(self, before: int) -> list[str]:
        if not 0 < before < len(self.openings):
            return []
        return [encode(one) for one in consistency_proof(before, len(self.openings), self._node)]

    def note(self, size: int | None = None, lines: tuple[SignatureLine, ...] = ()) -> Note:
        checkpoint = self._checkpoint(len(self.openings) if size is None else size)
        return Note(checkpoint.text, (sign(checkpoint, self.origin, self.key), *lines))

    def root(self, size: int) -> bytes:
        return range_hash(0, size, self._node)

    def _add(
        self, kind: str, refs: Mapping[str, str], codes: Mapping[str, object], salt: bytes | None
    ) -> int:
        said = {"kind": kind, "at": "2026-11-20T09:00:00Z", "refs": refs, "codes": codes}
        record = json.dumps({**said, "partnership": "1" * 32})
        self.openings.append(Opening(record, salt))
        return len(self.openings) - 1

    def _node(self, height: int, index: int) -> bytes:
        if height == 0:
            return leaf_hash(self.openings[index].leaf())
        return node_hash(self._node(height - 1, 2 * index), self._node(height - 1, 2 * index + 1))

    def _checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, self.root(size))


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
    styles = "".join(f'<link rel="stylesheet" href="/static/{sheet}">' for sheet in SHEETS)
    styles += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pages</title>{styles}</head>'
        f'<body class="govuk-template__body"><main id="main-content" class="govuk-width-container">{body}</main>'
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
