"""Referred lines, second opinions, emergency reviews and tasks: a person decides, never the one who asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.disclosure import authorise, desk
from gateway.disclosure.tasks import EMERGENCY_REVIEW, complete_task
from gateway.disclosure.withdraw import RECONSIDER
from gateway.errors import Conflict
from gateway.registry.actors import actor_for_post
from gateway.sealing import parcel as parcels
from gateway.sealing.models import Parcel
from tests.staff.conftest import Place
from tests.staff.steps import lines_of, owed, put, put_from_outside, sent
from tests.staff.world import World, add, authority
from tests.web.pages import Web

REASONS = {"grants": "yes", "reasons": "The plan can't be made without it, and less would not do."}


def test_a_referred_line_goes_to_a_role_that_may_decide(web: Web, place: Place, world: World) -> None:
    address, request_id = _referred(place, world)
    web.sign_in(world.authoriser)
    assert address in web.page("/staff/authorisations").links().values()
    shown = web.page(address)
    assert "Why it comes to you" in shown.text
    after = web.submit(shown, REASONS)
    assert "Your decision was recorded." in after.text
    web.page(address, status=404)
    web.sign_in(world.asker)
    assert "Needs a person" not in web.page(f"/staff/requests/{request_id}").text


def test_what_goes_to_an_officer_is_decided_by_her(later: Place) -> None:
    officer = later.world.meadow.police_governance
    with later.gateway.store.writing() as unit:
        add(unit, authority(later.world.meadow, officer, "ig_officer"))
    request_id = put(later.gateway, later.world, purpose="subject_rights")
    address = f"/staff/authorisations/{lines_of(later.gateway, later.world, request_id)[0]}"
    web = later.web()
    web.sign_in(officer)
    assert "/staff/authorisations" in web.page("/governance/").links().values()
    assert address in web.page("/staff/authorisations").links().values()
    after = web.submit(web.page(address), REASONS)
    assert "Your decision was recorded." in after.text
    web.sign_in(later.world.officers[later.world.meadow.probation])
    web.page(address, status=404)
    assert "/staff/authorisations" not in web.page("/governance/").links().values()


def test_where_it_takes_two_a_colleague_gives_a_second_opinion(
    web: Web, place: Place, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorise, "takes_two", lambda *_: True)
    address, _ = _referred(place, world)
    web.sign_in(world.authoriser)
    first = web.page(address)
    assert "This takes two people." in first.text
    web.submit(first, REASONS)
    own = web.page(address)
    web.submit(own, REASONS, status=403)
    web.sign_in(world.second)
    assert "Second opinion" in web.page("/staff/authorisations").text
    shown = web.page(address)
    assert shown.h1 == "Give a second opinion"
    web.submit(shown, REASONS)
    web.page(address, status=404)


def test_a_refusal_closes_the_line(web: Web, place: Place, world: World) -> None:
    address, request_id = _referred(place, world)
    web.sign_in(world.authoriser)
    web.submit(web.page(address), {**REASONS, "grants": "no"})
    web.sign_in(world.asker)
    assert "Not shared" in web.page(f"/staff/requests/{request_id}").text


def test_whoever_asked_never_authorises(web: Web, place: Place, world: World) -> None:
    address, _ = _referred(place, world)
    web.sign_in(world.asker)
    web.page(address, status=404)
    assert address not in web.page("/staff/authorisations").links().values()


def test_an_emergency_is_reviewed_by_somebody_else(web: Web, place: Place, world: World) -> None:
    task_id = owed(place.gateway, world, put(place.gateway, world), EMERGENCY_REVIEW)
    web.sign_in(world.holder)
    shown = web.page("/staff/tasks")
    assert f"/staff/tasks/{task_id}" in shown.links().values()
    review = web.client.get(f"/staff/tasks/{task_id}")
    assert review.location == f"/staff/tasks/{task_id}/review"
    after = web.submit(web.page(review.location), {"upheld": "yes", "words": "He had a knife."})
    assert "Your review was recorded." in after.text


def test_a_task_is_recorded_as_done_and_leaves_the_list(web: Web, place: Place, world: World) -> None:
    task_id = owed(place.gateway, world, put(place.gateway, world), "inform_subject")
    address = f"/staff/tasks/{task_id}"
    web.sign_in(world.holder)
    assert address in web.page("/staff/").links().values()
    after = web.submit(web.page(address), {"words": "Told on Monday by telephone."})
    assert address not in after.links().values()
    web.page(address, status=404)


def test_what_froze_is_decided_afresh_or_destroyed(web: Web, place: Place, world: World) -> None:
    for act in ("reconsider", "destroy"):
        task_id = _frozen(place, world)
        web.sign_in(world.holder)
        assert web.client.get(f"/staff/tasks/{task_id}").location == f"/staff/tasks/{task_id}/reconsider"
        web.page(f"/staff/tasks/{task_id}/reconsider")
        after = web.submit(web.page(f"/staff/tasks/{task_id}/{act}"))
        assert after.path == "/staff/tasks"


def test_what_froze_is_never_just_ticked_off(place: Place, world: World, web: Web) -> None:
    task_id = _frozen(place, world)
    officer = world.officers[world.meadow.police]
    with pytest.raises(Conflict), place.gateway.store.writing() as unit:
        complete_task(unit, actor_for_post(unit, officer), task_id, "Done.")
    web.sign_in(officer)
    shown = web.page(f"/governance/tasks/{task_id}")
    assert "destroy" in shown.text
    assert "What was done?" not in shown.text
    web.sign_in(world.holder)
    web.page(f"/staff/tasks/{task_id}/reconsider")


def test_another_agencys_tasks_are_not_there(web: Web, place: Place, world: World) -> None:
    task_id = owed(place.gateway, world, put(place.gateway, world), EMERGENCY_REVIEW)
    web.sign_in(world.asker)
    for end in ("", "/review", "/reconsider", "/destroy"):
        web.page(f"/staff/tasks/{task_id}{end}", status=404)


def _referred(place: Place, world: World) -> tuple[str, str]:
    request_id = put(place.gateway, world, categories=("visor_record",))
    return f"/staff/authorisations/{lines_of(place.gateway, world, request_id)[0]}", request_id


def _frozen(place: Place, world: World) -> str:
    parcel_id = sent(place.gateway, world)
    with place.gateway.store.writing() as unit:
        row = unit.session.get_one(Parcel, parcel_id)
        parcels.freeze(unit, [row.line_id])
    return owed(place.gateway, world, row.request_id, RECONSIDER, row.line_id)


def test_an_officer_is_led_from_what_is_overdue_to_what_was_decided(later: Place) -> None:
    request_id = put(later.gateway, later.world)
    unmatched = put_from_outside(later.gateway, later.world)
    later.clock.advance(timedelta(days=30))
    web = later.web()
    web.sign_in(later.world.meadow.police_governance)
    shown = web.page("/governance/overdue")
    assert "the end of" in shown.text
    assert f"/governance/decisions/{request_id}" in shown.links().values()
    assert f"/governance/decisions/{unmatched}" not in shown.links().values()
    web.page(f"/governance/decisions/{request_id}")
    with later.gateway.store.writing() as unit:
        for post_id, overdue in ((later.world.asker, request_id), (later.world.outsider, unmatched)):
            desk.chase(unit, actor_for_post(unit, post_id), overdue)
            desk.escalate(unit, actor_for_post(unit, post_id), overdue)
    links = web.page("/governance/escalated").links().values()
    assert f"/governance/decisions/{request_id}" in links
    assert f"/governance/decisions/{unmatched}" not in links
