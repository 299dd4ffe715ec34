"""One officer asks for an entry to be erased, a second who gains nothing by it approves; nothing happens before."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.errors import Conflict, Erased, Forbidden, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.models import LedgerHold
from gateway.ledger.read import Filter, entries_in_partnership, entry, words_of
from gateway.ledger.verify import verify_store
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Post
from gateway.review import entries, erasing, holding
from gateway.review.holding import Holding
from gateway.review.models import EntryErasure, ErasureGround, ErasureState, HoldGround
from gateway.store.vault import Scope
from tests.meadow import Meadow
from tests.review.story import Story
from tests.review.test_an_entry_is_held_back_and_revealed_by_officers import officer

WHY = "It was recorded about somebody else."


def ask(gateway: Gateway, meadow: Meadow, entry_id: str) -> None:
    """The police officer asks."""
    with gateway.store.writing() as unit:
        erasing.ask(unit, meadow.actor(unit, "police_governance"), entry_id, ErasureGround.WRONG_PERSON, WHY)


def test_two_officers_erase_what_an_entry_says_held_or_not(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    store = gateway.store
    with store.writing() as unit:
        why = Holding(HoldGround.COURT_ORDER, WHY, meadow.housing_governance, date(2027, 1, 15))
        holding.hold(unit, meadow.actor(unit, "police_governance"), story.released, why)
    ask(gateway, meadow, story.released)
    with store.reading() as unit:
        assert entry(unit, story.released, reviewing=True).entry_id == story.released  # nothing changed
        second = meadow.actor(unit, "housing_governance")
        [waiting] = erasing.to_approve(unit, second)
        assert (waiting.entry_id, waiting.reasons) == (story.released, WHY)
    with store.writing() as unit:
        by = erasing.approve(unit, second, story.released)
    with store.reading() as unit:
        with pytest.raises(Erased):
            entry(unit, story.released)
        said = entry(unit, by)
        assert (said.kind, said.subject_ids) == (EntryKind.ENTRY_ERASED, ())
        assert (said.actor_post_id, said.refs["asked_by"]) == (second.post_id, meadow.police_governance)
        assert words_of(unit, by)["reasons"] == WHY
        assert (verify_store(unit).verified, verify_store(unit).erased) == (True, 1)
        assert unit.session.exec(select(LedgerHold)).all() == []
        row = unit.session.exec(select(EntryErasure)).one()
        assert (row.state, row.words) == (ErasureState.ERASED, None)
        with pytest.raises(Erased):
            entries.look(unit, meadow.actor(unit, "police_governance"), story.released)
        with pytest.raises(NotFound):
            entries.look(unit, second, story.released)


def test_one_officer_alone_erases_nothing(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    """Not from a second post, nor with a colleague of the agency that gains by it, nor with one who is named."""
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        hers = officer(
            unit, meadow, meadow.charity, governs=True, person_id=meadow.people["police_governance"]
        )
        colleague = officer(unit, meadow, meadow.police, governs=True)
        named = officer(
            unit, meadow, meadow.charity, governs=True, person_id=meadow.people["housing_officer"]
        )
    ask(sqlite_gateway, meadow, told.released)
    for post_id in (meadow.police_governance, hers, colleague, named):
        with pytest.raises(Forbidden), store.writing() as unit:
            erasing.approve(unit, actor_for_post(unit, post_id), told.released)
    with pytest.raises(Conflict, match="waits already"), store.writing() as unit:
        erasing.ask(unit, actor_for_post(unit, colleague), told.released, ErasureGround.COURT_ORDER, WHY)
    with store.reading() as unit:
        assert entry(unit, told.released).entry_id == told.released
        assert erasing.asked(unit, told.released) == [meadow.housing_governance]
    with store.writing() as unit:  # one who governs, and gains nothing, comes before those who don't
        free = officer(unit, meadow, meadow.charity, governs=True)
        assert erasing.asked(unit, told.released) == [free]
    with pytest.raises(NotFound), store.writing() as unit:
        erasing.approve(unit, meadow.actor(unit, "housing_governance"), told.released)
    with store.writing() as unit:  # the control
        erasing.approve(unit, actor_for_post(unit, free), told.released)


def test_an_officer_who_gains_nothing_still_takes_a_second(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        author = officer(unit, meadow, meadow.charity, governs=True)
        her = actor_for_post(unit, author)
        second_hat = officer(unit, meadow, meadow.charity, governs=True, person_id=her.person_id)
        colleague = officer(unit, meadow, meadow.charity, governs=True)
    with store.writing() as unit:
        erasing.ask(unit, her, told.released, ErasureGround.COURT_ORDER, WHY)
    for post_id in (author, second_hat):
        with pytest.raises(Forbidden), store.writing() as unit:
            erasing.approve(unit, actor_for_post(unit, post_id), told.released)
    with store.writing() as unit:  # the control
        erasing.approve(unit, actor_for_post(unit, colleague), told.released)


def test_refusing_ends_it_and_its_words_go(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    ask(sqlite_gateway, meadow, told.released)
    with store.writing() as unit:
        erasing.refuse(unit, meadow.actor(unit, "housing_governance"), told.released)
    with pytest.raises(NotFound), store.writing() as unit:
        erasing.approve(unit, meadow.actor(unit, "housing_governance"), told.released)
    with store.reading() as unit:
        assert entry(unit, told.released).entry_id == told.released
        assert unit.session.exec(select(EntryErasure.words)).one() is None
        latest = entries_in_partnership(unit, meadow.partnership_id, Filter(limit=2)).entries
        assert [one.kind for one in latest] == [
            EntryKind.ENTRY_ERASURE_REFUSED,
            EntryKind.ENTRY_ERASURE_ASKED,
        ]
    ask(sqlite_gateway, meadow, told.released)  # it can be asked for again


def test_what_may_not_be_erased_is_not_asked_for(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    ask(sqlite_gateway, meadow, told.released)
    with store.writing() as unit:
        by = erasing.approve(unit, meadow.actor(unit, "housing_governance"), told.released)
    with pytest.raises(Conflict), store.writing() as unit:  # nobody hides that something was erased
        erasing.ask(unit, meadow.actor(unit, "police_governance"), by, ErasureGround.COURT_ORDER, WHY)
    with pytest.raises(Invalid), store.writing() as unit:
        erasing.ask(
            unit, meadow.actor(unit, "police_governance"), told.decided, ErasureGround.COURT_ORDER, " "
        )
    for who in ("housing_governance", "officer", "advocate"):
        with pytest.raises(NotFound), store.writing() as unit:
            erasing.ask(unit, meadow.actor(unit, who), told.decided, ErasureGround.COURT_ORDER, WHY)


def test_where_nobody_is_free_it_waits_and_says_so(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        unit.session.get_one(Post, meadow.housing_governance).ended_at = unit.now
    ask(sqlite_gateway, meadow, told.released)
    with store.reading() as unit:
        [stuck] = erasing.to_approve(unit, meadow.actor(unit, "police_governance"))
        assert stuck.stuck


def test_its_words_lie_under_her_key_and_go_with_her(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    ask(sqlite_gateway, meadow, told.released)
    with store.writing() as unit:
        sealed = unit.session.exec(select(EntryErasure.words)).one()
        assert sealed is not None
        assert WHY.encode() not in sealed
        unit.vault.destroy(unit.session, Scope.SUBJECT, meadow.victim)
    with store.reading() as unit:
        [view] = erasing.erasures(unit, meadow.actor(unit, "police_governance"))
        assert "erased" in view.reasons
