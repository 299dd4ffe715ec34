"""An author is not the approver is not the beneficiary; tightening takes one."""

from __future__ import annotations

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import authorise, keyring
from gateway.disclosure.models import Authorisation, LineState
from gateway.errors import Forbidden, NotFound
from gateway.registry.models import Post
from gateway.sealing.models import RecipientKey
from tests.promises.against_her_wish import REASONS, asked, grant, second, state


@pytest.fixture
def referred(quick_stage: Stage) -> str:
    """A line that waits for the chair, because she withdrew and the risk is high."""
    line_id = asked(quick_stage)
    assert state(quick_stage, line_id) == LineState.REFERRED
    return line_id


def test_one_grant_lifts_nothing_and_two_people_do(quick_stage: Stage, referred: str) -> None:
    given = grant(quick_stage, "marac-chair", referred)
    assert state(quick_stage, referred) == LineState.REFERRED
    second(quick_stage, "marac-deputy", given)
    assert state(quick_stage, referred) == LineState.TO_RELEASE


def test_the_same_person_cannot_second(quick_stage: Stage, referred: str) -> None:
    given = grant(quick_stage, "marac-chair", referred)
    with pytest.raises(Forbidden):
        second(quick_stage, "marac-chair", given)


@pytest.mark.parametrize("who", ["police-ppu", "lantern-idva", "office-ig", "lantern-advocate"])
def test_nobody_without_the_role_can_grant(quick_stage: Stage, referred: str, who: str) -> None:
    with pytest.raises(NotFound):
        grant(quick_stage, who, referred)


@pytest.mark.parametrize("interest", ["requester", "recipient"])
def test_who_asked_or_would_receive_cannot_grant(quick_stage: Stage, referred: str, interest: str) -> None:
    """Two posts of one person are one person: the chair's second post asks, or receives."""

    def share_a_person(unit):  # type: ignore[no-untyped-def]
        chair = unit.session.get_one(Post, quick_stage.post_id(unit, "marac-chair"))
        other = "marac-coordinator" if interest == "requester" else "housing-officer"
        post = unit.session.get_one(Post, quick_stage.post_id(unit, other))
        post.person_id = chair.person_id
        unit.session.add(post)

    quick_stage.do(share_a_person)
    with pytest.raises(Forbidden):
        grant(quick_stage, "marac-chair", referred)


def test_a_refusal_takes_one(quick_stage: Stage, referred: str) -> None:
    quick_stage.by(
        "marac-chair",
        lambda unit, actor: authorise.authorise(unit, actor, referred, grants=False, reasons=REASONS),
    )
    assert state(quick_stage, referred) == LineState.REFUSED


def test_a_grant_row_without_its_second_does_not_lift(quick_stage: Stage, referred: str) -> None:
    from gateway.disclosure.facts import is_standing

    given = grant(quick_stage, "marac-chair", referred)
    row = quick_stage.do(lambda unit: unit.session.get_one(Authorisation, given))
    assert quick_stage.do(lambda unit: is_standing(row, unit)) is False
    row.seconded_at = quick_stage.clock.now()
    assert quick_stage.do(lambda unit: is_standing(row, unit)) is True


def test_a_key_is_approved_by_neither_its_author_nor_its_holder(quick_stage: Stage) -> None:
    def promoted(unit):  # type: ignore[no-untyped-def]
        holder = unit.session.get_one(Post, quick_stage.post_id(unit, "social-worker"))
        officer = unit.session.get_one(Post, quick_stage.post_id(unit, "office-ig"))
        officer.person_id = holder.person_id
        unit.session.add(officer)

    quick_stage.do(promoted)
    with pytest.raises(Forbidden):
        quick_stage.make_keys("social-worker", approver="office-ig")


def test_a_key_is_revoked_by_one_at_once(quick_stage: Stage) -> None:
    key_id = quick_stage.by("probation-om", lambda unit, actor: keyring.mine(unit, actor)[0].id)
    quick_stage.by("probation-om", lambda unit, actor: keyring.revoke(unit, actor, key_id, "lost"))
    assert quick_stage.do(lambda unit: unit.session.get_one(RecipientKey, key_id).state) == "revoked"
