"""The advocate reads her client's whole log in plain words, nobody else's, and reading it is an entry."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from gateway_verify.cli import main
from gateway_verify.opening import Opening
from gateway_verify.proof import parse_proof

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.consent import mandates
from gateway.errors import NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.export import export
from gateway.ledger.read import Filter, entries_for_subject
from gateway.review import clients, copies, handing_out, log
from gateway.review.log import Chosen, LogPage
from gateway.review.matters import Matter
from gateway.review.telling import ALSO_ANOTHERS, without_places
from gateway.store.engine import writing
from gateway.store.tables import new_id
from gateway.vocabulary import Category, Outcome
from tests.meadow import Meadow
from tests.review.story import REFUSED_BECAUSE, WHY, Story, give_mandate, tell


def read(gateway: Gateway, meadow: Meadow, chosen: Chosen | None = None, who: str = "advocate") -> LogPage:
    with gateway.store.writing() as unit:
        actor = meadow.actor(unit, who)
        return log.log(unit, actor, meadow.victim, chosen or Chosen(), offset=0, limit=50)


def test_what_was_asked_refused_shared_and_opened_is_told_newest_first(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    found = read(gateway, meadow)
    told = {one.entry_id: one for one in found.entries}
    assert [one.number for one in found.entries] == sorted(
        (one.number or 0 for one in found.entries), reverse=True
    )
    refused = told[story.decided]
    assert refused.title == "Decided: partly allowed"
    assert refused.outcomes == {Outcome.PERMIT, Outcome.DENY}
    assert [piece.category for piece in refused.kept_back] == [
        "Current address, or anywhere she can be found"
    ]
    assert told[story.released].matter is Matter.SHARED
    assert told[story.released].to_whom == ("Housing officer, Meadow Housing",)
    assert told[story.opened].who == "Housing officer, Meadow Housing"


def test_one_entry_says_who_why_by_what_right_and_whether_she_agreed(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    with gateway.store.writing() as unit:
        actor = meadow.actor(unit, "advocate")
        _, asked = log.entry(unit, actor, meadow.victim, story.asked)
        _, decided = log.entry(unit, actor, meadow.victim, story.decided)
    assert asked.why == (WHY,)
    assert asked.purpose == "Keeping a victim safe"
    assert asked.right[0].startswith("Crime and Disorder Act 1998 s115")
    assert decided.agreed == "The person had said no."
    assert REFUSED_BECAUSE in decided.why
    assert "Name of" not in str(asked) + str(decided), "staff are told by role and agency"


def test_words_that_are_about_another_person_too_are_not_told(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow
) -> None:
    both = tell(sqlite_gateway.store, sqlite_meadow, also_about=sqlite_meadow.perpetrator)
    with sqlite_gateway.store.writing() as unit:
        actor = sqlite_meadow.actor(unit, "advocate")
        _, asked = log.entry(unit, actor, sqlite_meadow.victim, both.asked)
        assert asked.why == (ALSO_ANOTHERS,)
        his = entries_for_subject(unit, sqlite_meadow.perpetrator).entries[0]
        with pytest.raises(NotFound):
            log.entry(unit, actor, sqlite_meadow.victim, his.entry_id)


def test_words_that_somebody_typed_are_told_without_places_and_numbers() -> None:
    typed = "She moved to 14 Elm Road, MD4 7QX; ring 07700 900123."
    said = "She moved to [street address left out], [postcode left out]; ring [telephone number left out]."
    assert without_places(typed) == said
    assert without_places(WHY) == WHY


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Chosen(matter=Matter.SHARED), {"released"}),
        (Chosen(outcome=Outcome.DENY), {"decided"}),
        (Chosen(category=Category.ADDRESS_CURRENT), {"asked", "decided"}),
        (Chosen(matter=Matter.OUTSIDE), set()),
    ],
)
def test_the_log_is_filtered_by_codes(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, chosen: Chosen, expected: set[str]
) -> None:
    found = {one.entry_id for one in read(sqlite_gateway, sqlite_meadow, chosen).entries}
    assert found == {getattr(sqlite_story, name) for name in expected}


def test_the_log_is_filtered_by_day_and_agency_and_paged(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, clock: FixedClock
) -> None:
    today = clock.now().date()
    clock.advance(timedelta(days=3))
    tell(sqlite_gateway.store, sqlite_meadow)
    assert read(sqlite_gateway, sqlite_meadow, Chosen(since=today + timedelta(days=1))).total == 4
    assert read(sqlite_gateway, sqlite_meadow, Chosen(until=today, matter=Matter.SHARED)).total == 1
    assert read(sqlite_gateway, sqlite_meadow, Chosen(agency_id=sqlite_meadow.probation)).total == 0
    with sqlite_gateway.store.writing() as unit:
        actor = sqlite_meadow.actor(unit, "advocate")
        second = log.log(unit, actor, sqlite_meadow.victim, Chosen(), offset=3, limit=3)
    assert (len(second.entries), second.total) == (3, 10)


def test_another_advocates_client_a_stranger_and_nobody_are_the_same_404(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    said = set()
    for who, subject in (
        ("other_advocate", meadow.victim),
        ("officer", meadow.victim),
        ("advocate", meadow.stranger),
        ("advocate", meadow.perpetrator),
        ("advocate", new_id()),
    ):
        with gateway.store.writing() as unit, pytest.raises(NotFound) as refused:
            log.log(unit, meadow.actor(unit, who), subject, Chosen(), offset=0, limit=10)
        said.add((refused.value.message, refused.value.next_step))
    assert len(said) == 1
    with gateway.store.reading() as unit:
        looked = entries_for_subject(unit, meadow.victim, Filter(kinds=(EntryKind.LOG_VIEWED,)))
    assert not looked.entries


def test_an_ended_mandate_closes_the_log_at_once(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    with gateway.store.writing() as unit:
        held = mandates.require(unit, meadow.advocate, meadow.victim)
        mandates.revoke(unit, meadow.actor(unit, "advocate"), held[0].id, by_subject=True)
    with pytest.raises(NotFound):
        read(gateway, meadow)


def test_a_look_is_an_entry_once_a_quarter_of_an_hour(
    gateway: Gateway, meadow: Meadow, story: Story, clock: FixedClock
) -> None:
    read(gateway, meadow)
    read(gateway, meadow)
    clock.advance(timedelta(minutes=16))
    found = read(gateway, meadow)
    assert found.read_by == 1
    looks = read(gateway, meadow, Chosen(matter=Matter.READ)).entries
    assert [(one.kind, one.who) for one in looks] == [
        (EntryKind.LOG_VIEWED, "Independent domestic violence adviser, Safe Steps")
    ] * 2


def test_the_line_at_the_top_changes_when_one_row_is_edited(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    before = log.verdict(gateway.store)
    assert before.verified
    with writing(gateway.store.engine).begin() as connection:
        for statement in _without_guards(gateway):
            connection.exec_driver_sql(statement)
        connection.execute(
            sa.text("UPDATE ledger_record SET record = replace(record, 'deny', 'Deny') WHERE entry_id = :id"),
            {"id": story.decided},
        )
    after = log.verdict(gateway.store)
    assert not after.verified
    assert after.sentence != before.sentence


def test_a_mandate_for_one_case_opens_only_that_case(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    tell(sqlite_gateway.store, sqlite_meadow)
    with sqlite_gateway.store.writing() as unit:
        held = mandates.require(unit, sqlite_meadow.advocate, sqlite_meadow.victim)[0]
        held.case_ids = [new_id()]
        unit.session.add(held)
    assert {one.matter for one in read(sqlite_gateway, sqlite_meadow).entries} == {Matter.SAID}


def test_who_holds_copies_is_told_with_how_they_stand(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    with gateway.store.writing() as unit:
        _, held = copies.copies(unit, meadow.actor(unit, "advocate"), meadow.victim)
    assert [(one.to_whom, one.from_whom, one.opened) for one in held] == [
        ("Housing officer, Meadow Housing", "Meadow Police", 1)
    ]


def test_a_proof_verifies_and_names_no_staff(gateway: Gateway, meadow: Meadow, story: Story) -> None:
    with gateway.store.writing() as unit:
        file = handing_out.proof(unit, meadow.actor(unit, "advocate"), meadow.victim, story.released)
    proof = parse_proof(file)
    assert proof.extra is not None
    opening = Opening.from_bytes(proof.extra)
    assert opening.words is None
    assert opening.fields()["id"] == story.released
    assert "Name of" not in opening.record
    with gateway.store.reading() as unit:
        kinds = [one.kind for one in entries_for_subject(unit, meadow.victim).entries]
    assert EntryKind.LOG_EXPORTED in kinds


def test_everything_about_her_comes_in_one_file_that_verifies(
    sqlite_gateway: Gateway,
    sqlite_meadow: Meadow,
    sqlite_story: Story,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with sqlite_gateway.store.writing() as unit:
        given = handing_out.openings(unit, sqlite_meadow.actor(unit, "advocate"), sqlite_meadow.victim)
    with sqlite_gateway.store.reading() as unit:
        export(unit, tmp_path / "log")
        hers = entries_for_subject(unit, sqlite_meadow.victim).entries
    (tmp_path / "openings.json").write_text(given)
    policy, log_folder = str(tmp_path / "log" / "policy.txt"), str(tmp_path / "log")

    code = main([str(tmp_path / "openings.json"), "--policy", policy, "--log", log_folder])

    # The last of hers is that the file was taken, which the file can't hold.
    told = len(hers) - 1
    assert (code, f"{told} of {told} openings are what was recorded" in capsys.readouterr().out) == (0, True)


def test_the_table_runs_no_formula_and_its_leaving_is_an_entry(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story
) -> None:
    with sqlite_gateway.store.writing() as unit:
        text = handing_out.as_csv(unit, sqlite_meadow.actor(unit, "advocate"), sqlite_meadow.victim, Chosen())
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 1 + 6
    assert {len(row) for row in rows} == {len(rows[0])}
    with sqlite_gateway.store.reading() as unit:
        kinds = [one.kind for one in entries_for_subject(unit, sqlite_meadow.victim).entries]
    assert kinds[0] is EntryKind.LOG_EXPORTED


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_cell_that_begins_like_a_formula_is_made_harmless(start: str) -> None:
    assert handing_out.harmless(f"{start}1+1") == f"'{start}1+1"
    assert handing_out.harmless(f"1{start}") == f"1{start}"


def test_a_log_nobody_looked_at_for_a_fortnight_raises_an_alarm(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, sqlite_story: Story, clock: FixedClock
) -> None:
    def news() -> clients.ClientNews:
        with sqlite_gateway.store.reading() as unit:
            return clients.my_clients(unit, sqlite_meadow.actor(unit, "advocate"))[0]

    assert not news().alarm
    clock.advance(timedelta(days=15))
    assert news().alarm
    assert news().new_entries == 6
    read(sqlite_gateway, sqlite_meadow)
    assert not news().alarm


def test_two_advocates_may_read_for_one_person(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    give_mandate(sqlite_gateway.store, sqlite_meadow, "other_advocate")
    assert (
        read(sqlite_gateway, sqlite_meadow, who="other_advocate").total
        == read(sqlite_gateway, sqlite_meadow).total
    )


def _without_guards(gateway: Gateway) -> list[str]:
    """Someone with full control of the database first drops the triggers that refuse updates."""
    if gateway.store.dialect == "postgresql":
        return ["SET session_replication_role = replica"]
    with gateway.store.engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_record'"
        )
        return [f"DROP TRIGGER {name}" for (name,) in names]
