"""Holding an entry back while it would be unlawful to reveal it, looking again, revealing it.

Whoever decides is an officer of the agency that answers for the entry, or one who governs the partnership. It acts at
once. She names another officer, who alone looks again by a day. The advocate is told how many are held, and until when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.errors import Conflict, Erased, Forbidden, Invalid
from gateway.ledger import hold as ledger
from gateway.ledger import read
from gateway.ledger.changes import locked_hold
from gateway.ledger.entries import ACCOUNTS_FOR_OTHERS, Entry, EntryKind
from gateway.ledger.models import LedgerHold
from gateway.ledger.read import LoggedEntry
from gateway.registry import agencies, governing, people
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason, person_of
from gateway.registry.models import Face, Post
from gateway.review import erasing
from gateway.review.grounds import TO_HOLD
from gateway.review.models import HoldGround
from gateway.review.officers import answers_for, entry_of, missing, parties
from gateway.review.telling import ERASED
from gateway.store.unit_of_work import Unit

LONGEST = timedelta(days=183)
LATE_AFTER = timedelta(days=3)


@dataclass(frozen=True)
class Holding:
    """Why an entry is held back, who looks again, and by which day."""

    ground: HoldGround
    reasons: str
    reviewer_post_id: str
    review_on: date


@dataclass(frozen=True)
class HoldView:
    """An entry that is held back; `held_by` and `reviewer` are officers in words, `ground` and `reasons` the latest."""

    entry_id: str
    number: int | None
    until: date
    overdue: bool
    ground: str
    reasons: str
    held_by: str
    reviewer: str
    hers_to_review: bool
    held_by_her: bool


@dataclass(frozen=True)
class Reminder:
    """A review that is due: the entry that asked for it, the posts that may review, and who is told once it is late."""

    by_entry_id: str
    reviewers: frozenset[str]
    officers: frozenset[str]


def hold(unit: Unit, actor: Actor, entry_id: str, holding: Holding) -> str:
    """Hold an entry back until the review; give the id of the entry that says so.

    Raises:
        NotFound: no such entry of this partnership, or another agency answers for it.
        Forbidden: the officer is named in it.
        Invalid: too few words, a day outside the next six months, or the reviewer is none who may review it.
        Conflict: it was held before, or is none that anybody is shown.
    """
    # Whoever erases it meanwhile takes the hold with it, or comes first.
    erasing.waiting(unit, entry_id, lock=True)
    about = entry_of(unit, actor, entry_id)
    if not answers_for(actor, about):
        raise missing()
    if actor.person_id in parties(unit, about).persons:
        raise Forbidden(
            "You are named in this entry, so you don't decide about it.",
            next_step="Ask another officer of your agency or of the partnership.",
        )
    if not can_be_held(about):
        raise Conflict(
            "This entry can't be held back: it is about nobody, or it accounts for another entry.",
            next_step="Go back to the entry.",
        )
    _check_day(unit, actor, holding.review_on)
    if holding.reviewer_post_id not in {post.id for post in _reviewers(unit, about, actor.person_id)}:
        raise Invalid(
            "This officer can't review it.",
            fields={"reviewer": "Choose another officer from the list, who isn't named in the entry"},
        )
    decided = _decided(actor, about, holding.reasons, {"ground": holding.ground.value})
    return ledger.hold(
        unit, entry_id, decided, reviewer_post_id=holding.reviewer_post_id, review_on=holding.review_on
    )


def keep_holding(unit: Unit, actor: Actor, entry_id: str, reasons: str, review_on: date) -> str:
    """Record that the reviewer looked again and it stays held until she does so next; raise as `hold` does.

    Whoever takes over from a reviewer who has left is the reviewer from then on.
    """
    about, row = _to_review(unit, actor, entry_id)
    _check_day(unit, actor, review_on)
    by = read.entry(unit, row.by_entry_id)
    decided = _decided(actor, about, reasons, {"ground": by.codes.get("ground", "")})
    decided = replace(decided, refs={"held_by": _holder(by)})
    return ledger.keep_holding(unit, entry_id, decided, reviewer_post_id=actor.post_id, review_on=review_on)


def reveal(unit: Unit, actor: Actor, entry_id: str, reasons: str) -> str:
    """Reveal a held entry, and that it was held, to those who may read the log; raise as `hold` does."""
    about, _row = _to_review(unit, actor, entry_id)
    decided = replace(_decided(actor, about, reasons, {}), subject_ids=about.subject_ids)
    return ledger.reveal(unit, entry_id, decided)


def can_be_held(about: LoggedEntry) -> bool:
    """Tell whether there is anything to hold back: an entry about a person, which doesn't account for another."""
    return bool(about.subject_ids) and about.kind not in ACCOUNTS_FOR_OTHERS


def reviewers(unit: Unit, actor: Actor, entry_id: str) -> list[tuple[str, str]]:
    """Give who may look again at an entry that this officer holds back: posts, with their words."""
    found = people.post_views(unit, _reviewers(unit, entry_of(unit, actor, entry_id), actor.person_id))
    return [(one.post_id, people.in_words(one)) for one in found]


def latest_day(unit: Unit, actor: Actor) -> date:
    """Give the last day that a review may be put off to today."""
    return agencies.today(unit, actor.partnership_id) + LONGEST


def of_entry(unit: Unit, actor: Actor, about: LoggedEntry) -> HoldView | None:
    """Give how an entry is held back now, or None."""
    row = unit.session.get(LedgerHold, about.entry_id)
    return _view(unit, actor, row, about) if row is not None and row.revealed_by_entry_id is None else None


def was_held(unit: Unit, entry_id: str) -> bool:
    """Tell whether an entry is or was held back: nothing is held twice."""
    return unit.session.get(LedgerHold, entry_id) is not None


def held(unit: Unit, actor: Actor) -> list[HoldView]:
    """Give what is held back of the entries this officer answers for or reviews, the next review first."""
    if actor.face is not Face.GOVERNANCE:
        return []
    rows = [
        (row, read.entry(unit, row.entry_id, reviewing=True))
        for row in ledger.held(unit, actor.partnership_id)
    ]
    views = [(about, _view(unit, actor, row, about)) for row, about in rows]
    return [view for about, view in views if view.hers_to_review or answers_for(actor, about)]


def due(unit: Unit, partnership_id: str, by: date) -> Sequence[LedgerHold]:
    """Give the held entries of a partnership whose review is due by a day, the oldest first: for the operator."""
    return ledger.held(unit, partnership_id, by)


def reminders(unit: Unit, partnership_id: str) -> list[Reminder]:
    """Give whom to tell of the reviews that are due today; officers from the third day after it on.

    Nobody who is named in the entry is told, nor an officer whose pages don't show it.
    """
    today = agencies.today(unit, partnership_id)
    found = []
    for row in ledger.held(unit, partnership_id, today):
        about = read.entry(unit, row.entry_id, reviewing=True)
        late = row.review_on + LATE_AFTER <= today
        reviewers = _who_may_review(unit, row, about)
        officers = _who_answer(unit, row, about) - reviewers if late else frozenset()
        found.append(Reminder(row.by_entry_id, reviewers, officers))
    return found


def _who_may_review(unit: Unit, row: LedgerHold, about: LoggedEntry) -> frozenset[str]:
    if people.is_current(unit, row.reviewer_post_id):
        return frozenset({row.reviewer_post_id})
    holder = person_of(unit, _holder(read.entry(unit, row.by_entry_id)))
    return frozenset(post.id for post in _reviewers(unit, about, holder))


def _who_answer(unit: Unit, row: LedgerHold, about: LoggedEntry) -> frozenset[str]:
    """Officers of the reviewer's agency who see the entry in their pages; where she has none, all who do."""
    found = governing.officers(unit, about.partnership_id, apart=parties(unit, about).persons)
    near = [post for post in found if _is_near(post, about)]
    agency_id = unit.session.get_one(Post, row.reviewer_post_id).agency_id
    colleagues = [post for post in near if post.agency_id == agency_id and post.id != row.reviewer_post_id]
    return frozenset(post.id for post in colleagues or near)


def _to_review(unit: Unit, actor: Actor, entry_id: str) -> tuple[LoggedEntry, LedgerHold]:
    about = entry_of(unit, actor, entry_id)
    row = locked_hold(unit, entry_id)
    if row is None or row.revealed_by_entry_id is not None:
        raise missing()
    if _is_reviewer(unit, actor, row, about):
        return about, row
    if not answers_for(actor, about):
        raise missing()
    raise Forbidden(
        "The officer who was named to review this decides about it, and nobody else.",
        next_step="Ask her: the page of this entry names her.",
    )


def _is_reviewer(unit: Unit, actor: Actor, row: LedgerHold, about: LoggedEntry) -> bool:
    """She was named; or whoever was has left, and she could have been named."""
    return actor.post_id in _who_may_review(unit, row, about)


def _reviewers(unit: Unit, about: LoggedEntry, holder: str | None) -> list[Post]:
    """Officers who answer for the entry, but for who holds it back and who is named in it; if none is left, others."""
    apart = {*parties(unit, about).persons, *filter(None, [holder])}
    found = governing.officers(unit, about.partnership_id, apart=apart)
    return [post for post in found if _is_near(post, about)] or found


def _is_near(post: Post, about: LoggedEntry) -> bool:
    return post.governs or post.agency_id == about.controller_agency_id


def _holder(by: LoggedEntry) -> str:
    """The post that held it back first: a review names it, because it never reviews."""
    return by.refs.get("held_by") or by.actor_post_id or ""


def _decided(actor: Actor, about: LoggedEntry, reasons: str, codes: Mapping[str, str]) -> Entry:
    """Give who decided and why. It names no subject: that something is held must not tell what."""
    return Entry(
        EntryKind.ENTRY_HELD,
        about.partnership_id,
        about.controller_agency_id,
        actor.post_id,
        actor.agency_id,
        case_id=about.case_id,
        codes=codes,
        words={"reasons": a_reason(reasons, "reasons"), "actor": actor.in_words},
    )


def _check_day(unit: Unit, actor: Actor, review_on: date) -> None:
    if not agencies.today(unit, actor.partnership_id) < review_on <= latest_day(unit, actor):
        raise Invalid(
            "The day of the review is outside the next six months.",
            fields={"review_on": "Enter a day after today and within the next six months"},
        )


def _view(unit: Unit, actor: Actor, row: LedgerHold, about: LoggedEntry) -> HoldView:
    by = read.entry(unit, row.by_entry_id)
    holder = _holder(by)
    ground = by.codes.get("ground", "")
    return HoldView(
        entry_id=row.entry_id,
        number=about.number,
        until=row.review_on,
        overdue=row.review_on < agencies.today(unit, row.partnership_id),
        ground=TO_HOLD[HoldGround(ground)] if ground else "",
        reasons=_reasons(unit, by),
        held_by=people.post_in_words(unit, row.partnership_id, holder),
        reviewer=people.post_in_words(unit, row.partnership_id, row.reviewer_post_id),
        hers_to_review=_is_reviewer(unit, actor, row, about),
        held_by_her=person_of(unit, holder) == actor.person_id,
    )


def _reasons(unit: Unit, by: LoggedEntry) -> str:
    try:
        return str(read.words_of(unit, by.entry_id).get("reasons", ""))
    except Erased:
        return ERASED
