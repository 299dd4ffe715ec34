"""Machine clients: a signed assertion buys a short token, and every call proves possession of the key it is bound to.

Client assertions follow RFC 7523, proofs RFC 9449 (DPoP). Only ES256 is accepted; a proof is taken once, on any worker.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import g, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from gateway.api.models import ApiClient, ApiToken, SeenProof
from gateway.errors import Unauthenticated
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Face
from gateway.store.unit_of_work import Unit
from gateway.web.access import current_gateway

ALGORITHMS = ["ES256"]
TOKEN_LASTS = timedelta(minutes=5)
PROOF_WINDOW = timedelta(seconds=60)
ASSERTION_AT_MOST = timedelta(minutes=5)
_LONGEST_JWT = 8192
_PRIVATE = {"d", "k", "p", "q"}
_ID = re.compile(r"[0-9a-f]{32}")
_JTI = re.compile(r"[\x21-\x7e]{8,200}")


@dataclass(frozen=True)
class Granted:
    """A token and how many seconds it lasts."""

    token: str
    expires_in: int


def grant(assertion: str, proof: str) -> Granted:
    """Give a token for a client's signed assertion, bound to the key that signed the DPoP proof of this call.

    Raises:
        Unauthenticated: the client isn't known or approved, or assertion or proof don't hold.
    """
    gateway = current_gateway()
    with gateway.store.writing() as unit:
        client = _client_of(unit, assertion)
        bound_to = _check_proof(unit, proof, token=None)
        token = secrets.token_urlsafe(32)
        row = ApiToken(
            partnership_id=client.partnership_id,
            client_id=client.id,
            digest=_digest(token),
            bound_to=bound_to,
            expires_at=unit.now + TOKEN_LASTS,
        )
        unit.session.add(row)
    return Granted(token, int(TOKEN_LASTS.total_seconds()))


def admit(scope: str) -> None:
    """Let a machine in: resolve the token, check the proof, and act in the client's post as it stands now.

    Raises:
        Unauthenticated: no token, a wrong one, a wrong proof, a used proof, or a client or post that ended.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "dpop" or not token:
        raise _refused("Send a token as `Authorization: DPoP …` with a proof in the DPoP header.")
    # A unit of its own: the proof is spent even when what it asks for is refused.
    with current_gateway().store.writing() as unit:
        found = select(ApiToken, ApiClient).join(ApiClient, col(ApiToken.client_id) == col(ApiClient.id))
        row, client = unit.session.exec(found.where(ApiToken.digest == _digest(token))).first() or (
            None,
            None,
        )
        if row is None or client is None or row.expires_at <= unit.now:
            raise _refused("The token isn't valid any more; ask for a new one.")
        bound_to = _check_proof(unit, request.headers.get("DPoP", ""), token=token)
        if not hmac.compare_digest(bound_to, row.bound_to):
            raise _refused("The proof was made by another key than the token is bound to.")
        _must_count(client)
        g.actor = _staff(actor_for_post(unit, client.post_id))
        g.scope = scope


def _staff(actor: Actor) -> Actor:
    """A system does what staff do; what an officer or an advocate does takes a person."""
    if actor.face is not Face.STAFF:
        raise _refused("A system acts in a post of staff only.")
    return actor


def purge(unit: Unit) -> int:
    """Remove tokens and proofs past their time; gives how many."""
    gone = 0
    for table in (ApiToken, SeenProof):
        for row in unit.session.exec(select(table).where(table.expires_at <= unit.now)):
            unit.session.delete(row)
            gone += 1
    return gone


def _client_of(unit: Unit, assertion: str) -> ApiClient:
    claims = _unverified(assertion)
    client_id = claims.get("sub")
    known = isinstance(client_id, str) and _ID.fullmatch(client_id) is not None
    client = unit.session.get(ApiClient, client_id) if known else None
    if client is None:
        raise _refused("The client isn't known.")
    verified = _verified(assertion, ECKey.import_key(json.loads(client.jwk)))
    now = int(unit.now.timestamp())
    expires = verified.get("exp")
    if verified.get("iss") != client.id or verified.get("aud") != audience():
        raise _refused("The assertion's iss is the client id and its aud the token address.")
    if type(expires) is not int or not now < expires <= now + ASSERTION_AT_MOST.total_seconds():
        raise _refused("The assertion lasts five minutes at the most and isn't over.")
    _take_once(unit, "assertion", verified.get("jti"), timedelta(seconds=expires - now))
    _must_count(client)
    return client


def _check_proof(unit: Unit, proof: str, *, token: str | None) -> str:
    """Check a DPoP proof (RFC 9449 section 4.3); gives the thumbprint of its key."""
    header = _header(proof)
    jwk = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or not isinstance(jwk, dict) or _PRIVATE & set(jwk):
        raise _refused("The DPoP header holds a proof of type dpop+jwt with its public key.")
    try:
        key = ECKey.import_key(jwk)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _refused("The proof's key isn't a P-256 public key.") from error
    claims = _verified(proof, key)
    expected = {"htm": request.method, "htu": _address()}
    if any(claims.get(name) != value for name, value in expected.items()):
        raise _refused("The proof was made for another method or address.")
    issued = claims.get("iat")
    # Compared as whole numbers: a count of any size must be refused, not break the arithmetic.
    now, window = int(unit.now.timestamp()), int(PROOF_WINDOW.total_seconds())
    if type(issued) is not int or not now - window <= issued <= now + window:
        raise _refused("The proof is too old, or this clock and yours differ by more than a minute.")
    if token is not None and claims.get("ath") != _hash_of(token):
        raise _refused("The proof doesn't name this token.")
    _take_once(unit, "proof", claims.get("jti"), PROOF_WINDOW * 2)
    return key.thumbprint()


def _take_once(unit: Unit, kind: str, jti: Any, lasts: timedelta) -> None:
    if not isinstance(jti, str) or _JTI.fullmatch(jti) is None:
        raise _refused("The jti is a text of 8 to 200 characters without spaces, new each time.")
    digest = _digest(f"{kind}|{jti}")
    unit.session.add(SeenProof(digest=digest, expires_at=unit.now + lasts))
    try:
        unit.session.flush()
    except IntegrityError as error:
        raise _refused("This proof was used before.") from error


def audience() -> str:
    """The address of the token endpoint, which an assertion must name."""
    return f"{current_gateway().settings.web.public_url}/api/v1/token"


def _address() -> str:
    return f"{current_gateway().settings.web.public_url}{request.path}"


def _must_count(client: ApiClient) -> None:
    if client.ended_at is not None or client.approved_by_post_id is None:
        raise _refused("The client has ended or isn't approved yet.")


def _verified(token: str, key: ECKey) -> dict[str, Any]:
    try:
        return dict(jwt.decode(token, key, algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _refused("A signature doesn't hold.") from error


def _header(token: str) -> dict[str, Any]:
    return _part(token, 0)


def _unverified(token: str) -> dict[str, Any]:
    return _part(token, 1)


def _part(token: str, position: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(token) > _LONGEST_JWT or len(parts) != 3:
        raise _refused("A signed token has three parts and at most 8,192 characters.")
    try:
        read = json.loads(base64.urlsafe_b64decode(parts[position] + "=" * (-len(parts[position]) % 4)))
    except (ValueError, RecursionError) as error:
        raise _refused("A signed token can't be read.") from error
    if not isinstance(read, dict):
        raise _refused("A signed token can't be read.")
    return read


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hash_of(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(why, next_step="See docs/api.md, “Signing in as a system”.")
