"""An officer who governs reads row by row who would get what, with the file's SHA-256, and approves or refuses it."""

from __future__ import annotations

import hashlib

import pytest

from gateway.registry import models, offers
from tests.governance.test_the_officers_pages import _filled, officer
from tests.registry.sample import Sample
from tests.web.pages import Web

IDENTITY = '  sub = "8f1c2b"\n'
STRANGER = IDENTITY + (
    '  [[people.identities]]\n  issuer = "https://sign-in.police.brackenvale.example"\n  sub = "made-up"\n'
)


@pytest.fixture
def text(example: str) -> str:
    """A file that would let somebody else sign in as a police officer, and end a post."""
    return example.replace(IDENTITY, STRANGER).replace(
        'role = "idva"\n', 'role = "idva"\n  ends_on = 2026-12-24\n'
    )


@pytest.fixture
def address(sample: Sample, text: str) -> str:
    """The page on which it waits."""
    found = offers.offer_import(sample.store, text).proposal
    assert found is not None
    return f"/governance/proposals/{found.proposal_id}"


def sign_ins(sample: Sample) -> int:
    from sqlmodel import select

    with sample.reading() as unit:
        return len(unit.session.exec(select(models.SignInIdentity)).all())


def test_it_is_found_from_the_first_page_read_row_by_row_and_approved(
    sample: Sample, web: Web, text: str, address: str
) -> None:
    officer(sample, web)
    assert "Changes of the register to approve" in web.page("/governance/").text
    assert address in web.page("/governance/proposals").links().values()
    for page in (address, f"{address}/approve"):
        shown = web.page(page).text
        assert hashlib.sha256(text.encode()).hexdigest() in shown
        assert "Sign-in of a person Ines Okafor New" in shown
        assert "known to the provider as: made-up" in shown
        assert "last day: none becomes 24 December 2026 Narrows" in shown
        assert "Mirela" not in shown
    before = sign_ins(sample)
    done = web.submit(web.page(f"{address}/approve"))
    assert "The register is changed." in done.text
    assert sign_ins(sample) == before + 1
    assert "Approved and done" in web.page(address).text
    assert "made-up" not in web.page(address).text
    assert "Changes of the register" not in web.page("/governance/").text


def test_it_is_refused_and_nothing_of_it_is_done(sample: Sample, web: Web, address: str) -> None:
    officer(sample, web)
    before = sign_ins(sample)
    assert "Nothing of it was done" in web.submit(web.page(f"{address}/refuse")).text
    assert sign_ins(sample) == before
    late = web.page(f"{address}/approve")
    assert web.client.post(late.path, data=_filled(late)).status_code == 409


def test_what_the_register_no_longer_takes_is_refused_in_a_sentence(
    sample: Sample, web: Web, address: str
) -> None:
    officer(sample, web)
    shown = web.page(f"{address}/approve")
    with sample.writing() as unit:
        post = unit.session.get_one(models.Post, sample.id("post", "harbour-idva-1"))
        post.person_id = sample.id("person", "p-101")
    refused = web.client.post(shown.path, data=_filled(shown))
    assert refused.status_code == 409
    assert "The register has changed since this was proposed" in refused.text
    assert "propose it again" in refused.text


def test_who_gains_is_not_offered_to_approve_and_may_not(sample: Sample, web: Web, example: str) -> None:
    own = example.replace(
        'name = "Asta Brannigan"\ntrained_until = 2027-01-31',
        'name = "Asta Brannigan"\ntrained_until = 2029-01-31',
    )
    found = offers.offer_import(sample.store, own).proposal
    assert found is not None
    officer(sample, web)
    shown = web.page(f"/governance/proposals/{found.proposal_id}")
    assert "Nobody can approve this" in shown.text
    assert "Import another officer" in shown.text
    assert "Approve it" not in shown.links()
    form = web.page(f"/governance/proposals/{found.proposal_id}/approve")
    assert web.client.post(form.path, data=_filled(form)).status_code == 403


def test_an_officer_of_an_agency_alone_sees_none_of_it(sample: Sample, web: Web, address: str) -> None:
    officer(sample, web, "police-ig-1")
    for page in (address, f"{address}/approve", f"{address}/refuse", f"{address}/looked-at"):
        assert web.client.get(page).status_code == 404
    assert "Register file" not in web.page("/governance/proposals").text
    assert "Changes of the register to approve" not in web.page("/governance/").text


def test_what_acted_at_once_is_looked_at(sample: Sample, web: Web, example: str) -> None:
    narrower = example.replace('role = "idva"\n', 'role = "idva"\n  ends_on = 2026-12-24\n')
    assert offers.offer_import(sample.store, narrower).acted
    officer(sample, web)
    [href] = [
        href
        for text, href in web.page("/governance/proposals").links().items()
        if text.startswith("Register file")
    ]
    assert "What it changed: 1 row" in web.page(href).text
    assert "It is recorded" in web.submit(web.page(f"{href}/looked-at")).text
    assert "Done and looked at" in web.page("/governance/proposals").text
