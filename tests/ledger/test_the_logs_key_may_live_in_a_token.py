"""The log's key in a hardware token signs there, can't be copied, and while it is silent nothing is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pkcs11
import pytest
import sqlalchemy as sa
from gateway_verify.checkpoint import Checkpoint, check_signature, cosign
from gateway_verify.errors import Unverified
from gateway_verify.note import Note, SignatureType, VerifierKey
from gateway_verify.policy import judge, parse_policy
from sqlmodel import SQLModel
from structlog.testing import capture_logs

from gateway.assembly import Gateway, assemble
from gateway.clock import FixedClock
from gateway.errors import Misconfigured, NotConfirmed
from gateway.ledger import token_keys
from gateway.ledger.log_keys import create_log_keys, make_log_keys, new_life, open_log_keys
from gateway.ledger.models import LedgerEpoch
from gateway.ledger.publish import newest_checkpoint, policy_text
from gateway.ledger.verify import verify_store
from gateway.settings import Settings
from gateway.store.unit_of_work import Store
from tests.ledger.made import recorded
from tests.soft_token import SoftTokens, soft_tokens

PIN = "246810"
LABEL = "the-log"


@dataclass(frozen=True)
class Place:
    """An installation whose log's key is in a token."""

    settings: Settings
    tokens: SoftTokens

    def with_keys(self, **changed: Any) -> Settings:
        keys = type(self.settings.keys).model_validate(self.settings.keys.model_dump() | changed)
        return self.settings.model_copy(update={"keys": keys})

    def objects(self, label: str) -> dict[Any, Any]:
        """What the token holds under a label, by class."""
        token = self.tokens.token("log", PIN)
        found = token.use(lambda session: list(session.get_objects({pkcs11.Attribute.LABEL: label})))
        return {one[pkcs11.Attribute.CLASS]: one for one in found}


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftTokens:
    made = soft_tokens(tmp_path, monkeypatch)
    made.add("log", PIN)
    return made


@pytest.fixture
def place(settings: Settings, tokens: SoftTokens) -> Place:
    """On SQLite and on PostgreSQL."""
    return placed(settings, tokens)


@pytest.fixture
def one_place(make_settings: Callable[[str], Settings], tokens: SoftTokens) -> Place:
    """For what touches no store."""
    return placed(make_settings("sqlite:///none"), tokens)


def placed(settings: Settings, tokens: SoftTokens) -> Place:
    settings.keys.ledger_key_file.unlink()
    names = {"ledger_token": "log", "ledger_label": LABEL, "ledger_pin": PIN}
    made = Place(settings, tokens)
    return Place(made.with_keys(ledger_provider="pkcs11", ledger_module=tokens.module, **names), tokens)


@pytest.fixture
def make_gateway(place: Place, clock: FixedClock) -> Iterator[Callable[[], Gateway]]:
    """Gives the gateway of the place, as one process after another has it."""
    made: list[Gateway] = []

    def make() -> Gateway:
        made.append(assemble(place.settings, clock=clock))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def checked(gateway: Gateway) -> int:
    """The size of the newest checkpoint, after the log was checked by us and its signature by the verifier."""
    with gateway.store.reading() as unit:
        assert verify_store(unit).verified
        note = newest_checkpoint(unit)
        policy = parse_policy(
            policy_text(gateway.journal, unit.session.execute(sa.select(LedgerEpoch)).scalars().all())
        )
    assert judge(note, policy).log.type is SignatureType.ED25519
    return int(note.text.split("\n")[1])


def stored(store: Store, table: str) -> int:
    with store.reading() as unit:
        rows = sa.select(sa.func.count()).select_from(SQLModel.metadata.tables[table])
        return int(unit.session.execute(rows).scalar_one())


def test_entries_are_signed_in_the_token_and_verify_outside(
    place: Place, make_gateway: Callable[[], Gateway]
) -> None:
    make_log_keys(place.settings)
    first = make_gateway()
    recorded(first.store, 3)
    assert checked(first) == 3
    another = make_gateway()
    recorded(another.store)
    assert checked(another) == checked(first) == 4
    with first.store.reading() as unit:
        assert len(newest_checkpoint(unit).signatures) == 1


def test_the_key_cannot_be_taken_out(one_place: Place, tmp_path: Path) -> None:
    make_log_keys(one_place.settings)
    public, private = (
        one_place.objects(LABEL)[pkcs11.ObjectClass.PUBLIC_KEY],
        one_place.objects(LABEL)[pkcs11.ObjectClass.PRIVATE_KEY],
    )
    attribute = pkcs11.Attribute
    kept_inside = (attribute.SENSITIVE, attribute.NEVER_EXTRACTABLE, attribute.LOCAL)
    assert all(private[one] for one in kept_inside)
    assert not private[attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.AttributeSensitive):
        private[attribute.VALUE]
    assert (
        public[attribute.EC_POINT][-32:] == open_log_keys(one_place.settings).public("log.example")[0].public
    )
    assert not one_place.settings.keys.ledger_key_file.exists()


def test_a_line_of_ml_dsa_stands_beside_it_where_one_is_wanted(
    place: Place, make_gateway: Callable[[], Gateway]
) -> None:
    make_log_keys(place.settings, beside=True)
    gateway = make_gateway()
    recorded(gateway.store)
    assert checked(gateway) == 1
    with gateway.store.reading() as unit:
        lines = newest_checkpoint(unit)
        keys = unit.session.execute(sa.select(LedgerEpoch)).scalar_one()
    assert len(lines.signatures) == 2
    assert check_signature(lines, VerifierKey.parse(keys.second_key))
    place.settings.keys.ledger_key_file.unlink()
    without = make_gateway()
    recorded(without.store)
    assert checked(without) == 2


def test_the_line_beside_never_stands_instead(one_place: Place) -> None:
    """Planted fault: somebody who copied the file of the ML-DSA-44 key signs a log of his own with it."""
    make_log_keys(one_place.settings, beside=True)
    keys = open_log_keys(one_place.settings)
    first, second = keys.public("log.example")
    assert keys.second is not None
    forged = Checkpoint("log.example", 7, bytes(32))
    note = Note(forged.text, (cosign(forged, "log.example", keys.second, datetime(2026, 1, 1, tzinfo=UTC)),))
    with pytest.raises(Unverified, match="no known key"):
        judge(note, parse_policy(f"log {first}\nlog {second}\nquorum none\n"))
    assert judge(note, parse_policy(f"log {second}\nquorum none\n")).log == second, (
        "control: it is well signed"
    )


def test_while_the_token_is_away_nothing_is_confirmed_and_it_heals_by_itself(
    place: Place, make_gateway: Callable[[], Gateway]
) -> None:
    """Planted fault: the token is pulled between two acts."""
    make_log_keys(place.settings)
    gateway = make_gateway()
    recorded(gateway.store)
    with place.tokens.pulled():
        with pytest.raises(NotConfirmed, match="doesn't sign") as caught, capture_logs() as logs:
            recorded(gateway.store)
        assert caught.value.status == 503
        assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["ledger_key_silent"]
        assert (stored(gateway.store, "ledger_leaf"), stored(gateway.store, "ledger_checkpoint")) == (1, 1)
        assert checked(gateway) == 1  # reading and checking go on
    waited = stored(gateway.store, "ledger_pending")
    assert waited == (1 if gateway.store.dialect == "postgresql" else 0)
    recorded(gateway.store)
    assert checked(gateway) == 2 + waited


def test_another_key_under_its_label_signs_nothing(place: Place, make_gateway: Callable[[], Gateway]) -> None:
    """Planted fault: somebody with the token's PIN puts a key of his own in the place of the log's."""
    make_log_keys(place.settings)
    running = make_gateway()
    recorded(running.store)
    token_keys.destroy(place.settings.keys, LABEL)
    make_log_keys(place.settings)
    with pytest.raises(NotConfirmed, match="doesn't sign"):
        recorded(running.store)
    started = make_gateway()
    with pytest.raises(NotConfirmed, match="not the one this log was begun with"):
        recorded(started.store)
    assert checked(running) == 1
    with started.store.reading() as unit:
        assert "not this gateway's" in verify_store(unit).sentence


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ledger_token": "none"}, "doesn't open its token"),
        ({"ledger_module": "/usr/lib/none.so"}, "doesn't open its token"),
        ({"ledger_pin": "999999"}, "refuses its PIN"),
        ({"ledger_label": "other"}, "holds none that is labelled other"),
    ],
)
def test_what_cannot_sign_does_not_start(one_place: Place, changed: dict[str, str], says: str) -> None:
    make_log_keys(one_place.settings)
    open_log_keys(one_place.settings)
    with pytest.raises(Misconfigured, match=says) as caught:
        open_log_keys(one_place.with_keys(**changed))
    assert "keys.ledger_" in caught.value.next_step


def test_a_log_key_left_in_a_file_stops_the_start(one_place: Place) -> None:
    make_log_keys(one_place.settings)
    create_log_keys(one_place.settings.keys.ledger_key_file)
    with pytest.raises(Misconfigured, match="holds no ML-DSA-44 key alone") as caught:
        open_log_keys(one_place.settings)
    assert "move away" in caught.value.next_step


def test_a_key_is_never_replaced(one_place: Place) -> None:
    make_log_keys(one_place.settings)
    with pytest.raises(Misconfigured, match="already"):
        make_log_keys(one_place.settings)


@pytest.mark.parametrize("beside", [False, True])
def test_a_new_life_has_a_key_of_its_own_and_the_former_one_stays(one_place: Place, *, beside: bool) -> None:
    make_log_keys(one_place.settings, beside=beside)
    former = open_log_keys(one_place.settings)
    with new_life(one_place.settings, 2) as keys:
        signature = keys.sign("log.example/epoch-2", b"text")
    after = open_log_keys(one_place.settings)
    first, second = after.public("log.example"), after.public("log.example/epoch-2")
    assert first[0] == former.public("log.example")[0]
    assert second == keys.public("log.example/epoch-2")
    assert second[0].public != first[0].public
    assert after.sign("log.example/epoch-2", b"text") == signature
    assert former.public("log.example/epoch-2")[0] == second[0], (
        "a process that began before finds it by itself"
    )
    assert (after.second is not None) is beside
    assert one_place.settings.keys.ledger_key_file.with_name("ledger.key.epoch-1").exists() is beside


def test_a_new_life_that_does_not_begin_leaves_nothing(one_place: Place) -> None:
    make_log_keys(one_place.settings, beside=True)
    before = open_log_keys(one_place.settings).second
    with pytest.raises(RuntimeError), new_life(one_place.settings, 2):
        raise RuntimeError
    assert one_place.objects(f"{LABEL}/epoch-2") == {}
    after = open_log_keys(one_place.settings).second
    assert before is not None
    assert after is not None
    assert before.private_bytes_raw() == after.private_bytes_raw()
    with new_life(one_place.settings, 2):
        pass
    assert set(one_place.objects(f"{LABEL}/epoch-2")) == {
        pkcs11.ObjectClass.PUBLIC_KEY,
        pkcs11.ObjectClass.PRIVATE_KEY,
    }


def test_the_keys_of_a_life_that_may_have_begun_are_kept(one_place: Place) -> None:
    """What isn't confirmed may have been stored: without its key such a log could never be continued."""
    make_log_keys(one_place.settings, beside=True)
    with pytest.raises(NotConfirmed) as caught, new_life(one_place.settings, 2):
        raise NotConfirmed
    assert "kept" in caught.value.next_step
    assert one_place.objects(f"{LABEL}/epoch-2")
    fresh = one_place.settings.keys.ledger_key_file.with_name("ledger.key.new")
    assert fresh.exists()
    with pytest.raises(Misconfigured, match="broken off"), new_life(one_place.settings, 2):
        pytest.fail("nothing may be begun")
