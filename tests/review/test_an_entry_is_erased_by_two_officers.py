"""Two officers erase what an entry says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.assembly import Gateway
from gateway.errors import Erased, Invalid, NotFound
from gateway.ledger.read import entry, words_of
from gateway.ledger.verify import verify_store
from gateway.review import erasing
from tests.meadow import Meadow
from tests.review.story import Story

WHY = "It was recorded about somebody else."


def test_two_officers_erase_what_an_entry_says(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        first = meadow.actor(unit, "police_governance")
        other = meadow.actor(unit, "housing_governance")
    for second in (first, other):  # herself, and an officer of an agency that doesn't answer for it
        with pytest.raises((Invalid, NotFound)), store.writing() as unit:
            erasing.erase(unit, first, second, [told.released], WHY)
    with store.writing() as unit:
        by = erasing.erase(unit, first, replace(other, governs=True), [told.released], WHY)

    with store.reading() as unit:
        with pytest.raises(Erased):
            entry(unit, told.released)
        assert words_of(unit, by)["seconded_by"]
        assert verify_store(unit).verified
        assert verify_store(unit).erased == 1
