"""An officer holds an entry back; another looks again and reveals it; the advocate counts it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from gateway.assembly import Gateway
from gateway.cli import ledger as commands
from gateway.cli.ledger import ledger
from gateway.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, entries_in_partnership, words_of
from gateway.ledger.verify import verify_store
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Face, Person, Post
from gateway.review import entries, handing_out, holding
from gateway.review import log as logs
from gateway.review.holding import Holding
from gateway.review.models import HoldGround
from gateway.store.unit_of_work import Unit
from tests.conftest import NOW
from tests.meadow import START, Meadow
from tests.review.story import Story

LATER = date(2027, 1, 15)
WHY = "Telling now would warn a suspect: the inquiry runs until January."
OVER = "The inquiry has ended."


def held_by(meadow: Meadow, **other: object) -> Holding:
    """Held until January, to be reviewed by the housing officer."""
    found = Holding(HoldGround.TIPPING_OFF, WHY, meadow.housing_governance, LATER)
    return replace(found, **other)  # type: ignore[arg-type]


def officer(unit: Unit, meadow: Meadow, agency_id: str, *, governs: bool = False, person_id: str = "") -> str:
    """One more officer; gives her post."""
    if not person_id:
        person = Person(partnership_id=meadow.partnership_id, name="Name of one more")
        unit.session.add(person)
        unit.session.flush()
        person_id = person.id
    post = Post(
        partnership_id=meadow.partnership_id,
        person_id=person_id,
        agency_id=agency_id,
        role="ig_officer",
        face=Face.GOVERNANCE,
        orientation="neutral",
        governs=governs,
        starts_on=START,
    )
    unit.session.add(post)
    unit.session.flush()
    return post.id


def test_a_held_entry_is_counted_reviewed_by_somebody_else_and_revealed(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    store = gateway.store

    def hers() -> tuple[set[str], int]:
        with store.writing() as unit:
            found = logs.log(
                unit, meadow.actor(unit, "advocate"), meadow.victim, logs.Chosen(), offset=0, limit=100
            )
        return {one.entry_id for one in found.entries}, len(found.held)

    assert story.released in hers()[0]
    with store.writing() as unit:
        said = holding.hold(unit, meadow.actor(unit, "police_governance"), story.released, held_by(meadow))

    seen, held = hers()
    assert (story.released in seen, held) == (False, 1)
    with store.writing() as unit:
        assert words_of(unit, said)["reasons"] == WHY
        assert '"held": 1' in handing_out.openings(unit, meadow.actor(unit, "advocate"), meadow.victim)
    with store.writing() as unit:
        reviewer = meadow.actor(unit, "housing_governance")
        [waiting] = holding.held(unit, reviewer)
        assert (waiting.entry_id, waiting.hers_to_review, waiting.overdue) == (story.released, True, False)
        holding.keep_holding(unit, reviewer, story.released, WHY, date(2027, 3, 1))
    with store.reading() as unit:
        assert [one.until for one in holding.held(unit, reviewer)] == [date(2027, 3, 1)]
        [mine] = holding.held(unit, meadow.actor(unit, "police_governance"))
        assert (mine.held_by_her, mine.hers_to_review) == (True, False)
        assert verify_store(unit).verified
    with store.writing() as unit:
        said = holding.reveal(unit, reviewer, story.released, OVER)
    with store.reading() as unit:
        assert words_of(unit, said)["reasons"] == OVER
        assert verify_store(unit).verified
        assert holding.held(unit, reviewer) == []
    seen, held = hers()
    assert (story.released in seen, said in seen, held) == (True, True, 0)
    with pytest.raises(Conflict), store.writing() as unit:
        holding.hold(unit, meadow.actor(unit, "police_governance"), story.released, held_by(meadow))


def test_whoever_holds_it_back_never_looks_again(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    """Neither as the named reviewer, nor from a second post, nor after the reviewer kept it held."""
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        second_hat = officer(
            unit, meadow, meadow.housing, governs=True, person_id=meadow.people["police_governance"]
        )
    for reviewer in (meadow.police_governance, second_hat):
        with pytest.raises(Invalid, match="can't review"), store.writing() as unit:
            holding.hold(
                unit,
                meadow.actor(unit, "police_governance"),
                told.released,
                held_by(meadow, reviewer_post_id=reviewer),
            )
    with store.writing() as unit:
        holding.hold(unit, meadow.actor(unit, "police_governance"), told.released, held_by(meadow))
    with store.writing() as unit:
        other = meadow.actor(unit, "housing_governance")
        holding.keep_holding(unit, other, told.released, WHY, LATER)
    for post_id in (meadow.police_governance, second_hat):
        with pytest.raises(Forbidden), store.writing() as unit:
            holding.reveal(unit, actor_for_post(unit, post_id), told.released, OVER)
        with pytest.raises(Forbidden), store.writing() as unit:
            holding.keep_holding(unit, actor_for_post(unit, post_id), told.released, WHY, LATER)
    with store.writing() as unit:  # the control
        holding.reveal(unit, meadow.actor(unit, "housing_governance"), told.released, OVER)


def test_another_takes_over_only_from_a_reviewer_who_has_left(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        holding.hold(unit, meadow.actor(unit, "police_governance"), told.released, held_by(meadow))
        colleague = officer(unit, meadow, meadow.police)
    with pytest.raises(Forbidden), store.writing() as unit:
        holding.reveal(unit, actor_for_post(unit, colleague), told.released, OVER)
    with store.writing() as unit:
        unit.session.get_one(Post, meadow.housing_governance).ended_at = unit.now
    with pytest.raises(Forbidden), store.writing() as unit:
        holding.reveal(unit, meadow.actor(unit, "police_governance"), told.released, OVER)
    with store.writing() as unit:
        assert holding.held(unit, actor_for_post(unit, colleague))[0].hers_to_review
        holding.reveal(unit, actor_for_post(unit, colleague), told.released, OVER)


def test_who_may_not_decide_it_and_who_may_not_look_again(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    meadow, told = sqlite_meadow, sqlite_story
    right = held_by(meadow)
    wrong: list[tuple[type[GatewayError], str, Holding]] = [
        (NotFound, "officer", right),
        (NotFound, "advocate", right),
        (NotFound, "housing_governance", held_by(meadow, reviewer_post_id=meadow.police_governance)),
        (Invalid, "police_governance", held_by(meadow, reasons="  ")),
        (Invalid, "police_governance", held_by(meadow, reviewer_post_id=meadow.officer)),
        (Invalid, "police_governance", held_by(meadow, reviewer_post_id="0" * 32)),
        (Invalid, "police_governance", held_by(meadow, review_on=NOW.date())),
        (Invalid, "police_governance", held_by(meadow, review_on=NOW.date() + timedelta(days=184))),
    ]
    for error, who, how in wrong:
        with pytest.raises(error), sqlite_gateway.store.writing() as unit:
            holding.hold(unit, meadow.actor(unit, who), told.released, how)
    with pytest.raises(NotFound), sqlite_gateway.store.writing() as unit:
        holding.reveal(unit, meadow.actor(unit, "police_governance"), told.released, WHY)
    with sqlite_gateway.store.writing() as unit:  # the control
        holding.hold(unit, meadow.actor(unit, "police_governance"), told.released, right)


def test_nobody_holds_back_what_she_did_herself(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        own = officer(unit, meadow, meadow.police, person_id=meadow.people["officer"])
    with pytest.raises(Forbidden, match="named in this entry"), store.writing() as unit:
        holding.hold(unit, actor_for_post(unit, own), told.released, held_by(meadow))
    with store.reading() as unit:
        offered = {
            post_id
            for post_id, _ in holding.reviewers(unit, meadow.actor(unit, "police_governance"), told.released)
        }
    assert own not in offered


def test_that_a_held_entry_was_read_does_not_tell_whom_it_is_about(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story

    def look() -> list[tuple[str, ...]]:
        with store.writing() as unit:
            her = meadow.actor(unit, "police_governance")
            entries.look(unit, her, told.released)
        with store.reading() as unit:
            found = entries_in_partnership(unit, meadow.partnership_id, Filter(kinds=(EntryKind.LOG_VIEWED,)))
            return [one.subject_ids for one in found.entries]

    assert look() == [(meadow.victim,)]
    with store.writing() as unit:
        holding.hold(unit, meadow.actor(unit, "police_governance"), told.released, held_by(meadow))
    sqlite_gateway.clock.advance(2 * logs.ONE_LOOK)  # type: ignore[attr-defined]
    assert look() == [(), (meadow.victim,)]


def test_an_entry_is_found_by_its_number_by_those_who_may_read_it(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    store, meadow, told = sqlite_gateway.store, sqlite_meadow, sqlite_story
    with store.writing() as unit:
        hers = meadow.actor(unit, "police_governance")
        number = str(entries.look(unit, hers, told.released).told.number)
        assert entries.find(unit, hers, number) == entries.find(unit, hers, told.released) == told.released
        foreign = replace(meadow.actor(unit, "housing_governance"), partnership_id="f" * 32, governs=True)
        for who in (meadow.actor(unit, "housing_governance"), foreign, meadow.actor(unit, "officer")):
            with pytest.raises(NotFound):
                entries.look(unit, who, told.released)
            for asked in (number, told.released, "999999", "0", "9" * 400, "Jane"):
                with pytest.raises(Invalid):
                    entries.find(unit, who, asked)


def test_the_operator_lists_what_is_due_and_decides_nothing(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "at_work", lambda: sqlite_gateway)
    meadow, told = sqlite_meadow, sqlite_story

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(ledger, list(words))
        return done.exit_code, done.output

    with sqlite_gateway.store.writing() as unit:
        holding.hold(unit, meadow.actor(unit, "police_governance"), told.released, held_by(meadow))
    code, said = run("held", "meadow", "--by", "2027-01-15")
    assert (code, told.released in said) == (1, True)
    assert run("held", "meadow", "--by", "2027-01-14") == (0, "Nothing is due.\n")
    assert {"hold", "keep-holding", "reveal", "erase"} & set(ledger.commands) == set()
