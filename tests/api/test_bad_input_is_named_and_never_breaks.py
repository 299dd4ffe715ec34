"""Whatever is wrong in a body or an address, the answer names the field and the remedy, and never breaks."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from gateway.cli.demo_stage import Stage
from tests.api.client import System
from tests.api.conftest import connected
from tests.api.test_a_disclosure_goes_whole_between_systems import RELEASE, asking

NOTHING = "0" * 32
WRONG: list[Any] = [
    None,
    True,
    10**400,
    -1,
    0.5,
    "",
    "a\x00b",
    "\ud800",
    "x" * 30_000,
    [],
    {},
    [[]],
    {"a": 1},
    [None],
]
RAW = [
    '{"why": NaN}',
    '{"why": 1e999}',
    '{"a": 1, "a": 2}',
    "[" * 90_000,
    "",
    "nul",
    "[]",
    '"text"',
    "\xff",
    "{}",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a body."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from places(one, (*path, name))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(body)
    at = made
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return made


def sound(system: System, path: str, data: str) -> int:
    answer = system.call(
        "POST", path, data=data, content_type="application/json", headers={"Idempotency-Key": "key-00000001"}
    )
    assert answer.status_code < 500, (path, data[:200])
    if answer.status_code == 422:
        problem = answer.get_json()
        assert problem["next_step"]
        assert all(one["field"] and one["message"] for one in problem.get("fields", []))
    return answer.status_code


@pytest.fixture
def probation(quick_stage: Stage) -> System:
    return connected(quick_stage, "probation-om")


def test_every_field_of_every_body_may_be_wrong(probation: System, police: System) -> None:
    bodies: dict[str, Any] = {
        "/requests": asking(probation, police),
        f"/lines/{NOTHING}/release": RELEASE,
        f"/lines/{NOTHING}/authorisation": {"grants": True, "reasons": "It is ours."},
        f"/lines/{NOTHING}/declination": {"reason_code": "not_held", "words": "No."},
        f"/parcels/{NOTHING}/openings": {"accepts": ["no_onward"]},
        "/keys": {"keys": [{"kty": "EC"}, {"kty": "EC"}]},
    }
    for path, body in bodies.items():
        for number, place in enumerate(places(body)):
            for wrong in WRONG[number % 3 :: 3]:
                sound(probation, path, json.dumps(changed(body, place, wrong)))
        assert sound(probation, path, json.dumps(body | {"extra": 1})) == 422
    for raw in RAW:
        assert sound(probation, "/requests", raw) == 422


def test_the_field_is_named(probation: System, police: System) -> None:
    body = asking(probation, police)
    for place, wrong in ((("basis", "powers"), "x"), (("why",), ""), (("recipients", 0, "post_id"), "me")):
        answer = probation.post("/requests", changed(body, place, wrong), once="key-00000001", expect=422)
        assert ".".join(map(str, place)) in {one["field"] for one in answer["fields"]}


def test_an_address_is_read_strictly(probation: System) -> None:
    for query in ("tab=nothing", "tab=", "tab=waiting&tab=waiting", "page=1", "tab=%00"):
        answer = probation.call("GET", f"/requests?{query}")
        assert answer.status_code == 422, query
        assert answer.get_json()["fields"]


def test_the_description_is_valid_and_says_every_route(probation: System) -> None:
    described = (
        probation.app.test_client().get("/api/v1/openapi.json", base_url="http://127.0.0.1:8000").get_json()
    )
    validate(described)
    said = {(method.upper(), path) for path, one in described["paths"].items() for method in one}
    there = {
        (method, rule.rule.removeprefix("/api/v1").replace("<id:", "{").replace(">", "}"))
        for rule in probation.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert said == there
