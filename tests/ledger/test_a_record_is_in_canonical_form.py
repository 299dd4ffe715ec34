"""What an entry may hold is written byte for byte as RFC 8785 says, and what can't be is no entry."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.ledger import entries
from gateway.ledger.entries import EntryKind, write
from tests.ledger.made import entry

_NAMES = st.text(st.characters(max_codepoint=0x7F), max_size=12)
_CODES = st.text("AZaz09_.:/+=@,-", max_size=30)
_WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
_SAID = st.text()  # every character but halves of one
_IDS = st.none() | _CODES
_ENTRIES = st.builds(
    entry,
    st.sampled_from(EntryKind),
    partnership_id=_CODES,
    controller_agency_id=_CODES,
    actor_post_id=_IDS,
    actor_agency_id=_IDS,
    case_id=_IDS,
    request_id=_IDS,
    subject_ids=st.lists(_CODES, max_size=3).map(tuple),
    refs=st.dictionaries(_NAMES, _CODES, max_size=4),
    codes=st.dictionaries(
        _NAMES, _CODES | _WHOLE | st.booleans() | st.lists(_CODES, max_size=3).map(tuple), max_size=4
    ),
    words=st.dictionaries(_NAMES, _SAID | st.lists(_SAID, max_size=3).map(tuple), max_size=4),
)
_EVERY_CONTROL = "".join(map(chr, (*range(0x21), 0x22, 0x5C, 0x7F, 0x80, 0x2028, 0x2029, 0xFFFF, 0x1F600)))
_AT = st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1))  # noqa: DTZ001


@given(_ENTRIES, _AT)
@example(entry(words={"why": _EVERY_CONTROL}, codes={"n": 2**53 - 1, "m": -(2**53) + 1}), datetime.now(UTC))
@example(entry(refs=dict.fromkeys(map(chr, range(0x80)), "x")), datetime.now(UTC))
def test_it_is_what_another_program_makes_of_it(made: entries.Entry, at: datetime) -> None:
    written = write(made, "0" * 32, at)
    for text in filter(None, (written.record, written.words)):
        assert rfc8785.dumps(json.loads(text)) == text.encode()


@pytest.mark.parametrize(
    "changed", [{"ensure_ascii": True}, {"sort_keys": False}, {"separators": (", ", ": ")}]
)
def test_another_way_to_write_it_is_noticed(changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the encoder is set up in any other way."""
    ours: dict[str, Any] = {
        "ensure_ascii": False,
        "allow_nan": False,
        "sort_keys": True,
        "separators": (",", ":"),
    }
    monkeypatch.setattr(entries, "_ENCODER", json.JSONEncoder(**(ours | changed)))
    written = write(entry(words={"why": "É"}), "0" * 32, datetime.now(UTC))
    assert written.words is not None
    assert any(rfc8785.dumps(json.loads(text)) != text.encode() for text in (written.record, written.words))


@pytest.mark.parametrize(
    "changed",
    [
        {"codes": {"n": 2**53}},
        {"codes": {"n": -(2**53)}},
        {"codes": {"n": 0.5}},
        {"codes": {"n": float("nan")}},
        {"codes": {"n": (1,)}},
        {"codes": {"n": None}},
        {"codes": {"n": {"deeper": "x"}}},
        {"codes": {"é": "x"}},  # names beyond ASCII: RFC 8785 sorts them by UTF-16, Python by character
        {"refs": {"\U0001f600": "x"}},
        {"words": {"\ufb33": "x"}},
        {"words": {"why": "half \ud800"}},
        {"words": {"why": ("whole", "half \udfff")}},
        {"words": {"why": (1,)}},
        {"words": {"why": 1.5}},
        {"subject_ids": ("half \ud800",)},
        {"subject_ids": (1.5,)},
        {"partnership_id": None},
        {"controller_agency_id": "two words"},
        {"actor_post_id": 1e30},
        {"case_id": "half \ud800"},
    ],
)
def test_what_has_no_such_form_is_no_entry(changed: dict[str, Any]) -> None:
    whole = entry()
    with pytest.raises((TypeError, ValueError)):
        replace(whole, **changed)
