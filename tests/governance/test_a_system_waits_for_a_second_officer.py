"""A system of an agency is let in by a second officer, signed in, who didn't register it and doesn't hold its post."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlmodel import select

from gateway.api import clients
from gateway.api.models import ApiClient
from gateway.cli.demo_stage import Stage
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.notices.who import to_tell
from gateway.registry import people
from gateway.registry.models import Post
from gateway.sealing.public_key import check_public_jwk
from gateway.store.unit_of_work import Unit
from tests.api.client import System
from tests.api.conftest import APPROVER, AUTHOR, connected
from tests.web import second
from tests.web.pages import Page, Web

COUNTED = "Systems to approve"


@pytest.fixture
def waiting(quick_stage: Stage) -> System:
    """A system in the public-protection officer's post that nobody approved."""
    return connected(quick_stage, "police-ppu", approve=False)


def officer(stage: Stage, code: str) -> Web:
    return second.signed_in(stage.gateway, code)


def page_of(stage: Stage, code: str, system: System, *, status: int = 200) -> Page:
    return officer(stage, code).page(f"/governance/systems/{system.client_id}", status=status)


def sent(stage: Stage, code: str, system: System, what: str, status: int) -> str:
    """What an officer reads who sends the form of an act, whether or not her page leads there."""
    web = officer(stage, code)
    shown = web.page(f"/governance/systems/{system.client_id}/{what}")
    return web.submit(shown, status=status).text


def is_counted(stage: Stage, code: str) -> bool:
    return COUNTED in officer(stage, code).page("/governance/").text


def test_it_signs_in_once_another_officer_has_approved_it_in_her_pages(
    quick_stage: Stage, waiting: System
) -> None:
    assert waiting.sign_in().status_code == 401
    assert (
        "may sign in from now"
        in second.approves_system(quick_stage.gateway, APPROVER, waiting.client_id).text
    )
    assert waiting.sign_in().status_code == 200
    assert "Approved by" in page_of(quick_stage, AUTHOR, waiting).text


def test_whoever_may_approve_finds_it_on_her_first_page_and_is_told_and_nobody_else(
    quick_stage: Stage, waiting: System
) -> None:
    officers = {AUTHOR: False, APPROVER: True, "police-ig": True, "probation-ig": False}
    assert {code: is_counted(quick_stage, code) for code in officers} == officers

    def told(unit: Unit) -> set[str]:
        partnership_id = quick_stage.partnership_id(unit)
        chosen = read.Filter(kinds=(EntryKind.AGENCY_CHANGED,))
        newest = max(
            read.entries_in_partnership(unit, partnership_id, chosen).entries, key=lambda one: one.at
        )
        return {code for code in officers if quick_stage.post_id(unit, code) in to_tell(unit, newest)}

    assert quick_stage.do(told) == {APPROVER, "police-ig"}
    quick_stage.later(hours=1)
    second.approves_system(quick_stage.gateway, APPROVER, waiting.client_id)
    assert not any(is_counted(quick_stage, code) for code in officers)
    assert quick_stage.do(told) == set()  # an approval is told to nobody


def test_neither_her_who_registered_it_nor_the_holder_of_its_post_approves(
    quick_stage: Stage, waiting: System
) -> None:
    def also_an_officer(unit: Unit) -> None:
        theirs = unit.session.get_one(Post, quick_stage.post_id(unit, "police-ig"))
        holder = unit.session.get_one(Post, quick_stage.post_id(unit, "police-ppu")).person_id
        kept = theirs.model_dump(exclude={"id", "code", "person_id", "created_at"})
        unit.session.add(Post(**kept, code="second-hat", person_id=holder))

    quick_stage.do(also_an_officer)
    for code in (AUTHOR, "second-hat"):
        assert "Approve it" not in page_of(quick_stage, code, waiting).links()
        assert "another person" in sent(quick_stage, code, waiting, "approve", 403)
        assert not is_counted(quick_stage, code)
    assert waiting.sign_in().status_code == 401
    assert "Approve it" in page_of(quick_stage, "police-ig", waiting).links()  # the control
    sent(quick_stage, "police-ig", waiting, "approve", 200)
    assert waiting.sign_in().status_code == 200


def test_an_officer_of_another_agency_finds_no_system(quick_stage: Stage, waiting: System) -> None:
    web = officer(quick_stage, "probation-ig")
    for end in ("", "/approve", "/end"):
        web.page(f"/governance/systems/{waiting.client_id}{end}", status=404)
    assert "Case system" not in web.page("/governance/systems").text
    assert "Case system" in officer(quick_stage, "police-ig").page("/governance/systems").text


@pytest.mark.parametrize("code", [AUTHOR, APPROVER, "police-ig"])
def test_any_of_them_ends_it_at_once(quick_stage: Stage, code: str) -> None:
    system = connected(quick_stage, "police-ppu")
    system.sign_in()
    assert system.call("GET", "/parcels").status_code == 200
    assert "has ended" in sent(quick_stage, code, system, "end", 200)
    assert system.call("GET", "/parcels").status_code == 401
    assert "already ended" in sent(quick_stage, code, system, "end", 409)


def test_what_was_refused_is_not_approved_afterwards(quick_stage: Stage, waiting: System) -> None:
    assert "is refused" in sent(quick_stage, AUTHOR, waiting, "end", 200)
    assert "already answered" in sent(quick_stage, APPROVER, waiting, "approve", 409)
    assert waiting.sign_in().status_code == 401
    assert "Refused" in page_of(quick_stage, APPROVER, waiting).text


def test_the_key_is_shown_as_its_makers_see_it(quick_stage: Stage, waiting: System) -> None:
    public = check_public_jwk(waiting.key.as_dict(private=False))
    shown = page_of(quick_stage, APPROVER, waiting).text
    assert public.kid == waiting.key.thumbprint()  # RFC 7638, by two programs
    assert public.kid in shown
    assert public.fingerprint in shown


def test_nothing_is_approved_for_a_post_that_is_over(quick_stage: Stage, waiting: System) -> None:
    quick_stage.do(
        lambda unit: people.end_post_as_operator(unit, "meadowshire", "police-ppu", "She left the force.")
    )
    assert "Refuse it" in page_of(quick_stage, APPROVER, waiting).text
    assert is_counted(quick_stage, AUTHOR)  # nobody can approve it: whoever sees it refuses it
    sent(quick_stage, APPROVER, waiting, "approve", 409)


def test_that_nobody_can_approve_is_said(quick_stage: Stage) -> None:
    system = connected(quick_stage, "police-ppu", approve=False)
    for code in (APPROVER, "police-ig"):
        quick_stage.do(
            lambda unit, code=code: people.end_post_as_operator(unit, "meadowshire", code, "She left us.")  # type: ignore[misc]
        )
    assert "Nobody can approve this" in page_of(quick_stage, AUTHOR, system).text
    assert is_counted(quick_stage, AUTHOR)


def register(stage: Stage, code: str, post: str, jwk: Any, *, status: int = 200) -> str:
    """What an officer reads who registers a system in her pages."""
    web = officer(stage, code)
    shown = web.page(f"/governance/posts/{stage.do(lambda unit: stage.post_id(unit, post))}/system")
    typed = {"name": "Case system", "jwk": jwk if isinstance(jwk, str) else json.dumps(jwk)}
    return web.submit(shown, typed, status=status).text


def rows(stage: Stage) -> list[ApiClient]:
    return stage.do(lambda unit: list(unit.session.exec(select(ApiClient))))


def test_an_officer_registers_one_from_the_page_of_its_post(quick_stage: Stage) -> None:
    post_id = quick_stage.do(lambda unit: quick_stage.post_id(unit, "police-ppu"))
    links = officer(quick_stage, "police-ig").page(f"/governance/posts/{post_id}").links()
    assert f"/governance/posts/{post_id}/system" in links.values()
    public = ECKey.generate_key("P-256").as_dict(private=False)
    assert "waits for a second officer" in register(quick_stage, "police-ig", "police-ppu", public)
    assert [(row.post_id, row.approved_by_post_id) for row in rows(quick_stage)] == [(post_id, None)]
    again = register(quick_stage, "police-ig", "police-ppu", public, status=422)
    assert "Make a new key for this system" in again
    assert len(rows(quick_stage)) == 1


@pytest.mark.parametrize(
    "jwk",
    [
        "no key",
        "[" * 999,
        "[]",
        {"kty": 1},
        {"kty": "EC", "crv": "P-256", "x": "AA"},
        ECKey.generate_key("P-256").as_dict(private=True),
    ],
)
def test_what_is_no_public_key_is_said_beside_the_field(quick_stage: Stage, jwk: Any) -> None:
    assert "Give a public P-256 key" in register(quick_stage, "police-ig", "police-ppu", jwk, status=422)
    assert rows(quick_stage) == []


def test_nobody_registers_one_for_a_post_of_her_own_nor_for_an_officers(quick_stage: Stage) -> None:
    public = ECKey.generate_key("P-256").as_dict(private=False)
    register(quick_stage, "police-ig", "police-ig", public, status=403)
    assert "post of staff only" in register(quick_stage, AUTHOR, "police-ig", public, status=422)
    assert rows(quick_stage) == []


def test_who_registered_approved_and_ended_it_is_in_the_log(quick_stage: Stage, waiting: System) -> None:
    sent(quick_stage, APPROVER, waiting, "approve", 200)
    sent(quick_stage, "police-ig", waiting, "end", 200)

    def steps(unit: Unit) -> list[tuple[Any, str | None]]:
        chosen = read.Filter(kinds=(EntryKind.AGENCY_CHANGED,))
        found = read.entries_in_partnership(unit, quick_stage.partnership_id(unit), chosen).entries
        ours = [one for one in found if one.refs.get("client") == waiting.client_id]
        return [(one.codes["system"], one.actor_post_id) for one in sorted(ours, key=lambda one: one.at)]

    posts = quick_stage.do(
        lambda unit: [quick_stage.post_id(unit, one) for one in (AUTHOR, APPROVER, "police-ig")]
    )
    assert sorted(quick_stage.do(steps)) == sorted(
        zip(("registered", "approved", "ended"), posts, strict=True)
    )


def test_what_was_approved_is_not_approved_again(quick_stage: Stage, waiting: System) -> None:
    quick_stage.by(APPROVER, lambda unit, actor: clients.approve(unit, actor, waiting.client_id))
    sent(quick_stage, "police-ig", waiting, "approve", 409)
