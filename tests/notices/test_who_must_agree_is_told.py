"""Whoever must agree to a change of the register, or to what cover lends, is told that something waits; nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.cli.demo_stage import Stage
from gateway.clock import local_day
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.notices.who import to_tell
from gateway.registry import memberships, offers, people
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit


def told(stage: Stage, kind: EntryKind) -> set[str]:
    """The codes of the posts that the newest entry of a kind is told to."""

    def find(unit: Unit) -> set[str]:
        found = [
            one
            for one in read.entries_in_partnership(unit, stage.partnership_id(unit)).entries
            if one.kind == kind
        ]
        newest = max(found, key=lambda one: one.at)
        codes = {stage.post_id(unit, code): code for code in _EVERYBODY}
        return {codes[one] for one in to_tell(unit, newest)}

    return stage.do(find)


_EVERYBODY = (
    "office-ig",
    "office-ig-2",
    "police-ig",
    "probation-ig",
    "mappa-chair",
    "police-ppu",
    "housing-officer",
)


def test_the_officers_who_govern_are_told_of_a_proposal_and_not_its_author(quick_stage: Stage) -> None:
    def offer(unit: Unit, actor: Actor) -> None:
        [first, *_] = memberships.arrangements(unit, actor.partnership_id)
        offers.offer_admission(
            unit,
            actor,
            first.arrangement_id,
            quick_stage.agency_id(unit, "housing"),
            standing="associate",
            authority="Agreement of 1 December 2026",
            signatory=True,
            starts_on=local_day(unit.now),
            ends_on=None,
        )

    quick_stage.by("office-ig", offer)
    assert told(quick_stage, EntryKind.REGISTER_PROPOSED) == {"office-ig-2"}


@pytest.mark.parametrize(("away", "expected"), [("mappa-chair", {"police-ig"}), ("police-ig", set())])
def test_the_agencys_officer_is_told_of_cover_that_would_lend_authority(
    quick_stage: Stage, away: str, expected: set[str]
) -> None:
    def go(unit: Unit, actor: Actor) -> None:
        until = local_day(unit.now) + timedelta(days=3)
        by = quick_stage.post_id(unit, "police-ppu")
        people.cover(unit, actor, actor.post_id, by_post_id=by, until=until)

    quick_stage.by(away, go)
    quick_stage.later(hours=1)
    assert told(quick_stage, EntryKind.POST_CHANGED) == expected
