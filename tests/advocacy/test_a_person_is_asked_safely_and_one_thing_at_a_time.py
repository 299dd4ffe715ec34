"""Consent capture: safety first, one decision a page, nothing chosen beforehand, silence is no answer."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.assembly import Gateway
from gateway.consent import consents, views
from gateway.consent.wordings import by_version
from gateway.registry import walls
from gateway.vocabulary import ConsentStatus
from tests.meadow import Meadow
from tests.web.pages import Page, Web

CONSENT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Is it safe to talk now?", {"safe": "yes"}),
    ("Who else is there?", {"present": ["nobody"]}),
    ("What this is", {}),
    ("What would it be for?", {"purposes": ["early_help"]}),
    ("What would they tell each other?", {"categories": ["housing"]}),
    ("Who may be told?", {}),
    (
        "Until when does it count?",
        {"expires_on-day": "31", "expires_on-month": "3", "expires_on-year": "2027"},
    ),
    ("Do you agree to this?", {"answer": "given"}),
    ("Is there something you want them to know? (optional)", {"words": "Only the repairs."}),
    ("Is there anybody who must never see it? (optional)", {"never": "His sister at the depot"}),
    ("How you took this", {"how": "phone", "interpreter": "none", "free": "yes"}),
)


def begin(web: Web, meadow: Meadow, what: str) -> Page:
    web.sign_in(meadow.housing_officer)
    people = web.page("/views/")
    person = web.page(people.links()["K7Q2-M4XD"])
    return web.submit(person, form=0 if what == "views" else 1)


def walk(web: Web, meadow: Meadow, **changed: dict[str, Any]) -> Page:
    shown = begin(web, meadow, "consent")
    for heading, answers in CONSENT:
        assert shown.h1 == heading
        chosen = [field for field in shown.all("input") if field.get("checked") is not None]
        assert not chosen, "nothing is chosen beforehand"
        data = {**answers, **changed.get(heading, {})}
        if heading == "Who may be told?":
            data["agency_ids"] = [meadow.housing]
        shown = web.submit(shown, data)
    return shown


def status(gateway: Gateway, meadow: Meadow) -> ConsentStatus:
    with gateway.store.reading() as unit:
        return consents.status(
            unit,
            meadow.victim,
            meadow.case,
            purpose="early_help",
            category="housing",
            agency_id=meadow.housing,
        )


def test_a_consent_is_read_back_before_it_counts(web: Web, meadow: Meadow, sqlite_gateway: Gateway) -> None:
    check = walk(web, meadow)
    assert check.h1 == "Read this back"
    assert "Only the repairs." in check.text
    assert status(sqlite_gateway, meadow) is ConsentStatus.NOT_SOUGHT
    done = web.submit(check)
    assert done.h1 == "It is written down"
    assert by_version("consent-1").change in done.text
    assert status(sqlite_gateway, meadow) is ConsentStatus.GIVEN
    with sqlite_gateway.store.reading() as unit:
        row = consents.of_subject(unit, meadow.victim)[0]
        assert (row.alone, row.wording_sha256) == (True, by_version("consent-1").sha256)
        assert walls.described(unit, meadow.victim) == ["His sister at the depot"]
    person = web.page(f"/views/cases/{meadow.case}/people/{meadow.victim}")
    taken = web.submit(
        web.page(person.links()["Take back the consent of 22 November 2026"]), {"by_subject": "yes"}
    )
    assert "Taken back" in taken.text
    assert status(sqlite_gateway, meadow) is ConsentStatus.WITHDRAWN


def test_whoever_takes_an_answer_down_reads_that_it_does_not_count_for_her_own_requests(
    web: Web, meadow: Meadow
) -> None:
    warning = "For what you ask for or receive yourself, an agreement that you took down doesn't count"
    shown = begin(web, meadow, "consent")
    assert warning in web.page(f"/views/cases/{meadow.case}/people/{meadow.victim}").text
    while shown.h1 != "How you took this":
        assert warning not in shown.text, "what she reads is about her"
        answers = dict(CONSENT)[shown.h1]
        agencies = {"agency_ids": [meadow.housing]} if shown.h1 == "Who may be told?" else {}
        shown = web.submit(shown, {**answers, **agencies})
    assert warning in shown.text


def test_a_conversation_broken_off_is_found_again_and_is_no_draft_of_a_request(
    web: Web, meadow: Meadow
) -> None:
    shown = begin(web, meadow, "consent")
    people = web.page("/views/")
    assert "Conversations not read back yet" in people.text
    resumed = next(href for text, href in people.links().items() if text.startswith("Resume"))
    assert web.page(resumed).h1 == shown.h1
    draft_id = resumed.split("/")[3]
    web.page(f"/staff/ask/{draft_id}", status=404)


@pytest.mark.parametrize(
    ("heading", "answer", "expected"),
    [
        ("Do you agree to this?", {"answer": "refused"}, ConsentStatus.REFUSED),
        ("Do you agree to this?", {"answer": "requested"}, ConsentStatus.UNKNOWN),
        ("Who else is there?", {"present": ["perpetrator_or_relative"]}, ConsentStatus.INVALID_DURESS),
        ("How you took this", {"free": "no"}, ConsentStatus.INVALID_DURESS),
    ],
)
def test_anything_but_a_free_yes_is_no_consent(
    web: Web,
    meadow: Meadow,
    sqlite_gateway: Gateway,
    heading: str,
    answer: dict[str, Any],
    expected: ConsentStatus,
) -> None:
    web.submit(walk(web, meadow, **{heading: answer}))
    assert status(sqlite_gateway, meadow) is expected


def test_every_page_for_the_person_is_neutral_and_can_be_left(web: Web, meadow: Meadow) -> None:
    shown = begin(web, meadow, "consent")
    for heading, answers in CONSENT[:8]:
        assert shown.title == f"{heading} - Pages"
        assert shown.all("a", class_="govuk-js-exit-this-page-button")
        assert "K7Q2" not in shown.text
        data = {"agency_ids": [meadow.housing]} if heading == "Who may be told?" else answers
        shown = web.submit(shown, data)


def test_not_safe_or_stopped_leaves_nothing(web: Web, meadow: Meadow, sqlite_gateway: Gateway) -> None:
    first = begin(web, meadow, "consent")
    assert web.submit(first, {"safe": "no"}).h1 == "Nothing was written down"
    assert web.client.get(first.path).status_code == 404
    second = begin(web, meadow, "views")
    assert web.submit(second, form=1).h1 == "Nothing was written down"
    assert status(sqlite_gateway, meadow) is ConsentStatus.NOT_SOUGHT


def test_silence_is_no_answer(web: Web, meadow: Meadow) -> None:
    first = begin(web, meadow, "views")
    assert "Choose yes or no" in web.submit(first, {}, status=422).text
    address = first.path.rsplit("/", 1)[0]
    assert web.client.get(f"{address}/read-back").location.endswith("/safe")


def test_wishes_are_taken_down_in_her_words(web: Web, meadow: Meadow, sqlite_gateway: Gateway) -> None:
    shown = begin(web, meadow, "views")
    for answers in (
        {"safe": "yes"},
        {"present": ["advocate"]},
        {},
        {"wish": "objects"},
        {"categories": ["address_current"]},
        {"words": "Not where I live."},
        {},
        {"how": "face_to_face", "interpreter": "professional", "free": "yes"},
    ):
        shown = web.submit(shown, answers)
    assert web.submit(shown).h1 == "It is written down"
    with sqlite_gateway.store.reading() as unit:
        row = views.latest(unit, meadow.victim, meadow.case, category="address_current")
        assert row is not None
        assert (row.wish, row.alone, views.words_of(unit, row)) == ("objects", False, "Not where I live.")


def test_an_answer_is_changed_from_the_read_back(web: Web, meadow: Meadow) -> None:
    check = walk(web, meadow)
    change = next(link for text, link in check.links().items() if text == "Change do you agree to this?")
    back = web.submit(web.page(change), {"answer": "refused"})
    assert back.h1 == "Read this back"
    assert "No" in back.text


def test_whoever_faces_the_perpetrator_takes_nothing_down(web: Web, meadow: Meadow) -> None:
    web.sign_in(meadow.offender_manager)
    assert "nobody whose wishes" in web.page("/views/").text
    for path in (
        f"/views/cases/{meadow.case}/people/{meadow.victim}",
        f"/views/cases/{meadow.case}/people/{meadow.victim}/mandate",
        f"/views/people/{meadow.victim}",
    ):
        assert web.client.get(path).status_code == 404
    web.sign_in(meadow.housing_officer)
    assert web.client.get(f"/views/cases/{meadow.case}/people/{meadow.perpetrator}").status_code == 404


def test_staff_record_a_mandate_and_a_second_agency_confirms_it(web: Web, meadow: Meadow) -> None:
    web.sign_in(meadow.officer)
    shown = web.page(f"/views/cases/{meadow.case}/people/{meadow.victim}/mandate")
    dates = {"given_on-day": "22", "given_on-month": "11", "given_on-year": "2026"}
    until = {"expires_on-day": "1", "expires_on-month": "3", "expires_on-year": "2027"}
    answers = {
        "advocate_post_id": meadow.other_advocate,
        "how_given": "phone",
        "alone": "yes",
        **dates,
        **until,
    }
    assert "Mandate recorded" in web.submit(shown, answers).text
    assert "No mandate waits" in web.page("/views/").text
    web.sign_in(meadow.housing_officer)
    assert "Mandate confirmed" in web.submit(web.page("/views/")).text
    web.sign_in(meadow.other_advocate)
    assert "K7Q2-M4XD" in web.page("/advocacy/").text
