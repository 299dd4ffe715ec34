"""Holding an entry back while it would be unlawful to reveal it, looking again, revealing it; and erasing an entry.

Whoever decides is an officer of the agency that answers for the entry, or one who governs the partnership. She names
another officer, who has to look again by a day. The advocate is told meanwhile how many are held and until when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from gateway.errors import Forbidden, Invalid, NotFound, Unauthenticated
from gateway.ledger import erase as erasing
from gateway.ledger import hold as holding
from gateway.ledger import read
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.models import LedgerHold
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Face
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Review:
    """Who looks again at a held entry, and by which day."""

    reviewer_post_id: str
    on: date


def hold(unit: Unit, actor: Actor, entry_id: str, reasons: str, review: Review) -> str:
    """Hold an entry back until the review; give the id of the entry that says so.

    Raises:
        NotFound: no such entry of this partnership.
        Forbidden: the officer answers neither for it nor for the partnership.
        Invalid: no reasons, a day that has passed, or the reviewer is no other officer.
        Conflict: it was held before.
    """
    decided = _decided(unit, actor, entry_id, reasons)
    _check_reviewer(unit, actor, review)
    return holding.hold(
        unit, entry_id, decided, reviewer_post_id=review.reviewer_post_id, review_on=review.on
    )


def keep_holding(unit: Unit, actor: Actor, entry_id: str, reasons: str, review: Review) -> str:
    """Record that a held entry was looked at and stays held until the next review; raise as `hold` does."""
    decided = _decided(unit, actor, entry_id, reasons)
    _check_reviewer(unit, actor, review)
    return holding.keep_holding(
        unit, entry_id, decided, reviewer_post_id=review.reviewer_post_id, review_on=review.on
    )


def reveal(unit: Unit, actor: Actor, entry_id: str, reasons: str) -> str:
    """Reveal a held entry, and that it was held, to those who may read the log; raise as `hold` does."""
    decided = _decided(unit, actor, entry_id, reasons)
    about = read.entry(unit, entry_id, reviewing=True)
    return holding.reveal(unit, entry_id, replace(decided, subject_ids=about.subject_ids))


def erase(unit: Unit, actor: Actor, second: Actor, entry_ids: Sequence[str], reasons: str) -> str:
    """Erase what entries say, by two officers; their places stay, and the log says who decided it and why.

    Raises as `hold` does, and Invalid when the second officer is the first, Conflict for what accounts for others.
    """
    if second.person_id == actor.person_id:
        raise Invalid("Erasing an entry takes two officers.", fields={"second": "Name a second person."})
    for entry_id in entry_ids:
        _decided(unit, second, entry_id, reasons)
    decided = [_decided(unit, actor, entry_id, reasons) for entry_id in entry_ids]
    if not decided:
        raise Invalid("Say which entries are erased.")
    seconded = {"second_officer": second.post_id}
    words = {**decided[0].words, "seconded_by": f"{second.name}, {second.role} at {second.agency_name}"}
    return erasing.erase(unit, entry_ids, replace(decided[0], refs=seconded, words=words))


def to_review(unit: Unit, actor: Actor, by: date) -> Sequence[LedgerHold]:
    """Give the held entries of the officer's partnership whose review is due by a day, the oldest first."""
    _check_officer(actor)
    return holding.to_review(unit, actor.partnership_id, by)


def _decided(unit: Unit, actor: Actor, entry_id: str, reasons: str) -> Entry:
    """Give who decided and why. It names no subject: that something is held must not tell what."""
    _check_officer(actor)
    about = read.entry(unit, entry_id, reviewing=True)
    if about.partnership_id != actor.partnership_id:
        raise NotFound("There is no such entry.", next_step="Go back to the list of entries.")
    if not actor.governs and about.controller_agency_id != actor.agency_id:
        raise Forbidden("Another agency answers for this entry.", next_step="Ask its officer.")
    if not reasons.strip():
        raise Invalid("This needs its reasons in words.", fields={"reasons": "Say why."})
    return Entry(
        EntryKind.ENTRY_HELD,
        about.partnership_id,
        about.controller_agency_id,
        actor.post_id,
        actor.agency_id,
        words={"reasons": reasons, "actor": f"{actor.name}, {actor.role} at {actor.agency_name}"},
    )


def _check_officer(actor: Actor) -> None:
    if actor.face is not Face.GOVERNANCE:
        raise Forbidden("Only an information-governance officer decides this.", next_step="Ask one.")


def _check_reviewer(unit: Unit, actor: Actor, review: Review) -> None:
    try:
        reviewer = actor_for_post(unit, review.reviewer_post_id)
    except Unauthenticated as error:
        raise Invalid(
            "Nobody holds the reviewer's post.", fields={"reviewer": "Name an officer's post."}
        ) from error
    if reviewer.face is not Face.GOVERNANCE or reviewer.partnership_id != actor.partnership_id:
        raise Invalid(
            "The reviewer is an officer of the partnership.", fields={"reviewer": "Name an officer's post."}
        )
    if reviewer.person_id == actor.person_id:
        raise Invalid("Whoever looks again is somebody else.", fields={"reviewer": "Name another person."})
