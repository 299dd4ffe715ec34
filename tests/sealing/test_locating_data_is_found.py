"""Promise: before anything is sealed the holder is shown what in it could lead someone to a door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sealing.marks import locating_data

FOUND = {
    "She is at 14 Acacia Avenue, Meadowshire.": {"street address"},
    "Moved to Flat 3, Mill House.": {"street address"},
    "now at 12a Old Mill Lane": {"street address"},
    "He waits outside 7 Priory Court": {"street address"},
    "postcode ZZ99 3VX": {"postcode"},
    "sw1a1aa": {"postcode"},
    "ring 07700 900123": {"telephone number"},
    "+44 (0)20 7946 0958": {"telephone number"},
    "020-7946-0958": {"telephone number"},
    "+353 1 496 0123": {"telephone number"},
    "jo.bloggs@example.org": {"e-mail address"},
    "51.50722, -0.12750": {"coordinates"},
    "51\u00b030'26\"N": {"coordinates"},
    "at TQ 300 804": {"grid reference"},
    "///filled.count.soap": {"three-word location"},
    "https://maps.app.goo.gl/AbCd": {"map link"},
    "drives a AB12 CDE": {"vehicle registration"},
    "from 192.0.2.44": {"network address"},
}
NOT_FOUND = [
    "Attended on 22 November 2026 at 10:30, with 3 others.",
    "There were 12 people in the house.",
    "Risk went from 4 to 7 out of 10; see page 12 of 40.",
    "Section 115 of the Crime and Disorder Act 1998",
    "Reference K7Q2-M4XD, version 1.2.3",
    "Level 2, category 3, 6 weeks on the way to work",
]


@pytest.mark.parametrize("text", FOUND)
def test_what_has_the_form_of_a_place_or_a_number_is_found(text: str) -> None:
    findings = locating_data(text)
    assert {finding.kind for finding in findings} == FOUND[text]
    assert all(text[finding.start : finding.end] == finding.found for finding in findings)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_ordinary_sentences_warn_of_nothing(text: str) -> None:
    assert locating_data(text) == []


@given(text=st.text(max_size=300), where=st.integers(0, 300))
def test_it_is_found_wherever_it_stands(text: str, where: int) -> None:
    at = min(where, len(text))
    whole = f"{text[:at]} ring 07700 900123 {text[at:]}"
    assert any("900123" in finding.found for finding in locating_data(whole))


@pytest.mark.parametrize(
    "text", ["1 " + "a" * 50_000, "0" * 50_000, "a." * 25_000 + "@", "1 a " * 12_000, "+" * 9999]
)
def test_no_text_makes_the_search_long(text: str) -> None:
    assert len(locating_data(text)) <= 200
