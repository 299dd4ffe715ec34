"""Someone with full control of the database and the log's key is seen by a verifier that holds a witnessed checkpoint.

The attacker rewrites whatever he likes, builds a tree that is whole in itself, signs it with the real key and serves
it. The verifier has the policy file, one checkpoint from the witnesses and the stranger's export; nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from gateway_verify.checkpoint import Checkpoint, cosign, cosigner_key, sign
from gateway_verify.cli import main
from gateway_verify.merkle import leaf_hash
from gateway_verify.note import Note, SignatureLine
from gateway_verify.opening import commitment
from gateway_verify.tiles import pack_entries, tile_path, widths

from gateway.ledger.log_keys import FileLogKeys
from gateway.ledger.tree import Edge
from tests.conftest import NOW, Finds
from tests.ledger.made import ORIGIN

WITNESSED = 300
SIZE = 320
Attack = Callable[[list[bytes]], list[bytes]]


@dataclass(frozen=True)
class World:
    """An honest log, the witness that saw part of it, and the keys the attacker has stolen."""

    folder: Path
    keys: FileLogKeys
    witness: FileLogKeys
    leaves: list[bytes]

    def publish(self, name: str, leaves: list[bytes], *, cosigned: bool = False) -> Path:
        """Serve these leaves as a log that is whole in itself, signed by the log's key."""
        folder = self.folder / name
        hashes = [leaf_hash(leaf) for leaf in leaves]
        edge, full = Edge().grown(hashes)
        tiles = {(tile.level, tile.place): tile.hashes for tile in full}
        tiles |= {
            (level, len(leaves) >> 8 * (level + 1)): b"".join(row) for level, row in enumerate(edge.levels)
        }
        for (level, place), data in tiles.items():
            if data:
                write(folder / tile_path(level, place, len(data) // 32), data)
        for place, width in widths(len(leaves), 0):
            write(
                folder / tile_path("entries", place, width),
                pack_entries(leaves[place * 256 : place * 256 + width]),
            )
        checkpoint = Checkpoint(ORIGIN, len(leaves), edge.root())
        lines: list[SignatureLine] = [sign(checkpoint, ORIGIN, self.keys.first)]
        if cosigned:
            lines.append(cosign(checkpoint, "charity.example/w", self.witness.first, NOW))
        write(folder / "checkpoint", str(Note(checkpoint.text, tuple(lines))).encode())
        return folder

    def policy(self, quorum: str) -> Path:
        """The policy the verifier was given by someone other than the operator."""
        path = self.folder / f"policy-{quorum}.txt"
        witness = cosigner_key("charity.example/w", self.witness.first)
        path.write_text(f"log {self.keys.public(ORIGIN)[0]}\nwitness charity {witness}\nquorum {quorum}\n")
        return path


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def made(number: int) -> bytes:
    return commitment(number.to_bytes(32, "big"), b'{"entry":%d}' % number)


@pytest.fixture
def world(tmp_path: Path, log_keys: FileLogKeys) -> World:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    witness = FileLogKeys(Ed25519PrivateKey.generate(), log_keys.second)
    return World(tmp_path, log_keys, witness, [made(number) for number in range(SIZE)])


def edit(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:120], made(9_000), *leaves[121:]]


def delete(leaves: list[bytes]) -> list[bytes]:
    return leaves[:120] + leaves[121:]


def insert(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:120], made(9_000), *leaves[120:]]


def reorder(leaves: list[bytes]) -> list[bytes]:
    return leaves[:100] + leaves[110:120] + leaves[100:110] + leaves[120:]


def swap(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:7], leaves[250], *leaves[8:250], leaves[7], *leaves[251:]]


def truncate(leaves: list[bytes]) -> list[bytes]:
    return leaves[: WITNESSED - 1]


def fork(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[: WITNESSED - 5], *(made(9_000 + number) for number in range(25))]


def rechain(leaves: list[bytes]) -> list[bytes]:
    return [made(50_000 + number) for number in range(len(leaves))]


def restore_yesterday(leaves: list[bytes]) -> list[bytes]:
    return leaves[:200]


def split_view(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[: WITNESSED - 1], made(9_000), *leaves[WITNESSED:]]


ATTACKS: list[Attack] = [
    edit, delete, insert, reorder, swap, truncate, fork, rechain, restore_yesterday, split_view,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_attack_is_seen_against_a_witnessed_checkpoint(
    world: World, attack: Attack, capsys: pytest.CaptureFixture[str]
) -> None:
    witnessed = world.publish("witnessed", world.leaves[:WITNESSED], cosigned=True) / "checkpoint"
    forged = world.publish("forged", attack(world.leaves))
    alone = main([str(forged), "--policy", str(world.policy("none"))])
    assert alone == 0, "the forgery must be whole in itself, or this test shows nothing"

    compared = main([str(forged), "--policy", str(world.policy("none")), "--since", str(witnessed)])
    quorum = main([str(forged), "--policy", str(world.policy("charity"))])

    said = capsys.readouterr().out.strip().splitlines()
    assert compared == 1
    assert quorum == 1
    assert said[-2].startswith(("WRONG: history was changed", "WRONG: the log has lost entries"))
    assert "not cosigned by the witnesses" in said[-1]


def honest(world: World, count: int) -> None:
    chosen = random.Random(20261122)
    pairs = [sorted((chosen.randint(1, SIZE), chosen.randint(1, SIZE))) for _ in range(count)]
    kept: dict[int, Path] = {}
    for before, after in pairs:
        for size in (before, after):
            kept.setdefault(size, world.publish(f"at-{size}", world.leaves[:size], cosigned=True))
        since = str(kept[before] / "checkpoint")
        assert main([str(kept[after]), "--policy", str(world.policy("charity")), "--since", since]) == 0


def test_honest_states_raise_no_alarm(world: World) -> None:
    honest(world, 30)


@pytest.mark.assure
def test_a_thousand_honest_states_raise_no_alarm(world: World, finds: Finds) -> None:
    honest(world, 1000)
    finds("1,000 honest states: 0 alarms")


@pytest.mark.assure
def test_ten_of_ten_are_seen(world: World, capsys: pytest.CaptureFixture[str], finds: Finds) -> None:
    for attack in ATTACKS:
        test_the_attack_is_seen_against_a_witnessed_checkpoint(world, attack, capsys)
    finds(f"{len(ATTACKS)} attacks with the database and the log's key: {len(ATTACKS)} seen")
