"""What she agreed to, as far as others than those who gain by it say so (DESIGN 3.3).

An agreement that only somebody of this request recorded (who asks, is named, or delivers) counts as unknown until a
colleague whom the request doesn't name hears her and records it. A refusal or a withdrawal counts whoever recorded it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.consent import consents, views
from gateway.consent.models import Answer, Consent, Heard, Views, Wish
from gateway.decision.facts import ConsentFacts
from gateway.ledger import epoch
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import ConsentStatus

_STATUS_OF_WISH = {
    Wish.AGREES: ConsentStatus.GIVEN,
    Wish.OBJECTS: ConsentStatus.REFUSED,
    Wish.UNSURE: ConsentStatus.UNKNOWN,
    Wish.NOT_ABLE: ConsentStatus.UNABLE,
}
_FROM_ANYBODY = {ConsentStatus.REFUSED, ConsentStatus.WITHDRAWN}
# What some rule permits on: that she agreed, or that she can't answer and somebody decides for her.
_LOOSENS = {ConsentStatus.GIVEN, ConsentStatus.UNABLE}
_OWN_HAND = ConsentFacts(status=ConsentStatus.UNKNOWN, by_own_hand=True)

Gains = Callable[[Heard], bool]


@dataclass(frozen=True)
class About:
    """What she is asked about: her ids, the case, the purpose, the kind of information and who would be told."""

    subject_id: str
    known_as: frozenset[str]
    case_id: str | None
    purpose: str
    category: str
    agency_id: str | None


def agreement(unit: Unit, about: About, gains: Gains) -> ConsentFacts:
    """Give her consent as it stands now; where none was asked for, the views that were heard.

    `gains` tells whether who recorded a row gains by it. `not_sought` where she was asked nothing.
    """

    def told(row: Consent) -> bool:
        return row.answer == Answer.REFUSED or row.withdrawn_at is not None or not gains(row)

    said, to_others = _consent(unit, about), _consent(unit, about, counts=told)
    if said in _FROM_ANYBODY or (said not in _LOOSENS and to_others not in _FROM_ANYBODY):
        return ConsentFacts(said) if said is not ConsentStatus.NOT_SOUGHT else _heard(unit, about, gains)
    if to_others in _FROM_ANYBODY:
        return ConsentFacts(to_others)
    if to_others is said:
        lost = said is ConsentStatus.GIVEN and not _given_since_restore(unit, about, told)
        return ConsentFacts(ConsentStatus.UNKNOWN if lost else said)
    heard = _heard(unit, about, gains) if to_others is ConsentStatus.NOT_SOUGHT else _OWN_HAND
    return heard if heard.status is not ConsentStatus.NOT_SOUGHT else _OWN_HAND


def _heard(unit: Unit, about: About, gains: Gains) -> ConsentFacts:
    """Her views as they were told to others, where they differ from what was told to somebody who gains."""

    def told(row: Views) -> bool:
        return row.wish == Wish.OBJECTS or not gains(row)

    said, to_others = _views(unit, about), _views(unit, about, counts=told)
    if ConsentStatus.REFUSED in {said, to_others}:
        return ConsentFacts(ConsentStatus.REFUSED)
    return ConsentFacts(said) if said not in _LOOSENS or said is to_others else _OWN_HAND


def _consent(
    unit: Unit,
    about: About,
    *,
    counts: Callable[[Consent], bool] | None = None,
    since: datetime | None = None,
) -> ConsentStatus:
    return consents.status(
        unit,
        about.subject_id,
        about.case_id,
        purpose=about.purpose,
        category=about.category,
        agency_id=about.agency_id,
        also=about.known_as,
        counts=lambda row: (counts is None or counts(row)) and (since is None or row.created_at >= since),
    )


def _views(unit: Unit, about: About, *, counts: Callable[[Views], bool] | None = None) -> ConsentStatus:
    row = views.latest(
        unit,
        about.subject_id,
        about.case_id,
        purpose=about.purpose,
        category=about.category,
        agency_id=about.agency_id,
        also=about.known_as,
        counts=counts,
    )
    return ConsentStatus.NOT_SOUGHT if row is None else _STATUS_OF_WISH[Wish(row.wish)]


def _given_since_restore(unit: Unit, about: About, told: Callable[[Consent], bool]) -> bool:
    """Her withdrawal may lie in what a restore lost, so consent from before is asked for again (DESIGN 7)."""
    restored_at = epoch.frozen_before(unit)
    if restored_at is None:
        return True
    return _consent(unit, about, counts=told, since=restored_at) is ConsentStatus.GIVEN
