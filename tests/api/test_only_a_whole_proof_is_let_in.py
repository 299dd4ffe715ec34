"""A system is let in by its own key, for five minutes, with a new proof each time; anything less is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from sqlmodel import select

from gateway.api import clients
from gateway.cli.demo_stage import Stage
from gateway.errors import Forbidden, Invalid, NotFound
from gateway.ledger.models import LedgerRecord
from gateway.registry import people
from tests.api.client import BASE, PREFIX, System, signed_with_the_public_key, thumb, unsigned
from tests.api.conftest import APPROVER, AUTHOR, connected

TOKEN_URL = f"{BASE}{PREFIX}/token"
PARCELS_URL = f"{BASE}{PREFIX}/parcels"


def refused(answer: Any, name: str = "") -> None:
    assert answer.status_code == 401, (name, answer.data)
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")
    assert answer.get_json()["next_step"]


def test_a_registered_and_approved_system_is_let_in(stage: Stage) -> None:
    system = connected(stage, "police-ppu")
    assert system.sign_in().get_json()["token_type"] == "DPoP"
    assert system.get("/parcels")["parcels"] == []


WRONG_ASSERTIONS: dict[str, Callable[[System], str]] = {
    "alg none": lambda one: unsigned(one.claims()),
    "HMAC with the public key": lambda one: signed_with_the_public_key(one.claims(), one.key),
    "another key": lambda one: one.assertion(ECKey.generate_key("P-256")),
    "another audience": lambda one: one.assertion(aud="https://other.example/token"),
    "audiences": lambda one: one.assertion(aud=[TOKEN_URL, "https://other.example"]),
    "another issuer": lambda one: one.assertion(iss="0" * 32),
    "no issuer": lambda one: one.assertion(iss=None),
    "an unknown client": lambda one: one.assertion(sub="0" * 32),
    "a subject that is no id": lambda one: one.assertion(sub="a\x00b"),
    "half a character": lambda one: one.assertion(sub="\ud800"),
    "no subject": lambda one: one.assertion(sub=None),
    "expired": lambda one: one.assertion(exp=one.now - 1),
    "too long": lambda one: one.assertion(exp=one.now + 301),
    "no end": lambda one: one.assertion(exp=None),
    "an end as text": lambda one: one.assertion(exp=str(one.now + 60)),
    "an end without end": lambda one: one.assertion(exp=10**400),
    "true for an end": lambda one: one.assertion(exp=True),
    "no jti": lambda one: one.assertion(jti=None),
    "a jti that is too short": lambda one: one.assertion(jti="1"),
    "half a character in jti": lambda one: one.assertion(jti="12345678\ud800"),
    "not a token": lambda one: "nothing",
    "three empty parts": lambda one: "..",
    "nested without end": lambda one: unsigned({"a": "b"}).replace(".", "." + "W1tb" * 1000, 1),
}


def test_a_wrong_assertion_buys_nothing(police: System) -> None:
    for name, wrong in WRONG_ASSERTIONS.items():
        refused(police.sign_in(assertion=wrong(police)), name)
    assert police.sign_in().status_code == 200


WRONG_PROOFS: dict[str, Callable[[System, str, str], str]] = {
    "none": lambda one, method, url: " ",
    "another method": lambda one, method, url: one.proof("DELETE", url, ath=thumb(one.token)),
    "another address": lambda one, method, url: one.proof(method, f"{url}x", ath=thumb(one.token)),
    "another host": lambda one, method, url: one.proof(
        method, url.replace("127.0.0.1", "evil.example"), ath=thumb(one.token)
    ),
    "made too early": lambda one, method, url: one.proof(method, url, ath=thumb(one.token), iat=one.now - 61),
    "made in the future": lambda one, method, url: one.proof(
        method, url, ath=thumb(one.token), iat=one.now + 61
    ),
    "made at no time": lambda one, method, url: one.proof(method, url, ath=thumb(one.token), iat=None),
    "made at a fraction": lambda one, method, url: one.proof(
        method, url, ath=thumb(one.token), iat=one.now + 0.5
    ),
    "made beyond time": lambda one, method, url: one.proof(method, url, ath=thumb(one.token), iat=10**400),
    "no jti": lambda one, method, url: one.proof(method, url, ath=thumb(one.token), jti=None),
    "half a character": lambda one, method, url: one.proof(
        method, url, ath=thumb(one.token), jti="12345678\ud800"
    ),
}
WRONG_BOUND_PROOFS: dict[str, Callable[[System, str, str], str]] = {
    "another key": lambda one, method, url: one.proof(
        method, url, ath=thumb(one.token), key=ECKey.generate_key("P-256")
    ),
    "no token named": lambda one, method, url: one.proof(method, url),
    "another token named": lambda one, method, url: one.proof(method, url, ath=thumb("other")),
}


def test_a_wrong_proof_buys_nothing(police: System) -> None:
    for name, wrong in WRONG_PROOFS.items():
        refused(police.sign_in(proof=wrong(police, "POST", TOKEN_URL)), name)


def test_a_wrong_proof_opens_nothing(police: System) -> None:
    police.sign_in()
    for name, wrong in (WRONG_PROOFS | WRONG_BOUND_PROOFS).items():
        proof = wrong(police, "GET", PARCELS_URL)
        refused(police.call("GET", "/parcels", headers={"DPoP": proof}), name)
    police.get("/parcels")


def test_a_proof_that_carries_its_private_key_is_refused(police: System) -> None:
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": police.proof_key.as_dict(private=True)}
    proof = jws.serialize_compact(header, "{}", police.proof_key, algorithms=["ES256"])
    refused(police.sign_in(proof=proof))


def test_an_assertion_is_no_proof(police: System) -> None:
    """The type in the header keeps one kind of signed token from passing as the other."""
    header = {"alg": "ES256", "typ": "JWT", "jwk": police.proof_key.as_dict(private=False)}
    body = police.proof("POST", TOKEN_URL).split(".")[1]
    payload = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    refused(
        police.sign_in(proof=jws.serialize_compact(header, payload, police.proof_key, algorithms=["ES256"]))
    )


def test_what_was_used_is_never_taken_twice(stage: Stage) -> None:
    system = connected(stage, "police-ppu")
    assertion, proof = system.assertion(), system.proof("POST", TOKEN_URL)
    assert system.sign_in(assertion=assertion, proof=proof).status_code == 200
    refused(system.sign_in(assertion=assertion))
    refused(system.sign_in(proof=proof))
    use = system.proof("GET", PARCELS_URL, ath=thumb(system.token))
    assert system.call("GET", "/parcels", headers={"DPoP": use}).status_code == 200
    refused(system.call("GET", "/parcels", headers={"DPoP": use}))


def test_a_token_without_its_proof_is_worth_nothing(police: System) -> None:
    police.sign_in()
    for scheme in ("Bearer", "Basic", ""):
        refused(police.call("GET", "/parcels", headers={"Authorization": f"{scheme} {police.token}"}))
    refused(police.call("GET", "/parcels", headers={"Authorization": "DPoP made-up"}))
    refused(police.call("GET", f"/parcels?access_token={police.token}", headers={"Authorization": ""}))


def test_a_token_lasts_five_minutes(police: System) -> None:
    police.sign_in()
    police.stage.clock.advance(timedelta(minutes=5))
    refused(police.call("GET", "/parcels"))


def test_an_unapproved_system_is_not_let_in(quick_stage: Stage) -> None:
    refused(connected(quick_stage, "police-ppu", approve=False).sign_in())


def test_an_ended_system_is_cut_at_once_with_its_tokens(police: System) -> None:
    police.sign_in()
    police.stage.by(AUTHOR, lambda unit, actor: clients.end(unit, actor, police.client_id))
    refused(police.call("GET", "/parcels"))
    refused(police.sign_in())


def test_a_leavers_system_is_cut_at_once(police: System) -> None:
    police.sign_in()
    police.stage.do(
        lambda unit: people.end_post_as_operator(unit, "meadowshire", "police-ppu", "She left the force.")
    )
    refused(police.call("GET", "/parcels"))


def test_nobody_approves_her_own_system(quick_stage: Stage) -> None:
    system = connected(quick_stage, "police-ppu", approve=False)
    with pytest.raises(Forbidden):
        quick_stage.by(AUTHOR, lambda unit, actor: clients.approve(unit, actor, system.client_id))


def test_an_officer_of_another_agency_sees_no_system(quick_stage: Stage) -> None:
    system = connected(quick_stage, "police-ppu", approve=False)
    with pytest.raises(NotFound):
        quick_stage.by("probation-ig", lambda unit, actor: clients.approve(unit, actor, system.client_id))
    with pytest.raises(NotFound):
        quick_stage.by("probation-ig", lambda unit, actor: clients.end(unit, actor, system.client_id))
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: clients.end(unit, actor, system.client_id))


BAD_KEYS: dict[str, Callable[[], Any]] = {
    "private": lambda: ECKey.generate_key("P-256").as_dict(private=True),
    "another curve": lambda: ECKey.generate_key("P-384").as_dict(private=False),
    "not on the curve": lambda: (
        ECKey.generate_key("P-256").as_dict(private=False)
        | {"x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
    ),
    "without y": lambda: {"kty": "EC", "crv": "P-256", "x": "AA"},
    "nothing": dict,
}


def test_a_key_that_cannot_be_used_is_not_registered(quick_stage: Stage) -> None:
    for make in BAD_KEYS.values():
        with pytest.raises(Invalid) as refusal:
            _register(quick_stage, make())
        assert "jwk" in refusal.value.fields


def _register(stage: Stage, jwk: dict[str, Any]) -> str:
    return stage.by(
        AUTHOR,
        lambda unit, actor: clients.register(
            unit, actor, post_id=stage.post_id(unit, "police-ppu"), name="X", jwk=jwk
        ),
    )


@pytest.mark.parametrize("post", ["police-ig", "lantern-advocate"])
def test_a_system_acts_in_a_post_of_staff_only(quick_stage: Stage, post: str) -> None:
    with pytest.raises(Invalid):
        connected(quick_stage, post)


def test_registering_and_ending_are_entries(police: System) -> None:
    def systems(unit: Any) -> int:
        kinds = unit.session.exec(select(LedgerRecord.kind)).all()
        return sum(kind == "agency.changed" for kind in kinds)

    before = police.stage.do(systems)
    police.stage.by(APPROVER, lambda unit, actor: clients.end(unit, actor, police.client_id))
    assert police.stage.do(systems) == before + 1
