"""What a rule refers waits for a person on a page: no operation of the API decides it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from gateway import api
from gateway.api import v1
from gateway.api.openapi import document
from gateway.cli.demo_stage import Stage
from gateway.disclosure import authorise
from gateway.disclosure.models import Line, LineState
from tests.api.client import BASE, thumb
from tests.api.conftest import connected
from tests.told import PERMITTED


def _imported(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_no_operation_authorises() -> None:
    said = [
        f"{path} {one.get('operationId', '')} {one.get('summary', '')}".lower()
        for path, methods in document()["paths"].items()
        for one in methods.values()
    ]
    assert len(said) > 10, v1.__name__
    assert not [one for one in said if "authoris" in one or "referred" in one]


def test_the_api_does_not_hold_the_verb() -> None:
    verb = authorise.__name__
    assert verb in _imported("from gateway.disclosure import authorise, desk")  # the control
    for file in Path(api.__path__[0]).glob("*.py"):
        assert verb not in _imported(file.read_text(encoding="utf-8")), file.name


def test_a_system_in_the_post_of_who_decides_finds_nothing_there(quick_stage: Stage) -> None:
    chair = connected(quick_stage, "mappa-chair")
    line_id = quick_stage.ask(replace(PERMITTED, categories=("minutes",), recipients=("health-lead",)))[
        "minutes"
    ]
    assert chair.sign_in().status_code == 200
    path = f"/api/v1/lines/{line_id}/authorisation"
    headers = {
        "Authorization": f"DPoP {chair.token}",
        "DPoP": chair.proof("POST", f"{BASE}{path}", ath=thumb(chair.token)),
    }
    body = {"grants": True, "reasons": "It protects."}
    answer = chair.app.test_client().post(path, base_url=BASE, json=body, headers=headers)
    assert answer.status_code == 404
    assert quick_stage.do(lambda unit: unit.session.get_one(Line, line_id).state) == LineState.REFERRED
    # The control: the person herself decides it.
    quick_stage.by(
        "mappa-chair",
        lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons="It protects."),
    )
