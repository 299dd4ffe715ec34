"""The demonstration with something on every desk: what waits, is late, was put back, or is half answered."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from joserfc.jwk import ECKey
from sqlmodel import col, select

from gateway.api import clients
from gateway.cli.demo_stage import Ask, Stage
from gateway.clock import local_day
from gateway.consent import consents, mandates, wordings
from gateway.consent.models import Answer, HowTaken
from gateway.consent.taking import Reach, Taking
from gateway.disclosure import (
    ask,
    desk,
    drafts,
    keyring,
    policies,
    policy_drafts,
    record,
    stop,
    tasks,
    withdraw,
)
from gateway.disclosure.asking import Asking, NamedRecipient
from gateway.disclosure.models import Line, Request, RequestRecipient, Task
from gateway.disclosure.trials import ON_TRIAL
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.registry import (
    authorities,
    facts,
    memberships,
    offers,
    people,
    subject_changes,
    subjects,
    walls,
)
from gateway.registry.actors import Actor
from gateway.registry.exporting import export_register
from gateway.registry.models import Case, Wall
from gateway.registry.subjects import Identity
from gateway.review import erasing, holding
from gateway.review.models import ErasureGround, HoldGround
from gateway.sealing import jwe
from gateway.sealing.models import CopyOf, Parcel
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance
from gateway.web.staff import hearing_forms, hearing_journey, journey, questions
from tests.policy_life import changing
from tests.told import PERMITTED


def stir(stage: Stage) -> dict[str, list[str]]:
    """Give everybody something to do; gives, by the code of a post, addresses to which only forms lead."""
    to_forms = _requests(stage)
    for act in (_people, _register, propose, connect, hold_back, ask_to_erase, _said):
        act(stage)
    to_forms[changing.SECOND] = [f"/governance/policies/changes/{_policy(stage)}"]
    to_forms["probation-om"] += stage.by("probation-om", _question_addresses)
    to_forms["lantern-idva"] = _talk_addresses(stage)
    return to_forms


def _register(stage: Stage) -> None:
    sam = stage.do(lambda unit: stage.subject_id(unit, "s-sam"))
    codes = ("health", "housing", "police")
    agency = stage.do(lambda unit: {code: stage.agency_id(unit, code) for code in codes})

    def wall(unit: Unit, actor: Actor, kind: str, who: str) -> None:
        stop.raise_wall(unit, actor, sam, kind=kind, reason="He has family there.", agency_ids=[agency[who]])

    stage.by("police-ppu", lambda unit, actor: wall(unit, actor, "exclude", "health"))
    stage.by(
        "police-ig", lambda unit, actor: walls.ask_lift(unit, actor, _wall(unit, sam), "They moved away.")
    )
    stage.by("police-ppu", lambda unit, actor: wall(unit, actor, "allow_only", "police"))
    stage.by(
        "police-ig",
        lambda unit, actor: walls.ask_allow(
            unit, actor, sam, reason="They need it.", agency_id=agency["housing"]
        ),
    )
    stage.by(
        "police-ig",
        lambda unit, actor: subject_changes.ask_correct(
            unit, actor, sam, Identity(name="Samuel Madeup"), "His name is longer."
        ),
    )
    case = stage.do(lambda unit: stage.case_id(unit, "M2-0417"))

    def know(unit: Unit, actor: Actor) -> None:
        for one in (Circumstance.CONFLICT_SUSPECTED, Circumstance.ORIGINATOR_AGREED):
            facts.record(unit, actor, circumstance=one, reason="The chair said so.", case_id=case)

    stage.by("probation-ig", know)
    stage.do(lambda unit: _closed_case(stage, unit))


def propose(stage: Stage) -> None:
    """Changes of the register that wait for a second person, and one that acted because it only narrowed."""
    gateway = stage.gateway

    def register(unit: Unit) -> str:
        return export_register(unit, "meadowshire")

    text = stage.do(register)
    names = re.search(r'key = "p-nadia"\nname = "[^"]+"\n(trained_until = \S+)', text)
    assert names is not None
    longer = text.replace(names[1], "trained_until = 2099-12-31", 1)
    assert not offers.offer_import(gateway.store, longer).acted
    shorter = text.replace(names[0], names[0].replace(names[1], "trained_until = 2026-12-24"), 1)
    assert offers.offer_import(gateway.store, shorter).acted
    stage.by("office-ig", partial(_admission, stage))


def hold_back(stage: Stage) -> None:
    """An entry that an officer holds back and another looks at again."""

    def hold(unit: Unit, actor: Actor) -> None:
        chosen = read.Filter(kinds=(EntryKind.RELEASE_MADE,), limit=1)
        [about] = read.entries_of_agency(unit, actor.agency_id, chosen).entries
        why = holding.Holding(
            HoldGround.TIPPING_OFF,
            "An inquiry runs until January.",
            stage.post_id(unit, "office-ig-2"),
            local_day(unit.now) + timedelta(days=30),
        )
        holding.hold(unit, actor, about.entry_id, why)

    stage.by("police-ig", hold)


def connect(stage: Stage) -> None:
    """A system of an agency that may sign in, and one that waits for a second officer."""
    post_id = stage.do(lambda unit: stage.post_id(unit, "police-ppu"))
    for name in ("Case system", "New case system"):
        public = ECKey.generate_key("P-256").as_dict(private=False)
        told = {key: str(value) for key, value in public.items()}
        register = partial(clients.register, post_id=post_id, name=name, jwk=told)
        client_id = stage.by("office-ig", register)
        if name == "Case system":
            stage.by("office-ig-2", partial(clients.approve, client_id=client_id))


def ask_to_erase(stage: Stage) -> None:
    """An entry that an officer asked to erase."""

    def ask_it(unit: Unit, actor: Actor) -> None:
        chosen = read.Filter(kinds=(EntryKind.RELEASE_MADE,), limit=2)
        about = read.entries_of_agency(unit, actor.agency_id, chosen).entries[-1]
        erasing.ask(unit, actor, about.entry_id, ErasureGround.WRONG_PERSON, "It is of another case.")

    stage.by("police-ig", ask_it)


def _admission(stage: Stage, unit: Unit, actor: Actor) -> None:
    [first, *_] = memberships.arrangements(unit, actor.partnership_id)
    offers.offer_admission(
        unit,
        actor,
        first.arrangement_id,
        stage.agency_id(unit, "housing"),
        standing="associate",
        authority="Agreement of 1 December 2026",
        signatory=True,
        starts_on=local_day(unit.now),
        ends_on=None,
    )


def _wall(unit: Unit, subject_id: str) -> str:
    return unit.session.exec(select(Wall.id).where(Wall.subject_id == subject_id)).first() or ""


def _closed_case(stage: Stage, unit: Unit) -> None:
    like = unit.session.get_one(Case, stage.case_id(unit, "M2-0417"))
    unit.session.add(
        Case(
            partnership_id=like.partnership_id,
            arrangement_id=like.arrangement_id,
            reference="M1-0001",
            lead_agency_id=like.lead_agency_id,
            jurisdiction=like.jurisdiction,
            opened_on=like.opened_on,
            closed_on=local_day(unit.now),
        )
    )


def _people(stage: Stage) -> None:
    codes = ("social-worker", "marac-deputy", "health-lead", "probation-om", "probation-om-2")
    post = stage.do(lambda unit: {code: stage.post_id(unit, code) for code in codes})
    today = local_day(stage.clock.now())
    stage.by(
        "office-ig",
        lambda unit, actor: authorities.grant_authority(
            unit,
            actor,
            post["health-lead"],
            role_code="originator_contact",
            arrangement_id=None,
            ends_on=today + timedelta(days=30),
        ),
    )
    for away, by in (("marac-deputy", "social-worker"), ("probation-om", "probation-om-2")):
        stage.by(away, partial(_cover, post_id=post[away], by_post_id=post[by], today=today))
    pair = [ECKey.generate_key("P-256"), ECKey.generate_key("P-256")]
    publics = [key.as_dict(private=False) for key in pair]
    [given, _] = stage.by("marac-chair", lambda unit, actor: keyring.enrol(unit, actor, publics))
    answer = jwe.open_sealed(given.jwe, pair[0].as_dict(private=True)).decode()
    stage.by("marac-chair", lambda unit, actor: keyring.prove(unit, actor, given.key_id, answer))

    def twice(unit: Unit) -> list[str]:
        return [
            subjects.add(
                unit,
                stage.partnership_id(unit),
                identity=Identity(name=name),
                controller_agency_id=stage.agency_id(unit, "police"),
                capacity="not_assessed",
            ).id
            for name in ("Kim Invented", "Kimberley Invented")
        ]

    one, other = stage.do(twice)
    change = stage.by(
        "police-ig",
        lambda unit, actor: subject_changes.ask_merge(unit, actor, one, other, "They are the same."),
    )
    stage.by("office-ig", lambda unit, actor: stop.approve_change(unit, actor, change))


def _cover(unit: Unit, actor: Actor, *, post_id: str, by_post_id: str, today: date) -> None:
    people.cover(unit, actor, post_id, by_post_id=by_post_id, until=today + timedelta(days=3))


def _policy(stage: Stage) -> str:
    """A change in force with a rule on trial, and drafts in every state; gives the one that waits for approval."""
    stopping = changing.drafted(stage, changing.STOP)
    trial = {**changing.STOP, "id": "mappa-no-convictions-tried", "status": ON_TRIAL}
    stage.by(
        changing.AUTHOR,
        lambda unit, actor: policy_drafts.put_rule(unit, actor, stopping, changing.FILE, trial),
    )
    stage.by(changing.AUTHOR, lambda unit, actor: policy_drafts.run_checks(unit, actor, stopping))
    stage.by(changing.AUTHOR, lambda unit, actor: policies.act_now(unit, actor, stopping))
    changing.drafted(stage, changing.PERMIT)
    changing.checked(stage, {**changing.STOP, "id": "mappa-no-convictions-again"})
    return changing.signed(stage, changing.PERMIT)


def name_an_advocate(stage: Stage, unit: Unit, actor: Actor) -> None:
    """Jess names an advocate; a second agency is still to ask her."""
    today = local_day(unit.now)
    advocate = stage.post_id(unit, "lantern-advocate")
    new = mandates.NewMandate(
        subject_id=stage.subject_id(unit, "s-jess"),
        advocate_post_id=advocate,
        advocate_agency_id=actor.agency_id,
        controller_agency_id=actor.agency_id,
        how_given=HowTaken.FACE_TO_FACE,
        alone=True,
        wording_version=wordings.current("mandate").version,
        given_on=today,
        expires_on=today + timedelta(days=90),
    )
    mandates.record(unit, actor, new)


def _said(stage: Stage) -> None:
    today = local_day(stage.clock.now())

    def give(unit: Unit, actor: Actor) -> None:
        name_an_advocate(stage, unit, actor)
        consents.record(
            unit,
            actor,
            subject_id=stage.subject_id(unit, "s-alex"),
            case_id=stage.case_id(unit, "R-0931"),
            controller_agency_id=actor.agency_id,
            answer=Answer.GIVEN,
            reach=Reach(
                purposes=frozenset({"victim_safety"}),
                categories=frozenset({"identity"}),
                agency_ids=frozenset({stage.agency_id(unit, "health")}),
            ),
            taking=Taking(
                how=HowTaken.FACE_TO_FACE,
                alone=True,
                taken_at=unit.now,
                wording_version=wordings.current("consent").version,
                expires_on=today + timedelta(days=90),
                words="Yes, for the counselling.",
            ),
        )

    stage.by("lantern-idva", give)


def _requests(stage: Stage) -> dict[str, list[str]]:
    asked = replace(PERMITTED, categories=("risk_assessment",))
    answered, late, chased = (_put(stage, asked) for _ in range(3))
    stage.by(
        "police-ppu", lambda unit, actor: desk.need_more(unit, actor, answered, "Which meeting is it for?")
    )
    stage.do(lambda unit: _make_late(unit, late, chased))
    stage.by("probation-om", lambda unit, actor: desk.chase(unit, actor, chased))
    outside = stage.by(
        "health-lead", lambda unit, actor: ask.ask(unit, actor, _from_outside(stage, unit, actor)).request_id
    )
    review = stage.do(lambda unit: _owe_review(unit, late))
    stage.by(
        "police-ppu",
        lambda unit, actor: withdraw.recall(unit, actor, _a_parcel(stage, unit).id, "inaccurate"),
    )
    parcel = stage.do(lambda unit: _hand_over(stage, unit))
    return {
        "probation-om": [
            f"/staff/requests/{late}/decision",
            *(f"/staff/parcels/{parcel.id}/{end}" for end in ("chain", "delivered")),
        ],
        "health-lead": [f"/staff/requests/{outside}/received"],
        "police-ppu": [
            f"/staff/desk/{outside}/identify",
            f"/staff/tasks/{review}/review",
            f"/staff/desk/lines/{parcel.line_id}/seal-again",
        ],
    }


def _owe_review(unit: Unit, request_id: str) -> str:
    request = unit.session.get_one(Request, request_id)
    task = Task(
        partnership_id=request.partnership_id,
        request_id=request_id,
        kind=tasks.EMERGENCY_REVIEW,
        owner_agency_id=request.holder_agency_id,
        due_at=unit.now + timedelta(days=1),
    )
    unit.session.add(task)
    return task.id


def _put(stage: Stage, asked: Ask) -> str:
    return stage.by(asked.who, lambda unit, actor: ask.ask(unit, actor, stage.asking(unit, asked)).request_id)


def _make_late(unit: Unit, *request_ids: str) -> None:
    for request_id in request_ids:
        row = unit.session.get_one(Request, request_id)
        row.due_at = unit.now - timedelta(days=1)
        unit.session.add(row)


def _from_outside(stage: Stage, unit: Unit, actor: Actor) -> Asking:
    asking = stage.asking(unit, PERMITTED)
    return replace(
        asking,
        case_id=None,
        subject_ids=(),
        case_reference="R-0931",
        person="SM, about 35",
        recipients=(NamedRecipient(post_id=actor.post_id),),
    )


def _hand_over(stage: Stage, unit: Unit) -> Parcel:
    """A parcel that a delivering officer takes to somebody who holds no key."""
    parcel = _a_parcel(stage, unit, newest=True)
    row = unit.session.get_one(RequestRecipient, unit.session.get_one(Line, parcel.line_id).recipient_id)
    request = unit.session.get_one(Request, parcel.request_id)
    where = f"request_recipient.described|{row.id}"
    row.delivering_post_id, row.post_id = row.post_id, None
    row.described = record.seal_words(unit, request, "The night warden of the premises", where)
    parcel.outside_recipient_id = row.id
    unit.session.add(row)
    unit.session.add(parcel)
    return parcel


def _a_parcel(stage: Stage, unit: Unit, *, newest: bool = False) -> Parcel:
    post = stage.post_id(unit, "probation-om")
    chosen = select(Parcel).where(Parcel.recipient_post_id == post, Parcel.copy_of == CopyOf.RECIPIENT)
    when = col(Parcel.created_at)
    return unit.session.exec(chosen.order_by(when.desc() if newest else when)).all()[0]


def _question_addresses(unit: Unit, actor: Actor) -> list[str]:
    mine = select(Request.id).where(Request.requester_post_id == actor.post_id)
    draft_id = journey.begin_again(unit, actor, unit.session.exec(mine).first() or "")
    stored = drafts.load(unit, actor, journey.DRAFT, draft_id)
    stored["kept"] |= {"recipients": {"recipients": [actor.post_id]}, "needed-by": {"needed_by": None}}
    drafts.save(unit, actor, journey.DRAFT, stored, draft_id)
    address = f"/staff/ask/{draft_id}"
    asked = [one.slug for one in questions.QUESTIONS if one.asked(journey.load(unit, actor, draft_id))]
    return [address, *(f"{address}/{slug}" for slug in (*asked, "check", "discard"))]


def _talk_addresses(stage: Stage) -> list[str]:
    def begin(unit: Unit, actor: Actor, what: str, answered: tuple[str, ...]) -> str:
        who = (stage.subject_id(unit, "s-alex"), stage.case_id(unit, "R-0931"))
        draft_id = hearing_journey.begin(unit, actor, what, *who)
        talk = hearing_journey.load(unit, actor, draft_id)
        hearing_journey.save(unit, actor, replace(talk, kept={slug: {} for slug in answered}))
        return f"/views/talk/{draft_id}"

    def addresses(unit: Unit, actor: Actor) -> list[str]:
        found = ["/views/stopped"]
        for what, order in hearing_forms.ORDER.items():
            asked, whole = begin(unit, actor, what, ()), begin(unit, actor, what, order)
            found += [f"/views/done/{what}", f"{whole}/read-back", *(f"{asked}/{slug}" for slug in order)]
        return found

    return stage.by("lantern-idva", addresses)
