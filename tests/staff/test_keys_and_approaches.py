"""Setting up keys, ending one, and recording what went round the gateway."""

from __future__ import annotations

import re

import pytest
from joserfc.jwk import ECKey

from tests.staff.conftest import Place
from tests.staff.steps import script
from tests.staff.world import World, opened
from tests.web.pages import Page, Web

MAKE = "/staff/keys/make"
FINGERPRINT = re.compile(r"\b[0-9]{5}(?: [0-9]{5}){5}\b")
HAPPENED = {
    "kind": "spoken",
    "happened_on-day": "20",
    "happened_on-month": "11",
    "happened_on-year": "2026",
    "happened_time": "14:30",
    "told": "yes",
    "categories": ["identity"],
    "words": "The name was said in the corridor.",
}


def set_up_keys(web: Web) -> None:
    """Enrol and prove two keys of whoever is signed in, as the page does."""
    keys = [ECKey.generate_key("P-256") for _ in range(2)]
    public = [{name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")} for key in keys]
    enrolled = script(web, MAKE, "/staff/keys/enrol", {"keys": public})
    assert enrolled.status_code == 200, enrolled.text
    challenges = enrolled.get_json()["challenges"]
    answers = [
        {"key_id": one["key_id"], "answer": opened(one["jwe"], key).decode()}
        for one, key in zip(challenges, keys, strict=True)
    ]
    assert script(web, MAKE, "/staff/keys/prove", {"answers": answers}).status_code == 200


def new_keys(web: Web) -> list[str]:
    """Set up two keys; gives the fingerprints that their holder reads out."""
    before = FINGERPRINT.findall(web.page("/staff/keys").text)
    set_up_keys(web)
    return [one for one in FINGERPRINT.findall(web.page("/staff/keys").text) if one not in before]


def test_two_keys_are_enrolled_proved_listed_and_withdrawn(web: Web, world: World) -> None:
    web.sign_in(world.authoriser)
    set_up_keys(web)
    listed = web.page("/staff/keys")
    assert listed.text.count("Waits for approval") == 2
    withdraw = next(href for href in listed.links().values() if href.endswith("/withdraw"))
    assert "The key was withdrawn." in web.submit(web.page(withdraw), {"because": "mistake"}).text


def test_the_officer_compares_the_fingerprints_that_the_holder_reads_out(web: Web, world: World) -> None:
    web.sign_in(world.second)
    set_up_keys(web)
    read_out = set(FINGERPRINT.findall(web.page("/staff/keys").text))
    assert len(read_out) == 2
    web.sign_in(world.officers[world.meadow.police])
    listed = web.page("/governance/keys")
    assert read_out <= set(FINGERPRINT.findall(listed.text))
    for fingerprint in read_out:
        asked = web.page(_way(listed, fingerprint))
        assert FINGERPRINT.findall(asked.text) == [fingerprint]
        assert "The key is in use." in web.submit(asked).text


def test_an_officer_turns_down_a_key_that_is_not_its_holders(web: Web, world: World) -> None:
    web.sign_in(world.second)
    first, second = new_keys(web)
    police = world.officers[world.meadow.police]
    web.sign_in(police)
    url = _way(web.page("/governance/keys"), first, "Turn down")
    web.sign_in(world.officers[world.meadow.probation])
    web.page(url, status=404)
    web.sign_in(police)
    assert web.submit(web.page(url), status=422).h1 == "Turn this key down?"
    turned_down = web.submit(web.page(url), {"because": "mistake"})
    assert "The key was turned down." in turned_down.text
    assert FINGERPRINT.findall(turned_down.text).count(first) == 0
    assert second in turned_down.text
    web.page(url, status=404)


def test_an_officer_ends_a_key_of_her_agency_at_once(web: Web, world: World) -> None:
    web.sign_in(world.second)
    first, _ = new_keys(web)
    web.sign_in(world.officers[world.meadow.police])
    assert "The key is in use." in web.submit(web.page(_way(web.page("/governance/keys"), first))).text
    url = _way(web.page("/governance/keys"), first, "End it")
    asked = web.page(url)
    assert asked.h1 == "End this key?"
    assert "The key has ended." in web.submit(asked, {"because": "stolen"}).text
    assert first not in web.page("/governance/keys").text
    web.sign_in(world.second)
    assert "Withdrawn" in web.page("/staff/keys").text


def _way(listed: Page, fingerprint: str, act: str = "") -> str:
    """Where a list of keys leads to from one: to its approval, or to the act that is named."""
    ways = {text: url for text, url in listed.links().items() if text.endswith(fingerprint)}
    acts = ("Turn down", "End it")
    [way] = [url for text, url in ways.items() if text.startswith(act or acts) == bool(act)]
    return way


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/staff/keys/enrol", None),
        ("/staff/keys/enrol", {"keys": "x"}),
        ("/staff/keys/enrol", {"keys": [1, 2]}),
        ("/staff/keys/enrol", {"keys": [{}, {}]}),
        ("/staff/keys/enrol", {"keys": [{"kty": "EC", "crv": "P-256", "x": 1, "y": [], "d": "secret"}] * 2}),
        ("/staff/keys/enrol", {"keys": [{}] * 3}),
        ("/staff/keys/prove", {"answers": [{}]}),
        ("/staff/keys/prove", {"answers": [{"key_id": "0" * 32, "answer": "x" * 10_000}]}),
        ("/staff/keys/prove", {"answers": [{"key_id": "\0", "answer": "\u202e"}]}),
    ],
)
def test_a_script_that_sends_nonsense_gets_a_problem_with_a_remedy(
    web: Web, world: World, url: str, body: object
) -> None:
    web.sign_in(world.second)
    response = script(web, MAKE, url, body)
    assert response.status_code in {404, 422}
    assert response.mimetype == "application/problem+json"
    assert "secret" not in response.text


def test_somebody_elses_key_is_not_there(web: Web, place: Place, world: World) -> None:
    web.sign_in(world.asker)
    withdraw = next(href for href in web.page("/staff/keys").links().values() if href.endswith("/withdraw"))
    web.sign_in(world.holder)
    web.page(withdraw, status=404)


def test_an_approach_is_one_form_and_is_listed(web: Web, world: World) -> None:
    web.sign_in(world.asker)
    about = f"{world.case}.{world.meadow.perpetrator}"
    after = web.submit(web.page("/staff/approaches/new"), {**HAPPENED, "about": about})
    assert after.path == "/staff/approaches"
    assert "20 November 2026 at 2:30pm" in after.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"happened_time": "half past"}, "such as 14:30"),
        ({"happened_on-day": "30"}, "future"),
        ({"categories": []}, "Choose what kinds of information were told"),
        ({"about": ""}, "Choose who it was about"),
    ],
)
def test_what_is_wrong_with_an_approach_is_said_beside_its_field(
    web: Web, world: World, changed: dict[str, object], said: str
) -> None:
    web.sign_in(world.asker)
    about = f"{world.case}.{world.meadow.perpetrator}"
    refused = web.submit(
        web.page("/staff/approaches/new"), {**HAPPENED, "about": about, **changed}, status=422
    )
    assert said in refused.text
    assert str(HAPPENED["words"]) in refused.text


def test_a_colleague_stands_in_and_the_holder_comes_back(web: Web, world: World) -> None:
    web.sign_in(world.authoriser)
    shown = web.page("/staff/cover")
    until = {"until-day": "1", "until-month": "12", "until-year": "2026"}
    web.submit(shown, {"by_post_id": world.second, **until})
    back = web.submit(web.page("/staff/cover"), form=0)
    assert "You are back on duty." in back.text


def test_nobody_stands_in_without_end_or_from_another_agency(web: Web, world: World) -> None:
    web.sign_in(world.authoriser)
    until = {"until-day": "1", "until-month": "12", "until-year": "2099"}
    refused = web.submit(web.page("/staff/cover"), {"by_post_id": world.second, **until}, status=422)
    assert "Enter a day from today to a year from now." in refused.text
    web.submit(refused, {"by_post_id": world.asker, **until}, status=422)
