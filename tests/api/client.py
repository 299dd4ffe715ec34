"""An agency's system as its makers would write it: signs assertions and proofs, and calls the API with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from joserfc import jws
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from gateway.cli.demo_stage import Stage

BASE = "http://127.0.0.1:8000"
PREFIX = "/api/v1"


def thumb(token: str) -> str:
    """The hash of a token as a proof names it (RFC 9449 `ath`)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


@dataclass
class System:
    """One system with its key for signing in and its key for proofs."""

    app: Flask
    stage: Stage
    client_id: str
    key: ECKey
    proof_key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    token: str = ""

    @property
    def now(self) -> int:
        """The gateway's time."""
        at: datetime = self.stage.clock.now()
        return int(at.timestamp())

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of an assertion that holds, with changes; None leaves one out."""
        made = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{BASE}{PREFIX}/token",
            "exp": self.now + 60,
            "iat": self.now,
            "jti": uuid.uuid4().hex,
        } | changed
        return {name: value for name, value in made.items() if value is not None}

    def assertion(
        self, key: ECKey | None = None, header: dict[str, Any] | None = None, **changed: Any
    ) -> str:
        """A signed assertion."""
        return _signed(header or {"alg": "ES256"}, self.claims(**changed), key or self.key)

    def proof(self, method: str, url: str, *, key: ECKey | None = None, **changed: Any) -> str:
        """A signed proof of possession."""
        signer = key or self.proof_key
        made = {"htm": method, "htu": url, "iat": self.now, "jti": uuid.uuid4().hex} | changed
        claims = {name: value for name, value in made.items() if value is not None}
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": signer.as_dict(private=False)}
        return _signed(header, claims, signer)

    def sign_in(self, *, assertion: str | None = None, proof: str | None = None) -> TestResponse:
        """Ask for a token, and keep it."""
        answer = self.app.test_client().post(
            f"{PREFIX}/token",
            base_url=BASE,
            json={"client_assertion": assertion or self.assertion()},
            headers={"DPoP": proof or self.proof("POST", f"{BASE}{PREFIX}/token")},
        )
        if answer.status_code == 200:
            self.token = answer.get_json()["access_token"]
        return answer

    def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **sent: Any
    ) -> TestResponse:
        """Call an endpoint with token and proof; `headers` may change them."""
        if not self.token:
            assert self.sign_in().status_code == 200
        url = f"{BASE}{PREFIX}{path.split('?', maxsplit=1)[0]}"
        made = {
            "Authorization": f"DPoP {self.token}",
            "DPoP": self.proof(method, url, ath=thumb(self.token)),
        } | (headers or {})
        return self.app.test_client().open(
            f"{PREFIX}{path}", method=method, base_url=BASE, headers=made, **sent
        )

    def get(self, path: str) -> Any:
        """What an endpoint gives."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    def post(self, path: str, body: Any, *, once: str | None = None, expect: int) -> Any:
        """What an endpoint answers to a body."""
        headers = {"Idempotency-Key": once} if once else {}
        answer = self.call("POST", path, json=body, headers=headers)
        assert answer.status_code == expect, answer.get_json()
        return answer.get_json() if answer.data else None


def _signed(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    # Not through jwt: it has an opinion on claims, and wrong ones must be writable.
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES256"])


def _part(value: dict[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    """A token whose header says that nobody signed it."""
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def signed_with_the_public_key(claims: dict[str, Any], public: ECKey) -> str:
    """A token signed by HMAC with the public key's own text as the secret."""
    signed = f"{_part({'alg': 'HS256'})}.{_part(claims)}"
    return f"{signed}.{_text(hmac.digest(public.as_pem(private=False), signed.encode(), 'sha256'))}"
