"""Who asked from outside a case sees one and the same request for ever, whether or not the holder knew the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import ask as asking
from gateway.disclosure import authorise, desk, erase, judge, lists, reading, record
from gateway.disclosure.ask import Asked
from gateway.disclosure.asked import asked
from gateway.disclosure.asking import Asking, NamedRecipient
from gateway.disclosure.models import Line, Request
from gateway.disclosure.record import ERASED
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.notices import who
from gateway.registry import walls
from gateway.registry.actors import Actor
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit
from tests.told import PERMITTED

_TABS = ("waiting", "needs_more", "decided", "overdue")
_ASKER = "marac-coordinator"


def _from_outside(stage: Stage, unit: Unit, who_asks: str, person: str) -> Asking:
    known = stage.asking(unit, replace(PERMITTED, who=who_asks, recipients=(who_asks,)))
    return replace(known, case_id=None, subject_ids=(), case_reference="M2-0417", person=person)


def _ask(stage: Stage, person: str, key: str, who_asks: str = _ASKER) -> Asked:
    return stage.by(
        who_asks,
        lambda unit, actor: asking.ask(
            unit, actor, _from_outside(stage, unit, who_asks, person), idempotency_key=key
        ),
    )


def _match(stage: Stage, request_id: str) -> None:
    def match(unit: Unit, actor: Actor) -> None:
        about = (stage.subject_id(unit, "s-robin"),)
        desk.identify(unit, actor, request_id, stage.case_id(unit, "M2-0417"), about)

    stage.by("police-ppu", match)


def _seen(stage: Stage, request_id: str) -> object:
    """Everything its maker can read of a request, but for its random ids."""

    def look(unit: Unit, actor: Actor) -> object:
        listed = {tab: lists.my_requests(unit, actor, tab) for tab in _TABS}
        in_lists = {
            tab: [replace(one, request_id="", reference="") for one in found if one.request_id == request_id]
            for tab, found in listed.items()
        }
        detail = reading.request_for(unit, actor, request_id)
        same = replace(detail.summary, request_id="", reference="")
        return in_lists, replace(detail, summary=same)

    return stage.by(_ASKER, look)


def _as_asker(stage: Stage, act: Callable[[Unit, Actor, str], object], request_id: str) -> None:
    stage.by(_ASKER, lambda unit, actor: act(unit, actor, request_id))


def _question(stage: Stage, request_id: str) -> None:
    stage.by("police-ppu", lambda unit, actor: desk.need_more(unit, actor, request_id, "Which one?"))


@pytest.fixture
def pair(quick_stage: Stage) -> tuple[Asked, Asked]:
    """Two requests made at one time: about a person whom the holder matched and refused, and about nobody."""
    known = _ask(quick_stage, "Robin Invented, born 1985", "key-of-the-known")
    nobody = _ask(quick_stage, "Nobody Atall, born 1901", "key-of-nobody")
    _match(quick_stage, known.request_id)
    return known, nobody


def test_lists_and_page_stay_the_same(quick_stage: Stage, pair: tuple[Asked, Asked]) -> None:
    known, nobody = pair
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, nobody.request_id)


def test_they_fall_due_alike_and_can_be_chased_alike(quick_stage: Stage, pair: tuple[Asked, Asked]) -> None:
    known, nobody = pair
    quick_stage.later(days=10)
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, nobody.request_id)
    for one in pair:
        _as_asker(quick_stage, desk.chase, one.request_id)
        _as_asker(quick_stage, desk.escalate, one.request_id)
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, nobody.request_id)


def test_the_same_key_sent_again_is_answered_alike(quick_stage: Stage, pair: tuple[Asked, Asked]) -> None:
    known = _ask(quick_stage, "Robin Invented, born 1985", "key-of-the-known")
    nobody = _ask(quick_stage, "Nobody Atall, born 1901", "key-of-nobody")
    assert (known.again, known.shown) == (nobody.again, nobody.shown) == (True, False)


def test_both_can_be_cancelled_once(quick_stage: Stage, pair: tuple[Asked, Asked]) -> None:
    for one in pair:
        _as_asker(quick_stage, asking.cancel, one.request_id)
    known, nobody = pair
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, nobody.request_id)
    for one in pair:
        with pytest.raises(Conflict):
            _as_asker(quick_stage, asking.cancel, one.request_id)


def test_a_question_of_the_holder_leaves_them_alike(quick_stage: Stage, pair: tuple[Asked, Asked]) -> None:
    known = _ask(quick_stage, "Robin Invented, seen in May", "key-of-another")
    for request_id in (known.request_id, pair[1].request_id):
        _question(quick_stage, request_id)
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, pair[1].request_id)


@pytest.mark.parametrize("what", ["person", "case"])
def test_an_erasure_leaves_them_alike(quick_stage: Stage, pair: tuple[Asked, Asked], what: str) -> None:
    """What she typed is gone with the one and lies sealed with the other: neither is shown to her again."""

    def erased(unit: Unit, actor: Actor) -> None:
        if what == "person":
            erase.erase_subject(unit, actor, quick_stage.subject_id(unit, "s-robin"), "A court ordered it.")
            return
        case_id = quick_stage.case_id(unit, "M2-0417")
        erase.close_case(unit, actor, case_id, "It is over.")
        erase.erase_case(unit, actor, case_id, "A court ordered it.")

    def again(unit: Unit, actor: Actor, request_id: str) -> Asking:
        return asked(unit, actor, request_id)

    quick_stage.by("probation-ig" if what == "person" else "office-ig", erased)
    known, nobody = pair
    assert quick_stage.by("police-ppu", lambda unit, _: _why(unit, known)) == ERASED  # it was there
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, nobody.request_id)
    kept = [
        quick_stage.by(_ASKER, lambda unit, actor, one=one: again(unit, actor, one.request_id))  # type: ignore[misc]
        for one in pair
    ]
    assert kept[0] == kept[1]
    quick_stage.later(days=10)
    for one in pair:
        _as_asker(quick_stage, desk.chase, one.request_id)
        _as_asker(quick_stage, asking.cancel, one.request_id)
    assert _seen(quick_stage, known.request_id) == _seen(quick_stage, nobody.request_id)


def _why(unit: Unit, one: Asked) -> str:
    row = unit.session.get_one(Request, one.request_id)
    return record.sealed_words(unit, row, row.why, f"request.why|{row.id}")


def test_no_notice_tells_the_asker_that_it_was_decided(quick_stage: Stage, pair: tuple[Asked, Asked]) -> None:
    def told(unit: Unit) -> set[str]:
        kinds = {EntryKind.DECISION_MADE, EntryKind.RELEASE_DECLINED}
        entries = read.entries_for_request(unit, pair[0].request_id).entries
        decided = [entry for entry in entries if entry.kind in kinds]
        assert decided
        return {post for entry in decided for post in who.to_tell(unit, entry)}

    asker = quick_stage.do(lambda unit: quick_stage.post_id(unit, _ASKER))
    assert asker not in quick_stage.do(told)


def test_a_colleague_at_the_holders_desk_reads_nothing_of_their_own(quick_stage: Stage) -> None:
    """The asker works for the holder, too: the desk's list and page don't say what was made of it."""
    own = _ask(quick_stage, "Robin Invented, born 1985", "key-of-a-colleague", who_asks="marac-chair")
    _match(quick_stage, own.request_id)

    def look(unit: Unit, actor: Actor) -> tuple[list[str], reading.RequestDetail]:
        listed = [one.request_id for tab in ("waiting", "done") for one in lists.inbox(unit, actor, tab)]
        return listed, reading.request_for(unit, actor, own.request_id)

    listed, detail = quick_stage.by("marac-chair", look)
    assert own.request_id not in listed
    assert (detail.lines, detail.case_id, detail.summary.outcome, detail.timeline) == ((), None, None, ())
    listed, detail = quick_stage.by(
        "police-ppu", look
    )  # the control: another colleague's desk holds it whole
    assert own.request_id in listed
    assert detail.lines


def _exclude(stage: Stage, code: str) -> None:
    def wall(unit: Unit, actor: Actor) -> None:
        person = unit.session.get_one(Post, stage.post_id(unit, code)).person_id
        about = stage.subject_id(unit, "s-robin")
        walls.place(unit, actor, about, kind="exclude", person_ids=[person], reason="He is his brother.")

    stage.by("probation-ig", wall)


def test_who_a_wall_excludes_has_nothing_of_it_on_a_desk(quick_stage: Stage) -> None:
    line_id = quick_stage.ask(PERMITTED)["convictions"]
    request_id = quick_stage.do(lambda unit: unit.session.get_one(Line, line_id).request_id)

    def listed(unit: Unit, actor: Actor) -> list[str]:
        return [one.request_id for one in lists.inbox(unit, actor, "to_release")]

    assert request_id in quick_stage.by("police-ppu", listed)  # the control: before the wall
    _exclude(quick_stage, "police-ppu")
    assert request_id not in quick_stage.by("police-ppu", listed)
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: reading.request_for(unit, actor, request_id))
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: desk.held_request(unit, actor, request_id))
    with pytest.raises(NotFound):
        quick_stage.by("police-ppu", lambda unit, actor: desk.held_line(unit, actor, line_id))
    assert request_id in quick_stage.by("mappa-chair", listed)  # a colleague still answers


def _for_someone_outside(stage: Stage, delivering: str) -> str:
    def make(unit: Unit, actor: Actor) -> str:
        told = NamedRecipient(
            agency_type="la_housing",
            role="housing_officer",
            described="A landlord",
            delivering_post_id=stage.post_id(unit, delivering),
        )
        asked = replace(stage.asking(unit, replace(PERMITTED, categories=("minutes",))), recipients=(told,))
        return judge.lines_of(unit, asking.ask(unit, actor, asked).request_id)[0].id

    return stage.by("probation-om", make)


def _grant(stage: Stage, line_id: str) -> None:
    stage.by(
        "mappa-chair",
        lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons="It protects."),
    )


def test_who_a_wall_excludes_authorises_nothing_about_that_person(quick_stage: Stage) -> None:
    line_id = _for_someone_outside(quick_stage, "police-ppu")
    _exclude(quick_stage, "mappa-chair")
    with pytest.raises(NotFound):
        _grant(quick_stage, line_id)


def test_who_would_deliver_it_and_so_read_it_cannot_authorise(quick_stage: Stage) -> None:
    with pytest.raises(Forbidden):
        _grant(quick_stage, _for_someone_outside(quick_stage, "mappa-chair"))
    _grant(quick_stage, _for_someone_outside(quick_stage, "police-ppu"))  # the control
