"""Alex withdrew, and the conference asks for her address all the same: only two people together let it through."""

from __future__ import annotations

from dataclasses import replace

from gateway.cli import demo_heard
from gateway.cli.demo_stage import Stage
from gateway.disclosure import authorise, withdraw
from gateway.disclosure.models import Line
from tests.told import AGREED

REASONS = "The child is at risk whatever she wishes."


def asked(stage: Stage) -> str:
    """The line for the housing officer, which waits for the chair; its id."""
    consent_id = demo_heard.consent_to_housing(stage)
    stage.by(
        "lantern-idva",
        lambda unit, actor: withdraw.withdraw_consent(unit, actor, consent_id, by_subject=True),
    )
    by_the_conference = replace(
        AGREED,
        who="marac-coordinator",
        powers=("cda1998_s115", "public_interest"),
        condition="sch1_para18_safeguarding",
        confidence="public_interest",
    )
    return stage.ask(by_the_conference)["address_current"]


def state(stage: Stage, line_id: str) -> str:
    """Where a line stands."""
    return stage.do(lambda unit: unit.session.get_one(Line, line_id).state)


def grant(stage: Stage, who: str, line_id: str) -> str:
    """Grant it as one; gives the authorisation's id."""
    return stage.by(
        who, lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons=REASONS).id
    )


def second(stage: Stage, who: str, authorisation_id: str) -> None:
    """Agree as the other."""
    stage.by(
        who,
        lambda unit, actor: authorise.second(unit, actor, authorisation_id, agrees=True, reasons=REASONS),
    )
