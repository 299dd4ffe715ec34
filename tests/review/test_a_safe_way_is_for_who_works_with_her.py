"""How she may be reached is for who works with her: each look is an entry, and once it isn't safe it ends at once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import select

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.disclosure.models import Line
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.models import LedgerRecord
from gateway.ledger.read import entries_for_subject, words_of
from gateway.notices.outbox import collect
from gateway.notices.who import to_tell
from gateway.registry import contacts, walls
from gateway.registry.contacts import Details
from gateway.registry.models import CaseAssignment, Post, SafeContact, WallKind
from gateway.review import reaching
from gateway.sealing.models import Parcel
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Orientation
from tests.meadow import Meadow
from tests.review.story import Story, give_mandate

VALUE = "07700 900123"
WAY = Details(method="Telephone call", value=VALUE, when="Weekdays at ten", code_word="marigold")
WORKER, ADVOCATE = "housing_officer", "advocate"


def at(meadow: Meadow, name: str) -> tuple[str, str | None]:
    """Whom a post deals with: in the case, or as an advocate's client."""
    return meadow.victim, None if name == ADVOCATE else meadow.case


def said(unit: Unit, meadow: Meadow, name: str = WORKER, way: Details = WAY) -> str:
    actor = meadow.actor(unit, name)
    return reaching.record(unit, actor, *at(meadow, name), way, nobody_else_sees=True)


def seen(unit: Unit, meadow: Meadow, name: str = WORKER) -> reaching.SafeWay | None:
    return reaching.see(unit, meadow.actor(unit, name), *at(meadow, name))[1]


def kinds(gateway: Gateway, meadow: Meadow) -> list[EntryKind]:
    with gateway.store.reading() as unit:
        return [one.kind for one in entries_for_subject(unit, meadow.victim).entries]


def test_who_works_with_her_records_it_and_each_look_is_an_entry(gateway: Gateway, meadow: Meadow) -> None:
    with gateway.store.writing() as unit:
        assert seen(unit, meadow) is None
        said(unit, meadow)
        assert contacts.on_file(unit, meadow.victim)
    with gateway.store.writing() as unit:
        way = seen(unit, meadow)
        assert way is not None
        assert (way.details, way.days_old, way.lapsed, way.newer_elsewhere) == (WAY, 0, False, False)
        assert way.confirmed_by == "Name of housing officer, housing officer at Meadow Housing"
        assert seen(unit, meadow, ADVOCATE) == way
    assert kinds(gateway, meadow).count(EntryKind.CONTACT_SHOWN) == 2


def test_nothing_of_it_is_in_any_entry(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        said(unit, sqlite_meadow)
        seen(unit, sqlite_meadow)
        reaching.withdraw(unit, sqlite_meadow.actor(unit, WORKER), *at(sqlite_meadow, WORKER))
    with sqlite_gateway.store.reading() as unit:
        rows = unit.session.exec(select(LedgerRecord)).all()
        kept = " ".join(f"{row.record} {words_of(unit, row.entry_id)}" for row in rows if row.salt)
        assert "contact" in kept  # the control
        for part in (VALUE, "900123", "Telephone", "Weekdays", "marigold"):
            assert part not in kept


@pytest.mark.parametrize(
    "case", ["faces him", "neutral", "both", "walled", "no mandate", "off the case", "perpetrator", "officer"]
)
def test_to_anybody_else_she_is_not_there(gateway: Gateway, meadow: Meadow, case: str) -> None:
    """The same answer as for nobody, whether something is on file or not (promise 8)."""
    name, about = WORKER, meadow.victim
    with gateway.store.writing() as unit:
        said(unit, meadow)
        orientation = {"faces him": Orientation.PERPETRATOR_FACING, "both": Orientation.BOTH}
        if case in {"faces him", "both", "neutral"}:
            found = select(CaseAssignment).where(CaseAssignment.post_id == meadow.housing_officer)
            unit.session.exec(found).one().orientation = orientation.get(case, Orientation.NEUTRAL)
        elif case == "walled":
            officer = meadow.actor(unit, "officer")
            walls.place(
                unit,
                officer,
                meadow.victim,
                kind=WallKind.EXCLUDE,
                reason="He is her husband's brother.",
                person_ids=[meadow.people[WORKER]],
            )
        elif case == "no mandate":
            name = "other_advocate"
        elif case == "off the case":
            found = select(CaseAssignment).where(CaseAssignment.post_id == meadow.housing_officer)
            unit.session.exec(found).one().ended_at = unit.now
        elif case == "perpetrator":
            about = meadow.perpetrator
        elif case == "officer":
            name = "police_governance"
    case_id = None if name == "other_advocate" else meadow.case
    with gateway.store.writing() as unit:
        actor = meadow.actor(unit, name)
        for attempt in (
            lambda: reaching.see(unit, actor, about, case_id),
            lambda: reaching.record(unit, actor, about, case_id, WAY, nobody_else_sees=True),
            lambda: reaching.confirm(unit, actor, about, case_id),
            lambda: reaching.withdraw(unit, actor, about, case_id),
        ):
            with pytest.raises(NotFound) as refused:
                attempt()
            with pytest.raises(NotFound) as nobody:
                reaching.see(unit, actor, "0" * 32, case_id)
            assert (refused.value.message, refused.value.next_step) == (
                nobody.value.message,
                nobody.value.next_step,
            )
    assert EntryKind.CONTACT_SHOWN not in kinds(gateway, meadow)


def test_an_advocate_whom_a_wall_keeps_out_sees_nothing_either(gateway: Gateway, meadow: Meadow) -> None:
    with gateway.store.writing() as unit:
        said(unit, meadow)
        walls.place(
            unit,
            meadow.actor(unit, "officer"),
            meadow.victim,
            kind=WallKind.EXCLUDE,
            reason="She was seen with his family.",
            person_ids=[meadow.people[ADVOCATE]],
        )
        with pytest.raises(NotFound):
            seen(unit, meadow, ADVOCATE)


def colleague(unit: Unit, meadow: Meadow, name: str = "officer") -> None:
    """The police officer on the case works with her, as somebody of a domestic-abuse unit does."""
    unit.session.get_one(Post, getattr(meadow, name)).orientation = Orientation.VICTIM_FACING


def test_another_agencys_staff_see_their_own_alone_and_that_it_is_not_the_newest(
    gateway: Gateway, meadow: Meadow, clock: FixedClock
) -> None:
    with gateway.store.writing() as unit:
        colleague(unit, meadow)
        said(unit, meadow)
        assert seen(unit, meadow, "officer") is None
    clock.advance(timedelta(days=1))
    newer = replace_value("07700 900999")
    with gateway.store.writing() as unit:
        said(unit, meadow, "officer", newer)
        own, theirs, hers = (seen(unit, meadow, name) for name in (WORKER, "officer", ADVOCATE))
        assert own is not None
        assert theirs is not None
        assert hers is not None
        assert (own.details, own.newer_elsewhere) == (WAY, True)
        assert (theirs.details, theirs.newer_elsewhere) == (newer, False)
        assert hers.details == newer
        with pytest.raises(Conflict):
            reaching.confirm(unit, meadow.actor(unit, WORKER), *at(meadow, WORKER))


def replace_value(value: str) -> Details:
    return WAY.model_copy(update={"value": value})


def test_it_lapses_after_ninety_days_and_counts_again_once_confirmed(
    gateway: Gateway, meadow: Meadow, clock: FixedClock
) -> None:
    with gateway.store.writing() as unit:
        said(unit, meadow)
    clock.advance(timedelta(days=91))
    give_mandate(gateway.store, meadow)
    with gateway.store.writing() as unit:
        way = seen(unit, meadow)
        assert way is not None
        assert (way.days_old, way.lapsed, contacts.on_file(unit, meadow.victim)) == (91, True, False)
        reaching.confirm(unit, meadow.actor(unit, ADVOCATE), *at(meadow, ADVOCATE))
        assert contacts.on_file(unit, meadow.victim)
    with gateway.store.writing() as unit:
        renewed = seen(unit, meadow, ADVOCATE)
        assert renewed is not None
        assert (renewed.details, renewed.days_old) == (WAY, 0)
        assert renewed.confirmed_by.endswith("at Safe Steps")


def test_a_withdrawn_one_ends_at_once_for_everybody_and_freezes_what_was_sent(
    gateway: Gateway, meadow: Meadow, story: Story
) -> None:
    with gateway.store.writing() as unit:
        colleague(unit, meadow)
        said(unit, meadow)
        said(unit, meadow, "officer")
        parcel = unit.session.get_one(Parcel, story.parcel_id)
        unit.session.get_one(Line, parcel.line_id).category = Category.CONTACT_SAFE
    with gateway.store.writing() as unit:
        frozen = reaching.withdraw(unit, meadow.actor(unit, ADVOCATE), *at(meadow, ADVOCATE))
        assert not contacts.on_file(unit, meadow.victim)
        assert [seen(unit, meadow, name) for name in (WORKER, "officer", ADVOCATE)] == [None] * 3
        assert (frozen, unit.session.get_one(Parcel, story.parcel_id).state) == (1, "frozen")
    with gateway.store.writing() as unit:
        # One said afterwards counts; an older one that comes in later, as from a file, doesn't.
        earlier = date(2026, 1, 6)
        contacts.keep_contact(unit, meadow.partnership_id, meadow.victim, meadow.housing, WAY, earlier)
        assert contacts.that_count(unit, meadow.victim) == []
        said(unit, meadow)
        assert contacts.on_file(unit, meadow.victim)


def test_to_end_what_is_not_there_looks_the_same(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    """Whoever sees none isn't told by ending it whether another agency has one."""
    with sqlite_gateway.store.writing() as unit:
        colleague(unit, sqlite_meadow)
        officer = sqlite_meadow.actor(unit, "officer")
        assert reaching.withdraw(unit, officer, *at(sqlite_meadow, "officer")) == 0
        said(unit, sqlite_meadow)
    with sqlite_gateway.store.writing() as unit:
        assert reaching.withdraw(unit, officer, *at(sqlite_meadow, "officer")) == 0
        assert not contacts.on_file(unit, sqlite_meadow.victim)


def test_what_somebody_else_sees_is_no_safe_way(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        actor, her = sqlite_meadow.actor(unit, WORKER), at(sqlite_meadow, WORKER)
        for way, alone, field in (
            (WAY, False, "alone"),
            (replace_value(" "), True, "value"),
            (WAY.model_copy(update={"method": ""}), True, "method"),
        ):
            with pytest.raises(Invalid) as refused:
                reaching.record(unit, actor, *her, way, nobody_else_sees=alone)
            assert set(refused.value.fields) == {field}
        assert unit.session.exec(select(SafeContact)).all() == []
        through = Details(method=reaching.THROUGH_ADVOCATE)
        reaching.record(unit, actor, *her, through, nobody_else_sees=True)  # the control: it needs no number


def test_who_uses_it_is_told_that_it_ended_and_nobody_else(gateway: Gateway, meadow: Meadow) -> None:
    with gateway.store.writing() as unit:
        said(unit, meadow)
        collect(unit, meadow.partnership_id)
    with gateway.store.writing() as unit:
        reaching.withdraw(unit, meadow.actor(unit, ADVOCATE), *at(meadow, ADVOCATE))
    with gateway.store.reading() as unit:
        by_kind = {
            kind: {
                post_id
                for one in entries_for_subject(unit, meadow.victim).entries
                if one.kind is kind
                for post_id in to_tell(unit, one)
            }
            for kind in (EntryKind.CONTACT_RECORDED, EntryKind.CONTACT_SHOWN, EntryKind.CONTACT_WITHDRAWN)
        }
    # The advocate ended it herself; her colleague has no mandate, the offender manager is on the case too.
    assert by_kind[EntryKind.CONTACT_WITHDRAWN] == {meadow.housing_officer}
    assert by_kind[EntryKind.CONTACT_RECORDED] == by_kind[EntryKind.CONTACT_SHOWN] == set()
