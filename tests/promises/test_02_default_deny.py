"""Nothing is permitted unless a rule that could be read and evaluated permits it."""

from __future__ import annotations

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Ask, Stage
from gateway.decision import decide as deciding
from gateway.disclosure.models import Line, LineDecision
from gateway.errors import Invalid
from gateway.policy.models import PolicyActivation, PolicyVersion
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome
from tests.told import PERMITTED


def _decided(stage: Stage, line_id: str) -> LineDecision:
    def latest(unit: Unit) -> LineDecision:
        return unit.session.get_one(LineDecision, unit.session.get_one(Line, line_id).latest_decision_id)

    return stage.do(latest)


def test_the_control_is_permitted(quick_stage: Stage) -> None:
    assert _decided(quick_stage, quick_stage.ask(PERMITTED)["convictions"]).outcome == Outcome.PERMIT


def test_without_an_active_policy_everything_is_refused(quick_stage: Stage) -> None:
    def deactivate(unit: Unit) -> None:
        for row in unit.session.exec(select(PolicyActivation)):
            unit.session.delete(row)

    quick_stage.do(deactivate)
    decided = _decided(quick_stage, quick_stage.ask(PERMITTED)["convictions"])
    assert (decided.outcome, decided.reason_code) == (Outcome.DENY, "no_policy")


@pytest.mark.parametrize("change", ["widened", "unreadable", "swapped"])
def test_a_policy_whose_text_was_changed_in_the_database_decides_nothing(
    quick_stage: Stage, change: str
) -> None:
    def alter(unit: Unit) -> None:
        row = unit.session.exec(select(PolicyVersion)).one()
        files = dict(row.files)
        if change == "widened":
            files["mappa.toml"] = files["mappa.toml"].replace(
                '"cja2003_s325"', '"cja2003_s325", "none_stated"'
            )
        elif change == "unreadable":
            files["core.toml"] = "this is [not TOML"
        else:
            files["mappa.toml"] = files["marac.toml"]
        row.files = files
        unit.session.add(row)

    quick_stage.do(alter)
    decided = _decided(quick_stage, quick_stage.ask(PERMITTED)["convictions"])
    assert decided.outcome == Outcome.DENY


def test_any_fault_while_deciding_is_a_refusal(quick_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("a rule that can't be evaluated")

    monkeypatch.setattr(deciding, "verdict", broken)
    decided = _decided(quick_stage, quick_stage.ask(PERMITTED)["convictions"])
    assert (decided.outcome, decided.reason_code) == (Outcome.DENY, "not_evaluable")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("categories", ("no_such_kind",)),
        ("purpose", "no_such_purpose"),
        ("powers", ("no_such_power",)),
        ("regime", "no_such_regime"),
        ("condition", "no_such_condition"),
        ("confidence", "no_such_basis"),
    ],
)
def test_an_unknown_term_is_refused_by_name(quick_stage: Stage, field: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        quick_stage.ask(Ask(**{**vars(PERMITTED), field: value}))
    assert len(caught.value.fields) == 1
