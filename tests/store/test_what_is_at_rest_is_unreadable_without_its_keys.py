"""Keys at rest: what is sealed opens only for its owner and place, and never again once the key is destroyed."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from gateway.errors import Conflict, Erased, Invalid, Misconfigured
from gateway.registry.models import Partnership
from gateway.store import vault
from gateway.store.hardware import HardwareRootKey, create_hardware_root
from gateway.store.matching import normalise
from gateway.store.root_keys import FileRootKey, RootKey, create_root_file
from gateway.store.unit_of_work import Store, Unit
from gateway.store.vault import Scope, Vault, VaultEpoch, VaultKey
from tests.soft_token import soft_tokens

OWNER = "1" * 32
OTHER = "2" * 32
WHERE = "subject.name.1"
CANARY = "Zzyzx Road 14"

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


def seal(store: Store, text: str | bytes = CANARY, owner: str = OWNER, scope: Scope = Scope.SUBJECT) -> bytes:
    with store.writing() as unit:
        return unit.vault.seal(unit.session, scope, owner, text, where=WHERE)


def another(store: Store) -> Store:
    """The same database as another worker has it."""
    return Store(store.engine, store.clock, store.vault)


def opened(
    store: Store, sealed: bytes, owner: str = OWNER, scope: Scope = Scope.SUBJECT, where: str = WHERE
) -> str:
    with store.reading() as unit:
        return unit.vault.open(unit.session, scope, owner, sealed, where=where)


def test_what_was_sealed_opens_and_holds_nothing_of_the_text(store: Store) -> None:
    sealed = seal(store)
    assert opened(store, sealed) == CANARY
    assert CANARY.encode() not in sealed


def test_bytes_come_back_as_they_were(store: Store) -> None:
    sealed = seal(store, b"\x00\xff")
    with store.reading() as unit:
        assert unit.vault.open_bytes(unit.session, Scope.SUBJECT, OWNER, sealed, where=WHERE) == b"\x00\xff"


@given(text=texts, scope=st.sampled_from(Scope), owner=st.text("0123456789abcdef", min_size=1, max_size=32))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_comes_back(sqlite_store: Store, text: str, scope: Scope, owner: str) -> None:
    assert opened(sqlite_store, seal(sqlite_store, text, owner, scope), owner, scope) == text


@given(place=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_changed_byte_is_seen(sqlite_store: Store, place: int, flip: int) -> None:
    altered = bytearray(seal(sqlite_store))
    altered[place % len(altered)] ^= flip
    with pytest.raises(Conflict):
        opened(sqlite_store, bytes(altered))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(12), b"\x01" + bytes(40)])
def test_what_was_never_sealed_is_refused(sqlite_store: Store, sealed: bytes) -> None:
    seal(sqlite_store)
    with pytest.raises(Conflict):
        opened(sqlite_store, sealed)


def test_a_value_moved_to_another_place_does_not_open(store: Store) -> None:
    with pytest.raises(Conflict):
        opened(store, seal(store), where="subject.address.1")


def test_a_value_moved_to_another_owner_does_not_open(store: Store) -> None:
    seal(store, owner=OTHER)
    with pytest.raises(Conflict):
        opened(store, seal(store), owner=OTHER)


@pytest.mark.parametrize("column", ["scope", "owner_id"])
def test_a_wrapped_key_moved_to_another_owner_does_not_unwrap(store: Store, column: str) -> None:
    """Planted fault: someone with the database swaps one owner's key row for another's."""
    sealed = seal(store)
    with store.writing() as unit:
        row = unit.session.exec(select(VaultKey)).one()
        setattr(row, column, Scope.CASE.value if column == "scope" else OTHER)
        unit.session.add(row)
    moved = (OWNER, Scope.CASE) if column == "scope" else (OTHER, Scope.SUBJECT)
    with pytest.raises(Conflict):
        opened(store, sealed, *moved)


def test_a_destroyed_key_opens_nothing_and_cannot_come_back(store: Store) -> None:
    sealed = seal(store)
    with store.writing() as unit:
        unit.vault.destroy(unit.session, Scope.SUBJECT, OWNER)
        assert unit.vault.is_destroyed(unit.session, Scope.SUBJECT, OWNER)
    with pytest.raises(Erased):
        opened(store, sealed)
    with pytest.raises(Erased):
        seal(store)


def test_destroying_before_the_first_use_and_twice_is_final_too(store: Store) -> None:
    for _ in range(2):
        with store.writing() as unit:
            unit.vault.destroy(unit.session, Scope.PARCEL, OWNER)
    with pytest.raises(Erased):
        seal(store, scope=Scope.PARCEL)


@pytest.mark.parametrize("made", [False, True], ids=["never made", "made"])
def test_a_first_sealing_does_not_wait_for_an_erasure_that_is_under_way(
    postgresql_store: Store, made: bool
) -> None:
    seal(postgresql_store, owner=OWNER if made else OTHER)
    with postgresql_store.writing() as erasing:
        erasing.vault.destroy(erasing.session, Scope.SUBJECT, OWNER)
        with another(postgresql_store).writing() as meanwhile:  # which would wait until its lock timeout
            sealed = meanwhile.vault.seal(meanwhile.session, Scope.SUBJECT, OWNER, CANARY, where=WHERE)
    for use in (lambda: opened(postgresql_store, sealed), lambda: seal(postgresql_store)):
        with pytest.raises(Erased):
            use()


def test_a_key_looked_for_before_an_erasure_made_it_is_found_without_waiting(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(postgresql_store, owner=OTHER)
    look = vault._rows
    with postgresql_store.writing() as erasing, another(postgresql_store).writing() as meanwhile:

        def looked(session: Session, owners: Sequence[tuple[str, str]]) -> list[vault._Wrapped]:
            found = look(session, owners)
            if session is meanwhile.session and not found:
                erasing.vault.destroy(erasing.session, Scope.SUBJECT, OWNER)
            return found

        monkeypatch.setattr(vault, "_rows", looked)
        meanwhile.vault.seal(meanwhile.session, Scope.SUBJECT, OWNER, CANARY, where=WHERE)
    with pytest.raises(Erased):
        seal(postgresql_store)


def test_an_erasure_that_fails_destroys_no_key(postgresql_store: Store) -> None:
    def fail(unit: Unit) -> None:
        unit.vault.destroy(unit.session, Scope.SUBJECT, OWNER)
        raise Invalid("not after all")

    with pytest.raises(Invalid), postgresql_store.writing() as unit:
        fail(unit)
    assert opened(postgresql_store, seal(postgresql_store)) == CANARY


def test_a_key_already_used_in_a_transaction_is_gone_after_destroying_it_there(store: Store) -> None:
    with store.writing() as unit:
        sealed = unit.vault.seal(unit.session, Scope.SUBJECT, OWNER, CANARY, where=WHERE)
        unit.vault.destroy(unit.session, Scope.SUBJECT, OWNER)
        with pytest.raises(Erased):
            unit.vault.open(unit.session, Scope.SUBJECT, OWNER, sealed, where=WHERE)


def test_destroying_one_key_leaves_the_others(store: Store) -> None:
    kept = seal(store, owner=OTHER)
    with store.writing() as unit:
        unit.vault.destroy(unit.session, Scope.SUBJECT, OWNER)
    assert opened(store, kept, owner=OTHER) == CANARY


def test_a_destroyed_key_leaves_no_bytes_in_the_files(sqlite_store: Store, tmp_path: Path) -> None:
    seal(sqlite_store)
    with sqlite_store.reading() as unit:
        wrapped = unit.session.exec(select(VaultKey.wrapped)).one() or b""
    assert holders_of(wrapped, tmp_path), "control: the wrapped key is in the files before"
    with sqlite_store.writing() as unit:
        unit.vault.destroy(unit.session, Scope.SUBJECT, OWNER)
    assert holders_of(wrapped, tmp_path) == []


def test_no_text_and_no_key_is_in_the_files(sqlite_store: Store, tmp_path: Path, root_file: Path) -> None:
    seal(sqlite_store, owner=OTHER)
    with sqlite_store.writing() as unit:
        row = VaultEpoch(number=0, root_name="planted-control", created_at=unit.now)
        unit.session.add(row)
        unit.vault.seal(unit.session, Scope.SUBJECT, OWNER, CANARY, where=WHERE)
    root = base64.b64decode(root_file.read_text().partition(":")[2])
    assert holders_of(b"planted-control", tmp_path), "control: what is stored in the clear is found"
    for secret in (CANARY.encode(), CANARY.encode("utf-16-le"), base64.b64encode(CANARY.encode())[:12], root):
        assert holders_of(secret, tmp_path) == []


def test_keys_move_to_a_new_epoch_and_the_old_one_dies(store: Store) -> None:
    sealed = {owner: seal(store, owner=owner) for owner in (OWNER, OTHER)}
    backup = wrapped_keys(store)
    with store.writing() as unit:
        assert unit.vault.rotate(unit.session) == 2
        assert unit.vault.rewrap(unit.session, limit=1) == 1
    with pytest.raises(Conflict), store.writing() as unit:
        unit.vault.destroy_epoch(unit.session, 1)
    with store.writing() as unit:
        assert unit.vault.rewrap(unit.session) == 1
        assert unit.vault.rewrap(unit.session) == 0
        unit.vault.destroy_epoch(unit.session, 1)
    assert {opened(store, item, owner) for owner, item in sealed.items()} == {CANARY}
    put_back(store, backup)
    store.vault = fresh(store)
    with pytest.raises(Erased):
        opened(store, sealed[OWNER])


def test_the_newest_epoch_cannot_be_destroyed(store: Store) -> None:
    seal(store)
    with pytest.raises(Conflict), store.writing() as unit:
        unit.vault.destroy_epoch(unit.session, 1)
    with pytest.raises(Invalid), store.writing() as unit:
        unit.vault.destroy_epoch(unit.session, 7)


def test_a_key_is_placed_in_its_owners_partnership(store: Store) -> None:
    with store.writing() as unit:
        partnership = Partnership(id=OTHER, partnership_id=OTHER, code="m", name="Meadowshire", nation="EW")
        unit.vault.seal(unit.session, Scope.CASE, OTHER, CANARY, where=WHERE)
        unit.vault.seal(unit.session, Scope.SALT, OWNER, CANARY, where=WHERE)
        unit.session.add(partnership)
    with store.reading() as unit:
        placed = {key.owner_id: key.partnership_id for key in unit.session.exec(select(VaultKey))}
    assert placed == {OTHER: OTHER, OWNER: OWNER}


def test_a_list_is_prepared_in_one_query(store: Store) -> None:
    owners = [f"{n:032x}" for n in range(5)]
    sealed = [seal(store, owner=owner) for owner in owners]
    with store.reading() as unit:
        unit.vault.prepare(unit.session, [(Scope.SUBJECT, owner) for owner in owners])
        unit.session.connection().close()  # from here on a query would raise
        texts = [
            unit.vault.open(unit.session, Scope.SUBJECT, owner, item, where=WHERE)
            for owner, item in zip(owners, sealed, strict=True)
        ]
    assert texts == [CANARY] * 5


def test_another_root_opens_nothing(store: Store, tmp_path: Path) -> None:
    sealed = seal(store)
    create_root_file(tmp_path / "other.key")
    store.vault = Vault(FileRootKey(tmp_path / "other.key"))
    with pytest.raises(Misconfigured), store.reading() as unit:
        store.vault.check(unit.session)
    with pytest.raises(Misconfigured):
        opened(store, sealed)


def test_a_root_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_root_file(tmp_path / "root.key")
    (tmp_path / "root.key").chmod(0o640)
    with pytest.raises(Misconfigured, match="read by others"):
        FileRootKey(tmp_path / "root.key")


@pytest.mark.parametrize(
    "text", ["", "gateway-root-1:", "gateway-root-1:!!", "gateway-root-1:AAAA", "A" * 44]
)
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "root.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Misconfigured, match="holds no root key"):
        FileRootKey(path)


def test_a_root_key_is_never_replaced(tmp_path: Path) -> None:
    create_root_file(tmp_path / "root.key")
    with pytest.raises(FileExistsError):
        create_root_file(tmp_path / "root.key")


def test_tokens_match_spellings_and_nothing_else(vault: Vault) -> None:
    def token(kind: str, value: str, partnership: str = "p") -> str:
        return vault.token(kind, value, partnership)

    assert token("name", " O'Néill ") == token("name", "oneill") == token("name", "ONEILL")
    assert token("nhs_number", "943 476 5919") == token("nhs_number", "943-476-5919")
    assert token("postcode", "sw1a 1aa") == token("postcode", "SW1A1AA")
    assert token("name", "smith") != token("family_name", "smith")
    assert token("name", "smith") != token("name", "smith", "q")
    assert token("name", "smith") != token("name", "smyth")


@pytest.mark.parametrize(
    ("kind", "value"), [("name", " -'"), ("nhs_number", "none"), ("date_of_birth", "1/2/1990")]
)
def test_what_cannot_be_matched_is_refused(vault: Vault, kind: str, value: str) -> None:
    with pytest.raises(Invalid):
        vault.token(kind, value, "p")


@given(value=st.text(min_size=1).filter(lambda text: any(c.isalnum() for c in text)))
def test_normalising_twice_changes_nothing(value: str) -> None:
    try:
        once = normalise("name", value)
    except Invalid:
        return
    assert normalise("name", once) == once


def test_two_gateways_with_one_root_make_the_same_tokens(root_file: Path) -> None:
    first, second = (Vault(FileRootKey(root_file)) for _ in range(2))
    assert first.token("name", "smith", "p") == second.token("name", "smith", "p")


def test_a_hardware_root_wraps_and_digests_without_letting_its_key_out(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = soft_token(tmp_path, monkeypatch)
    context, key = b"epoch 1", os.urandom(32)
    assert root.unwrap(root.wrap(key, context), context) == key
    assert key not in root.wrap(key, context)
    assert len(root.digest(b"data")) == 32
    assert root.digest(b"data") != root.digest(b"Data")
    with pytest.raises(Misconfigured):
        root.unwrap(root.wrap(key, context), b"epoch 2")
    sqlite_store.vault = Vault(root)
    assert opened(sqlite_store, seal(sqlite_store)) == CANARY


def soft_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RootKey:
    tokens = soft_tokens(folder, monkeypatch)
    tokens.add("gateway", "123456")
    create_hardware_root(tokens.module, "gateway", "123456", "root")
    with pytest.raises(Misconfigured, match="already"):
        create_hardware_root(tokens.module, "gateway", "123456", "root")
    return HardwareRootKey(tokens.module, "gateway", "123456", "root")


def holders_of(secret: bytes, folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


def wrapped_keys(store: Store) -> dict[str, tuple[str, bytes | None]]:
    with store.reading() as unit:
        return {row.id: (row.epoch_id, row.wrapped) for row in unit.session.exec(select(VaultKey))}


def put_back(store: Store, backup: dict[str, tuple[str, bytes | None]]) -> None:
    """What someone does who still has yesterday's backup: restores the wrapped keys."""
    with store.writing() as unit:
        for row in unit.session.exec(select(VaultKey).where(col(VaultKey.id).in_(backup))):
            row.epoch_id, row.wrapped = backup[row.id]
            unit.session.add(row)


def fresh(store: Store) -> Vault:
    return Vault(store.vault._root)
