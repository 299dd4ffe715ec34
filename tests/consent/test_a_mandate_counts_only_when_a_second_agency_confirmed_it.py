"""An advocate reads a log only by the subject's own mandate, which a second agency confirmed, until it ends."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.consent import mandates
from gateway.consent.models import HowTaken, Mandate
from gateway.errors import Conflict, Invalid, NotFound, Refused
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import entries_for_subject
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from tests.meadow import Meadow


def new(meadow: Meadow, **changes: Any) -> mandates.NewMandate:
    fields: dict[str, Any] = {
        "subject_id": meadow.victim,
        "advocate_post_id": meadow.advocate,
        "advocate_agency_id": meadow.charity,
        "controller_agency_id": meadow.charity,
        "how_given": HowTaken.FACE_TO_FACE,
        "alone": True,
        "wording_version": "mandate-1",
        "given_on": date(2026, 11, 20),
        "expires_on": date(2026, 12, 1),
    }
    return mandates.NewMandate(**{**fields, **changes})


def give(unit: Unit, meadow: Meadow, by: str = "advocate", **changes: Any) -> Mandate:
    return mandates.record(unit, meadow.actor(unit, by), new(meadow, **changes))


def may_read(gateway: Gateway, meadow: Meadow, name: str = "advocate", subject: str = "victim") -> bool:
    with gateway.store.reading() as unit:
        try:
            mandates.require(unit, getattr(meadow, name), getattr(meadow, subject))
        except NotFound:
            return False
        return True


def test_it_counts_once_another_agency_confirmed_it(gateway: Gateway, meadow: Meadow) -> None:
    with gateway.store.writing() as unit:
        row = give(unit, meadow)
    assert not may_read(gateway, meadow)
    with gateway.store.writing() as unit:
        mandates.confirm(unit, meadow.actor(unit, "officer"), row.id)
    assert may_read(gateway, meadow)
    assert not may_read(gateway, meadow, "other_advocate")
    assert not may_read(gateway, meadow, subject="stranger")
    with gateway.store.reading() as unit:
        kinds = [entry.kind for entry in entries_for_subject(unit, meadow.victim).entries]
    assert kinds == [EntryKind.MANDATE_CONFIRMED, EntryKind.MANDATE_GIVEN]


@pytest.mark.parametrize(
    ("recorded_by", "confirmed_by"),
    [
        ("advocate", "advocate"),
        ("advocate", "other_advocate"),
        ("officer", "other_advocate"),
        ("officer", "officer"),
    ],
)
def test_neither_the_advocates_agency_nor_the_recording_one_confirms(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, recorded_by: str, confirmed_by: str
) -> None:
    with sqlite_gateway.store.writing() as unit:
        row = give(unit, sqlite_meadow, recorded_by)
        with pytest.raises(Refused) as refused:
            mandates.confirm(unit, sqlite_meadow.actor(unit, confirmed_by), row.id)
    assert refused.value.reason == "mandate_needs_second_agency"
    assert not may_read(sqlite_gateway, sqlite_meadow)


def test_it_ends_at_once_when_revoked(gateway: Gateway, meadow: Meadow) -> None:
    with gateway.store.writing() as unit:
        row = give(unit, meadow)
        mandates.confirm(unit, meadow.actor(unit, "officer"), row.id)
    with gateway.store.writing() as unit:
        mandates.revoke(unit, meadow.actor(unit, "housing_officer"), row.id, by_subject=True)
        mandates.revoke(unit, meadow.actor(unit, "housing_officer"), row.id, by_subject=True)
    assert not may_read(gateway, meadow)
    with gateway.store.writing() as unit, pytest.raises(Conflict):
        mandates.confirm(unit, meadow.actor(unit, "officer"), row.id)
    with gateway.store.reading() as unit:
        kinds = [entry.kind for entry in entries_for_subject(unit, meadow.victim).entries]
    assert kinds.count(EntryKind.MANDATE_ENDED) == 1


def test_it_ends_with_its_last_local_day(gateway: Gateway, meadow: Meadow, clock: FixedClock) -> None:
    with gateway.store.writing() as unit:
        mandates.confirm(unit, meadow.actor(unit, "officer"), give(unit, meadow).id)
    clock.advance(timedelta(days=9, hours=13, minutes=59))
    assert may_read(gateway, meadow)
    clock.advance(timedelta(minutes=1))
    assert not may_read(gateway, meadow)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"given_on": date(2026, 11, 23)}, "given_on"),
        ({"expires_on": date(2026, 11, 21)}, "expires_on"),
        ({"expires_on": date(2027, 11, 22)}, "expires_on"),
        ({"wording_version": "views-1"}, "wording_version"),
    ],
)
def test_a_mandate_that_cannot_be_is_refused_by_field(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, changes: dict[str, Any], field: str
) -> None:
    with sqlite_gateway.store.writing() as unit, pytest.raises(Invalid) as refused:
        give(unit, sqlite_meadow, **changes)
    assert field in refused.value.fields


def test_a_foreign_or_missing_mandate_looks_the_same(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        with pytest.raises(NotFound) as missing:
            mandates.confirm(unit, sqlite_meadow.actor(unit, "officer"), new_id())
        with pytest.raises(NotFound) as not_hers:
            mandates.require(unit, sqlite_meadow.advocate, sqlite_meadow.stranger)
    assert (missing.value.message, missing.value.next_step) == (
        not_hers.value.message,
        not_hers.value.next_step,
    )


def test_a_mandate_opens_the_cases_it_names(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        officer = sqlite_meadow.actor(unit, "officer")
        mandates.confirm(
            unit, officer, give(unit, sqlite_meadow, case_ids=frozenset({sqlite_meadow.case})).id
        )
        held = mandates.require(unit, sqlite_meadow.advocate, sqlite_meadow.victim)
        assert mandates.cases_open(held) == frozenset({sqlite_meadow.case})
        mandates.confirm(unit, officer, give(unit, sqlite_meadow).id)
        assert (
            mandates.cases_open(mandates.require(unit, sqlite_meadow.advocate, sqlite_meadow.victim)) is None
        )
