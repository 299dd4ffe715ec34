"""Sign-in with a certified provider works, and no token that proves less than it should is taken."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
from sqlmodel import select
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway.clock import FixedClock
from gateway.registry.models import IdentityProvider, Post
from gateway.web import attempts, signin
from gateway.web.models import SignInAttempt, WebSession
from gateway.web.sessions import COOKIE
from tests.oidc.provider import Provider
from tests.web.pages import Page, Web, checked, filled
from tests.web.register import BEGUN, Register

# Each lie, and the check that must catch it.
LIES = {
    "audience": "InvalidClaimError",
    "audiences": "audience",
    "nonce": "InvalidClaimError",
    "no_nonce": "MissingClaimError",
    "issuer": "InvalidClaimError",
    "expired": "ExpiredTokenError",
    "old_sign_in": "auth_time",
    "no_auth_time": "auth_time",
    "no_subject": "MissingClaimError",
    "other_key": "BadSignatureError",
    "no_signature": "UnsupportedAlgorithmError",
    "symmetric": "UnsupportedAlgorithmError",
    "no_id_token": "no_id_token",
}


def leave_for(web: Web, name: str = "agency", onward: str = "") -> str:
    """Start signing in; gives the provider's address."""
    answer = web.client.get(f"/sign-in/with/{name}" + (f"?next={onward}" if onward else ""))
    assert answer.status_code == 302
    return str(answer.location)


def come_back(web: Web, url: str) -> TestResponse:
    """Load the address the provider sent the browser to."""
    parts = urlsplit(url)
    return web.client.get(f"{parts.path}?{parts.query}")


def sign_in(web: Web, provider: Provider, name: str = "agency") -> TestResponse:
    """The whole way there and back."""
    return come_back(web, provider.visit(leave_for(web, name)))


def is_signed_in(web: Web) -> bool:
    """Whether somebody is signed in now."""
    return web.client.get("/posts").status_code == 200


@pytest.mark.parametrize("name", ["agency", "charity"])
def test_a_registered_person_signs_in(web: Web, provider: Provider, register: Register, name: str) -> None:
    """With a key and with a secret; the session names the post and no token."""
    answer = sign_in(web, provider, name)
    assert answer.status_code == 302
    assert is_signed_in(web)
    with web.gateway.store.reading() as unit:
        row = unit.session.exec(select(WebSession)).one()
    assert row.post_id == register.staff
    assert "ey" not in row.data
    assert "account-1" not in row.data


def test_the_request_asks_for_what_is_checked(web: Web, provider: Provider) -> None:
    """State, nonce, PKCE with S256, the age of the sign-in and the class of authentication."""
    asked = parse_qs(urlsplit(leave_for(web, "strict")).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["acr_values"] == ["two-factors"]
    assert asked["max_age"] == [str(signin.MAX_AGE_SECONDS)]
    assert asked["scope"] == ["openid"]
    assert all(asked[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_signs_nobody_in(
    web: Web, provider: Provider, register: Register, lie: str
) -> None:
    """Each lie is caught by its own check, shows the same page, signs nobody in, and is counted."""
    provider.tell(account="account-1", lie=lie)
    with capture_logs() as logs:
        found = checked(sign_in(web, provider), 401)
    assert [line["code"] for line in logs if line["event"] == "sign_in.refused"] == [LIES[lie]]
    assert found.h1 == "You are not signed in"
    assert not is_signed_in(web)
    with web.gateway.store.reading() as unit:
        assert len(unit.session.exec(select(SignInAttempt)).all()) == 1


def test_the_same_token_without_its_lie_signs_in(web: Web, provider: Provider, register: Register) -> None:
    """The control: what refuses the lies isn't that the tests signed the tokens again."""
    provider.tell(account="account-1", lie="honest")
    assert sign_in(web, provider).status_code == 302
    assert is_signed_in(web)


def test_the_class_of_authentication_is_checked(web: Web, provider: Provider, register: Register) -> None:
    """Where two factors are asked for, a password alone is refused and two factors are taken."""
    provider.tell(account="account-1", acr="two-factors", lie="weaker_class")
    assert sign_in(web, provider, "strict").status_code == 401
    provider.tell(account="account-1", acr="two-factors")
    assert sign_in(web, provider, "strict").status_code == 302
    assert is_signed_in(web)


@pytest.mark.parametrize("iss", ["http://127.0.0.1:1", None])
def test_an_answer_from_another_issuer_is_refused(
    web: Web, provider: Provider, register: Register, iss: str | None
) -> None:
    """RFC 9207: a code that another provider hands over, or that names none, is never sent anywhere."""
    back = provider.visit(leave_for(web))
    assert come_back(web, changed(back, iss=iss)).status_code == 401
    assert not is_signed_in(web)


def test_a_code_can_be_used_once_and_only_where_it_was_asked_for(
    web: Web, provider: Provider, register: Register
) -> None:
    """Neither a replay, nor another browser, nor another provider's answer address takes it."""
    back = provider.visit(leave_for(web))
    elsewhere = Web(web.app, web.gateway)
    assert come_back(elsewhere, back).status_code == 401
    assert come_back(web, back.replace("/agency/", "/strict/")).status_code == 401
    assert come_back(web, back).status_code == 302
    web.client.delete_cookie(COOKIE, domain="localhost")
    assert come_back(web, back).status_code == 401


def test_the_session_number_changes_at_sign_in(web: Web, provider: Provider, register: Register) -> None:
    """Fixation: the number from before is worth nothing afterwards."""
    url = leave_for(web)
    before = web.client.get_cookie(COOKIE)
    come_back(web, provider.visit(url))
    after = web.client.get_cookie(COOKIE)
    assert before is not None
    assert after is not None
    assert before.value != after.value
    with web.gateway.store.reading() as unit:
        assert len(unit.session.exec(select(WebSession)).all()) == 1


@pytest.mark.parametrize("account", ["account-unknown", "account-2"])
def test_an_unknown_identity_and_a_leaver_get_a_clear_page(
    web: Web, provider: Provider, register: Register, account: str
) -> None:
    """Proved by the agency, registered by nobody: no session, the next step, and it is counted."""
    provider.tell(account=account)
    found = checked(sign_in(web, provider), 403)
    assert found.h1 == "You have no post here"
    assert not is_signed_in(web)
    with web.gateway.store.reading() as unit:
        assert len(unit.session.exec(select(SignInAttempt)).all()) == 1


def test_somebody_with_two_posts_chooses_one(web: Web, provider: Provider, register: Register) -> None:
    """Nothing opens before the choice, and the chosen post is the actor."""
    with web.gateway.store.writing() as unit:
        second = Post(
            partnership_id=register.partnership_id,
            person_id=register.people["staff"],
            agency_id=register.agency_id,
            role="advocate",
            face="advocacy",
            orientation="victim_facing",
            starts_on=BEGUN,
        )
        unit.session.add(second)
    assert sign_in(web, provider).location == "/posts"
    found = web.page("/posts")
    assert found.h1 == "Which post are you acting in?"
    checked(web.client.post("/posts", data={"post": "x"}), 400)
    refused = web.submit(found, status=422)
    assert "Choose the post you are acting in" in refused.text
    after = web.client.post("/posts", data={**_token(refused), "post": second.id})
    assert after.status_code == 302
    with web.gateway.store.reading() as unit:
        assert unit.session.exec(select(WebSession)).one().post_id == second.id


def test_the_way_on_survives_the_way_through_the_provider(
    web: Web, provider: Provider, register: Register
) -> None:
    """Somebody who followed a link lands there."""
    back = provider.visit(leave_for(web, onward="/accessibility"))
    assert come_back(web, back).location == "/accessibility"


def test_ten_failures_close_the_door_for_a_quarter_of_an_hour(web: Web, clock: FixedClock) -> None:
    """Counted in the database, so in every worker; other addresses are not locked out."""
    with web.gateway.store.writing() as unit:
        for _ in range(attempts.ALLOWED):
            attempts.note_failure(unit, "127.0.0.1")
    answer = web.client.get("/sign-in/with/agency")
    assert checked(answer, 429).h1 == "Too many attempts"
    assert answer.headers["Retry-After"] == "900"
    other = web.client.get("/sign-in/with/agency", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 302
    clock.advance(timedelta(minutes=16))
    assert web.client.get("/sign-in/with/agency").status_code == 302


def test_no_address_is_kept_of_a_failure(web: Web) -> None:
    """The table holds a keyed token."""
    with web.gateway.store.writing() as unit:
        attempts.note_failure(unit, "192.0.2.7")
        row = unit.session.exec(select(SignInAttempt)).one()
    assert "192.0.2.7" not in row.model_dump_json()


def test_a_provider_that_says_it_is_another_is_refused(
    web: Web, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The issuer in the settings is the only one, whatever the discovery document says."""
    _, client = web.app.extensions["gateway_sign_ins"]["agency"]
    described = {**client.load_server_metadata(), "issuer": "https://evil.example"}
    monkeypatch.setattr(client, "load_server_metadata", lambda: described)
    assert web.client.get("/sign-in/with/agency").status_code == 401


def test_endpoints_without_encryption_are_refused(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token endpoint on plain http elsewhere would hand the code to whoever listens."""
    _, client = web.app.extensions["gateway_sign_ins"]["agency"]
    described = {**client.load_server_metadata(), "token_endpoint": "http://192.0.2.7/token"}
    monkeypatch.setattr(client, "load_server_metadata", lambda: described)
    assert web.client.get("/sign-in/with/agency").status_code == 401


def test_a_silent_provider_is_a_page_with_a_next_step(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, nothing broken, nothing counted against anybody."""
    _, client = web.app.extensions["gateway_sign_ins"]["agency"]
    client.server_metadata.clear()
    monkeypatch.setattr(client, "_server_metadata_url", "http://127.0.0.1:1/.well-known/openid-configuration")
    checked(web.client.get("/sign-in/with/agency"), 503)


def changed(url: str, **parameters: str | None) -> str:
    """An address with query parameters replaced, or removed where None."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    kept = {name: value for name, value in query.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _token(found: Page) -> dict[str, str]:
    return {"csrf_token": filled(found.forms()[0])["csrf_token"]}


def test_a_provider_opens_no_post_of_another_agency(web: Web, provider: Provider, register: Register) -> None:
    """The identity is registered and the token is whole, but the provider isn't the one of the post's agency."""
    with web.gateway.store.writing() as unit:
        row = unit.session.exec(select(IdentityProvider)).one()
        row.issuer = "https://another.invalid"
        unit.session.add(row)
    assert checked(sign_in(web, provider), 403).h1 == "You have no post here"
    assert not is_signed_in(web)
