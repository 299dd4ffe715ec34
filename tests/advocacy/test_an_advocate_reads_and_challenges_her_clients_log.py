"""The advocate's pages: clients, log, one entry, copies, what can be taken away, concerns and their answers."""

from __future__ import annotations

import json
from datetime import date

import pytest

from gateway.assembly import Gateway
from gateway.ledger.audit import audit_of
from gateway.ledger.entries import EntryKind
from gateway.ledger.hold import hold
from gateway.ledger.read import entries_for_subject
from gateway.review.models import ErasureGround
from gateway.store.tables import new_id
from tests.ledger.made import edit, entry
from tests.meadow import Meadow
from tests.review.story import WHY, Story
from tests.review.test_an_entry_is_erased_by_two_officers import erased
from tests.web.pages import Web

LATER = date(2027, 1, 15)


def log_of(meadow: Meadow) -> str:
    return f"/advocacy/clients/{meadow.victim}/log"


def kinds(gateway: Gateway, meadow: Meadow) -> list[EntryKind]:
    with gateway.store.reading() as unit:
        return [entry.kind for entry in entries_for_subject(unit, meadow.victim).entries]


def test_she_sees_her_clients_by_reference(web: Web, meadow: Meadow, story: Story) -> None:
    web.sign_in(meadow.advocate)
    home = web.page("/advocacy/")
    assert home.h1 == "My clients"
    assert home.links()["K7Q2-M4XD"] == log_of(meadow)
    web.sign_in(meadow.other_advocate)
    assert "Nobody's mandate to you counts" in web.page("/advocacy/").text


def test_the_log_lists_refusals_and_says_whether_it_verifies(web: Web, meadow: Meadow, story: Story) -> None:
    web.sign_in(meadow.advocate)
    for address in (log_of(meadow), f"{log_of(meadow)}?view=timeline", f"{log_of(meadow)}?order=oldest"):
        found = web.page(address)
        assert "Decided: partly allowed" in found.text
        assert "The log verifies: all" in found.text
        assert "Name of" not in found.text.replace("as Name of advocate", "")


def test_of_a_large_log_the_page_says_what_was_checked_and_when(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    store, journal = sqlite_gateway.store, sqlite_gateway.journal
    journal.small = 0
    web.sign_in(meadow.advocate)
    for address in (log_of(meadow), f"/advocacy/clients/{meadow.victim}/print", "/advocacy/check"):
        found = web.page(address)
        assert "its check has not ended" in found.text
        assert "The log verifies" not in found.text
        assert "Do not rely on this log" not in found.text

    audit_of(store).check_whole(store)
    assert "entries were as they were recorded when they were checked at" in web.page(log_of(meadow)).text
    assert "Those about your client" in web.page(log_of(meadow)).text

    journal.damaged = "entry 1 was changed after it was recorded (found at 10:31 UTC on 1 November 2026)"
    for address in (log_of(meadow), "/advocacy/check"):
        assert f"The log does not verify: {journal.damaged}." in web.page(address).text
        assert "Do not rely on this log" in web.page(address).text


def test_the_page_misses_an_entry_that_was_taken_out_of_her_log(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    store = sqlite_gateway.store
    sqlite_gateway.journal.small = 0
    audit_of(store).check_whole(store)
    web.sign_in(meadow.advocate)
    assert "The log verifies" in web.page(log_of(meadow)).text

    edit(store, f"DELETE FROM ledger_subject WHERE entry_id = '{story.released}'")  # noqa: S608

    found = web.page(log_of(meadow)).text
    assert "The log does not verify: entry " in found
    assert "is filed under other persons than those recorded" in found


def test_the_page_says_what_was_erased_and_why(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    web.sign_in(meadow.advocate)
    by = erased(sqlite_gateway, meadow, story.released, ErasureGround.COURT_ORDER)
    assert "Something in this log was erased." in web.page(log_of(meadow)).text
    assert "of the partnership" not in web.page(log_of(meadow)).text
    assert "was erased. A court has ordered it." in web.page(f"{log_of(meadow)}/{by}").text
    assert web.client.get(f"{log_of(meadow)}/{story.released}").status_code == 410


def test_the_page_counts_what_was_about_the_wrong_person_and_names_nobody(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    web.sign_in(meadow.advocate)
    erased(sqlite_gateway, meadow, story.released, ErasureGround.WRONG_PERSON)
    assert "Something in this log was erased." not in web.page(log_of(meadow)).text
    assert "1 entry of the partnership was erased without saying about whom" in web.page(log_of(meadow)).text


def test_the_page_counts_what_may_not_be_shown_yet(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    web.sign_in(meadow.advocate)
    with sqlite_gateway.store.reading() as unit:
        hers = [one.entry_id for one in entries_for_subject(unit, meadow.victim).entries][:2]
    for entry_id, said in zip(
        hers, ("1 entry is sealed: showing it now", "2 entries are sealed: showing them now"), strict=True
    ):
        with sqlite_gateway.store.writing() as unit:
            decided = entry(partnership_id=meadow.partnership_id, subject_ids=())
            hold(unit, entry_id, decided, reviewer_post_id=meadow.housing_governance, review_on=LATER)
        assert f"{said} would be unlawful." in web.page(log_of(meadow)).text


def test_the_log_is_filtered_by_codes_in_the_address(web: Web, meadow: Meadow, story: Story) -> None:
    web.sign_in(meadow.advocate)
    found = web.page(
        f"{log_of(meadow)}?matter=shared&category=housing&since-day=1&since-month=11&since-year=2026"
    )
    assert "Showing 1 to 1 of 1 entries" in found.text
    assert "Selected filters" in found.text
    nothing = web.page(f"{log_of(meadow)}?matter=outside")
    assert "Nothing in this log fits" in nothing.text
    web.page(f"{log_of(meadow)}?matter=nonsense&agency=%3Cscript%3E&outcome=x&page=x&until-day=99")


def test_one_entry_in_plain_words_with_its_proof(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    web.sign_in(meadow.advocate)
    asked = web.page(f"{log_of(meadow)}/{story.asked}")
    assert WHY in asked.text
    decided = web.page(f"{log_of(meadow)}/{story.decided}")
    assert "The person had said no." in decided.text
    proof = web.client.get(f"{log_of(meadow)}/{story.decided}/proof")
    assert proof.text.startswith("c2sp.org/tlog-proof@v1")
    assert proof.headers["Content-Disposition"] == 'attachment; filename="entry.tlog-proof"'
    bundle = web.client.get(f"/advocacy/clients/{meadow.victim}/openings")
    assert len(json.loads(bundle.text)["openings"]) > 5
    table = web.client.get(f"/advocacy/clients/{meadow.victim}/table")
    assert (table.mimetype, table.headers["Cache-Control"]) == ("text/csv", "no-store")
    printed = web.page(f"/advocacy/clients/{meadow.victim}/print")
    assert WHY in printed.text
    found = kinds(sqlite_gateway, meadow)
    assert found.count(EntryKind.LOG_EXPORTED) == 3
    assert EntryKind.LOG_PRINTED in found


def test_who_holds_copies_and_how_to_check(web: Web, meadow: Meadow, story: Story) -> None:
    web.sign_in(meadow.advocate)
    copies = web.page(f"/advocacy/clients/{meadow.victim}/copies")
    assert "Housing officer, Meadow Housing" in copies.text
    assert "VERIFIED" in web.page("/advocacy/check").text


def test_reading_together_warns_first_and_tells_a_passer_by_nothing(
    web: Web, meadow: Meadow, story: Story
) -> None:
    web.sign_in(meadow.advocate)
    before = web.page(f"/advocacy/clients/{meadow.victim}/before")
    together = web.page(before.links()["It is safe: continue"])
    for shown in (before, together, web.page(f"{log_of(meadow)}/{story.asked}?together=yes")):
        assert shown.title.endswith("- Pages")
        assert shown.all("a", class_="govuk-js-exit-this-page-button")


@pytest.mark.parametrize(
    "path",
    [
        "log",
        "log/{entry}",
        "log/{entry}/proof",
        "log/{entry}/concern",
        "copies",
        "table",
        "openings",
        "print",
        "before",
        "end",
    ],
)
def test_another_advocate_and_a_stranger_find_the_same_nothing(
    web: Web, meadow: Meadow, story: Story, path: str
) -> None:
    web.sign_in(meadow.other_advocate)
    foreign = web.client.get(f"/advocacy/clients/{meadow.victim}/{path.format(entry=story.asked)}")
    missing = web.client.get(f"/advocacy/clients/{new_id()}/{path.format(entry=new_id())}")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.text == missing.text
    web.sign_in(meadow.advocate)
    his = web.client.get(f"/advocacy/clients/{meadow.perpetrator}/{path.format(entry=story.asked)}")
    assert his.status_code == 404


def test_a_concern_is_checked_sent_answered_and_read(
    web: Web, meadow: Meadow, story: Story, sqlite_gateway: Gateway
) -> None:
    web.sign_in(meadow.advocate)
    shown = web.page(f"{log_of(meadow)}/{story.released}/concern")
    wrong = web.submit(shown, {}, status=422)
    assert "Choose what worries you" in wrong.text
    answers = {
        "kind": "not_agreed",
        "words": "She had said no to housing.",
        "act": "yes",
        "safe_contact": "Through me",
    }
    check = web.submit(shown, answers)
    assert check.h1 == "Check the concern"
    changed = web.submit(check, form=1)
    assert "She had said no to housing." in changed.text
    sent = web.submit(check)
    assert sent.h1.startswith("Concern ")
    assert "1 copy was frozen at once" in sent.text
    assert "23 November 2026" in sent.text
    concern = sent.path
    assert sent.h1.removeprefix("Concern ") in web.page("/advocacy/concerns").text
    assert EntryKind.CONCERN_RAISED in kinds(sqlite_gateway, meadow)

    web.sign_in(meadow.housing_governance)
    assert "No concern has been raised" in web.page("/governance/concerns").text
    assert web.client.get(concern.replace("advocacy", "governance")).status_code == 404
    web.sign_in(meadow.police_governance)
    assert "She had said no to housing." not in web.page("/governance/concerns").text
    officer = web.page(concern.replace("advocacy", "governance"))
    assert "She had said no to housing." in officer.text
    wrong = web.submit(officer, {"words": "short"}, status=422)
    assert "Choose what you found" in wrong.text
    done = web.submit(officer, {"kind": "upheld", "words": "It should not have been shared."})
    assert "The answer: upheld" in done.text

    web.sign_in(meadow.advocate)
    assert "It should not have been shared." in web.page(concern).text


def test_counts_are_for_officers_and_stand_only_for_ten(web: Web, meadow: Meadow, story: Story) -> None:
    web.sign_in(meadow.police_governance)
    found = web.page("/governance/concerns/counts?quarter=2026-2")
    assert "Fewer than ten people" in found.text
    web.page("/governance/concerns/counts?quarter=nonsense")


def test_a_mandate_is_received_whether_or_not_there_is_such_a_person(web: Web, meadow: Meadow) -> None:
    web.sign_in(meadow.other_advocate)
    said = []
    for reference in ("K7Q2-M4XD", "NONE-SUCH"):
        shown = web.page("/advocacy/mandates/new")
        day = {"given_on-day": "22", "given_on-month": "11", "given_on-year": "2026"}
        until = {"expires_on-day": "1", "expires_on-month": "3", "expires_on-year": "2027"}
        after = web.submit(shown, {"reference": reference, "how": "phone", "alone": "yes", **day, **until})
        said.append(after.text.split("Received:")[0] + after.text.split("Received:")[1][10:])
    assert said[0] == said[1]
    assert "There is a problem" in web.submit(web.page("/advocacy/mandates/new"), {}, status=422).text


def test_she_stops_reading_at_once(web: Web, meadow: Meadow) -> None:
    web.sign_in(meadow.advocate)
    web.submit(web.page(f"/advocacy/clients/{meadow.victim}/end"), {"by_subject": "yes"})
    assert web.client.get(log_of(meadow)).status_code == 404
