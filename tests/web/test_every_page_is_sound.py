"""Every page holds what every page must hold, each check finds its planted fault, and errors are pages too."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from gateway.assembly import Gateway
from gateway.web import security
from tests.web import gallery
from tests.web.fixtures import shared_app
from tests.web.pages import Web, checked, csp_hash
from tests.web.register import Register

OPEN_PAGES = ("/sign-in", "/sign-out", "/signed-out", "/accessibility", "/privacy", "/safety")
PLANTED = {
    "heading": "has 2 h1",
    "title": "doesn't begin with its h1",
    "style": "has ['style']",
    "handler": "has ['onclick']",
    "script": "inline script",
    "id": "has an id twice",
    "link": "links to #nowhere",
    "label": "for names ['nowhere']",
    "token": "form without token",
    "action": "form without action",
    "markup": "HTML:",
}
ERRORS = {
    "bad": (400, "This could not be read"),
    "forbidden": (403, "You cannot do this"),
    "refused": (403, "You cannot do this"),
    "missing": (404, "Page not found"),
    "conflict": (409, "This has changed meanwhile"),
    "erased": (410, "This has been erased"),
    "invalid": (422, "Something needs correcting"),
    "crash": (500, "Something went wrong"),
    "unconfirmed": (503, "This is not confirmed"),
}


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application with the gallery of components."""
    return shared_app(sqlite_gateway, gallery.blueprint)


@pytest.fixture
def staff(web: Web, register: Register) -> Web:
    """Somebody of the staff."""
    web.sign_in(register.staff)
    return web


@pytest.mark.parametrize("url", OPEN_PAGES)
def test_open_pages_are_sound(web: Web, url: str) -> None:
    """A page that anybody may see passes every check."""
    web.page(url)


@pytest.mark.parametrize(
    "url", ["/gallery/form", "/gallery/components", "/gallery/components?page=4", "/posts"]
)
def test_every_component_is_sound(staff: Web, url: str) -> None:
    """Filled and empty, signed in with the timeout dialog."""
    found = staff.page(url)
    assert gallery.HOSTILE not in found.response.text


@pytest.mark.parametrize("how", PLANTED)
def test_each_check_finds_its_planted_fault(staff: Web, how: str) -> None:
    """The control: a page with one fault is named with it, the page without passes."""
    staff.page("/gallery/faulty/none")
    with pytest.raises(AssertionError, match=re.escape(PLANTED[how])):
        staff.page(f"/gallery/faulty/{how}")


def test_a_get_that_writes_is_found(staff: Web) -> None:
    """The control of "a GET changes nothing"."""
    with pytest.raises(AssertionError, match=r"a GET wrote to \['person'\]"):
        staff.page("/gallery/writes")


def test_the_policy_is_exactly_this(staff: Web) -> None:
    """Written out, so that a change to it is a change here."""
    rest = (
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
    )
    hashed = "sha256-GUQ5ad8JK5KmEWmROf3LZd9ge94daqNvd8xy9YS1iDw="
    start = f"default-src 'none'; script-src 'self' '{hashed}'; style-src 'self'; img-src 'self'"
    plain = staff.page("/gallery/form").response.headers["Content-Security-Policy"]
    assert plain == f"{start}; {rest}"
    opening = staff.page("/gallery/opening").response.headers["Content-Security-Policy"]
    assert opening == f"{start} blob:; {rest}; worker-src 'self'"


def test_the_inline_script_is_the_one_the_policy_names(staff: Web) -> None:
    """Recomputed from the page, so that a new template can't go unseen."""
    inline = [one.text or "" for one in staff.page("/gallery/form").all("script") if not one.get("src")]
    assert [csp_hash(script) for script in inline] == [security.INLINE_SCRIPT]


@pytest.mark.parametrize("how", ERRORS)
def test_every_error_is_a_page_with_a_next_step(staff: Web, how: str) -> None:
    """Its status, its heading, no inside of the program and nothing of what was sent."""
    status, heading = ERRORS[how]
    found = checked(staff.client.get(f"/gallery/broken/{how}"), status)
    assert found.h1 == heading
    assert "alert(1)" not in found.response.text
    assert "ZeroDivision" not in found.response.text
    assert len(found.all("p", class_="govuk-body")) >= 3


@pytest.mark.parametrize("how", ERRORS)
def test_every_error_is_a_problem_to_a_machine(staff: Web, how: str) -> None:
    """RFC 9457 with code and next step; fields by name and sentence."""
    answer = staff.client.get(f"/gallery/broken/{how}", headers={"Accept": "application/problem+json"})
    problem = answer.get_json()
    assert answer.mimetype == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (ERRORS[how][0],) * 2
    assert problem["next_step"]
    assert "alert(1)" not in answer.text
    if how == "invalid":
        assert problem["fields"] == [{"field": "why", "message": "Say why"}]


def test_foreign_and_missing_are_the_same_bytes(staff: Web) -> None:
    """Promise 8: what isn't there, what isn't hers, and what no route takes can't be told apart."""
    missing = staff.client.get("/gallery/broken/missing")
    unknown = staff.client.get("/no-such-page")
    malformed = staff.client.get("/gallery/faulty/NOT-A-CODE")
    assert missing.data == unknown.data == malformed.data
    assert {answer.status_code for answer in (missing, unknown, malformed)} == {404}
    assert list(missing.headers) == list(unknown.headers) == list(malformed.headers)


def test_another_method_is_named(staff: Web) -> None:
    """405 says which methods there are."""
    answer = staff.client.post("/gallery/components")
    checked(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_navigation_shows_only_what_opens(staff: Web) -> None:
    """Every entry of the service navigation answers."""
    links = [
        link.get("href", "")
        for link in staff.page("/gallery/form").all("a", class_="govuk-service-navigation__link")
    ]
    for href in links:
        assert staff.client.get(href).status_code < 400, href


def test_the_frame_names_no_person_in_title_or_address(staff: Web) -> None:
    """Promise 7: the actor's own name stands in the page alone."""
    found = staff.page("/gallery/form")
    assert "Person in staff" in found.text
    assert "Person in staff" not in found.title


def test_a_neutral_page_tells_nothing_in_the_tab(web: Web) -> None:
    """Pages a subject may see: neutral title, exit button to our own leave page, no service name."""
    found = web.page("/safety")
    assert found.title == "Staying safe online - Pages"
    assert "Disclosure" not in found.title
    exits = [link for link in found.all("a") if link.get("href") == "/leave"]
    assert len(exits) == 1


def test_pages_and_files_say_how_long_they_may_be_kept(staff: Web) -> None:
    """Pages never; files for ever under the stamp of their contents, and checked again under any other."""
    found = staff.page("/gallery/form")
    sheets = [link.get("href", "") for link in found.all("link", rel="stylesheet")]
    assert len(sheets) == 3
    for href in sheets:
        kept = staff.client.get(href)
        assert (kept.status_code, kept.headers["Cache-Control"]) == (
            200,
            "public, max-age=31536000, immutable",
        )
        kept.close()
    stale = staff.client.get(re.sub(r"/static/[^/]+/", "/static/old/", sheets[0]))
    assert stale.headers["Cache-Control"] == "no-cache"
    stale.close()
