"""Two systems, one disclosure: asked, released, opened, read with other people's software, passed on."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from jwcrypto import jwe as foreign
from jwcrypto import jwk as foreign_keys
from sqlmodel import func, select

from gateway.api import clients
from gateway.cli.demo_stage import Stage
from gateway.disclosure import keyring
from gateway.disclosure.models import Request
from gateway.errors import NotConfirmed
from gateway.ledger import append
from gateway.sealing.envelope import unpack
from tests.api.client import System
from tests.api.conftest import APPROVER, connected

SECRET = "Two convictions in 2019, both at his sister's house."


def asking(probation: System, police: System, **changed: Any) -> dict[str, Any]:
    """The body of a request by probation to police, from what the API itself says."""
    case = next(one for one in probation.get("/cases")["cases"] if one["reference"] == "M2-0417")
    stage = probation.stage
    made = {
        "case_id": case["case_id"],
        "subject_ids": [one["subject_id"] for one in case["subjects"] if one["role"] == "perpetrator"],
        "holder_agency_id": stage.do(lambda unit: stage.agency_id(unit, "police")),
        "categories": ["convictions"],
        "purpose": "public_protection",
        "basis": {
            "powers": ["cja2003_s325"],
            "dp_regime": "part3",
            "dp_condition": "s35_sch8_para4_safeguarding",
            "confidence_basis": "law",
        },
        "why": "For the plan of Thursday.",
        "recipients": [{"post_id": stage.do(lambda unit: stage.post_id(unit, "probation-om"))}],
    }
    return made | changed


def enrol(system: System, approver: str = "office-ig") -> dict[str, foreign_keys.JWK]:
    """Register a pair of keys made by other software, prove them, have them approved; gives them by id."""
    pair = [foreign_keys.JWK.generate(kty="EC", crv="P-256") for _ in range(2)]
    publics = [json.loads(key.export_public()) for key in pair]
    wanted = [{name: one[name] for name in ("kty", "crv", "x", "y")} for one in publics]
    challenges = system.post("/keys", {"keys": wanted}, expect=201)["challenges"]
    for key, challenge in zip(pair, challenges, strict=True):
        said = opened(challenge["jwe"], key)
        system.post(f"/keys/{challenge['key_id']}/proof", {"answer": said.decode()}, expect=204)
        _approve(system, approver, challenge["key_id"])
    return {key.thumbprint(): key for key in pair}


def _approve(system: System, approver: str, key_id: str) -> None:
    system.stage.by(approver, lambda unit, actor: keyring.approve(unit, actor, key_id))


def opened(sealed: str, key: foreign_keys.JWK) -> bytes:
    """What a compact JWE holds, read with jwcrypto."""
    token = foreign.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    token.deserialize(sealed, key=key)
    plain: bytes = token.payload
    return plain


RELEASE = {
    "text": SECRET,
    "data_as_of": "2026-11-19",
    "verified": True,
    "fact_or_opinion": "fact",
    "action": "Plan of Thursday; offender manager",
}


def released(probation: System, police: System, once: str = "key-00000001") -> dict[str, Any]:
    asked = probation.post("/requests", asking(probation, police), once=once, expect=202)
    assert asked["decided"]
    waiting = police.get("/inbox?tab=to_release")["requests"]
    assert asked["request_id"] in {one["request_id"] for one in waiting}
    line = police.get(f"/requests/{asked['request_id']}")["lines"][0]
    assert line["outcome"] == "permit"
    found: dict[str, Any] = police.post(f"/lines/{line['line_id']}/release", RELEASE, expect=201)
    return found


def test_a_disclosure_goes_whole_between_systems(stage: Stage) -> None:
    probation, police = connected(stage, "probation-om"), connected(stage, "police-ppu")
    keys = enrol(probation)
    parcel_id = released(probation, police)["parcel_id"]

    summary = probation.get("/parcels")["parcels"][0]
    assert (summary["parcel_id"], summary["opened"]) == (parcel_id, 0)
    conditions = probation.get(f"/parcels/{parcel_id}")
    opening = probation.post(
        f"/parcels/{parcel_id}/openings", {"accepts": conditions["undertakings"]}, expect=201
    )
    got = probation.get(f"/openings/{opening['opening_id']}")
    assert SECRET in _texts(opened(got["jwe"], keys[conditions["kid"]]))
    assert len(got["proofs"]) == 2
    assert all(one.startswith("c2sp.org/tlog-proof@v1") for one in got["proofs"])
    size = re.search(r"\n(\d+)\n", got["proofs"][0].split("\n\n", 2)[1] + "\n")
    assert size is None or int(size[1]) > 0
    again = probation.get(f"/openings/{opening['opening_id']}?seen_size=3")
    assert again["consistency"]
    assert probation.get("/requests?tab=decided")["requests"][0]["state"] == "closed"


def _texts(plain: bytes) -> str:
    return "".join(item.data.decode() for item in unpack(plain).items)


def test_what_was_received_goes_onward_through_the_same_door(quick_stage: Stage) -> None:
    probation, police = connected(quick_stage, "probation-om"), connected(quick_stage, "police-ppu")
    enrol(probation)
    parcel_id = released(probation, police)["parcel_id"]
    body = asking(probation, police)
    onward = {name: body[name] for name in ("purpose", "basis", "why", "recipients")}
    path = f"/parcels/{parcel_id}/onward"
    probation.post(path, onward, once="onward-0001", expect=409)
    owed = probation.get(f"/parcels/{parcel_id}")["undertakings"]
    probation.post(f"/parcels/{parcel_id}/openings", {"accepts": owed}, expect=201)
    wider = probation.post(path, onward | {"purpose": "offender_management"}, once="onward-0002", expect=422)
    assert wider["fields"][0]["field"] == "purpose"
    asked = probation.post(path, onward, once="onward-0003", expect=202)
    assert asked["decided"]
    assert probation.post(path, onward, once="onward-0003", expect=202) == asked


def test_one_key_makes_one_request(stage: Stage) -> None:
    probation, police = connected(stage, "probation-om"), connected(stage, "police-ppu")
    body = asking(probation, police)
    first = probation.post("/requests", body, once="key-00000001", expect=202)
    assert probation.post("/requests", body, once="key-00000001", expect=202) == first
    other = probation.post("/requests", body | {"why": "Another."}, once="key-00000001", expect=409)
    assert other["next_step"]
    assert probation.post("/requests", body, once="key-00000002", expect=202) != first
    missing = probation.post("/requests", body, expect=422)
    assert missing["fields"][0]["field"] == "Idempotency-Key"


def test_what_was_not_confirmed_may_be_sent_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    probation, police = connected(stage, "probation-om"), connected(stage, "police-ppu")
    body = asking(probation, police)
    probation.sign_in()
    with monkeypatch.context() as planted:

        def fails(*_: object) -> None:
            raise NotConfirmed

        planted.setattr(append, "_statements", fails)
        problem = probation.post("/requests", body, once="key-00000001", expect=503)
        assert problem["code"] == "not_confirmed"
    probation.post("/requests", body, once="key-00000001", expect=202)
    assert stage.do(lambda unit: unit.session.exec(select(func.count()).select_from(Request)).one()) == 1


def test_other_peoples_things_and_things_that_are_not_there_are_one_answer(quick_stage: Stage) -> None:
    probation, police = connected(quick_stage, "probation-om"), connected(quick_stage, "police-ppu")
    housing = connected(quick_stage, "housing-officer")
    made = released(probation, police)
    request_id = probation.get("/requests?tab=decided")["requests"][0]["request_id"]
    nothing = "0" * 32
    for foreign_path, missing_path in (
        (f"/requests/{request_id}", f"/requests/{nothing}"),
        (f"/parcels/{made['parcel_id']}", f"/parcels/{nothing}"),
    ):
        answers = [housing.call("GET", path) for path in (foreign_path, missing_path)]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].data == answers[1].data


def test_someone_not_on_the_case_gets_one_answer_whatever_is_true(quick_stage: Stage) -> None:
    """A person who is known and one who isn't: the same body but for the random ids (DESIGN 3.8)."""
    probation, police = connected(quick_stage, "probation-om"), connected(quick_stage, "police-ppu")
    outside = connected(quick_stage, "social-worker")
    body = asking(probation, police, case_id=None, subject_ids=[])
    answers = []
    for number, person in enumerate(("Robin Invented, 4 March 1985", "Nobody at all")):
        sent = body | {"case_reference": "M2-0417", "person": person}
        answers.append(outside.post("/requests", sent, once=f"key-0000000{number}", expect=202))
    assert [one["decided"] for one in answers] == [False, False]
    assert {tuple(sorted(one)) for one in answers} == {("decided", "reference", "request_id")}


def test_a_client_that_ends_between_asking_and_opening_gets_nothing(quick_stage: Stage) -> None:
    probation, police = connected(quick_stage, "probation-om"), connected(quick_stage, "police-ppu")
    parcel_id = released(probation, police)["parcel_id"]
    quick_stage.by(APPROVER, lambda unit, actor: clients.end(unit, actor, probation.client_id))
    assert probation.call("POST", f"/parcels/{parcel_id}/openings", json={}).status_code == 401


def test_a_file_larger_than_a_form_is_released(quick_stage: Stage) -> None:
    probation, police = connected(quick_stage, "probation-om"), connected(quick_stage, "police-ppu")
    asked = probation.post("/requests", asking(probation, police), once="key-00000001", expect=202)
    line = police.get(f"/requests/{asked['request_id']}")["lines"][0]["line_id"]
    text = ("One line of an old file.\n" * 20_000).encode()
    body = RELEASE | {"text": None, "filename": "file.txt", "data_base64": base64.b64encode(text).decode()}
    police.post(f"/lines/{line}/release", body, expect=201)
