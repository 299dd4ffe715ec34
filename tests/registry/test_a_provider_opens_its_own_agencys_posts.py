"""An agency's provider never signs anybody into another agency's post, whatever identity it names."""

from __future__ import annotations

import pytest

from gateway.cli.demo_stage import Stage
from gateway.registry.models import IdentityProvider, Post
from gateway.registry.sign_in import posts_of_identity, posts_of_person
from gateway.store.unit_of_work import Unit

POLICE, PROBATION, SHARED = "https://police.invalid", "https://probation.invalid", "https://shared.invalid"


@pytest.fixture
def person_id(quick_stage: Stage) -> str:
    """Somebody with a post in each of three agencies, of which two have a provider."""

    def make(unit: Unit) -> str:
        person_id = unit.session.get_one(Post, quick_stage.post_id(unit, "probation-om")).person_id
        for code in ("police-ppu", "housing-officer"):
            post = unit.session.get_one(Post, quick_stage.post_id(unit, code))
            post.person_id = person_id
            unit.session.add(post)
        for code, issuer in (("police", POLICE), ("probation", PROBATION)):
            unit.session.add(
                IdentityProvider(
                    partnership_id=quick_stage.partnership_id(unit),
                    agency_id=quick_stage.agency_id(unit, code),
                    issuer=issuer,
                    client_id="gateway",
                    client_key_name="gateway",
                )
            )
        return person_id

    return quick_stage.do(make)


@pytest.mark.parametrize(
    ("issuer", "for_partnership", "roles"),
    [
        (POLICE, False, ["public_protection_officer"]),
        (PROBATION, False, ["offender_manager"]),
        (SHARED, True, ["housing_officer"]),
        (SHARED, False, []),
        ("https://nobody.invalid", False, []),
    ],
)
def test_only_posts_of_the_providers_agency_are_opened(
    quick_stage: Stage, person_id: str, issuer: str, for_partnership: bool, roles: list[str]
) -> None:
    found = quick_stage.do(
        lambda unit: posts_of_identity(unit, person_id, issuer, for_partnership=for_partnership)
    )
    assert [one.view.role for one in found] == roles


def test_the_control_has_three_posts(quick_stage: Stage, person_id: str) -> None:
    assert len(quick_stage.do(lambda unit: posts_of_person(unit, person_id))) == 3
