"""What is asked, declared and decided, each act with the kind of entry that it leaves."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import select

from gateway.disclosure import (
    approach,
    ask,
    authorise,
    desk,
    tasks,
)
from gateway.disclosure.approach import ApproachKind
from gateway.disclosure.asking import Asking, NamedRecipient
from gateway.disclosure.models import Line, LineState, RequestKind, Task
from gateway.ledger.entries import EntryKind
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance, Obligation
from tests.promises.acts import ANEW, Act, Scene, about_alex, about_robin, asked, leaves
from tests.told import PERMITTED, REFUSED

_URGENT = replace(
    PERMITTED,
    categories=("identity",),
    powers=("vital_interests",),
    regime="uk_gdpr",
    condition="art6_1_d_vital_interests",
    declared=((Circumstance.IMMINENT_THREAT_TO_LIFE, "He was seen outside her door with a knife."),),
)


def _waits_for_the_chair(scene: Scene) -> tuple[str, str]:
    """The demonstration's line that waits for the chair, and its request."""
    rows = select(Line).where(Line.state == LineState.REFERRED, Line.category == "address_current")
    line = scene.do(lambda unit: unit.session.exec(rows).one())
    return line.id, line.request_id


@leaves(EntryKind.REQUEST_MADE)
def asks(scene: Scene) -> Act:
    return about_robin(
        scene,
        "probation-om",
        lambda unit, actor: ask.ask(unit, actor, scene.asking(unit, PERMITTED)),
        ANEW,
    )


@leaves(EntryKind.REQUEST_OFFERED)
def offers(scene: Scene) -> Act:
    def does(unit: Unit, actor: Actor) -> object:
        return ask.ask(unit, actor, replace(scene.asking(unit, PERMITTED), kind=RequestKind.OFFER))

    return about_robin(scene, "police-ppu", does, ANEW)


@leaves(EntryKind.DECISION_MADE)
def is_refused(scene: Scene) -> Act:
    return scene.act(
        "probation-om",
        lambda unit, actor: ask.ask(unit, actor, scene.asking(unit, REFUSED)),
        controller="lantern",
        about=["s-jess"],
        case="M2-0417",
        request=ANEW,
    )


@leaves(EntryKind.EMERGENCY_USED)
def claims_an_emergency(scene: Scene) -> Act:
    return about_robin(
        scene, "probation-om", lambda unit, actor: ask.ask(unit, actor, scene.asking(unit, _URGENT)), ANEW
    )


@leaves(EntryKind.EMERGENCY_REVIEWED)
def reviews_an_emergency(scene: Scene) -> Act:
    request = scene.request_of(scene.ask(_URGENT)["identity"])
    owed = select(Task.id).where(Task.request_id == request, Task.kind == tasks.EMERGENCY_REVIEW)
    task = scene.do(lambda unit: unit.session.exec(owed).one())
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: tasks.review_emergency(unit, actor, task, upheld=True, words="It was one."),
        request,
    )


@leaves(EntryKind.REQUEST_CANCELLED)
def cancels(scene: Scene) -> Act:
    _, request = asked(scene)
    return about_robin(scene, "probation-om", lambda unit, actor: ask.cancel(unit, actor, request), request)


@leaves(EntryKind.REQUEST_RECEIVED)
def matches_a_request_from_outside(scene: Scene) -> Act:
    def asks_about(unit: Unit, actor: Actor) -> Asking:
        return replace(
            scene.asking(unit, PERMITTED),
            case_id=None,
            subject_ids=(),
            case_reference="R-0931",
            person="Alex, about 30",
            recipients=(NamedRecipient(post_id=actor.post_id),),
        )

    request = scene.by(
        "health-lead", lambda unit, actor: ask.ask(unit, actor, asks_about(unit, actor)).request_id
    )
    case, alex = scene.case("R-0931"), scene.subject("s-alex")
    return scene.act(
        "police-ppu",
        lambda unit, actor: desk.identify(unit, actor, request, case, (alex,)),
        about=["s-alex"],
        case="R-0931",
        request=request,
    )


@leaves(EntryKind.REQUEST_NEEDS_MORE)
def needs_more(scene: Scene) -> Act:
    _, request = asked(scene)
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: desk.need_more(unit, actor, request, "Which meeting?"),
        request,
    )


@leaves(EntryKind.REQUEST_ANSWERED)
def answers(scene: Scene) -> Act:
    _, request = asked(scene)
    scene.by("police-ppu", lambda unit, actor: desk.need_more(unit, actor, request, "Which meeting?"))
    return about_robin(
        scene, "probation-om", lambda unit, actor: ask.answer(unit, actor, request, "Thursday's."), request
    )


@leaves(EntryKind.REQUEST_CHASED)
def chases(scene: Scene) -> Act:
    _, request = asked(scene)
    scene.later(days=10)
    return about_robin(scene, "probation-om", lambda unit, actor: desk.chase(unit, actor, request), request)


@leaves(EntryKind.REQUEST_ESCALATED)
def escalates(scene: Scene) -> Act:
    _, request = asked(scene)
    scene.later(days=10)
    scene.by("probation-om", lambda unit, actor: desk.chase(unit, actor, request))
    return about_robin(
        scene, "probation-om", lambda unit, actor: desk.escalate(unit, actor, request), request
    )


@leaves(EntryKind.CIRCUMSTANCE_DECLARED)
def declares(scene: Scene) -> Act:
    _, request = asked(scene)
    code = Circumstance.OTHERS_AT_RISK
    return about_robin(
        scene,
        "police-ppu",
        lambda unit, actor: desk.declare(unit, actor, request, code, "His brother was threatened."),
        request,
    )


def _the_chair_answers(scene: Scene, *, grants: bool, reasons: str) -> Act:
    line, request = _waits_for_the_chair(scene)
    return about_alex(
        scene,
        "marac-chair",
        lambda unit, actor: authorise.authorise(unit, actor, line, grants=grants, reasons=reasons),
        request,
    )


@leaves(EntryKind.AUTHORISATION_GIVEN)
def grants(scene: Scene) -> Act:
    return _the_chair_answers(scene, grants=True, reasons="The child.")


@leaves(EntryKind.AUTHORISATION_SECONDED)
def seconds(scene: Scene) -> Act:
    line, request = _waits_for_the_chair(scene)
    given = scene.by(
        "marac-chair",
        lambda unit, actor: authorise.authorise(unit, actor, line, grants=True, reasons="The child.").id,
    )
    return about_alex(
        scene,
        "marac-deputy",
        lambda unit, actor: authorise.second(unit, actor, given, agrees=True, reasons="I agree."),
        request,
    )


@leaves(EntryKind.AUTHORISATION_REFUSED)
def refuses_to_authorise(scene: Scene) -> Act:
    return _the_chair_answers(scene, grants=False, reasons="She said no.")


@leaves(EntryKind.SUBJECT_SHOWN)
def reads_whom_it_is_about(scene: Scene) -> Act:
    _, request = asked(scene)
    return about_robin(scene, "police-ppu", lambda unit, actor: desk.who_it_is(unit, actor, request), request)


@leaves(EntryKind.TASK_DONE)
def does_a_task(scene: Scene) -> Act:
    owed = scene.by("police-ppu", tasks.tasks_of)
    task = next(one for one in owed if one.kind == Obligation.INFORM_SUBJECT_WHEN_SAFE)
    return scene.act(
        "police-ppu",
        lambda unit, actor: tasks.complete_task(unit, actor, task.id, "She was told."),
        about=["s-alex"],
        case="R-0931",
        request=task.request_id,
    )


def _happened(scene: Scene, kind: ApproachKind) -> Act:
    happened = approach.Happened(
        kind=kind,
        case_id=scene.case("R-0931"),
        subject_id=scene.subject("s-alex"),
        categories=("address_current",),
        happened_at=scene.clock.now(),
        told=True,
        words="He rang the desk and said he was her brother.",
    )
    return scene.act(
        "police-ppu",
        lambda unit, actor: approach.record_approach(unit, actor, happened),
        about=["s-alex"],
        case="R-0931",
    )


@leaves(EntryKind.APPROACH_RECORDED)
def records_an_approach(scene: Scene) -> Act:
    return _happened(scene, ApproachKind.APPROACH)


@leaves(EntryKind.SPOKEN_RECORDED)
def records_what_was_said(scene: Scene) -> Act:
    return _happened(scene, ApproachKind.SPOKEN)
