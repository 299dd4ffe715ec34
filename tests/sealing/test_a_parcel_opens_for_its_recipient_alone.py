"""Promise: what is sealed opens with other people's tools for its recipient, for nobody else, and tells no length."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey
from jwcrypto import jwe as other_jwe
from jwcrypto import jwk as other_jwk

from gateway.errors import Invalid
from gateway.sealing import jwe
from gateway.sealing.envelope import BUCKETS, MAX_CONTENT, Envelope, Item, pack, unpack
from gateway.sealing.public_key import check_public_jwk
from tests.sealing.conftest import Node

STATIC = Path(__file__).resolve().parents[2] / "gateway" / "web" / "static"
KEYS: list[dict[str, Any]] = [
    ECKey.generate_key("P-256").as_dict(private=True),
    OKPKey.generate_key("X25519").as_dict(private=True),
]
LARGE = bytes(range(256)) * 4500


def public_half(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in {"d", "kid"}}


def sealed_both_ways(key: dict[str, Any], content: bytes) -> list[str]:
    public = check_public_jwk(public_half(key))
    return [jwe.seal(public, content), jwe.seal_large(public, content)]


items = st.builds(
    Item,
    media_type=st.sampled_from(["text/plain; charset=utf-8", "application/pdf"]),
    name=st.sampled_from(["text.txt", "document.pdf"]),
    data=st.binary(max_size=3000),
    text=st.text(max_size=100),
)
envelopes = st.builds(
    Envelope,
    parcel_id=st.text("0123456789abcdef", min_size=32, max_size=32),
    line_id=st.text("0123456789abcdef", min_size=32, max_size=32),
    items=st.lists(items, min_size=1, max_size=4).map(tuple),
    marks=st.lists(st.text(max_size=60), max_size=3).map(tuple),
)


@given(envelope=envelopes, key=st.sampled_from(KEYS))
def test_what_goes_in_comes_out(envelope: Envelope, key: dict[str, Any]) -> None:
    for sealed in sealed_both_ways(key, pack(envelope)):
        assert unpack(jwe.open_sealed(sealed, key)) == envelope


@pytest.mark.parametrize("key", KEYS)
def test_large_content_is_the_same_in_both_assemblies(key: dict[str, Any]) -> None:
    for sealed in sealed_both_ways(key, LARGE):
        assert jwe.open_sealed(sealed, key) == LARGE
        assert len(sealed) == len(sealed_both_ways(key, LARGE)[0])
        assert set(jwe._header(sealed.split(".")[0])) == {"alg", "enc", "kid", "epk"}


@pytest.mark.parametrize("key", KEYS)
def test_jwcrypto_opens_it(key: dict[str, Any]) -> None:
    for sealed in sealed_both_ways(key, b"content"):
        other = other_jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
        other.deserialize(sealed, other_jwk.JWK(**public_half(key), d=key["d"]))
        assert other.payload == b"content"


@pytest.mark.parametrize("key", KEYS)
def test_what_jwcrypto_seals_we_open(key: dict[str, Any]) -> None:
    public = check_public_jwk(public_half(key))
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": public.kid}
    other = other_jwe.JWE(b"content", protected=json.dumps(header))
    other.add_recipient(other_jwk.JWK(**public_half(key)))
    sealed = other.serialize(compact=True)
    assert jwe.check_sealed(sealed, public) == len(b"content")
    assert jwe.open_sealed(sealed, key) == b"content"


@pytest.mark.parametrize("key", KEYS)
def test_npm_jose_opens_it(key: dict[str, Any], node: Node) -> None:
    sealed = sealed_both_ways(key, b"content")
    said = node.run(
        "import { compactDecrypt, importJWK } from './vendor/jose/index.js';"
        "const { key, sealed } = JSON.parse(process.argv[1]);"
        "const imported = await importJWK(key, 'ECDH-ES+A256KW');"
        "for (const one of sealed) {"
        "  const { plaintext } = await compactDecrypt(one, imported);"
        "  console.log(new TextDecoder().decode(plaintext));"
        "}",
        {"key": key, "sealed": sealed},
    )
    assert said.split() == ["content", "content"]


def test_the_jose_command_opens_it(tmp_path: Path) -> None:
    if shutil.which("jose") is None:
        pytest.skip("the jose command is not here: apt-get install jose")
    (tmp_path / "key.jwk").write_text(json.dumps(KEYS[0]))
    for sealed in sealed_both_ways(KEYS[0], b"content"):
        command = ["jose", "jwe", "dec", "-i", "-", "-k", str(tmp_path / "key.jwk")]
        done = subprocess.run(command, input=sealed.encode(), capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"content")


def test_the_inside_is_taken_apart_with_head_and_tail() -> None:
    envelope = Envelope(
        "p", "l", (Item("text/plain", "text.txt", b"one\ntwo", "x"), Item("a/b", "c", b"three"))
    )
    contents, _, rest = pack(envelope).partition(b"\n")
    listed = json.loads(contents)["items"]
    assert rest[: listed[0]["length"]] == b"one\ntwo"


@pytest.mark.parametrize("key", KEYS)
def test_nobody_else_opens_it(key: dict[str, Any]) -> None:
    for sealed in sealed_both_ways(key, b"content"):
        for kind in (ECKey.generate_key("P-256"), OKPKey.generate_key("X25519")):
            with pytest.raises(Invalid):
                jwe.open_sealed(sealed, kind.as_dict(private=True))


@given(at=st.integers(min_value=0), bit=st.integers(0, 5), key=st.sampled_from(KEYS))
def test_what_was_altered_does_not_open(at: int, bit: int, key: dict[str, Any]) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sealed = sealed_both_ways(key, b"content")[0]
    at %= len(sealed)
    if sealed[at] == ".":
        return
    other = alphabet[alphabet.index(sealed[at]) ^ (1 << bit)]
    changed = sealed[:at] + other + sealed[at + 1 :]
    try:
        opened = jwe.open_sealed(changed, key)
    except Invalid:
        return
    # The bits that base64 leaves over at the end of a part say nothing.
    assert opened == b"content"
    assert changed[at + 1 : at + 2] in {".", ""}


@given(lengths=st.lists(st.integers(0, 70_000), min_size=1, max_size=30))
def test_lengths_fall_into_eight_sizes(lengths: list[int]) -> None:
    sizes = {len(pack(Envelope("p", "l", (Item("a/b", "c", bytes(length)),)))) for length in lengths}
    assert sizes <= set(BUCKETS)
    assert len(BUCKETS) == 8


def test_what_is_too_large_is_refused_with_a_remedy() -> None:
    with pytest.raises(Invalid, match="too large") as refused:
        pack(Envelope("p", "l", (Item("a/b", "c", bytes(MAX_CONTENT)),)))
    assert refused.value.next_step
    with pytest.raises(Invalid):
        pack(Envelope("p", "l", ()))


@given(name=st.text(alphabet=st.sampled_from("./\\\0aZ9é%~ ٣")), number=st.integers(1, 20))
def test_an_item_is_written_inside_its_folder_whatever_its_sender_called_it(name: str, number: int) -> None:
    written = Item("text/plain", name, b"content").file_name(number)
    assert re.fullmatch(rf"item-{number}\.[A-Za-z0-9]{{1,8}}", written)
    assert Item("text/plain", "../../plan.txt", b"content").file_name(1) == "item-1.txt"


@given(data=st.binary(max_size=300))
def test_nothing_but_an_envelope_is_unpacked(data: bytes) -> None:
    for packed in (data, data + b"\n", b'{"format":"disclosure-gateway parcel","v":1,"items":3}\n' + data):
        with pytest.raises(Invalid):
            unpack(packed)


@pytest.mark.parametrize(
    ("stands", "put"),
    [
        ('"name":"c"', '"name":7'),
        ('"type":"a/b"', '"type":["a/b"]'),
        ('"parcel":"p"', '"parcel":null'),
        ('"marks":["m"]', '"marks":[{}]'),
        ('"marks":["m"]', '"marks":' + "[" * 50_000),
        ('"length":7', '"length":"7"'),
    ],
)
def test_what_a_parcel_says_of_itself_is_read_strictly(stands: str, put: str) -> None:
    packed = pack(Envelope("p", "l", (Item("a/b", "c", b"content"),), ("m",)))
    assert stands.encode() in packed
    with pytest.raises(Invalid):
        unpack(packed.replace(stands.encode(), put.encode()))


def test_an_item_that_was_swapped_inside_is_refused() -> None:
    packed = pack(Envelope("p", "l", (Item("a/b", "c", b"content"),)))
    with pytest.raises(Invalid, match="table of contents"):
        unpack(packed.replace(b"\ncontent", b"\nCONTENT"))
