"""Promise: each known trap of JWE and of its libraries is shut, and stays so when a library changes."""

from __future__ import annotations

import ast
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe as jose
from joserfc import jwk
from joserfc.jwk import ECKey, OctKey, OKPKey
from jwcrypto import jwe as other_jwe
from jwcrypto import jwk as other_jwk

from gateway.errors import Invalid
from gateway.sealing import jwe
from gateway.sealing.public_key import check_public_jwk
from tests.sealing.conftest import Node

ROOT = Path(__file__).resolve().parents[2]
KEY = ECKey.generate_key("P-256")
PRIVATE: dict[str, Any] = KEY.as_dict(private=True)
PUBLIC = check_public_jwk(KEY.as_dict(private=False))
PASSPHRASE = "abacus abdomen abdominal abide abiding ability ablaze able abnormal abrasion"
HEADER = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": PUBLIC.kid}


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_header(header: str | dict[str, Any], sealed: str | None = None) -> str:
    text = header if isinstance(header, str) else json.dumps(header)
    rest = (sealed or jwe.seal(PUBLIC, b"content")).split(".")[1:]
    return ".".join([segment(text.encode()), *rest])


def header_of(sealed: str) -> dict[str, Any]:
    segment = sealed.split(".", maxsplit=1)[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return header


def refused(sealed: str) -> None:
    with pytest.raises(Invalid):
        jwe.check_sealed(sealed, PUBLIC)
    with pytest.raises(Invalid):
        jwe.open_sealed(sealed, PRIVATE)


def made_with(header: dict[str, Any], key: Any = KEY, algorithms: tuple[str, ...] = ()) -> str:
    listed = [header["alg"], header["enc"], *algorithms]
    return jose.encrypt_compact(dict(header), b"content", key, algorithms=listed)


def test_the_control_opens() -> None:
    sealed = made_with(HEADER)
    assert jwe.check_sealed(sealed, PUBLIC) == len(b"content")
    assert jwe.open_sealed(sealed, PRIVATE) == b"content"


def test_json_serialisation_is_refused() -> None:
    """A JSON JWE may be altered in transit without joserfc noticing, so compact is the only form."""
    message = jose.GeneralJSONEncryption({"enc": "A256GCM"}, b"content")
    message.add_recipient({"alg": "ECDH-ES+A256KW"}, KEY)
    refused(json.dumps(jose.encrypt_json(message, None, algorithms=["ECDH-ES+A256KW", "A256GCM"])))


def test_a_header_with_a_member_twice_or_other_spacing_is_refused() -> None:
    sealed = jwe.seal(PUBLIC, b"content")
    said = json.dumps(header_of(sealed))
    refused(with_header(said.replace('"enc"', '"enc": "A128GCM", "enc"', 1), sealed))
    with pytest.raises(Invalid):
        jwe.open_sealed(with_header(json.dumps(header_of(sealed), indent=2), sealed), PRIVATE)


def test_content_above_the_librarys_own_limit_opens() -> None:
    content = bytes(200_000)
    assert jwe.open_sealed(jwe.seal(PUBLIC, content), PRIVATE) == content


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW"])
def test_another_key_algorithm_is_refused(alg: str) -> None:
    refused(made_with(HEADER | {"alg": alg}))


@pytest.mark.parametrize("enc", ["A128GCM", "A256CBC-HS512"])
def test_another_content_algorithm_is_refused(enc: str) -> None:
    refused(made_with(HEADER | {"enc": enc}))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_keys_of_other_kinds_are_refused() -> None:
    secret = OctKey.generate_key(256)
    refused(made_with(HEADER | {"alg": "A256KW"}, secret))
    refused(made_with(HEADER | {"alg": "dir"}, secret))
    refused(made_with(HEADER | {"alg": "PBES2-HS512+A256KW"}, secret))


def test_compression_is_never_made_and_never_opened() -> None:
    """65 KB became 50 MB in one recipient tool."""
    refused(made_with(HEADER | {"zip": "DEF"}, algorithms=("DEF",)))
    for sealed in (jwe.seal(PUBLIC, bytes(5000)), jwe.seal_large(PUBLIC, bytes(5000))):
        assert "zip" not in header_of(sealed)
        assert len(sealed) > 5000


@pytest.mark.parametrize(
    "member", [{"crit": ["b64"], "b64": False}, {"jku": "https://example.org"}, {"apu": "YQ"}]
)
def test_members_nobody_asked_for_are_refused(member: dict[str, Any]) -> None:
    sealed = jwe.seal(PUBLIC, b"content")
    refused(with_header(header_of(sealed) | member, sealed))


@pytest.mark.parametrize(
    "epk",
    [
        {"kty": "EC", "crv": "P-256", "x": segment(bytes(31) + b"\x02"), "y": segment(bytes(31) + b"\x03")},
        {"kty": "OKP", "crv": "X25519", "x": segment(bytes(32))},
        {"kty": "OKP", "crv": "X25519", "x": OKPKey.generate_key("X25519").as_dict(private=False)["x"]},
        KEY.as_dict(private=True),
        "no object",
        None,
    ],
)
def test_a_senders_key_off_the_curve_is_refused(epk: object) -> None:
    sealed = jwe.seal(PUBLIC, b"content")
    refused(with_header(header_of(sealed) | {"epk": epk}, sealed))


def test_a_key_id_that_isnt_the_recipients_is_refused() -> None:
    sealed = jwe.seal(PUBLIC, b"content")
    refused(with_header(header_of(sealed) | {"kid": "another"}, sealed))
    assert jwe.key_id(sealed) == PUBLIC.kid
    with pytest.raises(Invalid):
        jwe.key_id(with_header({"alg": "x"}, sealed))


@pytest.mark.parametrize("part", range(5))
def test_a_part_of_another_length_is_refused(part: int) -> None:
    parts = jwe.seal(PUBLIC, b"content").split(".")
    for broken in ("", parts[part][:-4], parts[part] + "AAAA", parts[part] + "="):
        sealed = ".".join([*parts[:part], broken, *parts[part + 1 :]])
        with pytest.raises(Invalid):
            jwe.open_sealed(sealed, PRIVATE)


def test_every_sealing_draws_a_new_key_and_nonce() -> None:
    for seal in (jwe.seal, jwe.seal_large):
        drawn = [seal(PUBLIC, b"content").split(".") for _ in range(20)]
        assert all(len({parts[part] for parts in drawn}) == 20 for part in range(5))


def test_a_backup_opens_in_other_tools_under_their_own_limits(node: Node) -> None:
    """Their default caps on PBES2 rounds differ; a count above 10,000 would lock people out of their own keys."""
    backup = node.run(
        "import { makeBackup } from './js/sealing/jwe.js';"
        "console.log(await makeBackup([{ kty: 'EC' }], JSON.parse(process.argv[1])));",
        PASSPHRASE,
    ).strip()
    allowed = ["PBES2-HS512+A256KW", "A256GCM"]
    assert header_of(backup)["p2c"] <= 10_000
    opened = jose.decrypt_compact(backup, jwk.OctKey.import_key(PASSPHRASE), algorithms=allowed)
    other = other_jwe.JWE(algs=allowed)
    other.deserialize(backup, other_jwk.JWK.from_password(PASSPHRASE))
    assert json.loads(opened.plaintext or b"") == json.loads(other.payload) == {"keys": [{"kty": "EC"}]}


def imports_of(file: Path) -> set[str]:
    named = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            named |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return named


def test_the_abandoned_library_is_used_nowhere() -> None:
    users = [
        file
        for file in (ROOT / "gateway").rglob("*.py")
        if any("authlib.jose" in name for name in imports_of(file))
    ]
    assert users == []


def test_json_serialisation_is_used_nowhere() -> None:
    users = [
        file
        for file in (ROOT / "gateway").rglob("*.py")
        if "decrypt_json" in file.read_text(encoding="utf-8")
    ]
    assert users == []


def test_recipients_are_told_to_look_at_the_exit_code() -> None:
    """Debian's jose prints plaintext before it has checked it."""
    told = (ROOT / "docs" / "sealing.md").read_text(encoding="utf-8")
    assert "exit code" in told
