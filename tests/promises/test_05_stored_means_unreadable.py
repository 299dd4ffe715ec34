"""After the story no payload and no person lies in the clear in what is stored."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway.cli.demo_stage import Stage
from gateway.disclosure.content import Content
from gateway.store.unit_of_work import Store
from tests.told import PERMITTED

SENTINEL = "Quixotic-Narwhal-7731"
PLANTED = "Quixotic-Walrus-1377"


def forms_of(text: str) -> dict[str, bytes]:
    """A text in the shapes in which it could lie about: as it is, UTF-16, and the three alignments of base64."""
    plain = text.encode()
    forms = {"plain": plain, "utf-16": text.encode("utf-16-le"), "hex": plain.hex().encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + plain)
        forms[f"base64+{shift}"] = encoded[4 if shift else 0 : -4]
    return forms


def found_in(haystack: bytes, text: str) -> list[str]:
    """In which shapes a text is in some bytes, inside zip members too."""
    found = [shape for shape, needle in forms_of(text).items() if needle in haystack]
    start = haystack.find(b"PK\x03\x04")
    return found if start < 0 else found + _in_zip(haystack[start:], text.encode())


def _in_zip(data: bytes, needle: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [f"zip:{name}" for name in archive.namelist() if needle in archive.read(name)]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return []


def stored(store: Store) -> Iterator[tuple[str, bytes]]:
    """Every table's every value, and on SQLite the files themselves with their WAL."""
    with store.engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                yield table.name, b"\n".join(_bytes(value) for value in row)
    file = store.engine.url.database
    if store.dialect == "sqlite" and file:
        for path in Path(file).parent.glob(Path(file).name + "*"):
            yield path.name, path.read_bytes()


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def where_found(store: Store, text: str) -> list[tuple[str, list[str]]]:
    return [(where, shapes) for where, data in stored(store) if (shapes := found_in(data, text))]


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


@pytest.mark.parametrize("shape", ["plain", "utf-16", "hex", "base64+0", "base64+1", "base64+2", "zip"])
def test_the_search_finds_what_is_planted(quick_stage: Stage, shape: str) -> None:
    from gateway.disclosure.models import Message

    quick_stage.ask(PERMITTED)
    planted = forms_of(PLANTED).get(shape)
    if planted is None:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", PLANTED)
        planted = held.getvalue()

    def plant(unit, actor):  # type: ignore[no-untyped-def]
        from sqlmodel import select

        from gateway.disclosure.models import Request

        request = unit.session.exec(select(Request)).first()
        row = {
            "partnership_id": actor.partnership_id,
            "request_id": request.id,
            "from_post_id": actor.post_id,
        }
        unit.session.add(Message(**row, words=planted))

    quick_stage.by("police-ppu", plant)
    assert where_found(quick_stage.gateway.store, PLANTED) != []


def test_nothing_is_left_in_temporary_files(told: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Cleaning and sealing pass through memory; the test's whole temporary folder is searched."""
    root = tmp_path_factory.getbasetemp()
    held = [path for path in root.rglob("*") if path.is_file() and found_in(path.read_bytes(), SENTINEL)]
    assert held == []
