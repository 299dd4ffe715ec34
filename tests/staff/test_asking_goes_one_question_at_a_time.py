"""Asking and offering: one question to a page, every answer kept, nothing sent before it was checked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from gateway.disclosure.asking import NamedRecipient
from gateway.disclosure.models import RequestKind
from tests.staff.conftest import Place
from tests.staff.steps import answers, begun, drafted, filled_in, put, put_from_outside
from tests.staff.world import World
from tests.web.pages import Web


def test_a_request_is_answered_checked_sent_and_decided(web: Web, world: World) -> None:
    web.sign_in(world.asker)
    draft = begun(web)
    assert "0 of 10 questions" in web.page(draft).text
    check = filled_in(web, draft, answers(world))
    assert check.h1 == "Check your answers"
    assert "Criminal Justice Act 2003 s325" in check.text  # the sourced default was shown and kept
    decision = web.submit(check)
    assert re.fullmatch(r"Decision on [C-Y2-9]{4}-[C-Y2-9]{4}", decision.h1)
    assert "All of what was asked for may be shared." in decision.text
    assert web.page("/staff/requests").links()[decision.h1.split()[-1]]


def test_answers_are_kept_at_each_step_and_can_be_taken_up_again(
    web: Web, place: Place, world: World
) -> None:
    web.sign_in(world.asker)
    draft = begun(web)
    filled_in(web, draft, {"case": {"case_id": world.case}})
    again = place.web()
    again.sign_in(world.asker)
    assert draft in again.page("/staff/ask").links().values()
    assert "1 of 10 questions" in again.page(draft).text
    assert again.page(f"{draft}/case").all("input", value=world.case)[0].get("checked") is not None


def test_a_draft_thrown_away_is_gone_and_nobody_else_ever_sees_one(web: Web, world: World) -> None:
    web.sign_in(world.asker)
    draft = begun(web)
    web.sign_in(world.holder)
    web.page(draft, status=404)
    web.sign_in(world.asker)
    web.submit(web.page(f"{draft}/discard"))
    web.page(draft, status=404)


def test_what_rests_on_an_answer_is_asked_again_when_it_changes(web: Web, place: Place, world: World) -> None:
    web.sign_in(world.asker)
    draft = drafted(place.gateway, world)
    after = web.submit(web.page(f"{draft}/case"), {"case_id": "not_on", "case_reference": "P-001"})
    assert after.path == f"{draft}/holder"
    web.page(f"{draft}/people", status=404)
    assert web.page(f"{draft}/person").h1 == "Who are you asking about?"


def test_sending_waits_until_everything_is_answered(web: Web, world: World) -> None:
    web.sign_in(world.asker)
    draft = begun(web)
    filled_in(web, draft, {"case": {"case_id": world.case}})
    response = web.client.get(f"{draft}/check")
    assert response.status_code == 302
    assert response.location == draft


def test_where_somebody_lives_is_not_written_into_the_reasons_unnoticed(web: Web, world: World) -> None:
    web.sign_in(world.asker)
    draft = begun(web)
    filled_in(web, draft, {"case": {"case_id": world.case}})
    warned = web.submit(web.page(f"{draft}/why"), {"why": "She moved to AB1 2DE"}, status=422)
    assert "postcode" in warned.text
    assert "She moved to AB1 2DE" in warned.text
    assert web.submit(warned, {"keep_findings": "y"}).path != warned.path


def test_each_circumstance_declared_needs_its_words(web: Web, world: World) -> None:
    web.sign_in(world.asker)
    draft = begun(web)
    filled_in(web, draft, {"case": {"case_id": world.case}})
    asked = web.page(f"{draft}/circumstances")
    assert "Others are at risk" not in asked.text  # loosens, so never the requester's to declare
    refused = web.submit(asked, {"declarations": ["child_in_household"]}, status=422)
    assert "Say in words what you know and how" in refused.text


def test_what_the_flow_refuses_is_linked_to_its_question(web: Web, place: Place, world: World) -> None:
    web.sign_in(world.asker)
    too_early: dict[str, Any] = {"needed-by": {"needed_by": "2026-11-01"}}
    draft = drafted(place.gateway, world, **too_early)
    shown = web.page(f"{draft}/check")
    refused = web.submit(shown, status=422)
    assert any(href.endswith("/needed-by") and "past" in text for text, href in refused.links().items())


def test_an_offer_is_the_holders_own_and_skips_who_holds_it(web: Web, place: Place, world: World) -> None:
    web.sign_in(world.holder)
    draft = drafted(place.gateway, world, world.holder, "offer")
    web.page(f"{draft}/holder", status=404)
    assert web.submit(web.page(f"{draft}/check")).h1.startswith("Decision on")


def test_everyone_who_is_not_on_the_case_gets_one_answer(web: Web, place: Place, world: World) -> None:
    web.sign_in(world.outsider)
    pages = []
    for reference, person in (
        ("P-001", "Somebody known, 1 May 1990"),
        ("Z-999", "Nobody at all, 2 May 1991"),
    ):
        request_id = put_from_outside(place.gateway, world, reference, person)
        shown = web.page(f"/staff/requests/{request_id}")
        assert shown.h1 == "We have received your request"
        assert web.client.get(f"/staff/requests/{request_id}/decision").status_code == 302
        body = web.page(f"/staff/requests/{request_id}/received").response.text
        pages.append(
            re.sub(r"[C-Y2-9]{4}-[C-Y2-9]{4}|[0-9a-f]{32}|value=\"[^\"]+\"|data-token=\"[^\"]+\"", "", body)
        )
    assert pages[0] == pages[1]


def test_a_request_can_be_changed_answered_and_cancelled_by_its_maker_alone(
    web: Web, place: Place, world: World
) -> None:
    request_id = put(place.gateway, world)
    address = f"/staff/requests/{request_id}"
    web.sign_in(world.holder)
    web.page(address, status=404)
    question = web.page(f"/staff/desk/{request_id}/need-more")
    web.submit(question, {"words": "Which day was the assessment?"})
    web.sign_in(world.asker)
    shown = web.page(address)
    assert "Which day was the assessment?" in shown.text
    web.submit(web.page(f"{address}/answer"), {"words": "The one of October"})
    assert web.submit(shown, form=0).h1 == "Check your answers"
    cancelled = web.submit(web.page(f"{address}/cancel"))
    assert "The request was cancelled." in cancelled.text


def test_an_overdue_answer_is_chased_then_escalated(later: Place) -> None:
    web = later.web()
    request_id = put(later.gateway, later.world)
    later.clock.advance(timedelta(days=20))
    web.sign_in(later.world.asker)
    assert "Overdue (1)" in web.page("/staff/requests?tab=overdue").text
    after = web.submit(web.page(f"/staff/requests/{request_id}/chase"))
    assert "The holder was reminded." in after.text
    after = web.submit(web.page(f"/staff/requests/{request_id}/escalate"))
    assert "The request was escalated." in after.text


def test_who_offers_is_led_on_to_send_it(web: Web, place: Place, world: World) -> None:
    recipients = (NamedRecipient(post_id=world.asker),)
    offered = put(place.gateway, world, by=world.holder, kind=RequestKind.OFFER, recipients=recipients)
    web.sign_in(world.holder)
    shown = web.page(f"/staff/requests/{offered}/decision")
    assert "waits on your agency's desk" in shown.text
    desk = web.page(shown.links()["Send it from the desk"])
    assert any(href.endswith("/release") for href in desk.links().values())
