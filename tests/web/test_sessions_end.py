"""A session ends when it is idle, when it is old, when the post ends and when anybody ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.clock import FixedClock
from gateway.errors import Unavailable
from gateway.registry.models import Post
from gateway.web import sessions
from gateway.web.models import WebSession
from tests.web.pages import Web, checked
from tests.web.register import Register

MINUTE = timedelta(minutes=1)
HOME = "/posts"


def is_signed_in(web: Web) -> bool:
    """Whether the browser is still known."""
    return web.client.get(HOME).status_code == 200


def test_fifteen_idle_minutes_end_it(web: Web, register: Register, clock: FixedClock) -> None:
    """Just under holds; the limit ends it."""
    web.sign_in(register.staff)
    clock.advance(14 * MINUTE)
    assert is_signed_in(web)
    clock.advance(15 * MINUTE)
    assert not is_signed_in(web)


def test_eight_hours_end_it_however_busy(web: Web, register: Register, clock: FixedClock) -> None:
    """Use keeps it alive, but not beyond the day's work."""
    web.sign_in(register.staff)
    for _ in range(47):
        clock.advance(10 * MINUTE)
        assert is_signed_in(web)
    clock.advance(10 * MINUTE)
    assert not is_signed_in(web)


def test_the_end_of_a_post_ends_it_at_once(web: Web, register: Register) -> None:
    """A leaver's next click finds nobody signed in, and the row is gone."""
    web.sign_in(register.staff)
    assert is_signed_in(web)
    store = web.gateway.store
    with store.writing() as unit:
        post = unit.session.get_one(Post, register.staff)
        post.ended_at = unit.now
        unit.session.add(post)
    assert not is_signed_in(web)
    with store.reading() as unit:
        assert unit.session.exec(select(WebSession)).all() == []


def test_revoking_a_person_or_post_ends_it_at_once(web: Web, register: Register) -> None:
    """By person and by post."""
    store = web.gateway.store
    web.sign_in(register.staff)
    with store.writing() as unit:
        assert sessions.revoke_person(unit, register.people["staff"]) == 1
    assert not is_signed_in(web)
    web.sign_in(register.governance)
    with store.writing() as unit:
        assert sessions.revoke_post(unit, register.governance) == 1
    assert not is_signed_in(web)


def test_signing_out_removes_row_and_cookie(web: Web, register: Register) -> None:
    """Nothing is left that the cookie could open."""
    web.sign_in(register.staff)
    shown = web.page("/sign-out")
    answer = web.submit(shown)
    assert answer.h1 == "You are signed out"
    assert web.client.get_cookie(sessions.COOKIE) is None
    with web.gateway.store.reading() as unit:
        assert unit.session.exec(select(WebSession)).all() == []


def test_the_table_holds_no_cookie(web: Web, register: Register) -> None:
    """A copy of the table opens no session."""
    web.sign_in(register.staff)
    cookie = web.client.get_cookie(sessions.COOKIE)
    assert cookie is not None
    with web.gateway.store.reading() as unit:
        row = unit.session.exec(select(WebSession)).one()
    assert cookie.value not in row.model_dump_json()
    assert row.id == sessions.digest(cookie.value)


def test_a_number_made_up_opens_nothing(web: Web, register: Register) -> None:
    """Fixation: a number the server never gave is no session, and none is made of it."""
    web.client.set_cookie(sessions.COOKIE, "chosen-by-somebody-else", domain="localhost")
    assert not is_signed_in(web)


def test_extending_tells_the_server(web: Web, register: Register, clock: FixedClock) -> None:
    """The dialog's answer moves the clock here, and only with the token."""
    web.sign_in(register.staff)
    dialog = web.page(HOME).all("dialog")[0]
    clock.advance(14 * MINUTE)
    assert web.client.post("/session/extend").status_code == 400
    answer = web.client.post("/session/extend", headers={"X-CSRFToken": dialog.get("data-token", "")})
    assert answer.status_code == 204
    clock.advance(14 * MINUTE)
    assert is_signed_in(web)


def test_leaving_in_a_hurry_ends_it_and_goes_to_a_neutral_page(web: Web, register: Register) -> None:
    """Row, cookie and cache go; the next page learns nothing of where somebody came from."""
    web.sign_in(register.advocacy)
    answer = web.client.get("/leave")
    assert answer.location == web.gateway.settings.web.exit_url
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies"'
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not is_signed_in(web)


def test_a_session_that_was_ended_meanwhile_is_not_brought_back(
    web: Web, register: Register, clock: FixedClock
) -> None:
    """A request under way when the session is revoked writes no row."""
    web.sign_in(register.staff)
    clock.advance(5 * MINUTE)
    with web.app.test_request_context(headers={"Cookie": f"{sessions.COOKIE}={_cookie(web)}"}) as context:
        opened = web.app.session_interface.open_session(web.app, context.request)
        assert opened
        with web.gateway.store.writing() as unit:
            sessions.revoke_all(unit)
        opened["post_id"] = register.governance
        web.app.session_interface.save_session(web.app, opened, web.app.response_class())
    with web.gateway.store.reading() as unit:
        assert unit.session.exec(select(WebSession)).all() == []


def test_rows_of_lapsed_sessions_are_removed(web: Web, register: Register, clock: FixedClock) -> None:
    """When the next one begins: nothing piles up that says who was here when."""
    web.sign_in(register.staff)
    clock.advance(16 * MINUTE)
    other = Web(web.app, web.gateway)
    other.page("/sign-out")
    with web.gateway.store.reading() as unit:
        assert [row.post_id for row in unit.session.exec(select(WebSession))] == [None]


def test_a_store_that_does_not_answer_is_a_page_with_a_next_step(
    web: Web, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 and nothing ended: when the store is back, so is the session."""
    web.sign_in(register.staff)

    def silent() -> None:
        raise Unavailable("The gateway's store doesn't answer.", next_step="Try again in a minute.")

    with monkeypatch.context() as broken:
        broken.setattr(web.gateway.store, "reading", silent)
        answer = web.client.get(HOME)
        assert checked(answer, 503).h1 == "This is not confirmed"
        assert answer.headers["Retry-After"]
    assert is_signed_in(web)


def _cookie(web: Web) -> str:
    cookie = web.client.get_cookie(sessions.COOKIE)
    assert cookie is not None
    return cookie.value


def test_a_declared_restore_ends_what_began_before_it(
    web: Web, register: Register, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was signed out in what was lost isn't signed in again by it; a session begun since counts."""
    web.sign_in(register.staff)
    clock.advance(MINUTE)
    restored_at = clock.now()
    monkeypatch.setattr(sessions, "frozen_before", lambda _unit: restored_at)
    assert not is_signed_in(web)
    web.sign_in(register.staff)
    assert is_signed_in(web)
