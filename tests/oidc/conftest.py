"""A gateway whose one agency signs in with a provider that runs beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.registry.models import IdentityProvider, SignInIdentity
from gateway.settings import Provider as ProviderSettings
from gateway.settings import Settings, SignInSettings
from gateway.web.app import create_app
from tests.conftest import assembled
from tests.oidc.provider import Provider
from tests.web.pages import Web
from tests.web.register import Register, fill

KEY_CLIENT = "gateway-with-key"
SECRET_CLIENT = "gateway-with-secret"
SECRET = "for-tests-only-0123456789abcdef0123456789"
PUBLIC_URL = "http://localhost"


@pytest.fixture(scope="session")
def client_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's private key at the provider."""
    path = tmp_path_factory.mktemp("sign-in") / "client.jwk"
    path.write_text(json.dumps(ECKey.generate_key("P-256").as_dict(private=True)))
    return path


@pytest.fixture(scope="session")
def provider(client_key: Path) -> Iterator[Provider]:
    """The provider, with a client for each way of proving itself."""
    public = ECKey.import_key(json.loads(client_key.read_text())).as_dict(private=False)
    common = {
        "id_token_signed_response_alg": "ES256",
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
    }
    running = Provider(
        [
            {
                **common,
                "client_id": KEY_CLIENT,
                "redirect_uris": [
                    f"{PUBLIC_URL}/sign-in/with/{name}/answer" for name in ("agency", "strict")
                ],
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "ES256",
                "jwks": {"keys": [public]},
            },
            {
                **common,
                "client_id": SECRET_CLIENT,
                "client_secret": SECRET,
                "redirect_uris": [f"{PUBLIC_URL}/sign-in/with/charity/answer"],
                "token_endpoint_auth_method": "client_secret_basic",
            },
        ]
    )
    yield running
    running.stop()


@pytest.fixture
def sqlite_gateway(
    make_settings: Callable[[str], Settings],
    sqlite_url: str,
    clock: FixedClock,
    provider: Provider,
    client_key: Path,
) -> Iterator[Gateway]:
    """A gateway that knows the provider as an agency's, as one that must use two factors, and as a charity's."""
    provider.tell(account="account-1")
    key: dict[str, Any] = {"issuer": provider.issuer, "client_id": KEY_CLIENT, "client_key_file": client_key}
    providers = (
        ProviderSettings(id="agency", label="Meadow Probation", **key),
        ProviderSettings(id="strict", label="Meadow Police", required_acr=("two-factors",), **key),
        ProviderSettings(
            id="charity",
            label="Charities",
            issuer=provider.issuer,
            client_id=SECRET_CLIENT,
            client_secret=SECRET,
        ),
    )
    settings = make_settings(sqlite_url)
    web = settings.web.model_copy(update={"public_url": PUBLIC_URL})
    sign_in = SignInSettings(personas=False, providers=providers)
    yield from assembled(settings.model_copy(update={"sign_in": sign_in, "web": web}), clock)


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application over that gateway."""
    return create_app(sqlite_gateway)


@pytest.fixture
def web(app: Flask, sqlite_gateway: Gateway) -> Web:
    """A browser on that application."""
    return Web(app, sqlite_gateway)


@pytest.fixture
def register(sqlite_gateway: Gateway, provider: Provider) -> Register:
    """The register, in which the provider's first account is a member of staff and its second a leaver."""
    with sqlite_gateway.store.writing() as unit:
        filled = fill(unit.session)
        unit.session.add(
            IdentityProvider(
                partnership_id=filled.partnership_id,
                agency_id=filled.agency_id,
                issuer=provider.issuer,
                client_id=KEY_CLIENT,
                client_key_name="client",
            )
        )
        for sub, name in (("account-1", "staff"), ("account-2", "leaver")):
            unit.session.add(
                SignInIdentity(
                    partnership_id=filled.partnership_id,
                    person_id=filled.people[name],
                    issuer=provider.issuer,
                    sub=sub,
                )
            )
    return filled
