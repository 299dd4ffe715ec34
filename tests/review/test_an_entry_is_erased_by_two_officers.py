"""One officer asks for an entry to be erased, a second who gains nothing by it approves; nothing happens before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from gateway_verify.cli import main
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.consent.models import Mandate
from gateway.errors import Conflict, Erased, Forbidden, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.export import export
from gateway.ledger.models import LedgerHold, LedgerRecord
from gateway.ledger.read import Filter, entries_in_partnership, entry, words_of
from gateway.ledger.verify import verify_store
from gateway.notices.who import to_tell
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Post
from gateway.review import entries, erasing, handing_out, holding
from gateway.review import log as logs
from gateway.review.holding import Holding
from gateway.review.models import EntryErasure, ErasureGround, ErasureState, HoldGround
from gateway.review.telling import WAS_HELD
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


def erased(gateway: Gateway, meadow: Meadow, entry_id: str, ground: ErasureGround) -> str:
    """The police officer asks, the housing officer approves; gives the id of the entry that says so."""
    with gateway.store.writing() as unit:
        erasing.ask(unit, meadow.actor(unit, "police_governance"), entry_id, ground, WHY)
    with gateway.store.writing() as unit:
        return erasing.approve(unit, meadow.actor(unit, "housing_governance"), entry_id)


def her_log(gateway: Gateway, meadow: Meadow) -> logs.LogPage:
    """What the advocate reads."""
    with gateway.store.writing() as unit:
        her = meadow.actor(unit, "advocate")
        return logs.log(unit, her, meadow.victim, logs.Chosen(), offset=0, limit=100)


def why(gateway: Gateway, meadow: Meadow, entry_id: str) -> tuple[str, ...]:
    """Why, as the advocate reads it on the page of the entry."""
    with gateway.store.writing() as unit:
        return logs.entry(unit, meadow.actor(unit, "advocate"), meadow.victim, entry_id)[1].why


def test_her_advocate_reads_that_something_was_erased_and_why(
    gateway: Gateway, meadow: Meadow, story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway.store.reading() as unit:
        number = entry(unit, story.released).number
    by = erased(gateway, meadow, story.released, ErasureGround.NO_LAWFUL_GROUND)

    page = her_log(gateway, meadow)
    listed = {one.entry_id: one for one in page.entries}
    assert story.released not in listed
    assert listed[by].alert == "Something in this log was erased."
    assert page.erased == 0
    erased_what = f"What was recorded at place {number} of the log was erased."
    assert why(gateway, meadow, by) == (f"{erased_what} There was never a lawful ground to keep it.", WHY)
    with gateway.store.reading() as unit:
        said = entry(unit, by)
        assert (said.subject_ids, said.case_id) == ((meadow.victim,), meadow.case)
        assert meadow.advocate in to_tell(unit, said)
        export(unit, tmp_path / "log")
    with gateway.store.writing() as unit:
        given = handing_out.openings(unit, meadow.actor(unit, "advocate"), meadow.victim)
    (tmp_path / "hers.json").write_text(given)
    assert main([str(tmp_path / "hers.json"), "--policy", str(tmp_path / "log" / "policy.txt")]) == 0
    said_outside = capsys.readouterr().out
    assert "; 1 more was erased by a decision recorded among them." in said_outside
    assert f"Entries: {story.released}\n" in said_outside


def test_what_was_recorded_about_the_wrong_person_is_counted_and_names_nobody(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    by = erased(gateway, meadow, story.released, ErasureGround.WRONG_PERSON)

    page = her_log(gateway, meadow)
    assert page.erased == 1
    assert by not in {one.entry_id for one in page.entries}
    with gateway.store.reading() as unit:
        said = unit.session.get_one(LedgerRecord, by)
        assert (said.case_id, said.request_id) == (None, None)
        assert meadow.victim not in said.record
        assert meadow.case not in said.record
        assert meadow.advocate not in to_tell(unit, entry(unit, by))
    with pytest.raises(NotFound):
        why(gateway, meadow, by)


def test_the_reasons_to_erase_what_was_held_back_stay_held_back(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow, told = sqlite_meadow, sqlite_story
    with sqlite_gateway.store.writing() as unit:
        because = Holding(HoldGround.COURT_ORDER, WHY, meadow.housing_governance, date(2027, 1, 15))
        holding.hold(unit, meadow.actor(unit, "police_governance"), told.released, because)
    assert len(her_log(sqlite_gateway, meadow).held) == 1
    by = erased(sqlite_gateway, meadow, told.released, ErasureGround.COURT_ORDER)

    page = her_log(sqlite_gateway, meadow)
    assert (page.held, by in {one.entry_id for one in page.entries}) == ([], True)
    ground, more = why(sqlite_gateway, meadow, by)
    assert ground.endswith("was erased. A court has ordered it.")
    assert more == WAS_HELD


def test_an_advocate_for_one_case_does_not_learn_of_another_from_an_erasure(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow, told = sqlite_meadow, sqlite_story
    with sqlite_gateway.store.writing() as unit:
        [mandate] = unit.session.exec(select(Mandate)).all()
        mandate.case_ids = ["0" * 32]
    by = erased(sqlite_gateway, meadow, told.released, ErasureGround.COURT_ORDER)
    assert by not in {one.entry_id for one in her_log(sqlite_gateway, meadow).entries}
    with pytest.raises(NotFound):
        why(sqlite_gateway, meadow, by)


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
