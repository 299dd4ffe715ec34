"""While the log is stopped two officers sign a restore; without both, of this state, nobody begins the log anew."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_verify.checkpoint import Checkpoint
from gateway_verify.note import Note, encode
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.log_keys import create_log_keys, load_log_keys
from gateway.ledger.publish import newest_checkpoint
from gateway.ledger.read import Filter, entries_in_partnership, words_of
from gateway.ledger.verify import verify_store
from gateway.policy import signing
from gateway.policy.models import Kind, PolicySigner
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Post
from gateway.review import restores, restoring
from gateway.review.models import RestoreDeclaration, RestoreState
from gateway.review.restoring import Present
from gateway.store.unit_of_work import Unit
from tests.meadow import Meadow
from tests.review.story import Story
from tests.review.test_an_entry_is_held_back_and_revealed_by_officers import officer

WHY = "The disk failed; Friday's backup was restored."
EARLIER = "before the log was stopped"
FIRST, SECOND = "police_governance", "housing_governance"


@dataclass
class Stopped:
    """A gateway whose log is shorter than what a witness saw of it."""

    gateway: Gateway
    meadow: Meadow
    folder: Path
    clock: FixedClock
    seen: list[str]

    def present(self, unit: Unit, post_id: str, *, signed_in_at: datetime | None = None) -> Present:
        """An officer who signed in just now, or then."""
        return Present(actor_for_post(unit, post_id), signed_in_at or unit.now, self.seen)

    def declare(self, name: str = FIRST) -> str:
        with self.gateway.store.writing() as unit:
            return restoring.declare(unit, self.present(unit, getattr(self.meadow, name)), WHY)

    def agree(self, declared: str, post_id: str = "") -> None:
        with self.gateway.store.writing() as unit:
            present = self.present(unit, post_id or getattr(self.meadow, SECOND))
            restoring.agree(unit, present, declared)

    def refuse(self, declared: str, name: str) -> None:
        with self.gateway.store.writing() as unit:
            restoring.refuse(unit, self.present(unit, getattr(self.meadow, name)), declared)

    def agreed(self) -> str:
        """Give the declaration that two officers signed."""
        declared = self.declare()
        self.agree(declared)
        return declared

    def row(self, declared: str) -> RestoreDeclaration:
        with self.gateway.store.reading() as unit:
            return unit.session.get_one(RestoreDeclaration, declared)

    def change(self, declared: str, change: Callable[[Unit, RestoreDeclaration], object]) -> None:
        """Write to its row past the officers."""
        with self.gateway.store.writing() as unit:
            row = unit.session.get_one(RestoreDeclaration, declared)
            change(unit, row)
            unit.session.add(row)

    def begin(self, declared: str) -> str:
        keys = self.folder / f"{len(list(self.folder.glob('*.key')))}.key"
        create_log_keys(keys)
        reference = self.row(declared).reference
        with self.gateway.store.writing() as unit:
            return restoring.begin(unit, load_log_keys(keys), reference, self.seen)

    def refused(self, declared: str, error: type[GatewayError], says: str = "") -> None:
        """The operator can't carry it out; the log is as it was."""
        with pytest.raises(error, match=says):
            self.begin(declared)
        with self.gateway.store.reading() as unit:
            assert restores_begun(unit) == []


def restores_begun(unit: Unit) -> list[RestoreDeclaration]:
    rows = select(RestoreDeclaration).where(RestoreDeclaration.state == RestoreState.CARRIED_OUT)
    return list(unit.session.exec(rows))


def longer(gateway: Gateway, by: int) -> str:
    """A checkpoint of the log that the database no longer holds, signed before it was lost."""
    with gateway.store.reading() as unit:
        held = Checkpoint.parse(newest_checkpoint(unit).text)
    checkpoint = Checkpoint(held.origin, held.size + by, bytes(32))
    return str(Note(checkpoint.text, (gateway.journal.sign(checkpoint),)))


def stop(gateway: Gateway, meadow: Meadow, clock: FixedClock, folder: Path) -> Stopped:
    journal = gateway.journal
    made = Stopped(gateway, meadow, folder, clock, [longer(gateway, 3)])
    journal.stopped, journal.stopped_at = "the witness c1 holds another history", clock.now()
    clock.advance(timedelta(minutes=5))
    return made


@pytest.fixture
def stopped(
    sqlite_gateway: Gateway,
    sqlite_meadow: Meadow,
    sqlite_story: Story,
    clock: FixedClock,
    tmp_path: Path,
) -> Stopped:
    """The small partnership, restored, on SQLite alone."""
    return stop(sqlite_gateway, sqlite_meadow, clock, tmp_path)


def test_two_officers_sign_and_the_new_log_says_so(
    gateway: Gateway, meadow: Meadow, story: Story, clock: FixedClock, tmp_path: Path
) -> None:
    stopped = stop(gateway, meadow, clock, tmp_path)
    declared = stopped.declare()
    declared_at = stopped.row(declared).declared_at
    clock.advance(timedelta(minutes=5))
    stopped.refused(declared, Conflict, "waits for the second officer")
    stopped.agree(declared)
    clock.advance(timedelta(minutes=5))
    first = stopped.begin(declared)
    with gateway.store.reading() as unit:
        assert verify_store(unit).verified
        told = entries_in_partnership(unit, meadow.partnership_id, Filter(since=unit.now)).entries
        assert [one.kind for one in reversed(told)] == [
            EntryKind.EPOCH_BEGUN,
            EntryKind.EPOCH_DECLARED,
            EntryKind.EPOCH_AGREED,
            EntryKind.KEY_ACTIVATED,
            EntryKind.KEY_ACTIVATED,
        ]
        begun, said, agreed, *keys = reversed(told)
        assert (begun.entry_id, begun.refs["first_officer"], begun.refs["second_officer"]) == (
            first,
            meadow.police_governance,
            meadow.housing_governance,
        )
        assert (said.actor_post_id, agreed.actor_post_id) == (
            meadow.police_governance,
            meadow.housing_governance,
        )
        assert words_of(unit, said.entry_id)["reasons"] == WHY
        assert "Name of housing governance" in str(words_of(unit, agreed.entry_id)["actor"])
        assert said.codes["acted_at"] == begun.codes["declared_at"] == f"{declared_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        assert {one.codes["public"] for one in keys} == {
            begun.codes["first_key"],
            begun.codes["second_key"],
        }
    with pytest.raises(Conflict, match="was carried out already"):
        stopped.begin(declared)


def test_one_officer_is_never_both(stopped: Stopped) -> None:
    """Not from her own post, nor from a second one, nor with a colleague while another agency has an officer."""
    meadow = stopped.meadow
    with stopped.gateway.store.writing() as unit:
        hers = officer(unit, meadow, meadow.charity, person_id=meadow.people[FIRST])
        colleague = officer(unit, meadow, meadow.police)
        both = officer(unit, meadow, meadow.police)
        elsewhere = actor_for_post(unit, both).person_id
        second_hat = officer(unit, meadow, meadow.charity, person_id=elsewhere)
    declared = stopped.declare()
    for post_id in (meadow.police_governance, hers, colleague, second_hat):
        with pytest.raises(Forbidden):
            stopped.agree(declared, post_id)
    for post_id in (meadow.officer, meadow.advocate):
        with pytest.raises(NotFound):
            stopped.agree(declared, post_id)
    with stopped.gateway.store.writing() as unit:
        seconds = restores.seconds_of(unit, unit.session.get_one(RestoreDeclaration, declared))
        assert [post.id for post in seconds] == [meadow.housing_governance]
        unit.session.get_one(Post, meadow.housing_governance).ended_at = unit.now
    stopped.agree(declared, colleague)  # no other agency has an officer any more
    stopped.begin(declared)


def test_nobody_declares_or_answers_with_a_session_from_before(stopped: Stopped) -> None:
    declared = stopped.declare()
    before = stopped.gateway.journal.stopped_at
    acts: tuple[Callable[[Unit, Present], object], ...] = (
        lambda unit, present: restoring.agree(unit, present, declared),
        lambda unit, present: restoring.refuse(unit, present, declared),
    )
    for act in acts:
        with pytest.raises(Forbidden, match=EARLIER), stopped.gateway.store.writing() as unit:
            act(unit, stopped.present(unit, stopped.meadow.housing_governance, signed_in_at=before))
    stopped.refuse(declared, SECOND)
    with pytest.raises(Forbidden, match=EARLIER), stopped.gateway.store.writing() as unit:
        restoring.declare(
            unit, stopped.present(unit, stopped.meadow.police_governance, signed_in_at=before), WHY
        )


def test_it_is_carried_out_of_the_state_that_was_declared_alone(stopped: Stopped) -> None:
    declared, seen = stopped.agreed(), stopped.seen
    stopped.seen = [longer(stopped.gateway, 4)]  # a witness came back that saw more
    stopped.refused(declared, Conflict, "another state")
    stopped.seen = []
    stopped.refused(declared, Invalid, "what a witness last cosigned|what no witness last cosigned")
    stopped.seen = seen
    stopped.begin(declared)


def test_who_agrees_agrees_to_what_she_sees(stopped: Stopped) -> None:
    declared = stopped.declare()
    stopped.seen = [longer(stopped.gateway, 4)]
    with pytest.raises(Conflict, match="another state"):
        stopped.agree(declared)


def test_it_lapses_after_a_day(stopped: Stopped) -> None:
    waiting = stopped.declare()
    with pytest.raises(Conflict, match="waits"):
        stopped.declare(SECOND)
    stopped.clock.advance(restores.LAPSES_AFTER)
    with pytest.raises(Conflict, match="lapsed"):
        stopped.agree(waiting)
    declared = stopped.agreed()
    stopped.clock.advance(restores.LAPSES_AFTER)
    stopped.refused(declared, Conflict, "lapsed")
    stopped.begin(stopped.agreed())


def test_either_takes_it_back_and_the_new_log_tells_that_too(stopped: Stopped) -> None:
    declared = stopped.agreed()
    stopped.refuse(declared, FIRST)
    stopped.refused(declared, Conflict, "refused or taken back")
    with pytest.raises(Conflict):
        stopped.agree(declared)
    stopped.begin(stopped.agreed())
    with stopped.gateway.store.reading() as unit:
        told = entries_in_partnership(unit, stopped.meadow.partnership_id, Filter(since=unit.now)).entries
        kinds = [one.kind for one in told]
        assert kinds.count(EntryKind.EPOCH_DECLARED) == 2
        assert kinds.count(EntryKind.EPOCH_REFUSED) == 1


def test_a_log_that_goes_on_is_not_declared_lost(stopped: Stopped) -> None:
    stopped.gateway.journal.stopped = None
    with pytest.raises(Conflict, match="isn't stopped"):
        stopped.declare()


def test_a_row_written_past_the_gateway_is_no_second_person(stopped: Stopped) -> None:
    """Planted faults: whoever holds the database writes the second officer's part herself."""
    meadow, forged = stopped.meadow, Ed25519PrivateKey.generate()
    public = forged.public_key().public_bytes_raw()

    def second(row: RestoreDeclaration, key: Ed25519PrivateKey = forged) -> None:
        row.agreed_by_post_id, row.agreed_at = meadow.housing_governance, row.declared_at
        row.state, row.second_key = RestoreState.AGREED, encode(key.public_key().public_bytes_raw())
        row.second_signature = encode(key.sign(restoring._agreed(row).signed_bytes()))

    def with_a_key_of_her_own(unit: Unit, row: RestoreDeclaration) -> None:
        second(row)
        unit.session.add(
            PolicySigner(
                partnership_id=meadow.partnership_id,
                person_id=meadow.people[SECOND],
                kid="f" * 32,
                public=encode(public),
                private=b"",
                certificate=unit.vault.token("policy_signer", "guessed", meadow.partnership_id),
            )
        )

    def signed_by_the_first(unit: Unit, row: RestoreDeclaration) -> None:
        """With the key that the gateway made for the first officer."""
        second(row)
        row.second_key, row.second_signature = signing.sign_restore(
            unit, row.partnership_id, meadow.people[FIRST], restoring._agreed(row).signed_bytes()
        )

    def of_a_stranger(unit: Unit, row: RestoreDeclaration) -> None:
        """With the gateway's own key of somebody who is no officer."""
        second(row)
        row.agreed_by_post_id = meadow.officer
        row.second_key, row.second_signature = signing.sign_restore(
            unit, row.partnership_id, meadow.people["officer"], restoring._agreed(row).signed_bytes()
        )

    for plant in (lambda _, row: second(row), with_a_key_of_her_own, signed_by_the_first, of_a_stranger):
        declared = stopped.declare()
        stopped.change(declared, plant)
        stopped.refused(declared, Forbidden, "isn't signed by two persons")
        stopped.refuse(declared, FIRST)
    with stopped.gateway.store.writing() as unit:
        unit.session.delete(unit.session.exec(select(PolicySigner).where(PolicySigner.kid == "f" * 32)).one())
    stopped.begin(stopped.agreed())


def test_what_was_signed_is_not_changed_afterwards(stopped: Stopped) -> None:
    """Planted faults: a column of an agreed row is edited; each is refused, and so is a signature from another."""
    other = stopped.agreed()
    kept = stopped.row(other)
    stopped.refuse(other, FIRST)
    declared = stopped.agreed()
    edits: tuple[tuple[str, object], ...] = (
        ("reasons_digest", "sha256:" + "0" * 64),
        ("declared_at", kept.declared_at - timedelta(hours=1)),
        ("agreed_at", stopped.clock.now() + timedelta(minutes=1)),
        ("declared_by_post_id", stopped.meadow.housing_governance),
        ("agreed_by_post_id", stopped.meadow.police_governance),
        ("first_signature", base64.b64encode(bytes(64)).decode()),
        ("second_signature", base64.b64encode(bytes(64)).decode()),
        ("second_key", stopped.row(declared).first_key),
    )
    for name, value in edits:
        honest = getattr(stopped.row(declared), name)
        stopped.change(declared, lambda _, row, name=name, value=value: setattr(row, name, value))  # type: ignore[misc]
        stopped.refused(declared, Forbidden, "isn't signed by two persons")
        stopped.change(declared, lambda _, row, name=name, value=honest: setattr(row, name, value))  # type: ignore[misc]
    stopped.begin(declared)


def test_whoever_left_meanwhile_did_not_sign(stopped: Stopped) -> None:
    declared = stopped.agreed()
    with stopped.gateway.store.writing() as unit:
        unit.session.get_one(Post, stopped.meadow.police_governance).ended_at = unit.now
    stopped.refused(declared, Forbidden, "isn't signed by two persons")


def test_a_forged_declaration_is_not_told_as_an_officers_act(stopped: Stopped) -> None:
    forged = stopped.agreed()
    stopped.change(forged, lambda _, row: setattr(row, "reasons_digest", "sha256:" + "0" * 64))
    stopped.refuse(forged, SECOND)
    stopped.begin(stopped.agreed())
    with stopped.gateway.store.reading() as unit:
        told = entries_in_partnership(unit, stopped.meadow.partnership_id, Filter(since=unit.now)).entries
        assert [one.kind for one in told].count(EntryKind.EPOCH_DECLARED) == 1


def test_a_key_made_while_nothing_was_recorded_is_announced_at_its_next_use(stopped: Stopped) -> None:
    stopped.declare()
    stopped.gateway.journal.stopped = None  # the right database was put back
    meadow = stopped.meadow
    statement = signing.Statement(meadow.partnership_id, "0" * 64, 1, None, stopped.clock.now(), Kind.CHANGE)
    for _ in range(2):
        with stopped.gateway.store.writing() as unit:
            signing.sign(unit, statement, signing.AUTHOR, meadow.people[FIRST], meadow.police)
    with stopped.gateway.store.reading() as unit:
        told = entries_in_partnership(unit, meadow.partnership_id, Filter(since=unit.now)).entries
        assert [one.kind for one in told].count(EntryKind.KEY_ACTIVATED) == 1
