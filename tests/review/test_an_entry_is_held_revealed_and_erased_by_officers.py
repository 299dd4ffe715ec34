"""An officer holds an entry back with a reviewer and a day; the advocate counts it; it is revealed; two erase one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from gateway.assembly import Gateway
from gateway.cli import ledger_entries as commands
from gateway.cli.ledger import ledger
from gateway.errors import Erased, Forbidden, GatewayError, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, entries_in_partnership, entry, words_of
from gateway.ledger.verify import verify_store
from gateway.review import handing_out, holding
from gateway.review import log as logs
from gateway.review.holding import Review
from tests.conftest import NOW
from tests.meadow import Meadow
from tests.review.story import Story

LATER = date(2027, 1, 15)
WHY = "Telling now would warn a suspect: the inquiry runs until January."


def test_a_held_entry_is_counted_reviewed_by_somebody_else_and_revealed(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    review = Review(meadow.housing_governance, LATER)

    def hers() -> tuple[set[str], int]:
        with store.writing() as unit:
            found = logs.log(
                unit, meadow.actor(unit, "advocate"), meadow.victim, logs.Chosen(), offset=0, limit=100
            )
        return {one.entry_id for one in found.entries}, len(found.held)

    assert told.released in hers()[0]
    with store.writing() as unit:
        officer = meadow.actor(unit, "police_governance")
        holding.hold(unit, officer, told.released, WHY, review)

    seen, held = hers()
    assert (told.released in seen, held) == (False, 1)
    with store.writing() as unit:
        assert '"held": 1' in handing_out.openings(unit, meadow.actor(unit, "advocate"), meadow.victim)
        due = holding.to_review(unit, officer, LATER)
        assert [(one.entry_id, one.reviewer_post_id) for one in due] == [
            (told.released, meadow.housing_governance)
        ]
        assert list(holding.to_review(unit, officer, LATER - timedelta(days=1))) == []
    with store.writing() as unit:
        holding.keep_holding(unit, officer, told.released, WHY, replace(review, on=date(2027, 3, 1)))
    with store.writing() as unit:
        said = holding.reveal(unit, officer, told.released, "The inquiry has ended.")
    with store.reading() as unit:
        assert words_of(unit, said)["reasons"] == "The inquiry has ended."
        assert verify_store(unit).verified
    seen, held = hers()
    assert (told.released in seen, said in seen, held) == (True, True, 0)


def test_who_may_not_decide_it_and_who_may_not_look_again(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow, told = sqlite_meadow, sqlite_story
    right = Review(meadow.housing_governance, LATER)
    wrong: list[tuple[type[GatewayError], str, str, Review]] = [
        (Forbidden, "officer", WHY, right),
        (Forbidden, "advocate", WHY, right),
        (Forbidden, "housing_governance", WHY, Review(meadow.police_governance, LATER)),
        (Invalid, "police_governance", "  ", right),
        (Invalid, "police_governance", WHY, Review(meadow.police_governance, LATER)),
        (Invalid, "police_governance", WHY, Review(meadow.officer, LATER)),
        (Invalid, "police_governance", WHY, Review("0" * 32, LATER)),
        (Invalid, "police_governance", WHY, replace(right, on=NOW.date() - timedelta(days=1))),
    ]
    for error, who, why, review in wrong:
        with pytest.raises(error), sqlite_gateway.store.writing() as unit:
            holding.hold(unit, meadow.actor(unit, who), told.released, why, review)
    with pytest.raises(NotFound), sqlite_gateway.store.writing() as unit:
        holding.reveal(unit, meadow.actor(unit, "police_governance"), told.released, WHY)


def test_two_officers_erase_what_an_entry_says(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        first = meadow.actor(unit, "police_governance")
        other = meadow.actor(unit, "housing_governance")
    for second in (first, other):  # herself, and an officer of an agency that doesn't answer for it
        with pytest.raises((Invalid, Forbidden)), store.writing() as unit:
            holding.erase(unit, first, second, [told.released], WHY)
    with store.writing() as unit:
        by = holding.erase(unit, first, replace(other, governs=True), [told.released], "It was wrong.")

    with store.reading() as unit:
        with pytest.raises(Erased):
            entry(unit, told.released)
        assert words_of(unit, by)["seconded_by"]
        assert verify_store(unit).verified
        assert verify_store(unit).erased == 1


def test_the_commands_do_the_same(
    sqlite_gateway: Gateway,
    sqlite_meadow: Meadow,
    sqlite_story: Story,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "at_work", lambda: sqlite_gateway)
    meadow, told = sqlite_meadow, sqlite_story
    officer = ["--officer", meadow.police_governance]
    why = [*officer, "--reasons", WHY]
    again = ["--reviewer", meadow.housing_governance, "--review-on", "2027-01-15"]

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(ledger, list(words))
        return done.exit_code, done.output

    assert run("hold", told.released, *why, *again)[0] == 0
    code, said = run("held", *officer, "--by", "2027-01-15")
    assert (code, told.released in said) == (1, True)
    assert run("held", *officer, "--by", "2027-01-14") == (0, "Nothing is due.\n")
    assert run("keep-holding", told.released, *why, *again)[0] == 0
    assert run("reveal", told.released, *why) == (0, "Revealed.\n")
    assert run("erase", told.opened, *why, "--second", meadow.police_governance)[0] == 1
    with sqlite_gateway.store.reading() as unit:
        latest = entries_in_partnership(unit, meadow.partnership_id, Filter(limit=3)).entries
    assert [one.kind for one in latest] == [
        EntryKind.ENTRY_REVEALED,
        EntryKind.ENTRY_REVIEWED,
        EntryKind.ENTRY_HELD,
    ]
