"""A leaf is a salted commitment; records hold codes; words are sealed, bound by digest, and erasable."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.models import LedgerLeaf, LedgerRecord
from gateway.registry.models import Agency, Person
from tests.sealing.search import holds
from tests.told import PERMITTED


def test_leaves_have_one_length_and_equal_acts_have_different_leaves(quick_stage: Stage) -> None:
    quick_stage.ask(PERMITTED)
    quick_stage.ask(PERMITTED)
    leaves = quick_stage.do(lambda unit: [row.leaf for row in unit.session.exec(select(LedgerLeaf))])
    public = quick_stage.do(
        lambda unit: {row.entry_id for row in unit.session.exec(select(LedgerRecord)) if row.salt is None}
    )
    private = quick_stage.do(
        lambda unit: [row.leaf for row in unit.session.exec(select(LedgerLeaf)) if row.entry_id not in public]
    )
    assert len({len(leaf) for leaf in private}) == 1
    assert len(set(leaves)) == len(leaves)


def test_records_hold_no_words_and_no_names(quick_stage: Stage) -> None:
    quick_stage.ask(PERMITTED)

    def gathered(unit):  # type: ignore[no-untyped-def]
        records = [row.record for row in unit.session.exec(select(LedgerRecord))]
        names = [row.name for row in unit.session.exec(select(Person))]
        return records, names

    records, names = quick_stage.do(gathered)
    words = [PERMITTED.why, "Robin Invented", *names]
    assert not [(word, one) for one in records for word in words if word in one]
    assert all(set(json.loads(one)) == set(json.loads(records[0])) for one in records)


def test_the_search_would_find_a_name_in_a_record(quick_stage: Stage) -> None:
    assert holds(b'{"codes":{"who":"Robin Invented"}}', "Robin Invented")


def test_words_in_a_code_are_refused() -> None:
    with pytest.raises(ValueError, match="words"):
        Entry(EntryKind.REQUEST_MADE, "p", "a", None, None, codes={"why": "because she said so"})


def test_an_entry_about_a_person_is_never_public() -> None:
    with pytest.raises(ValueError, match="public"):
        Entry(EntryKind.REQUEST_MADE, "p", "a", None, None, subject_ids=("s",), public=True)


def test_public_entries_name_agencies_and_key_ids_only(quick_stage: Stage) -> None:
    def public(unit):  # type: ignore[no-untyped-def]
        agencies = {row.id for row in unit.session.exec(select(Agency))}
        rows = [row for row in unit.session.exec(select(LedgerRecord)) if row.salt is None]
        return agencies, [json.loads(row.record) for row in rows]

    agencies, records = quick_stage.do(public)
    keys = [one for one in records if one["kind"].startswith("key.")]
    assert keys
    assert all(one["actor_post"] is None and one["subjects"] == [] and one["words"] is None for one in keys)
    assert {one["controller"] for one in keys} <= agencies
    assert {name for one in keys for name in one["codes"]} <= {"kid", "holder", "key", "public", "use"}
