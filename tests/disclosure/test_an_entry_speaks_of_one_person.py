"""What is written about one request for several people is an entry for each, so that her advocate is handed hers."""

from __future__ import annotations

from dataclasses import replace

from gateway.cli.demo_stage import Stage
from gateway.disclosure import ask, oversight
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED


def test_an_officers_look_at_a_decision_about_two_is_an_entry_of_each(quick_stage: Stage) -> None:
    def two(unit: Unit) -> tuple[str, str]:
        return quick_stage.subject_id(unit, "s-robin"), quick_stage.subject_id(unit, "s-jess")

    people = quick_stage.do(two)

    def ask_about_both(unit: Unit, actor: Actor) -> str:
        asking = replace(quick_stage.asking(unit, PERMITTED), subject_ids=people)
        return ask.ask(unit, actor, asking).request_id

    request_id = quick_stage.by("probation-om", ask_about_both)
    quick_stage.by("police-ig", lambda unit, actor: oversight.explained(unit, actor, request_id))

    def looks(unit: Unit, subject_id: str) -> list[tuple[str, ...]]:
        wanted = read.Filter(kinds=(EntryKind.LOG_VIEWED,))
        return [one.subject_ids for one in read.entries_for_subject(unit, subject_id, wanted).entries]

    for person in people:
        assert quick_stage.do(lambda unit, one=person: looks(unit, one)) == [(person,)]  # type: ignore[misc]
