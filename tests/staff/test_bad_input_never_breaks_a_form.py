"""Every field of every staff form, sent missing, too long, foreign, unreadable: a page that names it, never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from gateway.disclosure import desk, keyring
from gateway.disclosure.tasks import EMERGENCY_REVIEW
from gateway.disclosure.withdraw import RECONSIDER
from gateway.registry.actors import actor_for_post
from gateway.store.tables import new_id
from tests.staff.conftest import Place
from tests.staff.steps import drafted, lines_of, owed, put, put_from_outside, read, sent
from tests.web.pages import Page, Web, checked, filled

LONG = "x" * 30_000
CONTROL = "a\x00b\x1b"
TURNED = "abc\u202egpj.exe"
BAD = {
    "long": LONG,
    "control": CONTROL,
    "turned": TURNED,
    "code": "no_such_code",
    "id": new_id(),
    "empty": "",
}
QUICKLY = {"control", "empty", "id"}
UNREADABLE = {"control", "turned"}
# Nothing is required here, or it is only in some cases.
OPTIONAL = {
    "case_reference",
    "needed_by",
    "text",
    "file",
    "outside_agency_type",
    "outside_role",
    "outside_described",
}
OPTIONAL |= {
    "delivering_post_id",
    "declarations",
    "categories",
    "subject_ids",
    "accepts_findings",
    "keep_findings",
}
DRAFT_PAGES = (
    "case",
    "holder",
    "people",
    "purpose",
    "basis",
    "information",
    "why",
    "recipients",
    "needed-by",
    "circumstances",
)


@pytest.fixture(scope="module")
def forms(place: Place) -> dict[str, tuple[str, str]]:
    """Every form: its name, who may send it, and where it is."""
    gateway, world = place.gateway, place.world
    draft = drafted(gateway, world)
    off_case = drafted(gateway, world, case={"case_id": "not_on", "case_reference": "P-001"})
    asked, questioned, outside = put(gateway, world), put(gateway, world), put_from_outside(gateway, world)
    with gateway.store.writing() as unit:
        desk.need_more(unit, actor_for_post(unit, world.holder), questioned, "Which day?")
    line = lines_of(gateway, world, asked)[0]
    referred = lines_of(gateway, world, put(gateway, world, categories=("visor_record",)))[0]
    parcel = sent(gateway, world)
    read(gateway, world, parcel)
    tasks = {
        kind: owed(gateway, world, asked, kind) for kind in (EMERGENCY_REVIEW, RECONSIDER, "inform_subject")
    }
    key = _own_key(place)
    found = {f"draft {slug}": (world.asker, f"{draft}/{slug}") for slug in DRAFT_PAGES}
    found |= {
        "start": (world.asker, "/staff/ask"),
        "draft person": (world.asker, f"{off_case}/person"),
        "check": (world.asker, f"{draft}/check"),
        "discard": (world.asker, f"{draft}/discard"),
        "cancel": (world.asker, f"/staff/requests/{asked}/cancel"),
        "answer": (world.asker, f"/staff/requests/{questioned}/answer"),
        "need more": (world.holder, f"/staff/desk/{asked}/need-more"),
        "declare": (world.holder, f"/staff/desk/{asked}/declare"),
        "identify": (world.holder, f"/staff/desk/{outside}/identify"),
        "release": (world.holder, f"/staff/desk/lines/{line}/release"),
        "decline": (world.holder, f"/staff/desk/lines/{line}/decline"),
        "nothing held": (world.holder, f"/staff/desk/lines/{line}/nothing-held"),
        "authorise": (world.authoriser, f"/staff/authorisations/{referred}"),
        "review": (world.holder, f"/staff/tasks/{tasks[EMERGENCY_REVIEW]}/review"),
        "task": (world.holder, f"/staff/tasks/{tasks['inform_subject']}"),
        "failed": (world.asker, f"/staff/parcels/{parcel}/failed"),
        "withdraw key": (world.asker, f"/staff/keys/{key}/withdraw"),
        "approach": (world.asker, "/staff/approaches/new"),
        "cover": (world.holder, "/staff/cover"),
        "risk": (world.asker, "/staff/known/risk"),
        "conflict": (world.asker, "/staff/known/conflict"),
    }
    return found


NAMES = [f"draft {slug}" for slug in DRAFT_PAGES] + [
    "start", "draft person", "check", "discard", "cancel", "answer", "need more", "declare", "identify", "release",
    "decline", "nothing held", "authorise", "review", "task", "failed", "withdraw key", "approach", "cover",
    "risk", "conflict",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_gives_the_page_back_with_the_field_and_the_remedy(
    web: Web, forms: dict[str, tuple[str, str]], name: str
) -> None:
    _send_all(web, *forms[name], QUICKLY)


@pytest.mark.assure
@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_bad_input_does(web: Web, forms: dict[str, tuple[str, str]], name: str) -> None:
    _send_all(web, *forms[name], set(BAD))


def _send_all(web: Web, post_id: str, address: str, kinds: set[str]) -> None:
    web.sign_in(post_id)
    shown = web.page(address)
    chosen = shown.forms()[-1]
    for field, kind in _fields(chosen):
        for what in kinds:
            if what in {"code", "id"} and kind in {"textarea", "text", "hidden"}:
                continue  # as words these are as good as any
            _send(web, shown, chosen, field, kind, what, BAD[what])


def _send(web: Web, shown: Page, chosen: Element, field: str, kind: str, what: str, value: str) -> None:
    sent = {**_harmless(chosen), field: value}
    response = web.client.post(chosen.get("action") or shown.path, data=sent)
    told = f"{shown.path}: {field} ({kind}) sent {what}: {response.status_code}"
    assert response.status_code in {200, 302, 400, 413, 422}, told
    if _must_be_refused(field, kind, what):
        assert response.status_code == 422, told
    if response.status_code == 422:
        assert "govuk-error-summary" in response.text, told
        assert "<title>Error: " in response.text, told
        if what == "control":  # parsing takes longer than answering
            checked(response, 422)


def _must_be_refused(field: str, kind: str, what: str) -> bool:
    if field in {"csrf_token", "warned"} or kind == "checkbox-one":
        return False
    if field == "once":
        return True
    if what == "empty":
        return (
            field.split("-", maxsplit=1)[0] not in OPTIONAL
            and not field.startswith("words_")
            and kind != "date"
        )
    if kind in {"radio", "checkbox", "select"}:
        return True
    if kind == "date":
        return True
    return what in UNREADABLE or what == "long"


def _harmless(form: Element) -> dict[str, Any]:
    """The form as it stands, but with required text and choices missing, so that nothing here ever takes effect."""
    values = filled(form)
    return {
        name: value
        for name, value in values.items()
        if name in {"csrf_token", "once"} or name.startswith("data_as")
    }


def _fields(form: Element) -> Iterator[tuple[str, str]]:
    seen = set()
    for element in form.iter():
        name = element.get("name")
        family = (name or "").split("_")[0] if (name or "").startswith("words_") else name
        if not name or family in seen or name == "csrf_token" or element.tag == "button":
            continue
        seen.add(family)
        yield name, _kind(form, element, name)


def _kind(form: Element, element: Element, name: str) -> str:
    kind = element.get("type", "text") if element.tag == "input" else element.tag
    if name.endswith(("-day", "-month", "-year")):
        return "date"
    if kind == "checkbox" and element.get("value") == "y":
        return "checkbox-one"
    return kind


def _own_key(place: Place) -> str:
    with place.gateway.store.reading() as unit:
        return keyring.mine(unit, actor_for_post(unit, place.world.asker))[0].id


def test_the_search_notices_a_form_that_takes_unreadable_text(
    web: Web, forms: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.forms.is_plain", lambda _: True)
    with pytest.raises(AssertionError):
        _send_all(web, *forms["draft why"], {"turned"})


def test_the_search_notices_a_page_that_breaks(
    web: Web, forms: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.staff.journey.save", lambda *_: 1 / 0)
    post_id, address = forms["draft purpose"]
    web.sign_in(post_id)
    shown = web.page(address)
    with pytest.raises(AssertionError, match="500"):
        _send(web, shown, shown.forms()[-1], "purpose", "radio", "id", "public_protection")
