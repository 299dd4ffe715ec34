"""The pages on how a person may be reached: neutral, logged, with its age and who says so; nothing of it elsewhere."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.disclosure.models import Task
from gateway.notices import outbox
from gateway.registry import contacts
from gateway.registry.models import Person
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from tests.meadow import Meadow
from tests.review.story import Story
from tests.web.pages import Page, Web

VALUE, WORD = "07700 900123", "marigold"
SAID = {
    "method": "call",
    "value": VALUE,
    "alone": "yes",
    "when": "Weekdays at ten",
    "who_may_answer": "",
    "code_word": WORD,
    "voicemail": "no",
    "letters": "no",
    "says_who": "no",
}


def reached(web: Web, meadow: Meadow, post: str) -> Page:
    """The page on how she may be reached, by the links that lead there."""
    web.sign_in(post)
    person = web.page(web.page("/views/").links()["K7Q2-M4XD"])
    return web.page(person.links()["How they may be reached"])


def recorded(web: Web, meadow: Meadow) -> Page:
    shown = reached(web, meadow, meadow.housing_officer)
    assert "No way that you may use is on file" in shown.text
    form = web.page(f"{shown.path}/record")
    chosen = [field for field in form.all("input") if field.get("checked") is not None]
    assert not chosen, "nothing is chosen beforehand"
    return web.submit(form, SAID)


def test_it_is_recorded_seen_with_its_age_and_confirmed(web: Web, meadow: Meadow, clock: FixedClock) -> None:
    done = recorded(web, meadow)
    assert VALUE not in done.text
    shown = reached(web, meadow, meadow.housing_officer)
    for said in (
        VALUE,
        WORD,
        "Weekdays at ten",
        "Do not say",
        "22 November 2026 (today)",
        "Name of housing officer, housing officer at Meadow Housing",
        "That you read this is written down",
    ):
        assert said in shown.text, said
    hers = reached(web, meadow, meadow.advocate)
    assert VALUE in hers.text
    clock.advance(timedelta(minutes=1))
    web.submit(hers)  # they said today that this is still safe
    assert "at Safe Steps" in reached(web, meadow, meadow.advocate).text


def test_her_advocate_reads_in_the_log_who_looked(web: Web, meadow: Meadow) -> None:
    recorded(web, meadow)
    reached(web, meadow, meadow.housing_officer)
    web.sign_in(meadow.advocate)
    log = web.page(f"/advocacy/clients/{meadow.victim}/log").text
    assert "A safe way to reach the person was recorded or confirmed" in log
    assert "Somebody read how the person may safely be reached" in log
    assert VALUE not in log


@pytest.mark.parametrize(("kind", "reaches_her"), [("inform_subject", True), ("redact_third_parties", False)])
def test_whoever_has_to_speak_to_her_is_sent_to_the_safe_way(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway, kind: str, reaches_her: bool
) -> None:
    with sqlite_gateway.store.writing() as unit:
        task = Task(
            partnership_id=meadow.partnership_id,
            request_id=story.request_id,
            kind=kind,
            owner_agency_id=meadow.housing,
            due_at=unit.now,
        )
        unit.session.add(task)
        unit.session.flush()
        task_id = task.id
    web.sign_in(meadow.housing_officer)
    shown = web.page(f"/staff/tasks/{task_id}").text
    assert ("Reach the person only in a way they said is safe" in shown) is reaches_her


def test_once_ended_nobody_sees_it(web: Web, meadow: Meadow, sqlite_gateway: Gateway) -> None:
    recorded(web, meadow)
    shown = reached(web, meadow, meadow.advocate)
    web.submit(web.page(shown.links()["It is no longer safe, or they do not want to be reached"]))
    for post in (meadow.housing_officer, meadow.advocate):
        after = reached(web, meadow, post)
        assert VALUE not in after.text
        assert "No way that you may use is on file" in after.text
    with sqlite_gateway.store.reading() as unit:
        assert not contacts.on_file(unit, meadow.victim)


def test_what_somebody_else_sees_is_refused_beside_the_question(web: Web, meadow: Meadow) -> None:
    shown = reached(web, meadow, meadow.housing_officer)
    form = web.page(f"{shown.path}/record")
    refused = web.submit(form, {**SAID, "alone": "no"}, status=422)
    assert "A way that somebody else can see or hear is not safe" in refused.text
    refused = web.submit(form, {**SAID, "value": ""}, status=422)
    assert "Enter the number or the address" in refused.text
    assert "No way that you may use is on file" in reached(web, meadow, meadow.housing_officer).text


@pytest.mark.parametrize("post", ["officer", "offender_manager", "other_advocate"])
def test_whoever_does_not_work_with_her_finds_no_link_and_no_page(
    web: Web, meadow: Meadow, post: str
) -> None:
    recorded(web, meadow)
    web.sign_in(getattr(meadow, post))
    nothing = web.client.get("/nothing-here").data
    for start in (f"/views/cases/{meadow.case}/people/{meadow.victim}", f"/views/people/{meadow.victim}"):
        assert "How they may be reached" not in web.client.get(start).text
        for end in ("", "/record", "/end"):
            answer = web.client.get(f"{start}/reach{end}")
            assert (answer.status_code, answer.data) == (404, nothing)


def test_nothing_of_it_is_in_a_title_an_address_a_mail_or_a_line_of_the_log(
    web: Web, meadow: Meadow, sqlite_gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_address(unit: Unit, row: Person) -> None:
        place = f"person|contact|{row.id}"
        row.contact = unit.vault.seal(
            unit.session, Scope.PARTNERSHIP, row.partnership_id, "somebody@agency.invalid", where=place
        )

    with sqlite_gateway.store.writing() as unit:
        for person_id in meadow.people.values():
            with_address(unit, unit.session.get_one(Person, person_id))
    done = recorded(web, meadow)
    shown = reached(web, meadow, meadow.housing_officer)
    ended = web.submit(web.page(f"{shown.path}/end"))
    for one in (done, shown, ended, web.page(f"{shown.path}/record")):
        assert not any(part in one.path or part in one.title for part in (VALUE, "900123", WORD))
    assert shown.title.endswith("- Pages")
    assert shown.all("a", class_="govuk-js-exit-this-page-button")
    assert web.client.get(shown.path).headers["Cache-Control"] == "no-store"
    mails: list[EmailMessage] = []
    outbox.run(sqlite_gateway, mails.append)
    assert {one["To"] for one in mails} == {"somebody@agency.invalid"}  # her advocate is told that it ended
    written = capsys.readouterr().out + "".join(map(str, mails))
    assert "request.done" in written  # the control
    for part in (VALUE, "900123", WORD, "Weekdays"):
        assert part not in written
