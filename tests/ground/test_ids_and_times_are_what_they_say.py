"""Ids are random, references can be read out, times are aware in and aware out on both stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from gateway.errors import Erased, GatewayError, Invalid, NotConfirmed
from gateway.store.tables import new_id, new_reference
from gateway.store.unit_of_work import Store
from gateway.store.vault import VaultEpoch

instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone itself
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]),
)


def test_ids_are_128_random_bits() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_references_are_short_and_hold_nothing_that_is_misheard_or_a_word() -> None:
    references = {new_reference() for _ in range(1000)}
    assert len(references) == 1000
    for reference in references:
        assert len(reference) == 9
        assert reference[4] == "-"
        assert not set(reference) & set("AEIOU01LSZB")


@given(at=instants)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
def test_an_instant_comes_back_as_the_same_instant_in_utc(store: Store, at: datetime) -> None:
    with store.writing() as unit:
        unit.session.execute(sa.delete(VaultEpoch))
        unit.session.add(VaultEpoch(number=1, root_name="x", created_at=at))
    with store.reading() as unit:
        back = unit.session.exec(select(VaultEpoch.created_at).where(col(VaultEpoch.created_at) == at)).one()
    assert (back, back.utcoffset()) == (at, timedelta(0))


def test_a_naive_time_is_stored_and_asked_for_nowhere(store: Store) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault itself
    with pytest.raises(sa.exc.StatementError, match="without a zone"), store.writing() as unit:
        unit.session.add(VaultEpoch(number=1, root_name="x", created_at=naive))
    with pytest.raises(sa.exc.StatementError, match="without a zone"), store.reading() as unit:
        unit.session.exec(select(VaultEpoch).where(col(VaultEpoch.created_at) < naive)).all()


def test_every_error_has_a_code_and_a_status_of_its_own_kind() -> None:
    kinds: list[type[GatewayError]] = [*GatewayError.__subclasses__(), NotConfirmed]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert (NotConfirmed().status, Erased("x").status, Invalid("x").fields) == (503, 410, {})
    assert "never counted twice" in NotConfirmed().next_step
