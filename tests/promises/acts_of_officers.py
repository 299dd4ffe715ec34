"""What officers, advocates and operators do: policy, keys, the log and its own life, each with its kind of entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from joserfc.jwk import ECKey
from sqlmodel import col, select

from gateway.clock import local_day
from gateway.disclosure import keyring, policies, policy_drafts, reconfirm, retention
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.ledger.log_keys import LogKeys, create_log_keys, load_log_keys
from gateway.ledger.models import LedgerCheckpoint
from gateway.registry.actors import Actor
from gateway.review import concerns, erasing, handing_out, holding, log, regulator, restoring
from gateway.review.models import (
    AnswerKind,
    Concern,
    ConcernKind,
    ErasureGround,
    HoldGround,
    RestoreDeclaration,
)
from gateway.review.restoring import Present
from gateway.sealing import jwe
from gateway.sealing.models import RecipientKey
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from tests.policy_life import changing
from tests.promises.acts import Act, Does, Scene, leaves
from tests.told import PERMITTED


@leaves(EntryKind.POLICY_DRAFTED)
def begins_a_change(scene: Scene) -> Act:
    return scene.act("office-ig", lambda unit, actor: policy_drafts.start(unit, actor, "A change", "Agreed."))


@leaves(EntryKind.POLICY_SIGNED)
def signs_a_change(scene: Scene) -> Act:
    draft = changing.checked(scene, changing.PERMIT)
    return scene.act(changing.AUTHOR, lambda unit, actor: policies.sign(unit, actor, draft))


@leaves(EntryKind.POLICY_APPROVED)
def approves_a_change(scene: Scene) -> Act:
    return _approves(scene)


def _approves(scene: Scene) -> Act:
    draft = changing.signed(scene, changing.PERMIT)
    return scene.act(
        changing.SECOND, lambda unit, actor: policies.approve(unit, actor, draft, "It is right.")
    )


def _in_public(act: Act, *, agency: str | None = None) -> Act:
    """An entry that anybody may watch names nobody who acted (DESIGN 3.6)."""
    return replace(act, by=None, agency=agency)


@leaves(EntryKind.POLICY_ACTIVATED)
def puts_a_change_in_force(scene: Scene) -> Act:
    return _in_public(_approves(scene))


@leaves(EntryKind.POLICY_ROLLED_BACK)
def goes_back(scene: Scene) -> Act:
    changing.activated(scene, changing.PERMIT)
    back = scene.by(
        changing.AUTHOR, lambda unit, actor: policy_drafts.roll_back(unit, actor, 1, "It was wrong.").id
    )
    scene.by(changing.AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, back))
    scene.by(changing.AUTHOR, lambda unit, actor: policies.sign(unit, actor, back))
    act = scene.act(changing.SECOND, lambda unit, actor: policies.approve(unit, actor, back, "Agreed."))
    return _in_public(act)


def _pair() -> list[ECKey]:
    return [ECKey.generate_key("P-256"), ECKey.generate_key("P-256")]


def _proved(scene: Scene, who: str) -> str:
    """A new key whose holder proved that it is hers; its id."""
    pair = _pair()
    publics = [key.as_dict(private=False) for key in pair]
    [given, _] = scene.by(who, lambda unit, actor: keyring.enrol(unit, actor, publics))
    answer = jwe.open_sealed(given.jwe, pair[0].as_dict(private=True)).decode()
    scene.by(who, lambda unit, actor: keyring.prove(unit, actor, given.key_id, answer))
    return given.key_id


@leaves(EntryKind.KEY_ENROLLED)
def registers_keys(scene: Scene) -> Act:
    publics = [key.as_dict(private=False) for key in _pair()]
    act = scene.act("marac-chair", lambda unit, actor: keyring.enrol(unit, actor, publics), times=2)
    return _in_public(act, agency=act.agency)


@leaves(EntryKind.KEY_ACTIVATED)
def approves_a_key(scene: Scene) -> Act:
    key = _proved(scene, "marac-chair")
    act = scene.act("police-ig", lambda unit, actor: keyring.approve(unit, actor, key))
    return _in_public(act, agency=act.agency)


@leaves(EntryKind.KEY_RETIRED)
def replaces_a_key(scene: Scene) -> Act:
    key = _proved(scene, "police-ppu")
    act = scene.act("police-ig", lambda unit, actor: keyring.approve(unit, actor, key))
    return _in_public(act, agency=act.agency)


@leaves(EntryKind.KEY_REVOKED)
def turns_a_key_down(scene: Scene) -> Act:
    key = _proved(scene, "marac-chair")  # never active, but everybody saw it enrolled
    act = scene.act("police-ig", lambda unit, actor: keyring.revoke(unit, actor, key, "mistake"))
    return _in_public(act, agency=act.agency)


@leaves(EntryKind.KEY_EXPIRED)
def outlives_its_time(scene: Scene) -> Act:
    scene.later(days=1)
    key = _proved(scene, "marac-chair")
    scene.by("police-ig", lambda unit, actor: keyring.approve(unit, actor, key))
    ends = scene.do(lambda unit: unit.session.get_one(RecipientKey, key).not_after)
    assert ends is not None
    scene.clock.advance(ends - timedelta(seconds=1) - scene.clock.now())
    scene.do(retention.run)  # all others have come to their end before
    scene.later(hours=1)
    police = scene.agency("police")
    return Act(lambda: scene.do(retention.run), None, police, police)


@leaves(EntryKind.CONCERN_RAISED)
def raises_a_concern(scene: Scene) -> Act:
    alex = scene.subject("s-alex")
    opened = read.Filter(kinds=(EntryKind.PARCEL_OPENED,))
    about = scene.do(lambda unit: read.entries_for_subject(unit, alex, opened).entries[0])
    said = concerns.Raising(kind=ConcernKind.UNSAFE, words="Why did they read it?", act_before_asking=False)
    act = scene.act(
        "lantern-advocate",
        lambda unit, actor: concerns.raise_concern(unit, actor, alex, about.entry_id, said),
        about=["s-alex"],
    )
    return replace(act, controller=about.controller_agency_id, case=about.case_id, request=about.request_id)


@leaves(EntryKind.CONCERN_ANSWERED)
def answers_a_concern(scene: Scene) -> Act:
    concern = scene.do(lambda unit: unit.session.exec(select(Concern)).one())
    about = scene.do(lambda unit: read.entry(unit, concern.about_entry_id))
    act = scene.act(
        "office-ig",
        lambda unit, actor: concerns.answer(
            unit, actor, concern.id, AnswerKind.UPHELD, "She was right to ask, and we say so."
        ),
        controller="lantern",
        about=["s-alex"],
    )
    return replace(act, case=about.case_id, request=about.request_id)


@leaves(EntryKind.LOG_VIEWED)
def looks_at_her_log(scene: Scene) -> Act:
    alex = scene.subject("s-alex")
    return scene.act(
        "lantern-advocate",
        lambda unit, actor: log.log(unit, actor, alex, log.Chosen(), offset=0, limit=25),
        about=["s-alex"],
    )


@leaves(EntryKind.LOG_EXPORTED)
def takes_her_log_along(scene: Scene) -> Act:
    alex = scene.subject("s-alex")
    return scene.act(
        "lantern-advocate",
        lambda unit, actor: handing_out.as_csv(unit, actor, alex, log.Chosen()),
        about=["s-alex"],
    )


@leaves(EntryKind.LOG_PRINTED)
def prints_her_log(scene: Scene) -> Act:
    alex = scene.subject("s-alex")
    return scene.act(
        "lantern-advocate",
        lambda unit, actor: handing_out.to_print(unit, actor, alex, log.Chosen()),
        about=["s-alex"],
    )


@leaves(EntryKind.DATA_EXPORTED)
def is_given_to_a_regulator(scene: Scene) -> Act:
    police, now = scene.agency("police"), scene.clock.now()

    def export(unit: Unit) -> list[str]:
        return list(regulator.export(unit, police, now - timedelta(days=30), now, "The Commissioner"))

    return Act(lambda: scene.do(export), None, police, police)


_WHY = "Telling now would warn a suspect."


def _released(scene: Scene) -> str:
    """An entry about Robin for which police answer."""
    chosen = read.Filter(kinds=(EntryKind.RELEASE_MADE,))
    robin = scene.subject("s-robin")
    return scene.do(lambda unit: read.entries_for_subject(unit, robin, chosen).entries[0].entry_id)


def _soon(scene: Scene) -> date:
    return local_day(scene.clock.now()) + timedelta(days=30)


def _holds(scene: Scene, entry: str) -> Does:
    why = holding.Holding(HoldGround.TIPPING_OFF, _WHY, scene.post("office-ig"), _soon(scene))
    return lambda unit, actor: holding.hold(unit, actor, entry, why)


def _held(scene: Scene) -> str:
    entry = _released(scene)
    scene.by("police-ig", _holds(scene, entry))
    return entry


@leaves(EntryKind.ENTRY_HELD)
def holds_an_entry(scene: Scene) -> Act:
    return scene.act("police-ig", _holds(scene, _released(scene)), case="M2-0417")


@leaves(EntryKind.ENTRY_REVIEWED)
def goes_on_holding_it(scene: Scene) -> Act:
    entry, day = _held(scene), _soon(scene)
    return scene.act(
        "office-ig",
        lambda unit, actor: holding.keep_holding(unit, actor, entry, _WHY, day),
        controller="police",
        case="M2-0417",
    )


@leaves(EntryKind.ENTRY_REVEALED)
def reveals_it(scene: Scene) -> Act:
    entry = _held(scene)
    return scene.act(
        "office-ig",
        lambda unit, actor: holding.reveal(unit, actor, entry, "The inquiry has ended."),
        controller="police",
        about=["s-robin"],
        case="M2-0417",
    )


def _asks(entry: str) -> Does:
    why = "It was about somebody else."
    return lambda unit, actor: erasing.ask(unit, actor, entry, ErasureGround.WRONG_PERSON, why)


def _asked(scene: Scene) -> str:
    entry = _released(scene)
    scene.by("police-ig", _asks(entry))
    return entry


@leaves(EntryKind.ENTRY_ERASURE_ASKED)
def asks_for_an_entry_to_be_erased(scene: Scene) -> Act:
    return scene.act("police-ig", _asks(_released(scene)))


@leaves(EntryKind.ENTRY_ERASURE_REFUSED)
def refuses_to_erase_it(scene: Scene) -> Act:
    entry = _asked(scene)
    return scene.act("office-ig", lambda unit, actor: erasing.refuse(unit, actor, entry), controller="police")


@leaves(EntryKind.ENTRY_ERASED)
def erases_an_entry(scene: Scene) -> Act:
    entry = _asked(scene)
    return scene.act(
        "office-ig", lambda unit, actor: erasing.approve(unit, actor, entry), controller="police"
    )


@leaves(EntryKind.RETENTION_RUN)
def is_cleaned_up(scene: Scene) -> Act:
    return Act(lambda: scene.do(retention.run), None, None, scene.agency("office"))


@dataclass(frozen=True)
class _Restored:
    """A store put back to before its last acts, as two officers declared it; `seen` is what its witness saw."""

    seen: str
    reference: str

    def begin(self, scene: Scene) -> str:
        keys = _new_keys(scene)
        return scene.do(lambda unit: restoring.begin(unit, keys, self.reference, [self.seen]))


def _restored(scene: Scene, *, refused_first: bool = False) -> _Restored:
    def newest(unit: Unit) -> str:
        rows = select(LedgerCheckpoint.note).order_by(col(LedgerCheckpoint.size).desc())
        return str(unit.session.exec(rows).first())

    kept = scene.keep()
    scene.ask(PERMITTED)
    seen = scene.do(newest)
    scene.go_back_to(kept)
    journal = scene.gateway.journal
    journal.stopped, journal.stopped_at = "a witness holds another history", scene.clock.now()
    scene.later(hours=1)

    def declare(unit: Unit, actor: Actor) -> str:
        return restoring.declare(unit, Present(actor, unit.now, [seen]), "The disk failed.")

    if refused_first:
        other = scene.by("police-ig", declare)
        scene.by("office-ig", lambda unit, actor: restoring.refuse(unit, Present(actor, unit.now, ()), other))
    declared = scene.by("office-ig", declare)
    scene.by(
        "police-ig", lambda unit, actor: restoring.agree(unit, Present(actor, unit.now, [seen]), declared)
    )
    reference = scene.do(lambda unit: unit.session.get_one(RestoreDeclaration, declared).reference)
    journal.stopped = None  # what each command starts with
    return _Restored(seen, reference)


def _new_keys(scene: Scene) -> LogKeys:
    file = scene.gateway.settings.paths.var / f"{new_id()}.key"
    create_log_keys(file)
    return load_log_keys(file)


def _begun(scene: Scene, by: str | None, *, refused_first: bool = False) -> Act:
    """The log begins anew: what officers did while it was stopped is told in its first entries."""
    restored = _restored(scene, refused_first=refused_first)
    post, agency = (scene.post(by), scene.agency(by.split("-")[0])) if by else (None, None)
    controller = "police" if refused_first else "office"
    return Act(lambda: restored.begin(scene), post, agency, scene.agency(controller))


@leaves(EntryKind.EPOCH_BEGUN)
def begins_the_log_anew(scene: Scene) -> Act:
    return _begun(scene, None)


@leaves(EntryKind.EPOCH_DECLARED)
def declares_a_restore(scene: Scene) -> Act:
    return _begun(scene, "office-ig")


@leaves(EntryKind.EPOCH_AGREED)
def agrees_to_a_restore(scene: Scene) -> Act:
    return _begun(scene, "police-ig")


@leaves(EntryKind.EPOCH_REFUSED)
def refuses_a_restore(scene: Scene) -> Act:
    return _begun(scene, "office-ig", refused_first=True)


@leaves(EntryKind.EPOCH_RECONFIRMED)
def confirms_what_was_sealed_before(scene: Scene) -> Act:
    _restored(scene).begin(scene)
    sealed = scene.parcel("probation-om", "convictions")
    return scene.act(
        "police-ppu",
        lambda unit, actor: reconfirm.reconfirm(unit, actor, sealed.line_id),
        about=["s-robin"],
        case="M2-0417",
        request=sealed.request_id,
        times=2,  # hers, and the agency's own copy
    )
