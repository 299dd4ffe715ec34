"""Somebody outside who holds no key: asked for in the form, decided by the policy, told by an officer, recorded."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from gateway.disclosure import authorise, content, judge, reading, release
from gateway.disclosure.models import LineState, Opening
from gateway.ledger import read as ledger
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import actor_for_post
from gateway.sealing.models import CopyOf, Parcel
from tests.staff.conftest import Place
from tests.staff.steps import answers, begun, filled_in, read
from tests.staff.world import World
from tests.web.pages import Web


def asked_in_the_form(web: Web, world: World) -> str:
    """Two people outside, the second added with the button; gives the request's id."""
    web.sign_in(world.asker)
    draft = begun(web)
    given = answers(world)
    given["information"] = {"categories": ["convictions"]}
    given["purpose"] = {"purpose": "protective_third_party_disclosure"}
    first = {
        "recipients": ["outside"],
        "outside_described": "Ms Hill, who employs him",
        "outside_agency_type": "employer",
        "outside_role": "employer",
        "delivering_post_id": world.asker,
    }
    before, after = list(given)[:7], list(given)[8:]
    filled_in(web, draft, {slug: given[slug] for slug in before})
    more = web.submit(web.page(f"{draft}/recipients"), first | {"add": "y"})
    assert more.h1 == "Who is the information for?"
    assert "Person outside 2" in more.text
    second = {
        "outside_described_2": "Mr Dale, who lets him the flat",
        "outside_agency_type_2": "private_landlord",
        "outside_role_2": "landlord",
    }
    refused = web.submit(more, second, status=422)
    assert refused.links()["Choose the officer who tells the person outside"] == "#delivering_post_id_2"
    web.submit(refused, second | {"delivering_post_id_2": world.asker})
    check = filled_in(web, draft, {slug: given[slug] for slug in after})
    assert "For somebody outside (2)" in check.text
    decision = web.submit(check)
    assert decision.h1.startswith("Decision on")
    return decision.path.split("/")[3]


def test_two_people_outside_are_asked_for_decided_told_and_recorded(later: Place) -> None:
    web, world, gateway = later.web(), later.world, later.gateway
    request_id = asked_in_the_form(web, world)
    with gateway.store.reading() as unit:
        lines = judge.lines_of(unit, request_id)
        assert len(lines) == 2
        decided = reading.request_for(unit, actor_for_post(unit, world.holder), request_id)
    assert {one.outcome for one in decided.lines} == {"refer"}
    for line in lines:
        if line.state == LineState.REFERRED:
            for by in (world.authoriser, world.second):
                with gateway.store.writing() as unit:
                    waiting = reading.line_to_authorise(unit, actor_for_post(unit, by), line.id)[1]
                    actor = actor_for_post(unit, by)
                    if waiting.awaiting_second:
                        authorise.second(
                            unit, actor, waiting.awaiting_second, agrees=True, reasons="He must know."
                        )
                    elif waiting.state == LineState.REFERRED:
                        authorise.authorise(unit, actor, line.id, grants=True, reasons="He must know.")
                if not _is_referred(later, line.id):
                    break
        prepared = content.prepare(
            content.Content(text="Do not leave him alone with children."), line.category
        )
        with gateway.store.writing() as unit:
            about = release.About(unit.now.date() - timedelta(days=1), True, "fact", "Rota by Friday")
            done = release.release(unit, actor_for_post(unit, world.holder), line.id, prepared, about)
        assert isinstance(done, release.Released)
        read(gateway, world, done.parcel_id)
        shown = web.page(f"/staff/parcels/{done.parcel_id}")
        assert "This is for somebody outside" in shown.text
        form = web.page(f"/staff/parcels/{done.parcel_id}/delivered")
        after = web.submit(form, {"words": "Told in his office on Monday.", "accepted": "y"})
        assert "The delivery was recorded." in after.text
    with gateway.store.reading() as unit:
        kinds = [one.kind for one in ledger.entries_for_request(unit, request_id).entries]
        assert kinds.count(EntryKind.PARCEL_DELIVERED) == 2
        sent = select(Parcel.id).where(Parcel.request_id == request_id, Parcel.copy_of == CopyOf.RECIPIENT)
        opened = unit.session.exec(select(Opening).where(Opening.parcel_id.in_(sent)))  # type: ignore[attr-defined]
        assert sum(one.delivered_in_person for one in opened) == 2


def _is_referred(place: Place, line_id: str) -> bool:
    with place.gateway.store.reading() as unit:
        _, line = reading.line_for_desk(unit, actor_for_post(unit, place.world.holder), line_id)
    return line.state == LineState.REFERRED
