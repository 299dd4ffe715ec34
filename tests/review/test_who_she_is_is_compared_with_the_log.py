"""What somebody hides in the register is missed in her log: another record of hers, or cases that she opened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa

from gateway.assembly import Gateway
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.erase import erase
from gateway.ledger.read import Filter, entries_for_subject
from gateway.ledger.verify import Verdict
from gateway.registry import subject_changes
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.subjects import known_as
from gateway.review import clients, holding
from gateway.review import log as logs
from gateway.review.holding import Holding
from gateway.review.models import ErasureGround, HoldGround
from gateway.store.unit_of_work import Unit
from tests.consent.test_a_mandate_counts_only_when_a_second_agency_confirmed_it import give
from tests.meadow import Meadow
from tests.review.story import Story
from tests.review.test_an_entry_is_held_back_and_revealed_by_officers import officer

WHY = "They are one person."
PARTED = "UPDATE subject SET state = 'active', merged_into_id = NULL WHERE id = '{}'"
OPENED = "UPDATE mandate SET case_ids = '{}' WHERE reference = '{}'"


def done(gateway: Gateway, meadow: Meadow, ask: Callable[[Unit, Actor], str]) -> None:
    """One officer proposes a change of who is who, another approves it."""
    with gateway.store.writing() as unit:
        change = ask(unit, meadow.actor(unit, "police_governance"))
        second = officer(unit, meadow, meadow.charity, governs=True)
    with gateway.store.writing() as unit:
        subject_changes.approve_change(unit, actor_for_post(unit, second), change)


def merge(gateway: Gateway, meadow: Meadow, from_id: str, into_id: str) -> None:
    done(gateway, meadow, lambda unit, actor: subject_changes.ask_merge(unit, actor, from_id, into_id, WHY))


def part(gateway: Gateway, meadow: Meadow, merged_id: str) -> None:
    done(gateway, meadow, lambda unit, actor: subject_changes.ask_unmerge(unit, actor, merged_id, WHY))


def behind_its_back(gateway: Gateway, statement: str) -> None:
    with gateway.store.writing() as unit:
        unit.session.connection().execute(sa.text(statement))


def said(gateway: Gateway, meadow: Meadow) -> Verdict:
    """What the advocate's page says."""
    with gateway.store.reading() as unit:
        found = clients.client(unit, meadow.actor(unit, "advocate"), meadow.victim)
    return logs.verdict(gateway.store, found)


def test_a_record_that_was_parted_unseen_is_missed(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    merge(gateway, meadow, meadow.stranger, meadow.victim)
    assert said(gateway, meadow).verified

    behind_its_back(gateway, PARTED.format(meadow.stranger))

    found = said(gateway, meadow)
    assert not found.verified
    assert found.problems
    assert "another record is your client's too" in found.sentence


@pytest.mark.parametrize("cases", ["[]", '["{case}"]', '["{other}"]'])
def test_cases_that_she_opened_and_the_register_does_not_are_missed(
    gateway: Gateway, meadow: Meadow, story: Story, cases: str
) -> None:
    """Her mandate opened two cases: whoever edits the row can't show her advocate fewer, or more, unnoticed."""
    other = "0" * 32
    with gateway.store.writing() as unit:
        given = give(unit, meadow, "police_governance", case_ids=frozenset({meadow.case, other}))
        reference = given.reference
    assert said(gateway, meadow).verified

    altered = cases.format(case=meadow.case, other=other)
    behind_its_back(gateway, OPENED.format(altered, reference))

    found = said(gateway, meadow)
    assert not found.verified
    assert "opened other cases to you" in found.sentence


def test_one_merged_into_a_merged_one_is_missed_too(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow = sqlite_meadow
    merge(sqlite_gateway, meadow, meadow.perpetrator, meadow.stranger)
    merge(sqlite_gateway, meadow, meadow.stranger, meadow.victim)
    assert said(sqlite_gateway, meadow).verified
    with sqlite_gateway.store.reading() as unit:
        assert len(known_as(unit, meadow.victim)) == 3

    behind_its_back(sqlite_gateway, PARTED.format(meadow.perpetrator))
    assert not said(sqlite_gateway, meadow).verified


def test_what_officers_part_and_join_again_is_no_fault(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow = sqlite_meadow
    merge(sqlite_gateway, meadow, meadow.stranger, meadow.victim)
    part(sqlite_gateway, meadow, meadow.stranger)
    assert said(sqlite_gateway, meadow).verified
    merge(sqlite_gateway, meadow, meadow.stranger, meadow.victim)
    assert said(sqlite_gateway, meadow).verified

    behind_its_back(sqlite_gateway, PARTED.format(meadow.stranger))
    assert not said(sqlite_gateway, meadow).verified


@pytest.mark.parametrize("how", ["erased", "wrong person", "held"])
def test_where_what_parted_them_is_held_back_or_erased_nothing_is_missed(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, how: str
) -> None:
    meadow = sqlite_meadow
    merge(sqlite_gateway, meadow, meadow.stranger, meadow.victim)
    sqlite_gateway.clock.advance(logs.ONE_LOOK)  # type: ignore[attr-defined]
    part(sqlite_gateway, meadow, meadow.stranger)
    with sqlite_gateway.store.writing() as unit:
        chosen = Filter(kinds=(EntryKind.SUBJECT_SPLIT,))
        parting = entries_for_subject(unit, meadow.stranger, chosen).entries[0].entry_id
        if how == "held":
            her = meadow.actor(unit, "police_governance")
            reviewer = holding.reviewers(unit, her, parting)[0][0]
            holding.hold(
                unit, her, parting, Holding(HoldGround.COURT_ORDER, WHY, reviewer, date(2027, 1, 15))
            )
        else:
            ground = ErasureGround.COURT_ORDER if how == "erased" else ErasureGround.WRONG_PERSON
            erase(
                unit,
                [parting],
                Entry(
                    EntryKind.ENTRY_ERASED,
                    meadow.partnership_id,
                    meadow.police,
                    meadow.police_governance,
                    meadow.police,
                    codes={"ground": ground.value},
                    words={"reasons": WHY},
                ),
                naming=how == "erased",
            )
    assert said(sqlite_gateway, meadow).verified


def test_a_change_that_was_only_asked_for_or_refused_says_nothing(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow = sqlite_meadow
    with sqlite_gateway.store.writing() as unit:
        asking = meadow.actor(unit, "police_governance")
        change = subject_changes.ask_merge(unit, asking, meadow.stranger, meadow.victim, WHY)
    assert said(sqlite_gateway, meadow).verified
    with sqlite_gateway.store.writing() as unit:
        subject_changes.refuse_change(unit, meadow.actor(unit, "police_governance"), change)
    assert said(sqlite_gateway, meadow).verified
