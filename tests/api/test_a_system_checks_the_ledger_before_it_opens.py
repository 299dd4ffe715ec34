"""Promise: a system decrypts nothing that the ledger doesn't prove; the log it saw is kept and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gateway_verify.checkpoint import Checkpoint, read_checkpoint
from gateway_verify.cli import main as gateway_verify
from gateway_verify.collected import LAG, check_collected, read_collected
from gateway_verify.errors import Uncheckable, Unverified
from gateway_verify.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, root_of
from gateway_verify.note import Note, SignatureLine, encode
from gateway_verify.opening import Opening, commitment
from gateway_verify.policy import Policy, parse_policy
from gateway_verify.proof import Proof, parse_proof
from jwcrypto import jwk as foreign_keys

from gateway.cli import keys as cli
from gateway.cli import own_keys
from gateway.cli.demo_stage import Stage
from gateway.errors import Conflict, Invalid
from gateway.ledger import served
from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import create_log_keys, load_log_keys
from gateway.ledger.witness import ask_witnesses
from gateway.sealing import jwe
from gateway.sealing.envelope import Envelope, Item, pack
from gateway.sealing.public_key import check_public_jwk
from tests.api.client import System
from tests.api.conftest import connected
from tests.api.test_a_disclosure_goes_whole_between_systems import SECRET, enrol, released
from tests.conftest import NOW
from tests.ledger.witnesses import running

Answer = dict[str, Any]


@dataclass
class Recipient:
    """Probation's system, its keys, and what it keeps in a folder of its own."""

    police: System
    system: System
    keys: Mapping[str, foreign_keys.JWK]
    folder: Path
    shared: int = 0
    opening: str = ""

    @classmethod
    def on(cls, stage: Stage, folder: Path) -> Recipient:
        """Connect both, with keys that were approved, and write the policy file down."""
        probation, police = connected(stage, "probation-om"), connected(stage, "police-ppu")
        made = cls(police, probation, enrol(probation), folder)
        (folder / "policy.txt").write_bytes(stage.do(served.policy))
        return made

    def collects(self, *, seen: int | None = None) -> tuple[Answer, str]:
        """What is answered for a parcel that was just released, and the name of the file of its key."""
        self.shared += 1
        parcel = released(self.system, self.police, f"key-{self.shared:08}")["parcel_id"]
        conditions = self.system.get(f"/parcels/{parcel}")
        sent = {"accepts": conditions["undertakings"]}
        self.opening = self.system.post(f"/parcels/{parcel}/openings", sent, expect=201)["opening_id"]
        file = self.folder / f"{conditions['kid']}.jwk"
        file.write_text(self.keys[conditions["kid"]].export_private())
        asked = "" if seen is None else f"?seen_size={seen}"
        return self.system.get(f"/openings/{self.opening}{asked}"), str(file)

    def opens(self, answer: Answer | str, key: str, *more: str) -> str:
        """What the command prints and writes, or raises."""
        self._keep(answer)
        out = self.folder / f"out-{self.shared}"
        kept = ["--policy", str(self.folder / "policy.txt"), "--checkpoint", str(self.folder / "seen")]
        arguments = [
            "open",
            str(self.folder / "collected.json"),
            "--key",
            key,
            *kept,
            "--out",
            str(out),
            *more,
        ]
        said = CliRunner().invoke(cli.keys, arguments, catch_exceptions=False).output
        files = sorted(out.iterdir())
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        assert [file.name for file in files] == ["item-1.txt"]
        return said + files[0].read_text()

    def checks(self, answer: Answer | str, *more: str) -> int:
        """The exit code of the advocate's own verifier on the same answer."""
        self._keep(answer)
        policy = str(self.folder / "policy.txt")
        return gateway_verify([str(self.folder / "collected.json"), "--policy", policy, *more])

    def _keep(self, answer: Answer | str) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        (self.folder / "collected.json").write_text(text)

    def refuses(self, answer: Answer | str, key: str, name: str) -> None:
        """Neither command takes it, nothing is kept of the log that it shows, and both say so in a sentence."""
        with pytest.raises(Invalid, match="Nothing was opened"):
            self.opens(answer, key)
        assert self.checks(answer) in {1, 2}, name
        assert not (self.folder / "seen").exists(), name


def size_of(answer: Answer) -> int:
    return read_collected(json.dumps(answer)).proofs[0].checkpoint.size


def check(answer: Answer, policy: Policy, kept: str | None = None, *, now: datetime = NOW) -> int:
    """The size of the log that was checked, or raises."""
    return check_collected(read_collected(json.dumps(answer)), policy, kept, now=now).checkpoint.size


def test_the_log_as_it_was_seen_is_kept_and_compared_the_next_time(
    quick_stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probation = Recipient.on(quick_stage, tmp_path)
    first, key = probation.collects()
    assert SECRET in probation.opens(first, key)
    seen = (tmp_path / "seen").read_text()
    assert read_checkpoint(seen)[1].size == size_of(first)

    unled, key = probation.collects()
    with pytest.raises(Invalid, match=f"seen_size={size_of(first)}"):
        probation.opens(unled, key)
    assert (tmp_path / "seen").read_text() == seen
    assert not (tmp_path / "out-2").exists()
    second, key = probation.collects(seen=size_of(first))
    assert probation.checks(second, "--since", str(tmp_path / "seen")) == 0
    assert re.search(
        r"VERIFIED: parcel \w{32} is as it was released.*\d+ entries were added\.", capsys.readouterr().out
    )
    assert SECRET in probation.opens(second, key)
    assert read_checkpoint((tmp_path / "seen").read_text())[1].size == size_of(second)
    with pytest.raises(Invalid, match="an older answer"):
        probation.opens(first, key)


def test_nothing_is_decrypted_that_the_ledger_does_not_prove(quick_stage: Stage, tmp_path: Path) -> None:
    """Each fault alone; the whole answer opens after all of them."""
    probation = Recipient.on(quick_stage, tmp_path)
    other, _ = probation.collects()
    whole, key = probation.collects()
    faults: dict[str, Callable[[], Answer]] = {
        "another's content": lambda: whole | {"jwe": other["jwe"], "digest": other["digest"]},
        "another parcel's number": lambda: whole | {"parcel_id": other["parcel_id"]},
        "another parcel's proofs": lambda: whole | {"proofs": other["proofs"]},
        "only the release": lambda: whole | {"proofs": whole["proofs"][:1]},
        "only the opening": lambda: whole | {"proofs": whole["proofs"][1:]},
        "no proof": lambda: whole | {"proofs": []},
        "two checkpoints": lambda: whole | {"proofs": [whole["proofs"][0], other["proofs"][1]]},
        "another place": lambda: whole | {"proofs": [_moved(one) for one in whole["proofs"]]},
        "an altered checkpoint": lambda: whole | {"proofs": [_resized(one) for one in whole["proofs"]]},
        "nothing signed": lambda: whole | {"cosigned": "nothing"},
        "no list": lambda: whole | {"proofs": whole["proofs"][0]},
        "a number": lambda: whole | {"jwe": 1},
    }
    for name, plant in faults.items():
        probation.refuses(plant(), key, name)
    assert probation.checks(whole) == 0
    assert SECRET in probation.opens(whole, key)


def _moved(proof: str) -> str:
    return re.sub(r"(?m)^index (\d+)$", lambda found: f"index {int(found[1]) + 1}", proof)


def _resized(proof: str) -> str:
    head, note = proof.split("\n\n", 1)
    return head + "\n\n" + re.sub(r"\n(\d+)\n", lambda found: f"\n{int(found[1]) + 1}\n", note, count=1)


def test_what_is_not_written_as_it_should_be_is_refused(quick_stage: Stage, tmp_path: Path) -> None:
    """Whoever answers may write anything: it is a sentence and never a traceback."""
    probation = Recipient.on(quick_stage, tmp_path)
    whole, key = probation.collects()
    as_text = json.dumps(whole)
    odd: list[Any] = [
        None,
        True,
        -1,
        10**400,
        1e308,
        [],
        {},
        [[]],
        [None],
        ["\ud800"],
        "\ud800",
        "\u00e9",
        "\n\n",
    ]
    faults: dict[str, Answer | str] = {
        f"{name}: {value!r:.20}": whole | {name: value}
        for name in ("parcel_id", "jwe", "proofs", "cosigned")
        for value in odd
    }
    faults |= {
        "deep lists": "[" * 100_000,
        "deep objects": '{"jwe":' * 100_000,
        "a member twice": f'{as_text[:-1]}, "parcel_id": "{whole["parcel_id"]}"}}',
        "a number that is none": f'{as_text[:-1]}, "size": NaN}}',
        "cut short": as_text[:-1],
        "half a character": as_text.replace('"jwe": "', '"jwe": "\\ud800', 1),
        "nothing": "",
    }
    for name, fault in faults.items():
        probation.refuses(fault, key, name)


def test_an_entry_proves_what_it_says_and_nothing_more(quick_stage: Stage, tmp_path: Path) -> None:
    """The log's own key signed each of these: what it put there has to say that this parcel was released and opened."""
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    release, opening = records(answer)
    parcel, copy, digest = answer["parcel_id"], release["refs"]["copy"], release["codes"]["parcel_digest"]
    journal = quick_stage.gateway.journal
    other = "d" * 32
    faults: dict[str, Answer] = {
        "the opening of another": forged(journal, answer, release, _of(opening, other))
        | {"parcel_id": other},
        "the opening of the copy": forged(journal, answer, release, _of(opening, copy)) | {"parcel_id": copy},
        "the release of another": forged(journal, answer, _of(release, other), opening),
        "the digest elsewhere": forged(
            journal, answer, release | {"codes": {"copy_digest": digest}}, opening
        ),
        "the parcel elsewhere": forged(journal, answer, release, opening | {"refs": {"release": parcel}}),
        "half a character": forged(journal, answer, release | {"at": "\ud800"}, opening),
        "no record": forged(journal, answer, "[]", opening),
    }
    listed = {"parcel": [parcel], "parcel_digest": [digest]}
    odd_parts: tuple[Any, ...] = (None, True, 1, "ab", [], ["ab"], [[]], listed)
    for part in ("kind", "refs", "codes"):
        for odd in odd_parts:
            faults[f"{part} {odd}"] = forged(journal, answer, release | {part: odd}, opening)
    for name, fault in faults.items():
        probation.refuses(fault, key, name)
    assert SECRET in probation.opens(forged(journal, answer, release, opening), key)


def test_nobody_vouches_by_signing_an_empty_log(quick_stage: Stage, tmp_path: Path) -> None:
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    journal = quick_stage.gateway.journal
    for root in (EMPTY_ROOT, sha256(b"another history").digest()):
        empty = Checkpoint(journal.origin, 0, root)
        cosigned = str(Note(empty.text, (journal.sign(empty),)))
        probation.refuses(answer | {"cosigned": cosigned, "cosigned_consistency": []}, key, "empty")


def test_a_size_that_nobody_can_sign_is_no_size(quick_stage: Stage, tmp_path: Path) -> None:
    """The key of the second kind signs sizes as eight bytes."""
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    create_log_keys(tmp_path / "second.key")
    second = load_log_keys(tmp_path / "second.key").public(quick_stage.gateway.journal.origin)[1]
    assert second is not None
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {second}\n{policy.read_text()}")
    for size in (2**63, 2**64, 10**20 - 1):
        text = f"{second.name}\n{size}\n{encode(bytes(32))}\n"
        claimed = Note(text, (SignatureLine(second.name, second.key_id, bytes(72)),))
        probation.refuses(answer | {"cosigned": str(claimed)}, key, str(size))


def records(answer: Answer) -> tuple[Answer, Answer]:
    """What the entries of the release and of the opening say."""
    release, opening = (
        Opening.from_bytes(parse_proof(one).extra or b"").fields() for one in answer["proofs"]
    )
    return release, opening


def _of(record: Answer, parcel: str) -> Answer:
    return record | {"refs": record["refs"] | {"parcel": parcel}}


def forged(journal: Journal, answer: Answer, *said: Answer | str) -> Answer:
    """The answer with these entries, in another log that its own key signed."""
    openings = [Opening(one if isinstance(one, str) else json.dumps(one), bytes(32)) for one in said]
    hashes = [leaf_hash(commitment(bytes(32), one.record.encode())) for one in openings]
    checkpoint = Checkpoint(journal.origin, len(hashes), root_of(hashes))
    note = Note(checkpoint.text, (journal.sign(checkpoint),))
    proofs = [
        str(Proof(at, tuple(inclusion_proof(at, len(hashes), lambda _, n: hashes[n])), note, one.to_bytes()))
        for at, one in enumerate(openings)
    ]
    return answer | {"proofs": proofs, "cosigned": str(note), "cosigned_consistency": []}


def test_what_a_sender_wrote_moves_no_cursor_and_adds_no_line(quick_stage: Stage, tmp_path: Path) -> None:
    """An agency that seals in its own client may put anything into a parcel."""
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    public = check_public_jwk(json.loads(probation.keys[Path(key).stem].export_public()))
    item = Item("text/plain\x1b[2J\nMark: none", "a.txt", b"words")
    sealed = jwe.seal(public, pack(Envelope(answer["parcel_id"], "l", (item,), ("keep\x1b[1A", "\ud800"))))
    release, opening = records(answer)
    release["codes"] |= {"parcel_digest": jwe.digest(sealed)}
    said = probation.opens(
        forged(quick_stage.gateway.journal, answer, release, opening) | {"jwe": sealed}, key
    )
    assert "\x1b" not in said
    assert len(re.findall("(?m)^Mark: ", said)) == 2


def test_what_another_run_saw_meanwhile_is_not_lost(
    quick_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    seen = tmp_path / "seen"

    def meanwhile(*given: Any, **more: Any) -> Any:
        seen.write_text("what another run saw")
        return check_collected(*given, **more)

    monkeypatch.setattr(own_keys, "check_collected", meanwhile)
    with pytest.raises(Conflict, match="changed meanwhile by another run"):
        probation.opens(answer, key)
    assert seen.read_text() == "what another run saw"
    assert not (tmp_path / "out-1").exists()


def test_what_cannot_be_kept_is_not_opened(quick_stage: Stage, tmp_path: Path) -> None:
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    nowhere = str(tmp_path / "nowhere" / "seen")
    with pytest.raises(Invalid, match="can't be written"):
        probation.opens(answer, key, "--checkpoint", nowhere)
    with pytest.raises(Invalid, match="can't be written"):
        probation.opens(answer, key, "--out", f"{key}/out")
    assert not (tmp_path / "out-1").exists()


def test_what_was_not_asked_for_or_is_not_for_this_key_is_not_written(
    quick_stage: Stage, tmp_path: Path
) -> None:
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    (other,) = [one for kid, one in probation.keys.items() if not key.endswith(f"{kid}.jwk")]
    (tmp_path / "other.jwk").write_text(other.export_private())
    for expected in ("c" * 32, ""):  # a variable that a script left empty expects nothing
        with pytest.raises(Invalid, match="another parcel"):
            probation.opens(answer, key, "--expect", expected)
        with pytest.raises(Invalid, match="not the one you asked for"):
            probation.opens(answer, key, "--opening", expected)
    with pytest.raises(Invalid, match="sealed to another key"):
        probation.opens(answer, str(tmp_path / "other.jwk"))
    assert not (tmp_path / "out-1").exists()
    said = probation.opens(answer, key, "--expect", answer["parcel_id"], "--opening", probation.opening)
    assert SECRET in said
    assert re.search(r"(?m)^Mark: \S", said)


def test_no_log_is_believed_but_the_one_that_the_policy_file_names(
    quick_stage: Stage, tmp_path: Path
) -> None:
    """The answer brings keys of its own: they count for nothing."""
    probation = Recipient.on(quick_stage, tmp_path)
    answer, key = probation.collects()
    named = (tmp_path / "policy.txt").read_text()
    create_log_keys(tmp_path / "another.key")
    another = load_log_keys(tmp_path / "another.key").public(quick_stage.gateway.journal.origin)[0]
    (tmp_path / "policy.txt").write_text(f"log {another}\nquorum none\n")
    with pytest.raises(Invalid, match="Nothing was opened"):
        probation.opens(answer, key)
    assert probation.checks(answer) == 1
    (tmp_path / "policy.txt").write_text(named.replace("log ", "lag ", 1))
    with pytest.raises(Invalid, match="Nothing was opened"):
        probation.opens(answer, key)


def test_another_history_than_the_one_that_was_seen_opens_nothing(quick_stage: Stage, tmp_path: Path) -> None:
    """The log's own key signed both: only who kept the former checkpoint can tell."""
    probation = Recipient.on(quick_stage, tmp_path)
    first, _ = probation.collects()
    journal, size = quick_stage.gateway.journal, size_of(first)
    second, key = probation.collects(seen=size)
    for claimed in (size, size_of(second)):
        rewritten = Checkpoint(journal.origin, claimed, sha256(b"another history").digest())
        (tmp_path / "seen").write_text(str(Note(rewritten.text, (journal.sign(rewritten),))))
        with pytest.raises(Invalid, match="history was changed"):
            probation.opens(second, key)
        assert probation.checks(second, "--since", str(tmp_path / "seen")) == 1
    elsewhere = Checkpoint(f"{journal.origin}/elsewhere", size, rewritten.root)
    (tmp_path / "seen").write_text(str(Note(elsewhere.text, (journal.sign(elsewhere),))))
    with pytest.raises(Invalid, match="Nothing was opened"):
        probation.opens(second, key)
    (tmp_path / "seen").write_text("")
    with pytest.raises(Invalid, match="cannot be read"):
        probation.opens(second, key)
    assert not (tmp_path / "out-2").exists()


def test_without_its_witnesses_lately_nothing_is_believed(quick_stage: Stage, tmp_path: Path) -> None:
    gateway = quick_stage.gateway
    with running(tmp_path, gateway.journal, quick_stage.clock) as witnesses:
        ask_witnesses(gateway.store, gateway.journal)
        probation = Recipient.on(quick_stage, tmp_path)
        answer, key = probation.collects()
        policy = parse_policy((tmp_path / "policy.txt").read_text())
        assert check(answer, policy) == size_of(answer)
        with pytest.raises(Uncheckable, match="within 4 hours"):
            check(answer, policy, now=NOW + LAG + timedelta(minutes=1))
        with pytest.raises(Uncheckable, match="within 4 hours"):
            check(answer, policy, now=NOW - timedelta(minutes=6))  # who dates a line ahead makes it last
        unsigned = Note(*_only_the_log(answer["cosigned"], witnesses=len(witnesses)))
        with pytest.raises(Uncheckable, match="within 4 hours"):
            check(answer | {"cosigned": str(unsigned)}, policy)
        with pytest.raises(Unverified, match="not the one that its witnesses signed"):
            check(answer | {"cosigned_consistency": []}, policy)
        # Whoever needs it tonight asks a witness, and says so.
        with pytest.raises(Invalid, match="within 4 hours"):
            probation.opens(answer, key)
        assert SECRET in probation.opens(answer, key, "--accept-late")


def _only_the_log(note: str, *, witnesses: int) -> tuple[str, Any]:
    found, _ = read_checkpoint(note)
    assert len(found.signatures) >= witnesses
    return found.text, found.signatures[:1]
