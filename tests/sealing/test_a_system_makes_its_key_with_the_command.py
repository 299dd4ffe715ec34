"""Promise: an agency's system makes a key and proves it with one command and no gateway at hand."""

from __future__ import annotations

import json
from pathlib import Path
from secrets import token_bytes, token_hex

import pytest
from click.testing import CliRunner
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.cli import keys as cli
from gateway.errors import Conflict, Invalid
from gateway.sealing import jwe
from gateway.sealing.envelope import Envelope, Item, pack
from gateway.sealing.public_key import PublicKey, check_public_jwk
from gateway.store.vault import Scope, VaultEpoch


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli.keys, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(params=["P-256", "X25519"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, PublicKey]:
    file = tmp_path / "private.jwk"
    said = CliRunner().invoke(cli.keys, ["make", str(file), "--curve", request.param], catch_exceptions=False)
    public = json.loads(said.stdout)  # so it can be written to a file as it is
    assert "d" not in public
    assert file.stat().st_mode & 0o777 == 0o600
    return file, check_public_jwk(public)


def test_a_system_makes_a_key_and_proves_it(made: tuple[Path, PublicKey], tmp_path: Path) -> None:
    key, public = made
    (tmp_path / "public.jwk").write_text(json.dumps(public.jwk()))
    assert public.fingerprint in run("check", str(tmp_path / "public.jwk")).replace("\n", " ")
    secret = token_hex(32)
    (tmp_path / "challenge").write_text(jwe.seal(public, secret.encode()))
    assert run("answer", str(tmp_path / "challenge"), "--key", str(key)).strip() == secret


def test_a_parcel_is_not_answered_as_if_it_were_a_challenge(
    made: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    """Whoever asks a system to open a parcel and to send back what it says would read it."""
    key, public = made
    item = Item("text/plain", "answer.txt", b"Her address")
    for sealed in (pack(Envelope("p" * 32, "l" * 32, (item,))), b"Her address", token_bytes(64)):
        (tmp_path / "challenge").write_text(jwe.seal(public, sealed))
        with pytest.raises(Invalid, match="isn't a challenge"):
            run("answer", str(tmp_path / "challenge"), "--key", str(key))


def test_no_file_is_overwritten(made: tuple[Path, PublicKey]) -> None:
    with pytest.raises(Invalid, match="there already"):
        run("make", str(made[0]))


def test_a_private_key_is_not_checked_in(made: tuple[Path, PublicKey]) -> None:
    with pytest.raises(Invalid, match="private key"):
        run("check", str(made[0]))


def test_the_keys_at_rest_move_to_a_new_epoch(
    sqlite_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = sqlite_gateway
    monkeypatch.setattr(cli, "at_work", lambda: gateway)
    with gateway.store.writing() as unit:
        sealed = gateway.vault.seal(unit.session, Scope.PARCEL, "p", b"content", where="a")
    assert "1 keys were moved" in run("rotate", "--destroy-before")
    with gateway.store.reading() as unit:
        assert gateway.vault.open_bytes(unit.session, Scope.PARCEL, "p", sealed, where="a") == b"content"
        first = unit.session.exec(select(VaultEpoch).where(VaultEpoch.number == 1)).one()
        assert first.wrapped is None
    assert "0 keys ended" in run("expire")
    assert "Fingerprint" in run("list")
    with gateway.store.writing() as unit, pytest.raises(Conflict):
        gateway.vault.destroy_epoch(unit.session, 2)
