"""An exported log is verified by software that we did not write: openssl, pymerkle and sigstore's JavaScript."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pymerkle
import pytest
from gateway_verify.audit import entries, tree
from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.merkle import inclusion_proof, leaf_hash
from gateway_verify.note import Note, VerifierKey
from gateway_verify.opening import Opening
from gateway_verify.source import Folder

from gateway.ledger.append import record
from gateway.ledger.export import export
from gateway.ledger.journal import Journal
from gateway.ledger.publish import opening_of
from gateway.store.unit_of_work import Store
from tests.conftest import Finds
from tests.ledger.made import entry

FOREIGN = Path(__file__).with_name("foreign")
SIZE = 600


@dataclass(frozen=True)
class Log:
    folder: Path
    note: Note
    checkpoint: Checkpoint
    key: VerifierKey
    entry_id: str
    opening: Opening
    index: int

    def leaves(self) -> list[bytes]:
        return list(entries(Folder(self.folder), self.checkpoint.size))

    def proof(self, index: int) -> list[bytes]:
        return inclusion_proof(
            index, self.checkpoint.size, tree(Folder(self.folder), self.checkpoint.size).node
        )


def made(store: Store, journal: Journal, folder: Path, size: int) -> Log:
    ids: list[str] = []
    while len(ids) < size:
        with store.writing() as unit:
            ids += [record(unit, entry(words={})) for _ in range(min(1000, size - len(ids)))]
    with store.reading() as unit:
        export(unit, folder)
        proof = opening_of(unit, ids[size // 2])
    note, checkpoint = read_checkpoint((folder / "checkpoint").read_bytes())
    assert proof.extra is not None
    key = journal.keys.public(journal.origin)[0]
    return Log(folder, note, checkpoint, key, ids[size // 2], Opening.from_bytes(proof.extra), proof.index)


@pytest.fixture
def log(sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path) -> Log:
    return made(sqlite_store, sqlite_journal, tmp_path / "log", SIZE)


def run(*command: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(part) for part in command], input=given, capture_output=True, check=False)


def test_openssl_verifies_the_checkpoint(log: Log, tmp_path: Path) -> None:
    size = log.checkpoint.size
    public = bytes.fromhex("302a300506032b6570032100") + log.key.public
    (tmp_path / "key.der").write_bytes(public)
    (tmp_path / "text").write_text(log.note.text)
    line = log.note.by(log.key)
    assert line is not None
    (tmp_path / "signature").write_bytes(line.signature)
    command = (
        "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", tmp_path / "key.der",
        "-rawin", "-in", tmp_path / "text", "-sigfile", tmp_path / "signature",
    )  # fmt: skip

    assert run(*command).returncode == 0
    (tmp_path / "text").write_text(log.note.text.replace(f"\n{size}\n", f"\n{size - 1}\n"))
    assert run(*command).returncode != 0


def test_openssl_and_sha256sum_tie_an_opening_to_its_leaf(log: Log) -> None:
    assert log.opening.salt is not None
    purpose = b"disclosure-gateway/entry/v1\x00"
    hexkey = f"hexkey:{log.opening.salt.hex()}"
    command = ("openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", hexkey, "-binary")
    commitment = run(*command, given=purpose + log.opening.record.encode()).stdout
    digest = run("sha256sum", given=b"\x00\x01" + commitment).stdout.decode().split()[0]
    tile = (log.folder / f"tile/0/{log.index // 256:03d}").read_bytes()

    at = log.index % 256 * 32
    assert tile[at : at + 32].hex() == digest


def test_pymerkle_builds_the_same_root_and_proofs(log: Log) -> None:
    leaves, size = log.leaves(), log.checkpoint.size
    independent = pymerkle.InmemoryTree.init_from_entries(leaves, algorithm="sha256")

    assert independent.get_root() == log.checkpoint.root
    for index in (0, 255, 256, size // 2, size - 1):
        theirs = independent.prove_inclusion(index + 1).serialize()["path"]
        assert [bytes.fromhex(one) for one in theirs] == [leaf_hash(leaves[index]), *log.proof(index)]
    leaves[size // 2] = b"\x01" + b"x" * 32
    assert (
        pymerkle.InmemoryTree.init_from_entries(leaves, algorithm="sha256").get_root() != log.checkpoint.root
    )


def test_sigstores_verifier_accepts_the_log_and_rejects_an_altered_leaf(log: Log) -> None:
    install()
    leaves = log.leaves()
    shown = [0, 255, 256, len(leaves) // 2, len(leaves) - 1]
    case = {
        "origin": log.checkpoint.origin,
        "keyId": log.key.key_id.hex(),
        "publicKey": base64.b64encode(log.key.public).decode(),
        "checkpoint": str(log.note),
        "entries": [
            {
                "index": index,
                "leaf": base64.b64encode(leaves[index]).decode(),
                "hashes": [base64.b64encode(one).decode() for one in log.proof(index)],
            }
            for index in shown
        ],
    }

    found = run("node", FOREIGN / "check.mjs", given=json.dumps(case).encode())
    assert found.stdout.decode() == f"{len(shown)} entries verified\n", found.stderr.decode()
    case["entries"][2]["leaf"] = base64.b64encode(b"\x01" + b"x" * 32).decode()  # type: ignore[index]
    assert run("node", FOREIGN / "check.mjs", given=json.dumps(case).encode()).returncode != 0


def install() -> None:
    """Fetch sigstore's verifier when its lock is new; skip, saying why, on a machine without npm."""
    stamp, lock = FOREIGN / "node_modules" / ".stamp", FOREIGN / "package-lock.json"
    digest = sha256(lock.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so sigstore's verifier can't be fetched")
    subprocess.run([npm, "ci", "--silent"], cwd=FOREIGN, check=True, capture_output=True)
    stamp.write_text(digest, encoding="ascii")


@pytest.mark.assure
def test_a_log_of_70000_entries_is_verified_by_all_of_them(
    sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path, finds: Finds
) -> None:
    log = made(sqlite_store, sqlite_journal, tmp_path / "log", 70_000)

    from gateway_verify.cli import main

    assert main([str(log.folder), "--policy", str(log.folder / "policy.txt")]) == 0
    test_openssl_verifies_the_checkpoint(log, tmp_path)
    test_openssl_and_sha256sum_tie_an_opening_to_its_leaf(log)
    test_pymerkle_builds_the_same_root_and_proofs(log)
    test_sigstores_verifier_accepts_the_log_and_rejects_an_altered_leaf(log)
    finds(
        "a log of 70,000 entries: verified by gateway-verify, openssl, sha256sum, pymerkle and @sigstore/verify"
    )


GUIDE = Path(__file__).parents[2] / "docs/check-the-log-yourself.md"


def printed_steps() -> list[str]:
    """The commands of the guide's section that needs nothing but what comes with the computer."""
    section = (
        GUIDE.read_text(encoding="utf-8").split("## With openssl and sha256sum only")[1].split("\n## ")[0]
    )
    return [line.removeprefix("    ") for line in section.splitlines() if line.startswith("    ")]


def test_the_steps_of_the_page_check_the_log_yourself_work_as_printed(
    sqlite_store: Store, sqlite_journal: Journal, tmp_path: Path
) -> None:
    with sqlite_store.writing() as unit:
        ids = [record(unit, entry()) for _ in range(7)]
    with sqlite_store.reading() as unit:
        export(unit, tmp_path / "log")
        openings = [opening_of(unit, one) for one in ids]
    shutil.copy(tmp_path / "log/policy.txt", tmp_path / "policy.txt")
    shutil.copy(tmp_path / "log/tile/0/000.p/7", tmp_path / "tile")
    script = "\n".join(["set -euo pipefail", *printed_steps()])

    def follow(proof: str) -> list[str]:
        (tmp_path / "entry.tlog-proof").write_text(proof)
        command = ["bash", "-c", script]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        ).stdout.splitlines()

    for proof in openings:
        opening = Opening.from_bytes(proof.extra or b"")
        (tmp_path / "document.json").write_text(opening.words or "", encoding="utf-8")
        bare = replace(proof, extra=replace(opening, words=None).to_bytes())

        verified, leaf, under, stored, words = follow(str(bare))

        assert verified == "Signature Verified Successfully"
        assert under == "It is under the checkpoint."
        assert leaf == stored
        assert f"sha256:{words.split()[0]}" in (tmp_path / "record").read_text()
        assert (tmp_path / "record").read_text() == opening.record
        altered = replace(opening, record=opening.record.replace("permit", "refuse"), words=None)
        assert follow(str(replace(proof, extra=altered.to_bytes())))[2] == "IT IS NOT."


def test_the_page_for_the_advocate_prints_the_same_steps() -> None:
    page = GUIDE.parents[1] / "gateway/web/advocacy/templates/advocacy/check.html"
    lines = page.read_text(encoding="utf-8").splitlines()
    shown = {html.unescape(re.sub(r"</?pre[^>]*>", "", line)) for line in lines}

    assert [line for line in printed_steps() if line not in shown] == []
