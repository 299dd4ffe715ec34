"""Whatever somebody types about a person or a request is nowhere in the clear, in whichever field it was typed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import approach, authorise, desk, drafts, judge
from gateway.disclosure import ask as asking
from gateway.disclosure.approach import ApproachKind, Happened
from gateway.disclosure.asking import Asking, NamedRecipient
from gateway.disclosure.models import Message, Request
from gateway.registry import facts, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Agency
from gateway.store.unit_of_work import Unit
from tests.stored import where_found
from tests.told import PERMITTED

_FIELDS = (
    "why",
    "role",
    "described",
    "declared",
    "reference",
    "person",
    "question",
    "answered",
    "declined",
    "reasons",
    "spoken",
    "walled",
    "excluded",
    "recorded",
    "drafted",
    "idempotency",
)


def _word(field: str) -> str:
    return f"Zzyzx {field} of her sister in Quoit Lane"


def _asking(stage: Stage, unit: Unit) -> Asking:
    outside = NamedRecipient(
        agency_type="la_housing",
        role=_word("role"),
        described=_word("described"),
        delivering_post_id=stage.post_id(unit, "police-ppu"),
    )
    minutes = stage.asking(unit, replace(PERMITTED, categories=("minutes", "convictions")))
    own = NamedRecipient(post_id=stage.post_id(unit, "probation-om"))
    return replace(
        minutes,
        recipients=(outside, own),
        why=_word("why"),
        declarations={"informing_subject_unsafe": _word("declared")},
    )


def _tell_everything(stage: Stage) -> None:
    def ask(unit: Unit, actor: Actor) -> str:
        given = _asking(stage, unit)
        drafts.save(unit, actor, "ask", {"why": _word("drafted")})
        return asking.ask(unit, actor, given, idempotency_key="a-key-of-hers").request_id

    def ask_from_outside(unit: Unit, actor: Actor) -> None:
        given = replace(
            _asking(stage, unit),
            case_id=None,
            subject_ids=(),
            case_reference=_word("reference"),
            person=_word("person"),
            why=_word("idempotency"),
        )
        asking.ask(unit, actor, given, idempotency_key="another-of-theirs")

    request_id = stage.by("probation-om", ask)
    stage.by("marac-coordinator", ask_from_outside)
    lines = stage.do(lambda unit: judge.lines_of(unit, request_id))
    referred = next(line.id for line in lines if line.state == "referred")
    to_release = next(line.id for line in lines if line.state == "to_release")
    stage.by(
        "mappa-chair",
        lambda unit, actor: authorise.authorise(
            unit, actor, referred, grants=False, reasons=_word("reasons")
        ),
    )
    stage.by("police-ppu", lambda unit, actor: desk.need_more(unit, actor, request_id, _word("question")))
    stage.by("probation-om", lambda unit, actor: asking.answer(unit, actor, request_id, _word("answered")))
    stage.by(
        "police-ppu",
        lambda unit, actor: desk.decline(unit, actor, to_release, "not_relevant", _word("declined")),
    )
    stage.by("lantern-idva", lambda unit, actor: _record(stage, unit, actor))


def _record(stage: Stage, unit: Unit, actor: Actor) -> None:
    case_id, jess = stage.case_id(unit, "M2-0417"), stage.subject_id(unit, "s-jess")
    said = Happened(
        kind=ApproachKind.SPOKEN,
        case_id=case_id,
        subject_id=jess,
        categories=("housing",),
        happened_at=unit.now,
        told=True,
        words=_word("spoken"),
    )
    approach.record_approach(unit, actor, said)
    walls.place(unit, actor, jess, kind="exclude", reason=_word("walled"), described=_word("excluded"))
    facts.record(unit, actor, circumstance="conflict_suspected", reason=_word("recorded"), case_id=case_id)


@pytest.fixture
def told(quick_stage: Stage) -> Stage:
    """Meadowshire after each kind of words was typed once, each with words of its own."""
    _tell_everything(quick_stage)
    return quick_stage


def test_no_typed_words_are_stored_in_the_clear(told: Stage) -> None:
    found = {field: where_found(told.gateway.store, _word(field)) for field in _FIELDS}
    assert {field: where for field, where in found.items() if where} == {}


def test_the_control_words_in_a_plain_column_are_found(told: Stage) -> None:
    def plant(unit: Unit) -> None:
        request = unit.session.get_one(Request, _first_request(unit))
        unit.session.get_one(Agency, request.holder_agency_id).name = _word("planted")

    told.do(plant)
    assert where_found(told.gateway.store, _word("planted"))


def _first_request(unit: Unit) -> str:
    from sqlmodel import select

    return unit.session.exec(select(Message.request_id)).first() or ""
