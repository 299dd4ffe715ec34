"""Whatever is wrong in a body or an address, the answer names the field and the remedy, changes nothing, never breaks.

The bodies come from the description of the API, so that an operation added tomorrow is walked without a word here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from openapi_spec_validator import validate

from gateway.api import answering, operations
from gateway.cli.demo_stage import Stage
from gateway.disclosure import desk
from gateway.disclosure.asking import may_ask_with
from gateway.vocabulary import vocabulary
from tests.api.bodies import RAW, WRONG, Bad, Taking, bad_bodies, example, taking
from tests.api.client import System
from tests.api.conftest import connected
from tests.api.test_a_disclosure_goes_whole_between_systems import asking, enrol, released
from tests.conftest import Finds

NOTHING = "0" * 32
# What signing in keeps of every call; it says nothing of what was asked.
SIGNING_IN = {"api_token", "seen_proof"}
REFUSED_AS_READ = {400, 413, 415, 422}


@dataclass(frozen=True)
class Scene:
    """Systems that may do what each operation does, and real things to do it to."""

    acting: Mapping[str, System]
    ids: Mapping[str, str]
    known: Mapping[str, Any]

    def system(self, one: Taking) -> System:
        """Who calls an operation."""
        return self.acting.get(one.name, self.acting[""])

    def path(self, one: Taking) -> str:
        """An operation's address with ids of real things, where there are such."""
        path = one.path
        for name in ("request_id", "line_id", "parcel_id", "key_id", "opening_id"):
            path = path.replace(f"{{{name}}}", self.ids.get(f"{one.name}.{name}", NOTHING))
        assert "{" not in path, "an id this scene has no value for"
        return path

    def body(self, one: Taking) -> Any:
        """A right body of an operation."""
        made = example(one.schema, self.known)
        assert one.accepts(made), (one.name, made)
        return made


@pytest.fixture
def scene(quick_stage: Stage) -> Scene:
    """A request to answer, a line to release, a parcel to open, a key to prove."""
    stage = quick_stage
    probation, police = connected(stage, "probation-om"), connected(stage, "police-ppu")
    housing = connected(stage, "housing-officer")
    enrol(probation)
    parcel_id = released(probation, police)["parcel_id"]
    body = asking(probation, police)
    asked = [
        probation.post("/requests", body, once=f"scene-000{number}", expect=202)["request_id"]
        for number in range(2)
    ]
    stage.by("police-ppu", lambda unit, actor: desk.need_more(unit, actor, asked[1], "Which day?"))
    lines = [police.get(f"/requests/{one}")["lines"][0]["line_id"] for one in asked]
    pair = [probation.key.as_dict(private=False), probation.proof_key.as_dict(private=False)]
    public = [{name: one[name] for name in ("kty", "crv", "x", "y")} for one in pair]
    key_id = housing.post("/keys", {"keys": public}, expect=201)["challenges"][0]["key_id"]
    outside = {
        "agency_type": "school",
        "role": "head teacher",
        "described": "The head of the school",
        "delivering_post_id": body["recipients"][0]["post_id"],
    }
    declared = next(code for code in vocabulary().terms("circumstance") if may_ask_with(code))
    return Scene(
        {
            "": probation,
            "question_request": police,
            "decline_line": police,
            "release_line": police,
            "prove_key": housing,
        },
        {
            "answer_request.request_id": asked[1],
            "amend_request.request_id": asked[0],
            "question_request.request_id": asked[0],
            "decline_line.line_id": lines[0],
            "release_line.line_id": lines[0],
            "open_parcel.parcel_id": parcel_id,
            "ask_onward.parcel_id": parcel_id,
            "prove_key.key_id": key_id,
        },
        body
        | {
            "case_reference": None,
            "person": None,
            "recipients": [*body["recipients"], outside],
            "declarations": {declared: "He was seen there twice."},
            "needed_by": "2026-12-01",
            "reason_code": "confidence",
            "fact_or_opinion": "fact",
            "filename": None,
            "data_base64": None,
            "accepts": ["no_onward"],
            "keys": public,
        },
    )


@contextmanager
def writes(stage: Stage) -> Iterator[set[str]]:
    """Notes which tables a block wrote to in a transaction that was kept."""
    engine, kept, open_now = stage.gateway.store.engine, set(), set()

    def statement(_c: Any, _k: Any, text: str, *_: Any) -> None:
        words = text.split(maxsplit=3)
        if words[0].upper() in {"INSERT", "UPDATE", "DELETE"}:
            open_now.add(words[1 if words[0].upper() == "UPDATE" else 2].strip('"'))

    def committed(_connection: Any) -> None:
        kept.update(open_now)
        open_now.clear()

    def rolled_back(_connection: Any) -> None:
        open_now.clear()

    listeners = (
        ("before_cursor_execute", statement),
        ("commit", committed),
        ("rollback", rolled_back),
    )
    for name, heard in listeners:
        sa.event.listen(engine, name, heard)
    try:
        yield kept
    finally:
        for name, heard in listeners:
            sa.event.remove(engine, name, heard)


def send(scene: Scene, one: Taking, sent: str | bytes, kind: str = "application/json") -> tuple[int, Any]:
    """Send a body; gives the status and the problem, having checked what every refusal must be."""
    system = scene.system(one)
    with writes(system.stage) as written:
        answer = system.call(
            one.method,
            scene.path(one),
            data=sent,
            content_type=kind,
            headers={"Idempotency-Key": "walk-00000001"},
        )
    told = f"{one.name} sent {sent[:120]!r}: {answer.status_code}"
    assert answer.status_code < 500, told
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json", told
        problem = answer.get_json()
        assert problem["status"] == answer.status_code, told
        assert problem["next_step"], told
        assert all(field["field"] and field["message"] for field in problem.get("fields", [])), told
        if answer.status_code in REFUSED_AS_READ:
            assert not written - SIGNING_IN, f"{told} wrote {written}"
        return answer.status_code, problem
    return answer.status_code, None


def check(scene: Scene, one: Taking, bad: Bad) -> None:
    """A body that its description refuses is refused, and the field is named with what to send instead."""
    status, problem = send(scene, one, bad.sent)
    if not bad.shown:
        return
    told = f"{one.name}: {bad.field or 'body'} with {bad.what}: {status} {problem}"
    assert status == 422, told
    named = [field["field"] for field in problem["fields"]]
    assert any(_meets(name, bad.field) for name in named), told


def _meets(named: str, field: str) -> bool:
    """Whether a problem names this field, one inside it, or the one it stands in."""
    if named == "body" or not field:
        return True
    longer, shorter = sorted((named, field), key=len, reverse=True)
    return longer == shorter or longer.startswith(f"{shorter}.")


def walk(scene: Scene, step: int = 1) -> int:
    """Send everything wrong to every operation, or each `step`th of it; gives how many bodies were sent."""
    sent = 0
    for one in taking():
        for number, bad in enumerate(bad_bodies(one, scene.body(one))):
            if number % step == 0:
                check(scene, one, bad)
                sent += 1
    return sent


def test_every_operation_refuses_what_is_wrong_in_its_body(scene: Scene) -> None:
    assert walk(scene, step=6) > 200


@pytest.mark.assure
def test_every_operation_refuses_everything_that_can_be_wrong(scene: Scene, finds: Finds) -> None:
    sent = walk(scene)
    assert sent > 1300
    finds(f"{sent} wrong bodies for the API's operations: every one refused, with the field")


def test_no_operation_reads_what_is_not_json(scene: Scene) -> None:
    for one in taking():
        for what, raw in RAW.items():
            optional = what == "an empty object" and one.accepts({})
            status, problem = send(scene, one, raw)
            assert optional or status == 422, (one.name, what)
            assert optional or problem["fields"], (one.name, what)
        right = "{}"
        for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/xml"):
            status, problem = send(scene, one, right, kind)
            assert status == 422, (one.name, kind)
            assert problem["fields"][0]["field"] == "Content-Type"


def test_too_much_is_refused_before_it_is_read(scene: Scene) -> None:
    for one in taking():
        status, _ = send(scene, one, b'{"a": "' + b"x" * (answering.LARGEST_RELEASE + 10_000) + b'"}')
        assert status == 413, one.name


def test_what_no_list_knows_is_named_too(scene: Scene) -> None:
    """What the description allows and the vocabulary or the register doesn't."""
    [one] = [one for one in taking() if one.name == "make_request"]
    body = scene.body(one)
    wrong = {
        "categories": ["no_such_term"],
        "purpose": "no_such_term",
        "holder_agency_id": "f" * 32,
        "recipients": [{"post_id": "f" * 32}],
        "declarations": {"no_such_term": "Because."},
        "needed_by": "2001-01-01",
    }
    for name, value in wrong.items():
        status, problem = send(scene, one, Bad((name,), "", body | {name: value}, False).sent)
        assert status == 422, name
        assert [field["field"] for field in problem["fields"]] == [name]


def test_the_walk_knows_every_operation_and_every_kind_of_mistake(scene: Scene) -> None:
    found = taking()
    assert {one.name for one in found} >= {"token", "make_request", "ask_onward", "prove_key"}
    for one in found:
        kinds = {bad.what for bad in bad_bodies(one, scene.body(one))}
        assert kinds >= {*WRONG, "an unknown name"} - {"too deep"}, one.name


def test_the_walk_notices_an_operation_that_breaks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.operations._check_texts", lambda *_: None)
    with pytest.raises(AssertionError):
        walk(scene)


def test_the_walk_notices_a_field_that_is_not_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.operations._mistakes", lambda _: [("other", "Wrong.")])
    with pytest.raises(AssertionError, match="with"):
        walk(scene)


def test_the_walk_notices_what_is_kept_of_a_refused_body(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = operations.read_body

    def keeps_first(model: Any) -> Any:
        with scene.acting[""].stage.gateway.store.writing() as unit:
            unit.session.execute(sa.text("UPDATE request SET urgent = urgent"))
        return real(model)

    monkeypatch.setattr("gateway.api.operations.read_body", keeps_first)
    with pytest.raises(AssertionError, match="wrote"):
        walk(scene)


def test_an_address_is_read_strictly(scene: Scene) -> None:
    for query in ("tab=nothing", "tab=", "tab=waiting&tab=waiting", "page=1", "tab=%00"):
        answer = scene.acting[""].call("GET", f"/requests?{query}")
        assert answer.status_code == 422, query
        assert answer.get_json()["fields"]


def test_the_description_is_valid_and_says_every_route(scene: Scene) -> None:
    app = scene.acting[""].app
    described = app.test_client().get("/api/v1/openapi.json", base_url="http://127.0.0.1:8000").get_json()
    validate(described)
    said = {(method.upper(), path) for path, one in described["paths"].items() for method in one}
    there = {
        (method, rule.rule.removeprefix("/api/v1").replace("<id:", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert said == there


def test_a_post_needs_nobody_who_delivers_and_a_stray_one_breaks_nothing(
    quick_stage: Stage,
) -> None:
    """Whoever is named by post receives it herself; what is said of somebody outside counts for nobody."""
    probation, police = connected(quick_stage, "probation-om"), connected(quick_stage, "police-ppu")
    body = asking(probation, police)
    body["recipients"][0] |= {"delivering_post_id": "0" * 32, "described": "A neighbour", "role": "none"}
    asked = probation.post("/requests", body, once="stray-000001", expect=202)
    kept = probation.get(f"/requests/{asked['request_id']}")["asked"]["recipients"][0]
    assert kept["post_id"] == body["recipients"][0]["post_id"]
    assert kept["delivering_post_id"] is None
