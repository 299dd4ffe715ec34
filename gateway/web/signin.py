"""Sign-in through an agency's own OpenID Connect provider: what Authlib checks by default, and what it leaves to us.

By default Authlib accepts a token made for another client, one without an id_token, an answer from another issuer (RFC
9207), an old sign-in and any authentication class. All five are refused here (RFC 9700, OpenID Connect Core 3.1.3.7).
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask, current_app, request, session
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from gateway.errors import Misconfigured, NotFound, Unauthenticated, Unavailable
from gateway.settings import Provider

ALGORITHMS = ("ES256", "PS256", "RS256", "Ed25519", "EdDSA")
MAX_AGE_SECONDS = 8 * 3600
LEEWAY_SECONDS = 30
_TIMEOUT_SECONDS = 5
_SIGN_INS = "gateway_sign_ins"
_KEY_ALGORITHMS: dict[type, str] = {ECKey: "ES256", RSAKey: "PS256", OKPKey: "EdDSA"}
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

_log = structlog.get_logger(__name__)


class SignInRefused(Unauthenticated):
    """The provider's answer doesn't prove who somebody is; `why` is a code for the log, not for the page."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "Your agency's sign-in did not give a proof that the gateway can accept.",
            next_step="Start again from the sign-in page. If it happens again, tell your operator the time.",
        )
        self.why = why


@dataclass(frozen=True)
class Proof:
    """Who a provider says is there: the pair that identifies, and how and when that was proved."""

    issuer: str
    sub: str
    acr: str
    auth_time: int
    for_partnership: bool


class _Session(OAuth2Session):  # type: ignore[misc]
    """No redirects (discovery must not lead elsewhere) and no waiting for a provider that doesn't answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default_timeout": _TIMEOUT_SECONDS, **kwargs})
        self.max_redirects = 0


class _Client(FlaskOAuth2App):  # type: ignore[misc]
    client_cls = _Session


class _Registry(OAuth):  # type: ignore[misc]
    oauth2_client_cls = _Client


def register_providers(app: Flask, providers: tuple[Provider, ...]) -> None:
    """Make a client for each provider.

    Raises:
        Misconfigured: a client has neither key nor secret, or its key file can't be read.
    """
    registry = _Registry(app)
    app.extensions[_SIGN_INS] = {
        provider.id: (provider, _client(registry, provider)) for provider in providers
    }


def start(provider_id: str, callback: str) -> ResponseReturnValue:
    """Send the browser to the provider with state, nonce and a PKCE challenge that only this session can answer."""
    provider, client = _known(provider_id)
    try:
        _pin(provider, client)
        asked = {"max_age": MAX_AGE_SECONDS}
        if provider.required_acr:
            asked["acr_values"] = " ".join(provider.required_acr)  # type: ignore[assignment]
        return cast("ResponseReturnValue", client.authorize_redirect(callback, **asked))
    except requests.RequestException as error:
        raise _silent() from error


def finish(provider_id: str) -> Proof:
    """Take the provider's answer in this request and give what it proves.

    Raises:
        SignInRefused: any check failed; the session's state for this attempt is used up.
        Unavailable: the provider doesn't answer.
    """
    provider, client = _known(provider_id)
    try:
        _pin(provider, client)
        _check_answer(provider, client.server_metadata)
        token = client.authorize_access_token(claims_options=_expected(provider), leeway=LEEWAY_SECONDS)
    except requests.RequestException as error:
        raise _silent() from error
    except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise SignInRefused(type(error).__name__) from error
    return _proof(provider, token.get("userinfo"))


def names(app: Flask) -> list[Provider]:
    """The providers in the order of the settings."""
    return [provider for provider, _ in app.extensions[_SIGN_INS].values()]


def _client(registry: OAuth, provider: Provider) -> Any:
    secret, method, key_auth = _authentication(provider)
    return registry.register(
        provider.id.replace("-", "_"),
        client_id=provider.client_id,
        client_secret=secret,
        server_metadata_url=provider.issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_auth_methods=key_auth,
        client_kwargs={
            "scope": "openid",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": method,
        },
    )


def _authentication(provider: Provider) -> tuple[Any, str, list[Any] | None]:
    if provider.client_key_file is not None:
        try:
            key = JWKRegistry.import_key(json.loads(provider.client_key_file.read_text(encoding="utf-8")))
            algorithm = _KEY_ALGORITHMS[type(key)]
        except (OSError, ValueError, KeyError, JoseError) as error:
            raise Misconfigured(
                f"The sign-in key of provider {provider.id} can't be read.",
                next_step="Name a private JWK (EC P-256, RSA or Ed25519) in client_key_file.",
            ) from error
        return key, "private_key_jwt", [PrivateKeyJWT(alg=algorithm)]
    if provider.client_secret is not None:
        return provider.client_secret.get_secret_value(), "client_secret_basic", None
    raise Misconfigured(
        f"The provider {provider.id} has neither client_key_file nor client_secret.",
        next_step="Give one of them.",
    )


def _known(provider_id: str) -> tuple[Provider, Any]:
    found = current_app.extensions[_SIGN_INS].get(provider_id)
    if found is None:
        raise NotFound("There is no such sign-in.")
    return cast("tuple[Provider, Any]", found)


def _pin(provider: Provider, client: Any) -> None:
    """Hold the provider's own description against the settings: issuer and safe algorithms are ours to say."""
    metadata = client.load_server_metadata()
    if metadata.get("issuer") != provider.issuer:
        client.server_metadata.pop("_loaded_at", None)
        raise SignInRefused("issuer_of_metadata")
    for name in _ENDPOINTS:
        if not _is_safe(metadata.get(name), provider.issuer):
            raise SignInRefused(f"unsafe_{name}")
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    pinned = [name for name in offered if name in ALGORITHMS]
    if not pinned:
        raise SignInRefused("no_safe_algorithm")
    client.server_metadata["id_token_signing_alg_values_supported"] = pinned


def _is_safe(url: object, issuer: str) -> bool:
    if not isinstance(url, str):
        return False
    parts, own = urlsplit(url), urlsplit(issuer)
    # Plain http is only for a provider that is itself a test on this machine, and then stays with it.
    return parts.scheme == "https" or (
        own.scheme == "http" and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
    )


def _check_answer(provider: Provider, metadata: Mapping[str, Any]) -> None:
    """RFC 9207: an answer that names another issuer is a mix-up; its code goes nowhere."""
    named = request.args.get("iss")
    if named is None and not metadata.get("authorization_response_iss_parameter_supported"):
        return
    if named != provider.issuer:
        session.clear()
        raise SignInRefused("issuer_of_answer")


def _expected(provider: Provider) -> dict[str, dict[str, Any]]:
    return {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }


def _proof(provider: Provider, claims: Mapping[str, Any] | None) -> Proof:
    if claims is None:
        raise SignInRefused("no_id_token")
    if claims.get("aud") not in (provider.client_id, [provider.client_id]):
        raise SignInRefused("audience")
    if not hmac.compare_digest(str(claims.get("iss")).encode(), provider.issuer.encode()):
        raise SignInRefused("issuer")
    auth_time = claims.get("auth_time")
    # The provider's clock against ours: both are wall clocks, so the gateway's own test clock has no say here.
    if not isinstance(auth_time, int) or auth_time < time.time() - MAX_AGE_SECONDS - LEEWAY_SECONDS:
        raise SignInRefused("auth_time")
    acr = str(claims.get("acr") or "")
    if provider.required_acr and acr not in provider.required_acr:
        raise SignInRefused("acr")
    sub = claims.get("sub")
    if not isinstance(sub, str) or not sub:
        raise SignInRefused("sub")
    return Proof(provider.issuer, sub, acr, auth_time, provider.for_partnership)


def _silent() -> Unavailable:
    return Unavailable(
        "Your agency's sign-in does not answer.",
        next_step="Try again in a minute, or ask your agency's help desk.",
    )
