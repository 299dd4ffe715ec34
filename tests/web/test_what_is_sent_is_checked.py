"""What a browser sends is taken only from our own pages, within limits, and each wrong field is named."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask, Request
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from gateway.assembly import Gateway
from gateway.web.security import MAX_BODY, GatewayRequest
from tests.web import gallery
from tests.web.fixtures import shared_app
from tests.web.pages import Web, checked, filled
from tests.web.register import Register

RIGHT: dict[str, Any] = {
    "line": "K7Q2-M4XD",
    "words": "To keep her safe",
    "one": "today",
    "some": ["address", "risk"],
    "day-day": "20",
    "day-month": "11",
    "day-year": "2026",
    "pick": "a",
    "tick": "y",
}
FORM = "/gallery/form"


@pytest.fixture
def app(sqlite_gateway: Gateway) -> Flask:
    """The application with the gallery of components."""
    return shared_app(sqlite_gateway, gallery.blueprint)


@pytest.fixture
def staff(web: Web, register: Register) -> Web:
    """Somebody of the staff."""
    web.sign_in(register.staff)
    return web


def test_a_right_form_is_taken(staff: Web) -> None:
    """The page after it says so, as text."""
    after = staff.submit(staff.page(FORM), RIGHT)
    assert after.h1 == "Every component"
    assert "Sent for 2026-11-20, <script>alert(1)</script>" in after.text


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"line": " "}, "#line", "Enter the reference"),
    ({"line": "x" * 201}, "#line", "Use 200 characters or fewer"),
    ({"words": "x" * 101}, "#words", "Use 100 characters or fewer"),
    ({"one": ""}, "#one", "Choose how urgent it is"),
    ({"one": "never"}, "#one", "Choose one from the list"),
    ({"some": []}, "#some", "Choose at least one kind"),
    ({"some": ["address", "shoes"]}, "#some", "Choose from the list"),
    ({"day-day": "", "day-month": "", "day-year": ""}, "#day-day", "Enter the date it is needed by"),
    ({"day-year": ""}, "#day-day", "The date must include a year"),
    ({"day-month": "13"}, "#day-day", "Enter a real date, such as 27 3 2026"),
    ({"day-day": "\u0663"}, "#day-day", "Enter a real date, such as 27 3 2026"),
    ({"day-year": "99999999999999999999"}, "#day-day", "Enter a real date, such as 27 3 2026"),
    ({"pick": "b"}, "#pick", "Choose an agency"),
    ({"line": "TAKEN"}, "#line", "This reference is already taken"),
]


@pytest.mark.parametrize(("changed", "href", "message"), WRONG)
def test_each_wrong_field_is_named_and_linked(
    staff: Web, changed: dict[str, Any], href: str, message: str
) -> None:
    """422, "Error:" in the title, the sentence linked to an input, and what was typed still there."""
    found = staff.submit(staff.page(FORM), {**RIGHT, **changed}, status=422)
    assert found.title.startswith("Error: ")
    assert found.links()[message] == href
    target = next(element for element in found.tree.iter() if element.get("id") == href[1:])
    assert target.tag in {"input", "textarea", "select"}
    kept = filled(found.forms()[0])
    assert kept["words"] == {**RIGHT, **changed}["words"]
    assert kept["day-day"] == {**RIGHT, **changed}["day-day"]


def test_an_error_of_no_field_stands_above_the_form(staff: Web) -> None:
    """What the flow refuses as a whole is a sentence without a link."""
    found = staff.submit(staff.page(FORM), {**RIGHT, "line": "NOWHERE"}, status=422)
    summary = found.all("div", class_="govuk-error-summary")[0]
    assert "The case was closed meanwhile" in "".join(summary.itertext())


def test_nothing_is_preselected_and_nothing_filled_in_by_the_browser(staff: Web) -> None:
    """Silence is no answer; the browser remembers nothing."""
    found = staff.page(FORM)
    values = filled(found.forms()[0])
    assert "one" not in values
    assert "some" not in values
    assert found.forms()[0].get("autocomplete") == "off"


def test_a_form_without_its_token_is_refused(staff: Web) -> None:
    """And with another session's token."""
    assert checked(staff.client.post(FORM, data=RIGHT), 400).h1 == "This could not be read"
    stranger = Web(staff.app, staff.gateway)
    stranger.sign_in(_governor(staff))
    token = filled(stranger.page("/sign-out").forms()[0])["csrf_token"]
    assert staff.client.post(FORM, data={**RIGHT, "csrf_token": token}).status_code == 400


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 302), ("none", 302)]
)
def test_a_form_sent_from_another_site_is_refused(staff: Web, site: str, status: int) -> None:
    """Whatever token it carries."""
    token = filled(staff.page(FORM).forms()[0])["csrf_token"]
    headers = {"Sec-Fetch-Site": site}
    assert staff.client.post(FORM, data={**RIGHT, "csrf_token": token}, headers=headers).status_code == status


def test_a_host_that_is_not_ours_is_refused(web: Web) -> None:
    """No page is made for a name somebody else chose."""
    assert web.client.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400


def test_large_bodies_are_refused_and_uploads_have_their_own_limit(staff: Web) -> None:
    """A view takes what it says it takes, others the least."""
    token = filled(staff.page(FORM).forms()[0])["csrf_token"]
    assert send(staff, {**RIGHT, "csrf_token": token}, MAX_BODY + 1).status_code == 302
    checked(send(staff, {"csrf_token": token}, gallery.UPLOAD + 1), 413)
    checked(staff.client.post("/sign-out", data={"words": "x" * (MAX_BODY + 1)}), 413)


def test_an_upload_never_touches_the_disk() -> None:
    """Promise 5: a large file stays in memory; the framework's own request would make a temporary file of it."""
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(b"x" * 1_000_000), "a.bin")})

    def stream_of(kind: type[Request]) -> object:
        content_type = f"multipart/form-data; boundary={boundary}"
        with Flask(__name__).test_request_context(
            method="POST", data=body, content_type=content_type
        ) as context:
            uploaded = kind(context.request.environ).files["file"]
            with uploaded.stream as stream:
                return type(stream)

    assert stream_of(GatewayRequest) is io.BytesIO
    assert stream_of(Request) is not io.BytesIO


def send(web: Web, values: dict[str, Any], size: int) -> TestResponse:
    """Post the form with a file of `size` bytes; encoded in memory, which the test client alone wouldn't do."""
    boundary, body = encode_multipart({**values, "file": FileStorage(io.BytesIO(b"x" * size), "a.bin")})
    return web.client.post(FORM, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def _governor(web: Web) -> str:
    from sqlmodel import select

    from gateway.registry.models import Post

    with web.gateway.store.reading() as unit:
        return unit.session.exec(select(Post.id).where(Post.face == "governance")).one()
