"""Promise: a key is proved by its holder, approved by another, ends at once, and counts only if the ledger agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from gateway.clock import FixedClock
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.sealing import jwe, keys
from gateway.sealing.keys import Challenge, Hand, Holder, KeyEvent, KeyEventKind
from gateway.sealing.models import KeyPlace, KeyState, RecipientKey
from gateway.store.unit_of_work import Store, Unit

PARTNERSHIP, AGENCY = "1" * 32, "2" * 32
HOLDER = Holder(PARTNERSHIP, AGENCY, post_id="3" * 32)
AUTHOR = Hand("3" * 32, "person-a")
OFFICER = Hand("4" * 32, "person-b")


class Ledger:
    """The public events, as the ledger would give them."""

    def __init__(self) -> None:
        self.events: list[KeyEvent] = []

    def of(self, kid: str) -> list[KeyEvent]:
        return [event for event in self.events if event.kid == kid]


class Pairs:
    """The private keys that a browser would hold."""

    def __init__(self, count: int = 2) -> None:
        self.made = [ECKey.generate_key("P-256") for _ in range(count)]

    @property
    def public(self) -> list[dict[str, Any]]:
        return [key.as_dict(private=False) for key in self.made]

    def answer(self, given: Challenge) -> str:
        private = next(key for key in self.made if key.thumbprint() == given.kid)
        return jwe.open_sealed(given.jwe, private.as_dict(private=True)).decode()


@pytest.fixture
def unit(sqlite_store: Store) -> Iterator[Unit]:
    with sqlite_store.writing() as unit:
        yield unit


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def proved(unit: Unit, pairs: Pairs, holder: Holder = HOLDER) -> list[RecipientKey]:
    rows = []
    for given in keys.enrol(unit, holder, AUTHOR, pairs.public):
        row = unit.session.get_one(RecipientKey, given.key_id)
        keys.prove(unit, row, pairs.answer(given))
        rows.append(row)
    return rows


def active(unit: Unit, ledger: Ledger, holder: Holder = HOLDER) -> list[RecipientKey]:
    rows = proved(unit, Pairs(), holder)
    for row in rows:
        ledger.events += keys.approve(unit, row, OFFICER, holder_person_id="person-a")
    return rows


def test_the_whole_way(unit: Unit, ledger: Ledger) -> None:
    first, spare = active(unit, ledger)
    assert [event.kind for event in ledger.events] == [KeyEventKind.ACTIVATED] * 2
    assert {event.holder_number for event in ledger.events} == {first.holder_number}
    assert (first.place, spare.place) == (KeyPlace.FIRST, KeyPlace.SPARE)
    assert keys.sealing_key(unit, HOLDER, ledger.of) is first
    assert keys.keys_to_approve(unit, AGENCY) == []
    assert first.not_after == unit.now + keys.DEFAULT_LIFE


def test_a_post_registers_two_keys_and_a_system_one(unit: Unit) -> None:
    for count in (0, 1, 3):
        with pytest.raises(Invalid):
            keys.enrol(unit, HOLDER, AUTHOR, Pairs(count).public)
    system = Holder(PARTNERSHIP, AGENCY, system="records")
    with pytest.raises(Invalid):
        keys.enrol(unit, system, AUTHOR, Pairs(2).public)
    assert keys.enrol(unit, system, AUTHOR, Pairs(1).public)[0].place == KeyPlace.SYSTEM
    for nobody in (Holder(PARTNERSHIP, AGENCY), Holder(PARTNERSHIP, AGENCY, "3" * 32, "records")):
        with pytest.raises(Invalid):
            keys.enrol(unit, nobody, AUTHOR, Pairs(1).public)


def test_a_key_is_registered_once_ever(unit: Unit, ledger: Ledger) -> None:
    pairs = Pairs()
    with pytest.raises(Invalid, match="registered before"):
        keys.enrol(unit, HOLDER, AUTHOR, [pairs.public[0]] * 2)
    first, _ = proved(unit, pairs)
    keys.revoke(unit, first, AUTHOR.post_id, "lost")
    with pytest.raises(Invalid, match="registered before"):
        keys.enrol(unit, Holder(PARTNERSHIP, AGENCY, post_id="9" * 32), OFFICER, pairs.public)


def test_a_key_without_proof_is_not_approved(unit: Unit) -> None:
    given, _ = keys.enrol(unit, HOLDER, AUTHOR, Pairs().public)
    row = unit.session.get_one(RecipientKey, given.key_id)
    with pytest.raises(Conflict, match="proved"):
        keys.approve(unit, row, OFFICER, holder_person_id="person-a")


def test_a_wrong_or_late_or_second_answer_proves_nothing(sqlite_store: Store, clock: FixedClock) -> None:
    pairs = Pairs()
    with sqlite_store.writing() as unit:
        one, two = keys.enrol(unit, HOLDER, AUTHOR, pairs.public)
        row, late = (unit.session.get_one(RecipientKey, given.key_id) for given in (one, two))
        with pytest.raises(Invalid):
            keys.prove(unit, row, "wrong")
        with pytest.raises(Conflict):
            keys.prove(unit, row, pairs.answer(one))
        again = keys.challenge(unit, row)
        keys.prove(unit, row, pairs.answer(again))
        assert row.proved_at == unit.now
    clock.advance(keys.CHALLENGE_LASTS)
    with sqlite_store.writing() as unit:
        late = unit.session.get_one(RecipientKey, two.key_id)
        with pytest.raises(Conflict):
            keys.prove(unit, late, pairs.answer(two))


@pytest.mark.parametrize("person", ["person-a", "person-holder"])
def test_neither_author_nor_holder_approves(unit: Unit, person: str) -> None:
    row = proved(unit, Pairs())[0]
    with pytest.raises(Forbidden):
        keys.approve(unit, row, Hand("another post", person), holder_person_id="person-holder")
    assert row.state == KeyState.PENDING


def test_a_lost_key_ends_at_once_and_the_spare_takes_over(unit: Unit, ledger: Ledger) -> None:
    first, spare = active(unit, ledger)
    ledger.events.append(keys.revoke(unit, first, AUTHOR.post_id, "lost"))
    assert keys.sealing_key(unit, HOLDER, ledger.of) is spare
    with pytest.raises(Conflict):
        keys.revoke(unit, first, AUTHOR.post_id, "lost")
    with pytest.raises(Invalid):
        keys.revoke(unit, spare, AUTHOR.post_id, "because")
    never_active = proved(unit, Pairs())[0]
    turned_down = keys.revoke(unit, never_active, AUTHOR.post_id, "mistake")
    assert (turned_down.kind, turned_down.kid) == (keys.KeyEventKind.REVOKED, never_active.kid)


def test_a_new_key_retires_the_one_it_replaces(unit: Unit, ledger: Ledger) -> None:
    old, _ = active(unit, ledger)
    new, _ = active(unit, ledger)
    assert old.state == KeyState.RETIRING
    assert old.not_after == unit.now + keys.OVERLAP
    assert old.holder_number == new.holder_number
    assert KeyEventKind.RETIRED in {event.kind for event in ledger.of(old.kid)}
    assert keys.sealing_key(unit, HOLDER, ledger.of) is new


def test_keys_end_with_their_time(sqlite_store: Store, clock: FixedClock, ledger: Ledger) -> None:
    with sqlite_store.writing() as unit:
        active(unit, ledger)
    clock.advance(keys.DEFAULT_LIFE)
    with sqlite_store.writing() as unit:
        with pytest.raises(Conflict):
            keys.sealing_key(unit, HOLDER, ledger.of)
        assert len(keys.expire(unit, PARTNERSHIP)) == 2
        assert keys.expire(unit, PARTNERSHIP) == []
        assert {key.state for key in keys.keys_of(unit, HOLDER)} == {KeyState.EXPIRED}


def test_a_key_the_ledger_doesnt_know_is_never_sealed_to(unit: Unit, ledger: Ledger) -> None:
    first, _ = active(unit, ledger)
    true = list(ledger.events)
    wrong: dict[str, list[KeyEvent]] = {
        "no event": [],
        "of another agency": [KeyEvent(e.kind, "5" * 32, e.kid, e.holder_number) for e in true],
        "of another holder": [KeyEvent(e.kind, e.agency_id, e.kid, "ZZZZ-ZZZZ") for e in true],
        "ended later": [
            *true,
            *(KeyEvent(KeyEventKind.REVOKED, e.agency_id, e.kid, e.holder_number) for e in true),
        ],
    }
    for events in wrong.values():
        ledger.events = events
        with pytest.raises(Conflict, match="no confirmed key"):
            keys.sealing_key(unit, HOLDER, ledger.of)
    ledger.events = true
    assert keys.sealing_key(unit, HOLDER, ledger.of) is first


def test_a_key_swapped_in_the_database_is_never_sealed_to(unit: Unit, ledger: Ledger) -> None:
    first, spare = active(unit, ledger)
    keys.revoke(unit, spare, AUTHOR.post_id, "lost")
    mine = ECKey.generate_key("P-256")
    first.jwk = keys.check_public_jwk(mine.as_dict(private=False)).jwk()
    with pytest.raises(Conflict, match="altered"):
        keys.sealing_key(unit, HOLDER, ledger.of)
    first.kid = mine.thumbprint()
    with pytest.raises(Conflict, match="no confirmed key"):
        keys.sealing_key(unit, HOLDER, ledger.of)


def test_another_holders_key_looks_like_none(unit: Unit, ledger: Ledger) -> None:
    first, _ = active(unit, ledger)
    assert keys.own_key(unit, first.id, HOLDER) is first
    for key_id, holder in ((first.id, Holder(PARTNERSHIP, AGENCY, post_id="9" * 32)), ("0" * 32, HOLDER)):
        with pytest.raises(NotFound, match="no such key"):
            keys.own_key(unit, key_id, holder)


def test_starting_again_leaves_no_unproved_keys_behind(unit: Unit) -> None:
    for _ in range(3):
        keys.enrol(unit, HOLDER, AUTHOR, Pairs().public)
    unit.session.flush()
    assert len(keys.keys_of(unit, HOLDER)) == 2


def test_the_events_name_nobody(unit: Unit, ledger: Ledger) -> None:
    active(unit, ledger)
    said = repr(ledger.events)
    assert not any(name in said for name in (AUTHOR.post_id, "person-a", "person-b"))


def test_an_active_key_lasts_as_long_as_it_was_given(unit: Unit) -> None:
    row = proved(unit, Pairs())[0]
    keys.approve(unit, row, OFFICER, holder_person_id=None, life=timedelta(days=5))
    assert row.not_after == unit.now + timedelta(days=5)
