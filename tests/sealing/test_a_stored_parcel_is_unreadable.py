"""Promise: a stored parcel is unreadable to whoever holds the store, freezes at once, and is gone when destroyed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from sqlmodel import select

from gateway.clock import FixedClock
from gateway.errors import Conflict, Erased, Invalid
from gateway.sealing import jwe, keys, parcel
from gateway.sealing.envelope import Envelope, Item, pack, unpack
from gateway.sealing.models import CopyOf, Parcel, ParcelState, RecipientKey
from gateway.sealing.parcel import Label
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Store, Unit
from tests.sealing.search import holds

SENTINEL = "She moved to 4 Sentinel Court"
ITEMS = (Item("text/plain; charset=utf-8", "text.txt", SENTINEL.encode(), SENTINEL),)
MARKS = ("Not in front of the other party",)
LINE = "6" * 32
PRIVATE = ECKey.generate_key("P-256")


def label(unit: Unit, line_id: str = LINE) -> Label:
    return Label(
        partnership_id="1" * 32,
        controller_agency_id="2" * 32,
        request_id="5" * 32,
        line_id=line_id,
        release_id="7" * 32,
        copy_of=CopyOf.RECIPIENT,
        expires_at=unit.now + timedelta(days=90),
        recipient_post_id="3" * 32,
    )


def a_key(unit: Unit, pair: ECKey = PRIVATE) -> RecipientKey:
    holder = keys.Holder("1" * 32, "2" * 32, system="records")
    given = keys.enrol(unit, holder, keys.Hand("a", "a"), [pair.as_dict(private=False)])[0]
    row = unit.session.get_one(RecipientKey, given.key_id)
    keys.prove(unit, row, jwe.open_sealed(given.jwe, pair.as_dict(private=True)).decode())
    keys.approve(unit, row, keys.Hand("b", "b"), holder_person_id=None)
    return row


@pytest.fixture
def sealed(store: Store) -> str:
    with store.writing() as unit:
        made = parcel.seal_parcel(unit, label(unit), a_key(unit), ITEMS, MARKS)
        return made.id


def change(store: Store, act: Callable[[Unit, Parcel], object], parcel_id: str) -> None:
    with store.writing() as unit:
        act(unit, unit.session.get_one(Parcel, parcel_id))


def test_its_recipient_reads_it(store: Store, sealed: str) -> None:
    with store.reading() as unit:
        row = unit.session.get_one(Parcel, sealed)
        handed = parcel.hand_over(unit, row)
    assert jwe.digest(handed) == row.digest
    opened = unpack(jwe.open_sealed(handed, PRIVATE.as_dict(private=True)))
    assert opened == Envelope(sealed, LINE, ITEMS, MARKS)


def test_nothing_of_it_lies_in_the_store(sqlite_url: str, sqlite_store: Store) -> None:
    with sqlite_store.writing() as unit:
        made = parcel.seal_parcel(unit, label(unit), a_key(unit), ITEMS, MARKS)
        handed = parcel.hand_over(unit, made)
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    stored = b"".join(file.read_bytes() for file in folder.iterdir())
    assert made.digest.encode() in stored, "the control: what is in the clear is found"
    assert not holds(stored, SENTINEL)
    assert not holds(stored, MARKS[0])
    assert handed[:200].encode() not in stored, "the JWE itself is sealed again"
    with sqlite_store.writing() as unit:
        unit.session.connection().exec_driver_sql(
            "UPDATE parcel SET recipient_system = ? WHERE id = ?", (SENTINEL, made.id)
        )
    stored = b"".join(file.read_bytes() for file in folder.iterdir())
    assert holds(stored, SENTINEL), "the control: a planted sentinel is found"


def test_a_frozen_parcel_does_not_leave_until_it_is_thawed(store: Store, sealed: str) -> None:
    with store.writing() as unit:
        assert [row.id for row in parcel.freeze(unit, [LINE])] == [sealed]
        assert parcel.freeze(unit, [LINE]) == []
        with pytest.raises(Conflict, match="frozen"):
            parcel.hand_over(unit, unit.session.get_one(Parcel, sealed))
    with store.writing() as unit:
        assert [row.id for row in parcel.thaw(unit, [LINE])] == [sealed]
        assert parcel.hand_over(unit, unit.session.get_one(Parcel, sealed))


def test_a_recalled_parcel_never_leaves_again(store: Store, sealed: str) -> None:
    change(store, parcel.recall, sealed)
    with store.writing() as unit:
        assert parcel.thaw(unit, [LINE]) == []
        with pytest.raises(Conflict, match="recalled"):
            parcel.hand_over(unit, unit.session.get_one(Parcel, sealed))


def test_a_destroyed_parcel_is_gone_and_its_digest_stays(store: Store, sealed: str) -> None:
    with store.reading() as unit:
        before = unit.session.get_one(Parcel, sealed).jwe
    change(store, parcel.destroy, sealed)
    with store.writing() as unit:
        row = unit.session.get_one(Parcel, sealed)
        assert (row.jwe, row.state, len(row.digest)) == (None, ParcelState.DESTROYED, 64)
        with pytest.raises(Erased):
            parcel.hand_over(unit, row)
        # Somebody puts the bytes of a backup back: the key is gone all the same.
        row.jwe, row.state = before, ParcelState.SEALED
        with pytest.raises(Erased):
            parcel.hand_over(unit, row)
        row.state = ParcelState.DESTROYED
        with pytest.raises(Conflict):
            parcel.destroy(unit, row)


def test_an_expired_parcel_does_not_leave_and_is_found(store: Store, sealed: str, clock: FixedClock) -> None:
    clock.advance(timedelta(days=90))
    with store.reading() as unit:
        with pytest.raises(Conflict, match="expired"):
            parcel.hand_over(unit, unit.session.get_one(Parcel, sealed))
        assert [row.id for row in parcel.expired(unit)] == [sealed]
    change(store, parcel.destroy, sealed)
    with store.reading() as unit:
        assert parcel.expired(unit) == []


def test_a_parcel_altered_or_moved_in_the_store_does_not_leave(store: Store, sealed: str) -> None:
    with store.writing() as unit:
        row = unit.session.get_one(Parcel, sealed)
        key = unit.session.get_one(RecipientKey, row.key_id)
        other = parcel.seal_parcel(unit, label(unit, "8" * 32), key, ITEMS)
        mine, theirs = row.jwe, other.jwe
        assert mine is not None
        assert theirs is not None
        for stored in (mine[:-1] + bytes([mine[-1] ^ 1]), theirs):
            row.jwe = stored
            with pytest.raises(Conflict):
                parcel.hand_over(unit, row)
        row.jwe, row.digest = mine, other.digest
        with pytest.raises(Conflict, match="altered"):
            parcel.hand_over(unit, row)


def test_nothing_is_sealed_to_a_key_that_ended(sqlite_store: Store) -> None:
    with sqlite_store.writing() as unit:
        key = a_key(unit)
        made = parcel.seal_parcel(unit, label(unit), key, ITEMS)
        keys.revoke(unit, key, "a", "stolen")
        with pytest.raises(Conflict, match="revoked"):
            parcel.seal_parcel(unit, label(unit), key, ITEMS)
        assert parcel.sealed_to(unit, key) == [made]
        assert parcel.of_lines(unit, [LINE], copy_of=CopyOf.CONTROLLER) == []


def test_what_an_agencys_own_client_sealed_is_taken(sqlite_store: Store) -> None:
    with sqlite_store.writing() as unit:
        key = a_key(unit)
        old = parcel.seal_parcel(unit, label(unit), key, ITEMS)
        parcel_id = new_id()
        ready = jwe.seal(keys.public_key(key), pack(Envelope(parcel_id, LINE, ITEMS)))
        new = parcel.take_sealed(unit, label(unit), key, parcel_id, ready, resealed_from=old)
        assert (new.resealed_from_id, new.bucket) == (old.id, 1024)
        assert parcel.hand_over(unit, new) == ready
        other = ECKey.generate_key("P-256")
        refused = {
            "isn't padded": jwe.seal(keys.public_key(key), b"short"),
            "another key": jwe.seal(
                keys.check_public_jwk(other.as_dict(private=False)), pack(Envelope("p", LINE, ITEMS))
            ),
            "isn't a compact JWE": "nonsense",
        }
        for because, content in refused.items():
            with pytest.raises(Invalid, match=because):
                parcel.take_sealed(unit, label(unit), key, new_id(), content)
        with pytest.raises(Invalid, match="same line"):
            parcel.take_sealed(unit, label(unit, "9" * 32), key, new_id(), ready, resealed_from=old)


def test_sizes_in_the_store_are_the_eight(sqlite_store: Store) -> None:
    with sqlite_store.writing() as unit:
        key = a_key(unit)
        for length in (1, 900, 3000, 20_000):
            parcel.seal_parcel(unit, label(unit), key, (Item("a/b", "c", bytes(length)),))
        unit.session.flush()
        sizes = unit.session.exec(select(Parcel.bucket)).all()
        assert set(sizes) == {1024, 4096, 65_536}
