"""The pages and the JSON by which a browser seals again what was sent, and by which a successor is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.disclosure import keyring
from gateway.disclosure.models import Line
from gateway.ledger import epoch
from gateway.registry.actors import actor_for_post
from gateway.registry.models import CaseAssignment
from gateway.sealing import jwe, parcel
from gateway.sealing.envelope import Envelope, pack, unpack
from gateway.sealing.models import Parcel
from gateway.sealing.public_key import check_public_jwk
from gateway.store.unit_of_work import Unit
from tests.staff.conftest import Place
from tests.staff.steps import script, sent
from tests.staff.world import add, make_keys, opened
from tests.web.pages import checked

_HOUR = timedelta(minutes=5)


def _line_of(place: Place, parcel_id: str) -> str:
    with place.gateway.store.reading() as unit:
        return unit.session.get_one(Parcel, parcel_id).line_id


def _new_keys(place: Place) -> None:
    """The recipient says that her keys are lost, and makes new ones."""
    world = place.world
    with place.gateway.store.writing() as unit:
        actor = actor_for_post(unit, world.asker)
        for key in keyring.mine(unit, actor):
            if key.state == "active":
                keyring.revoke(unit, actor, key.id, "lost")
    make_keys(place.gateway, world, world.asker)


def test_what_the_script_says_seals_it_again(later: Place) -> None:
    world, web = later.world, later.web()
    first = sent(later.gateway, world)
    line_id = _line_of(later, first)
    url = f"/staff/desk/lines/{line_id}/seal-again"
    web.sign_in(world.holder)
    assert "no other key" in web.page(url).text
    _new_keys(later)
    shown = web.page(url)
    assert shown.all("section", **{"data-gateway": "reseal"})
    answer = script(web, url, f"{url}/open", {"seen": []})
    assert answer.status_code == 200, answer.text
    given = answer.json or {}
    envelope = unpack(opened(given["jwe"], world.keys[jwe.key_id(given["jwe"])]))
    target = given["target"]
    again = pack(Envelope(target["parcel"], target["line"], envelope.items, envelope.marks))
    sealed = jwe.seal(check_public_jwk(target["jwk"]), again)
    taken = script(web, url, "/staff/desk/seal-again/sealed", {"parcel": target["parcel"], "jwe": sealed})
    assert taken.json == {"parcel": target["parcel"]}, taken.text
    assert unpack(opened(sealed, world.keys[jwe.key_id(sealed)])).items == envelope.items
    web.sign_in(world.asker)
    web.page(f"/staff/parcels/{target['parcel']}")


def test_only_whoever_holds_the_key_of_the_copy_is_offered_to_seal_it_again(later: Place) -> None:
    world, web = later.world, later.web()
    line_id = _line_of(later, sent(later.gateway, world))
    with later.gateway.store.reading() as unit:
        desk = f"/staff/desk/{unit.session.get_one(Line, line_id).request_id}"
    offer = f"/staff/desk/lines/{line_id}/seal-again"
    web.sign_in(world.holder)
    shown = web.page(desk)
    assert offer in shown.links().values()
    assert "It can't be sealed again by you" not in shown.text
    web.sign_in(world.authoriser)
    shown = web.page(desk)
    assert offer not in shown.links().values()
    assert "It can't be sealed again by you. The key of your agency's copy is not yours." in shown.text
    assert "Ask the officer who released it" in shown.text


def test_what_is_frozen_says_why_it_is_not_sealed_again(later: Place) -> None:
    world, web = later.world, later.web()
    line_id = _line_of(later, sent(later.gateway, world))
    with later.gateway.store.writing() as unit:
        parcel.freeze(unit, [line_id])
        desk = f"/staff/desk/{unit.session.get_one(Line, line_id).request_id}"
    web.sign_in(world.holder)
    assert "It can't be sealed again by you. This is frozen." in web.page(desk).text


@pytest.mark.parametrize("body", [None, [], {}, {"parcel": 3, "jwe": 4}, {"parcel": "0" * 32, "jwe": "x"}])
def test_what_no_script_of_ours_sends_is_refused(place: Place, body: object) -> None:
    web = place.web()
    web.sign_in(place.world.holder)
    answer = script(web, "/staff/desk", "/staff/desk/seal-again/sealed", body)
    assert answer.status_code in {404, 415, 422}


def test_a_successor_is_named_on_a_page(later: Place) -> None:
    world, web = later.world, later.web()
    line_id = _line_of(later, sent(later.gateway, world))
    url = f"/staff/desk/lines/{line_id}/successor"
    successor = world.officers[world.meadow.probation]
    web.sign_in(world.holder)
    refused = web.submit(web.page(url), {"post_id": successor})
    assert "does not permit it" in refused.text

    def put(unit: Unit) -> None:
        row = CaseAssignment(
            partnership_id=world.meadow.partnership_id,
            case_id=world.case,
            post_id=successor,
            starts_on=unit.now.date(),
        )
        add(unit, row)

    with later.gateway.store.writing() as unit:
        put(unit)
        _train(unit, successor)
    named = web.submit(web.page(url), {"post_id": successor})
    assert "The successor was named" in named.text


def _train(unit: Unit, post_id: str) -> None:
    from gateway.registry.models import Person, Post
    from tests.staff.world import UNTIL

    person = unit.session.get_one(Person, unit.session.get_one(Post, post_id).person_id)
    person.trained_until = person.vetted_until = UNTIL
    unit.session.add(person)


def test_nothing_waits_to_be_confirmed_without_a_restore(place: Place) -> None:
    web = place.web()
    web.sign_in(place.world.holder)
    assert "Nothing waits" in web.page("/staff/desk/restored").text


def test_what_a_restore_froze_is_confirmed_on_a_page(later: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    world, web = later.world, later.web()
    parcel_id = sent(later.gateway, world)
    later.clock.advance(_HOUR)
    restored_at = later.clock.now()
    later.clock.advance(_HOUR)
    monkeypatch.setattr(epoch, "frozen_before", lambda _unit: restored_at)
    web.sign_in(world.asker)
    url = f"/staff/parcels/{parcel_id}"
    refused = script(web, "/staff/desk", f"{url}/open", {"seen": []})
    assert refused.status_code in {409, 422}
    web.sign_in(world.holder)
    assert "restored from a backup" in web.page("/staff/desk").text
    page = web.page("/staff/desk/restored")
    action = next(str(form.get("action")) for form in page.forms() if "restored" in str(form.get("action")))
    token = page.all("input", name="csrf_token")[0].get("value")
    answer = web.client.post(action, data={"csrf_token": token}, follow_redirects=True)
    assert "can be opened again" in checked(answer).text
    assert "Nothing waits" in web.page("/staff/desk/restored").text
