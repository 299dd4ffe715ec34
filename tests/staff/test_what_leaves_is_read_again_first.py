"""The holder's desk: nothing leaves by accident, and every way to answer is there."""

from __future__ import annotations

import io

import pytest
from werkzeug.datastructures import FileStorage

from gateway.disclosure import desk
from gateway.disclosure.asking import may_ask_with
from gateway.registry.actors import actor_for_post
from gateway.vocabulary import Origin, vocabulary
from tests.staff.conftest import Place
from tests.staff.steps import AS_OF, CONTENT, lines_of, put, put_from_outside, sent
from tests.staff.world import World
from tests.web.pages import Web

LOCATING = "He is at AB1 2DE now."


@pytest.fixture
def line(place: Place, world: World, web: Web) -> str:
    """The address of a line that may be shared, before its holder."""
    web.sign_in(world.holder)
    found = lines_of(place.gateway, world, put(place.gateway, world))[0]
    return f"/staff/desk/lines/{found}"


def test_the_desk_lists_what_is_asked_and_leads_to_each_answer(web: Web, place: Place, world: World) -> None:
    request_id = put(place.gateway, world)
    web.sign_in(world.holder)
    listed = web.page("/staff/desk")
    assert f"/staff/desk/{request_id}" in listed.links().values()
    shown = web.page(f"/staff/desk/{request_id}")
    assert "Meadow MAPPA" in shown.text
    assert {"Share answer 1, Risk assessment", "Decline answer 1, Risk assessment"} <= set(shown.links())


def test_text_is_sealed_and_sent(web: Web, line: str) -> None:
    after = web.submit(web.page(f"{line}/release"), CONTENT)
    assert "It was sealed and sent." in after.text
    assert "Sent, sealed to the recipient" in after.text


def test_what_shows_where_somebody_is_stops_to_be_read_again(web: Web, line: str) -> None:
    warned = web.submit(web.page(f"{line}/release"), {**CONTENT, "text": LOCATING})
    assert warned.h1 == "Read it again before you share it"
    assert "postcode" in warned.text
    back = web.submit(warned, {"back": "yes"})
    assert back.h1 == "Share this"
    assert LOCATING in back.text  # nothing typed is lost
    unconfirmed = web.submit(warned, status=422)
    assert unconfirmed.h1 == warned.h1
    assert "It was sealed and sent." in web.submit(warned, {"accepts_findings": "y"}).text


def test_a_file_is_chosen_again_because_it_was_never_kept(web: Web, line: str) -> None:
    shown = web.page(f"{line}/release")
    warned = web.submit(shown, {**CONTENT, "text": "", "file": _file(LOCATING)})
    assert warned.all("input", type="file")
    assert (
        "It was sealed and sent."
        in web.submit(warned, {"accepts_findings": "y", "file": _file(LOCATING)}).text
    )


def test_a_file_that_cannot_be_cleaned_is_refused_and_nothing_typed_is_lost(web: Web, line: str) -> None:
    broken = FileStorage(io.BytesIO(b"%PDF-1.7 broken"), "scan.pdf", content_type="application/pdf")
    refused = web.submit(web.page(f"{line}/release"), {**CONTENT, "text": "", "file": broken}, status=422)
    assert CONTENT["action"] in refused.text


def test_nothing_held_is_an_answer_sealed_like_any_other(web: Web, line: str) -> None:
    after = web.submit(web.page(f"{line}/nothing-held"), {**AS_OF, "sure": "y"})
    assert "Sent, sealed to the recipient" in after.text
    assert "othing is held" not in after.text


def test_declining_takes_a_reason_and_keeps_the_explanation_here(
    web: Web, place: Place, world: World
) -> None:
    request_id = put(place.gateway, world)
    web.sign_in(world.holder)
    line = f"/staff/desk/lines/{lines_of(place.gateway, world, request_id)[0]}"
    after = web.submit(
        web.page(f"{line}/decline"), {"reason_code": "not_relevant", "words": "Secret explanation"}
    )
    assert "The requester is told" in after.text
    web.sign_in(world.asker)
    shown = web.page(f"/staff/requests/{request_id}")
    assert "The holder declined to share it" in shown.text
    assert "Secret explanation" not in shown.text


def test_a_request_from_outside_the_case_is_matched_without_telling(
    web: Web, place: Place, world: World
) -> None:
    request_id = put_from_outside(place.gateway, world, person="Described person")
    web.sign_in(world.holder)
    shown = web.page(f"/staff/desk/{request_id}/identify")
    assert "Described person" in shown.text
    chosen = {"case_id": world.case, "subject_ids": [world.meadow.perpetrator]}
    assert "matched and decided" in web.submit(shown, chosen).text
    web.sign_in(world.outsider)
    assert web.page(f"/staff/requests/{request_id}").h1 == "We have received your request"


def test_a_holder_declares_what_the_requester_may_not(web: Web, place: Place, world: World) -> None:
    request_id = put(place.gateway, world)
    web.sign_in(world.holder)
    shown = web.page(f"/staff/desk/{request_id}/declare")
    after = web.submit(shown, {"code": "others_at_risk", "words": "Two neighbours were threatened"})
    assert "decided again" in after.text


def test_every_circumstance_that_is_declared_can_be_by_somebody(place: Place, world: World) -> None:
    request_id = put(place.gateway, world)
    declared = {
        str(code)
        for code, term in vocabulary().circumstances.items()
        if term.origin is Origin.DECLARED and not may_ask_with(code)
    }
    with place.gateway.store.reading() as unit:
        anyone = desk.declarable(unit, actor_for_post(unit, world.holder), request_id)
        in_a_role = desk.declarable(unit, actor_for_post(unit, world.authoriser), request_id)
    assert "presumption_to_disclose" not in anyone
    assert declared <= in_a_role


def test_a_supervisor_declares_the_presumption(web: Web, place: Place, world: World) -> None:
    request_id = put(place.gateway, world)
    given = {"code": "presumption_to_disclose", "words": "CJA 2003 s327A: a child next door"}
    for post_id, status in ((world.holder, 422), (world.authoriser, 200)):
        web.sign_in(post_id)
        web.submit(web.page(f"/staff/desk/{request_id}/declare"), given, status=status)


def test_what_the_holder_declares_is_not_told_to_the_one_who_asked(
    web: Web, place: Place, world: World
) -> None:
    request_id = put(place.gateway, world, declarations={"child_in_household": "A boy of six lives there"})
    web.sign_in(world.holder)
    shown = web.page(f"/staff/desk/{request_id}/declare")
    after = web.submit(shown, {"code": "others_at_risk", "words": "Two neighbours were threatened"})
    said_by_asker, _, said_by_others = after.text.partition("Declared by others")
    assert "A boy of six" in said_by_asker
    assert "Two neighbours" in said_by_others
    assert "Two neighbours" not in said_by_asker
    web.sign_in(world.asker)
    shown = web.page(f"/staff/requests/{request_id}")
    assert "A boy of six" in shown.text
    assert "Two neighbours" not in shown.text


def test_what_was_sent_can_be_recalled_and_the_recipient_confirms(
    web: Web, place: Place, world: World
) -> None:
    parcel_id = sent(place.gateway, world)
    web.sign_in(world.holder)
    with place.gateway.store.reading() as unit:
        from gateway.sealing.models import Parcel

        request_id = unit.session.get_one(Parcel, parcel_id).request_id
    after = web.submit(web.page(f"/staff/desk/{request_id}/recall/{parcel_id}"), {"reason": "inaccurate"})
    assert "It was recalled." in after.text
    web.sign_in(world.asker)
    assert "it is recalled" in web.page(f"/staff/parcels/{parcel_id}").text
    listed = web.page("/staff/parcels")
    notice = next(href for text, href in listed.links().items() if text.startswith("Recall of"))
    assert "no longer used" in web.submit(web.page(notice)).text


def test_another_agencys_desk_is_not_there(web: Web, line: str, world: World) -> None:
    web.sign_in(world.outsider)
    for act in ("release", "decline", "nothing-held"):
        web.page(f"{line}/{act}", status=404)


def _file(words: str) -> FileStorage:
    return FileStorage(io.BytesIO(words.encode()), "note.txt", content_type="text/plain")
