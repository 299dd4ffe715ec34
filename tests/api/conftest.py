"""Systems of Meadowshire's agencies, registered by one officer and approved by another."""

from __future__ import annotations

import pytest
from joserfc.jwk import ECKey

from gateway.api import clients
from gateway.cli.demo_stage import Stage
from tests.api.client import System
from tests.web.fixtures import shared_app

AUTHOR, APPROVER = "office-ig", "office-ig-2"


def connected(stage: Stage, post: str, *, approve: bool = True) -> System:
    """A system that acts in a post: registered by the partnership's officer, approved by the other one."""
    key = ECKey.generate_key("P-256")
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    client_id = stage.by(
        AUTHOR,
        lambda unit, actor: clients.register(
            unit, actor, post_id=stage.post_id(unit, post), name="Case system", jwk=public
        ),
    )
    if approve:
        stage.by(APPROVER, lambda unit, actor: clients.approve(unit, actor, client_id))
    return System(shared_app(stage.gateway), stage, client_id, key)


@pytest.fixture
def police(quick_stage: Stage) -> System:
    """A system in the public-protection officer's post."""
    return connected(quick_stage, "police-ppu")
