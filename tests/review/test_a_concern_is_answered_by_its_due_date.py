"""A concern has a reference, a due date in working days and an answer by an officer who didn't do it herself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import entries_for_subject
from gateway.registry.models import Post
from gateway.review import concerns
from gateway.review.concerns import Raising
from gateway.review.models import AnswerKind, Concern, ConcernKind
from gateway.sealing.models import Parcel, ParcelState
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from tests.meadow import Meadow
from tests.review.story import Story

WORDS = "She never said that housing could be told."


def put(unit: Unit, meadow: Meadow, entry_id: str, *, act: bool = False, words: str = WORDS) -> Concern:
    said = Raising(ConcernKind.NOT_AGREED, words, act_before_asking=act, safe_contact="Through me")
    return concerns.raise_concern(unit, meadow.actor(unit, "advocate"), meadow.victim, entry_id, said)


def test_it_is_an_entry_and_its_words_are_sealed(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    with gateway.store.writing() as unit:
        row = put(unit, meadow, story.released)
        assert WORDS.encode() not in row.words
    with gateway.store.writing() as unit:
        found = concerns.concern_of_client(unit, meadow.actor(unit, "advocate"), row.id)
        entry = entries_for_subject(unit, meadow.victim).entries[0]
    assert (found.words, found.safe_contact, found.view.controller) == (WORDS, "Through me", "Meadow Police")
    assert found.about is not None
    assert found.about.entry_id == story.released
    assert (entry.kind, entry.refs["entry"]) == (EntryKind.CONCERN_RAISED, story.released)


@pytest.mark.parametrize(
    ("now", "soon", "due"),
    [
        # A Sunday: five working days end on Friday, at local midnight.
        (datetime(2026, 11, 22, 10, tzinfo=UTC), False, datetime(2026, 11, 28, tzinfo=UTC)),
        (datetime(2026, 11, 22, 10, tzinfo=UTC), True, datetime(2026, 11, 24, tzinfo=UTC)),
        # Over Christmas Day, the substitute for Boxing Day and a weekend.
        (datetime(2026, 12, 24, 10, tzinfo=UTC), False, datetime(2027, 1, 6, tzinfo=UTC)),
        (datetime(2026, 12, 24, 10, tzinfo=UTC), True, datetime(2026, 12, 30, tzinfo=UTC)),
        # Over Easter 2027, into summer time: the day ends an hour earlier in UTC.
        (datetime(2027, 3, 25, 10, tzinfo=UTC), True, datetime(2027, 3, 30, 23, tzinfo=UTC)),
        # Late in the evening it is already tomorrow in London.
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), True, datetime(2026, 7, 3, 23, tzinfo=UTC)),
    ],
)
def test_it_is_due_in_working_days_over_bank_holidays(
    sqlite_gateway: Gateway,
    sqlite_meadow: Meadow,
    clock: FixedClock,
    now: datetime,
    soon: bool,
    due: datetime,
) -> None:
    clock.advance(now - clock.now())
    with sqlite_gateway.store.reading() as unit:
        assert concerns.due_at(unit, sqlite_meadow.police, soon) == due


def test_an_officer_of_the_controller_answers_and_the_advocate_reads_it(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    with gateway.store.writing() as unit:
        row = put(unit, meadow, story.released)
    with gateway.store.writing() as unit:
        officer = meadow.actor(unit, "police_governance")
        listed = concerns.to_answer(unit, officer)
        assert [one.reference for one in listed] == [row.reference]
        assert concerns.concern_for_officer(unit, officer, row.id).may_answer
        concerns.answer(unit, officer, row.id, AnswerKind.PARTLY_UPHELD, "It should have asked for less.")
        with pytest.raises(Conflict):
            concerns.answer(unit, officer, row.id, AnswerKind.UPHELD, "Once more, with feeling.")
    with gateway.store.writing() as unit:
        found = concerns.concern_of_client(unit, meadow.actor(unit, "advocate"), row.id)
        kinds = [entry.kind for entry in entries_for_subject(unit, meadow.victim).entries]
    assert (found.view.answer_kind, found.answer) == (
        AnswerKind.PARTLY_UPHELD,
        "It should have asked for less.",
    )
    assert found.answered_by == "Information-governance officer, Meadow Police"
    assert EntryKind.CONCERN_ANSWERED in kinds


def test_another_agencys_officer_and_staff_find_nothing(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    with gateway.store.writing() as unit:
        row = put(unit, meadow, story.released)
        for who in ("housing_governance", "officer", "advocate"):
            actor = meadow.actor(unit, who)
            assert not concerns.to_answer(unit, actor)
            with pytest.raises(NotFound):
                concerns.answer(unit, actor, row.id, AnswerKind.UPHELD, "It isn't mine to answer.")
        with pytest.raises(NotFound):
            concerns.concern_of_client(unit, meadow.actor(unit, "other_advocate"), row.id)
        with pytest.raises(NotFound):
            concerns.concern_of_client(unit, meadow.actor(unit, "advocate"), new_id())


def test_whoever_governs_the_partnership_may_answer(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    with sqlite_gateway.store.writing() as unit:
        post = unit.session.get_one(Post, sqlite_meadow.housing_governance)
        post.governs = True
        unit.session.add(post)
        row = put(unit, sqlite_meadow, sqlite_story.released)
        governor = sqlite_meadow.actor(unit, "housing_governance")
        concerns.answer(unit, governor, row.id, AnswerKind.UPHELD, "The partnership answers for it.")


def test_nobody_answers_a_concern_about_her_own_act(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    with sqlite_gateway.store.writing() as unit:
        same_person = unit.session.get_one(Post, sqlite_meadow.police_governance)
        same_person.person_id = sqlite_meadow.people["officer"]
        unit.session.add(same_person)
        row = put(unit, sqlite_meadow, sqlite_story.released)
        with pytest.raises(Forbidden):
            concerns.answer(
                unit,
                sqlite_meadow.actor(unit, "police_governance"),
                row.id,
                AnswerKind.NOT_UPHELD,
                "I did well.",
            )


def test_it_is_overdue_from_the_end_of_its_day(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, clock: FixedClock
) -> None:
    def overdue() -> bool:
        with sqlite_gateway.store.reading() as unit:
            return concerns.mine(unit, sqlite_meadow.actor(unit, "advocate"))[0].overdue

    with sqlite_gateway.store.writing() as unit:
        row = put(unit, sqlite_meadow, sqlite_story.released)
    clock.advance(row.due_at - clock.now() - timedelta(microseconds=1))
    assert not overdue()
    clock.advance(timedelta(microseconds=1))
    assert overdue()


def test_stop_it_first_freezes_what_the_entry_shared_at_once(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    with gateway.store.writing() as unit:
        row = put(unit, meadow, story.opened, act=True)
    assert row.stopped_parcels == 1
    with gateway.store.reading() as unit:
        assert unit.session.get_one(Parcel, story.parcel_id).state == ParcelState.FROZEN


def test_asking_only_freezes_nothing(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    with sqlite_gateway.store.writing() as unit:
        put(unit, sqlite_meadow, sqlite_story.opened)
        assert unit.session.get_one(Parcel, sqlite_story.parcel_id).state == ParcelState.SEALED


@pytest.mark.parametrize("words", ["", "too few", "x" * 2001])
def test_it_needs_words(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, words: str
) -> None:
    with sqlite_gateway.store.writing() as unit, pytest.raises(Invalid) as refused:
        put(unit, sqlite_meadow, sqlite_story.released, words=words)
    assert "words" in refused.value.fields


def test_a_foreign_entry_takes_no_concern(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    with sqlite_gateway.store.writing() as unit, pytest.raises(NotFound):
        put(unit, sqlite_meadow, new_id())
