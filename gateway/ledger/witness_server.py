"""The witness over HTTP: `POST /add-checkpoint`, `GET /<origin hash>/checkpoint`; for people, its logs and alarms."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway_verify.note import MOST_BYTES

from gateway.ledger.witness_log import Answer, WitnessLog

_SILENCE_SECONDS = 15
_CHECKPOINT = re.compile(r"/([0-9a-f]{64})/checkpoint")


def serve(witness: WitnessLog, host: str, port: int) -> ThreadingHTTPServer:
    """Give a server that is bound and waits for `serve_forever`; port 0 takes any free one."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENCE_SECONDS
        server_version = "witness"
        sys_version = ""

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint":
                self._send(Answer(404, "there is nothing here\n"))
            elif not length.isdigit() or int(length) > MOST_BYTES:
                self._send(Answer(400, "a request needs a length, and not a large one\n"))
            else:
                self._send(witness.add_checkpoint(self.rfile.read(int(length))))

        def do_GET(self) -> None:
            wanted = _CHECKPOINT.fullmatch(self.path)
            if self.path == "/alarms":
                self._send(Answer(200, _alarms(witness)))
                return
            if self.path == "/logs":
                self._send(Answer(200, "".join(f"{one}\n" for one in witness.watched())))
                return
            note = witness.latest(wanted[1]) if wanted else None
            self._send(Answer(200, note) if note else Answer(404, "nothing was cosigned for this log\n"))

        def _send(self, answer: Answer) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
            """Say nothing of ordinary requests: alarms must not drown."""

    return ThreadingHTTPServer((host, port), Handler)


def _alarms(witness: WitnessLog) -> str:
    alarms = witness.alarms()
    if not alarms:
        return "No alarms.\n"
    return "".join(
        f"{one.at} {one.origin}: {one.what}\n\n{one.had or ''}\n{one.got or ''}\n" for one in alarms
    )
