"""Someone off duty leaves nothing lying: whoever stands in sees it, does what she may, and is told what she can't."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.disclosure import desk, lists
from gateway.disclosure.covering import RESEAL_FOR_COVER
from gateway.disclosure.models import Task
from gateway.ledger import read as ledger
from gateway.ledger.entries import EntryKind
from gateway.registry import people, walls
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Face
from tests.staff import world as worlds
from tests.staff.conftest import Place
from tests.staff.steps import owed, put, sent
from tests.web.pages import Web


@pytest.fixture
def stand_in(later: Place) -> str:
    """A colleague of the offender manager, who is off duty; gives the colleague's post."""
    world = later.world
    with later.gateway.store.writing() as unit:
        by = worlds._post(
            unit, world.meadow, "stand_in", world.meadow.probation, "offender_manager", Face.STAFF
        )
        actor = actor_for_post(unit, world.asker)
        until = unit.now.date() + timedelta(days=3)
        people.cover(unit, actor, world.asker, by_post_id=by, until=until)
    return by


def her_page(place: Place, post_id: str) -> Web:
    web = place.web()
    web.sign_in(post_id)
    return web


def test_her_colleagues_requests_are_listed_and_answered(later: Place, stand_in: str) -> None:
    request_id = put(later.gateway, later.world)
    with later.gateway.store.writing() as unit:
        desk.need_more(unit, actor_for_post(unit, later.world.holder), request_id, "Which day?")
    web = her_page(later, stand_in)
    assert "You stand in for" in web.page("/staff/").text
    listed = web.page("/staff/requests?tab=needs_more")
    assert "who is off duty" in listed.text
    after = web.submit(web.page(f"/staff/requests/{request_id}/answer"), {"words": "The first of May."})
    assert "Your answer was sent." in after.text
    with later.gateway.store.reading() as unit:
        found = ledger.entries_for_request(unit, request_id).entries
    answered = next(one for one in found if one.kind == EntryKind.REQUEST_ANSWERED)
    assert answered.actor_post_id == stand_in
    web.submit(web.page(f"/staff/requests/{request_id}/cancel"))


def test_what_was_sealed_to_him_is_said_to_be_closed_and_can_be_asked_for(
    later: Place, stand_in: str
) -> None:
    parcel_id = sent(later.gateway, later.world)
    web = her_page(later, stand_in)
    assert "Sent to colleagues you stand in for" in web.page("/staff/parcels").text
    web.page(f"/staff/parcels/{parcel_id}", status=404)
    shown = web.page(f"/staff/parcels/covered/{parcel_id}")
    assert "You cannot open this." in shown.text
    after = web.submit(shown)
    assert "was asked to seal it to you" in after.text
    assert not web.page(f"/staff/parcels/covered/{parcel_id}").forms()
    with later.gateway.store.reading() as unit:
        task = unit.session.exec(select(Task).where(Task.kind == RESEAL_FOR_COVER)).one()
        assert task.owner_agency_id == later.world.meadow.police
        line_id = task.line_id
    holder = her_page(later, later.world.holder)
    assert "name the colleague as successor" in holder.page(f"/staff/tasks/{task.id}").text
    successor = holder.page(f"/staff/desk/lines/{line_id}/successor")
    assert stand_in in {one.get("value") for one in successor.all("input")}


def test_tasks_of_her_agency_are_hers_too(later: Place, stand_in: str) -> None:
    request_id = put(later.gateway, later.world)
    task_id = owed(later.gateway, later.world, request_id, "inform_subject")
    with later.gateway.store.writing() as unit:
        task = unit.session.get_one(Task, task_id)
        task.owner_agency_id = later.world.meadow.probation
        unit.session.add(task)
    web = her_page(later, stand_in)
    assert f"/staff/tasks/{task_id}" in web.page("/staff/tasks").links().values()
    after = web.submit(web.page(f"/staff/tasks/{task_id}"), {"words": "I told him by letter."})
    assert "recorded as done" in after.text


def test_when_he_is_back_it_is_his_alone(later: Place, stand_in: str) -> None:
    request_id, parcel_id = put(later.gateway, later.world), sent(later.gateway, later.world)
    later.clock.advance(timedelta(days=5))
    web = her_page(later, stand_in)
    web.page(f"/staff/requests/{request_id}", status=404)
    web.page(f"/staff/parcels/covered/{parcel_id}", status=404)
    with later.gateway.store.reading() as unit:
        assert lists.my_requests(unit, actor_for_post(unit, stand_in), "waiting") == []


def test_a_wall_keeps_out_whoever_stands_in(later: Place, stand_in: str) -> None:
    request_id, parcel_id = put(later.gateway, later.world), sent(later.gateway, later.world)
    assert her_page(later, stand_in).page(f"/staff/requests/{request_id}").h1
    with later.gateway.store.writing() as unit:
        officer = actor_for_post(unit, later.world.holder)
        person = actor_for_post(unit, stand_in).person_id
        walls.place(
            unit,
            officer,
            later.world.meadow.perpetrator,
            kind="exclude",
            reason="They are related to each other.",
            person_ids=[person],
        )
    web = her_page(later, stand_in)
    assert "Sent to colleagues you stand in for" not in web.page("/staff/parcels").text
    assert "Waiting (0)" in web.page("/staff/requests").text
    web.page(f"/staff/requests/{request_id}", status=404)
    web.page(f"/staff/parcels/covered/{parcel_id}", status=404)
