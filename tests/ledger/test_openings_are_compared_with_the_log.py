"""Openings and the log they came from: two histories are told, an older copy accuses nobody.

The log's key is the attacker's, as in `test_ten_attacks_are_seen`: he shows her one history and the world another.
"""

from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from gateway_verify.checkpoint import Checkpoint, sign
from gateway_verify.cli import main
from gateway_verify.merkle import inclusion_proof, leaf_hash, root_of
from gateway_verify.note import Note
from gateway_verify.opening import Opening, commitment
from gateway_verify.proof import Proof

from tests.ledger.made import ORIGIN
from tests.ledger.test_ten_attacks_are_seen import World, world

__all__ = ["world"]
SIZE = 30


def record(number: int) -> str:
    return json.dumps({"entry": number, "kind": "log.viewed"})


def salt(number: int) -> bytes:
    return number.to_bytes(32, "big")


def leaves(count: int) -> list[bytes]:
    return [commitment(salt(number), record(number).encode()) for number in range(count)]


def openings(world: World, *numbers: int, held: object = 0) -> str:
    """A file of openings under a checkpoint that the log alone signed."""
    hashes = [leaf_hash(leaf) for leaf in leaves(SIZE)]
    checkpoint = Checkpoint(ORIGIN, SIZE, root_of(hashes))
    note = Note(checkpoint.text, (sign(checkpoint, ORIGIN, world.keys.first),))
    proofs = []
    for number in numbers:
        path = inclusion_proof(
            number, SIZE, lambda height, at: root_of(hashes[at << height : (at + 1) << height])
        )
        opening = Opening(record(number), salt(number))
        proofs.append(str(Proof(number, tuple(path), note, opening.to_bytes())))
    file = world.folder / "openings.json"
    file.write_text(json.dumps({"format": "gateway-openings/v1", "openings": proofs, "held": held}))
    return str(file)


def check(world: World, *arguments: str, quorum: str = "none") -> int:
    return main([*arguments, "--policy", str(world.policy(quorum))])


def test_another_history_than_the_one_her_openings_came_from_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = openings(world, 3, 7)
    honest = world.publish("honest", leaves(SIZE + 5), cosigned=True)
    hidden = leaves(SIZE + 5)
    hidden[20] = commitment(salt(9_000), b"{}")
    forked = world.publish("forked", hidden, cosigned=True)

    assert check(world, shown, "--log", str(honest)) == 0
    assert check(world, shown, "--log", str(forked)) == 1, "her own entries are the same in both"
    assert "two histories were signed" in capsys.readouterr().out


def test_a_copy_older_than_the_openings_accuses_nobody(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    older = world.publish("older", leaves(SIZE - 5), cosigned=True)

    assert check(world, openings(world, 3), "--log", str(older)) == 0
    assert check(world, openings(world, 3, SIZE - 1), "--log", str(older)) == 2
    assert "this copy of the log ends at entry 25" in capsys.readouterr().out


def test_a_file_without_openings_verifies_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(world, openings(world)) == 2
    assert check(world, openings(world, held=2)) == 2
    assert "2 more may not be shown yet" in capsys.readouterr().out
    for held in (-1, True, "2"):
        assert check(world, openings(world, 3, held=held)) == 1


def test_an_opening_given_more_than_once_does_not_stand_for_others(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(world, openings(world, 3, 7, 8)) == 0
    assert "VERIFIED: 3 of 3 openings" in capsys.readouterr().out
    for numbers in ((3, 3, 3), (3, 7, 3)):
        assert check(world, openings(world, *numbers)) == 1
        said = capsys.readouterr().out
        assert "the file of openings was altered: entry 4 is in it more than once" in said
        assert "VERIFIED: 3" not in said


def test_no_option_is_passed_over(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    log, kept = str(world.publish("log", leaves(SIZE))), world.folder / "last.checkpoint"

    assert check(world, openings(world, 3), "--since", str(kept)) == 2
    assert check(world, openings(world, 3), "--keep", str(kept)) == 2
    assert check(world, log, "--log", log) == 2
    assert check(world, log, "--since", str(kept)) == 2
    assert "the first time, leave --since out" in capsys.readouterr().out
    assert check(world, log, "--keep", str(kept)) == 0


def test_a_kept_checkpoint_is_compared_with_before_it_is_replaced(world: World) -> None:
    kept = world.folder / "last.checkpoint"
    assert check(world, str(world.publish("log", leaves(SIZE))), "--keep", str(kept)) == 0
    before = kept.read_text()
    shorter = str(world.publish("shorter", leaves(SIZE - 1)))

    assert check(world, shorter, "--keep", str(kept)) == 2
    assert check(world, shorter, "--since", str(kept), "--keep", str(kept)) == 1
    assert Path(kept).read_text() == before
    other = world.folder / "another.checkpoint"
    other.write_text("what an earlier check left here")
    log = str(world.publish("log", leaves(SIZE)))
    assert check(world, log, "--since", str(kept), "--keep", str(other)) == 2
    assert other.read_text() == "what an earlier check left here"
    assert check(world, log, "--since", str(kept), "--keep", f"{world.folder}/./{kept.name}") == 0


def test_no_life_that_a_gateway_calls_an_earlier_one_stands_in_for_the_log(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are signed by its key: what an opening is compared with is the log that was checked."""
    hidden = leaves(SIZE)
    hidden[3] = commitment(salt(9_000), b"{}")
    log = world.publish("log", hidden)
    world.publish("log/epoch-1", leaves(SIZE))
    elsewhere = Checkpoint(f"{ORIGIN}/epoch-9", 1, root_of([leaf_hash(leaves(1)[0])]))
    note = Note(elsewhere.text, (sign(elsewhere, elsewhere.origin, world.witness.first),))
    shown = json.loads(Path(openings(world, 3)).read_text())
    shown["openings"].append(str(Proof(0, (), note, Opening(record(0), salt(0)).to_bytes())))
    (world.folder / "both.json").write_text(json.dumps(shown))
    policy = world.policy("none")
    policy.write_text(f"log {world.witness.public(elsewhere.origin)[0]}\n{policy.read_text()}")

    assert main([str(world.folder / "both.json"), "--policy", str(policy), "--log", str(log)]) == 1
    assert "entry 4 of the openings is not in the log as it is now" in capsys.readouterr().out

    world.publish("log/epoch-2", leaves(SIZE))
    assert main([str(world.folder / "both.json"), "--policy", str(policy), "--log", str(log)]) == 1
    assert "two earlier lives of the log have the name" in capsys.readouterr().out


def test_an_entry_is_told_on_lines_of_its_own(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in a log was written by those who are checked: it can't write the last line."""
    said = {"kind": "x\nVERIFIED: all", "refs": {"a\x1b[2J\nVERIFIED: all": "b\u0175\x9b1A"}}
    checkpoint = Checkpoint(ORIGIN, 1, root_of([leaf_hash(commitment(salt(0), json.dumps(said).encode()))]))
    note = Note(checkpoint.text, (sign(checkpoint, ORIGIN, world.keys.first),))
    file = world.folder / "entry.tlog-proof"
    file.write_text(str(Proof(0, (), note, Opening(json.dumps(said), salt(0)).to_bytes())))
    narrow = TextIOWrapper(BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert check(world, str(file)) == 0
    narrow.seek(0)
    lines = narrow.read().splitlines()
    assert [line.startswith("VERIFIED") for line in lines] == [False, False, True]
    assert all(line.isprintable() for line in lines)
