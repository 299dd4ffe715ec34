"""Answers a person has given so far: sealed, theirs alone, and gone after two weeks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from gateway.disclosure.models import Draft
from gateway.errors import NotFound
from gateway.registry.actors import Actor
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

KEPT_FOR = timedelta(days=14)
_WHERE = "draft.answers"


def save(unit: Unit, actor: Actor, kind: str, answers: dict[str, Any], draft_id: str | None = None) -> str:
    """Keep the answers of one step; gives the draft's id.

    Raises:
        NotFound: `draft_id` isn't a draft of this post.
    """
    draft = _own(unit, actor, draft_id) if draft_id else None
    if draft is None:
        draft = Draft(
            id=new_id(),
            partnership_id=actor.partnership_id,
            post_id=actor.post_id,
            kind=kind,
            answers=b"",
            updated_at=unit.now,
            expires_at=unit.now + KEPT_FOR,
        )
    words = json.dumps(answers, ensure_ascii=False)
    draft.answers = unit.vault.seal(
        unit.session, Scope.PARTNERSHIP, actor.partnership_id, words, where=f"{_WHERE}|{draft.id}"
    )
    draft.updated_at = unit.now
    draft.expires_at = unit.now + KEPT_FOR
    unit.session.add(draft)
    return draft.id


def load(unit: Unit, actor: Actor, kind: str, draft_id: str) -> dict[str, Any]:
    """The answers kept so far.

    Raises:
        NotFound: not a draft of this post and kind, or expired.
    """
    draft = _own(unit, actor, draft_id)
    if draft.kind != kind:
        raise _missing()
    words = unit.vault.open(
        unit.session, Scope.PARTNERSHIP, actor.partnership_id, draft.answers, where=f"{_WHERE}|{draft.id}"
    )
    answers: dict[str, Any] = json.loads(words)
    return answers


def mine(unit: Unit, actor: Actor, kind: str) -> list[Draft]:
    """Drafts of the post and kind, newest first."""
    rows = (
        select(Draft)
        .where(Draft.post_id == actor.post_id, Draft.kind == kind, Draft.expires_at > unit.now)
        .order_by(col(Draft.updated_at).desc())
    )
    return list(unit.session.exec(rows))


def discard(unit: Unit, actor: Actor, draft_id: str) -> None:
    """Remove a draft for good.

    Raises:
        NotFound: not a draft of this post.
    """
    unit.session.delete(_own(unit, actor, draft_id))


def purge_expired(unit: Unit) -> int:
    """Remove every draft past its date; gives how many."""
    expired = list(unit.session.exec(select(Draft).where(Draft.expires_at <= unit.now)))
    for draft in expired:
        unit.session.delete(draft)
    return len(expired)


def _own(unit: Unit, actor: Actor, draft_id: str) -> Draft:
    draft = unit.session.get(Draft, draft_id)
    if draft is None or draft.post_id != actor.post_id or draft.expires_at <= unit.now:
        raise _missing()
    return draft


def _missing() -> NotFound:
    return NotFound("There is no such draft.", next_step="Start again from your requests.")
