"""Whoever must act has something to read; the mail is the same for everything, and the person is never mailed."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.models import LedgerHold
from gateway.notices import outbox
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Person, Post
from gateway.review import concerns, holding
from gateway.review.concerns import Raising
from gateway.review.holding import Holding
from gateway.review.models import AnswerKind, ConcernKind, HoldGround
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from tests.conftest import NOW
from tests.meadow import Meadow, make_meadow
from tests.review.story import Story, give_mandate, tell
from tests.review.test_an_entry_is_held_back_and_revealed_by_officers import officer
from tests.web.pages import Web

DAY = timedelta(days=1)


@pytest.fixture
def meadow(sqlite_gateway: Gateway) -> Meadow:
    made = make_meadow(sqlite_gateway.store)
    give_mandate(sqlite_gateway.store, made)
    with sqlite_gateway.store.writing() as unit:
        for name, person_id in made.people.items():
            has_address(unit, unit.session.get_one(Person, person_id), name)
    return made


def has_address(unit: Unit, row: Person, name: str) -> None:
    address, place = f"{name}@agency.invalid", f"person|contact|{row.id}"
    row.contact = unit.vault.seal(unit.session, Scope.PARTNERSHIP, row.partnership_id, address, where=place)
    unit.session.add(row)


def person(unit: Unit, meadow: Meadow, name: str) -> str:
    """One more member of staff, who can be mailed."""
    row = Person(partnership_id=meadow.partnership_id, name=name)
    unit.session.add(row)
    unit.session.flush()
    has_address(unit, row, name)
    return row.id


@pytest.fixture
def story(sqlite_gateway: Gateway, meadow: Meadow) -> Story:
    return tell(sqlite_gateway.store, meadow)


def mails(gateway: Gateway) -> list[EmailMessage]:
    sent: list[EmailMessage] = []
    outbox.run(gateway, sent.append)
    return sent


def told(gateway: Gateway) -> set[str]:
    return {mail["To"].split("@")[0] for mail in mails(gateway)}


def test_holder_requester_recipient_and_the_mandated_advocate_are_told(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    # The holder's officer has the request, the housing officer the parcel; the advocate has a mandate that counts.
    assert told(sqlite_gateway) == {"officer", "housing_officer", "advocate"}
    assert told(sqlite_gateway) == set(), "nobody is told twice"


def test_the_mail_is_one_neutral_text(sqlite_gateway: Gateway, meadow: Meadow, story: Story) -> None:
    texts = {(mail["Subject"], mail.get_content()) for mail in mails(sqlite_gateway)}
    link = sqlite_gateway.settings.web.public_url
    assert texts == {("You have something to read", f"You have something to read.\n\n{link}\n")}


def test_a_concern_and_its_answer_reach_officer_and_advocate(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    mails(sqlite_gateway)
    with sqlite_gateway.store.writing() as unit:
        said = Raising(ConcernKind.OTHER, "Something is wrong here.", act_before_asking=False)
        advocate = meadow.actor(unit, "advocate")
        row = concerns.raise_concern(unit, advocate, meadow.victim, story.released, said)
    assert told(sqlite_gateway) == {"police_governance"}
    with sqlite_gateway.store.writing() as unit:
        officer = meadow.actor(unit, "police_governance")
        concerns.answer(unit, officer, row.id, AnswerKind.UPHELD, "We were wrong here.")
    assert told(sqlite_gateway) == {"advocate"}


def held_until_tomorrow(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    """The police officer holds an entry of her agency back; a colleague looks again tomorrow."""
    with gateway.store.writing() as unit:
        reviewer = officer(unit, meadow, meadow.police, person_id=person(unit, meadow, "reviewer"))
        officer(unit, meadow, meadow.police, person_id=person(unit, meadow, "colleague"))
        officer(
            unit, meadow, meadow.police, person_id=meadow.people["officer"]
        )  # who released it: she is named in it
        officer(unit, meadow, meadow.charity, governs=True, person_id=person(unit, meadow, "elsewhere"))
        why = Holding(HoldGround.TIPPING_OFF, "It would warn a suspect now.", reviewer, NOW.date() + DAY)
        holding.hold(unit, meadow.actor(unit, "police_governance"), story.released, why)


def test_a_review_that_is_due_reaches_the_reviewer_and_her_agencys_officers_once_it_is_late(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story, clock: FixedClock
) -> None:
    mails(sqlite_gateway)
    held_until_tomorrow(sqlite_gateway, meadow, story)
    assert told(sqlite_gateway) == {"reviewer"}, "that she is to look at it, some day"
    assert told(sqlite_gateway) == set()

    clock.advance(DAY)
    due = mails(sqlite_gateway)
    assert [mail["To"] for mail in due] == ["reviewer@agency.invalid"]
    assert {(mail["Subject"], mail.get_content().split("\n")[0]) for mail in due} == {
        ("You have something to read", "You have something to read.")
    }
    clock.advance(2 * DAY)
    assert told(sqlite_gateway) == set()
    clock.advance(DAY)
    assert told(sqlite_gateway) == {"police_governance", "colleague"}, (
        "nor who is named in it, nor another agency"
    )
    clock.advance(30 * DAY)
    assert told(sqlite_gateway) == set(), "nobody is told twice"


def test_a_review_that_was_made_is_due_again_only_at_its_next_day(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story, clock: FixedClock
) -> None:
    held_until_tomorrow(sqlite_gateway, meadow, story)
    clock.advance(DAY)
    mails(sqlite_gateway)
    with sqlite_gateway.store.writing() as unit:
        [row] = unit.session.exec(select(LedgerHold)).all()
        reviewer = actor_for_post(unit, row.reviewer_post_id)
        holding.keep_holding(unit, reviewer, story.released, "The inquiry goes on.", NOW.date() + 9 * DAY)
    clock.advance(7 * DAY)
    assert told(sqlite_gateway) == set()
    clock.advance(DAY)
    assert told(sqlite_gateway) == {"reviewer"}


def test_whoever_takes_over_from_a_reviewer_who_has_left_is_told(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story, clock: FixedClock
) -> None:
    mails(sqlite_gateway)
    held_until_tomorrow(sqlite_gateway, meadow, story)
    with sqlite_gateway.store.writing() as unit:
        [row] = unit.session.exec(select(LedgerHold)).all()
        unit.session.get_one(Post, row.reviewer_post_id).ended_at = unit.now
    clock.advance(DAY)
    assert told(sqlite_gateway) == {"colleague", "elsewhere"}, "not whoever held it back"


@pytest.mark.parametrize("case", ["case", "another"])
def test_an_emergency_alarms_the_advocates_whose_mandate_counts(
    sqlite_gateway: Gateway, meadow: Meadow, case: str
) -> None:
    mails(sqlite_gateway)
    about = meadow.victim if case == "case" else meadow.stranger
    with sqlite_gateway.store.writing() as unit:
        record(
            unit,
            Entry(
                kind=EntryKind.EMERGENCY_USED,
                partnership_id=meadow.partnership_id,
                controller_agency_id=meadow.police,
                actor_post_id=meadow.officer,
                actor_agency_id=meadow.police,
                subject_ids=(about,),
            ),
        )
    assert told(sqlite_gateway) == ({"advocate"} if case == "case" else set())


def test_a_mail_that_fails_is_tried_again_five_times(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    def refuse(_message: EmailMessage) -> None:
        raise OSError("no route")

    assert outbox.run(sqlite_gateway, refuse).failed == 3
    assert outbox.run(sqlite_gateway, refuse) == outbox.Ran(noted=0, sent=0, failed=3)
    for _ in range(3):
        outbox.run(sqlite_gateway, refuse)
    assert outbox.run(sqlite_gateway, refuse).failed == 0


def test_without_a_server_notices_stay_in_the_pages(
    sqlite_gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    assert outbox.run(sqlite_gateway).sent == 0
    with sqlite_gateway.store.writing() as unit:
        noted = len(outbox.unseen(unit, meadow.housing_officer))
        assert noted
        assert outbox.mark_seen(unit, meadow.housing_officer) == noted
        assert not outbox.unseen(unit, meadow.housing_officer)
    assert "housing_officer" not in told(sqlite_gateway)


def test_the_page_says_how_many_and_nothing_else(
    web: Web, sqlite_gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    outbox.run(sqlite_gateway)
    web.sign_in(meadow.housing_officer)
    found = web.page("/notices/")
    assert "You have 1 thing to read" in found.text
    assert "K7Q2" not in found.text
    assert "You have nothing to read" in web.submit(found).text
