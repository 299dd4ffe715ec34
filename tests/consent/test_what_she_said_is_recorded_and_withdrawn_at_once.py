"""Views, consent and withdrawal are acts: each has its entry, and a withdrawal counts from its instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.consent import consents, views, wordings
from gateway.consent.models import Answer, Consent, HowTaken, Interpreter, Present, Wish
from gateway.consent.taking import Reach, Taking
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import entries_for_subject
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, ConsentStatus, Purpose
from tests.conftest import NOW
from tests.meadow import Meadow

WORDS = "She says her new flat is in Elm Road."


def taking(**changes: Any) -> Taking:
    asked: dict[str, Any] = {
        "how": HowTaken.FACE_TO_FACE,
        "alone": True,
        "taken_at": NOW - timedelta(minutes=5),
        "wording_version": "consent-1",
        "expires_on": date(2026, 12, 31),
        "words": WORDS,
    }
    return Taking(**{**asked, **changes})


def reach(meadow: Meadow) -> Reach:
    return Reach(frozenset({Purpose.EARLY_HELP}), frozenset({Category.HOUSING}), frozenset({meadow.housing}))


def give(unit: Unit, meadow: Meadow, answer: Answer = Answer.GIVEN, **changes: Any) -> Consent:
    return consents.record(
        unit,
        meadow.actor(unit, "housing_officer"),
        subject_id=meadow.victim,
        case_id=meadow.case,
        controller_agency_id=meadow.housing,
        answer=answer,
        reach=changes.pop("reach", reach(meadow)),
        taking=taking(**changes),
    )


def state(unit: Unit, meadow: Meadow, case_id: str | None = None) -> ConsentStatus:
    return consents.status(
        unit,
        meadow.victim,
        case_id or meadow.case,
        purpose=Purpose.EARLY_HELP,
        category=Category.HOUSING,
        agency_id=meadow.housing,
    )


def test_consent_is_kept_with_the_words_shown_and_her_own_words_sealed(
    gateway: Gateway, meadow: Meadow
) -> None:
    with gateway.store.writing() as unit:
        row = give(unit, meadow)
    with gateway.store.reading() as unit:
        kept = consents.of_subject(unit, meadow.victim)[0]
        assert state(unit, meadow) is ConsentStatus.GIVEN
        assert kept.wording_sha256 == wordings.by_version("consent-1").sha256
        assert kept.words is not None
        assert WORDS.encode() not in kept.words
        assert consents.words_of(unit, kept) == WORDS
        found = entries_for_subject(unit, meadow.victim).entries[0]
    assert (found.kind, found.refs["consent"]) == (EntryKind.CONSENT_GIVEN, row.id)
    assert "Elm" not in str(found.codes)


def test_a_withdrawal_counts_at_once_and_is_an_entry(
    gateway: Gateway, meadow: Meadow, clock: FixedClock
) -> None:
    with gateway.store.writing() as unit:
        row = give(unit, meadow)
    clock.advance(timedelta(minutes=1))
    with gateway.store.writing() as unit:
        consents.withdraw(unit, meadow.actor(unit, "officer"), row.id, by_subject=True)
        assert state(unit, meadow) is ConsentStatus.WITHDRAWN
        consents.withdraw(unit, meadow.actor(unit, "officer"), row.id, by_subject=True)
    with gateway.store.reading() as unit:
        kinds = [entry.kind for entry in entries_for_subject(unit, meadow.victim).entries]
    assert kinds == [EntryKind.CONSENT_WITHDRAWN, EntryKind.CONSENT_GIVEN]


def test_a_new_consent_after_a_withdrawal_counts_again(
    gateway: Gateway, meadow: Meadow, clock: FixedClock
) -> None:
    with gateway.store.writing() as unit:
        consents.withdraw(unit, meadow.actor(unit, "officer"), give(unit, meadow).id, by_subject=True)
    clock.advance(timedelta(hours=1))
    with gateway.store.writing() as unit:
        give(unit, meadow, taken_at=clock.now())
        assert state(unit, meadow) is ConsentStatus.GIVEN


def test_a_refusal_is_not_withdrawn_and_a_foreign_consent_is_not_there(
    gateway: Gateway, meadow: Meadow
) -> None:
    with gateway.store.writing() as unit:
        refused = give(unit, meadow, Answer.REFUSED)
        actor = meadow.actor(unit, "officer")
        with pytest.raises(Conflict):
            consents.withdraw(unit, actor, refused.id, by_subject=True)
        with pytest.raises(NotFound):
            consents.withdraw(unit, actor, new_id(), by_subject=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"alone": False, "present": frozenset({Present.PERPETRATOR_OR_RELATIVE})},
        {"interpreter": Interpreter.RELATIVE},
    ],
)
def test_a_yes_beside_someone_she_may_fear_is_no_free_yes(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, changes: dict[str, Any]
) -> None:
    with sqlite_gateway.store.writing() as unit:
        give(unit, sqlite_meadow, **changes)
        assert state(unit, sqlite_meadow) is ConsentStatus.INVALID_DURESS
    with sqlite_gateway.store.reading() as unit:
        assert entries_for_subject(unit, sqlite_meadow.victim).entries[0].kind is EntryKind.CONSENT_ANSWERED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reach": Reach()}, "purposes"),
        ({"expires_on": None}, "expires_on"),
        ({"expires_on": date(2026, 11, 21)}, "expires_on"),
        ({"taken_at": NOW + timedelta(seconds=1)}, "taken_at"),
        ({"wording_version": "views-1"}, "wording_version"),
        ({"wording_version": "consent-99"}, "wording_version"),
        ({"present": frozenset({Present.CHILD})}, "present"),
        ({"words": "x" * 4001}, "words"),
        ({"reach": Reach(frozenset({"gossip"}), frozenset({"housing"}), frozenset({"x"}))}, "purposes"),
        ({"reach": Reach(frozenset({"early_help"}), frozenset({"gossip"}), frozenset({"x"}))}, "categories"),
    ],
)
def test_what_cannot_have_happened_is_refused_by_field(
    sqlite_gateway: Gateway, sqlite_meadow: Meadow, changes: dict[str, Any], field: str
) -> None:
    with sqlite_gateway.store.writing() as unit, pytest.raises(Invalid) as refused:
        give(unit, sqlite_meadow, **changes)
    assert field in refused.value.fields


def test_a_last_day_of_today_is_accepted(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        give(unit, sqlite_meadow, expires_on=date(2026, 11, 22))
        assert state(unit, sqlite_meadow) is ConsentStatus.GIVEN


def test_consent_for_one_case_says_nothing_in_another(sqlite_gateway: Gateway, sqlite_meadow: Meadow) -> None:
    with sqlite_gateway.store.writing() as unit:
        give(unit, sqlite_meadow)
        assert state(unit, sqlite_meadow, case_id=new_id()) is ConsentStatus.NOT_SOUGHT


def hear(unit: Unit, meadow: Meadow, wish: Wish, over: Reach | None = None, **changes: Any) -> None:
    views.record(
        unit,
        meadow.actor(unit, "officer"),
        subject_id=meadow.victim,
        case_id=meadow.case,
        controller_agency_id=meadow.police,
        wish=wish,
        reach=over or Reach(),
        taking=taking(wording_version="views-1", **changes),
    )


@pytest.fixture
def heard(gateway: Gateway, meadow: Meadow) -> Callable[..., Wish | None]:
    def ask(*, purpose: str | None = None, category: str | None = None) -> Wish | None:
        with gateway.store.reading() as unit:
            row = views.latest(unit, meadow.victim, meadow.case, purpose=purpose, category=category)
            return Wish(row.wish) if row else None

    return ask


def test_the_newest_views_that_reach_the_question_are_heard(
    gateway: Gateway, meadow: Meadow, heard: Callable[..., Wish | None]
) -> None:
    assert heard() is None
    with gateway.store.writing() as unit:
        hear(unit, meadow, Wish.AGREES, taken_at=NOW - timedelta(days=2))
        narrow = Reach(categories=frozenset({Category.ADDRESS_CURRENT}))
        hear(unit, meadow, Wish.OBJECTS, narrow, taken_at=NOW - timedelta(days=1))
    assert heard() is Wish.OBJECTS
    assert heard(category=Category.ADDRESS_CURRENT) is Wish.OBJECTS
    assert heard(category=Category.HOUSING) is Wish.AGREES


def test_views_of_one_instant_that_differ_are_heard_as_the_one_that_holds_back(
    gateway: Gateway, meadow: Meadow, heard: Callable[..., Wish | None]
) -> None:
    with gateway.store.writing() as unit:
        hear(unit, meadow, Wish.OBJECTS)
        hear(unit, meadow, Wish.AGREES)
    assert heard() is Wish.OBJECTS


def test_views_end_with_their_last_day(
    gateway: Gateway, meadow: Meadow, heard: Callable[..., Wish | None], clock: FixedClock
) -> None:
    with gateway.store.writing() as unit:
        hear(unit, meadow, Wish.AGREES, expires_on=date(2026, 11, 22))
    clock.advance(timedelta(hours=13, minutes=59))
    assert heard() is Wish.AGREES
    clock.advance(timedelta(minutes=1))
    assert heard() is None
