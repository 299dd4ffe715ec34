"""Sessions are rows in our database: the browser holds a random number, we hold everything else and can end it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import delete
from sqlmodel import col
from werkzeug.datastructures import CallbackDict

from gateway.errors import NotConfirmed, Unavailable
from gateway.ledger.epoch import frozen_before
from gateway.store.unit_of_work import Store, Unit
from gateway.web.models import WebSession

COOKIE = "__Host-session"
# The clock of idleness is moved in steps, so that reading many pages doesn't cost as many writes.
TOUCH = timedelta(seconds=30)
_COOKIE_BYTES = 32
# Nothing here reads a session: files, machines, health.
_WITHOUT_SESSION = ("/static/", "/api/", "/ledger/", "/.well-known/", "/livez", "/readyz", "/metrics")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limits:
    """When a session is over: after so long without a request, and after so long in any case."""

    idle: timedelta
    absolute: timedelta

    def hold(self, row: WebSession, now: datetime) -> bool:
        """Whether a session still counts."""
        return now - row.last_seen < self.idle and now - row.started < self.absolute


class DatabaseSession(CallbackDict[str, Any], SessionMixin):
    """One browser's session; changing it marks it for saving, emptying it ends it."""

    def __init__(self, data: dict[str, Any] | None = None, *, row: WebSession | None = None) -> None:
        super().__init__(data or {}, on_update=_mark_modified)
        self.row = row
        self.new = row is None
        self.modified = False
        self.rotating = False
        self.restarting = False
        self.lapsed = False

    def rotate(self, *, restart: bool = False) -> None:
        """Give the browser a new number at the end of this request; `restart` also begins the eight hours anew.

        Called whenever what the session may do changes, so that a number planted earlier is worth nothing.
        """
        self.modified = True
        self.rotating = True
        self.restarting = restart


class DatabaseSessions(SessionInterface):
    """Flask's session interface over the table `web_session`."""

    session_class = DatabaseSession

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    def open_session(self, app: Flask, request: Request) -> DatabaseSession | None:
        """The session of the cookie; a fresh one when there is none, it lapsed or it was ended."""
        if request.path.startswith(_WITHOUT_SESSION):
            return None
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return DatabaseSession()
        try:
            with self._store.reading() as unit:
                row = unit.session.get(WebSession, digest(cookie))
                lapsed = row is None or not self._counts(unit, row)
        except Unavailable as error:
            request.environ["gateway.unavailable"] = error
            return DatabaseSession()
        if row is None or lapsed:
            fresh = DatabaseSession()
            fresh.lapsed = True
            return fresh
        return DatabaseSession(json.loads(row.data), row=row)

    def _counts(self, unit: Unit, row: WebSession) -> bool:
        """Whether a session counts: not over, and begun since the last declared restore (DESIGN 7)."""
        restored_at = frozen_before(unit)
        return self._limits.hold(row, unit.now) and (restored_at is None or row.started >= restored_at)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Store what changed, move the idle clock, renew or remove the cookie."""
        if not isinstance(session, DatabaseSession):
            return
        response.vary.add("Cookie")
        if not session:
            self._end(session, response)
        elif session.row is None or session.rotating:
            self._begin(session, response)
        elif session.modified:
            self._keep(session)
        else:
            self._touch(session)

    def _end(self, session: DatabaseSession, response: Response) -> None:
        if session.row is not None:
            with self._store.writing() as unit:
                _delete(unit, session.row.id)
        if session.row is not None or session.lapsed:
            _drop_cookie(response)

    def _begin(self, session: DatabaseSession, response: Response) -> None:
        cookie = secrets.token_urlsafe(_COOKIE_BYTES)
        old = session.row
        with self._store.writing() as unit:
            if old is not None and not _delete(unit, old.id):
                return  # ended by somebody else meanwhile: it stays ended
            started = unit.now if old is None or session.restarting else old.started
            unit.session.add(_row(cookie, session, started, unit.now))
            purge(unit, self._limits)
        response.set_cookie(COOKIE, cookie, secure=True, httponly=True, samesite="Lax", path="/")

    def _keep(self, session: DatabaseSession) -> None:
        def change(row: WebSession) -> None:
            row.data = json.dumps(dict(session))
            row.person_id, row.post_id = session.get("person_id"), session.get("post_id")
            row.partnership_id = session.get("partnership_id", "")

        self._update(session, change)

    def _touch(self, session: DatabaseSession) -> None:
        if session.row is None or self._store.clock.now() - session.row.last_seen < TOUCH:
            return
        try:
            self._update(session)
        except NotConfirmed:
            _log.warning("session.clock_not_moved")  # the page itself is unharmed

    def _update(self, session: DatabaseSession, change: Callable[[WebSession], None] | None = None) -> None:
        with self._store.writing() as unit:
            row = unit.session.get(WebSession, session.row.id) if session.row else None
            if row is None:
                return  # ended by somebody else meanwhile: it stays ended
            if change is not None:
                change(row)
            row.last_seen = unit.now
            unit.session.add(row)


def digest(cookie: str) -> str:
    """What the table holds of a cookie: its SHA-256, so that a copy of the table opens no session."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def revoke_person(unit: Unit, person_id: str) -> int:
    """End every session of a person at once; gives how many there were."""
    return _count(unit.session.execute(delete(WebSession).where(col(WebSession.person_id) == person_id)))


def revoke_post(unit: Unit, post_id: str) -> int:
    """End every session of a post at once; gives how many there were."""
    return _count(unit.session.execute(delete(WebSession).where(col(WebSession.post_id) == post_id)))


def revoke_all(unit: Unit) -> int:
    """End every session, as after a restore; gives how many there were."""
    return _count(unit.session.execute(delete(WebSession)))


def purge(unit: Unit, limits: Limits) -> int:
    """Remove the rows of sessions that have lapsed; gives how many there were."""
    idle = col(WebSession.last_seen) < unit.now - limits.idle
    lapsed = idle | (col(WebSession.started) < unit.now - limits.absolute)
    return _count(unit.session.execute(delete(WebSession).where(lapsed)))


def _row(cookie: str, session: DatabaseSession, started: datetime, now: datetime) -> WebSession:
    return WebSession(
        id=digest(cookie),
        partnership_id=session.get("partnership_id", ""),
        person_id=session.get("person_id"),
        post_id=session.get("post_id"),
        started=started,
        last_seen=now,
        data=json.dumps(dict(session)),
    )


def _delete(unit: Unit, row_id: str) -> bool:
    return bool(_count(unit.session.execute(delete(WebSession).where(col(WebSession.id) == row_id))))


def _count(result: Any) -> int:
    return int(result.rowcount)


def _drop_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax", path="/")


def _mark_modified(session: CallbackDict[str, Any]) -> None:
    session.modified = True  # type: ignore[attr-defined]
