"""Opening: conditions first, each opening recorded, the proofs handed over, and what follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.disclosure import open as opening
from gateway.disclosure.models import Line
from gateway.ledger import publish
from gateway.ledger import read as read_entries
from gateway.ledger.entries import EntryKind
from gateway.sealing.models import Parcel
from gateway.web.app import create_app
from tests.staff.conftest import Place
from tests.staff.steps import read, script, sent
from tests.staff.world import World, opened
from tests.web.pages import Page, Web


@pytest.fixture
def parcel(place: Place, world: World, web: Web) -> str:
    """The address of a parcel, before its recipient."""
    web.sign_in(world.asker)
    return f"/staff/parcels/{sent(place.gateway, world)}"


def test_what_was_sent_is_listed_by_reference_and_kind(web: Web, parcel: str) -> None:
    assert parcel in web.page("/staff/parcels").links().values()


def test_opening_hands_out_what_is_sealed_with_its_proofs(web: Web, parcel: str, world: World) -> None:
    shown = web.page(parcel)
    section = shown.all("section", data_gateway="open-parcel")[0]
    response = script(web, parcel, section.get("data-url", ""), {"seen": []})
    assert response.status_code == 200, response.text
    given: dict[str, Any] = response.get_json()
    assert len(given["proofs"]) == 2
    assert "quorum none" in given["policy"]
    contents = opened(given["jwe"], world.keys[section.get("data-kid", "")])
    assert b"The level is high." in contents
    assert json.loads(contents.split(b"\n")[0])["parcel"] == given["parcel"]
    assert "1 time" in web.page(parcel).text


def test_the_page_says_what_is_checked_first_and_what_no_check_can_see(
    web: Web, place: Place, parcel: str
) -> None:
    said = web.page(parcel).text
    assert "your browser checks that what was sent and this opening are in the ledger" in said
    assert "It has no witnesses outside, so what was added since could still be taken back." in said
    settings = place.gateway.settings
    ledger = settings.ledger.model_copy(update={"witnesses": Path("witnesses.policy")})
    watched = replace(place.gateway, settings=settings.model_copy(update={"ledger": ledger}))
    assert create_app(watched).jinja_env.globals["witness_hours"] == "4"


def test_a_browser_that_says_what_it_saw_gets_the_logs_growth(web: Web, place: Place, parcel: str) -> None:
    seen = [{"origin": place.gateway.journal.origin, "size": 3}, {"origin": "another", "size": 1}]
    assert script(web, parcel, f"{parcel}/open", {"seen": seen}).get_json()["consistency"]


@pytest.mark.parametrize("body", [None, [], {}, {"seen": 5}, {"seen": [1]}, {"seen": [{"size": "x"}]}])
def test_a_script_that_sends_nonsense_gets_a_problem_or_no_growth(
    web: Web, parcel: str, body: object
) -> None:
    response = script(web, parcel, f"{parcel}/open", body)
    assert response.status_code in {200, 422}
    if response.status_code == 422:
        assert response.mimetype == "application/problem+json"
        assert response.get_json()["next_step"]


TRUSTED = {
    "former_key": "0" * 64,
    "because": ["key", "origin"],
    "declared": True,
    "asked": "officer",
}


def test_who_trusts_another_log_is_recorded_and_only_of_this_log(web: Web, place: Place, parcel: str) -> None:
    with place.gateway.store.reading() as unit:
        ours = place.gateway.journal.keys.public(publish.present_origin(unit))[0].digest.hex()
    said = script(web, parcel, "/staff/log-confirmed", TRUSTED | {"shown_key": ours})
    assert said.get_json() == {"recorded": True}
    with place.gateway.store.reading() as unit:
        wanted = read_entries.Filter(kinds=(EntryKind.LOG_CONFIRMED,))
        [entry] = read_entries.entries_by_post(unit, place.world.asker, wanted).entries
    assert entry.codes == {
        "former_key": "0" * 64,
        "shown_key": ours,
        "because": ["key", "origin"],
        "declared": True,
        "asked": "officer",
    }
    assert entry.actor_post_id == place.world.asker
    another = script(web, parcel, "/staff/log-confirmed", TRUSTED | {"shown_key": "1" * 64})
    assert another.status_code == 409
    assert "isn't the ledger of this gateway" in another.get_json()["detail"]


SPOILT = [
    {"former_key": None},
    {"former_key": "She lives at 4 Sentinel Court"},
    {"shown_key": 7},
    {"because": []},
    {"because": "key"},
    {"because": ["key", "hearsay"]},
    {"because": [["key"]]},
    {"declared": "yes"},
    {"asked": "nobody"},
    {"asked": None},
]


@pytest.mark.parametrize("spoilt", [*SPOILT, None, [], "text"])
def test_what_the_page_does_not_send_is_no_confirmation(web: Web, parcel: str, spoilt: object) -> None:
    whole = TRUSTED | {"shown_key": "1" * 64}
    response = script(
        web, parcel, "/staff/log-confirmed", whole | spoilt if isinstance(spoilt, dict) else spoilt
    )
    assert response.status_code == 422
    assert response.mimetype == "application/problem+json"
    assert "Sentinel" not in response.text


@pytest.mark.parametrize("reason", ["no_key", "bad_proof", "history_changed", "wrong_parcel", 7, None])
def test_a_failed_opening_is_recorded_whatever_the_script_says(web: Web, parcel: str, reason: object) -> None:
    assert script(web, parcel, f"{parcel}/not-opened", {"reason": reason}).status_code == 200


def test_a_failed_opening_can_be_reported_by_hand(web: Web, parcel: str) -> None:
    after = web.submit(web.page(f"{parcel}/failed"), {"reason_code": "no_key"})
    assert "recorded that opening failed" in after.text


def test_passing_on_goes_through_the_same_questions_and_the_chain_shows_it(
    web: Web, place: Place, world: World, parcel: str
) -> None:
    read(place.gateway, world, parcel.rsplit("/", 1)[1])
    shown = web.page(parcel)
    draft = web.submit(shown, form=_form_to(shown, "pass-on"))
    assert draft.h1 == "Pass information on"
    assert "Choose the case" not in draft.text  # person, kind and originator are given
    for slug, data in _onward(world).items():
        shown = web.submit(web.page(f"{draft.path}/{slug}"), data)
    decision = web.submit(shown)
    assert decision.h1.startswith("Decision on")
    assert decision.h1.split()[-1] in web.page(f"{parcel}/chain").text


def test_an_onward_purpose_that_is_wider_is_refused_at_its_question(
    web: Web, place: Place, world: World, parcel: str
) -> None:
    read(place.gateway, world, parcel.rsplit("/", 1)[1])
    shown = web.page(parcel)
    draft = web.submit(shown, form=_form_to(shown, "pass-on"))
    purposes = {
        field.get("value") for field in web.page(f"{draft.path}/purpose").all("input", name="purpose")
    }
    assert "public_protection" in purposes
    assert "housing_allocation" not in purposes


def test_nothing_is_handed_out_without_the_pages_token(web: Web, parcel: str) -> None:
    assert web.client.post(f"{parcel}/open", json={"seen": []}).status_code == 400


def test_what_was_not_opened_cannot_be_passed_on(web: Web, parcel: str) -> None:
    assert "Ask to pass it on" not in web.page(parcel).text
    web.page(f"{parcel}/chain", status=409)


def test_a_frozen_parcel_says_so_and_does_not_open(web: Web, place: Place, parcel: str) -> None:
    with place.gateway.store.writing() as unit:
        row = unit.session.get_one(Parcel, parcel.rsplit("/", 1)[1])
        row.state = "frozen"
        unit.session.add(row)
    assert "it is frozen" in web.page(parcel).text
    assert script(web, parcel, f"{parcel}/open", {"seen": []}).status_code == 409


def test_an_officer_records_that_somebody_outside_was_told(
    web: Web, place: Place, world: World, parcel: str
) -> None:
    parcel_id = parcel.rsplit("/", 1)[1]
    read(place.gateway, world, parcel_id)
    with place.gateway.store.writing() as unit:
        row = unit.session.get_one(Parcel, parcel_id)
        row.outside_recipient_id = unit.session.get_one(Line, row.line_id).recipient_id
        unit.session.add(row)
    shown = web.page(parcel)
    assert "tell them in person" in shown.text
    form = web.page(f"{parcel}/delivered")
    web.submit(
        form, {"words": "Told at the school on Monday."}, status=422
    )  # and the conditions were accepted?
    after = web.submit(form, {"words": "Told at the school on Monday.", "accepted": "y"})
    assert "The delivery was recorded." in after.text


def test_conditions_are_accepted_before_anything_opens(
    web: Web, parcel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "undertakings", lambda _: ("no_copying", "restricted_circulation"))
    shown = web.page(parcel)
    assert not shown.all("section", data_gateway="open-parcel")
    web.submit(shown, {"accepts": ["no_copying"]}, status=422)
    ready = web.submit(shown, {"accepts": ["no_copying", "restricted_circulation"]})
    section = ready.all("section", data_gateway="open-parcel")[0]
    assert script(web, parcel, f"{parcel}/open", {"seen": []}).status_code == 422
    assert script(web, parcel, section.get("data-url", ""), {"seen": []}).status_code == 200
    assert web.page(parcel).all("section", data_gateway="open-parcel")  # accepted once is accepted


def test_somebody_elses_parcel_is_not_there(web: Web, parcel: str, world: World) -> None:
    web.sign_in(world.holder)
    for address in (parcel, f"{parcel}/failed", f"{parcel}/delivered", f"{parcel}/chain"):
        web.page(address, status=404)
    assert script(web, "/staff/parcels", f"{parcel}/open", {"seen": []}).status_code == 404


def _form_to(shown: Page, end: str) -> int:
    return next(at for at, form in enumerate(shown.forms()) if form.get("action", "").endswith(end))


def _onward(world: World) -> dict[str, dict[str, object]]:
    return {
        "purpose": {"purpose": "public_protection"},
        "basis": {"powers": ["cja2003_s325"]},
        "why": {"why": "The hostel must know the risk before it takes him in."},
        "recipients": {"recipients": [world.asker]},
        "needed-by": {},
        "circumstances": {},
    }
