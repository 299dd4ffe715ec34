"""After a restore a new log begins with what the witnesses last saw; the old one stays checkable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_verify.cli import main
from gateway_verify.errors import Unverified
from gateway_verify.note import encode
from gateway_verify.opening import Opening, public_leaf
from gateway_verify.restore import Agreed
from gateway_verify.restore import begun as read_begun

from gateway.clock import FixedClock
from gateway.errors import Conflict, Invalid, NotConfirmed
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.epoch import begin_epoch, frozen_before, gap
from gateway.ledger.export import export
from gateway.ledger.follow import follow
from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import create_log_keys, load_log_keys
from gateway.ledger.publish import opening_of
from gateway.ledger.verify import verify_store
from gateway.ledger.witness import ask_witnesses, compare_at_start, last_seen
from gateway.ledger.witness_log import WitnessLog
from gateway.store.engine import writing
from gateway.store.unit_of_work import Store
from tests.conftest import NOW
from tests.ledger.made import OFFICER, ORIGIN, PARTNERSHIP, POLICE, recorded
from tests.ledger.restores import FIRST_KEY, SECOND, SECOND_KEY, agreed, begun, seen_by_witnesses, signature
from tests.ledger.test_witnesses_see_what_the_database_can_hide import cut_tail
from tests.ledger.witnesses import running


def test_the_drill(sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path) -> None:
    store, journal = sqlite_store, sqlite_journal
    create_log_keys(tmp_path / "new.key")
    keys = load_log_keys(tmp_path / "new.key")
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 5)
        ask_witnesses(store, journal)
        cut_tail(store, 3)
        compare_at_start(store, journal)
        with pytest.raises(NotConfirmed):
            recorded(store, 1)
        seen, problems = last_seen(store, journal)
        assert (len(seen), list(problems)) == (3, [])

        with pytest.raises(Invalid), store.reading() as unit:
            gap(unit, seen[:1])
        with store.reading() as unit:
            found = gap(unit, seen)
        assert [(one.witness, one.size, one.at) for one in found.seen] == [
            (name, 5, NOW) for name in ("c1", "c2", "c3")
        ]
        with store.writing() as unit:
            first = begun(unit, keys, list(seen))

        for one in witnesses:
            one.trust(journal.vkey(f"{ORIGIN}/epoch-2"))
        recorded(store, 2)
        assert len(ask_witnesses(store, journal).cosigned) == 3
    with store.reading() as unit:
        proof = opening_of(unit, first)
        assert proof.index == 0
        assert proof.extra is not None
        codes = Opening.from_bytes(proof.extra).fields()["codes"]
        assert (codes["witnessed_size"], codes["held"], codes["lost"]) == (5, 3, 2)
        assert frozen_before(unit) == NOW
        assert verify_store(unit).verified
        assert verify_store(unit).entries == 3 + 1 + 2
        export(unit, tmp_path / "log", newest=True)
    policy = tmp_path / "log/policy.txt"
    assert main([str(tmp_path / "log"), "--policy", str(policy)]) == 0
    with writing(store.engine).begin() as connection:
        connection.execute(
            sa.text("UPDATE ledger_epoch SET log_key = :key WHERE number = 1"), {"key": stranger(tmp_path)}
        )
    with store.reading() as unit:
        assert "does not begin where" in " ".join(verify_store(unit).problems)


def test_the_time_before_which_all_must_be_confirmed_cannot_be_changed_unseen(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock):
        recorded(store, 5)
        ask_witnesses(store, journal)
        seen = lost(store, journal, tmp_path)
        with store.writing() as unit:
            begun(unit, load_log_keys(tmp_path / "new.key"), seen)
    with store.reading() as unit:
        assert verify_store(unit).verified
    with writing(store.engine).begin() as connection:
        connection.execute(
            sa.text("UPDATE ledger_epoch SET begun_at = '2020-01-01 00:00:00.000000' WHERE number = 2")
        )
    with store.reading() as unit:
        assert "did not begin at the time" in " ".join(verify_store(unit).problems)


def stranger(folder: Path) -> str:
    """A key that someone put in the place of the former log's."""
    create_log_keys(folder / "stranger.key")
    return str(load_log_keys(folder / "stranger.key").public(ORIGIN)[0])


def lost(store: Store, journal: Journal, folder: Path) -> list[str]:
    """A restore to 3 entries of a log whose witnesses saw more; gives what they serve."""
    cut_tail(store, 3)
    compare_at_start(store, journal)
    create_log_keys(folder / "new.key")
    return seen_by_witnesses(store, journal)


def begun_after_two_were_lost(
    store: Store, journal: Journal, witnesses: Sequence[WitnessLog], folder: Path
) -> None:
    """The log of 3 entries goes on to 5, is restored to 3, and begins anew; its witnesses see all of that."""
    ask_witnesses(store, journal)
    recorded(store, 2)
    ask_witnesses(store, journal)
    seen = lost(store, journal, folder)
    with store.writing() as unit:
        begun(unit, load_log_keys(folder / "new.key"), seen)
    for one in witnesses:
        one.trust(journal.vkey(f"{ORIGIN}/epoch-2"))
    ask_witnesses(store, journal)


def test_nobody_begins_it_without_the_signatures_of_two_officers(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock):
        recorded(store, 5)
        ask_witnesses(store, journal)
        seen = lost(store, journal, tmp_path)
    with store.reading() as unit:
        found = gap(unit, seen)
    both = agreed(found)
    second = signature(SECOND_KEY, both.signed_bytes())
    twice = agreed(found, second_officer=OFFICER)
    other = replace(both, declared=replace(both.declared, held=2))
    tried = (
        (both, signature(FIRST_KEY, both.signed_bytes()), Invalid),  # one key for both
        (twice, signature(SECOND_KEY, twice.signed_bytes()), Invalid),  # one post for both
        (both, signature(SECOND_KEY, both.declared.signed_bytes()), Invalid),  # she signed something else
        (replace(both, agreed_at="2026-11-22T10:06:00.000000Z"), second, Invalid),
        (agreed(found, key=SECOND_KEY), second, Invalid),
        (agreed(replace(found, held=2)), None, Conflict),  # of another state, and signed so
        (other, None, Invalid),
    )
    for one, by, refused in tried:
        hand = by or signature(SECOND_KEY, one.signed_bytes())
        with pytest.raises(refused), store.writing() as unit:
            begin_epoch(
                unit,
                load_log_keys(tmp_path / "new.key"),
                found,
                one,
                hand,
                controller_agency_id=POLICE,
            )
    with store.writing() as unit:
        keys = load_log_keys(tmp_path / "new.key")
        begin_epoch(unit, keys, found, both, second, controller_agency_id=POLICE)


def test_witnesses_that_saw_different_states_are_believed_together(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock):
        recorded(store, 4)
        ask_witnesses(store, journal)
        policy = journal.policy
        assert policy is not None
        for name in ("c2", "c3"):  # from now on one after the other was away
            recorded(store, 1)
            journal.policy = replace(policy, witnesses={name: policy.witnesses[name]})
            ask_witnesses(store, journal)
        journal.policy = policy
        restored = lost(store, journal, tmp_path)
        with store.writing() as unit:
            first = begun(unit, load_log_keys(tmp_path / "new.key"), restored)
    with store.reading() as unit:
        codes = Opening.from_bytes(opening_of(unit, first).extra or b"").fields()["codes"]
        assert (codes["witnessed_size"], codes["held"], codes["lost"]) == (6, 3, 3)


def test_a_copy_elsewhere_keeps_what_the_database_lost(
    sqlite_store: Store,
    sqlite_journal: Journal,
    clock: FixedClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, journal, copy = sqlite_store, sqlite_journal, tmp_path / "copy"
    copy.mkdir()

    def verified(folder: Path) -> str:
        assert main([str(folder), "--policy", str(copy / "log/policy.txt")]) == 0, capsys.readouterr().out
        return capsys.readouterr().out

    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 5)
        ask_witnesses(store, journal)
        followed(store, copy)
        restored = lost(store, journal, tmp_path)

        with pytest.raises(Conflict, match="holds 5 entries of this log that the database, with 3"):
            followed(store, copy)
        assert "from entry 1 to entry 5" in verified(copy / "log")

        with store.writing() as unit:
            begun(unit, load_log_keys(tmp_path / "new.key"), restored)
        for one in witnesses:
            one.trust(journal.vkey(f"{ORIGIN}/epoch-2"))
        recorded(store, 300)
        ask_witnesses(store, journal)
        for _ in range(2):
            assert followed(store, copy) == 5 + 301
            assert "epoch-2 is whole from entry 1 to entry 301" in verified(copy / "log")
            assert "from entry 1 to entry 5" in verified(copy / "log/epoch-1")


def followed(store: Store, folder: Path) -> int:
    with store.reading() as unit:
        return follow(unit, folder)


def test_openings_of_the_former_log_are_checked_in_it(
    sqlite_store: Store,
    sqlite_journal: Journal,
    clock: FixedClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock) as witnesses:
        old = recorded(store, 3)
        begun_after_two_were_lost(store, journal, witnesses, tmp_path)
    with store.reading() as unit:
        export(unit, tmp_path / "log")
        (tmp_path / "entry.tlog-proof").write_text(str(opening_of(unit, old[1])))
    command = [str(tmp_path / "entry.tlog-proof"), "--policy", str(tmp_path / "log/policy.txt")]

    assert main([*command, "--log", str(tmp_path / "log")]) == 0
    tile = tmp_path / "log/epoch-1/tile/0/000.p/3"
    tile.write_bytes(tile.read_bytes()[::-1])
    assert main([*command, "--log", str(tmp_path / "log")]) == 1
    assert "Entry 2" in capsys.readouterr().out


def test_a_log_that_lost_nothing_is_not_begun_again(
    sqlite_store: Store, sqlite_journal: Journal, clock: FixedClock, tmp_path: Path
) -> None:
    store, journal = sqlite_store, sqlite_journal
    create_log_keys(tmp_path / "new.key")
    with running(tmp_path, journal, clock):
        recorded(store, 5)
        ask_witnesses(store, journal)
        restored = seen_by_witnesses(store, journal)

        with pytest.raises(Conflict), store.writing() as unit:
            begun(unit, load_log_keys(tmp_path / "new.key"), restored)
    with store.reading() as unit:
        assert frozen_before(unit) is None


@pytest.mark.parametrize(
    ("announced", "says"),
    [
        ((FIRST_KEY, SECOND_KEY), "with keys that the former log knew"),
        ((FIRST_KEY,), "the former log did not know one of their keys"),
        ((), "the former log did not know their keys"),
    ],
)
def test_the_verifier_says_who_declared_it_and_whether_they_were_known(
    sqlite_store: Store,
    sqlite_journal: Journal,
    clock: FixedClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    announced: tuple[Ed25519PrivateKey, ...],
    says: str,
) -> None:
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock) as witnesses:
        for key in announced:
            codes = {"key": "k", "use": "policy", "public": encode(key.public_key().public_bytes_raw())}
            with store.writing() as unit:
                record(
                    unit,
                    Entry(EntryKind.KEY_ACTIVATED, PARTNERSHIP, POLICE, None, None, codes=codes, public=True),
                )
        recorded(store, 3 - len(announced))
        begun_after_two_were_lost(store, journal, witnesses, tmp_path)
    with store.reading() as unit:
        export(unit, tmp_path / "log")
    log, policy = tmp_path / "log", tmp_path / "log/policy.txt"
    assert main([str(log), "--policy", str(policy)]) == 0
    told = capsys.readouterr().out
    assert f"witnesses had seen 5 entries of {ORIGIN}, and 3 were left" in told
    assert f"the officers in the posts {OFFICER} and {SECOND} signed that" in told
    assert says in told
    (log / "epoch-1/checkpoint").unlink()
    assert main([str(log), "--policy", str(policy)]) == 0
    assert "whether the former log knew their keys could not be checked" in capsys.readouterr().out


def test_a_log_that_two_officers_did_not_sign_does_not_verify(
    sqlite_store: Store,
    sqlite_journal: Journal,
    clock: FixedClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted fault: whoever holds the log's new key begins it with the second officer's part made up."""
    store, journal = sqlite_store, sqlite_journal
    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 5)
        ask_witnesses(store, journal)
        seen = lost(store, journal, tmp_path)
        monkeypatch.setattr(Agreed, "check", lambda *_: None)
        with store.writing() as unit:
            found = gap(unit, seen)
            both, keys = agreed(found), load_log_keys(tmp_path / "new.key")
            made_up = signature(SECOND_KEY, both.declared.signed_bytes())
            begin_epoch(unit, keys, found, both, made_up, controller_agency_id=POLICE)
        monkeypatch.undo()
        for one in witnesses:
            one.trust(journal.vkey(f"{ORIGIN}/epoch-2"))
        ask_witnesses(store, journal)
    with store.reading() as unit:
        export(unit, tmp_path / "log", newest=True)
        assert "an officer's signature does not fit" in " ".join(verify_store(unit).problems)
    assert main([str(tmp_path / "log"), "--policy", str(tmp_path / "log/policy.txt")]) == 1
    assert "WRONG: an officer's signature does not fit" in capsys.readouterr().out


def test_a_log_begun_before_officers_signed_says_so() -> None:
    codes = {"former_origin": ORIGIN, "former_key": "k", "witnessed_size": 5, "held": 3, "lost": 2}
    refs = {"first_officer": OFFICER, "second_officer": SECOND}
    said = {"kind": "epoch.begun", "at": "2026-11-22T10:00:00Z", "refs": refs, "codes": codes}
    found = read_begun(public_leaf(json.dumps(said).encode()))
    assert found is not None
    assert (found.officers, found.keys) == ((OFFICER, SECOND), ())
    assert read_begun(public_leaf(json.dumps({**said, "kind": "key.activated"}).encode())) is None
    for broken in (
        {**said, "refs": {}},
        {**said, "at": "\x1b[2J"},
        {**said, "codes": {**codes, "held": "x"}},
    ):
        with pytest.raises(Unverified):
            read_begun(public_leaf(json.dumps(broken).encode()))


@pytest.mark.parametrize("cut", [True, False], ids=["shorter", "whole-in-its-own-life"])
def test_a_backup_from_before_an_earlier_restore_lost_that_life_too(
    sqlite_store: Store,
    sqlite_journal: Journal,
    clock: FixedClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cut: bool,
) -> None:
    store, journal = sqlite_store, sqlite_journal
    file, kept = Path(str(store.engine.url.database)), tmp_path / "kept"

    def keep() -> None:
        store.close()
        shutil.copyfile(file, kept)

    with running(tmp_path, journal, clock) as witnesses:
        recorded(store, 5)
        ask_witnesses(store, journal)
        if not cut:
            keep()
        seen = lost(store, journal, tmp_path)
        if cut:
            keep()
        with store.writing() as unit:
            begun(unit, load_log_keys(tmp_path / "new.key"), seen)
        for one in witnesses:
            one.trust(journal.vkey(f"{ORIGIN}/epoch-2"))
        recorded(store, 3)
        ask_witnesses(store, journal)

        store.close()
        shutil.copyfile(kept, file)
        again = Journal(ORIGIN, journal.keys, policy=journal.policy).attach(store)
        compare_at_start(store, again)
        assert f"it has seen a later life of this log, {ORIGIN}/epoch-2, of 4 entries" in str(again.stopped)
        with store.reading() as unit:
            found = gap(unit, seen_by_witnesses(store, again))
        assert (found.number, found.held, found.lost) == ((3, 3, 2) if cut else (3, 5, 0))
        assert [(one.origin, one.size) for one in found.later] == [(f"{ORIGIN}/epoch-2", 4)]
        one_witness = [one for one in seen_by_witnesses(store, again) if "epoch-2" in one][:1]
        if cut:
            with store.reading() as unit:
                assert gap(unit, [*seen, *one_witness]).later == ()
        create_log_keys(tmp_path / "third.key")
        with store.writing() as unit:
            begun(unit, load_log_keys(tmp_path / "third.key"), seen_by_witnesses(store, again))
        for one in witnesses:
            one.trust(again.vkey(f"{ORIGIN}/epoch-3"))
        recorded(store, 1)
        assert len(ask_witnesses(store, again).cosigned) == 3
        after = Journal(ORIGIN, again.keys, policy=journal.policy).attach(store)
        compare_at_start(store, after)
        assert after.stopped is None
    with store.reading() as unit:
        assert verify_store(unit).verified
        export(unit, tmp_path / "log")
    assert main([str(tmp_path / "log"), "--policy", str(tmp_path / "log/policy.txt")]) == 0
    assert f"of its later lives nothing was left ({ORIGIN}/epoch-2:4)" in capsys.readouterr().out
