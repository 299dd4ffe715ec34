"""After the story no payload and no person lies in the clear in what is stored."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
from sqlmodel import select

from gateway.cli.demo_stage import Stage
from gateway.disclosure.content import Content
from gateway.disclosure.models import Message, Request
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit
from tests.sealing.search import holds
from tests.stored import where_found
from tests.told import PERMITTED

SENTINEL = "Quixotic-Narwhal-7731"
PLANTED = "Quixotic-Walrus-1377"


@pytest.fixture
def told(stage: Stage) -> Stage:
    line_id = stage.ask(PERMITTED)["convictions"]
    stage.release("police-ppu", line_id, Content(text=f"One conviction. {SENTINEL}."), "Plan; officer")
    stage.open("probation-om", line_id)
    return stage


def test_no_payload_is_stored_in_the_clear(told: Stage) -> None:
    assert where_found(told.gateway.store, SENTINEL) == []


def test_no_subject_and_no_reason_is_stored_in_the_clear(told: Stage) -> None:
    for words in ("Robin Invented", "Jess Invented", "Lantern duty line", PERMITTED.why):
        assert where_found(told.gateway.store, words) == []


@pytest.mark.parametrize("shape", ["utf-8", "utf-16-le", "hex", "base64", "zip"])
def test_the_search_finds_what_is_planted(quick_stage: Stage, shape: str) -> None:
    quick_stage.ask(PERMITTED)

    def plant(unit: Unit, actor: Actor) -> None:
        request = unit.session.exec(select(Request)).one()
        row = Message(
            partnership_id=actor.partnership_id,
            request_id=request.id,
            from_post_id=actor.post_id,
            words=_planted(shape),
        )
        unit.session.add(row)

    quick_stage.by("police-ppu", plant)
    assert "message" in where_found(quick_stage.gateway.store, PLANTED)


def _planted(shape: str) -> bytes:
    if shape == "hex":
        return PLANTED.encode().hex().encode()
    if shape == "base64":
        return base64.b64encode(b"x" + PLANTED.encode())
    if shape != "zip":
        return PLANTED.encode(shape)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", PLANTED)
    return held.getvalue()


def test_nothing_is_left_in_temporary_files(told: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Cleaning and sealing pass through memory; the test's whole temporary folder is searched."""
    root = tmp_path_factory.getbasetemp()
    held = [path for path in root.rglob("*") if path.is_file() and holds(path.read_bytes(), SENTINEL)]
    assert held == []
