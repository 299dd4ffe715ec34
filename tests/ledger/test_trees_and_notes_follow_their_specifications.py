"""RFC 6962 and the C2SP formats: laws tried on many sizes, published examples, and what must be refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify import words
from gateway_verify.checkpoint import Checkpoint, check_signature, cosign, cosigner_key, sign
from gateway_verify.errors import Unverified
from gateway_verify.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    edge_of,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from gateway_verify.note import Note, SignatureType, VerifierKey, parse_note
from gateway_verify.opening import Opening, commitment, public_leaf
from gateway_verify.policy import parse_policy
from gateway_verify.proof import Proof, parse_proof
from gateway_verify.tiles import TileTree, pack_entries, parse_tile_number, tile_path, unpack_entries, widths
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.entries import EntryKind
from gateway.ledger.tree import Edge

LEAVES = [leaf_hash(bytes([n % 256, n // 256])) for n in range(700)]
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def node(height: int, index: int) -> bytes:
    return root_of(LEAVES[index << height : (index + 1) << height])


@given(st.integers(1, 600), st.data())
def test_an_inclusion_proof_holds_for_its_entry_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root, proof = root_of(LEAVES[:size]), inclusion_proof(index, size, node)

    verify_inclusion(index, size, LEAVES[index], proof, root)
    with pytest.raises(Unverified):
        verify_inclusion(index, size, LEAVES[index + 1], proof, root)
    with pytest.raises(Unverified):
        verify_inclusion(index, size, LEAVES[index], [*proof, root], root)
    if size > 1:
        with pytest.raises(Unverified):
            verify_inclusion((index + 1) % size, size, LEAVES[index], proof, root)


@given(st.integers(1, 600), st.data())
def test_a_consistency_proof_holds_for_its_sizes_and_no_others(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    roots = root_of(LEAVES[:first]), root_of(LEAVES[:second])
    proof = consistency_proof(first, second, node)

    verify_consistency(first, second, proof, *roots)
    with pytest.raises(Unverified):
        verify_consistency(first, second, proof, LEAVES[0] if first > 1 else LEAVES[1], roots[1])
    with pytest.raises(Unverified):
        verify_consistency(first, second, proof, roots[0], LEAVES[699])
    with pytest.raises(Unverified):
        verify_consistency(second, first - 1, proof, roots[1], roots[0])


@given(st.integers(0, 600), st.integers(0, 100))
def test_a_tree_grown_from_its_edge_is_the_tree_made_at_once(size: int, more: int) -> None:
    frontier = Frontier(size, edge_of(size, node))
    for leaf in LEAVES[size : size + more]:
        frontier.add(leaf)

    assert frontier.root() == root_of(LEAVES[: size + more])


@given(st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_full_tiles_are_the_same_however_the_tree_grew(steps: list[int]) -> None:
    steps = [min(step, 170) for step in steps]
    edge, tiles = Edge(), {}
    at = 0
    for step in steps:
        edge, full = edge.grown(LEAVES[at : at + step])
        at += step
        tiles.update({(tile.level, tile.place): tile.hashes for tile in full})
    tiles |= {(level, at >> 8 * (level + 1)): b"".join(hashes) for level, hashes in enumerate(edge.levels)}

    tree = TileTree(at, lambda level, n, width: tiles[level, n][: width * 32])

    assert edge.root() == root_of(LEAVES[:at])
    assert Frontier(at, edge_of(at, tree.node)).root() == edge.root()


def test_the_empty_tree_and_the_first_sizes_are_those_of_rfc_6962() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(LEAVES[:1]) == LEAVES[0]
    assert root_of(LEAVES[:3]) == node_hash(node_hash(LEAVES[0], LEAVES[1]), LEAVES[2])


def test_tile_paths_are_written_as_in_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0, 5) == "tile/entries/000.p/5"
    assert parse_tile_number("x001/x234/067") == (1234067, 256)
    assert parse_tile_number("000.p/5") == (0, 5)
    for wrong in (
        "x000/001",
        "1",
        "0001",
        "000.p/0",
        "000.p/256",
        "000.p/05",
        "x001",
        "001/002",
        "",
        "x001/002.p/",
    ):
        with pytest.raises(ValueError, match=r"tile|hashes|literal"):
            parse_tile_number(wrong)


def test_a_tree_of_70000_has_the_tiles_the_specification_counts() -> None:
    found = [list(widths(70_000, level)) for level in range(4)]

    assert (len(found[0]), found[0][-1]) == (274, (273, 112))
    assert found[1] == [(0, 256), (1, 17)]
    assert found[2] == [(0, 1)]
    assert found[3] == []


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    packed = pack_entries(entries)

    assert unpack_entries(packed, len(entries)) == entries
    with pytest.raises(Unverified):
        unpack_entries(packed[:-1] if entries[-1] else packed + b"\0", len(entries))


def test_the_published_note_verifies_and_an_altered_one_does_not() -> None:
    key = VerifierKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    text = (
        "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E"
        "RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )

    assert check_signature(parse_note(text), key) is not None
    with pytest.raises(Unverified):
        check_signature(parse_note(text.replace("example message", "exemplar message")), key)


@pytest.mark.parametrize(
    "text",
    ["", "no signature\n", "text\n\n", "text\n\n- a AAAAAAA=\n", "a\r\n\n— a AAAAAAA=\n", "text\n\n— a b AAAAAAA=\n",
     "text\n\n— a AAAA\n", "text\n\n— a AAAAAAA\n", "text\n\n— a+b AAAAAAAA\n", "text\n\n— a AAAAAAAA"],
)  # fmt: skip
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(Unverified):
        parse_note(text)


@pytest.mark.parametrize(
    "text",
    ["a\n1\n", "a\n01\nAAAA\n", "a\n-1\nAAAA\n", "\n1\nAAAA\n", "a\n1\nAAAA\n", "a\n1\n" + "A" * 43 + "=\nmore\n",
     "a\n" + "9" * 5000 + "\n" + "A" * 43 + "=\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Unverified):
        Checkpoint.parse(text)


def test_signatures_of_all_three_types_hold_and_bind_what_they_say() -> None:
    first, second = Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()
    checkpoint = Checkpoint("log.example/a", 7, LEAVES[0])
    log_key = VerifierKey("log.example/a", SignatureType.ED25519, first.public_key().public_bytes_raw())
    lines = (
        sign(checkpoint, "log.example/a", first),
        cosign(checkpoint, "w.example/1", first, NOW),
        cosign(checkpoint, "w.example/2", second, NOW),
    )
    note = parse_note(str(Note(checkpoint.text, lines)))

    for key, at in (
        (log_key, None),
        (cosigner_key("w.example/1", first), NOW),
        (cosigner_key("w.example/2", second), NOW),
    ):
        signed = check_signature(note, VerifierKey.parse(str(key)))
        assert signed is not None
        assert signed.at == at
        other = Note(Checkpoint("log.example/a", 8, LEAVES[0]).text, note.signatures)
        with pytest.raises(Unverified):
            check_signature(other, key)


W = [cosigner_key(f"w{n}.example", Ed25519PrivateKey.from_private_bytes(bytes([n] * 32))) for n in range(5)]
LOG = VerifierKey("log.example/a", SignatureType.ED25519, b"k" * 32)
POLICY = f"""# who is believed
log {LOG}
witness C1 {W[0]}
witness C2 {W[1]} https://charity.example/witness
group charities any C1 C2
witness A1 {W[2]}
\twitness A2 {W[3]}
witness A3 {W[4]}
group agencies 2 A1 A2 A3
group all all charities agencies
quorum all
"""


@pytest.mark.parametrize(
    ("cosigners", "met"),
    [(["C1", "A1", "A2"], True), (["C2", "A1", "A3"], True), (["C1", "C2", "A1"], False),
     (["A1", "A2", "A3"], False), ([], False), (["C1", "A1", "A2", "nobody"], True)],
)  # fmt: skip
def test_a_quorum_is_counted_as_the_policy_says(cosigners: list[str], met: bool) -> None:
    assert parse_policy(POLICY).met_by(cosigners) is met


@pytest.mark.parametrize(
    "change",
    [("quorum all\n", ""), ("quorum all", "quorum nobody"), ("group agencies 2", "group agencies 4"),
     ("group agencies 2", "group agencies 0"), ("A1 A2 A3\n", "A1 A1 A3\n"), ("group all all", "group none all"),
     ("all charities agencies", "all charities C1"), ("log ", "logg "), ("witness C2", "witness C1"),
     ("quorum all", "quorum all\nquorum all"), (str(W[1]), str(W[0])), (str(W[1]), str(LOG)), ("# who", "\x07# who")],
)  # fmt: skip
def test_a_policy_that_means_nothing_is_refused_with_its_line(change: tuple[str, str]) -> None:
    assert change[0] in POLICY
    with pytest.raises(Unverified, match="policy"):
        parse_policy(POLICY.replace(*change, 1))


def test_a_proof_file_is_read_back_as_it_was_written() -> None:
    checkpoint = Checkpoint("log.example/a", 700, root_of(LEAVES))
    note = Note(checkpoint.text, (sign(checkpoint, "log.example/a", Ed25519PrivateKey.generate()),))
    proof = Proof(5, tuple(inclusion_proof(5, 700, node)), note, b"more")

    found = parse_proof(str(proof))

    assert found == proof
    found.check(LEAVES[5])
    with pytest.raises(Unverified):
        found.check(LEAVES[6])
    for change in (("index 5", "index 05"), ("c2sp.org", "example"), ("extra ", "ektra "), ("index 5\n", "")):
        with pytest.raises(Unverified):
            parse_proof(str(proof).replace(*change, 1))


def test_a_private_leaf_has_one_size_and_two_salts_give_two_leaves() -> None:
    short, long = commitment(b"1" * 32, b"{}"), commitment(b"2" * 32, b'{"a":"' + b"x" * 900 + b'"}')

    assert len(short) == len(long) == 33
    assert commitment(b"2" * 32, b"{}") != short
    assert public_leaf(b"{}")[0] != short[0]


@pytest.mark.parametrize(
    "text",
    ["[]", '{"record":1}', '{"record":"{}","record":"{}"}', "{", "NaN", '{"record":"{}","salt":"AA=="}'],
)
def test_what_is_no_opening_is_refused(text: str) -> None:
    with pytest.raises(Unverified):
        Opening.from_bytes(text.encode())


def test_every_kind_of_entry_has_its_words() -> None:
    assert set(words.KINDS) == {kind.value for kind in EntryKind}
