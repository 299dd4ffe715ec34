"""What consents add up to at a moment: a pure law over what happened, with nothing stored to go stale."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.consent.models import Answer, Consent
from gateway.consent.taking import covers, is_over
from gateway.vocabulary import ConsentStatus

# Where two events fall on the same instant, the one that lets less through counts.
_STRICTEST_FIRST = (
    ConsentStatus.WITHDRAWN,
    ConsentStatus.INVALID_DURESS,
    ConsentStatus.REFUSED,
    ConsentStatus.UNABLE,
    ConsentStatus.UNKNOWN,
    ConsentStatus.NOT_SOUGHT,
    ConsentStatus.EXPIRED,
    ConsentStatus.GIVEN,
)
_STATE_OF_ANSWER = {
    Answer.REFUSED: ConsentStatus.REFUSED,
    Answer.UNABLE: ConsentStatus.UNABLE,
    Answer.NOT_SOUGHT: ConsentStatus.NOT_SOUGHT,
    # A question without an answer is not an answer: silence is never a yes.
    Answer.REQUESTED: ConsentStatus.UNKNOWN,
}


def state_at(
    rows: Iterable[Consent], now: datetime, purpose: str, category: str, agency_id: str | None
) -> ConsentStatus:
    """Give the state that `rows` add up to at `now`: the latest event that reaches what is asked decides.

    A withdrawal is an event of the row it withdraws, so it also beats an older consent that reaches the same.
    Nothing reaching it is `out_of_scope` when she agreed to something else, otherwise `not_sought`.
    """
    past = [row for row in rows if row.taken_at <= now]
    reaching = [row for row in past if _covers(row, purpose, category, agency_id)]
    if reaching:
        latest = max(_event_at(row, now) for row in reaching)
        states = {state_of(row, now) for row in reaching if _event_at(row, now) == latest}
        return next(state for state in _STRICTEST_FIRST if state in states)
    if any(state_of(row, now) in {ConsentStatus.GIVEN, ConsentStatus.EXPIRED} for row in past):
        return ConsentStatus.OUT_OF_SCOPE
    return ConsentStatus.NOT_SOUGHT


def state_of(row: Consent, now: datetime) -> ConsentStatus:
    """Give what one row says by itself at `now`."""
    if row.withdrawn_at is not None and row.withdrawn_at <= now:
        return ConsentStatus.WITHDRAWN
    if row.under_duress:
        return ConsentStatus.INVALID_DURESS
    if row.answer != Answer.GIVEN:
        return _STATE_OF_ANSWER.get(Answer(row.answer), ConsentStatus.UNKNOWN)
    return ConsentStatus.EXPIRED if is_over(row.expires_on, now) else ConsentStatus.GIVEN


def _covers(row: Consent, purpose: str, category: str, agency_id: str | None) -> bool:
    return covers(row, purpose, category, agency_id, empty_means_any=row.answer != Answer.GIVEN)


def _event_at(row: Consent, now: datetime) -> datetime:
    return row.withdrawn_at if row.withdrawn_at is not None and row.withdrawn_at <= now else row.taken_at
