"""Witnesses cosign what continues their history and nothing else; releases wait for them, reading does not."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.request import urlopen

import pytest
import sqlalchemy as sa
from gateway_verify.checkpoint import Checkpoint, check_signature, cosign, read_checkpoint, sign
from gateway_verify.cli import main
from gateway_verify.merkle import consistency_proof, leaf_hash, root_of
from gateway_verify.note import Note, SignatureLine, encode

from gateway.clock import FixedClock
from gateway.errors import Misconfigured, NotConfirmed
from gateway.ledger.belt import APPEND_ONLY, ERASABLE, KEPT
from gateway.ledger.export import export
from gateway.ledger.journal import Journal
from gateway.ledger.lag import lag_seconds, releases_allowed
from gateway.ledger.log_keys import FileLogKeys, create_log_keys
from gateway.ledger.publish import newest_checkpoint, published_checkpoint
from gateway.ledger.verify import verify_store
from gateway.ledger.witness import ask_witnesses, compare_at_start
from gateway.ledger.witness_log import Answer, WitnessLog, create, origin_hash
from gateway.settings import Environment, load
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store
from tests.conftest import NOW
from tests.ground.test_unsafe_settings_stop_the_start import production
from tests.ledger.made import ORIGIN, recorded
from tests.ledger.witnesses import running


def allowed(store: Store) -> str | None:
    with store.reading() as unit:
        return releases_allowed(unit)


def test_a_quorum_of_witnesses_lets_releases_go_on(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(store, 3)
    with running(tmp_path, journal, clock):
        assert "have not confirmed" in str(allowed(store))
        done = ask_witnesses(store, journal)
        assert (done.size, len(done.cosigned), list(done.problems)) == (3, 3, [])
        assert allowed(store) is None
        recorded(store, 2)
        assert ask_witnesses(store, journal).size == 5
        recorded(store, 1)
        with store.reading() as unit:
            assert Checkpoint.parse(published_checkpoint(unit).text).size == 5
            assert Checkpoint.parse(newest_checkpoint(unit).text).size == 6
            assert verify_store(unit).verified
            export(unit, tmp_path / "log")

    code = main([str(tmp_path / "log"), "--policy", str(tmp_path / "log/policy.txt")])

    assert code == 0
    assert "cosigned by c1" in capsys.readouterr().out


def test_releases_stop_when_witnesses_lag_and_resume_by_themselves(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, journal, clock):
        recorded(store, 1)
        ask_witnesses(store, journal)
        clock.advance(timedelta(hours=4))
        assert allowed(store) is None
        clock.advance(timedelta(seconds=1))
        assert "for 4 hours" in str(allowed(store))
        recorded(store, 1)  # recording goes on
        ask_witnesses(store, journal)
        assert allowed(store) is None


def test_the_lag_is_the_age_of_the_newest_quorum(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    def lag() -> float:
        with sqlite_store.reading() as unit:
            return lag_seconds(unit)

    recorded(sqlite_store, 1)
    assert math.isnan(lag())  # nobody watches
    with running(tmp_path, sqlite_journal, clock):
        assert lag() == math.inf  # they never have cosigned
        ask_witnesses(sqlite_store, sqlite_journal)
        clock.advance(timedelta(seconds=90))
        assert lag() == 90
        policy = sqlite_journal.policy
        assert policy is not None
        recorded(sqlite_store, 1)
        sqlite_journal.policy = replace(policy, witnesses={"c1": policy.witnesses["c1"]})
        ask_witnesses(sqlite_store, sqlite_journal)
        sqlite_journal.policy = policy
        assert lag() == 90  # one of the two that the quorum needs
        ask_witnesses(sqlite_store, sqlite_journal)
        assert lag() == 0


def test_a_forged_row_of_a_cosignature_opens_nothing(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, sqlite_journal, clock):
        recorded(sqlite_store, 1)
        ask_witnesses(sqlite_store, sqlite_journal)
        clock.advance(timedelta(hours=5))
        with writing(sqlite_store.engine).begin() as connection:
            connection.execute(sa.text("UPDATE ledger_cosignature SET at = '2026-11-22 15:00:00.000000'"))

        assert "have not confirmed" in str(allowed(sqlite_store))


def test_a_shorter_history_takes_no_entries(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock):
        recorded(store, 5)
        ask_witnesses(store, journal)
        cut_tail(store, 3)

        found = compare_at_start(store, journal)

        assert "it has seen 5 entries, and the database holds 3" in found[0]
        with pytest.raises(NotConfirmed, match="takes no entries"):
            recorded(store, 1)
        assert "until people have looked" in str(allowed(store))


def test_a_different_history_takes_no_entries(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 3)
        ask_witnesses(store, journal)
        cut_tail(store, 2)
        journal._edge = None
        recorded(store, 4)  # the same key signs another history

        assert ask_witnesses(store, journal).cosigned == ()
        assert "another history" in str(journal.stopped)
        assert witnesses[0].alarms()[0].what.startswith("a checkpoint that does not continue the last one")
        journal.stopped = None
        assert "are not the ones in the database" in compare_at_start(store, journal)[0]


def test_an_honest_restart_is_no_alarm(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, journal, clock) as witnesses:
        assert compare_at_start(store, journal) == []
        recorded(store, 3)
        ask_witnesses(store, journal)
        recorded(store, 2)
        assert compare_at_start(store, journal) == []
        ask_witnesses(store, journal)
        ask_witnesses(store, journal)
        assert journal.stopped is None
        assert all(one.alarms() == [] for one in witnesses)


def test_when_no_witness_answers_nothing_is_recorded_until_one_does(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, journal, clock):
        policy = journal.policy
    compare_at_start(store, journal)
    with pytest.raises(NotConfirmed, match="no witness answers"):
        recorded(store, 1)
    assert policy is not None
    with running(tmp_path / "again", journal, clock):
        compare_at_start(store, journal)
        recorded(store, 1)


def test_a_witness_that_answers_nonsense_keeps_no_other_from_cosigning(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, sqlite_journal, clock), nonsense() as url:
        recorded(sqlite_store, 1)
        policy = sqlite_journal.policy
        assert policy is not None
        for address in (url, "https://[::1", "http://host:port", "https://\u0175.example"):
            broken = {**policy.witnesses, "c1": replace(policy.witnesses["c1"], url=address)}
            sqlite_journal.policy = replace(policy, witnesses=broken)

            assert len(compare_at_start(sqlite_store, sqlite_journal)) == 1
            done = ask_witnesses(sqlite_store, sqlite_journal)

            assert (sorted(done.cosigned), list(done.problems)) == (["c2", "c3"], ["c1: it does not answer"])
            assert allowed(sqlite_store) is None


@contextmanager
def nonsense() -> Iterator[str]:
    """Something on the network that speaks no HTTP."""

    class Mumble(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"mumble\r\n\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Mumble) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_worker_that_another_overtakes_is_no_alarm(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 3)
        patient = witnesses[2].add_checkpoint
        overtaking = iter([True])

        def slowly(body: bytes) -> Answer:
            if next(overtaking, False):  # meanwhile another worker records and asks
                recorded(store, 2)
                assert ask_witnesses(store, journal).size == 5
            return patient(body)

        witnesses[2].add_checkpoint = slowly  # type: ignore[method-assign]

        done = ask_witnesses(store, journal)

        assert (done.size, list(done.problems)) == (3, [])
        assert journal.stopped is None
        assert allowed(store) is None


def test_an_entry_recorded_while_a_worker_starts_is_no_alarm(
    store: Store, journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 3)
        ask_witnesses(store, journal)
        serves = witnesses[0].latest
        overtaking = iter([True])

        def slowly(origin_hash: str) -> str | None:
            if next(overtaking, False):  # meanwhile another worker records and asks
                recorded(store, 2)
                assert ask_witnesses(store, journal).size == 5
            return serves(origin_hash)

        witnesses[0].latest = slowly  # type: ignore[method-assign]

        assert compare_at_start(store, journal) == []
        assert journal.stopped is None


def test_what_the_quorum_last_signed_is_shown_however_long_one_witness_is_away(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, sqlite_journal, clock):
        recorded(sqlite_store, 1)
        ask_witnesses(sqlite_store, sqlite_journal)
        policy = sqlite_journal.policy
        assert policy is not None
        sqlite_journal.policy = replace(policy, witnesses={"c1": policy.witnesses["c1"]})
        for _ in range(70):  # each minute one of the two that the quorum needs
            recorded(sqlite_store, 1, words={})
            ask_witnesses(sqlite_store, sqlite_journal)
        sqlite_journal.policy = policy

        with sqlite_store.reading() as unit:
            assert Checkpoint.parse(published_checkpoint(unit).text).size == 1


def test_a_witness_keeps_the_logs_lines_and_its_own_alone(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    with running(tmp_path, sqlite_journal, clock) as witnesses:
        recorded(sqlite_store, 1)
        for _ in range(3):
            ask_witnesses(sqlite_store, sqlite_journal)
            clock.advance(timedelta(minutes=1))

        kept = witnesses[0].latest(origin_hash(ORIGIN))

    assert kept is not None
    signed = [line.split(" ")[1] for line in kept.split("\n\n")[1].splitlines()]
    assert signed == [ORIGIN, "charity1.example/witness", "charity1.example/witness"]
    assert check_signature(read_checkpoint(kept)[0], witnesses[0].keys()[0]).at == NOW + timedelta(minutes=2)  # type: ignore[union-attr]


def test_production_starts_only_with_witnesses_it_can_reach(tmp_path: Path) -> None:
    create(tmp_path / "w", "charity.example/w")
    key = WitnessLog(tmp_path / "w").keys()[0]
    create_log_keys(tmp_path / "ledger.key")
    policies = {
        "quorum none\n": "asks for no witness",
        f"witness c1 {key}\nquorum c1\n": "gives too few addresses",
        f"witness c1 {key} https://w.example\nquorum c1\n": None,
    }
    for text, wrong in policies.items():
        (tmp_path / "witnesses.policy").write_text(text)
        given = production({"ledger.witnesses": f"{tmp_path}/witnesses.policy"})
        given["keys"]["ledger_key_file"] = f"{tmp_path}/ledger.key"
        settings = load(env=Environment.PRODUCTION, overrides=given)
        if wrong is None:
            assert Journal.from_settings(settings).policy is not None
            continue
        with pytest.raises(Misconfigured, match=wrong):
            Journal.from_settings(settings)


def test_who_reads_the_log_is_told_what_its_witnesses_say_of_it(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal

    def said() -> tuple[bool, str, str]:
        with store.reading() as unit:
            found = verify_store(unit)
        return found.verified, found.sentence, found.watched

    recorded(store, 3)
    assert "it has no witnesses" in said()[2]
    with running(tmp_path, journal, clock):
        assert "have not confirmed it yet" in said()[2]
        ask_witnesses(store, journal)
        assert said()[2].endswith("last confirmed it at 10:00 UTC on 22 November 2026.")
        clock.advance(timedelta(hours=5))
        assert said()[2].endswith("They are late, so nothing is released until they do again.")

        cut_tail(store, 2)
        journal._edge = None
        assert said()[0], "whole in itself: without its witnesses nobody would notice"
        compare_at_start(store, journal)
        verified, sentence, _ = said()
        assert not verified
        assert "does not verify: the witness c1 holds another history" in sentence
    journal.stopped = None
    compare_at_start(store, journal)  # nobody answers any more: that accuses nobody
    assert said()[0]


class Protocol:
    """A witness asked by hand, as c2sp.org/tlog-witness lays it down."""

    def __init__(self, folder: Path, keys: FileLogKeys) -> None:
        create(folder, "w.example/1")
        self.witness = WitnessLog(folder)
        self.keys = keys
        self.witness.trust(str(keys.public(ORIGIN)[0]))

    def add(
        self, old: int, size: int, root: bytes, *proof: bytes, origin: str = ORIGIN
    ) -> tuple[int, str, str]:
        checkpoint = Checkpoint(origin, size, root)
        note = Note(checkpoint.text, (sign(checkpoint, origin, self.keys.first),))
        lines = "".join(encode(one) + "\n" for one in proof)
        answer = self.witness.add_checkpoint(f"old {old}\n{lines}\n{note}".encode())
        return answer.status, answer.content_type, answer.body


def test_a_witness_tells_anyone_the_fingerprints_of_what_it_watches(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    recorded(sqlite_store, 3)
    with running(tmp_path, sqlite_journal, clock):
        ask_witnesses(sqlite_store, sqlite_journal)
        policy = sqlite_journal.policy
        assert policy is not None
        with urlopen(f"{policy.witnesses['c1'].url}/logs") as told:  # noqa: S310 - on loopback
            said = told.read().decode()
    fingerprint = sqlite_journal.keys.public(ORIGIN)[0].fingerprint
    assert said == f"{ORIGIN}: 3 entries cosigned; fingerprint {fingerprint}\n"


def test_the_witness_answers_as_the_protocol_says(tmp_path: Path, log_keys: FileLogKeys) -> None:
    from hashlib import sha256

    asked = Protocol(tmp_path / "w", log_keys)
    one, two, empty = sha256(b"\0a").digest(), sha256(b"\0b").digest(), sha256(b"").digest()
    both = sha256(b"\1" + one + two).digest()

    assert asked.add(0, 1, one, origin="unknown.example/log")[0] == 404
    assert asked.add(2, 1, one)[0] == 400
    assert asked.add(0, 0, one)[0] == 422
    assert asked.add(0, 0, empty)[0] == 200
    assert asked.add(0, 1, one, two)[0] == 422
    assert asked.add(0, 1, one)[0] == 200
    assert asked.add(0, 2, both) == (409, "text/x.tlog.size", "1\n")
    assert asked.add(1, 2, both)[0] == 422
    assert asked.add(1, 2, both, two)[0] == 200
    assert asked.add(2, 2, both)[0] == 200
    assert asked.add(2, 2, one)[0] == 422
    kept = asked.witness.latest(origin_hash(ORIGIN))
    assert kept is not None
    assert Checkpoint.parse(kept.split("\n\n")[0] + "\n").size == 2
    assert len(asked.witness.alarms()) == 3


def test_a_stranger_raises_no_alarm_and_fills_no_disk(tmp_path: Path, log_keys: FileLogKeys) -> None:
    asked = Protocol(tmp_path / "w", log_keys)
    hashes = [leaf_hash(bytes([number])) for number in range(7)]
    roots = [root_of(hashes[:size]) for size in range(8)]
    assert asked.add(0, 5, roots[5])[0] == 200
    junk = b"j" * 32

    assert asked.add(5, 5, roots[5], junk)[0] == 422, "a proof where none is needed"
    for count in (0, 1, 3, 60):
        assert asked.add(5, 7, roots[7], *[junk] * count)[0] == 422
    assert asked.witness.alarms() == []

    forked = [*hashes[:4], leaf_hash(b"forged"), *hashes[5:]]
    proof = consistency_proof(5, 7, lambda height, at: root_of(forked[at << height : (at + 1) << height]))
    for number in range(3):
        fork = Checkpoint(ORIGIN, 7, root_of(forked))
        beside = SignatureLine(f"stranger.example/{number}", b"1234", b"s" * 100)
        note = Note(fork.text, (sign(fork, ORIGIN, log_keys.first), beside))
        lines = "".join(encode(one) + "\n" for one in proof)
        assert asked.witness.add_checkpoint(f"old 5\n{lines}\n{note}".encode()).status == 422
    (alarm,) = asked.witness.alarms()
    assert "stranger" not in str(alarm.got), "what others claim to have signed isn't kept"


def test_a_checkpoint_of_another_key_is_forbidden(tmp_path: Path, log_keys: FileLogKeys) -> None:
    asked = Protocol(tmp_path / "w", log_keys)
    checkpoint = Checkpoint(ORIGIN, 1, b"r" * 32)
    stranger = Note(checkpoint.text, (cosign(checkpoint, ORIGIN, log_keys.second, NOW),))

    assert asked.witness.add_checkpoint(f"old 0\n\n{stranger}".encode()).status == 403


@pytest.mark.parametrize("body", [b"", b"old x\n\n", b"old 01\n\n", b"\xff", b"old 0\n", b"old 0\n\nno note"])
def test_what_is_no_request_is_answered_400(tmp_path: Path, log_keys: FileLogKeys, body: bytes) -> None:
    assert Protocol(tmp_path / "w", log_keys).witness.add_checkpoint(body).status == 400


def cut_tail(store: Store, size: int) -> None:
    """Take the database back to an earlier state, as an old backup would."""
    with writing(store.engine).begin() as connection:
        for table in (*APPEND_ONLY, *ERASABLE, *KEPT):
            for act in ("update", "delete"):
                connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_refuses_{act}"))
        keep = "SELECT entry_id FROM ledger_leaf WHERE position < :size"
        for table in ("record", "subject"):
            connection.execute(
                sa.text(f"DELETE FROM ledger_{table} WHERE entry_id NOT IN ({keep})"), {"size": size}
            )
        connection.execute(sa.text("DELETE FROM ledger_leaf WHERE position >= :size"), {"size": size})
        for table in ("checkpoint", "cosignature"):
            connection.execute(sa.text(f"DELETE FROM ledger_{table} WHERE size > :size"), {"size": size})
