"""A request sent again under the same key gives what it gave before, so that "not confirmed" can safely be repeated.

A repeat makes nothing new (DESIGN 3.1); the same key with other answers is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import timedelta

from sqlmodel import select

from gateway.disclosure.asking import Asking
from gateway.disclosure.models import IdempotentAnswer, Request
from gateway.errors import Conflict
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit

KEY_KEPT_FOR = timedelta(days=7)


def earlier(unit: Unit, actor: Actor, asking: Asking, key: str | None) -> Request | None:
    """What the same key was answered before, or None.

    Raises:
        Conflict: it was answered for other answers.
    """
    if key is None:
        return None
    rows = select(IdempotentAnswer).where(
        IdempotentAnswer.post_id == actor.post_id, IdempotentAnswer.key == key
    )
    row = unit.session.exec(rows).first()
    if row is None:
        return None
    if row.request_digest != _digest(unit, actor, asking):
        raise Conflict("This was already sent with other answers.", next_step="Start a new request.")
    return unit.session.get_one(Request, row.result_id)


def remember(unit: Unit, actor: Actor, asking: Asking, key: str | None, request: Request) -> None:
    """Keep what a key was answered, for a week; without a key there is nothing to keep."""
    if key is None:
        return
    answered = IdempotentAnswer(
        partnership_id=actor.partnership_id,
        post_id=actor.post_id,
        key=key,
        request_digest=_digest(unit, actor, asking),
        result_kind="request",
        result_id=request.id,
        expires_at=unit.now + KEY_KEPT_FOR,
    )
    unit.session.add(answered)


def _digest(unit: Unit, actor: Actor, asking: Asking) -> str:
    # Keyed, because a plain digest of short answers could be guessed back.
    said = json.dumps(asdict(asking), default=str, sort_keys=True)
    return unit.vault.token("idempotency", hashlib.sha256(said.encode()).hexdigest(), actor.partnership_id)
