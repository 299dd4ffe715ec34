"""A request is amended by changing one answer: everything else comes back as it was given, and is sent as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlmodel import col, select

from gateway.disclosure import desk
from gateway.disclosure.asked import asked
from gateway.disclosure.asking import Asking, NamedRecipient, may_ask_with
from gateway.disclosure.models import Request
from gateway.registry.actors import actor_for_post
from gateway.vocabulary import Circumstance, vocabulary
from tests.staff.conftest import Place
from tests.staff.steps import put, put_from_outside, read, sent
from tests.staff.world import World
from tests.web.pages import Web

DECLARED = [
    code
    for code in vocabulary().terms("circumstance")
    if may_ask_with(code) and code != Circumstance.IMMINENT_THREAT_TO_LIFE
][:2]


def asking_of(place: Place, request_id: str, by: str) -> Asking:
    with place.gateway.store.reading() as unit:
        return asked(unit, actor_for_post(unit, by), request_id)


def replaced_by(place: Place, request_id: str) -> str:
    with place.gateway.store.reading() as unit:
        rows = select(Request.id).where(col(Request.replaces_request_id) == request_id)
        return unit.session.exec(rows).one()


def full(place: Place, world: World) -> str:
    """A request with an answer to everything, for one person on the case and two outside."""
    outside = [
        NamedRecipient(agency_type="school", role=role, described=who, delivering_post_id=world.asker)
        for who, role in (
            ("Ms Hill, of the school, by the mill", "head teacher"),
            ("Mr Dale", "governor, acting"),
        )
    ]
    return put(
        place.gateway,
        world,
        recipients=(NamedRecipient(post_id=world.asker), *outside),
        categories=("risk_assessment", "convictions"),
        subject_ids=(world.meadow.perpetrator, world.meadow.victim),
        needed_by=date(2026, 12, 24),
        declarations={code: f"He said so: {code}." for code in DECLARED},
    )


def as_text(asking: Asking) -> Asking:
    """What was asked, with the order of rows left aside and who is meant outside as one text, as it is kept."""
    people = [
        replace(one, described=f"{one.described}, {one.role}", role=None) if one.post_id is None else one
        for one in asking.recipients
    ]
    return replace(
        asking,
        replaces_request_id=None,
        recipients=tuple(sorted(people, key=str)),
        subject_ids=tuple(sorted(asking.subject_ids)),
        declarations=dict(sorted(asking.declarations.items())),
    )


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "why": ({"why": "For another reason altogether."}, {"why": "For another reason altogether."}),
    "purpose": ({"purpose": "victim_safety"}, {"purpose": "victim_safety"}),
    "information": ({"categories": ["convictions"]}, {"categories": ("convictions",)}),
    "needed-by": (
        {"needed_by-day": "", "needed_by-month": "", "needed_by-year": ""},
        {"needed_by": None},
    ),
    "circumstances": (
        {"declarations": DECLARED[:1]},
        {"declarations": {DECLARED[0]: f"He said so: {DECLARED[0]}."}},
    ),
}


@pytest.mark.parametrize("slug", CHANGES)
def test_one_answer_is_changed_and_all_the_others_are_kept(
    web: Web, place: Place, world: World, slug: str
) -> None:
    request_id = full(place, world)
    before = asking_of(place, request_id, world.asker)
    web.sign_in(world.asker)
    shown = web.page(f"/staff/requests/{request_id}")
    amends = next(n for n, form in enumerate(shown.forms()) if "amend" in (form.get("action") or ""))
    check = web.submit(shown, form=amends)
    assert check.h1 == "Check your answers"
    sends, expected = CHANGES[slug]
    draft = check.path.removesuffix("/check")
    check = web.submit(web.page(f"{draft}/{slug}"), sends)
    assert check.h1 == "Check your answers"
    decision = web.submit(check)
    assert decision.h1.startswith("Decision on")
    after = asking_of(place, replaced_by(place, request_id), world.asker)
    assert as_text(after) == as_text(replace(before, **expected))
    assert after != before


def test_the_two_people_outside_are_two_again(web: Web, place: Place, world: World) -> None:
    request_id = full(place, world)
    named = [one for one in asking_of(place, request_id, world.asker).recipients if one.post_id is None]
    assert {(one.described, one.role) for one in named} == {
        ("Ms Hill, of the school, by the mill", "head teacher"),
        ("Mr Dale, governor", "acting"),
    }


def test_what_the_holder_declared_is_not_sent_again_in_the_askers_name(place: Place, world: World) -> None:
    request_id = put(place.gateway, world)
    with place.gateway.store.writing() as unit:
        holder = actor_for_post(unit, world.holder)
        holders = min(desk.declarable(unit, holder, request_id))
        desk.declare(unit, holder, request_id, holders, "We know of it.")
    assert asking_of(place, request_id, world.asker).declarations == {}


def test_somebody_not_on_the_case_finds_the_answers_she_chose_and_no_words(
    web: Web, place: Place, world: World
) -> None:
    request_id = put_from_outside(place.gateway, world)
    with place.gateway.store.writing() as unit:
        holder = actor_for_post(unit, world.holder)
        desk.identify(unit, holder, request_id, world.case, (world.meadow.perpetrator,))
    found = asking_of(place, request_id, world.outsider)
    assert (found.case_id, found.subject_ids) == (None, ())
    assert (found.case_reference, found.person, found.why) == (None, None, "")
    assert found.categories
    web.sign_in(world.outsider)
    shown = web.client.post(
        f"/staff/requests/{request_id}/amend", data={"csrf_token": token(web)}, follow_redirects=True
    )
    assert shown.status_code == 200
    assert "AB, 1990" not in shown.text


def test_an_onward_request_is_amended_and_stays_onward(web: Web, place: Place, world: World) -> None:
    parcel = sent(place.gateway, world)
    read(place.gateway, world, parcel)
    web.sign_in(world.asker)
    shown = web.page(f"/staff/parcels/{parcel}")
    draft = web.submit(shown, form=len(shown.forms()) - 1).path
    given: dict[str, dict[str, Any]] = {
        "purpose": {"purpose": "public_protection"},
        "basis": {},
        "why": {"why": "The housing officer plans with it."},
        "recipients": {"recipients": [world.asker]},
        "needed-by": {},
        "circumstances": {},
    }
    for slug, data in given.items():
        web.submit(web.page(f"{draft}/{slug}"), data)
    web.submit(web.page(f"{draft}/check"))
    with place.gateway.store.reading() as unit:
        rows = select(Request.id).where(col(Request.onward_of_parcel_id) == parcel)
        first = unit.session.exec(rows).one()
    again = web.client.post(f"/staff/requests/{first}/amend", data={"csrf_token": token(web)})
    draft = again.location.removesuffix("/check")
    web.submit(web.page(f"{draft}/why"), {"why": "For the plan of the whole street."})
    web.submit(web.page(f"{draft}/check"))
    second = asking_of(place, replaced_by(place, first), world.asker)
    assert second.onward_of_parcel_id == parcel
    assert second.why == "For the plan of the whole street."


def token(web: Web) -> str:
    field = next(one for one in web.page("/staff/").tree.iter("input") if one.get("name") == "csrf_token")
    return field.get("value", "")
